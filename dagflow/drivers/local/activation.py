"""Activate suspended runs, in a thread, with the events that they missed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs

from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.drivers.local.subscriptions import Subscriptions
from dagflow.errors import DagflowBug, DagflowError, RunBlocked
from dagflow.execution.correlation import unindexed_events
from dagflow.ids import RunId
from dagflow.store.api import RunRow, SentEvent, Store

_PAGE = 200


def _nobody(rows: Sequence[RunRow]) -> list[LoadedRun | DagflowError]:
    raise DagflowBug(f"nobody is there to read {len(rows)} runs")


@attrs.frozen
class ActivationConfig:
    """Configuration of the activation of suspended runs.

    Attributes:
        load: makes runs of their rows and their histories, in any thread; returns for each the run, or why it cannot resume.
        on_stuck: called with a run that cannot go on, and why. was_stuck: whether one could not before, and so may have missed events.
        per_second: the rate for runs that are long overdue; None for no bound.
        nearly_due_ns: runs that are due sooner stay in memory, since reading them again would cost more.
    """

    load: Callable[[Sequence[RunRow]], Sequence[LoadedRun | DagflowError]] = attrs.field(default=_nobody)
    on_blocked: Callable[[RunId, DagflowError], None] = attrs.field(default=lambda _run, _error: None)
    was_blocked: Callable[[RunId], bool] = attrs.field(default=lambda _run: False)
    per_second: int | None = None
    nearly_due_ns: int = 10_000_000_000


@attrs.frozen
class Activator:
    """Reads runs; nothing here changes what others have."""

    _store: Store
    _activation: ActivationConfig
    _subscriptions: Subscriptions
    _now: Callable[[], int]

    def load(self, rows: Sequence[RunRow], until: int) -> list[LoadedRun]:
        """Return runs restored from their histories, with their events up to that number; without blocked ones. Raises StoreError."""
        loaded_runs: list[LoadedRun] = []
        for row, found in zip(rows, self._activation.load(rows), strict=True):
            problem = self._caught_up(found, until) if isinstance(found, LoadedRun) else found
            if problem is not None:
                self._activation.on_blocked(row.id, problem)
            elif isinstance(found, LoadedRun):
                loaded_runs.append(found)
        return loaded_runs

    def _caught_up(self, live: LoadedRun, until: int) -> DagflowError | None:
        """Deliver the events that the run missed; return why it cannot resume, if so."""
        missed = self.missed(live, until)
        try:
            self.deliver(live, missed, until)
        except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
            return RunBlocked.caused_by(live.run, error)
        return None

    def missed(self, live: LoadedRun, until: int) -> list[SentEvent]:
        """Return the events that the run may have missed while it was not driven, up to that number. Raises StoreError.

        Events that match a subscription have activated it already, if all events have been delivered to suspended runs.
        """
        is_known = self._subscriptions.is_whole and not self._activation.was_blocked(live.run)
        names = unindexed_events(live.progress) if is_known else live.progress.program.hears
        after, found = live.progress.mailbox.n_seen, list[SentEvent]()
        while names and after < until:
            sent = self._store.events(after=after, limit=_PAGE, names=names, tenant=live.progress.tenant)
            found += [event for event in sent if event.number <= until]
            after = sent[-1].number if len(sent) == _PAGE else until
        return found

    def deliver(self, live: LoadedRun, events: Iterable[SentEvent], until: int) -> None:
        """Give the run these events, the last of which it may have seen are those up to that number."""
        for event in events:
            live.progress.deliver(event, max(self._now(), live.progress.machine.state.now))
        live.progress.mailbox.n_seen = max(live.progress.mailbox.n_seen, until)
