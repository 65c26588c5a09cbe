"""The changes of runs, commit by commit, for those who follow them.

A feed is in memory: it begins with the process, and keeps the latest changes. So a follower that comes back with a place of another
process, or with one that is too long ago, learns that it has missed something and reads the runs from the store.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs
import trio

from dagflow.app.outcomes import Changes, FeedPlace, RunChange
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.ids import new_call_id
from dagflow.store.api import Append

#: Changes in memory, at most.
_MOST: Final = 10_000
#: Changes in one answer, at most.
_MOST_AT_ONCE: Final = 1_000
#: Followers are woken this long after a change, so that those that come together are one answer.
_GATHER_SECONDS: Final = 0.01


@attrs.define(eq=False)
class Feed:
    """The latest changes of the runs of all tenants. Nothing is recorded before the first follower comes."""

    _id: str = attrs.field(factory=new_call_id, init=False)
    _latest: deque[tuple[str, RunChange]] = attrs.field(factory=lambda: deque(maxlen=_MOST), init=False)
    _n: int = attrs.field(default=0, init=False)
    _is_followed: bool = attrs.field(default=False, init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)

    def put(self, live: LoadedRun, append: Append) -> None:
        """The store has these events of a run."""
        if not self._is_followed:
            return
        self._n += 1
        change = RunChange(
            number=self._n,
            run=live.run,
            flow=live.progress.program.flow.name,
            status=append.status.value,
            parent="" if live.parent is None else live.parent.run,
            n_events=append.first + len(append.records),
        )
        self._latest.append((live.progress.tenant, change))
        self._changed.set()

    async def changes(self, tenant: str, after: FeedPlace | None, seconds: float) -> Changes:
        """Return the changes behind a place, as soon as there are some.

        Args:
            tenant: whose runs.
            after: where the last answer ended; None to begin now, which is answered at once.
            seconds: the time after which an answer has no changes.
        """
        self._is_followed = True
        if after is None or after.feed != self._id or not self._n - len(self._latest) <= after.number <= self._n:
            return Changes(place=FeedPlace(self._id, self._n), is_whole=after is None)
        with trio.move_on_after(seconds):
            while True:
                found, last = self._behind(tenant, after.number)
                if found:
                    return Changes(place=FeedPlace(self._id, last), changes=tuple(found))
                after = FeedPlace(self._id, last)
                if self._changed.is_set():
                    self._changed = trio.Event()
                await self._changed.wait()
                await trio.sleep(_GATHER_SECONDS)
        return Changes(place=after)

    def _behind(self, tenant: str, number: int) -> tuple[list[RunChange], int]:
        """The changes of a tenant behind a number, and the number up to which these are all."""
        found: list[RunChange] = []
        first = self._n - len(self._latest)
        for index in range(max(0, number - first), len(self._latest)):
            owner, change = self._latest[index]
            if owner == tenant:
                found.append(change)
                if len(found) == _MOST_AT_ONCE:
                    return found, change.number
        return found, self._n
