"""The only reader of the wall clock, and its virtual stand-in.

Instants are whole nanoseconds since 1970-01-01T00:00:00Z, in every part of dagflow.
"""

from __future__ import annotations

import time
from typing import Final, Protocol


class Clock(Protocol):
    """The source of time for a driver."""

    def now(self) -> int:
        """The present instant, nanoseconds since 1970 UTC."""
        ...


class SystemClock:
    """The wall clock of this machine."""

    def now(self) -> int:
        """The present instant, nanoseconds since 1970 UTC."""
        return time.time_ns()


#: Nanoseconds since some instant, to measure durations; never set back, and no part of any event.
stopwatch: Final = time.perf_counter_ns


class VirtualClock:
    """A clock that only its driver moves: it jumps to the next timer when no other work remains.

    Args:
        start: the first instant, nanoseconds since 1970 UTC; the present one if not given.
    """

    def __init__(self, start: int | None = None) -> None:
        self._now = time.time_ns() if start is None else start

    def now(self) -> int:
        """The present virtual instant."""
        return self._now

    def advance_to(self, instant: int) -> None:
        """Move forward to `instant`; an instant in the past moves nothing."""
        self._now = max(self._now, instant)
