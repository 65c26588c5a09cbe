"""The rows about requests for runs, their claims, and the trigger offset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import apsw

from dagflow.ids import FlowDigest, RunId
from dagflow.store.service_rows import ENDED, RUNNING, Looked, RequestRow
from dagflow.store.sqlite import listeners
from dagflow.store.sqlite.checksums import checksum
from dagflow.store.sqlite.connection import Value, execute

COLUMNS: Final = "tenant, flow, id, digest, at, not_before, stage, since, keys, priority, run, reason, kind, name, event, hops, input, checksum"
_SET: Final = f"INSERT OR REPLACE INTO request ({COLUMNS}) VALUES ({', '.join('?' * 18)})"  # noqa: S608 - all are constants
_END: Final = "UPDATE request SET stage = 'ended' WHERE run = ? AND stage = 'running'"
SELECT_ONE: Final = f"SELECT {COLUMNS} FROM request WHERE tenant = ? AND flow = ? AND id = ?"  # noqa: S608
# An empty array of stages means all of them.
SELECT_OF_FLOW: Final = f"""
    SELECT {COLUMNS} FROM request
    WHERE tenant = ?1 AND flow = ?2 AND (at, id) < (?3, ?4) AND (?5 = '[]' OR stage IN (SELECT value FROM json_each(?5)))
    ORDER BY at DESC, id DESC LIMIT ?6"""  # noqa: S608
SELECT_UNSETTLED: Final = f"""
    SELECT {COLUMNS} FROM request
    WHERE stage IN ('delayed', 'debounced', 'waiting', 'running') ORDER BY at, id, tenant, flow"""  # noqa: S608
SELECT_BEGUN: Final = f"""
    SELECT {COLUMNS} FROM request WHERE tenant = ? AND flow = ? AND run != '' AND since > ? ORDER BY since, id"""  # noqa: S608
SELECT_AFTER: Final = f"SELECT {COLUMNS} FROM request WHERE event > ? AND event > 0 ORDER BY event, tenant, flow"  # noqa: S608
_ALL: Final = f"SELECT {COLUMNS} FROM request"  # noqa: S608

_CLAIM: Final = "INSERT OR REPLACE INTO claim (tenant, flow, key, until, checksum) VALUES (?, ?, ?, ?, ?)"
_ALL_CLAIMS: Final = "SELECT tenant, flow, key, until, checksum FROM claim"
SELECT_CLAIMS: Final = f"{_ALL_CLAIMS} WHERE tenant = ? AND flow = ? AND (until IS NULL OR until > ?) ORDER BY key"

_SET_LOOKED: Final = "INSERT OR REPLACE INTO looked (one, event, checksum) VALUES (1, ?, ?)"
SELECT_LOOKED: Final = "SELECT event, checksum FROM looked"

# Each by an index; a claim outlasts its request, since it may be for ever.
CLEAR_REQUESTS: Final = """
    DELETE FROM request WHERE rowid IN (
        SELECT rowid FROM request WHERE stage IN ('ended', 'dropped', 'superseded') AND max(at, since) < ?1 LIMIT ?2
    ) RETURNING 1"""
CLEAR_CLAIMS: Final = """
    DELETE FROM claim WHERE (tenant, flow, key) IN (
        SELECT tenant, flow, key FROM claim WHERE until IS NOT NULL AND until < ?1 LIMIT ?2
    ) RETURNING 1"""


def write(connection: apsw.Connection, requests: Sequence[RequestRow], looked: Looked | None) -> None:
    """Keep these; see `ServiceStore.note_requests`."""
    for row in requests:
        values = _values(row)
        execute(connection, _SET, (*values, _sum(values)))
        if row.claim is not None:
            claim = (row.tenant, row.flow, *row.claim)
            execute(connection, _CLAIM, (*claim, checksum(None, *claim)))
    if looked is not None:
        execute(connection, _SET_LOOKED, (looked.event, checksum(None, looked.event)))
        listeners.schedule(connection, looked.schedules)


def end(connection: apsw.Connection, run: RunId) -> None:
    """The run has ended, and so has its request, if it has one."""
    execute(connection, _END, (run,))


def read(row: tuple[Value, ...]) -> RequestRow | None:
    """Return a request; None if it is damaged."""
    *values, stored = row
    if stored != _sum(tuple(values)):
        return None
    tenant, flow, request_id, digest, at, not_before, stage, since, keys, *rest = values
    priority, run, reason, kind, name, event, hops, input_ = rest
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
        tenant=str(tenant),
    )


def read_claims(found: Sequence[tuple[Value, ...]]) -> list[tuple[str, int | None]]:
    """Return the claims, without damaged ones."""
    return [
        (str(key), until if isinstance(until, int) else None)
        for tenant, flow, key, until, stored in found
        if stored == checksum(None, tenant, flow, key, until)
    ]


def read_looked(found: Sequence[tuple[Value, ...]]) -> Looked | None:
    """Return the trigger offset; if it is damaged, the beginning, since rows have the outcome of each event."""
    if not found:
        return None
    event, stored = found[0]
    return Looked(event=_int(event) if stored == checksum(None, event) else 0)


def problems_of(read_rows: Callable[..., list[tuple[Value, ...]]]) -> list[str]:
    """Return the problems of these rows; `read_rows` runs a query."""
    found = [
        f"the request {row[2]!r} of flow {row[1]!r} is not what was written" for row in read_rows(_ALL) if read(row) is None
    ]
    found += [
        f"a claim of flow {flow!r} is not what was written"
        for tenant, flow, key, until, stored in read_rows(_ALL_CLAIMS)
        if stored != checksum(None, tenant, flow, key, until)
    ]
    return found


def _values(row: RequestRow) -> tuple[Value, ...]:
    return (
        row.tenant, row.flow, row.id, row.digest, row.at, row.not_before, str(row.stage), row.since, row.keys, row.priority,
        row.run, str(row.reason), row.kind, row.name, row.event, row.hops, row.input,
    )  # fmt: skip


def _sum(values: tuple[Value, ...]) -> int:
    """Of all but whether the run has ended, which another statement changes."""
    *rest, input_ = values
    rest[6] = RUNNING if rest[6] == ENDED else rest[6]
    rest[8] = _bytes(rest[8]).decode("utf-8", "replace")
    return checksum(_bytes(input_), *rest)


def _int(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _bytes(value: Value) -> bytes:
    return value if isinstance(value, bytes) else b""
