"""The rows about runs, their histories and events: queries, and the conversion of their values. Every read checks the checksum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, cast

import attrs

from dagflow.errors import StoreError, WriteRefused
from dagflow.ids import FlowDigest, RunId
from dagflow.model.status import RunStatus
from dagflow.store.api import Creation, Record, RunRow, SentEvent
from dagflow.store.rows import waits
from dagflow.store.rows.checksums import checksum, row_checksum
from dagflow.store.rows.packing import Bodies, Packet, packed, unpacked
from dagflow.store.rows.values import Row, Value

INSERT_FLOW: Final = "INSERT INTO flow (digest, body, checksum) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING"
#: The `seq` of the last row of each history: it has the length of the history in place of an instant. It lies beside the newest events,
#: so a commit that adds one changes one page; its checksum covers that of the run's row, so neither can be older than the other.
LENGTH_SEQ: Final = 1 << 62
_LENGTH: Final = "length"
SELECT_KEY: Final = "SELECT key FROM run WHERE id = ?"
SELECT_LENGTH: Final = (
    f"SELECT history.at FROM run JOIN history ON history.run = run.key AND seq = {LENGTH_SEQ} WHERE run.id = ?"  # noqa: S608
)
SELECT_HISTORY: Final = """
    SELECT run.checksum, seq, at, kind, node, attempt, payload, history.checksum
    FROM run LEFT JOIN history ON history.run = run.key WHERE run.id = ? ORDER BY seq"""
#: A longer history is read by itself.
MOST_QUICKLY: Final = 64
RUN_COLUMNS: Final = "id, tenant, flow, digest, created_at, parent, sealed, status, ended_at, due_at, checksum"
SELECT_RUN: Final = f"SELECT {RUN_COLUMNS} FROM run WHERE id = ?"  # noqa: S608 - both parts are constants
SELECT_RUNS: Final = f"SELECT {RUN_COLUMNS} FROM run WHERE parent = '' AND id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608
IS_UNFINISHED: Final = "ended_at IS NULL"
SELECT_UNFINISHED: Final = f"""
    SELECT {RUN_COLUMNS} FROM run WHERE parent = '' AND {IS_UNFINISHED} AND id < ? ORDER BY id DESC LIMIT ?"""  # noqa: S608
SELECT_OF_TENANT: Final = f"""
    SELECT {RUN_COLUMNS} FROM run WHERE tenant = ? AND parent = '' AND id < ? ORDER BY id DESC LIMIT ?"""  # noqa: S608
SELECT_UNFINISHED_OF_TENANT: Final = f"""
    SELECT {RUN_COLUMNS} FROM run
    WHERE tenant = ? AND parent = '' AND {IS_UNFINISHED} AND id < ? ORDER BY id DESC LIMIT ?"""  # noqa: S608
SELECT_AWAKE: Final = f"""
    SELECT {RUN_COLUMNS} FROM run
    WHERE parent = '' AND status IN ('queued', 'running') AND id < ? ORDER BY id DESC LIMIT ?"""  # noqa: S608
SELECT_SLEEPING: Final = f"""
    SELECT {RUN_COLUMNS} FROM run
    WHERE parent = '' AND status = 'sleeping' AND (due_at, id) > (?, ?) ORDER BY due_at, id LIMIT ?"""  # noqa: S608
COUNT_SLEEPING: Final = "SELECT count(*) FROM run WHERE parent = '' AND status = 'sleeping'"
# CROSS, so that SQLite looks up runs by subscriptions, and never the other way round.
_WAITERS: Final = "SELECT {} FROM ({}) AS found CROSS JOIN run ON run.key = found.run ORDER BY found.run"
OF_RUN: Final = ", ".join(f"run.{column}" for column in RUN_COLUMNS.split(", "))
SELECT_WAITING_EXACTLY: Final = _WAITERS.format(OF_RUN, waits.EXACTLY)
SELECT_WAITING_ANYHOW: Final = _WAITERS.format(OF_RUN, waits.ANYHOW)
SELECT_PARTS: Final = f"""
    SELECT {RUN_COLUMNS} FROM run
    WHERE parent != '' AND parent = ?1 AND (?2 = '' OR key < (SELECT key FROM run WHERE id = ?2)) AND (NOT ?3 OR {IS_UNFINISHED})
    ORDER BY key DESC LIMIT ?4"""  # noqa: S608
EVENT_COLUMNS: Final = "number, tenant, id, name, at, payload, run, hops, checksum"
SELECT_EVENTS: Final = f"SELECT {EVENT_COLUMNS} FROM event WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608
SELECT_NAMED_EVENTS: Final = f"""
    SELECT {EVENT_COLUMNS} FROM event WHERE tenant = ? AND name = ? AND number > ? ORDER BY number LIMIT ?"""  # noqa: S608
SELECT_LAST_EVENT: Final = "SELECT max(number) FROM event"
SELECT_EVENT_ID: Final = "SELECT 1 FROM event WHERE tenant = ? AND id = ?"
SELECT_FLOW: Final = "SELECT body, checksum FROM flow WHERE digest = ?"
#: Above every id, which are hexadecimal digits.
AFTER_ALL: Final = "~"


#: Of a run its id and the checksum of its row, then a row of its events, and the checksum.
_FactRow: TypeAlias = tuple[RunId, Value, int, int, str, str, int, "bytes | None", int]
#: What changes about a run, beside its history: status, end, due.
Changing: TypeAlias = tuple[str, "int | None", "int | None"]


def creation_values(creation: Creation) -> Row:
    """The values of `RUN_COLUMNS` for a run that begins."""
    row = creation.row
    fixed = (row.id, row.tenant, row.flow, row.digest, row.created_at, row.parent, row_checksum(row))
    return (*fixed, *changing_values(row.id, (str(row.status), row.ended_at, row.due_at)))


def changing_values(run: str, changing: Changing) -> tuple[str, int | None, int | None, int]:
    """Of the row of a run: status, end, due, and the checksum of these."""
    return (*changing, checksum(None, run, *changing))


def length_values(run: str, length: int, row_sum: Value) -> tuple[*Packet, int]:
    """The last row of the history of a run, from seq to checksum; `row_sum` is the checksum of the run's row."""
    return (LENGTH_SEQ, length, _LENGTH, "", 0, None, length_sum(run, length, row_sum))


def length_sum(run: str, length: Value, row_sum: Value) -> int:
    """The checksum of the last row of a history."""
    return checksum(None, run, LENGTH_SEQ, length, row_sum)


def record_values(run: str, first: int, records: Sequence[Record]) -> tuple[list[tuple[*Packet, int]], Bodies]:
    """The rows of history events of a run, from seq to checksum, and the large payloads that they name."""
    found = packed(first, records)
    rows = [(*row, checksum(row[5], run, *row[:5])) for row in found.rows]
    return rows, found.bodies


def event_values(event: SentEvent) -> Row:
    """The values of `EVENT_COLUMNS`."""
    head, tail = (event.number, event.tenant, event.id, event.name, event.at), (event.run, event.hops)
    return (*head, event.payload, *tail, checksum(event.payload, *head, *tail))


def taken(run: str) -> StoreError:
    """What to raise where the id of a new run is in use."""
    return StoreError(f"run {run} is there already; every run needs an id of its own")


def misplaced(run: str, first: int, length: Value) -> WriteRefused:
    """What to raise where events build on another length than the history has; None: there is no such run."""
    if length is None:
        return WriteRefused(f"there is no run {run} to add events to")
    return WriteRefused(f"run {run} has {length!r} events, not {first}; read its history again")


def read_history(place: str, run: RunId, found: Sequence[Row], body_of: Callable[[bytes], bytes]) -> list[Record]:
    """Return the history of a run; empty if there is no such run. Raises StoreError if it is damaged.

    `body_of` finds a payload by its hash. Raises ValueError if it is missing or damaged.
    """
    records: list[Record] = []
    if not found:
        return records
    *rows, (row_sum, seq, length, *_, length_stored) = found
    for _, *row, stored in rows:
        try:
            records += _facts_in(run, len(records), cast("Packet", tuple(row)), stored, body_of)
        except (ValueError, TypeError):
            raise damaged(place, f"event {len(records)} of run {run} is not what was written") from None
    if seq != LENGTH_SEQ or length_stored != length_sum(run, length, row_sum):
        raise damaged(place, f"the length of the history of run {run} is not what was written")
    if length != len(records):
        raise damaged(place, f"run {run} has {len(records)} events and should have {length!r}")
    return records


def read_histories(found: Sequence[Row]) -> dict[RunId, list[Record]]:
    """Return the histories of several runs, without runs that have a damaged row."""
    histories: dict[RunId, list[Record]] = {}
    lengths: dict[RunId, int] = {}
    bad: set[RunId] = set()
    for row in cast("Sequence[_FactRow]", found):
        run = row[0]
        records = histories.setdefault(run, [])
        if row[2] == LENGTH_SEQ:
            if row[8] == length_sum(run, row[3], row[1]):
                lengths[run] = row[3]
            continue
        try:
            records += _facts_in(run, len(records), row[2:8], row[8], _not_quickly)
        except (ValueError, TypeError):
            bad.add(run)
    return {run: records for run, records in histories.items() if run not in bad and len(records) == lengths.get(run)}


def _not_quickly(_name: bytes) -> bytes:
    raise ValueError("it is read by itself")


def _facts_in(run: RunId, position: int, row: Packet, stored: Value, body_of: Callable[[bytes], bytes]) -> list[Record]:
    """Raises ValueError or TypeError: it is damaged."""
    seq, at, kind, node, attempt, payload = row
    # The types are right, or the checksum would differ.
    if seq != position or stored != checksum(payload, run, seq, at, kind, node, attempt):
        raise ValueError("the checksum is another")
    return unpacked(row, body_of)


def read_event(row: Row) -> SentEvent | None:
    """Return an event; None if it is damaged."""
    number, tenant, event_id, name, at, payload, run, hops, stored = row
    if not isinstance(payload, bytes) or stored != checksum(payload, number, tenant, event_id, name, at, run, hops):
        return None
    return SentEvent(
        number=int(str(number)),
        id=str(event_id),
        name=str(name),
        at=int(str(at)),
        payload=payload,
        run=str(run),
        hops=int(str(hops)),
        tenant=str(tenant),
    )


def read_row(values: Row) -> RunRow:
    """Return the row of a run. If it is damaged, `problem` says so, and the other fields are unchecked."""
    run, tenant, flow, digest, created_at, parent, sealed, status, ended_at, due_at, stored = values
    is_known = status in RunStatus.__members__.values()
    row = RunRow(
        id=RunId(str(run)),
        flow=str(flow),
        digest=FlowDigest(str(digest)),
        status=RunStatus(str(status)) if is_known else RunStatus.RUNNING,
        created_at=int(str(created_at)),
        ended_at=ended_at if isinstance(ended_at, int) else None,
        due_at=due_at if isinstance(due_at, int) else None,
        parent=str(parent),
        tenant=str(tenant),
    )
    if is_known and sealed == row_checksum(row) and stored == checksum(None, run, status, ended_at, due_at):
        return row
    return attrs.evolve(row, problem="its row in the store is damaged; `dagflow store salvage` sets it aside")


def read_flow(place: str, digest: FlowDigest, found: Sequence[Row]) -> bytes | None:
    """Return an encoded flow, None if there is none. Raises StoreError if it is damaged."""
    if not found:
        return None
    body, stored = found[0]
    if not isinstance(body, bytes) or stored != checksum(body, digest):
        raise damaged(place, f"the flow {digest} is not what was written")
    return body


def damaged(place: str, what: str) -> StoreError:
    """What to raise for damage."""
    return StoreError(f"{place} is damaged: {what}; restore a backup")
