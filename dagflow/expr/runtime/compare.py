"""Equality, membership and lookup by CEL's rules, for values whose types are not known before.

Python's `==` differs in three places: `True == 1`, a NaN in a list is equal to itself, and a dict cannot hold both `true`
and `1`. Where keys of both kinds may meet, `BoolKey` wraps bool keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import attrs

from dagflow.errors import EvaluationError
from dagflow.expr.runtime.gas import Gas
from dagflow.model.typeguards import is_dict, is_list
from dagflow.model.values import Optional, UInt

_NUMBERS: Final = frozenset({int, float, UInt, Decimal})
_PLAIN: Final = frozenset({bool, str, bytes, type(None)})


@attrs.frozen
class BoolKey:
    """A bool as a key beside keys of other types."""

    value: bool


def equal(gas: Gas, left: object, right: object) -> bool:
    """Whether two values are the same: numbers by value, other types never equal one another."""
    kind, other = type(left), type(right)
    if kind is other:
        if kind is list or kind is dict:
            return _equal_deep(gas, left, right)  # type: ignore[arg-type]
        if kind is Optional:
            return _equal_optionals(gas, left, right)  # type: ignore[arg-type]
        return left == right
    if kind not in _NUMBERS or other not in _NUMBERS:
        return False
    if kind is float or other is float:
        return float(left) == float(right)  # type: ignore[arg-type]
    return left == right


def _equal_optionals(gas: Gas, left: Optional, right: Optional) -> bool:
    return left.is_present == right.is_present and equal(gas, left.value, right.value)


def _equal_deep(gas: Gas, left: list[object] | dict[object, object], right: list[object] | dict[object, object]) -> bool:
    if len(left) != len(right):
        return False
    gas.each(left, 1)
    if isinstance(left, list):
        return all(equal(gas, a, b) for a, b in zip(left, right, strict=True))
    mixed = _as_dict(right)
    for key, value in left.items():
        found = _find(mixed, key)
        if not found.is_present or not equal(gas, value, found.value):
            return False
    return True


def _as_dict(value: object) -> dict[object, object]:
    return value  # type: ignore[return-value]


def key_of(value: object) -> object:
    """The key of a map for a value, where keys of several types may meet."""
    kind = type(value)
    if kind is bool:
        return BoolKey(value)  # type: ignore[arg-type]
    if kind is str or kind is int or kind is UInt:
        return value
    raise EvaluationError("type_mismatch", "keys of a map are bool, int, uint or string")


def _find(mapping: Mapping[object, object], key: object) -> Optional:
    """The value under a key, with either form of bool keys."""
    kind = type(key)
    if kind is str:
        return Optional(mapping[key], is_present=True) if key in mapping else _NONE
    if kind is BoolKey:
        key, kind = key.value, bool  # type: ignore[attr-defined]
    if kind is bool:
        boxed = BoolKey(key)  # type: ignore[arg-type]
        if boxed in mapping:
            return Optional(mapping[boxed], is_present=True)
    elif kind not in _NUMBERS:
        return _NONE
    if key not in mapping:
        return _NONE
    if any((type(have) is bool) == (kind is bool) for have in mapping if have == key):
        return Optional(mapping[key], is_present=True)
    return _NONE


_NONE: Final = Optional()


def find_key(mapping: Mapping[object, object], key: object) -> Optional:
    """`m[?key]`."""
    return _find(mapping, key)


def find_index(items: Sequence[object], index: object) -> Optional:
    """`l[?index]`."""
    position = _position(index)
    if 0 <= position < len(items):
        return Optional(items[position], is_present=True)
    return _NONE


def at_key(mapping: Mapping[object, object], key: object) -> object:
    """`m[key]` for keys of any type."""
    found = _find(mapping, key)
    if found.is_present:
        return found.value
    raise no_such_key(key)


def at_index(items: Sequence[object], index: object) -> object:
    """`l[index]`."""
    position = _position(index)
    if 0 <= position < len(items):
        return items[position]
    raise EvaluationError("index_out_of_range", f"index {position} of a list of {len(items)}")


def _position(index: object) -> int:
    if type(index) is int or type(index) is UInt:
        return index
    if type(index) is float and index.is_integer():
        return int(index)
    raise EvaluationError("type_mismatch", "the index of a list is a whole number")


def no_such_key(key: object) -> EvaluationError:
    """The error of a lookup."""
    text = repr(key) if isinstance(key, str | int | float) else type(key).__name__
    return EvaluationError("no_such_key", f"no such key: {text[:80]}")


def contains(gas: Gas, value: object, items: Sequence[object]) -> bool:
    """`value in list`."""
    gas.each(items, 1)
    return any(equal(gas, value, item) for item in items)


def has_key(value: object, mapping: Mapping[object, object]) -> bool:
    """`value in map`."""
    return _find(mapping, value).is_present


def build_map(gas: Gas, pairs: Iterable[tuple[object, object]]) -> dict[object, object]:
    """A map literal whose keys are of no known or of several types; a key twice is an error."""
    made: dict[object, object] = {}
    for key, value in pairs:
        kept = key_of(key)
        if kept in made:
            raise EvaluationError("duplicate_key", f"the key {key!r} is given twice")
        gas.make(8)
        made[kept] = value
    return made


def keys(mapping: Mapping[object, object]) -> list[object]:
    """The keys as values."""
    return [key.value if type(key) is BoolKey else key for key in mapping]


def items_of(value: object) -> list[object]:
    """The items that a macro with one variable visits: elements, or keys."""
    if is_list(value):
        return value
    if is_dict(value):
        return keys(value)
    raise EvaluationError("type_mismatch", "only a list or a map has elements")


def pairs_of(value: object) -> list[tuple[object, object]]:
    """The items that a macro with two variables visits: index and element, or key and value."""
    if is_list(value):
        return list(enumerate(value))
    if is_dict(value):
        return list(zip(keys(value), value.values(), strict=True))
    raise EvaluationError("type_mismatch", "only a list or a map has elements")
