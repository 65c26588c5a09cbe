"""From events that are in the store to the runs that wait for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import attrs

from dagflow.drivers.live import Live
from dagflow.drivers.program import Program
from dagflow.drivers.writer import Sending
from dagflow.ids import RunId
from dagflow.store.api import SentEvent


@attrs.define(eq=False)
class Dispatch:
    """Gives each event to each run in hand that may want it.

    Attributes:
        n_handed_out: the number of the last event.
        turn: gives one event to one run and lets it go on; says whether the run took it. It may put more events.
        wake: sees to the runs asleep that may want the first of these events, and perhaps others; says whether that takes time, after
            which it calls `go_on`.
        on_idle: called when every event has been handed out.
    """

    turn: Callable[[Live, SentEvent], bool] = attrs.field(default=lambda _live, _event: False)
    wake: Callable[[Sequence[tuple[SentEvent, Sending | None]]], bool] = attrs.field(default=lambda _queue: False)
    on_idle: Callable[[], None] = attrs.field(default=lambda: None)
    n_handed_out: int = 0
    _lives: dict[str, dict[RunId, Live]] = attrs.field(factory=dict)
    _queue: deque[tuple[SentEvent, Sending | None]] = attrs.field(factory=deque)
    _is_busy: bool = False

    def add(self, live: Live) -> None:
        """The run wants to hear of the events it has waits for."""
        for name in live.progress.program.waits:
            self._lives.setdefault(name, {})[live.run] = live

    def remove(self, live: Live) -> None:
        """The run has ended."""
        for name in live.progress.program.waits:
            del self._lives[name][live.run]

    def waiting_for(self, event: str) -> set[Program]:
        """The programs of the runs with a wait for such events that has not settled."""
        return {live.progress.program for live in self._lives.get(event, {}).values() if live.progress.inbox.is_wanted(event)}

    def put(self, event: SentEvent, sending: Sending | None) -> None:
        """The event is in the store: hand it out, after those before it."""
        self._queue.append((event, sending))
        self.go_on()

    def go_on(self) -> None:
        """Hand out what is there."""
        if self._is_busy:
            # A run that an event set going has emitted one: it is handed out further up.
            return
        self._is_busy = True
        try:
            while self._queue:
                if self.wake(self._queue):
                    return
                self._hand_out(*self._queue.popleft())
        finally:
            self._is_busy = False
        self.on_idle()

    @property
    def is_idle(self) -> bool:
        """Whether every event has been handed out."""
        return not self._queue

    def _hand_out(self, event: SentEvent, sending: Sending | None) -> None:
        self.n_handed_out = event.number
        n_reached = sum(self.turn(live, event) for live in list(self._lives.get(event.name, {}).values()))
        if sending is not None:
            sending.n_reached += n_reached
            sending.is_over.set()
