"""Tells observers what a driver does. Without an observer each call returns at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final

import attrs

from dagflow.drivers.local.loaded_run import Call, LoadedRun
from dagflow.drivers.local.observed_calls import Calls, harmless
from dagflow.drivers.local.observer import Gauges, ObservedAttempt, ObservedCall, ObservedEvent, ObservedRun, Observer
from dagflow.store.api import SentEvent

#: A turn of the event loop is reported from here on.
BLOCKED_NS: Final = 50_000_000


@attrs.define(eq=False)
class Observing:
    """The observers of one interpreter."""

    observers: Sequence[Observer] = ()

    @property
    def is_on(self) -> bool:
        """Whether there is an observer."""
        return bool(self.observers)

    def opened(self, gauges: Callable[[], Gauges]) -> None:
        """See `Observer`."""
        self._each(lambda observer: observer.opened(gauges))

    def closed(self) -> None:
        """See `Observer`."""
        self._each(lambda observer: observer.closed())

    def run_taken(self, live: LoadedRun) -> None:
        """A run is driven from now on; a new one begins."""
        if self.observers and live.parent is None and live.is_new:
            self._began(live)

    def run_born(self, live: LoadedRun) -> None:
        """A run that another one started is in the store; it may have ended in the same transaction."""
        if self.observers:
            self._began(live)
            if live.progress.is_ended:
                self.run_ended(live)

    def _began(self, live: LoadedRun) -> None:
        run = _run(live)
        self._each(lambda observer: observer.run_began(run))

    def run_ended(self, live: LoadedRun) -> None:
        """The end of a run is in the store."""
        if self.observers and live.parent is None:
            run, state = _run(live), live.progress.machine.state
            status = live.progress.standing()[0].value
            self._each(lambda observer: observer.run_ended(run, status, state.now))

    def event_sent(self, tenant: str, event_id: str) -> None:
        """See `Observer`."""
        if self.observers:
            self._each(lambda observer: observer.event_sent(tenant, event_id))

    def event_stored(self, event: SentEvent) -> None:
        """See `Observer`."""
        if self.observers and event.name:
            observed = _event(event)
            self._each(lambda observer: observer.event_stored(observed))

    def event_taken(self, event: SentEvent, live: LoadedRun) -> None:
        """See `Observer`."""
        if self.observers:
            observed, run = _event(event), _run(live)
            self._each(lambda observer: observer.event_taken(observed, run))

    def event_handed_out(self, event: SentEvent, at: int) -> None:
        """See `Observer`."""
        if self.observers and event.name:
            observed = _event(event)
            self._each(lambda observer: observer.event_handed_out(observed, at))

    def request_dropped(self, flow: str, reason: str) -> None:
        """See `Observer`; of the reason only the first word is passed on."""
        if self.observers:
            word = reason.partition(":")[0]
            self._each(lambda observer: observer.request_dropped(flow, word))

    def slot_asked(self, flow: str, late_ns: int) -> None:
        """See `Observer`."""
        if self.observers:
            self._each(lambda observer: observer.slot_asked(flow, max(0, late_ns) / 1e9))

    def committed(self, took_ns: int) -> None:
        """See `Observer`."""
        if self.observers:
            self._each(lambda observer: observer.committed(took_ns / 1e9))

    def loop_blocked(self, took_ns: int) -> None:
        """See `Observer`."""
        if self.observers and took_ns > BLOCKED_NS:
            self._each(lambda observer: observer.loop_blocked(took_ns / 1e9))

    def call_began(self, call: Call, now: int) -> AbstractContextManager[object]:
        """The call of an attempt begins; returns the context in which it is made."""
        attempt = _attempt(call, now)
        begun: list[ObservedCall] = []
        self._each(lambda observer: begun.append(observer.call_began(attempt)))
        call.observed = Calls(begun)
        return call.observed.surround()

    def _each(self, tell: Callable[[Observer], None]) -> None:
        for observer in self.observers:
            with harmless():
                tell(observer)


def _run(live: LoadedRun) -> ObservedRun:
    progress, request = live.progress, live.request
    return ObservedRun(
        run=live.run,
        tenant=progress.tenant,
        flow=progress.program.flow.name,
        kind=progress.origin.kind,
        started_by=live.started_by,
        event=0 if request is None else request.event,
        started_at=progress.machine.state.started_at,
    )


def _attempt(call: Call, now: int) -> ObservedAttempt:
    progress, command = call.live.progress, call.command
    state, node = progress.machine.state, progress.program.codes[command.node].node
    return ObservedAttempt(
        run=call.live.run,
        tenant=progress.tenant,
        flow=progress.program.flow.name,
        step=node.id,
        action=node.action,
        attempt=command.attempt,
        ready_at=state.ready_at[command.node],
        wanted_at=state.wanted_at[command.node],
        began_at=now,
    )


def _event(event: SentEvent) -> ObservedEvent:
    return ObservedEvent(number=event.number, tenant=event.tenant, id=event.id, name=event.name, at=event.at, run=event.run)
