"""Find the equalities on one name that must hold for a condition to be true.

From `e.order == order.id && e.total > 3` and the name `e` come the path `order` and the checked form of `order.id`. Whoever has many
conditions of one shape can look them up by that, instead of trying each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from dagflow.expr.codegen.fragment import flattened, is_core

#: Of types whose values are equal only if their JSON is the same text.
_EQUALS: Final = frozenset({"_==_(string, string)", "_==_(int, int)", "_==_(bool, bool)"})


@attrs.frozen
class Equality:
    """Something that has to hold.

    Attributes:
        path: the fields from the name to the compared value.
        core: the checked form of the other operand. reads: the names in it.
    """

    path: tuple[str, ...]
    core: object
    reads: frozenset[str]


def equalities(core: object, name: str) -> Iterator[Equality]:
    """The equalities between a field of the name and something that the name has no part in."""
    if not is_core(core):
        return
    for operand in flattened(core) if core[0] == "all_of" else [core]:
        if is_core(operand) and len(operand) == 4 and operand[0] == "call" and operand[1] in _EQUALS:
            _, _, left, right = operand
            for field, other in ((left, right), (right, left)):
                path, reads = _path(field, name), frozenset(_names(other))
                if path and name not in reads:
                    yield Equality(path, other, reads)


def _path(core: object, name: str) -> tuple[str, ...]:
    fields: list[str] = []
    while is_core(core) and core[0] == "field" and isinstance(core[2], str):
        fields.append(core[2])
        core = core[1]
    return tuple(reversed(fields)) if _is_variable(core, name) else ()


def _is_variable(core: object, name: str) -> bool:
    return is_core(core) and core[0] == "var" and core[1] == name


def _names(core: object) -> Iterator[str]:
    waiting = [core]
    while waiting:
        one = waiting.pop()
        if is_core(one) and one[0] == "var" and isinstance(one[1], str):
            yield one[1]
        elif isinstance(one, list | tuple):
            waiting += one
