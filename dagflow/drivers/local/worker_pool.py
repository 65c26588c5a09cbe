"""Workers that pull: work that never blocks costs no task, work that blocks costs one.

A worker takes the next item and does it in place. Before it does, if there is more to do and no worker is looking for work, it
wakes one more worker; so at any time at most one looks for work, and as many as the work needs are blocked in it.

Every worker works inside a cancel scope of its own, which it renews when it was used: a scope for each item would cost more
than most items do.

Once so many workers are busy that items have to wait, these are shared (`fair_queue`), and the last eighth of the workers is reserved for
runs that have no item under way, half of it for flows that have none: a small run does not wait for a large one. Where there are
tenants, half of that half is reserved for tenants that have none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import attrs
import trio

from dagflow.drivers.local.fair_queue import Busy, News, Share, SharedQueue

_Item = TypeVar("_Item")

#: Items done in place before others get their turn in the event loop.
_TURN: Final = 64
_NEVER: Final = float("inf")
#: Of so many workers one is reserved for runs that have no item under way.
KEPT: Final = 8


@attrs.define(eq=False)
class Worker:
    """A worker that does items, one at a time, and can be stopped with the present one.

    Attributes:
        is_used: whether its scope must be renewed: `cancel` was called, or it has a time limit.
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
        """Whether `cancel` was called for the present item, or its time is over."""
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
    """At most `limit` items are under way at once.

    Attributes:
        share_of: whose an item is.
        on_drained: called when a worker finds nothing to do; it may put more.
    """

    _nursery: trio.Nursery
    _work: Callable[[_Item, Worker], Awaitable[None]]
    _limit: int
    _on_drained: Callable[[], None]
    _share_of: Callable[[_Item], Share]
    _queue: SharedQueue[_Item] = attrs.field(init=False)
    #: The items under way, by their worker.
    _busy: dict[Worker, _Item] = attrs.field(factory=dict)
    #: So many may be busy with items of any run, of runs that have nothing under way, and of flows that have nothing under way.
    _for_all: int = attrs.field(init=False)
    _for_other_runs: int = attrs.field(init=False)
    _for_other_flows: int = attrs.field(init=False)
    _n_workers: int = 0
    _n_looking: int = 0
    _n_done: int = 0
    _parked: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    def __attrs_post_init__(self) -> None:
        self._queue = SharedQueue(self._share_of)
        self._for_all = self._limit - self._limit // KEPT
        self._for_other_runs = self._limit - self._limit // (2 * KEPT)
        # Without tenants nothing is reserved for them.
        self._for_other_flows = self._limit

    @property
    def n_busy(self) -> int:
        """How many items are under way."""
        return len(self._busy)

    @property
    def n_waiting(self) -> int:
        """How many items wait for a worker."""
        return len(self._queue)

    def put(self, item: _Item) -> None:
        """Have the item done, after those before it."""
        queue = self._queue
        if queue.n_shared:
            queue.put(item)
        else:
            queue.plain.append(item)
        if not self._n_looking and (len(self._busy) < self._for_all or self._is_reserved(item)):
            self._call_one()

    def _is_reserved(self, item: _Item) -> bool:
        """Whether one of the last workers may take the item."""
        news = self._busy_now().news(self._share_of(item))
        return news >= self._least(len(self._busy))

    def _least(self, n_busy: int) -> News:
        """How much news an item must have, while so many workers are busy."""
        if n_busy < self._for_all:
            return News.NOTHING
        if n_busy < self._for_other_runs:
            return News.RUN
        return News.FLOW if n_busy < self._for_other_flows else News.TENANT

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

    def _next(self) -> _Item | None:
        queue, busy = self._queue, self._busy
        if not queue:
            return None
        if len(busy) < self._for_all:
            return queue.pop()
        now = self._busy_now()
        return queue.pop_other(now, self._least(len(busy)))

    def _busy_now(self) -> Busy:
        shares = [self._share_of(item) for item in self._busy.values()]
        if any(share.tenant for share in shares):
            self._for_other_flows = self._limit - self._limit // (4 * KEPT)
        return Busy({share.tenant for share in shares}, {share.flow for share in shares}, {share.run for share in shares})

    def _is_more(self) -> bool:
        """Whether another worker would find something to do."""
        queue, n_busy = self._queue, len(self._busy)
        if n_busy < self._for_all or not queue:
            return bool(queue)
        now = self._busy_now()
        return queue.has_other(now, self._least(n_busy))

    async def _work_off(self, worker: Worker) -> None:
        busy, work, queue, for_all = self._busy, self._work, self._queue, self._for_all
        plain = queue.plain
        while True:
            # The same as `_next` if no item has to wait; the call would be a good part of the cost of a short item.
            while (item := plain.popleft() if plain and len(busy) < for_all else self._next()) is not None:
                self._n_looking -= 1
                busy[worker] = item
                if not self._n_looking and (plain or queue.n_shared) and self._is_more():
                    self._call_one()
                try:
                    await work(item, worker)
                finally:
                    del busy[worker]
                    self._n_looking += 1
                if worker.is_used and not worker.lift():
                    return
                self._n_done += 1
                if not self._n_done % _TURN:
                    await trio.lowlevel.checkpoint()
            self._on_drained()
            if not self._is_more():
                self._n_looking -= 1
                await self._parked.park()
