"""Value numbering: equal expressions over names with the same meaning get the same number, as their values are always equal.

Each part of a tree is numbered once, by the numbers of its parts, so that long conditions do not cost more than their length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import attrs

from dagflow.expr import tree

#: Tells two things of one name apart; None for a name that means something else from place to place.
Identity: TypeAlias = Callable[[str], "int | None"]


@attrs.define(eq=False)
class ValueNumbering:
    """The numbers assigned so far. It must not outlive the trees it is asked about."""

    _by_form: dict[tuple[object, ...], int] = attrs.field(factory=dict[tuple[object, ...], int], init=False)
    _by_tree: dict[int, int | None] = attrs.field(factory=dict[int, "int | None"], init=False)

    def of(self, expr: tree.Expr, identity: Identity) -> int | None:
        """The number of an expression; None for one that may change, and for macros and texts with values in them."""
        place = id(expr)
        if place not in self._by_tree:
            self._by_tree[place] = self._number(expr, identity)
        return self._by_tree[place]

    def of_condition(self, expr: tree.Expr, identity: Identity) -> tuple[bool, int | None]:
        """Whether a condition is a negation, and the number of its operand, or of itself. `a != b` negates `a == b`."""
        is_negated = False
        while isinstance(expr, tree.Unary) and expr.operator == "!":
            is_negated, expr = not is_negated, expr.operand
        if isinstance(expr, tree.Binary) and expr.operator == "!=":
            return not is_negated, self._formed(("binary", "=="), (expr.left, expr.right), identity)
        return is_negated, self.of(expr, identity)

    def _number(self, expr: tree.Expr, identity: Identity) -> int | None:
        match expr:
            case tree.Name(name=name):
                number = identity(name)
                return None if number is None else self._formed(("name", name, number), (), identity)
            case tree.Literal(value=value):
                return self._formed(("literal", type(value).__name__, value), (), identity)
            case tree.Select(operand=operand, field=field, is_optional=is_optional):
                return self._formed(("select", field, is_optional), (operand,), identity)
            case tree.Index(operand=operand, index=index, is_optional=is_optional):
                return self._formed(("index", is_optional), (operand, index), identity)
            case tree.Unary(operator=operator, operand=operand):
                return self._formed(("unary", operator), (operand,), identity)
            case tree.Binary(operator=operator, left=left, right=right):
                return self._formed(("binary", operator), (left, right), identity)
            case tree.Call(function=function, target=target, args=args):
                parts = args if target is None else (target, *args)
                return self._formed(("call", function, target is not None), parts, identity)
            case tree.ListLiteral(elements=elements) if not any(each.is_optional for each in elements):
                return self._formed(("list",), tuple(each.value for each in elements), identity)
            case _:
                return None

    def _formed(self, head: tuple[object, ...], parts: tuple[tree.Expr, ...], identity: Identity) -> int | None:
        numbers: list[int] = []
        for part in parts:
            number = self.of(part, identity)
            if number is None:
                return None
            numbers.append(number)
        return self._by_form.setdefault((*head, *numbers), len(self._by_form))


def parts_of(expr: tree.Expr) -> Iterator[tree.Expr]:
    """An expression and its parts, except for the arguments of macros."""
    yield expr
    match expr:
        case tree.Unary(operand=operand):
            yield from parts_of(operand)
        case tree.Binary(left=left, right=right):
            yield from parts_of(left)
            yield from parts_of(right)
        case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
            for part in (condition, then, otherwise):
                yield from parts_of(part)
        case tree.Select(operand=operand):
            yield from parts_of(operand)
        case tree.Index(operand=operand, index=index):
            yield from parts_of(operand)
            yield from parts_of(index)
        case tree.Call(target=target, args=args):
            for part in (*([] if target is None else [target]), *args):
                yield from parts_of(part)
        case tree.ListLiteral(elements=elements):
            for element in elements:
                yield from parts_of(element.value)
        case tree.MapLiteral(entries=entries):
            for entry in entries:
                yield from parts_of(entry.key)
                yield from parts_of(entry.value)
        case tree.Interpolation(parts=parts):
            for inner in parts:
                if not isinstance(inner, str):
                    yield from parts_of(inner)
        case tree.Literal() | tree.Name() | tree.Broken():
            pass
