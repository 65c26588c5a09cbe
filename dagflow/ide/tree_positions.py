"""The nodes of a syntax tree around a place, and the expression there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import attrs

from dagflow.diagnostic import Span
from dagflow.expr import tree
from dagflow.expr.checker.checker import Environment, check
from dagflow.ide.analysis import Analysis
from dagflow.ide.expression_cache import Seen, is_several
from dagflow.lang.syntax.walk import children
from dagflow.model.types import INT, JSON, UNKNOWN, ListType, MapType, OptionalType, Type

#: Calls whose first arguments name variables, by how many they name at most.
MACROS = {"all": 2, "exists": 2, "exists_one": 2, "existsOne": 2, "map": 1, "filter": 1, "sortBy": 1, "groupBy": 1, "toMap": 1, "zip": 2, "reduce": 2, "transformList": 2, "transformMap": 2,
          "transformMapEntry": 2, "optMap": 1, "optFlatMap": 1}  # fmt: skip
_LEAVES = (str, int, float, bool, bytes, Span)


def path_at(part: object, offset: int) -> list[object]:
    """The parts around a place, from the outermost to the innermost; of two that touch there, the one that begins there."""
    found: list[object] = [] if is_several(part) else [part]
    best: list[object] = []
    for child in children(part):
        if child is None or isinstance(child, _LEAVES):
            continue
        span = span_of(child)
        if span is None or span.start <= offset <= span.end:
            inner = path_at(child, offset)
            reached = [each for each in inner if span_of(each) is not None]
            if (reached and not (best and _is_behind(best[-1], offset))) or (reached and best and _begins(reached[-1], offset)):
                best = inner
    return found + best


def _is_behind(part: object, offset: int) -> bool:
    """Whether a part goes on behind the place."""
    span = span_of(part)
    return span is not None and offset < span.end


def _begins(part: object, offset: int) -> bool:
    span = span_of(part)
    return span is not None and span.start == offset


def span_of(part: object) -> Span | None:
    """The span of a part, if it has one."""
    span = getattr(part, "span", None)
    return span if isinstance(span, Span) else None


@attrs.frozen
class Spot:
    """An expression somewhere inside of one that was checked, with the names it can read there."""

    expr: tree.Expr
    root: Seen
    variables: Mapping[str, Type]

    def type_of(self, expr: tree.Expr) -> Type:
        """The type of a part of it that sees the same names."""
        return _type(expr, self.root.surroundings(), self.variables)


def spot_at(analysis: Analysis, offset: int) -> Spot | None:
    """The innermost expression at a place, if it is in one that was checked."""
    roots = [each for each in analysis.seen if each.expr.span.start <= offset <= each.expr.span.end]
    if not roots:
        return None
    root = min(roots, key=lambda each: (each.expr.span.end - each.expr.span.start, not _begins(each.expr, offset)))
    path = [each for each in path_at(root.expr, offset) if isinstance(each, tree.Expr)]
    environment = root.surroundings()
    variables: dict[str, Type] = {}
    for outer, inner in pairwise(path):
        if isinstance(outer, tree.Call) and inner is not outer.target:
            variables.update(macro_variables(outer, environment, variables))
    return Spot(path[-1] if path else root.expr, root, variables)


def macro_variables(call: tree.Call, environment: Environment, outer: Mapping[str, Type]) -> dict[str, Type]:
    """The variables that a macro binds in its last arguments; empty for other calls."""
    names = macro_names(call)
    if not names or call.target is None:
        return {}
    type_ = _type(call.target, environment, outer)
    inner = type_.value if isinstance(type_, OptionalType) else type_
    given: tuple[Type, ...]
    match inner:
        case _ if call.function in {"optMap", "optFlatMap"}:
            given = (inner,)
        case ListType() if call.function in {"reduce", "zip"} and len(call.args) > 2:
            other = _type(call.args[2], environment, outer)
            second = other.element if isinstance(other, ListType) else JSON
            given = (other, inner.element) if call.function == "reduce" else (inner.element, second)
        case ListType():
            given = (inner.element,) if len(names) == 1 else (INT, inner.element)
        case MapType():
            given = (inner.key,) if len(names) == 1 else (inner.key, inner.value)
        case _:
            given = (JSON,) * len(names)
    return {name.name: given[i] for i, name in enumerate(names)}


def macro_names(call: tree.Call) -> tuple[tree.Name, ...]:
    """The variables a macro names."""
    most = MACROS.get(call.function, 0) if call.target is not None else 0
    count = min(most, len(call.args) - 1)
    if MACROS.get(call.function) == 1:
        count = min(count, 1)
    names = call.args[:count]
    return tuple(name for name in names if isinstance(name, tree.Name)) if count > 0 else ()


def _type(expr: tree.Expr, environment: Environment, variables: Mapping[str, Type]) -> Type:
    if isinstance(expr, tree.Broken):
        return UNKNOWN
    names = environment.variables if not variables else _Both(variables, environment.variables)
    return check(expr, attrs.evolve(environment, variables=names, expected=None)).type


@attrs.frozen
class _Both(Mapping[str, Type]):
    """Names of which the inner ones hide the outer ones."""

    inner: Mapping[str, Type]
    outer: Mapping[str, Type]

    def __getitem__(self, name: str) -> Type:
        return self.inner[name] if name in self.inner else self.outer[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self.outer), **dict.fromkeys(self.inner)})

    def __len__(self) -> int:
        return sum(1 for _ in self)
