"""When a failed call may be tried again, seen from where it goes: so many retries a second for each destination.

Thousands of runs that find the same server down would else come back together, each after its own interval, and keep it down. A
retry gets its place in a second that has room, at the earliest where its step would have it, and is written down as due then.
"""

from __future__ import annotations

import math
from typing import Final

import attrs

_SECOND: Final = 1_000_000_000
#: The call rate is measured over so many seconds.
_WINDOW: Final = 10
#: Retries that come on top, of the first calls there.
_SHARE: Final = 0.1
#: Unused destinations are forgotten when there are so many.
_MOST: Final = 1_000


@attrs.define(eq=False)
class _Destination:
    """First calls of late by the second, and places in the seconds to come."""

    calls: dict[int, int] = attrs.field(factory=dict)
    taken: dict[int, int] = attrs.field(factory=dict)
    #: For a second that is full, one before which all others are, too.
    later: dict[int, int] = attrs.field(factory=dict)

    def on_top(self, second: int) -> int:
        """Room for the sake of the first calls before that second."""
        return math.floor(sum(self.calls.get(second - ago, 0) for ago in range(_WINDOW)) * _SHARE / _WINDOW)

    def place(self, at: int, per_second: int) -> int:
        """The first second with room, from that on; it has less then."""
        passed: list[int] = []
        second = at
        while (after := self.later.get(second)) is not None or (self.taken.get(second, 0) >= per_second + self.on_top(second)):
            passed.append(second)
            second = after if after is not None and after > second else second + 1
        for each in passed:
            self.later[each] = second
        self.taken[second] = self.taken.get(second, 0) + 1
        return second

    def forget(self, before: int) -> None:
        self.taken = {second: n for second, n in self.taken.items() if second >= before}
        self.calls = {second: n for second, n in self.calls.items() if second > before - _WINDOW}
        self.later = {second: after for second, after in self.later.items() if second >= before}


@attrs.define(eq=False)
class RetryBudgets:
    """The retries of one driver.

    Attributes:
        per_second: for each destination, at least; None for no bound. The budget also grows by a tenth of the first attempts there.
    """

    per_second: int | None
    _destinations: dict[str, _Destination] = attrs.field(factory=dict)
    _n_placed: int = 0

    @property
    def is_watching(self) -> bool:
        """Whether `called` is of any interest: something has failed."""
        return bool(self._destinations)

    def called(self, destination: str, now: int) -> None:
        """A step calls something there for the first time."""
        of = self._destinations.get(destination)
        if of is not None:
            second = now // _SECOND
            of.calls[second] = of.calls.get(second, 0) + 1

    def due(self, destination: str, at: int, now: int, spread: float) -> int:
        """Return when a retry that would be due at that timestamp may be made.

        Args:
            destination: where it goes.
            at: when its step would have it. now: the present. Both in nanoseconds.
            spread: from 0 to 1, where in its second it comes if it cannot come at once.
        """
        if self.per_second is None:
            return at
        of = self._of(destination)
        self._n_placed += 1
        if not self._n_placed % _MOST:
            of.forget(now // _SECOND)
        wanted = at // _SECOND
        second = of.place(wanted, self.per_second)
        return at if second == wanted else second * _SECOND + int(spread * _SECOND)

    def _of(self, destination: str) -> _Destination:
        found = self._destinations.get(destination)
        if found is None:
            if len(self._destinations) >= _MOST:
                # The oldest destination is dropped; its budget starts anew if it is used again.
                del self._destinations[next(iter(self._destinations))]
            found = self._destinations[destination] = _Destination()
        return found
