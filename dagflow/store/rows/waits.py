"""The rows about suspended runs: their subscriptions, and the delivery offset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dagflow.store.api import WaitRow
from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.values import Execute, Read, Row

_BEHIND: Final = "run > coalesce((SELECT run.key FROM run WHERE run.id = ?), 0)"
_OF_EVENT: Final = "tenant = ? AND event = ?"
#: The numbers of runs that wait for an event: with this path and key, and with any.
EXACTLY: Final = f"SELECT run FROM wait WHERE {_OF_EVENT} AND path = ? AND key = ? AND {_BEHIND} ORDER BY run LIMIT ?"  # noqa: S608
ANYHOW: Final = f"SELECT DISTINCT run FROM wait WHERE {_OF_EVENT} AND {_BEHIND} ORDER BY run LIMIT ?"  # noqa: S608
# From each tenant to the next one, likewise to each event and each path of it: there are few of them, and may be a million rows.
SELECT_AWAITED: Final = """
    WITH RECURSIVE
        owner (tenant) AS (
            SELECT min(tenant) FROM wait
            UNION ALL
            SELECT (SELECT min(tenant) FROM wait WHERE tenant > owner.tenant) FROM owner WHERE owner.tenant IS NOT NULL
        ),
        name (tenant, event) AS (
            SELECT tenant, (SELECT min(event) FROM wait WHERE wait.tenant = owner.tenant) FROM owner WHERE tenant IS NOT NULL
            UNION ALL
            SELECT tenant, (SELECT min(event) FROM wait WHERE wait.tenant = name.tenant AND wait.event > name.event)
            FROM name WHERE name.event IS NOT NULL
        ),
        pair (tenant, event, path) AS (
            SELECT tenant, event, (SELECT min(path) FROM wait WHERE wait.tenant = name.tenant AND wait.event = name.event)
            FROM name WHERE event IS NOT NULL
            UNION ALL
            SELECT tenant, event, (
                SELECT min(path) FROM wait
                WHERE wait.tenant = pair.tenant AND wait.event = pair.event AND wait.path > pair.path
            )
            FROM pair WHERE pair.path IS NOT NULL
        )
    SELECT tenant, event, path FROM pair WHERE path IS NOT NULL"""
SELECT_HANDED_OUT: Final = "SELECT number, checksum FROM handed"
_SET_HANDED_OUT: Final = """
    INSERT INTO handed (one, number, checksum) VALUES (1, ?, ?) ON CONFLICT (one)
    DO UPDATE SET number = excluded.number, checksum = excluded.checksum"""
#: In the place of damaged subscriptions: every event of its tenant wakes the run, once.
WAIT_FOR_ALL: Final = "INSERT INTO wait SELECT tenant, '', '', '', key, 0 FROM run WHERE parent = '' AND status = 'sleeping'"
_ALL: Final = (
    "SELECT wait.tenant, wait.event, wait.path, wait.key, run.id, wait.checksum FROM wait LEFT JOIN run ON run.key = wait.run"
)


def values_of(row: WaitRow, run: str) -> tuple[str, str, str, str, int]:
    """A subscription of the run with that id: its tenant, event, path and key, and the checksum."""
    values = (row.tenant, row.event, row.path, row.key)
    return (*values, checksum(None, *values, run))


def note_handed_out(execute: Execute, number: int) -> None:
    """Keep the number of the last event that was handed out."""
    execute(_SET_HANDED_OUT, (number, checksum(None, number)))


def read_handed_out(found: Sequence[Row]) -> int:
    """Return the delivery offset. A damaged one counts as unknown, which only costs time."""
    if not found or found[0][1] != checksum(None, found[0][0]):
        return 0
    return int(str(found[0][0]))


def problems_of(read: Read) -> list[str]:
    """Return the problems of these rows."""
    problems: list[str] = []
    for tenant, event, path, key, run, stored in read(_ALL):
        if run is None:
            problems.append(f"a run that is not there waits for {event!r}")
        elif stored != checksum(None, tenant, event, path, key, run) and event:
            problems.append(f"what run {run!r} waits for is not what was written")
    return problems[:20]
