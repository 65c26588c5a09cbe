"""Values of a host as JSON: a program passes datetimes, models and sets where a flow wants their JSON.

The type of the flow decides later whether a value fits; here each object becomes its own JSON form, as in the result of an action.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias, TypeVar, cast

from dagflow.actions.host_exceptions import text_of
from dagflow.actions.record_classes import named_parts
from dagflow.actions.signatures import shape_of
from dagflow.actions.text_shapes import TEXT_SHAPES
from dagflow.errors import UsageError
from dagflow.model.decimals import checked, decimal_text
from dagflow.model.typeguards import is_sequence, is_set
from dagflow.model.types import JSON
from dagflow.model.values import Duration, Secret, Timestamp, UInt
from dagflow.model.wire import codec as wire
from dagflow.model.wire import text_forms
from dagflow.model.wire.codec import MAX_SIZE, Problem, TooLarge, WireError
from dagflow.model.wire.json_reader import MAX_DEPTH, pointer_step
from dagflow.model.wire.scalars import MEMBER_SIZE

_T = TypeVar("_T")
#: A value with more parts is too large for every type.
_MOST_PARTS: Final = MAX_SIZE // MEMBER_SIZE
_LEAVES: Final = frozenset({str, int, float, bool, type(None)})
_NO_ZONE: Final = "a datetime with no time zone; give it one, such as `tzinfo=datetime.UTC`"


def as_json(value: object) -> object:
    """Make JSON of a host's value; JSON itself is returned as it is.

    Datetimes, timedeltas, dates, times, decimals, UUIDs and bytes become text, enums their values, sets and tuples lists, and objects
    of attrs classes, dataclasses, pydantic models and NamedTuples objects. Any other object stays, and does not fit any type.

    Raises:
        WireError: a datetime has no time zone, or a value is outside of the range of its kind; with the places.
    """
    if _is_json(value):
        return value
    converting = _Converting()
    result = converting.of(value, None, 0)
    if converting.problems:
        raise WireError(converting.problems)
    return result


def value_as(value: object, type_: type[_T], where: str) -> _T:
    """Make a value in stored form, such as an output, a value of a type of the host.

    Args:
        value: in stored form.
        type_: any annotation that an action may have.
        where: the origin of the value, for messages.

    Raises:
        WireError: the value is not of that type; with the places.
        UsageError: the type has no counterpart in the language, or its class refuses the value.
    """
    shape = shape_of(type_, where)
    stored = wire.codec(shape.type).open.decode(wire.encode(value, JSON))

    def reveal(name: str) -> str:
        raise UsageError(f"{where}: the content of the secret `{name}` is for actions alone; use `str`")

    try:
        made: _T = shape.into(stored, reveal)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{where}: {text_of(error)}") from error
    return made


def _is_json(value: object) -> bool:
    """Whether nothing has to be converted. A value with too many parts counts as JSON: its size is checked with its type."""
    left, n_left = [value], _MOST_PARTS
    while left and n_left >= 0:
        each = left.pop()
        kind = type(each)
        if kind is dict:
            members = cast("dict[object, object]", each)
            for key in members:
                if type(key) is not str:
                    return False
            parts: Collection[object] = members.values()
        elif kind is list:
            parts = cast("list[object]", each)
        elif kind in _LEAVES:
            continue
        else:
            return False
        n_left -= len(parts)
        for part in parts:
            if type(part) not in _LEAVES:
                left.append(part)  # noqa: PERF401 - a list for each object would cost more than most objects
    return True


#: The steps to a place, the last one first; a text is made of them where there is a problem.
_Path: TypeAlias = "tuple[_Path | None, str | int]"


def _pointer(path: _Path | None) -> str:
    return "" if path is None else pointer_step(_pointer(path[0]), path[1])


class _Converting:
    """One conversion, with the problems it finds."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.n_left = _MOST_PARTS

    def of(self, value: object, path: _Path | None, depth: int) -> object:
        """Convert a value. Beyond the depth of any type a value stays, and its type refuses it."""
        self.n_left -= 1
        if self.n_left < 0:
            raise TooLarge([Problem("", "the value has too many parts; keep large data elsewhere and pass its address")])
        kind = type(value)
        if kind in _LEAVES or depth > MAX_DEPTH:
            return value
        form = _FORMS.get(kind)
        if form is not None:
            try:
                return form(value)
            except ValueError as error:
                self.problems.append(Problem(_pointer(path), str(error)))
                return None
        if isinstance(value, enum.Enum):
            return self.of(value.value, path, depth)
        parts = named_parts(value)
        if parts is not None or isinstance(value, Mapping):
            return self._object(cast("Mapping[object, object]", value) if parts is None else parts, path, depth)
        if is_sequence(value):
            return self._list(value, path, depth)
        if is_set(value):
            # In one order, so that a repeated start has the same input.
            return sorted(self._list(list(value), path, depth), key=_order)
        return value

    def _object(self, members: Mapping[Any, object], path: _Path | None, depth: int) -> dict[object, object]:
        named = [(self._key(key), member) for key, member in members.items()]
        return {key: self.of(member, (path, str(key)), depth + 1) for key, member in named}

    def _list(self, elements: Sequence[object], path: _Path | None, depth: int) -> list[object]:
        return [self.of(element, (path, number), depth + 1) for number, element in enumerate(elements)]

    def _key(self, key: object) -> object:
        if isinstance(key, bool):
            return "true" if key else "false"
        if isinstance(key, enum.Enum):
            return self._key(key.value)
        form = _FORMS.get(type(key))
        return str(int(key)) if isinstance(key, int) else key if form is None else form(key)


def _order(value: object) -> tuple[str, Any]:
    """Numbers among numbers, texts among texts, and everything else by how it looks."""
    match value:
        case bool() | None:
            return "", repr(value)
        case int() | float():
            return "a number", value
        case str():
            return "a text", value
        case _:
            return "something else", repr(value)


def _datetime(value: dt.datetime) -> str:
    if value.tzinfo is None or value.utcoffset() is None:
        raise ValueError(_NO_ZONE)
    return text_forms.format_timestamp(Timestamp.from_datetime(value))


def _time(value: dt.time) -> str:
    if value.tzinfo is not None:
        raise ValueError("a time of day with a time zone; pass a datetime, or a time without one")
    return value.isoformat()


#: From a value to its JSON, by its class. Raises ValueError: it has none.
_FORMS: Final[Mapping[type, Callable[[Any], object]]] = {
    **{class_: shape.out for class_, shape in TEXT_SHAPES.items()},
    Decimal: lambda value: decimal_text(checked(value)),
    dt.datetime: _datetime,
    dt.time: _time,
    dt.timedelta: lambda value: text_forms.format_duration(Duration.from_timedelta(value)),
    Timestamp: text_forms.format_timestamp,
    Duration: text_forms.format_duration,
    UInt: int,
    Secret: lambda value: {"secret": value.name},
    bytes: text_forms.format_bytes,
}
