"""CEL on its own: check or evaluate one expression given as text, without a flow around it."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from decimal import Decimal
from typing import cast

import attrs

from dagflow.diagnostic import Diagnostic, Severity
from dagflow.errors import EvaluationError, ExpressionInvalid, UsageError
from dagflow.expr.checker.checker import Environment
from dagflow.expr.checker.checker import check as check_tree
from dagflow.expr.codegen.emit import Evaluator, compile_cores
from dagflow.expr.library.overloads import Overload
from dagflow.expr.runtime.convert import plain_value
from dagflow.expr.typenames import parse_type, type_text
from dagflow.lang.diagnostics import render
from dagflow.lang.syntax.parser import parse_expression
from dagflow.model.decimals import checked
from dagflow.model.typeguards import is_sequence
from dagflow.model.types import DECIMAL, DOUBLE, JSON, UINT, ListType, MapType, OptionalType, Type
from dagflow.model.values import Duration, Optional, Timestamp, TypeValue, UInt

_MAX_DEPTH = 200


@attrs.frozen
class ExpressionType:
    """The type of an expression. `str()` is its CEL text, e.g. `list(int)`."""

    text: str

    def __str__(self) -> str:
        return self.text


def evaluate_expression(
    text: str,
    bindings: Mapping[str, object],
    *,
    types: Mapping[str, str] | None = None,
    container: str = "",
    interpolate: bool = True,
) -> object:
    """Evaluate one CEL expression.

    Args:
        text: the expression; the standard library, optionals, two-variable macros and the string, math, encoder and binding
            extensions are there.
        bindings: the values of its variables: plain Python, `Decimal`, `UInt`, `Timestamp`, `Duration`; `datetime` and `timedelta` too.
        types: CEL type texts of the variables. With them the expression is checked before it is evaluated; without them
            everything is decided by the values.
        container: the namespace names are first looked up in.
        interpolate: whether `${…}` in a text is a value in it, as in a flow; without, it is what plain CEL takes it for, text.

    Returns:
        Plain Python, `Decimal`, `UInt`, `Timestamp`, `Duration`, or a type whose `str()` is its CEL name. An absent optional is None.

    Raises:
        ExpressionInvalid: the expression does not parse or check.
        EvaluationError: it failed while it was evaluated.
        UsageError: a binding is not a value of CEL, or a type text is not a type.
    """
    declared = None if types is None else tuple(types.items())
    run, variables = _compiled(text, declared, tuple(bindings) if types is None else (), container, interpolate=interpolate)
    values = {name: _taken(value, variables.get(name, JSON), 0) for name, value in bindings.items()}
    for name in run.reads:
        if name not in values:
            raise EvaluationError("unknown_name", f"the variable {name!r} has no value")
    try:
        return plain_value(run.function(values))
    except RecursionError:
        raise EvaluationError("too_deep", "the value is nested too deeply") from None


def check_expression(
    text: str, types: Mapping[str, str], *, container: str = "", functions: tuple[Overload, ...] = (), interpolate: bool = True
) -> ExpressionType:
    """The type of one CEL expression whose variables have the types given as CEL texts; `interpolate` as in `evaluate_expression`.

    Raises:
        ExpressionInvalid: the expression does not parse or check.
        UsageError: a type text is not a type.
    """
    environment = Environment(
        variables=_parsed(tuple(types.items())), container=container, functions=functions, is_flow=False, source=text
    )
    tree, diagnostics = parse_expression(text, interpolate=interpolate)
    _refuse(text, diagnostics)
    checked = check_tree(tree, environment)
    _refuse(text, checked.diagnostics)
    return ExpressionType(type_text(checked.type))


@attrs.frozen
class _Compiled:
    function: Evaluator
    reads: tuple[str, ...]


@functools.lru_cache(maxsize=512)
def _compiled(
    text: str, types: tuple[tuple[str, str], ...] | None, names: tuple[str, ...], container: str, *, interpolate: bool
) -> tuple[_Compiled, Mapping[str, Type]]:
    variables: Mapping[str, Type] = dict.fromkeys(names, JSON) if types is None else _parsed(types)
    tree, diagnostics = parse_expression(text, interpolate=interpolate)
    _refuse(text, diagnostics)
    environment = Environment(
        variables=variables, container=container, is_flow=False, is_checked=types is not None, source=text
    )
    checked = check_tree(tree, environment)
    _refuse(text, checked.diagnostics)
    return _Compiled(compile_cores([checked.core])[0], checked.reads), variables


def _parsed(types: tuple[tuple[str, str], ...]) -> dict[str, Type]:
    try:
        return {name: parse_type(text) for name, text in types}
    except ValueError as error:
        raise UsageError(str(error)) from None


def _refuse(text: str, diagnostics: list[Diagnostic]) -> None:
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]
    if errors:
        raise ExpressionInvalid(errors, render(errors, text, "expression"))


def _taken(value: object, type_: Type, depth: int) -> object:
    """A value from outside as expressions compute with it."""
    if depth > _MAX_DEPTH:
        raise UsageError("a binding is nested too deeply")
    match value:
        case None | bool() | str() | bytes() | UInt() | float() | Timestamp() | Duration() | TypeValue() | Optional():
            return value
        case int():
            return _number(value, type_)
        case Decimal():
            return _decimal(value)
        case dt.datetime():
            return _instant(value)
        case dt.timedelta():
            return _length(value)
        case Mapping():
            return _taken_map(cast("Mapping[object, object]", value), type_, depth)
        case _ if is_sequence(value):
            element = type_.element if isinstance(type_, ListType) else JSON
            return [_taken(item, element, depth + 1) for item in value]
        case _:
            raise UsageError(f"a binding of type {type(value).__name__} is not a value of CEL")


def _taken_map(value: Mapping[object, object], type_: Type, depth: int) -> dict[object, object]:
    key, item = (type_.key, type_.value) if isinstance(type_, MapType) else (JSON, JSON)
    return {_taken(k, key, depth + 1): _taken(v, item, depth + 1) for k, v in value.items()}


def _number(value: int, type_: Type) -> object:
    wanted = type_.value if isinstance(type_, OptionalType) else type_
    if wanted is DOUBLE:
        return float(value)
    if wanted is DECIMAL:
        return _decimal(Decimal(value))
    if wanted is UINT and 0 <= value < 2**64:
        return UInt(value)
    if -(2**63) <= value < 2**63:
        return int(value)
    raise UsageError(f"the binding {value} does not fit an int of 64 bits")


def _decimal(value: Decimal) -> Decimal:
    try:
        return checked(value)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _instant(value: dt.datetime) -> Timestamp:
    try:
        return Timestamp.from_datetime(value)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _length(value: dt.timedelta) -> Duration:
    try:
        return Duration.from_timedelta(value)
    except ValueError as error:
        raise UsageError(str(error)) from None
