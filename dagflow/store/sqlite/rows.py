"""The rows of the SQLite store: their SQL, and the conversion of their values. Every read checks the checksum."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias, cast

import apsw
import attrs

from dagflow.errors import StoreError, WriteRefused
from dagflow.ids import FlowDigest, RunId
from dagflow.model.status import RunStatus
from dagflow.store.api import Append, Creation, Record, RunRow, SentEvent
from dagflow.store.sqlite import blobs, requests, start_ids, waits
from dagflow.store.sqlite.batches import Row, packed, unpacked
from dagflow.store.sqlite.checksums import checksum, row_checksum
from dagflow.store.sqlite.connection import Value, execute, first_of

INSERT_FLOW: Final = "INSERT INTO flow (digest, body, checksum) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING"
INSERT_RUN: Final = """
    INSERT INTO run (id, tenant, flow, digest, created_at, parent, sealed, status, ended_at, due_at, length, checksum)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING key"""
UPDATE_RUN: Final = """
    UPDATE run SET status = ?, ended_at = ?, due_at = ?, length = ?, checksum = ? WHERE id = ? AND length = ? RETURNING key"""
# For a run whose row is known: by its key, and without a touch on the indexes where nothing in them changes.
CHANGE_RUN: Final = """
    UPDATE run SET status = ?, ended_at = ?, due_at = ?, length = ?, checksum = ? WHERE key = ? AND id = ? AND length = ?"""
GROW_RUN: Final = "UPDATE run SET length = ?, checksum = ? WHERE key = ? AND id = ? AND length = ?"
INSERT_RECORD: Final = """
    INSERT INTO history (run, seq, at, kind, node, attempt, payload, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
SELECT_LENGTH: Final = "SELECT length FROM run WHERE id = ?"
SELECT_HISTORY: Final = """
    SELECT run.length, seq, at, kind, node, attempt, payload, history.checksum
    FROM run LEFT JOIN history ON history.run = run.key WHERE run.id = ? ORDER BY seq"""
SELECT_HISTORIES: Final = """
    SELECT run.id, run.length, seq, at, kind, node, attempt, payload, history.checksum
    FROM json_each(?) AS asked CROSS JOIN run ON run.id = asked.value CROSS JOIN history ON history.run = run.key
    WHERE run.length <= ?"""
#: A longer history is read by itself.
MOST_QUICKLY: Final = 64
RUN_COLUMNS: Final = "id, tenant, flow, digest, created_at, parent, sealed, status, ended_at, due_at, length, checksum"
SELECT_RUN: Final = f"SELECT {RUN_COLUMNS} FROM run WHERE id = ?"  # noqa: S608 - both parts are constants
SELECT_RUNS: Final = f"SELECT {RUN_COLUMNS} FROM run WHERE parent = '' AND id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608
IS_UNFINISHED: Final = "status IN ('queued', 'running', 'sleeping')"
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
INSERT_EVENT: Final = f"INSERT INTO event ({EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - a constant
SELECT_EVENTS: Final = f"SELECT {EVENT_COLUMNS} FROM event WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608
SELECT_NAMED_EVENTS: Final = f"""
    SELECT {EVENT_COLUMNS} FROM event WHERE tenant = ? AND name = ? AND number > ? ORDER BY number LIMIT ?"""  # noqa: S608
_TEXTS: Final = "id|tenant|flow|digest|parent|status|name|run"
SELECT_LAST_EVENT: Final = "SELECT max(number) FROM event"
SELECT_EVENT_ID: Final = "SELECT 1 FROM event WHERE tenant = ? AND id = ?"
SELECT_FLOW: Final = "SELECT body, checksum FROM flow WHERE digest = ?"
#: Above every id, which are hexadecimal digits.
AFTER_ALL: Final = "~"


#: Of a run its id and how many facts it has, then a row of its facts, and the checksum.
_FactRow: TypeAlias = tuple[RunId, int, int, int, str, str, int, "bytes | None", int]


#: By its id, the key of a run that has not ended, and what its row says beside the length: status, end, due.
Known: TypeAlias = dict[RunId, tuple[Value, tuple[str, int | None, int | None]]]
_MOST_KNOWN: Final = 20_000


def insert_run(connection: apsw.Connection, creation: Creation, known: Known) -> None:
    """Begin a run; its flow must be there. Raises StoreError if its id is in use."""
    row = creation.row
    changing = (str(row.status), row.ended_at, row.due_at)
    fixed = (row.id, row.tenant, row.flow, row.digest, row.created_at, row.parent, row_checksum(row))
    length = len(creation.records)
    key = first_of(connection, INSERT_RUN, (*fixed, *changing, length, checksum(None, row.id, *changing, length)))
    if key is None:
        raise StoreError(f"run {row.id} is there already; every run needs an id of its own")
    _note(known, row.id, key, changing)
    insert_records(connection, key, row.id, 0, creation.records)
    insert_events(connection, creation.events)
    if creation.waits:
        waits.insert(connection, key, row.id, creation.waits)
    if creation.name is not None:
        start_ids.insert(connection, key, row, creation.name)
    if creation.request is not None:
        requests.write(connection, [creation.request], None)
        if row.ended_at is not None:
            requests.end(connection, row.id)


def insert_records(connection: apsw.Connection, key: Value, run: str, first: int, records: Sequence[Record]) -> None:
    """Add history events to the run with this key."""
    facts = packed(first, records)
    for name, body in facts.bodies.items():
        blobs.insert(connection, key, name, body)
    for seq, at, kind, node, attempt, payload in facts.rows:
        stored = checksum(payload, run, seq, at, kind, node, attempt)
        execute(connection, INSERT_RECORD, (key, seq, at, kind, node, attempt, payload, stored))


def insert_events(connection: apsw.Connection, events: Sequence[SentEvent]) -> None:
    """Keep events."""
    for event in events:
        head, tail = (event.number, event.tenant, event.id, event.name, event.at), (event.run, event.hops)
        execute(connection, INSERT_EVENT, (*head, event.payload, *tail, checksum(event.payload, *head, *tail)))


def _note(known: Known, run: RunId, key: Value, changing: tuple[str, int | None, int | None]) -> None:
    if changing[1] is not None:
        known.pop(run, None)
        return
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[run] = key, changing


def append(connection: apsw.Connection, added: Append, known: Known) -> None:
    """Add facts and events to a run, and change its row. Raises StoreError if its history has not the length they build on."""
    changing = (str(added.status), added.ended_at, added.due_at)
    key = _changed(connection, added, changing, known.get(added.run))
    if key is None:
        raise _misplaced(connection, added)
    _note(known, added.run, key, changing)
    insert_records(connection, key, added.run, added.first, added.records)
    insert_events(connection, added.events)
    if added.waits is not None:
        waits.replace(connection, key, added.run, added.waits)
    if added.ended_at is not None:
        requests.end(connection, added.run)


def _changed(
    connection: apsw.Connection,
    added: Append,
    changing: tuple[str, int | None, int | None],
    known: tuple[Value, tuple[str, int | None, int | None]] | None,
) -> Value:
    """Change the row of a run; return its key, or None if its history has another length."""
    length = added.first + len(added.records)
    grown = (length, checksum(None, added.run, *changing, length))
    if known is None:
        return first_of(connection, UPDATE_RUN, (*changing, *grown, added.run, added.first))
    key, before = known
    place = (key, added.run, added.first)
    if before == changing:
        execute(connection, GROW_RUN, (*grown, *place))
    else:
        execute(connection, CHANGE_RUN, (*changing, *grown, *place))
    return key if connection.changes() else None


def _misplaced(connection: apsw.Connection, added: Append) -> WriteRefused:
    length = first_of(connection, SELECT_LENGTH, (added.run,))
    if length is None:
        return WriteRefused(f"there is no run {added.run} to add facts to")
    return WriteRefused(f"run {added.run} has {length!r} facts, not {added.first}; read its history again")


def read_history(path: Path, run: RunId, found: Sequence[tuple[Value, ...]], body_of: Callable[[bytes], bytes]) -> list[Record]:
    """Return the history of a run; empty if there is no such run. Raises StoreError if it is damaged.

    `body_of` finds a payload by its hash. Raises ValueError if it is missing or damaged.
    """
    records: list[Record] = []
    for _, *row, stored in found:
        if row[0] is None:
            continue
        try:
            records += _facts_in(run, len(records), cast("Row", tuple(row)), stored, body_of)
        except (ValueError, TypeError):
            raise damaged(path, f"fact {len(records)} of run {run} is not what was written") from None
    if found and found[0][0] != len(records):
        raise damaged(path, f"run {run} has {len(records)} facts and should have {found[0][0]!r}")
    return records


def read_histories(found: Sequence[tuple[Value, ...]]) -> dict[RunId, list[Record]]:
    """Return the histories of several runs, without runs that have a damaged row."""
    histories: dict[RunId, list[Record]] = {}
    lengths: dict[RunId, int] = {}
    bad: set[RunId] = set()
    for row in cast("Sequence[_FactRow]", found):
        run, lengths[run] = row[0], row[1]
        records = histories.setdefault(run, [])
        try:
            records += _facts_in(run, len(records), row[2:8], row[8], _not_quickly)
        except (ValueError, TypeError):
            bad.add(run)
    return {run: records for run, records in histories.items() if run not in bad and len(records) == lengths[run]}


def _not_quickly(_name: bytes) -> bytes:
    raise ValueError("it is read by itself")


def _facts_in(run: RunId, position: int, row: Row, stored: Value, body_of: Callable[[bytes], bytes]) -> list[Record]:
    """Raises ValueError or TypeError: it is damaged."""
    seq, at, kind, node, attempt, payload = row
    # The types are right, or the checksum would differ.
    if seq != position or stored != checksum(payload, run, seq, at, kind, node, attempt):
        raise ValueError("the checksum is another")
    return unpacked(row, body_of)


def read_event(row: tuple[Value, ...]) -> SentEvent | None:
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


def read_row(values: tuple[Value, ...]) -> RunRow:
    """Return the row of a run. If it is damaged, `problem` says so, and the other fields are unchecked."""
    run, tenant, flow, digest, created_at, parent, sealed, status, ended_at, due_at, length, stored = values
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
    if is_known and sealed == row_checksum(row) and stored == checksum(None, run, status, ended_at, due_at, length):
        return row
    return attrs.evolve(row, problem="its row in the store is damaged; `dagflow store salvage` sets it aside")


class NotText(StoreError):  # noqa: N818 - names the problem
    """A text of a row is no UTF-8."""


def in_bytes(query: str) -> str:
    """The same query, with its texts as bytes: for rows of which one is no text."""
    for columns in (RUN_COLUMNS, OF_RUN, EVENT_COLUMNS):
        cast_columns = re.sub(rf"\b((?:run\.)?(?:{_TEXTS}))\b", r"CAST(\1 AS BLOB)", columns)
        query = query.replace(f"SELECT {columns} ", f"SELECT {cast_columns} ")
    return query


def as_texts(row: tuple[Value, ...], columns: str) -> tuple[Value, ...]:
    """A row that was read by such a query, with its texts as far as they are."""
    names = columns.split(", ")
    return tuple(
        value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) and name in _TEXTS.split("|") else value
        for value, name in zip(row, names, strict=True)
    )


def read_flow(path: Path, digest: FlowDigest, found: Sequence[tuple[Value, ...]]) -> bytes | None:
    """Return an encoded flow, None if there is none. Raises StoreError if it is damaged."""
    if not found:
        return None
    body, stored = found[0]
    if not isinstance(body, bytes) or stored != checksum(body, digest):
        raise damaged(path, f"the flow {digest} is not what was written")
    return body


def damaged(path: Path, what: str) -> StoreError:
    """What to raise for damage."""
    return StoreError(f"{path} is damaged: {what}; restore a backup")
