"""The blocked runs of an interpreter: which runs cannot be driven, and why; kept in the store, so that others see it too."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from dagflow.app.recovery import Quarantined
from dagflow.clock import Clock
from dagflow.errors import DagflowError, RunBlocked
from dagflow.ids import RunId
from dagflow.store.api import Blocked, RunRow, Store

_log: Final = logging.getLogger("dagflow.interpreter")


@attrs.define(eq=False)
class BlockedRuns:
    """The runs that cannot be driven.

    Attributes:
        problems: by run, why.
    """

    _store: Store
    _clock: Clock
    problems: dict[RunId, DagflowError] = attrs.field(factory=dict[RunId, DagflowError])
    #: Those that the store has a reason for.
    _kept: set[RunId] = attrs.field(factory=set[RunId])

    def open(self, found: Mapping[RunId, DagflowError], driven: Iterable[RunId]) -> None:
        """Take the runs that could not be loaded; driven runs are no longer blocked. Raises StoreError."""
        self._kept = {each.run for each in self._store.blocked()}
        self.problems.update(found)
        for run, problem in found.items():
            _warn(run, problem)
        self._keep({run: problem for run, problem in found.items() if not isinstance(problem, Quarantined)})
        self.clear(driven)

    def add(self, run: RunId, problem: DagflowError) -> None:
        """A run could not be loaded. May be called from any thread. Raises StoreError."""
        self.note(run, problem)
        self._keep({run: problem})

    def note(self, run: RunId, problem: DagflowError) -> None:
        """A run is blocked, and the driver keeps the reason."""
        self.problems[run] = problem
        self._kept.add(run)
        _warn(run, problem)

    def has(self, run: RunId) -> bool:
        """Whether the run was blocked before, also under an earlier interpreter, so that it may lack events."""
        return run in self._kept

    def clear(self, runs: Iterable[RunId]) -> None:
        """These runs can be driven. May be called from any thread. Raises StoreError."""
        cleared = [run for run in runs if run in self._kept]
        for run in cleared:
            self.problems.pop(run, None)
        if cleared:
            self._kept.difference_update(cleared)
            self._store.note_blocked([Blocked(run=run, at=self._clock.now(), reason="") for run in cleared])

    def _keep(self, problems: Mapping[RunId, DagflowError]) -> None:
        if problems:
            now = self._clock.now()
            self._kept.update(problems)
            self._store.note_blocked([_row(run, problem, now) for run, problem in problems.items()])


def with_reasons(store: Store, rows: Sequence[RunRow]) -> list[RunRow]:
    """The rows, those of blocked runs with the reason. Raises StoreError."""
    unfinished = [row for row in rows if not row.status.is_terminal]
    reasons = {each.run: each.reason for each in store.blocked()} if unfinished else {}
    if not reasons:
        return list(rows)
    return [row if row.status.is_terminal else attrs.evolve(row, blocked=reasons.get(row.id, "")) for row in rows]


def _row(run: RunId, problem: DagflowError, now: int) -> Blocked:
    known = RunBlocked.caused_by(run, problem)
    return Blocked(run=run, at=now, reason=known.reason, trace=known.trace)


def _warn(run: RunId, problem: DagflowError) -> None:
    _log.error("run %s is blocked: %s", run, problem, extra={"run": run}, exc_info=problem)
