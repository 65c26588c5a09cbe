"""The rows about requests for runs, their claims, and the trigger offset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dagflow.ids import FlowDigest, RunId
from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.values import Read, Row, Value
from dagflow.store.service_rows import ENDED, RUNNING, Looked, RequestRow

COLUMNS: Final = "tenant, flow, id, digest, at, not_before, stage, since, keys, priority, accepted_at, run, reason, kind, name, event, hops, input, checksum"
SELECT_ONE: Final = f"SELECT {COLUMNS} FROM request WHERE tenant = ? AND flow = ? AND id = ?"  # noqa: S608
# The stages are joined by commas, with one before and behind them; a text without any means all of them.
SELECT_OF_FLOW: Final = f"""
    SELECT {COLUMNS} FROM request
    WHERE tenant = ?1 AND flow = ?2 AND (at, event, id) < (?3, ?4, ?5) AND (?6 = '' OR ?6 LIKE '%,' || stage || ',%')
    ORDER BY at DESC, event DESC, id DESC LIMIT ?7"""  # noqa: S608
SELECT_UNSETTLED: Final = f"""
    SELECT {COLUMNS} FROM request
    WHERE (stage = 'delayed' OR stage = 'debounced' OR stage = 'waiting' OR stage = 'running') ORDER BY at, event, id, tenant, flow"""  # noqa: S608
SELECT_BEGUN: Final = f"""
    SELECT {COLUMNS} FROM request WHERE tenant = ? AND flow = ? AND run != '' AND since > ? ORDER BY since, id"""  # noqa: S608
SELECT_ACCEPTED: Final = f"""
    SELECT {COLUMNS} FROM request WHERE tenant = ? AND flow = ? AND accepted_at > 0 AND accepted_at > ? ORDER BY accepted_at, id"""  # noqa: S608
SELECT_AFTER: Final = f"SELECT {COLUMNS} FROM request WHERE event > ? AND event > 0 ORDER BY event, tenant, flow"  # noqa: S608
_ALL: Final = f"SELECT {COLUMNS} FROM request"  # noqa: S608

_ALL_CLAIMS: Final = "SELECT tenant, flow, key, until, checksum FROM claim"
SELECT_CLAIMS: Final = f"{_ALL_CLAIMS} WHERE tenant = ? AND flow = ? AND (until IS NULL OR until > ?) ORDER BY key"

SELECT_LOOKED: Final = "SELECT event, checksum FROM looked"

# Each by an index; a claim outlasts its request, since it may be for ever.
CLEAR_REQUESTS: Final = """
    DELETE FROM request WHERE (tenant, flow, id) IN (
        SELECT tenant, flow, id FROM request WHERE (stage = 'ended' OR stage = 'dropped' OR stage = 'superseded') AND max(at, since, accepted_at) < ?1 LIMIT ?2
    ) RETURNING 1"""
CLEAR_CLAIMS: Final = """
    DELETE FROM claim WHERE (tenant, flow, key) IN (
        SELECT tenant, flow, key FROM claim WHERE until IS NOT NULL AND until < ?1 LIMIT ?2
    ) RETURNING 1"""


def values_of(row: RequestRow) -> Row:
    """The values of `COLUMNS`."""
    values = _values(row)
    return (*values, _sum(values))


def claim_of(row: RequestRow) -> Row | None:
    """The claim of a request: tenant, flow, key, until when, checksum; None if it has none."""
    if row.claim is None:
        return None
    claim = (row.tenant, row.flow, *row.claim)
    return (*claim, checksum(None, *claim))


def looked_values(looked: Looked) -> tuple[int, int]:
    """The trigger offset, and its checksum."""
    return looked.event, checksum(None, looked.event)


def read(row: Row) -> RequestRow | None:
    """Return a request; None if it is damaged."""
    *values, stored = row
    if stored != _sum(tuple(values)):
        return None
    tenant, flow, request_id, digest, at, not_before, stage, since, keys, *rest = values
    priority, accepted_at, run, reason, kind, name, event, hops, input_ = rest
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
        accepted_at=_int(accepted_at),
        run=RunId(str(run)),
        reason=str(reason),
        kind=str(kind),
        name=str(name),
        event=_int(event),
        hops=_int(hops),
        input=_bytes(input_),
        tenant=str(tenant),
    )


def read_claims(found: Sequence[Row]) -> list[tuple[str, int | None]]:
    """Return the claims, without damaged ones."""
    return [
        (str(key), until if isinstance(until, int) else None)
        for tenant, flow, key, until, stored in found
        if stored == checksum(None, tenant, flow, key, until)
    ]


def read_looked(found: Sequence[Row]) -> Looked | None:
    """Return the trigger offset; if it is damaged, the beginning, since rows have the outcome of each event."""
    if not found:
        return None
    event, stored = found[0]
    return Looked(event=_int(event) if stored == checksum(None, event) else 0)


def problems_of(read_rows: Read) -> list[str]:
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


def _values(row: RequestRow) -> Row:
    return (
        row.tenant, row.flow, row.id, row.digest, row.at, row.not_before, str(row.stage), row.since, row.keys, row.priority,
        row.accepted_at, row.run, str(row.reason), row.kind, row.name, row.event, row.hops, row.input,
    )  # fmt: skip


def _sum(values: Row) -> int:
    """Of all but whether the run has ended, which another statement changes."""
    *rest, input_ = values
    rest[6] = RUNNING if rest[6] == ENDED else rest[6]
    rest[8] = _bytes(rest[8]).decode("utf-8", "replace")
    return checksum(_bytes(input_), *rest)


def _int(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _bytes(value: Value) -> bytes:
    return value if isinstance(value, bytes) else b""
