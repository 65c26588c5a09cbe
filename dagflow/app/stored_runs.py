"""Runs as a store has them, loaded for inspection."""

from __future__ import annotations

import re
from typing import Final

from dagflow.app.program_cache import Programs
from dagflow.errors import NotFound, StoreError, UsageError, reading_run
from dagflow.execution.children import Spawn
from dagflow.execution.instance import RunInstance
from dagflow.execution.results import RunResult, result_of
from dagflow.ids import RunId
from dagflow.model.flow import Flow
from dagflow.store.api import RunRow, Store

#: The last part of the id of a run that is part of another one; see `ids.RunId`.
_PART: Final = re.compile(r"/([A-Za-z0-9_.]+)(?:\[([0-9]+)\]|#([0-9]+))$")


def restored(store: Store, programs: Programs, run_id: RunId) -> RunInstance:
    """A run as it stands in the store, with all it is a part of.

    Raises:
        UsageError: there is no such run.
        StoreError: the store's data of it is damaged.
        RunBlocked: it cannot be loaded for another reason.
    """
    row = store.run(run_id)
    if row is None:
        raise NotFound(f"no run {run_id}; `runs()` and `dagflow runs` list the runs")
    if row.problem:
        raise StoreError(f"run {run_id} is damaged: {row.problem}")
    with reading_run(run_id):
        return _restored(store, programs, row)


def read_result(store: Store, programs: Programs, run_id: RunId) -> tuple[Flow, RunResult]:
    """How a run stands in the store, with the flow it began with. Raises as `restored`."""
    progress = restored(store, programs, run_id)
    with reading_run(run_id):
        return progress.program.flow, result_of(progress)


def read_start(store: Store, programs: Programs, run_id: RunId) -> tuple[RunRow, RunInstance]:
    """The row of a run, and the run with the flow and the input that it began with.

    Raises:
        UsageError: there is no such run, or it is the child of another.
        StoreError, RunBlocked: as `restored`.
    """
    progress = restored(store, programs, run_id)
    row = store.run(run_id)
    if row is None:
        raise UsageError(f"run {run_id} was removed; start another one")
    if row.parent:
        raise UsageError(f"run {run_id} is a child run; rerun {row.parent.partition('/')[0]}")
    return row, progress


def _restored(store: Store, programs: Programs, row: RunRow) -> RunInstance:
    if row.parent:
        progress = part_of(restored(store, programs, RunId(row.parent)), row.id)
    else:
        progress = RunInstance(programs.load(store, row.digest).program, row.id, tenant=row.tenant)
    progress.restore(store.history(row.id))
    return progress


def part_of(parent: RunInstance, run_id: RunId) -> RunInstance:
    """The part of a run with that id, not restored yet. Raises StoreError: it cannot be a part of it."""
    match = _PART.search(run_id)
    node = -1 if match is None else parent.program.plan.numbers.get(match[1], -1)
    if match is None or node < 0:
        raise StoreError(f"run {run_id} is not a part of run {parent.run}, as the store has it; restore a backup")
    return parent.children.make(Spawn(node, int(match[2] or match[3]), run_id))
