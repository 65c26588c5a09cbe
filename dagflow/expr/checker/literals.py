"""Literals read as the type that their place wants: a number as a double or decimal, a text as an enum or scalar."""

from __future__ import annotations

import re
from typing import Final, cast

from dagflow.diagnostic import Span
from dagflow.expr.checker import messages
from dagflow.expr.checker.context import Context, Typed
from dagflow.expr.tree import Expr, Literal, Unary
from dagflow.model.decimals import decimal_of_double, decimal_text, parse_decimal
from dagflow.model.types import DECIMAL, DOUBLE, EnumType, OptionalType, ScalarType, Type
from dagflow.model.values import UInt
from dagflow.model.wire.text_forms import SCALAR_CHECKS

_DIGITS: Final = re.compile(r"-?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?")


def wanted_value(expected: Type | None) -> Type | None:
    """The expected type of a present value."""
    return expected.value if isinstance(expected, OptionalType) else expected


def literal_as(context: Context, tree: Expr, expected: Type | None) -> Typed | None:
    """A literal read as the wanted type: an int as a double, a text as an enum or scalar."""
    value = tree.value if isinstance(tree, Literal) else None
    if (
        isinstance(tree, Unary)
        and tree.operator == "-"
        and isinstance(tree.operand, Literal)
        and isinstance(tree.operand.value, int | float)
        and not isinstance(tree.operand.value, bool | UInt)
    ):
        value = -tree.operand.value
    match wanted_value(expected):
        case kind if kind is DOUBLE and type(value) is int:
            return Typed(DOUBLE, ("double", float(value)), tree.span)
        case kind if kind is DECIMAL and type(value) in {int, float}:
            return _decimal(context, tree, cast("float", value))
        case EnumType() as enum if isinstance(value, str):
            if value not in enum.values:
                messages.outside_enum(context, tree.span, value, enum, "this value is not allowed here")
            return Typed(enum, ("string", value), tree.span)
        case ScalarType() as scalar if isinstance(value, str):
            return _scalar(context, tree.span, value, scalar)
        case _:
            return None


def _decimal(context: Context, tree: Expr, value: float) -> Typed:
    """A number that is written out as a decimal one: each of its digits counts, also those that a double has no room for."""
    text = context.quote(tree.span).replace(" ", "")
    try:
        # Hexadecimal digits, or a text without a source, leave the value alone.
        number = parse_decimal(text) if _DIGITS.fullmatch(text) else decimal_of_double(value)
    except ValueError as error:
        return context.mistake("E113", "this literal has no value", tree.span, str(error), "write fewer digits")
    return Typed(DECIMAL, ("decimal", decimal_text(number)), tree.span)


def _scalar(context: Context, span: Span, value: str, scalar: ScalarType) -> Typed:
    problem = scalar_problem(scalar.name, value)
    if problem:
        context.report("E307", f"this is no {scalar}", span, problem, "correct the text")
    return Typed(scalar, ("string", value), span)


def scalar_problem(name: str, value: str) -> str:
    """The error of a text as a scalar of that name, or empty."""
    check = SCALAR_CHECKS.get(name)
    try:
        if check is not None:  # pragma: no branch - every scalar the language has is checked
            check(value)
    except ValueError as error:
        return str(error)
    return ""
