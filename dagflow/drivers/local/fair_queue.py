"""A queue that is shared fairly, once there is more in it than can be done at once.

As long as no item has to wait, items leave in the order in which they came, and fairness costs nothing. After `share`, until the
queue is empty again, tenants take turns, within a tenant its flows, and within a flow its runs: a tenant with 100,000 items delays another
one by one item.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from enum import IntEnum
from itertools import islice
from typing import Final, Generic, NamedTuple, TypeVar

_Item = TypeVar("_Item")

#: Check at most so many flows, and so many runs of each, for one that may have its turn.
_MOST_LOOKED_AT: Final = 64


class Share(NamedTuple):
    """The owner of an item: its tenant, its flow (unlike every flow of another tenant), and the root run."""

    tenant: str
    flow: str
    run: str


class Busy(NamedTuple):
    """The owners that have items under way."""

    tenants: Collection[str]
    flows: Collection[str]
    runs: Collection[str]

    def news(self, share: Share) -> News:
        """How much of a share has nothing under way."""
        if share.tenant not in self.tenants:
            return News.TENANT
        if share.flow not in self.flows:
            return News.FLOW
        return News.NOTHING if share.run in self.runs else News.RUN


class News(IntEnum):
    """The largest part of a share that has nothing under way."""

    NOTHING = 0
    RUN = 1
    FLOW = 2
    TENANT = 3


class SharedQueue(Generic[_Item]):
    """Items by their owners.

    Attributes:
        plain: the items, in the order in which they came, as long as they are not shared; empty from then on. Whoever is in a hurry may
            take the first of these himself.
        n_shared: how many there are besides.
    """

    __slots__ = ("_share_of", "_tenants", "n_shared", "plain")

    def __init__(self, share_of: Callable[[_Item], Share]) -> None:
        self._share_of = share_of
        self.plain: deque[_Item] = deque()
        self._tenants: dict[str, dict[str, dict[str, deque[_Item]]]] = {}
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
        tenant = next(iter(self._tenants))
        flow = next(iter(self._tenants[tenant]))
        return self._taken(Share(tenant, flow, next(iter(self._tenants[tenant][flow]))))

    def pop_other(self, busy: Busy, least: News = News.RUN) -> _Item | None:
        """The next item of a share with at least that much news, of those with the most; None if there is none."""
        found = self._other(busy, least)
        return None if found is None else self._taken(found)

    def has_other(self, busy: Busy, least: News = News.RUN) -> bool:
        """Whether `pop_other` has an item."""
        return self._other(busy, least) is not None

    def _other(self, busy: Busy, least: News) -> Share | None:
        self.share()
        best: Share | None = None
        most = News(least - 1)
        for share in islice(self._candidates(busy), _MOST_LOOKED_AT):
            news = busy.news(share)
            if news > most:
                best, most = share, news
                if news is News.TENANT:
                    break
        return best

    def _candidates(self, busy: Busy) -> Iterator[Share]:
        """One run of each flow: the first with nothing under way, if there is one. Tenants with nothing under way come first."""
        tenants = islice(self._tenants, _MOST_LOOKED_AT)
        other = next((tenant for tenant in tenants if tenant not in busy.tenants), None)
        for tenant in self._tenants if other is None else (other,):
            for flow, by_run in self._tenants[tenant].items():
                runs = islice(by_run, _MOST_LOOKED_AT)
                yield Share(tenant, flow, next((run for run in runs if run not in busy.runs), next(iter(by_run))))

    def share(self) -> None:
        """Not all of this can be done at once: from now on it is shared."""
        while self.plain:
            self._put_shared(self.plain.popleft())

    def _put_shared(self, item: _Item) -> None:
        tenant, flow, run = self._share_of(item)
        self._tenants.setdefault(tenant, {}).setdefault(flow, {}).setdefault(run, deque()).append(item)
        self.n_shared += 1

    def _taken(self, share: Share) -> _Item:
        """The first item of the run; its run, its flow and its tenant go behind the others."""
        tenant, flow, run = share
        by_flow = self._tenants.pop(tenant)
        by_run = by_flow.pop(flow)
        items = by_run.pop(run)
        item = items.popleft()
        if items:
            by_run[run] = items
        if by_run:
            by_flow[flow] = by_run
        if by_flow:
            self._tenants[tenant] = by_flow
        self.n_shared -= 1
        return item
