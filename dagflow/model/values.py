"""The values flows compute with: plain Python, and the four things Python lacks.

`None bool int float str bytes list dict` are themselves. `UInt` is CEL's uint, `Timestamp` and `Duration` count
nanoseconds (Python's `datetime` stops at microseconds), `Optional` is CEL's optional *while an expression runs*.

Stored form: outside of an expression (in records, bindings, histories) an absent value of type `T?` is a missing key or
`None`, and a present one is the value itself; an expression that reads it sees an `Optional`.
"""

from __future__ import annotations

from typing import Final

import attrs

NANOS_PER_SECOND: Final = 1_000_000_000


class UInt(int):
    """An unsigned 64-bit integer. Equal to the int of the same value, as in CEL."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"UInt({int(self)})"


@attrs.frozen(order=True)
class Timestamp:
    """An instant. `nanos`: nanoseconds since 1970-01-01T00:00:00Z, within the years 0001 to 9999."""

    nanos: int


@attrs.frozen(order=True)
class Duration:
    """A fixed length of time, about ±292 years. `nanos`: nanoseconds."""

    nanos: int


@attrs.frozen
class Secret:
    """A handle on a secret: its name. The content is looked up inside the action call that it is given to."""

    name: str

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"
