"""The rows about requests for runs, their claims, and the trigger offset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import apsw

from dagflow.ids import FlowDigest, RunId
from dagflow.store.service_rows import ENDED, RUNNING, Looked, RequestRow
from dagflow.store.sqlite.checksums import checksum
from dagflow.store.sqlite.connection import Value, execute

COLUMNS: Final = (
    "flow, id, digest, at, not_before, stage, since, keys, priority, run, reason, kind, name, event, hops, input, checksum"
)
_SET: Final = f"INSERT OR REPLACE INTO request ({COLUMNS}) VALUES ({', '.join('?' * 17)})"  # noqa: S608 - all are constants
_END: Final = "UPDATE request SET stage = 'ended' WHERE run = ? AND stage = 'running'"
SELECT_ONE: Final = f"SELECT {COLUMNS} FROM request WHERE flow = ? AND id = ?"  # noqa: S608
# An empty array of stages means all of them.
SELECT_OF_FLOW: Final = f"""
    SELECT {COLUMNS} FROM request
    WHERE flow = ?1 AND (at, id) < (?2, ?3) AND (?4 = '[]' OR stage IN (SELECT value FROM json_each(?4)))
    ORDER BY at DESC, id DESC LIMIT ?5"""  # noqa: S608
SELECT_UNSETTLED: Final = f"""
    SELECT {COLUMNS} FROM request WHERE stage IN ('delayed', 'debounced', 'waiting', 'running') ORDER BY at, id"""  # noqa: S608
SELECT_BEGUN: Final = f"SELECT {COLUMNS} FROM request WHERE flow = ? AND run != '' AND since > ? ORDER BY since, id"  # noqa: S608
SELECT_AFTER: Final = f"SELECT {COLUMNS} FROM request WHERE event > ? AND event > 0 ORDER BY event, flow"  # noqa: S608
_ALL: Final = f"SELECT {COLUMNS} FROM request"  # noqa: S608

_CLAIM: Final = "INSERT OR REPLACE INTO claim (flow, key, until, checksum) VALUES (?, ?, ?, ?)"
SELECT_CLAIMS: Final = "SELECT flow, key, until, checksum FROM claim WHERE until IS NULL OR until > ? ORDER BY flow, key"
_ALL_CLAIMS: Final = "SELECT flow, key, until, checksum FROM claim"

_SET_LOOKED: Final = "INSERT OR REPLACE INTO looked (one, event, at, checksum) VALUES (1, ?, ?, ?)"
SELECT_LOOKED: Final = "SELECT event, at, checksum FROM looked"

# Each by an index; a claim outlasts its request, since it may be for ever.
CLEAR_REQUESTS: Final = """
    DELETE FROM request WHERE rowid IN (
        SELECT rowid FROM request WHERE stage IN ('ended', 'dropped', 'superseded') AND max(at, since) < ?1 LIMIT ?2
    ) RETURNING 1"""
CLEAR_CLAIMS: Final = """
    DELETE FROM claim WHERE (flow, key) IN (SELECT flow, key FROM claim WHERE until IS NOT NULL AND until < ?1 LIMIT ?2) RETURNING 1"""


def write(connection: apsw.Connection, requests: Sequence[RequestRow], looked: Looked | None) -> None:
    """Keep these; see `ServiceStore.note_requests`."""
    for row in requests:
        values = _values(row)
        execute(connection, _SET, (*values, _sum(values)))
        if row.claim is not None:
            claim = (row.flow, *row.claim)
            execute(connection, _CLAIM, (*claim, checksum(None, *claim)))
    if looked is not None:
        execute(connection, _SET_LOOKED, (looked.event, looked.at, checksum(None, looked.event, looked.at)))


def end(connection: apsw.Connection, run: RunId) -> None:
    """The run has ended, and so has its request, if it has one."""
    execute(connection, _END, (run,))


def read(row: tuple[Value, ...]) -> RequestRow | None:
    """Return a request; None if it is damaged."""
    *values, stored = row
    if stored != _sum(tuple(values)):
        return None
    flow, request_id, digest, at, not_before, stage, since, keys, priority, run, reason, kind, name, event, hops, input_ = (
        values
    )
    return RequestRow(
        flow=str(flow),
        id=str(request_id),
        digest=FlowDigest(str(digest)),
        at=_int(at),
        not_before=_int(not_before),
        stage=str(stage),
        since=_int(since),
        keys=_bytes(keys),
        priority=_int(priority),
        run=RunId(str(run)),
        reason=str(reason),
        kind=str(kind),
        name=str(name),
        event=_int(event),
        hops=_int(hops),
        input=_bytes(input_),
    )


def read_claims(found: Sequence[tuple[Value, ...]]) -> list[tuple[str, str, int | None]]:
    """Return the claims, without damaged ones."""
    return [
        (str(flow), str(key), until if isinstance(until, int) else None)
        for flow, key, until, stored in found
        if stored == checksum(None, flow, key, until)
    ]


def read_looked(found: Sequence[tuple[Value, ...]]) -> Looked | None:
    """Return the trigger offset; if it is damaged, the beginning, since rows have the outcome of each event."""
    if not found:
        return None
    event, at, stored = found[0]
    is_sound = stored == checksum(None, event, at)
    return Looked(event=_int(event) if is_sound else 0, at=_int(at) if is_sound else 0)


def problems_of(read_rows: Callable[..., list[tuple[Value, ...]]]) -> list[str]:
    """Return the problems of these rows; `read_rows` runs a query."""
    found = [
        f"the request {row[1]!r} of flow {row[0]!r} is not what was written" for row in read_rows(_ALL) if read(row) is None
    ]
    found += [
        f"a claim of flow {flow!r} is not what was written"
        for flow, key, until, stored in read_rows(_ALL_CLAIMS)
        if stored != checksum(None, flow, key, until)
    ]
    return found


def _values(row: RequestRow) -> tuple[Value, ...]:
    return (
        row.flow, row.id, row.digest, row.at, row.not_before, str(row.stage), row.since, row.keys, row.priority,
        row.run, str(row.reason), row.kind, row.name, row.event, row.hops, row.input,
    )  # fmt: skip


def _sum(values: tuple[Value, ...]) -> int:
    """Of all but whether the run has ended, which another statement changes."""
    *rest, input_ = values
    rest[5] = RUNNING if rest[5] == ENDED else rest[5]
    rest[7] = _bytes(rest[7]).decode("utf-8", "replace")
    return checksum(_bytes(input_), *rest)


def _int(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _bytes(value: Value) -> bytes:
    return value if isinstance(value, bytes) else b""
