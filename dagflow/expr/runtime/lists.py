"""Lists and maps as a whole: the functions of generated code that add up, order and rearrange elements."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final, TypeVar, cast

from dagflow.errors import EvaluationError
from dagflow.expr.runtime.arithmetic import duration, int64, uint64
from dagflow.expr.runtime.compare import build_map, key_of
from dagflow.expr.runtime.convert import type_name
from dagflow.expr.runtime.decimal_numbers import total_decimals
from dagflow.expr.runtime.gas import ELEMENT_SIZE, Gas
from dagflow.model.values import Duration, Optional, Timestamp, UInt

_T = TypeVar("_T")

#: Numbers compare with each other, as in JSON, which has one kind of them; everything else with its own kind.
_KIND: Final[dict[type, str]] = {
    bool: "bool",
    int: "number",
    UInt: "number",
    float: "number",
    Decimal: "decimal",
    str: "string",
    bytes: "bytes",
    Timestamp: "timestamp",
    Duration: "duration",
}


def total_int(gas: Gas, items: Sequence[int]) -> int:
    """The sum of ints; 0 of none."""
    return int64(sum(gas.each(items, 1)))


def total_uint(gas: Gas, items: Sequence[int]) -> UInt:
    """The sum of uints; 0 of none."""
    return uint64(sum(gas.each(items, 1)))


def total_double(gas: Gas, items: Sequence[float]) -> float:
    """The sum of doubles, as if it were rounded once, so that ten times 0.1 is 1; 0 of none."""
    return _total_double(gas.each(items, 1))


def _total_double(items: Sequence[float]) -> float:
    try:
        return math.fsum(items)
    except (OverflowError, ValueError):
        # Beyond the largest double, or infinities of both signs: what adding one after the other makes of it.
        found = 0.0
        for item in items:
            found += item
        return found


def total_duration(gas: Gas, items: Sequence[Duration]) -> Duration:
    """The sum of durations; 0s of none."""
    return duration(sum(item.nanos for item in gas.each(items, 1)))


def total_decimal(gas: Gas, items: list[Decimal]) -> Decimal:
    """The sum of decimal numbers, exact; 0 of none."""
    return total_decimals(gas.each(items, 1))


def total(gas: Gas, items: Sequence[object]) -> object:
    """The sum of elements of unknown types: of numbers, a double or decimal if there is one among them; or of durations."""
    kinds = {type(item) for item in gas.each(items, 1)}
    if kinds <= {int}:
        return int64(sum(cast("Sequence[int]", items)))
    if kinds == {UInt}:
        return uint64(sum(cast("Sequence[int]", items)))
    if kinds == {Duration}:
        return duration(sum(cast("Duration", item).nanos for item in items))
    if kinds <= {int, Decimal}:
        return total_decimals(cast("list[Decimal]", items))
    if kinds <= {int, float}:
        return _total_double([float(cast("float", item)) for item in items])
    raise _mixed("sum", items, "numbers or durations")


def average(gas: Gas, items: Sequence[object]) -> float:
    """The mean of numbers, as a double."""
    if not gas.each(items, 1):
        raise _empty("avg")
    if any(_KIND.get(type(item)) != "number" for item in items):
        raise _mixed("avg", items, "numbers")
    return _total_double([float(cast("float", item)) for item in items]) / len(items)


def smallest(gas: Gas, items: Sequence[_T]) -> _T:
    """The first of the smallest elements; NaN if there is one."""
    return _outermost(gas, items, "min", min)


def largest(gas: Gas, items: Sequence[_T]) -> _T:
    """The first of the largest elements; NaN if there is one."""
    return _outermost(gas, items, "max", max)


def _outermost(gas: Gas, items: Sequence[_T], name: str, choose: Callable[..., _T]) -> _T:
    if not items:
        raise _empty(name)
    keys = _keys(gas, name, items)
    for item in items:
        if item != item:  # noqa: PLR0124 - true of NaN alone
            return item
    return items[choose(range(len(items)), key=keys.__getitem__)]  # type: ignore[call-overload, no-any-return]


def in_order(gas: Gas, items: Sequence[_T]) -> list[_T]:
    """The elements from the smallest to the largest; equal ones keep their order, and NaN comes last."""
    return in_order_of(gas, items, items, "sort")


def in_order_of(gas: Gas, items: Sequence[_T], by: Sequence[object], name: str = "sortBy") -> list[_T]:
    """The elements in the order of their keys."""
    keys = _keys(gas, name, by)
    gas.make(len(items) * ELEMENT_SIZE)
    gas.use(len(items) * len(items).bit_length() >> 6)
    return [items[place] for place in sorted(range(len(items)), key=keys.__getitem__)]


def _keys(gas: Gas, name: str, items: Sequence[object]) -> list[tuple[bool, object]]:
    """What Python compares in the place of the elements, each paid for once."""
    gas.each(items, 1)
    kinds = {_KIND.get(type(item), "") for item in items}
    if len(kinds) > 1 or "" in kinds:
        raise _mixed(name, items, "numbers, texts, timestamps or durations, all of one kind")
    if kinds <= {"string", "bytes"}:
        for item in items:
            gas.scan(cast("str", item))
    if kinds <= {"timestamp", "duration"}:
        return [(False, cast("Duration", item).nanos) for item in items]
    return [(item != item, item) for item in items]  # noqa: PLR0124 - true of NaN alone


def distinct(gas: Gas, items: Sequence[_T]) -> list[_T]:
    """The elements without repetitions: the first of equal ones stays."""
    gas.each(items, 1)
    gas.make(len(items) * ELEMENT_SIZE)
    first: dict[object, _T] = {}
    for item in items:
        first.setdefault(_identity(gas, item), item)
    return list(first.values())


def _identity(gas: Gas, value: object) -> object:
    """Equal for equal values only, and hashable. NaN equals nothing."""
    kind = type(value)
    if kind is bool:
        return kind, value
    if kind is list:
        items = cast("list[object]", value)
        return "list", tuple(_identity(gas, item) for item in gas.each(items, 1))
    if kind is dict:
        entries = cast("dict[object, object]", value)
        gas.each(entries, 1)
        return "map", frozenset((_identity(gas, key), _identity(gas, item)) for key, item in entries.items())
    if kind is Optional:
        optional = cast("Optional", value)
        return "optional", optional.is_present and _identity(gas, optional.value), optional.is_present
    if kind is str or kind is bytes:
        gas.scan(cast("str", value))
    return object() if value != value else value  # noqa: PLR0124 - true of NaN alone


def flattened(gas: Gas, items: Sequence[object]) -> list[object]:
    """The elements of the elements, one level deep; what is no list stays as it is."""
    gas.each(items, 1)
    found: list[object] = []
    for item in items:
        inner = cast("list[object]", item) if type(item) is list else [item]
        gas.make(len(inner) * ELEMENT_SIZE)
        gas.use(len(inner) >> 7)
        found += inner
    return found


def sliced(gas: Gas, items: Sequence[_T], start: int, end: int) -> list[_T]:
    """The elements from one index up to, and without, another."""
    if not 0 <= start <= end <= len(items):
        raise EvaluationError("index_out_of_range", f"`slice` from {start} to {end} of a list of {len(items)}")
    gas.make((end - start) * ELEMENT_SIZE)
    return list(items[start:end])


def numbered(gas: Gas, count: int) -> list[int]:
    """The ints from 0 up to, and without, a count."""
    if count < 0:
        raise EvaluationError("bad_argument", f"`lists.range` must have a count that is not negative; got {count}")
    gas.make(count * ELEMENT_SIZE)
    gas.use(count >> 7)
    return list(range(count))


def grouped(gas: Gas, by: Sequence[object], items: Sequence[object]) -> dict[object, object]:
    """The elements by their keys; keys in the order of their first element, and elements in their order."""
    gas.each(items, 1)
    gas.make(len(items) * ELEMENT_SIZE)
    found: dict[object, list[object]] = {}
    for item, key in zip(items, by, strict=True):
        found.setdefault(key_of(key), []).append(item)
    gas.make(len(found) * ELEMENT_SIZE)
    return cast("dict[object, object]", found)


def by_keys(gas: Gas, by: Sequence[object], values: Sequence[object]) -> dict[object, object]:
    """A map from keys to values; a key twice is an error."""
    gas.each(by, 1)
    return build_map(gas, zip(by, values, strict=True))


def as_long_as(items: Sequence[_T], other: Sequence[object]) -> Sequence[_T]:
    """The first list, which must be as long as the other one."""
    if len(items) != len(other):
        raise EvaluationError("bad_argument", f"`zip` must have two lists of one length; got {len(items)} and {len(other)}")
    return items


def merged(gas: Gas, left: object, right: object) -> dict[object, object]:
    """The entries of both maps; those of the right one replace the others."""
    made = {**gas.each(_a_map(left), 1), **gas.each(_a_map(right), 1)}
    gas.make(len(made) * ELEMENT_SIZE)
    return made


def merged_present(gas: Gas, left: object, right: object) -> dict[object, object]:
    """The same, without the fields of the right one that have no value."""
    return merged(gas, left, {name: value for name, value in gas.each(_a_map(right), 1).items() if value is not None})


def _a_map(value: object) -> dict[object, object]:
    if type(value) is dict:
        return cast("dict[object, object]", value)
    raise EvaluationError("type_mismatch", f"`merge` must have two maps; got {type_name(value)}")


def a_list(value: object) -> list[object]:
    """The value, which must be a list."""
    if type(value) is list:
        return cast("list[object]", value)
    raise EvaluationError("type_mismatch", f"a list is needed here; got {type_name(value)}")


def _empty(name: str) -> EvaluationError:
    return EvaluationError("bad_argument", f"`{name}` must have at least one element; got an empty list")


def _mixed(name: str, items: Iterable[object], wanted: str) -> EvaluationError:
    kinds = ", ".join(sorted({type_name(item) for item in items}))
    return EvaluationError("type_mismatch", f"`{name}` must have {wanted}; got {kinds}"[:300])
