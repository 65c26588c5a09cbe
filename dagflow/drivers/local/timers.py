"""All timers of all runs in memory, and one task that fires them.

A timer is due by the wall clock. One that is for a length of time (a wait, a time limit, a pause between attempts) is also due
when that length has passed on a clock that nobody sets: so a wall clock that is set back delays none of them. One for an
instant (`wait until`) goes by the wall clock alone.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Final, TypeAlias

import attrs
import trio

from dagflow.clock import Clock, VirtualClock, stopwatch
from dagflow.drivers.local.loaded_run import Live
from dagflow.engine.commands import SetTimer
from dagflow.model.flow import NodeKind
from dagflow.model.plan import NONE

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
    #: Those for a length of time once more, by when that has passed on trio's clock.
    _lengths: list[_Entry] = attrs.field(factory=list)
    #: The numbers of those that have fired and are still in the other heap.
    _fired: set[int] = attrs.field(factory=set[int])
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
        is_next = self._heap[0] is entry
        if not isinstance(self._clock, VirtualClock) and _is_length(live, timer):
            passed = _steady() + timer.due - max(self._clock.now(), live.progress.machine.state.now)
            entry = (passed, self._n_added, live, timer)
            heapq.heappush(self._lengths, entry)
            is_next = is_next or self._lengths[0] is entry
        if is_next:
            self._wake.set()

    def forget(self, live: Live) -> None:
        """A run has left memory. Once half of the entries are of such runs, which they keep in memory, they are thrown out."""
        self._n_dead += live.n_timers
        live.n_timers = 0
        n_fired = len(self._lengths) - len(self._heap)
        if max(self._n_dead, n_fired) > _TURN and max(self._n_dead, n_fired) * 2 > len(self._heap):
            self._n_dead = 0
            for heap in (self._heap, self._lengths):
                heap[:] = [entry for entry in heap if self._waits(entry)]
                heapq.heapify(heap)
            self._fired.clear()

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
            if (left := min(due - now, self._left())) > 0:
                with trio.move_on_after(min(left, _MAX_SLEEP_NS) / 1e9):
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
            if self._lengths and _is_length(entry[2], entry[3]):
                self._fired.add(entry[1])
            self._fire(entry[2], entry[3])
            n_fired += 1
        while n_fired < limit and self._left() <= 0:
            entry = heapq.heappop(self._lengths)
            self._fired.add(entry[1])
            self._fire(entry[2], entry[3])
            n_fired += 1
        return n_fired

    def _left(self) -> float:
        """Nanoseconds until the next length of time has passed."""
        heap = self._lengths
        while heap and not self._waits(heap[0]):
            self._fired.discard(heapq.heappop(heap)[1])
        return heap[0][0] - _steady() if heap else math.inf

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

    def _waits(self, entry: _Entry) -> bool:
        """Whether an entry is still to fire."""
        _, number, live, timer = entry
        return number not in self._fired and not live.is_asleep and live.broken is None and live.progress.is_due(timer)

    def _pop(self) -> int:
        _, number, live, _ = heapq.heappop(self._heap)
        if live.n_timers:
            live.n_timers -= 1
        elif self._n_dead:
            self._n_dead -= 1
        return number

    def _next(self) -> _Entry | None:
        """The next timer that anything still waits for."""
        heap = self._heap
        while heap and not self._waits(heap[0]):
            self._fired.discard(self._pop())
        return heap[0] if heap else None


def _steady() -> int:
    """Nanoseconds on the clock that trio sleeps by, which nobody sets."""
    return round(trio.current_time() * 1e9)


def _is_length(live: Live, timer: SetTimer) -> bool:
    """Whether a timer is for a length of time, not for an instant."""
    return timer.node == NONE or live.progress.program.plan.kinds[timer.node] is not NodeKind.WAIT_UNTIL
