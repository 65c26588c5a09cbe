"""Evaluate an expression outside of any flow: its value, its type, its cost, and the values of its parts."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from dagflow.app.why import values_in
from dagflow.diagnostic import Diagnostic
from dagflow.errors import ExpressionInvalid
from dagflow.expr.checker.checker import Environment, check
from dagflow.expr.codegen.emit import compile_cores
from dagflow.lang.check.declarations import readable
from dagflow.lang.diagnostics import has_errors, render
from dagflow.lang.importers.samples import bindings_of
from dagflow.lang.syntax.parser import parse_expression
from dagflow.model.types import LANGUAGE_SCALARS, TIMESTAMP, ScalarType
from dagflow.model.values import Timestamp
from dagflow.model.wire import codec as wire


@attrs.frozen(kw_only=True)
class Evaluated:
    """The result of evaluating an expression.

    Attributes:
        value: in stored form. type: as a flow would write it.
        cost: a bound on the steps it takes, from the checker.
        parts: the values of the parts that read something, by their text.
        warnings: of the checker.
    """

    value: object
    type: str
    cost: int
    parts: Mapping[str, object]
    warnings: tuple[Diagnostic, ...]


def evaluate_text(text: str, names: Mapping[str, object], now: int) -> Evaluated:
    """Evaluate an expression as a flow would.

    Args:
        text: the expression.
        names: the values it may read, as JSON values; their types are inferred.
        now: what `now` reads as, where it is not among the names.

    Raises:
        ExpressionInvalid: it does not parse or check.
        EvaluationError: it has no value.
    """
    types = bindings_of(names)
    values = {name: wire.decode(value, types[name]) for name, value in names.items()}
    scalars = {name: ScalarType(name) for name in LANGUAGE_SCALARS}
    variables = {"now": TIMESTAMP, **types}
    values = {"now": Timestamp(now), **values}
    tree, found = parse_expression(text)
    _refuse(text, found)
    checked = check(tree, Environment(variables=variables, types=scalars, source=text))
    _refuse(text, [_of_no_flow(each) for each in checked.diagnostics])
    value = compile_cores([checked.core])[0](values)
    parts = {part: each for part, each in values_in(text, values).items() if part != text.strip()}
    return Evaluated(
        value=value, type=readable(checked.type), cost=checked.cost, parts=parts, warnings=(*found, *checked.diagnostics)
    )


def _of_no_flow(diagnostic: Diagnostic) -> Diagnostic:
    """Reword a diagnostic about a name, where there is no flow that could have it."""
    if diagnostic.code != "E202" or not diagnostic.label.endswith("of this flow"):
        return diagnostic
    name = diagnostic.title.partition("`")[2].partition("`")[0]
    help_ = diagnostic.help or f"give it a value: --input '{{\"{name}\": …}}'"
    return attrs.evolve(diagnostic, label="nothing of this name was given", help=help_)


def _refuse(text: str, found: list[Diagnostic]) -> None:
    if has_errors(found):
        raise ExpressionInvalid(found, render(found, text, "expression"))
