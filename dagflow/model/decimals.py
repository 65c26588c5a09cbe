"""Decimal numbers: exact, with at most 34 digits, as many as IEEE 754 has for them in 128 bits.

A value is a finite `decimal.Decimal` below 10**34 with at most 34 digits behind the point. Its trailing zeros are kept, so that
12.50 stays 12.50 in a text; 12.5 equals it. Arithmetic is exact: what does not fit is an error, never a rounded number.
"""

from __future__ import annotations

import decimal
import re
from decimal import Decimal
from typing import Final

MOST_DIGITS: Final = 34
ZERO: Final = Decimal(0)
#: Every rounding has one of these names; those of Python's `decimal`, without the prefix.
ROUNDINGS: Final = ("half_up", "half_even", "half_down", "up", "down", "ceiling", "floor")
#: A result that cannot be written with these digits raises `decimal.Inexact`, or another `ArithmeticError`.
EXACT: Final = decimal.Context(
    prec=MOST_DIGITS,
    Emin=-1,
    Emax=MOST_DIGITS - 1,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow, decimal.DivisionByZero],
)
_ROUNDED: Final = {
    name: decimal.Context(
        prec=3 * MOST_DIGITS,
        rounding=f"ROUND_{name.upper()}",
        Emin=-3 * MOST_DIGITS,
        Emax=3 * MOST_DIGITS,
        traps=[decimal.InvalidOperation, decimal.Overflow, decimal.DivisionByZero],
    )
    for name in ROUNDINGS
}
_WHOLE: Final = Decimal(1)
_TEXT: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_MOST_TEXT: Final = 100
_LIMIT: Final = f"a decimal number must be finite and have at most {MOST_DIGITS} digits"
#: A double has so many digits that are certain to be those of the number it was written as.
_CERTAIN_DIGITS: Final = 15


def parse_decimal(text: str) -> Decimal:
    """The number of a text such as `12.50`, `-7` or `1e3`.

    Raises:
        ValueError: the text is none, or has more than 34 digits before or behind the point.
    """
    if len(text) > _MOST_TEXT or _TEXT.fullmatch(text) is None:
        raise ValueError('expected a decimal number such as "12.50"')
    return checked(Decimal(text))


def checked(value: Decimal) -> Decimal:
    """The same number within the limits, without an exponent in its text.

    Raises:
        ValueError: it is no finite number, or has more than 34 digits.
    """
    try:
        made = EXACT.plus(value)
    except ArithmeticError:
        raise ValueError(_LIMIT) from None
    if not made.is_finite():
        raise ValueError(_LIMIT)
    return EXACT.quantize(made, _WHOLE) if int(made.as_tuple().exponent) > 0 else made


def decimal_of_double(value: float) -> Decimal:
    """The number that the shortest text of a double says: 0.1 is 0.1.

    Raises:
        ValueError: it is no finite number, or beyond the limits.
    """
    return checked(Decimal(repr(value)))


def decimal_of_number(value: float) -> Decimal:
    """The number of JSON that was read as a double or int, if its digits are certain.

    Raises:
        ValueError: a double with more digits than are certain, or beyond the limits.
    """
    found = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if isinstance(value, float) and len(found.normalize().as_tuple().digits) > _CERTAIN_DIGITS:
        raise ValueError(f'a decimal number of more than {_CERTAIN_DIGITS} digits must be sent as text, such as "12.50"')
    return checked(found)


def decimal_text(value: Decimal) -> str:
    """The number without an exponent, with all its digits: `12.50`."""
    return f"{value:f}"


def rounded(value: Decimal, digits: int, rounding: str) -> Decimal:
    """The number with so many digits behind the point, from 0 to 34.

    Raises:
        ArithmeticError: it would have more than 34 digits in all.
        KeyError: there is no such rounding.
    """
    return EXACT.plus(_ROUNDED[rounding].quantize(value, _WHOLE.scaleb(-digits)))


def divided(value: Decimal, by: Decimal, digits: int, rounding: str) -> Decimal:
    """The quotient with so many digits behind the point, rounded once.

    Raises:
        ArithmeticError: division by zero, or more than 34 digits in all.
        KeyError: there is no such rounding.
    """
    # In whole numbers, so that the quotient is rounded once.
    top, bottom = value.scaleb(digits, _ROUNDED[rounding]).as_integer_ratio(), by.as_integer_ratio()
    numerator, denominator = top[0] * bottom[1], top[1] * bottom[0]
    whole, rest = divmod(abs(numerator), abs(denominator))
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    # Two digits more, that say on which side of a half the rest is, or that there is none.
    side = 0 if rest == 0 else 25 if 2 * rest < abs(denominator) else 50 if 2 * rest == abs(denominator) else 75
    exact = Decimal(sign * (whole * 100 + side)).scaleb(-2 - digits, _ROUNDED[rounding])
    return rounded(exact, digits, rounding)
