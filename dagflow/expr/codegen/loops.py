"""The macros as Python loops. `all` and `exists` end early and keep errors; the others visit everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import attrs

from dagflow.expr.codegen.fragment import Fragment, damaged


@attrs.frozen
class Loop:
    """A macro call.

    Attributes:
        source: the kind of the items: `list`, `map` (visited by key) or `dyn`.
        variables: one, or two: index and element, or key and value.
        weight: the steps of one iteration beside those of its operators.
    """

    items: Fragment
    source: str
    variables: tuple[int, ...]
    condition: Fragment | None
    value: Fragment | None
    weight: int = 1

    @property
    def parts(self) -> list[Fragment]:
        """Everything that is evaluated."""
        return [each for each in (self.items, self.condition, self.value) if each is not None]

    @property
    def bound(self) -> frozenset[int]:
        """The loop's own variables, unless the items read outer ones of the same number."""
        return frozenset(self.variables) - self.items.locals

    @property
    def header(self) -> str:
        """`for …` with the iterations paid for."""
        cost = self.weight + sum(part.cost for part in self.parts[1:])
        names = ", ".join(f"v{index}" for index in self.variables)
        if len(self.variables) == 1:
            items = self.items.text if self.source == "list" else f"items_of({self.items.text})"
            return f"for {names} in gas.each({items}, {cost})"
        if self.source == "list":
            return f"for {names} in enumerate(gas.each({self.items.text}, {cost}))"
        return f"for {names} in gas.each(pairs_of({self.items.text}), {cost})"

    @property
    def can_fail(self) -> bool:
        """Whether its items may turn out not to be any."""
        return self.source == "dyn"


class MakeHelper(Protocol):
    """`Emitter.helper`."""

    def __call__(
        self, lines: Sequence[str], parts: Sequence[Fragment], *, can_fail: bool, uses_gas: bool, bound: frozenset[int]
    ) -> Fragment: ...


def absorbing(lines: Sequence[str]) -> list[str]:
    """The lines, with an error kept in `error`."""
    return [
        "try:",
        *(f"    {line}" for line in lines),
        "except Exhausted:",
        "    raise",
        "except ABSORBED as e:",
        "    error = e",
    ]


def _quantifier(loop: Loop, helper: MakeHelper, *, is_all: bool) -> Fragment:
    condition = _needed(loop.condition)
    test = [f"if {'not ' if is_all else ''}{condition.text}:", f"    return {not is_all}"]
    if condition.can_fail:
        test = absorbing(test)
    lines = ["error = None"] if condition.can_fail else []
    lines += [f"{loop.header}:", *(f"    {line}" for line in test)]
    lines += ["if error is not None:", "    raise error"] if condition.can_fail else []
    return _finish(loop, helper, [*lines, f"return {is_all}"])


def _all(loop: Loop, helper: MakeHelper) -> Fragment:
    return _quantifier(loop, helper, is_all=True)


def _exists(loop: Loop, helper: MakeHelper) -> Fragment:
    return _quantifier(loop, helper, is_all=False)


def _exists_one(loop: Loop, helper: MakeHelper) -> Fragment:
    text = f"return len([None {loop.header} if {_needed(loop.condition).text}]) == 1"
    return _finish(loop, helper, [text])


def _list(loop: Loop, helper: MakeHelper) -> Fragment:
    return _finish(loop, helper, [f"return [{_comprehension(loop, _needed(loop.value).text)}]"])


def _map(loop: Loop, helper: MakeHelper) -> Fragment:
    pair = f"(v{loop.variables[0]}, {_needed(loop.value).text})"
    return _finish(loop, helper, [f"return build_map(gas, [{_comprehension(loop, pair)}])"])


def _entries(loop: Loop, helper: MakeHelper) -> Fragment:
    return _finish(loop, helper, [f"return merge_maps(gas, [{_comprehension(loop, _needed(loop.value).text)}])"], can_fail=True)


def fold(loop: Loop, carried: int, first: Fragment, helper: MakeHelper) -> Fragment:
    """`reduce`: the loop's value becomes the variable that the next pass reads."""
    body = _needed(loop.value)
    lines = [f"v{carried} = {first.text}", f"{loop.header}:", f"    v{carried} = {body.text}", f"return v{carried}"]
    bound = loop.bound | ({carried} - loop.items.locals - first.locals)
    made = helper(lines, [first, *loop.parts], can_fail=loop.can_fail, uses_gas=True, bound=bound)
    return made._replace(cost=1 + loop.items.cost + first.cost)


def _comprehension(loop: Loop, value: str) -> str:
    condition = f" if {loop.condition.text}" if loop.condition is not None else ""
    return f"{value} {loop.header}{condition}"


def _needed(part: Fragment | None) -> Fragment:
    if part is None:
        raise damaged("loop")
    return part


def _finish(loop: Loop, helper: MakeHelper, lines: Sequence[str], *, can_fail: bool = False) -> Fragment:
    made = helper(lines, loop.parts, can_fail=can_fail or loop.can_fail, uses_gas=True, bound=loop.bound)
    return made._replace(cost=1 + loop.items.cost)


#: By the name in the checked form.
LOOPS: Final[dict[str, Callable[[Loop, MakeHelper], Fragment]]] = {
    "all": _all,
    "exists": _exists,
    "exists_one": _exists_one,
    "list": _list,
    "map": _map,
    "entries": _entries,
}
