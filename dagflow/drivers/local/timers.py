"""All timers of all runs in memory, and one task that fires them.

A timer is due by the wall clock. One that is for a length of time (a wait, a time limit, a pause between attempts) is also due
when that duration has passed on a clock that is never set: so a wall clock that is set back delays none of them. One for an
instant (`wait until`) goes by the wall clock alone.
"""

from __future__ import annotations

import heapq
from typing import Final, Protocol, TypeAlias

import attrs
import trio

from dagflow.clock import Clock, VirtualClock
from dagflow.drivers.local.fair_queue import Share, SharedQueue
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.engine.commands import SetTimer
from dagflow.model.flow import NodeKind
from dagflow.model.plan import NO_NODE

#: Longest sleep in one piece; the wall clock may be set while we sleep.
_MAX_SLEEP_NS: Final = 60_000_000_000
_TURN: Final = 64
#: A clock that gains so much has been set. Less is not worth a word, but more than this moves the timers.
_JUMP_NS: Final = 5_000_000_000
_DRIFT_NS: Final = 50_000_000


#: When, a number that no other has and that keeps the order of equals, what, and for a length of time when that has passed on the
#: clock that is never set. A heap compares plain tuples fastest.
_Entry: TypeAlias = tuple[int, int, LoadedRun, SetTimer, int | None]


class TimerOwner(Protocol):
    """The owner of timers."""

    def fire(self, live: LoadedRun, timer: SetTimer) -> None:
        """The instant of this timer has come."""
        ...

    def is_calm(self) -> bool:
        """Whether nothing is under way, so that virtual time may go on."""
        ...

    def next_due(self) -> int | None:
        """When the next run is due that is in the store only."""
        ...

    def fetch_due(self) -> None:
        """A run that is in the store only is due."""
        ...

    def clock_was_set(self) -> None:
        """The clock has jumped forward."""
        ...


@attrs.define(eq=False)
class Timers:
    """Fires every timer whose instant has come and that is still waited for.

    With a virtual clock, time stands while the owner is not calm, and jumps to the next timer when it is.
    """

    _clock: Clock
    _owner: TimerOwner
    _heap: list[_Entry] = attrs.field(factory=list)
    #: How far the wall clock was ahead of the other at the last check; the timestamps in the heap are relative to that.
    _ahead: int | None = None
    _n_added: int = 0
    _is_stopped: bool = False
    #: Entries of runs that have left, as far as they have not been come to yet.
    _n_dead: int = 0
    _wake: trio.Event = attrs.field(factory=trio.Event)
    #: Due entries, once there are more than fire at once; tenants take turns.
    _late: SharedQueue[_Entry] = attrs.field(factory=lambda: SharedQueue[_Entry](_share_of))
    _is_virtual: bool = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._is_virtual = isinstance(self._clock, VirtualClock)

    def add(self, live: LoadedRun, timer: SetTimer) -> None:
        """Wait for this one too."""
        self._n_added += 1
        passed: int | None = None
        at = timer.due
        if not self._is_virtual and _is_length(live, timer):
            now, last = self._clock.now(), live.progress.machine.state.now
            left = at - (now if now > last else last)  # noqa: FURB136 - asked for every timer, and `max` takes five times as long
            # One that is due is due for good, whatever is done to the clock.
            passed, at = (_steady() + left, now + left) if left > 0 else (0, min(at, now))
        live.n_timers += 1
        heapq.heappush(self._heap, (at, self._n_added, live, timer, passed))
        if self._heap[0][1] == self._n_added:
            self._wake.set()

    def forget(self, live: LoadedRun) -> None:
        """A run has left memory. Once half of the entries are of such runs, which they keep in memory, they are thrown out."""
        self._n_dead += live.n_timers
        live.n_timers = 0
        if self._n_dead > _TURN and self._n_dead * 2 > len(self._heap):
            self._n_dead = 0
            self._heap[:] = [entry for entry in self._heap if _waits(entry)]
            heapq.heapify(self._heap)

    def look_again(self) -> None:
        """The owner's `next_due` may have changed."""
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
            entry, in_store = self._next(), self._owner.next_due()
            due = min((each for each in (in_store, entry and entry[0]) if each is not None), default=None)
            due = 0 if self._late else due
            if due is None or self._is_stopped or (is_virtual and not self._owner.is_calm()):
                await self._changed()
                continue
            if isinstance(self._clock, VirtualClock):
                self._clock.advance_to(due)
            if self._is_set():
                continue
            now = self._clock.now()
            if due > now:
                with trio.move_on_after(min(due - now, _MAX_SLEEP_NS) / 1e9):
                    await self._changed()
                continue
            if in_store is not None and in_store <= now:
                self._owner.fetch_due()
                await trio.lowlevel.checkpoint()
                if is_virtual:
                    continue  # others had a turn, so it may be calm no more
            if self._late:
                self._put_late(now)
                self._fire_late()
                await trio.lowlevel.checkpoint()
            # Virtual time has to be calm before each of them.
            elif self._fire_due(now, 1 if is_virtual else _TURN) == _TURN:
                self._put_late(now)
                await trio.lowlevel.checkpoint()

    def _fire_due(self, now: int, limit: int) -> int:
        """Fire the timers that are due by now; return how many."""
        n_fired = 0
        while n_fired < limit and (entry := self._next()) is not None and entry[0] <= now:
            self._pop()
            self._owner.fire(entry[2], entry[3])
            n_fired += 1
        return n_fired

    def _put_late(self, now: int) -> None:
        """Set aside what else is due, so that tenants take turns: the timers of one may be many."""
        while (entry := self._next()) is not None and entry[0] <= now:
            self._pop()
            self._late.put(entry)
        self._late.share()

    def _fire_late(self) -> None:
        for _ in range(min(_TURN, len(self._late))):
            entry = self._late.pop()
            if _waits(entry):
                self._owner.fire(entry[2], entry[3])

    def _is_set(self) -> bool:
        """Whether the clock was set since the last check; then every timer has been moved to where it is due by now."""
        if isinstance(self._clock, VirtualClock):
            return False
        ahead, before = self._clock.now() - _steady(), self._ahead
        if before is not None and abs(ahead - before) < _DRIFT_NS:
            return False
        self._ahead = ahead
        self._heap[:] = [
            entry if passed is None else (min(timer.due, passed + ahead), number, live, timer, passed)
            for entry in self._heap
            for _, number, live, timer, passed in (entry,)
        ]
        heapq.heapify(self._heap)
        if before is None:
            return False
        if ahead - before > _JUMP_NS:
            self._owner.clock_was_set()
        return True

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
        while heap and not _waits(heap[0]):
            self._pop()
        return heap[0] if heap else None


def _steady() -> int:
    """Nanoseconds on the clock that trio sleeps by, which is never set."""
    return round(trio.current_time() * 1e9)


def _waits(entry: _Entry) -> bool:
    """Whether an entry is still to fire."""
    _, _, live, timer, _ = entry
    return not live.is_asleep and live.broken is None and live.progress.is_due(timer)


def _share_of(entry: _Entry) -> Share:
    return entry[2].share


def _is_length(live: LoadedRun, timer: SetTimer) -> bool:
    """Whether a timer is for a length of time, not for an instant."""
    return timer.node == NO_NODE or live.progress.program.plan.kinds[timer.node] is not NodeKind.WAIT_UNTIL
