"""Bound the size of an expression's value from below, written out as JSON, from its text.

A part that has a name is computed once, and is written out as often as it is read. Each part of the text is visited once, so
this takes no longer than reading it. An unknown size counts as nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, cast

from dagflow.expr.codegen.fragment import Core, is_core

#: More is not counted: such a value fits nowhere.
_ENOUGH: Final = 1 << 50
#: Ops whose value is written out like that of their operand, if there is one.
_SAME: Final = frozenset({"wrap", "store", "plain"})
_ADDING: Final = frozenset({"_+_(string, string)", "_+_(list(A), list(A))"})


class _Shape(NamedTuple):
    """Of a value: bytes at least; of each of its elements, if it has any; and how many it has, where that is certain."""

    width: int = 0
    element: int = 0
    length: int | None = None


_ANYTHING: Final = _Shape()
_Shapes = dict[int, _Shape]


def width_of(core: object) -> int:
    """Bytes of JSON that the value of a checked form takes at least, if there comes to be one."""
    try:
        return _shape(core, {}).width
    except RecursionError:  # pragma: no cover - a stored form is flat; only one made by hand can be this deep
        return _ENOUGH


def _shape(core: object, known: _Shapes) -> _Shape:
    if not is_core(core):
        return _ANYTHING
    match core[0]:
        case "string":
            return _Shape(len(str(core[1])) + 2)
        case "bool" | "int" | "uint" | "double":
            return _Shape(1)
        case "local":
            return known.get(cast("int", core[1]), _ANYTHING)
        case "bind":
            return _bound(core, known)
        case "list":
            flags = cast("Sequence[object]", core[1])
            items = [_shape(item, known).width for item, is_optional in zip(core[2:], flags, strict=True) if not is_optional]
            return _listed(items, None if len(items) < len(flags) else len(items))
        case "record":
            names = cast("Sequence[str]", core[1])
            # An absent field has no JSON.
            widths = [_shape(item, known).width for item in core[2:]]
            return _Shape(_capped(2 + sum(len(name) + 3 + width for name, width in zip(names, widths, strict=True) if width)))
        case "map":
            # Two entries of one key are an error, so each is written out.
            flags = cast("Sequence[object]", core[1])
            widths = [_shape(item, known).width for item in core[2:]]
            entries = zip(widths[::2], widths[1::2], flags, strict=True)
            return _Shape(_capped(2 + sum(key + value for key, value, is_optional in entries if not is_optional)))
        case "loop":
            return _looped(core, known)
        case "call" if core[1] in _ADDING:
            one, two = _shape(core[2], known), _shape(core[3], known)
            length = None if one.length is None or two.length is None else one.length + two.length
            return _Shape(_capped(max(0, one.width + two.width - 2)), min(one.element, two.element), length)
        case op if op in _SAME:
            return _shape(core[1], known)
        case "if":
            return _either(core[2], core[3], known)
        case "coalesce" | "or" | "or_value":
            return _either(core[1], core[2], known)
        case _:
            return _ANYTHING


def _either(first: object, second: object, known: _Shapes) -> _Shape:
    one, two = _shape(first, known), _shape(second, known)
    length = one.length if one.length == two.length else None
    return _Shape(min(one.width, two.width), min(one.element, two.element), length)


def _bound(core: Core, known: _Shapes) -> _Shape:
    _, index, init, body = core
    return _shape(body, {**known, cast("int", index): _shape(init, known)})


def _looped(core: Core, known: _Shapes) -> _Shape:
    """`map` over a list keeps the number of its elements; the results of the other macros are unknown."""
    _, kind, _, first, second, items, condition, value = core
    if kind != "list":
        return _ANYTHING
    over = _shape(items, known)
    variables = {cast("int", second if second is not None else first): _Shape(over.element)}
    if second is not None:
        variables[cast("int", first)] = _ANYTHING
    element = _shape(value, {**known, **variables}).width
    if condition is not None or over.length is None:
        return _Shape(2, element)
    return _listed([element] * min(over.length, 1), over.length)


def _listed(items: Sequence[int], length: int | None) -> _Shape:
    """A list of such elements, or, where there is one and more are to come, of elements like it."""
    width = sum(max(1, item) + 1 for item in items)
    if length is not None and len(items) == 1:
        width *= length
    return _Shape(_capped(1 + max(1, width)), min(items, default=0), length)


def _capped(width: int) -> int:
    return min(width, _ENOUGH)
