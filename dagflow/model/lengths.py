"""Lengths of time, as an author writes them: `2d`, `1h30m`, `250ms`."""

from __future__ import annotations

from typing import Final

_SECOND: Final = 1_000_000_000
_UNITS: Final = (("d", 86_400 * _SECOND), ("h", 3_600 * _SECOND), ("m", 60 * _SECOND), ("s", _SECOND), ("ms", 1_000_000))


def parts_of(nanos: int) -> list[str]:
    """The duration in units from large to small, each at most once; without any rest below a millisecond."""
    parts: list[str] = []
    for unit, size in _UNITS:
        count, nanos = divmod(nanos, size)
        if count:
            parts.append(f"{count}{unit}")
    return parts


def as_written(nanos: int) -> str:
    """The whole length; one that no unit is small enough for as a fraction of a second."""
    if nanos % _UNITS[-1][1]:
        return f"{nanos / _SECOND}s"
    return ("-" if nanos < 0 else "") + ("".join(parts_of(abs(nanos))) or "0s")


def roughly(nanos: int) -> str:
    """The length in its two largest units."""
    return "".join(parts_of(nanos)[:2]) or "0s"
