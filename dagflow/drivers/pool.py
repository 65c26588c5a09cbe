"""Workers that pull: work that never blocks costs no task, work that blocks costs one.

A worker takes the next item and does it in place. Before it does, if there is more to do and nobody is looking for work, it
wakes one more worker; so at any time at most one looks for work, and as many as the work needs are blocked in it.

Every worker works inside a cancel scope of its own, which it renews when it was used: a scope for each item would cost more
than most items do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import attrs
import trio

_Item = TypeVar("_Item")

#: Items done in place before others get their turn in the event loop.
_TURN: Final = 64
_NEVER: Final = float("inf")


@attrs.define(eq=False)
class Worker:
    """Somebody who does items, one at a time, and may be told to stop with the present one.

    Attributes:
        is_used: whether there is anything to lift: it was told to stop, or has a time limit.
    """

    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    is_used: bool = False

    def cancel(self) -> None:
        """Stop with the present item."""
        self.is_used = True
        self._scope.cancel()

    def limit(self, deadline: float) -> None:
        """Stop with the present item at this instant of trio's clock."""
        self.is_used = True
        self._scope.deadline = deadline

    @property
    def is_cancelled(self) -> bool:
        """Whether it was told to stop with the present item, or its time is over."""
        return self.is_used and self._scope.cancel_called

    def renewed(self) -> trio.CancelScope:
        """A scope for the items to come."""
        self.is_used = False
        self._scope = trio.CancelScope()
        return self._scope

    def lift(self) -> bool:
        """The item is done: lift its time limit. Whether the scope can be used for the next one."""
        if self._scope.cancel_called:
            return False
        self.is_used = False
        self._scope.deadline = _NEVER
        return True


@attrs.define(eq=False)
class Pool(Generic[_Item]):
    """At most `limit` items are under way at once; they are taken in order.

    Attributes:
        on_drained: called when a worker finds nothing to do; it may put more.
    """

    _nursery: trio.Nursery
    _work: Callable[[_Item, Worker], Awaitable[None]]
    _limit: int
    _on_drained: Callable[[], None]
    _queue: deque[_Item] = attrs.field(factory=deque)
    _n_workers: int = 0
    _n_looking: int = 0
    _n_done: int = 0
    _parked: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    def put(self, item: _Item) -> None:
        """Have the item done, after those before it."""
        self._queue.append(item)
        if not self._n_looking:
            self._call_one()

    def _call_one(self) -> None:
        if self._parked:
            self._n_looking += 1
            self._parked.unpark()
        elif self._n_workers < self._limit:
            self._n_looking += 1
            self._n_workers += 1
            self._nursery.start_soon(self._run)

    async def _run(self) -> None:
        worker = Worker()
        while True:
            with worker.renewed():
                # Left when an item was cancelled, whether it noticed or not.
                await self._work_off(worker)

    async def _work_off(self, worker: Worker) -> None:
        queue, work = self._queue, self._work
        while True:
            while queue:
                item = queue.popleft()
                self._n_looking -= 1
                if queue and not self._n_looking:
                    self._call_one()
                try:
                    await work(item, worker)
                finally:
                    self._n_looking += 1
                if worker.is_used and not worker.lift():
                    return
                self._n_done += 1
                if not self._n_done % _TURN:
                    await trio.lowlevel.checkpoint()
            self._on_drained()
            if not queue:
                self._n_looking -= 1
                await self._parked.park()
