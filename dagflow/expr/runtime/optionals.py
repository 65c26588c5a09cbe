"""CEL's optional values while an expression runs, and selection where a part may be missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from dagflow.errors import EvaluationError
from dagflow.expr.runtime.compare import at_index, at_key, build_map, find_index, find_key, keys, no_such_key
from dagflow.expr.runtime.convert import type_name
from dagflow.expr.runtime.gas import ELEMENT_SIZE, Gas
from dagflow.model.typeguards import is_dict, is_list
from dagflow.model.values import NONE, Duration, Optional, Timestamp

_T = TypeVar("_T")


class Lazy(Generic[_T]):
    """A value computed at the first read, bound to a name by `cel.bind`."""

    __slots__ = ("_make", "_value")

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make: Callable[[], _T] | None = make

    def __call__(self) -> _T:
        """The value."""
        if self._make is not None:
            self._value = self._make()
            self._make = None
        return self._value


def some(value: object) -> Optional:
    """A present optional."""
    return Optional(value, is_present=True)


def wrap(stored: object) -> Optional:
    """The optional of a value in stored form: None is none."""
    return NONE if stored is None else Optional(stored, is_present=True)


def some_unless_zero(value: object) -> Optional:
    """None for null, false, zero, empty, and the zero instants."""
    is_zero = value == 0 or value is None or value in ("", b"", [], {}) or value in (Timestamp(0), Duration(0), NONE)
    return NONE if is_zero else some(value)


def value_of(optional: Optional) -> object:
    """`o.value()`."""
    if optional.is_present:
        return optional.value
    raise EvaluationError("absent", "`value()` of an optional that is none; use `orValue` or `??`")


def last(items: Sequence[object]) -> Optional:
    """`l.last()`."""
    return some(items[-1]) if items else NONE


def unwrap(gas: Gas, items: Sequence[object]) -> list[object]:
    """The values of the present ones."""
    gas.each(items, 1)
    gas.make(len(items) * ELEMENT_SIZE)
    return [as_optional(item).value for item in items if as_optional(item).is_present]


def as_optional(value: object) -> Optional:
    """The value, which has to be an optional."""
    if type(value) is Optional:
        return value
    raise EvaluationError("type_mismatch", f"an optional is needed here, not {type_name(value)}")


def as_bool(value: object) -> bool:
    """The value, which has to be a bool."""
    if type(value) is bool:
        return value
    raise EvaluationError("type_mismatch", f"a bool is needed here, not {type_name(value)}")


def stored(value: object) -> object:
    """An optional or plain value in stored form."""
    return value.value if type(value) is Optional else value


def select(value: object, name: str) -> object:
    """`value.name` for a value of unknown type."""
    if is_dict(value):
        if name in value:
            return value[name]
        raise no_such_key(name)
    if type(value) is Optional:
        return find_field(value.value, name) if value.is_present else NONE
    raise EvaluationError("no_such_field", f"{type_name(value)} has no fields")


def find_field(value: object, name: str) -> Optional:
    """`value.?name`, and `value.name` for an optional."""
    if is_dict(value):
        return some(value[name]) if name in value else NONE
    if type(value) is Optional:
        return find_field(value.value, name) if value.is_present else NONE
    raise EvaluationError("no_such_field", f"{type_name(value)} has no fields")


def has_field(value: object, name: str) -> bool:
    """`has(value.name)`."""
    if is_dict(value):
        return name in value
    return find_field(value, name).is_present


def find_at(value: object, key: object) -> Optional:
    """`value[?key]`, and `value[key]` for an optional."""
    if is_dict(value):
        return find_key(value, key)
    if is_list(value):
        return find_index(value, key)
    if type(value) is Optional:
        return find_at(value.value, key) if value.is_present else NONE
    raise EvaluationError("type_mismatch", f"{type_name(value)} has no elements")


def at(value: object, key: object) -> object:
    """`value[key]` for a value of unknown type."""
    if is_dict(value):
        return at_key(value, key)
    if is_list(value):
        return at_index(value, key)
    return find_at(value, key)


def map_optional(optional: Optional, function: Callable[[object], object]) -> Optional:
    """`o.optMap(v, …)`."""
    return some(function(optional.value)) if optional.is_present else NONE


def chain_optional(optional: Optional, function: Callable[[object], object]) -> Optional:
    """`o.optFlatMap(v, …)`."""
    return as_optional(function(optional.value)) if optional.is_present else NONE


def build_list(items: Sequence[tuple[bool, object]]) -> list[object]:
    """A list literal with optional elements."""
    made: list[object] = []
    for is_optional, item in items:
        if not is_optional:
            made.append(item)
        elif as_optional(item).is_present:
            made.append(as_optional(item).value)
    return made


def build_optional_map(gas: Gas, entries: Sequence[tuple[bool, object, object]]) -> dict[object, object]:
    """A map literal with optional entries."""
    kept: list[tuple[object, object]] = []
    for is_optional, key, item in entries:
        if not is_optional:
            kept.append((key, item))
        elif as_optional(item).is_present:
            kept.append((key, as_optional(item).value))
    return build_map(gas, kept)


def merge_maps(gas: Gas, maps: Sequence[object]) -> dict[object, object]:
    """The entries `transformMapEntry` made, in one map; a key twice is an error."""
    pairs: list[tuple[object, object]] = []
    for each in maps:
        if not is_dict(each):
            raise EvaluationError("type_mismatch", "`transformMapEntry` takes a map for each entry")
        pairs += zip(keys(each), each.values(), strict=True)
    return build_map(gas, pairs)


def fail(code: str, message: str) -> object:
    """An operation that is certain to fail, once it is evaluated."""
    raise EvaluationError(code, message)
