"""Bound the steps of an expression from its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import attrs

from dagflow.expr.codegen.fragment import is_core
from dagflow.expr.library.namespace import TABLE
from dagflow.expr.runtime.gas import STEP_LIMIT

LIMIT: Final = STEP_LIMIT


@attrs.frozen
class Cost:
    """Steps of one evaluation. `at_most` takes a list of unknown length for all the gas there is; `at_least` for one element.

    `&&` and `||` may stop early; both figures take them to go on.
    """

    at_least: int
    at_most: int


def cost_of(core: object) -> Cost:
    """The cost of a checked form."""
    try:
        low, high = _cost(core)
    except RecursionError:  # pragma: no cover - a stored form is flat; only one made by hand can be this deep
        low, high = LIMIT + 1, LIMIT + 1
    return Cost(low, min(max(high, low), max(LIMIT, low)))


def _cost(core: object) -> tuple[int, int]:
    if not is_core(core):
        return 0, 0
    if core[0] == "loop":
        _, _, _, _, _, items, condition, value = cast("tuple[object, ...]", core)
        return _loop((), items, (condition, value))
    if core[0] == "fold":
        _, _, _, _, first, items, body = cast("tuple[object, ...]", core)
        return _loop((first,), items, (body,))
    own = 1
    if core[0] == "call" and len(core) > 1:
        row = TABLE.by_id.get(cast("str", core[1]))
        own = row.cost if row is not None else 1
    low = high = own
    for part in core[2 if core[0] == "record" else 1 :]:
        a, b = _cost(part)
        low, high = low + a, high + b
    return low, high


def _loop(before: Sequence[object], items: object, parts: Sequence[object]) -> tuple[int, int]:
    """A loop over items; `parts` are evaluated for each of them."""
    once = [_cost(part) for part in (*before, items)]
    inner = [_cost(part) for part in parts]
    length = _length(items)
    low, high = sum(each[0] for each in once), sum(each[1] for each in once)
    a, b = 1 + sum(each[0] for each in inner), 1 + sum(each[1] for each in inner)
    if length is None:
        return low + a, high + LIMIT
    return low + length * a, high + length * b


def _length(items: object) -> int | None:
    """The number of elements, where the text says it."""
    if is_core(items) and items[0] == "list":
        return len(items) - 2
    if is_core(items) and items[0] == "record":
        return len(items) - 2
    if is_core(items) and items[0] == "loop" and items[1] == "list" and items[6] is None:
        return _length(items[5])
    return None
