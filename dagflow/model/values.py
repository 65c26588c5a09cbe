"""The values flows compute with: plain Python, and the few things Python lacks.

`None bool int float Decimal str bytes list dict` are themselves. `UInt` is CEL's uint, `Timestamp` and `Duration` count
nanoseconds (Python's `datetime` stops at microseconds), `Optional` is CEL's optional *while an expression runs*, and a
`TypeValue` is the value of CEL's `type(x)`.

Stored form: outside of an expression (in records, bindings, histories) an absent value of type `T?` is a missing key or
`None`, and a present one is the value itself; an expression that reads it sees an `Optional`.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

import attrs

NANOS_PER_SECOND: Final = 1_000_000_000
#: The bounds of a Timestamp: the years 0001 to 9999.
MIN_TIMESTAMP_NS: Final = -62_135_596_800 * NANOS_PER_SECOND
MAX_TIMESTAMP_NS: Final = 253_402_300_800 * NANOS_PER_SECOND - 1
#: The bounds of a Duration: 64 bits of nanoseconds.
MIN_DURATION_NS: Final = -(2**63)
MAX_DURATION_NS: Final = 2**63 - 1

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_RFC3339: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_DURATION: Final = re.compile(r"[+-]?(?:0|(?:(?:[0-9]{1,20}(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_DURATION_PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_UNIT_NANOS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # the micro sign
    "μs": 1_000,  # the Greek letter
    "ms": 1_000_000,
    "s": NANOS_PER_SECOND,
    "m": 60 * NANOS_PER_SECOND,
    "h": 3_600 * NANOS_PER_SECOND,
}


class UInt(int):
    """An unsigned 64-bit integer. Equal to the int of the same value, as in CEL."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"UInt({int(self)})"

    def __str__(self) -> str:
        return int.__repr__(self)


@attrs.frozen(order=True)
class Timestamp:
    """An instant. `nanos`: nanoseconds since 1970-01-01T00:00:00Z, within the years 0001 to 9999.

    `str()` returns RFC 3339 in UTC with as many digits of a second as are needed.
    """

    nanos: int

    @classmethod
    def from_datetime(cls, value: dt.datetime) -> Timestamp:
        """The instant of an aware `datetime`.

        Raises:
            ValueError: the datetime has no time zone.
        """
        if value.tzinfo is None or value.utcoffset() is None:
            msg = "a datetime without a time zone is not an instant; give it one, e.g. tzinfo=datetime.UTC"
            raise ValueError(msg)
        return cls((value - _EPOCH) // _MICROSECOND * 1_000)

    def to_datetime(self) -> dt.datetime:
        """The instant as a `datetime` in UTC; nanoseconds below a microsecond are cut off."""
        return _EPOCH + dt.timedelta(microseconds=self.nanos // 1_000)

    @classmethod
    def parse(cls, text: str) -> Timestamp:
        """The instant of an RFC 3339 text such as `2026-01-31T10:00:00.5+01:00`.

        Raises:
            ValueError: the text is not one, or the instant is outside of the years 0001 to 9999.
        """
        match = _RFC3339.fullmatch(text)
        if match is None:
            msg = f"{text[:60]!r} is not a timestamp; write it like 2026-01-31T10:00:00Z"
            raise ValueError(msg)
        year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
        try:
            local = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
        except ValueError as error:
            msg = f"{text!r} is not a timestamp: {error}"
            raise ValueError(msg) from None
        nanos = (local - _EPOCH) // _MICROSECOND * 1_000 + int((match[7] or "0").ljust(9, "0")) - _offset(match)
        if not MIN_TIMESTAMP_NS <= nanos <= MAX_TIMESTAMP_NS:
            msg = f"{text!r} is outside of the years 0001 to 9999"
            raise ValueError(msg)
        return cls(nanos)

    def __str__(self) -> str:
        seconds, nanos = divmod(self.nanos, NANOS_PER_SECOND)
        text = (_EPOCH + dt.timedelta(seconds=seconds)).strftime("%m-%dT%H:%M:%S")
        year = (_EPOCH + dt.timedelta(seconds=seconds)).year
        return f"{year:04d}-{text}{_fraction(nanos)}Z"


def _offset(match: re.Match[str]) -> int:
    if match[8] is None:
        return 0
    hours, minutes = int(match[9]), int(match[10])
    if hours > 23 or minutes > 59:
        msg = f"{match[0]!r} is not a timestamp: its offset is more than a day"
        raise ValueError(msg)
    nanos = (hours * 60 + minutes) * 60 * NANOS_PER_SECOND
    return -nanos if match[8] == "-" else nanos


@attrs.frozen(order=True)
class Duration:
    """A fixed length of time, about ±292 years. `nanos`: nanoseconds.

    `str()` returns seconds in CEL's form: `90s`, `-1.5s`.
    """

    nanos: int

    @classmethod
    def from_timedelta(cls, value: dt.timedelta) -> Duration:
        """The same length.

        Raises:
            ValueError: it is longer than about 292 years.
        """
        nanos = value // _MICROSECOND * 1_000
        if not MIN_DURATION_NS <= nanos <= MAX_DURATION_NS:
            msg = f"{value} is longer than about 292 years"
            raise ValueError(msg)
        return cls(nanos)

    def to_timedelta(self) -> dt.timedelta:
        """The same length; nanoseconds below a microsecond are cut off."""
        return dt.timedelta(microseconds=self.nanos // 1_000)

    @classmethod
    def parse(cls, text: str) -> Duration:
        """The length of a text such as `90s`, `-1.5h` or `1h30m` (units h m s ms us ns).

        Raises:
            ValueError: the text is not one, or is longer than about 292 years.
        """
        if len(text) > 200 or _DURATION.fullmatch(text) is None:
            msg = f"{text[:60]!r} is not a duration; write it like 90s or 1h30m (units h m s ms us ns)"
            raise ValueError(msg)
        nanos = 0
        for whole, fraction, unit in _DURATION_PART.findall(text):
            scale = _UNIT_NANOS[unit]
            nanos += int(whole or "0") * scale + int(fraction or "0") * scale // 10 ** len(fraction)
        nanos = -nanos if text.startswith("-") else nanos
        if not MIN_DURATION_NS <= nanos <= MAX_DURATION_NS:
            msg = f"{text!r} is longer than about 292 years"
            raise ValueError(msg)
        return cls(nanos)

    def __str__(self) -> str:
        seconds, nanos = divmod(abs(self.nanos), NANOS_PER_SECOND)
        return f"{'-' if self.nanos < 0 else ''}{seconds}{_fraction(nanos)}s"


def _fraction(nanos: int) -> str:
    return f".{nanos:09d}".rstrip("0") if nanos else ""


@attrs.frozen(repr=False)
class Optional:
    """A value that may be absent, while an expression runs. `value` is None where `is_present` is false."""

    value: object = None
    is_present: bool = False

    def __repr__(self) -> str:
        return f"optional.of({self.value!r})" if self.is_present else "optional.none()"


#: The absent `Optional`.
NONE: Final = Optional()


@attrs.frozen
class TypeValue:
    """A type as a value: the result of CEL's `type(x)`. `str()` is its CEL name."""

    name: str

    def __str__(self) -> str:
        return self.name


@attrs.frozen
class Secret:
    """A handle on a secret: its name. The content is read inside the action call that receives it."""

    name: str

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"
