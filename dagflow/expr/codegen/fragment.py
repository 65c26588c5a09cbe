"""A piece of generated Python with its properties, and the readers of the checked form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeGuard

import attrs

from dagflow.errors import StoreError
from dagflow.model.typeguards import is_sequence

#: A generated text nests at most so many brackets; Python itself stops at 200.
MAX_DEPTH: Final = 40

#: The checked form of an expression: `[op, …]` with strings, numbers, bools, None and such lists inside; from the checker they are tuples.
Core = Sequence[object]


_NOTHING: Final = frozenset[int]()


class Fragment(NamedTuple):
    """A Python expression.

    Attributes:
        depth: how deeply its brackets nest, at most.
        can_fail: whether evaluating it can raise anything but `Exhausted`.
        cost: the gas steps its operators stand for when it is evaluated once, inner loops not counted.
        locals: the macro variables it reads.
        uses_gas: whether it names the budget.
        is_constant: whether it is a literal.
    """

    text: str
    depth: int = 0
    can_fail: bool = False
    cost: int = 0
    locals: frozenset[int] = _NOTHING
    uses_gas: bool = False
    is_constant: bool = False


@attrs.frozen
class Scope:
    """Where a fragment will stand.

    Attributes:
        is_loop: whether it is evaluated again and again.
        variables: the macro variables there are.
        lazy: those of them that are `Lazy`.
    """

    is_loop: bool = False
    variables: frozenset[int] = frozenset()
    lazy: frozenset[int] = frozenset()

    def binding(self, *variables: int, is_loop: bool = False, is_lazy: bool = False) -> Scope:
        """The scope inside, with more variables."""
        added = frozenset(variables)
        lazy = self.lazy | added if is_lazy else self.lazy - added
        return Scope(self.is_loop or is_loop, self.variables | added, lazy)


def combine(template: str, parts: Sequence[Fragment], *, can_fail: bool, cost: int, uses_gas: bool = False) -> Fragment:
    """A fragment around others; its own `can_fail`, `cost` and `uses_gas` are added to theirs."""
    texts: list[str] = []
    depth = 0
    read = _NOTHING
    for part in parts:
        texts.append(part.text)
        depth = max(depth, part.depth)
        can_fail = can_fail or part.can_fail
        uses_gas = uses_gas or part.uses_gas
        cost += part.cost
        if part.locals:
            read |= part.locals
    return Fragment(template.format(*texts), depth + 1, can_fail, cost, read, uses_gas)


def damaged(what: object) -> StoreError:
    """The error for a checked form the checker cannot have made."""
    return StoreError(f"a compiled expression is damaged: {what!r}"[:200])


def is_core(value: object) -> TypeGuard[Core]:
    """Whether it has the shape of a checked form."""
    return is_sequence(value) and bool(value) and isinstance(value[0], str)


def strings(value: object) -> list[str]:
    """The value, which has to be a list of strings."""
    if is_sequence(value):
        found = [each for each in value if isinstance(each, str)]
        if len(found) == len(value):
            return found
    raise damaged(value)


def flags(value: object, count: int) -> list[bool]:
    """The value, which has to be a list of so many bools."""
    if is_sequence(value):
        found = [each for each in value if isinstance(each, bool)]
        if len(found) == len(value) == count:
            return found
    raise damaged(value)


def text(value: object) -> str:
    """The value, which has to be a string."""
    if isinstance(value, str):
        return value
    raise damaged(value)


def variable(value: object) -> int:
    """The value, which has to be the number of a macro variable."""
    if type(value) is int and 0 <= value < 10_000:
        return value
    raise damaged(value)


def flattened(core: Core) -> list[object]:
    """The operands of `a && b && c`, however it is nested."""
    operands: list[object] = []
    for operand in core[1:]:
        if is_core(operand) and operand[0] == core[0]:
            operands += flattened(operand)
        else:
            operands.append(operand)
    return operands
