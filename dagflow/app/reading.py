"""Runs as a store has them, put together again to be looked at."""

from __future__ import annotations

import re
from typing import Final

from dagflow.app.programs import Programs
from dagflow.drivers.children import Spawn
from dagflow.drivers.progress import Progress
from dagflow.errors import StoreError, UsageError
from dagflow.ids import RunId
from dagflow.store.api import Store

#: The last part of the id of a run that is part of another one; see `ids.RunId`.
_PART: Final = re.compile(r"/([A-Za-z0-9_.]+)(?:\[([0-9]+)\]|#([0-9]+))$")


def restored(store: Store, programs: Programs, run_id: RunId) -> Progress:
    """A run as it stands in the store, with all it is a part of.

    Raises:
        UsageError: there is no such run.
        StoreError: what the store has of it is damaged.
    """
    row = store.run(run_id)
    if row is None:
        raise UsageError(f"there is no run {run_id}; `runs()` and `dagflow runs` list those there are")
    if row.parent:
        progress = part_of(restored(store, programs, RunId(row.parent)), run_id)
    else:
        progress = Progress(programs.load(store, row.digest).program, run_id)
    progress.restore(store.history(run_id))
    return progress


def part_of(parent: Progress, run_id: RunId) -> Progress:
    """The part of a run with that id, not restored yet. Raises StoreError: it cannot be a part of it."""
    match = _PART.search(run_id)
    node = -1 if match is None else parent.program.plan.numbers.get(match[1], -1)
    if match is None or node < 0:
        raise StoreError(f"run {run_id} is not a part of run {parent.run}, as the store has it; restore a backup")
    return parent.children.make(Spawn(node, int(match[2] or match[3]), run_id))
