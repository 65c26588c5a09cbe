"""Decimal numbers: exact arithmetic, and rounding by a name."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from dagflow.errors import EvaluationError
from dagflow.expr.runtime.arithmetic import MAX_INT, MIN_INT
from dagflow.model.decimals import (
    EXACT,
    MOST_DIGITS,
    ROUNDINGS,
    decimal_of_double,
    decimal_text,
    divided,
    parse_decimal,
    rounded,
)

_TOO_LONG: Final = f"the result must have at most {MOST_DIGITS} digits before and behind the point together; round it before"


def add_decimals(left: Decimal | int, right: Decimal | int) -> Decimal:
    """`a + b`."""
    try:
        return EXACT.add(left, right)
    except ArithmeticError:
        raise _overflow() from None


def subtract_decimals(left: Decimal | int, right: Decimal | int) -> Decimal:
    """`a - b`."""
    try:
        return EXACT.subtract(left, right)
    except ArithmeticError:
        raise _overflow() from None


def multiply_decimals(left: Decimal | int, right: Decimal | int) -> Decimal:
    """`a * b`; there is one zero, without a sign."""
    try:
        return EXACT.plus(EXACT.multiply(left, right))
    except ArithmeticError:
        raise _overflow() from None


def negate_decimal(value: Decimal) -> Decimal:
    """`-a`."""
    return EXACT.minus(value)


def absolute_decimal(value: Decimal) -> Decimal:
    """`math.abs(a)`."""
    return EXACT.abs(value)


def round_decimal(value: Decimal, digits: int, rounding: str) -> Decimal:
    """`a.round(2, "half_up")`."""
    _check(digits, rounding)
    try:
        return rounded(value, digits, rounding)
    except ArithmeticError:
        raise _overflow() from None


def divide_decimals(left: Decimal, right: Decimal | int, digits: int, rounding: str) -> Decimal:
    """`a.divide(b, 2, "half_up")`."""
    _check(digits, rounding)
    if right == 0:
        raise EvaluationError("divide_by_zero", "division by zero")
    try:
        return divided(left, Decimal(right), digits, rounding)
    except ArithmeticError:
        raise _overflow() from None


def _check(digits: int, rounding: str) -> None:
    if not 0 <= digits <= MOST_DIGITS:
        raise EvaluationError("bad_argument", f"a decimal must be rounded to 0 to {MOST_DIGITS} digits; got {digits}")
    if rounding not in ROUNDINGS:
        raise EvaluationError("bad_argument", f"a rounding must be one of {', '.join(ROUNDINGS)}; got {rounding[:40]!r}")


def decimal_number(value: str | float) -> Decimal:
    """`decimal("12.50")`, `decimal(7)`, `decimal(0.1)`."""
    try:
        if isinstance(value, str):
            return parse_decimal(value)
        return Decimal(value) if isinstance(value, int) else decimal_of_double(value)
    except ValueError as error:
        shown = f"{value[:60]!r}" if isinstance(value, str) else repr(value)
        raise EvaluationError("bad_conversion", f"{shown} is not a decimal: {error}") from None


def int_of_decimal(value: Decimal) -> int:
    """The number cut off toward zero."""
    whole = int(value)
    if MIN_INT <= whole <= MAX_INT:
        return whole
    raise EvaluationError("overflow", f"{decimal_text(value)} does not fit an int")


def total_decimals(values: list[Decimal]) -> Decimal:
    """The sum of decimal and whole numbers."""
    found = Decimal(0)
    for value in values:
        found = add_decimals(found, value)
    return found


def _overflow() -> EvaluationError:
    return EvaluationError("overflow", _TOO_LONG)
