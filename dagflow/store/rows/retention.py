"""Check the rows of a store, and remove old data, a little at a time.

A run is first renamed, so that no reader finds it, in one transaction with its child runs: their rows then have the
parent `~`, which no lookup asks for. Its events go in slices after that, and its row at the end. A crash in between leaves renamed rows, which the
next call finds; it never leaves half a history under a run's name.
"""

from __future__ import annotations

from typing import Final

from dagflow.store.rows import blobs, crash_ledger, listeners, published, requests, runs, start_ids, waits
from dagflow.store.rows.values import Execute, Read, Value, first_of

#: Rows that one slice touches; it takes a few milliseconds.
SLICE_ROWS: Final = 500
_REMOVED: Final = "~"

_OLD_RUN: Final = "SELECT id FROM run WHERE parent = '' AND ended_at IS NOT NULL AND ended_at < ? ORDER BY ended_at LIMIT 1"
# Two statements, since each is for an index; `0` is the sign behind `/`, which parts all the ids of child runs from those of others.
_OF_PARENT: Final = "id = ?1"
_OF_CHILDREN: Final = "id > ?1 || '/' AND id < ?1 || '0'"
_CLEAR_WAITS_OF: Final = "DELETE FROM wait WHERE run IN (SELECT key FROM run WHERE {})"
_FREE_NAMES_OF: Final = "DELETE FROM start WHERE run IN (SELECT key FROM run WHERE {})"
_HIDE: Final = "UPDATE run SET id = '~' || key, parent = '~' WHERE {}"
_ENDED_RUN: Final = "SELECT id FROM run WHERE id = ? AND parent = '' AND ended_at IS NOT NULL"
_REMOVED_RUN: Final = "SELECT key FROM run WHERE parent = '~' LIMIT 1"
_CLEAR_HISTORY: Final = """
    DELETE FROM history WHERE run = ?1 AND seq IN (SELECT seq FROM history WHERE run = ?1 ORDER BY seq LIMIT ?2) RETURNING 1"""
_CLEAR_WAITS: Final = "DELETE FROM wait WHERE run = ?"
_CLEAR_RUN: Final = "DELETE FROM run WHERE key = ?"
_FORGET_SUSPECT: Final = "DELETE FROM suspect WHERE run = ?"
_FORGET_BLOCKED: Final = "DELETE FROM blocked WHERE run = ?"
_OLDEST_UNFINISHED: Final = """
    SELECT min(created_at) FROM run WHERE parent = '' AND ended_at IS NULL"""
# The last one stays, so that numbers go on from it.
_CLEAR_EVENTS: Final = """
    DELETE FROM event WHERE number IN (
        SELECT number FROM event
        WHERE at < ?1 AND number < (SELECT max(number) FROM event) AND number <= coalesce((SELECT event FROM looked), number)
        ORDER BY number LIMIT ?2
    ) RETURNING 1"""
_CLEAR_FLOWS: Final = """
    DELETE FROM flow WHERE digest IN (
        SELECT digest FROM flow
        WHERE NOT EXISTS (SELECT 1 FROM run WHERE run.digest = flow.digest)
        AND NOT EXISTS (SELECT 1 FROM published WHERE published.digest = flow.digest)
        AND NOT EXISTS (SELECT 1 FROM request WHERE request.digest = flow.digest)
        LIMIT ?
    ) RETURNING 1"""

_FOREIGN: Final = "SELECT run.id FROM run LEFT JOIN flow USING (digest) WHERE flow.digest IS NULL LIMIT 5"
_ORPHANS: Final = """
    SELECT id FROM run WHERE parent NOT IN ('', '~') AND NOT EXISTS (SELECT 1 FROM run AS whole WHERE whole.id = run.parent)
    LIMIT 5"""
_STRAY: Final = "SELECT DISTINCT history.run FROM history LEFT JOIN run ON run.key = history.run WHERE run.key IS NULL LIMIT 5"


def prune_slice(execute: Execute, before: int) -> bool:
    """See `Store.prune`; inside of a transaction."""
    removed = first_of(execute(_REMOVED_RUN))
    if removed is not None:
        if blobs.remove_slice(execute, removed):
            return True
        if len(execute(_CLEAR_HISTORY, (removed, SLICE_ROWS))) < SLICE_ROWS:
            execute(_CLEAR_WAITS, (removed,))
            execute(_CLEAR_RUN, (removed,))
        return True
    old = first_of(execute(_OLD_RUN, (before,)))
    if old is not None:
        _hide(execute, old)
        return True
    for clear in (requests.CLEAR_REQUESTS, requests.CLEAR_CLAIMS):
        if execute(clear, (before, SLICE_ROWS)):
            return True
    oldest = first_of(execute(_OLDEST_UNFINISHED))
    limit = min(before, oldest) if isinstance(oldest, int) else before
    return bool(execute(_CLEAR_EVENTS, (limit, SLICE_ROWS)) or execute(_CLEAR_FLOWS, (SLICE_ROWS // 10,)))


def remove(execute: Execute, run: str) -> bool:
    """See `Store.remove`; inside of a transaction."""
    found = first_of(execute(_ENDED_RUN, (run,)))
    if found is not None:
        _hide(execute, found)
    return found is not None


def _hide(execute: Execute, run: Value) -> None:
    """Rename the run together with its child runs, so that readers find all of them, or none, also after a crash."""
    for which in (_OF_CHILDREN, _OF_PARENT):
        execute(_CLEAR_WAITS_OF.format(which), (run,))
        execute(_FREE_NAMES_OF.format(which), (run,))
        execute(_HIDE.format(which), (run,))
    execute(_FORGET_SUSPECT, (run,))
    execute(_FORGET_BLOCKED, (run,))


def problems_of(read: Read) -> list[str]:
    """See `Store.problems`; `read` runs a query."""
    problems = waits.problems_of(read)
    problems += blobs.problems_of(read)
    problems += crash_ledger.problems_of(read)
    problems += start_ids.problems_of(read)
    problems += requests.problems_of(read)
    problems += published.problems_of(read)
    problems += listeners.problems_of(read)
    problems += [f"the event number {number} is not what was written" for number in damaged_events(read)]
    problems += [f"run {row[0]!r} has a flow that is not there" for row in read(_FOREIGN)]
    problems += [f"run {row[0]!r} is part of a run that is not there" for row in read(_ORPHANS)]
    problems += [f"there are events of run number {row[0]!r}, which is not there" for row in read(_STRAY)]
    return problems


def damaged_events(read: Read) -> list[int]:
    """Return the numbers of the damaged events, which are never delivered."""
    damaged: list[int] = []
    after = 0
    while found := read(runs.SELECT_EVENTS, after, SLICE_ROWS):
        after = int(str(found[-1][0]))
        damaged += [int(str(row[0])) for row in found if runs.read_event(row) is None]
    return damaged
