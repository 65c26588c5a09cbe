"""The one table of functions and operators: parameters, result, cost, and the generated Python.

A template is Python in which `{0}`, `{1}` … stand for the arguments and `gas` is the evaluation's budget; besides that it
names only functions of `namespace.NAMESPACE`. The checker selects an overload by static types; where those are unknown the
types of the values select among the same rows (`dynamic_dispatch`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from dagflow.expr.typenames import parse_type
from dagflow.model.types import Type


@attrs.frozen
class Overload:
    """One row.

    Attributes:
        id: `function(param, …)` in CEL's words, with a dot before it for a method: the name stored in checked expressions.
        is_method: written `a.f(b)`; the receiver is the first of `params`.
        in_loop: the template used inside of a loop, where reading a long text again and again has to be paid for.
        cost: gas steps of one call, beside the charges of the template itself.
        can_fail: whether it can raise anything but `Exhausted`.
        keeps_elements: whether the result has elements of the lists it takes, or is one of them, and so has their type: an enum is no
            string afterwards.
        needs_decimal: not considered unless a decimal is among the arguments: json has none, so `data.n + 1` is an int.
        is_for_unknown: only for lists whose elements have no known type; elements of other types than the rows have are an error.
    """

    id: str
    function: str
    is_method: bool
    params: tuple[Type, ...]
    result: Type
    template: str
    in_loop: str
    cost: int
    can_fail: bool
    keeps_elements: bool = False
    is_for_unknown: bool = False
    needs_decimal: bool = False


def row(
    signature: str,
    template: str,
    *,
    in_loop: str = "",
    cost: int = 1,
    can_fail: bool = True,
    keeps_elements: bool = False,
    is_for_unknown: bool = False,
    needs_decimal: bool = False,
) -> Overload:
    """A row from `function(param, …) -> result`, with a dot in front for a method."""
    head, _, result = signature.rpartition(" -> ")
    name, _, params = head.partition("(")
    texts = _split(params.removesuffix(")"))
    return Overload(
        id=head,
        function=name.removeprefix("."),
        is_method=name.startswith("."),
        params=tuple(parse_type(text) for text in texts),
        result=parse_type(result),
        template=template,
        in_loop=in_loop or template,
        cost=cost,
        can_fail=can_fail,
        keeps_elements=keeps_elements,
        is_for_unknown=is_for_unknown,
        needs_decimal=needs_decimal,
    )


def _split(params: str) -> list[str]:
    """Split at the commas outside of brackets."""
    parts: list[str] = []
    depth = start = 0
    for index, letter in enumerate(params):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append(params[start:index])
            start = index + 1
    return [*parts, params[start:]] if params else []


@attrs.frozen
class Table:
    """All rows, by id and by the parts of a call that the checker knows."""

    by_id: dict[str, Overload]
    by_call: dict[tuple[str, bool, int], tuple[Overload, ...]]
    names: frozenset[tuple[str, bool]]

    def find(self, function: str, *, is_method: bool, arity: int) -> tuple[Overload, ...]:
        """The rows for a call, in the order they are tried; `arity` counts the receiver."""
        return self.by_call.get((function, is_method, arity), ())

    def has(self, function: str, *, is_method: bool) -> bool:
        """Whether there is a function or method of that name."""
        return (function, is_method) in self.names


def make_table(rows: Iterable[Overload]) -> Table:
    """Index the rows."""
    by_id: dict[str, Overload] = {}
    by_call: dict[tuple[str, bool, int], tuple[Overload, ...]] = {}
    for each in rows:
        by_id[each.id] = each
        key = (each.function, each.is_method, len(each.params))
        by_call[key] = (*by_call.get(key, ()), each)
    return Table(by_id, by_call, frozenset((name, is_method) for name, is_method, _ in by_call))


#: Names of operators as functions, CEL's own.
OPERATORS: Final = {
    "+": "_+_", "-": "_-_", "*": "_*_", "/": "_/_", "%": "_%_",
    "<": "_<_", "<=": "_<=_", ">": "_>_", ">=": "_>=_", "==": "_==_", "!=": "_!=_",
    "in": "@in",
}  # fmt: skip
