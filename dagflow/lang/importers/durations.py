"""Lengths of time as people write them in JSON, `"2 days"`, made into duration literals, `2d`."""

from __future__ import annotations

import re
from typing import Final

from dagflow.model.lengths import parts_of

_NANOS: Final = {
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_UNITS: Final = {
    word: unit
    for unit, words in {
        "ms": "ms msec msecs millisecond milliseconds",
        "s": "s sec secs second seconds",
        "m": "m min mins minute minutes",
        "h": "h hr hrs hour hours",
        "d": "d day days",
        "w": "w wk wks week weeks",
    }.items()
    for word in words.split()
}
_CALENDAR: Final = frozenset(["mo", "mon", "month", "months", "quarter", "quarters", "y", "yr", "yrs", "year", "years"])
_PART: Final = re.compile(r"\s*([0-9]{1,12})(?:\.([0-9]{1,9}))?\s*([A-Za-z]+)\s*(?:,|\band\b)?", re.ASCII)
#: 366 days: the longest wait.
MAX_NS: Final = 366 * _NANOS["d"]


def duration_literal(text: str) -> str:
    """The literal for `2 days`, `1 hour 30 minutes`, `1.5h`, `90s` and the like.

    Raises:
        ValueError: it is no such length; says what to write.
    """
    nanos, at = 0, 0
    if not text.strip() or len(text) > 200:
        raise ValueError('write a duration such as "2 days"')
    while at < len(text.rstrip()):
        match = _PART.match(text, at)
        if match is None:
            missing = " with its unit" if re.fullmatch(r"\s*[0-9.]+\s*", text) else ""
            raise ValueError(f'write a duration{missing}, such as "2 days", "36 hours" or "1h30m"')
        word = match[3].lower()
        if word in _CALENDAR:
            raise ValueError(f"a {word.rstrip('s')} has no fixed length; write days or weeks")
        if word not in _UNITS:
            raise ValueError(f"`{match[3][:20]}` is not a unit; the units are weeks, days, hours, minutes, seconds and ms")
        scale = _NANOS[_UNITS[word]]
        fraction = match[2] or ""
        nanos += int(match[1]) * scale + int(fraction or "0") * scale // 10 ** len(fraction)
        at = match.end()
    if nanos < _NANOS["ms"]:
        raise ValueError("a wait lasts at least 1 ms")
    if nanos > MAX_NS:
        raise ValueError("a wait lasts at most 366 days")
    return _literal(nanos)


def _literal(nanos: int) -> str:
    """Weeks only if no rest remains; otherwise from days down, without zeros."""
    if nanos % _NANOS["w"] == 0:
        return f"{nanos // _NANOS['w']}w"
    return "".join(parts_of(nanos))
