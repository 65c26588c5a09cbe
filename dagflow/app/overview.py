"""The state of a whole store in numbers: runs by flow and status, the newest runs, and the process that drives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from dagflow.app.archive import Archive
from dagflow.model.status import RunStatus
from dagflow.store.api import RunRow

#: Runs that are counted, at most: the newest that have not ended, and the newest of all.
MOST_UNFINISHED: Final = 5_000
MOST_RECENT: Final = 1_000
_FAILED: Final = frozenset({RunStatus.FAILED, RunStatus.FAILED_DIRTY})


@attrs.frozen(kw_only=True)
class FlowLoad:
    """The runs of a flow.

    Attributes:
        running, sleeping, blocked: runs that have not ended; a blocked run counts as that alone.
        ended, failed: of the recent runs, those that have ended, and of these the failed ones.
        oldest_at: when the oldest run that is running began, nanoseconds since 1970 UTC; None if none is.
        due_at: when the next suspended run is due; None if none waits for a time.
    """

    flow: str
    running: int = 0
    sleeping: int = 0
    blocked: int = 0
    ended: int = 0
    failed: int = 0
    oldest_at: int | None = None
    due_at: int | None = None


@attrs.frozen(kw_only=True)
class Overview:
    """The state of a store.

    Attributes:
        at: when it was read, nanoseconds since 1970 UTC.
        process: the id of the process that drives the runs; None if there is none.
        flows: busiest first. recent: the newest runs, newest first.
        is_whole: whether all runs that have not ended were counted.
    """

    at: int
    process: int | None
    flows: Sequence[FlowLoad]
    recent: Sequence[RunRow]
    is_whole: bool


def overview_of(archive: Archive, *, process: int | None, now: int, n_recent: int, tenant: str | None = None) -> Overview:
    """Read the state of a store. Raises StoreError."""
    unfinished = archive.runs(unfinished=True, limit=MOST_UNFINISHED, tenant=tenant)
    recent = archive.runs(limit=max(MOST_RECENT, n_recent), tenant=tenant)
    loads: dict[str, FlowLoad] = {}
    for row in unfinished:
        loads[row.flow] = _with_unfinished(loads.get(row.flow) or FlowLoad(flow=row.flow), row)
    for row in recent:
        if row.ended_at is not None:
            load = loads.get(row.flow) or FlowLoad(flow=row.flow)
            loads[row.flow] = attrs.evolve(load, ended=load.ended + 1, failed=load.failed + (row.status in _FAILED))
    return Overview(
        at=now,
        process=process,
        flows=sorted(loads.values(), key=lambda load: (-load.blocked, -load.running, -load.sleeping, -load.failed, load.flow)),
        recent=recent[:n_recent],
        is_whole=len(unfinished) < MOST_UNFINISHED,
    )


def _with_unfinished(load: FlowLoad, row: RunRow) -> FlowLoad:
    if row.blocked or row.problem:
        return attrs.evolve(load, blocked=load.blocked + 1)
    if row.status is RunStatus.SLEEPING:
        dues = [due for due in (load.due_at, row.due_at) if due is not None]
        return attrs.evolve(load, sleeping=load.sleeping + 1, due_at=min(dues, default=None))
    oldest = row.created_at if load.oldest_at is None else min(load.oldest_at, row.created_at)
    return attrs.evolve(load, running=load.running + 1, oldest_at=oldest)
