"""The time that a driver allows for pure work."""

from __future__ import annotations

from typing import Protocol


class PureTime(Protocol):
    """Asked before each piece of pure work, and told after the last."""

    def is_short(self) -> bool:
        """Whether there is time for another piece."""
        ...

    def rest(self) -> None:
        """That was the last piece for now."""
        ...
