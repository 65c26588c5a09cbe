"""All timers of all runs: one heap, one task."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final, TypeAlias

import attrs
import trio

from dagflow.clock import Clock, VirtualClock
from dagflow.drivers.live import Live
from dagflow.engine.commands import SetTimer

#: Longest sleep in one piece; the wall clock may be set while we sleep.
_MAX_SLEEP_NS: Final = 60_000_000_000
_TURN: Final = 64


#: When, a number that no other has and that keeps the order of equals, and what. A heap compares plain tuples fastest.
_Entry: TypeAlias = tuple[int, int, Live, SetTimer]


@attrs.define(eq=False)
class Timers:
    """Calls `fire` for every timer whose instant has come and that is still waited for.

    With a virtual clock, time stands while `is_calm` says no, and jumps to the next timer when it says yes.
    """

    _clock: Clock
    _fire: Callable[[Live, SetTimer], None]
    _is_calm: Callable[[], bool]
    _heap: list[_Entry] = attrs.field(factory=list)
    _n_added: int = 0
    _n_forgotten: int = 0
    _wake: trio.Event = attrs.field(factory=trio.Event)

    def add(self, live: Live, timer: SetTimer) -> None:
        """Wait for this one too."""
        self._n_added += 1
        entry = (timer.due, self._n_added, live, timer)
        heapq.heappush(self._heap, entry)
        if self._heap[0] is entry:
            self._wake.set()

    def forget(self) -> None:
        """A run has ended; when many have, their timers are thrown out, which keep them in memory."""
        self._n_forgotten += 1
        if self._n_forgotten > _TURN and self._n_forgotten * 2 > len(self._heap):
            self._n_forgotten = 0
            self._heap = [entry for entry in self._heap if entry[2].progress.is_due(entry[3])]
            heapq.heapify(self._heap)

    def may_be_calm(self) -> None:
        """Something has come to rest; of no interest to the wall clock, which does not wait for that."""
        if isinstance(self._clock, VirtualClock):
            self._wake.set()

    async def run(self) -> None:
        """Fire timers, for ever."""
        n_fired = 0
        while True:
            entry = self._next()
            if entry is None or (isinstance(self._clock, VirtualClock) and not self._is_calm()):
                await self._changed()
                continue
            due, _, live, timer = entry
            if isinstance(self._clock, VirtualClock):
                self._clock.advance_to(due)
            delay = due - self._clock.now()
            if delay > 0:
                with trio.move_on_after(min(delay, _MAX_SLEEP_NS) / 1e9):
                    await self._changed()
                continue
            heapq.heappop(self._heap)
            self._fire(live, timer)
            n_fired += 1
            if not n_fired % _TURN:
                await trio.lowlevel.checkpoint()

    async def _changed(self) -> None:
        await self._wake.wait()
        self._wake = trio.Event()

    def _next(self) -> _Entry | None:
        """The next timer that anything still waits for."""
        heap = self._heap
        while heap and not heap[0][2].progress.is_due(heap[0][3]):
            heapq.heappop(heap)
        return heap[0] if heap else None
