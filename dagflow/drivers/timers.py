"""All timers of all runs: one heap, one task."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final, TypeAlias

import attrs
import trio

from dagflow.clock import Clock, VirtualClock, stopwatch
from dagflow.drivers.live import Live
from dagflow.engine.commands import SetTimer

#: Longest sleep in one piece; the wall clock may be set while we sleep.
_MAX_SLEEP_NS: Final = 60_000_000_000
_TURN: Final = 64
#: A clock that gains so much has been set.
_JUMP_NS: Final = 5_000_000_000


#: When, a number that no other has and that keeps the order of equals, and what. A heap compares plain tuples fastest.
_Entry: TypeAlias = tuple[int, int, Live, SetTimer]


@attrs.define(eq=False)
class Timers:
    """Calls `fire` for every timer whose instant has come and that is still waited for, and `fetch` when a run in the store is due.

    With a virtual clock, time stands while `is_calm` says no, and jumps to the next timer when it says yes.

    Attributes:
        next_due: says when the next run is due that is in the store only. clock_was_set: called when it has jumped forward.
    """

    _clock: Clock
    _fire: Callable[[Live, SetTimer], None]
    _is_calm: Callable[[], bool]
    next_due: Callable[[], int | None] = attrs.field(default=lambda: None)
    fetch: Callable[[], None] = attrs.field(default=lambda: None)
    clock_was_set: Callable[[], None] = attrs.field(default=lambda: None)
    _heap: list[_Entry] = attrs.field(factory=list)
    _seen_at: int = 0
    _seen: int = 0
    _n_added: int = 0
    _is_stopped: bool = False
    #: Entries of runs that have left, as far as they have not been come to yet.
    _n_dead: int = 0
    _wake: trio.Event = attrs.field(factory=trio.Event)

    def add(self, live: Live, timer: SetTimer) -> None:
        """Wait for this one too."""
        self._n_added += 1
        live.n_timers += 1
        entry = (timer.due, self._n_added, live, timer)
        heapq.heappush(self._heap, entry)
        if self._heap[0] is entry:
            self._wake.set()

    def forget(self, live: Live) -> None:
        """A run has left memory. Once half of the entries are of such runs, which they keep in memory, they are thrown out."""
        self._n_dead += live.n_timers
        live.n_timers = 0
        if self._n_dead > _TURN and self._n_dead * 2 > len(self._heap):
            self._n_dead = 0
            self._heap = [entry for entry in self._heap if _is_due(entry)]
            heapq.heapify(self._heap)

    def look_again(self) -> None:
        """`next_due` may have changed."""
        self._wake.set()

    def may_be_calm(self) -> None:
        """Something has come to rest; of no interest to the wall clock, which does not wait for that."""
        if isinstance(self._clock, VirtualClock):
            self._wake.set()

    def stop(self) -> None:
        """Fire none any more."""
        self._is_stopped = True

    async def run(self) -> None:
        """Fire timers, for ever."""
        is_virtual = isinstance(self._clock, VirtualClock)
        while True:
            entry, in_store = self._next(), self.next_due()
            due = min((each for each in (in_store, entry and entry[0]) if each is not None), default=None)
            if due is None or self._is_stopped or (is_virtual and not self._is_calm()):
                await self._changed()
                continue
            if isinstance(self._clock, VirtualClock):
                self._clock.advance_to(due)
            now = self._clock.now()
            self._watch_the_clock(now)
            if due > now:
                with trio.move_on_after(min(due - now, _MAX_SLEEP_NS) / 1e9):
                    await self._changed()
                continue
            if in_store is not None and in_store <= now:
                self.fetch()
            # Virtual time has to be calm before each of them.
            if self._fire_due(now, 1 if is_virtual else _TURN) == _TURN:
                await trio.lowlevel.checkpoint()

    def _fire_due(self, now: int, limit: int) -> int:
        """Fire what is due by now; gives how many."""
        n_fired = 0
        while n_fired < limit and (entry := self._next()) is not None and entry[0] <= now:
            self._pop()
            self._fire(entry[2], entry[3])
            n_fired += 1
        return n_fired

    def _watch_the_clock(self, now: int) -> None:
        """Whether it has jumped forward, beside a watch that cannot be set."""
        watch = stopwatch()
        gained = (now - self._seen) - (watch - self._seen_at)
        is_first = not self._seen
        self._seen, self._seen_at = now, watch
        if gained > _JUMP_NS and not is_first and not isinstance(self._clock, VirtualClock):
            self.clock_was_set()

    async def _changed(self) -> None:
        await self._wake.wait()
        self._wake = trio.Event()

    def _pop(self) -> None:
        live = heapq.heappop(self._heap)[2]
        if live.n_timers:
            live.n_timers -= 1
        elif self._n_dead:
            self._n_dead -= 1

    def _next(self) -> _Entry | None:
        """The next timer that anything still waits for."""
        heap = self._heap
        while heap and not _is_due(heap[0]):
            self._pop()
        return heap[0] if heap else None


def _is_due(entry: _Entry) -> bool:
    live = entry[2]
    return not live.is_asleep and live.broken is None and live.progress.is_due(entry[3])
