"""Look at the runs of a store without driving them; another process may be driving them meanwhile."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import attrs

from dagflow.app.blocked_runs import with_reasons
from dagflow.app.program_cache import Programs
from dagflow.app.recovery import is_quarantined
from dagflow.app.stored_runs import read_result, restored
from dagflow.app.why import Reason, reason_for
from dagflow.errors import StoreError, UsageError
from dagflow.execution.results import RunResult
from dagflow.ids import RunId
from dagflow.lang.lowering.former_names import InProgress
from dagflow.model.flow import Flow
from dagflow.store.api import Blocked, Record, RunRow, Store
from dagflow.store.open import open_reading

#: More runs than a store of one process has in progress.
_ALL: Final = 1_000_000


@attrs.define(eq=False)
class Archive:
    """The runs of a store, for reading."""

    _store: Store
    _programs: Programs = attrs.field(factory=Programs)

    @classmethod
    @contextmanager
    def open(cls, path: str | os.PathLike[str]) -> Generator[Archive]:
        """Open the store at `path` for reading. Raises StoreError: it is not there, or cannot be read."""
        store = open_reading(path)
        try:
            yield cls(store)
        finally:
            store.close()

    def runs(
        self,
        *,
        unfinished: bool = False,
        limit: int = 100,
        before: RunId | None = None,
        parent: str = "",
        tenant: str | None = None,
    ) -> list[RunRow]:
        """Return the rows of runs, newest first, older than `before`: the child runs of `parent`, or runs without a parent.

        With `tenant` they are those of one tenant.
        """
        found = self._store.runs(unfinished=unfinished, limit=limit, before=before, parent=parent, tenant=tenant)
        return with_reasons(self._store, found)

    def row(self, run_id: RunId) -> RunRow | None:
        """Return the row of a run; None if there is none."""
        return self._store.run(run_id)

    def history(self, run_id: RunId) -> list[Record]:
        """Return the events of a run's history, in order."""
        return self._store.history(run_id)

    def blocked(self, run_id: RunId) -> Blocked | None:
        """Return why the run is blocked; None if it is not. Raises StoreError."""
        return next((each for each in self._store.blocked() if each.run == run_id), None)

    def in_progress(self) -> list[InProgress]:
        """The flows of the runs that are not over, as those runs began with them, and how many of each there are.

        Damaged flows are omitted: their runs are blocked. Raises StoreError: the store cannot be read.
        """
        counts = Counter(row.digest for row in self._store.runs(unfinished=True, limit=_ALL) if not row.problem)
        known: list[InProgress] = []
        for digest, count in counts.items():
            try:
                flow = self._programs.load(self._store, digest).program.flow
            except StoreError:
                continue
            known += [InProgress(each, count) for each in (flow, *(callee.flow for callee in flow.callees))]
        return known

    def quarantined(self) -> frozenset[RunId]:
        """Return the quarantined runs, which seem to crash the process. Raises StoreError."""
        return frozenset(suspect.run for suspect in self._store.suspects() if is_quarantined(suspect))

    def find(self, prefix: str) -> RunId:
        """The id of the one run whose id begins so, `last` being the newest.

        Raises:
            UsageError: there is none, or several.
        """
        if prefix == "last":
            newest = self._store.runs(limit=1)
            if not newest:
                raise UsageError("there are no runs in this store yet")
            return newest[0].id
        if self._store.run(RunId(prefix)) is not None:
            return RunId(prefix)
        found: list[RunId] = []
        before: RunId | None = None
        while rows := self._store.runs(limit=500, before=before):
            found += [row.id for row in rows if row.id.startswith(prefix)]
            before = rows[-1].id
        if len(found) != 1 or not prefix:
            what = f"{len(found)} runs begin" if found else "there is no run whose id begins"
            raise UsageError(f"{what} with `{prefix}`; `dagflow runs` lists them")
        return found[0]

    def reason(self, run_id: RunId, node_id: str) -> Reason:
        """Why a step of a run is as it is. Raises UsageError: there is no such run, or its flow has no such step."""
        return reason_for(restored(self._store, self._programs, run_id), node_id)

    def items(self, run_id: RunId, most: int) -> dict[str, list[RunResult]]:
        """How the items of the loops of a run stand, by the key of the loop: of a loop inside of a loop `outer/inner`.

        Args:
            run_id: of the run.
            most: how many runs are read; the rest is omitted.
        """
        found: dict[str, list[RunResult]] = {}
        waiting = [(run_id, "")]
        for parent, around in waiting:
            for row in self._store.runs(parent=parent, limit=max(0, most)):
                name, bracket, _ = row.id.removeprefix(f"{parent}/").rpartition("[")
                if bracket and most > 0:
                    most -= 1
                    found.setdefault(around + name, []).append(self.result(row.id)[1])
                    waiting.append((row.id, f"{around}{name}/"))
        return found

    def result(self, run_id: RunId) -> tuple[Flow, RunResult]:
        """How a run stands, with the flow it began with. Raises UsageError: there is no such run."""
        return read_result(self._store, self._programs, run_id)
