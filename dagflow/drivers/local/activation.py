"""Reading runs that sleep, in a thread, with the events that nobody could give to them meanwhile."""

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
    """How runs that sleep come back.

    Attributes:
        load: makes runs of their rows and their histories, in any thread; gives for each the run, or why it cannot go on.
        on_stuck: called with a run that cannot go on, and why. was_stuck: whether one could not before, and so may have missed events.
        per_second: of those that have been due for long; None for no bound.
        nearly_due_ns: who is due sooner stays in memory, since reading it again would cost more.
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
        """Runs as their histories say, with their events up to the one of that number; without those that cannot go on. Raises StoreError."""
        loaded_runs: list[LoadedRun] = []
        for row, found in zip(rows, self._activation.load(rows), strict=True):
            problem = self._caught_up(found, until) if isinstance(found, LoadedRun) else found
            if problem is not None:
                self._activation.on_blocked(row.id, problem)
            elif isinstance(found, LoadedRun):
                loaded_runs.append(found)
        return loaded_runs

    def _caught_up(self, live: LoadedRun, until: int) -> DagflowError | None:
        """Give the run what it missed; returns why it cannot go on, if so."""
        missed = self.missed(live, until)
        try:
            self.deliver(live, missed, until)
        except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
            return RunBlocked.caused_by(live.run, error)
        return None

    def missed(self, live: LoadedRun, until: int) -> list[SentEvent]:
        """What may be for the run and came while nobody drove it, up to the event of that number. Raises StoreError.

        What the store could tell to be for it has woken it then, if everything has been given to those that sleep.
        """
        is_known = self._subscriptions.is_whole and not self._activation.was_blocked(live.run)
        names = unindexed_events(live.progress) if is_known else live.progress.program.hears
        after, found = live.progress.mailbox.n_seen, list[SentEvent]()
        while names and after < until:
            sent = self._store.events(after=after, limit=_PAGE, names=names)
            found += [event for event in sent if event.number <= until]
            after = sent[-1].number if len(sent) == _PAGE else until
        return found

    def deliver(self, live: LoadedRun, events: Iterable[SentEvent], until: int) -> None:
        """Give the run these events, the last of which it may have seen are those up to that number."""
        for event in events:
            live.progress.deliver(event, max(self._now(), live.progress.machine.state.now))
        live.progress.mailbox.n_seen = max(live.progress.mailbox.n_seen, until)
