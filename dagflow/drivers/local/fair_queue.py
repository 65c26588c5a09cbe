"""A queue that is shared fairly, once there is more in it than can be done at once.

As long as no item has to wait, items leave in the order in which they came, and fairness costs nothing. After `share`, until the
queue is empty again, flows take turns, and within a flow its runs: a run with 10,000 items delays another one by one item.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from typing import Final, Generic, TypeAlias, TypeVar

_Item = TypeVar("_Item")

#: The owner of an item: the digest of its flow, and the id of the root run.
Share: TypeAlias = tuple[str, str]
#: Check at most so many runs of a flow for one that may have its turn.
_MOST_LOOKED_AT: Final = 64


class SharedQueue(Generic[_Item]):
    """Items by whose they are.

    Attributes:
        plain: the items, in the order in which they came, as long as they are not shared; empty from then on. Whoever is in a hurry may
            take the first of these himself.
        n_shared: how many there are besides.
    """

    __slots__ = ("_flows", "_share_of", "n_shared", "plain")

    def __init__(self, share_of: Callable[[_Item], Share]) -> None:
        self._share_of = share_of
        self.plain: deque[_Item] = deque()
        self._flows: dict[str, dict[str, deque[_Item]]] = {}
        self.n_shared = 0

    def __len__(self) -> int:
        return len(self.plain) + self.n_shared

    def put(self, item: _Item) -> None:
        """Add an item behind the others of its run."""
        if self.n_shared:
            self._put_shared(item)
        else:
            self.plain.append(item)

    def pop(self) -> _Item:
        """The next item. Raises IndexError if there is none."""
        if not self.n_shared:
            return self.plain.popleft()
        flow = next(iter(self._flows))
        return self._taken(flow, next(iter(self._flows[flow])))

    def pop_other(self, flows: Collection[str], runs: Collection[str]) -> _Item | None:
        """The next item of a run that is none of these, of a flow that is none of these if there is one; None if there is none."""
        found = self._other(flows, runs)
        return None if found is None else self._taken(*found)

    def has_other(self, flows: Collection[str], runs: Collection[str]) -> bool:
        """Whether `pop_other` has an item."""
        return self._other(flows, runs) is not None

    def pop_other_flow(self, flows: Collection[str]) -> _Item | None:
        """The next item of a flow that is none of these; None if there is none."""
        self.share()
        flow = next((flow for flow in self._flows if flow not in flows), None)
        return None if flow is None else self._taken(flow, next(iter(self._flows[flow])))

    def has_other_flow(self, flows: Collection[str]) -> bool:
        """Whether `pop_other_flow` has an item."""
        self.share()
        return any(flow not in flows for flow in self._flows)

    def _other(self, flows: Collection[str], runs: Collection[str]) -> Share | None:
        self.share()
        found: Share | None = None
        for flow, by_run in self._flows.items():
            run = next((run for run, _ in zip(by_run, range(_MOST_LOOKED_AT), strict=False) if run not in runs), None)
            if run is not None and flow not in flows:
                return flow, run
            if run is not None and found is None:
                found = flow, run
        return found

    def share(self) -> None:
        """Not all of this can be done at once: from now on it is shared."""
        while self.plain:
            self._put_shared(self.plain.popleft())

    def _put_shared(self, item: _Item) -> None:
        flow, run = self._share_of(item)
        self._flows.setdefault(flow, {}).setdefault(run, deque()).append(item)
        self.n_shared += 1

    def _taken(self, flow: str, run: str) -> _Item:
        """The first item of the run; its run and its flow go behind the others."""
        by_run = self._flows.pop(flow)
        items = by_run.pop(run)
        item = items.popleft()
        if items:
            by_run[run] = items
        if by_run:
            self._flows[flow] = by_run
        self.n_shared -= 1
        return item
