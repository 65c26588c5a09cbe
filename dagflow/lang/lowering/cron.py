"""Cron schedules: five fields, each `*`, numbers, names, ranges and steps, with diagnostics to the character.

The form is that of crontab(5): minute, hour, day of the month, month, day of the week. What other schedulers have beyond it
(seconds, `?`, `L`, `W`, `#`, `@daily`) is refused with the words for it here. Where both kinds of day are named, one of
the two is enough, as everywhere; a field that begins with `*` names none.
"""

from __future__ import annotations

import functools
import re
import zoneinfo
from typing import Final

import attrs

from dagflow.diagnostic import nearest
from dagflow.model.policies import Schedule

_WORDS: Final = "fields: minute hour day month weekday"
_MACROS: Final = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0", "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
#: The longest there can be, in a leap year.
_DAYS: Final = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MOST_SHOWN: Final = 20
#: Past so many parts a field has certainly said everything.
_MOST_PARTS: Final = 200


@attrs.frozen
class _Field:
    name: str
    plural: str
    least: int
    most: int
    names: tuple[str, ...] = ()

    @property
    def a_name(self) -> str:
        return f"{'an' if self.name == 'hour' else 'a'} {self.name}"


_FIELDS: Final = (
    _Field("minute", "minutes", 0, 59),
    _Field("hour", "hours", 0, 23),
    _Field("day", "days", 1, 31),
    _Field("month", "months", 1, 12, _MONTHS),
    _Field("weekday", "weekdays", 0, 6, _WEEKDAYS),
)


@attrs.frozen
class CronProblem(Exception):  # noqa: N818 - a finding, not a failure
    """An error in a schedule; `start` and `end` count in its text. `fix`: the replacement for that part, or None."""

    start: int
    end: int
    title: str
    label: str
    help: str = _WORDS
    fix: str | None = None


def parse_cron(text: str, zone: str) -> Schedule:
    """The schedule a text means, in a time zone that exists.

    Raises:
        CronProblem: it means none; the first thing that is wrong with it.
    """
    macro = text.strip()
    if macro.startswith("@"):
        raise _macro(text, macro)
    places = [(match.start(), match.group()) for match in re.finditer(r"\S+", text)]
    if len(places) != len(_FIELDS):
        raise _wrong_count(text, places)
    values = [_values(field, place, part) for field, (place, part) in zip(_FIELDS, places, strict=True)]
    minutes, hours, days, months, weekdays = values
    is_either_day = not any(part.startswith("*") for _, part in (places[2], places[4]))
    longest = max(_DAYS[month] for month in months)
    if days[0] > longest and not is_either_day:
        start, end = places[2][0], places[3][0] + len(places[3][1])
        label = f"no month of these has more than {longest} days"
        raise CronProblem(start, end, "this schedule never fires", label, "choose a date that exists")
    return Schedule(
        text=text, zone=zone, minutes=minutes, hours=hours, days=days, months=months, weekdays=weekdays,
        is_either_day=is_either_day,
    )  # fmt: skip


def check_zone(name: str) -> CronProblem | None:
    """The error in the name of a time zone, if there is one."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}", name):
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass
        else:
            return None
    known = _known_zones()
    meant = nearest(name[:64], known)
    if meant is None:  # a city without its continent
        meant = next((zone for zone in known if zone.rpartition("/")[2].lower() == name.replace(" ", "_").lower()), None)
    help_ = f"did you mean `{meant}`?" if meant else "write it like `Europe/Paris`, or `UTC`"
    return CronProblem(0, len(name), f"unknown time zone `{_shown(name)}`", "no zone of this name", help_, meant)


@functools.cache
def _known_zones() -> list[str]:
    """The names of all zones; finding them takes long."""
    return sorted(zoneinfo.available_timezones())


def _macro(text: str, macro: str) -> CronProblem:
    start = text.index(macro)
    written = _MACROS.get(macro.lower())
    help_ = f"write `{written}`; {_WORDS}" if written else f"{_WORDS}, such as `0 9 * * MON`"
    return CronProblem(
        start, start + len(macro), f"`{_shown(macro)}` is not a schedule", "schedules have five fields", help_, written
    )


def _wrong_count(text: str, places: list[tuple[int, str]]) -> CronProblem:
    count = len(places)
    title = f"this schedule has {count} field" + "s" * (count != 1) + f", it needs {len(_FIELDS)}"
    if count > len(_FIELDS):
        start = places[len(_FIELDS)][0]
        end = places[-1][0] + len(places[-1][1])
        extra = "one too many" if count == len(_FIELDS) + 1 else f"{count - len(_FIELDS)} too many"
        return CronProblem(start, end, title, extra, f"{_WORDS}; there are no seconds and no years")
    missing = [field.name for field in _FIELDS[count:]]
    fix = " ".join([text.strip(), *"*" * len(missing)]) if places else None
    label = f"nothing for {' and '.join([', '.join(missing[:-1]), missing[-1]]) if len(missing) > 1 else missing[0]}"
    return CronProblem(0, len(text), title, label, f"{_WORDS}; `*` is every one of them", fix)


def _values(field: _Field, place: int, text: str) -> tuple[int, ...]:
    """The numbers one field stands for, ascending."""
    found: set[int] = set()
    parts = text.split(",")
    if len(parts) > _MOST_PARTS:
        label = f"{len(parts)} parts in one field"
        raise CronProblem(place, place + len(text), f"this {field.name} has too many parts", label)
    for part in parts:
        found.update(_part(field, place, part))
        place += len(part) + 1
    return tuple(sorted(value % 7 if field.names is _WEEKDAYS else value for value in found))


def _part(field: _Field, place: int, part: str) -> range:
    """`*`, `5`, `MON-FRI`, any of them with `/2`."""
    body, slash, step = part.partition("/")
    if not body:
        end = place + max(len(part), 1)
        raise CronProblem(place, end, f"this {field.name} is empty", "a number is missing here")
    if body in {"?", "L", "W"} or "#" in body:
        help_ = "for every one write `*`" if body == "?" else "list the days"
        raise CronProblem(
            place, place + len(body), f"`{_shown(body)}` is not {field.a_name}", "from another schedule syntax", help_,
            "*" if body == "?" else None,
        )  # fmt: skip
    if body == "*":
        first, last = field.least, field.most
    else:
        first, last = _range(field, place, body)
    if not slash:
        return range(first, last + 1)
    width = _step(field, place + len(body) + 1, step)
    if body != "*" and "-" not in body:
        title = f"`{_shown(part)}` has no end"
        meant = f"{body}-{field.most}/{step}"
        raise CronProblem(
            place, place + len(part), title, "a step needs a range", f"from there on to the last: `{meant}`", meant
        )
    return range(first, last + 1, width)


def _step(field: _Field, place: int, text: str) -> int:
    step = _number(text)
    most = field.most - field.least
    if step is None or not 1 <= step <= most:
        title = f"a step of {_shown(text)} " + ("never moves" if step == 0 else f"does not fit {field.plural}")
        if step is None:
            title = f"`{_shown(text)}` is not a step"
        help_ = f"`*/2` is every second {field.name}"
        end = place + max(len(text), 1)
        raise CronProblem(place, end, title, f"steps of {field.plural} are 1 to {most}", help_)
    return step


def _range(field: _Field, place: int, body: str) -> tuple[int, int]:
    left, dash, right = body.partition("-")
    first = _value(field, place, left)
    if not dash:
        return first, first
    last = _value(field, place + len(left) + 1, right)
    if field.names is _WEEKDAYS and last == 0 and first > 0:
        last = 7  # a week that ends with its Sunday
    if first > last:
        names = {number + field.least: name for number, name in enumerate(field.names)} if left.isalpha() else {}
        begin, end = names.get(field.least, str(field.least)), names.get(field.most, str(field.most))
        meant = f"{left if first == field.most else f'{left}-{end}'},{right if last == field.least else f'{begin}-{right}'}"
        raise CronProblem(
            place, place + len(body), "this range goes backwards", f"{_shown(left)} comes after {_shown(right)}",
            f"around the end of it: `{meant}`", meant,
        )  # fmt: skip
    return first, last


def _value(field: _Field, place: int, text: str) -> int:
    if text.upper() in field.names:
        return field.names.index(text.upper()) + field.least
    end = place + max(len(text), 1)
    number = _number(text)
    if number is None:
        raise _no_number(field, place, end, text)
    most = 7 if field.names is _WEEKDAYS else field.most  # Sunday is 0, and 7
    if not field.least <= number <= most:
        label = f"{field.plural} are {field.least} to {field.most}"
        if field.names is _WEEKDAYS:
            label = "weekdays are 0 to 7, Sunday is both"
        raise CronProblem(place, end, f"{field.name} {_shown(text)} does not exist", label)
    return number


def _no_number(field: _Field, place: int, end: int, text: str) -> CronProblem:
    if not text:
        return CronProblem(place, end, f"this {field.name} is not whole", "a number is missing here")
    other = next((each for each in _FIELDS if text.upper() in each.names), None)
    if other is not None:
        label = (
            f"this is the field of the {field.name}, a {other.name} stands in the {('fourth', 'fifth')[other is _FIELDS[4]]}"
        )
        return CronProblem(place, end, f"`{_shown(text)}` is not {field.a_name}", label)
    meant = nearest(text.upper()[:_MOST_SHOWN], field.names)
    label = f"{field.plural} are {field.least} to {field.most}"
    if field.names:
        label += f", or {field.names[0]} to {field.names[-1]}"
    help_ = f"did you mean `{meant}`?" if meant else _WORDS
    return CronProblem(place, end, f"`{_shown(text)}` is not {field.a_name}", label, help_, meant)


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()):
        return None
    return int(text) if len(text) < 10 else 10**9


def _shown(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
