"""Parts of timestamps and durations: `getHours("Europe/Paris")` and its relatives."""

from __future__ import annotations

import datetime as dt
import functools
import re
import zoneinfo
from typing import Final

from dagflow.errors import EvaluationError
from dagflow.expr.runtime.gas import Gas
from dagflow.model.values import NANOS_PER_SECOND, Duration, Timestamp

_OFFSET: Final = re.compile(r"([+-]?)([0-9]{1,2}):([0-9]{2})")
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,3}")
_UTC_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def part(gas: Gas, instant: Timestamp, name: str, zone: str = "UTC") -> int:
    """One part of the local date and time of an instant; `name` is that of the CEL function."""
    gas.use(4)
    if name == "getMilliseconds":
        return instant.nanos // 1_000_000 % 1_000
    seconds = instant.nanos // NANOS_PER_SECOND + _seconds_east(instant, zone)
    days, in_day = divmod(seconds, 86_400)
    match name:
        case "getHours":
            return in_day // 3_600
        case "getMinutes":
            return in_day // 60 % 60
        case "getSeconds":
            return in_day % 60
        case "getDayOfWeek":
            return (days + 4) % 7
        case _:
            return _date_part(days, name)


def _date_part(days: int, name: str) -> int:
    ordinal = days + 719_163
    # Near the ends of the calendar a zone may leave the years 1 to 9999 by hours: borrow a year of the same shape.
    shift = 1 if ordinal < 1 else -1 if ordinal > dt.date.max.toordinal() else 0
    date = dt.date.fromordinal(ordinal + shift * 146_097)
    match name:
        case "getFullYear":
            return date.year - shift * 400
        case "getMonth":
            return date.month - 1
        case "getDayOfMonth":
            return date.day - 1
        case "getDate":
            return date.day
        case _:
            return date.toordinal() - dt.date(date.year, 1, 1).toordinal()


def _seconds_east(instant: Timestamp, zone: str) -> int:
    if zone in {"UTC", ""}:
        return 0
    match = _OFFSET.fullmatch(zone)
    if match is not None:
        east = int(match[2]) * 3_600 + int(match[3]) * 60
        return -east if match[1] == "-" else east
    info = _zone(zone)
    # Clamped to the part of the calendar in which Python converts every zone.
    seconds = min(max(instant.nanos // NANOS_PER_SECOND, -62_135_510_400), 253_402_214_400)
    offset = (_UTC_EPOCH + dt.timedelta(seconds=seconds)).astimezone(info).utcoffset()
    return offset.days * 86_400 + offset.seconds if offset else 0


@functools.lru_cache(maxsize=64)
def _zone(name: str) -> zoneinfo.ZoneInfo:
    if len(name) <= 64 and _ZONE.fullmatch(name):
        try:
            return zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise EvaluationError("bad_argument", f"{name[:60]!r} is not a time zone; write `Europe/Paris` or `+01:00`")


def duration_part(length: Duration, unit: int) -> int:
    """The whole units in a length, cut off toward zero; `unit` in nanoseconds."""
    count = abs(length.nanos) // unit
    return count if length.nanos >= 0 else -count


def duration_millis(length: Duration) -> int:
    """The milliseconds beyond whole seconds."""
    count = abs(length.nanos) // 1_000_000 % 1_000
    return count if length.nanos >= 0 else -count
