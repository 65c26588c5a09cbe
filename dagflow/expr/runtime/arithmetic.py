"""Checked numbers: the functions of generated code for arithmetic, number conversions and the math extension."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from dagflow.errors import EvaluationError
from dagflow.model.values import Duration, Timestamp, UInt

MIN_INT: Final = -(2**63)
MAX_INT: Final = 2**63 - 1
MAX_UINT: Final = 2**64 - 1
_MASK: Final = MAX_UINT


def int64(value: int) -> int:
    """The value if it fits an int."""
    if MIN_INT <= value <= MAX_INT:
        return value
    raise EvaluationError("overflow", "the result does not fit an int (64 bits)")


def uint64(value: int) -> UInt:
    """The value as a uint if it fits one."""
    if 0 <= value <= MAX_UINT:
        return UInt(value)
    raise EvaluationError("overflow", "the result does not fit a uint (64 bits, not negative)")


def divide(left: int, right: int) -> int:
    """The quotient cut off toward zero, for ints and uints."""
    if right == 0:
        raise EvaluationError("divide_by_zero", "division by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def modulo(left: int, right: int) -> int:
    """The remainder of `divide`; it has the sign of `left`."""
    if right == 0:
        raise EvaluationError("divide_by_zero", "modulus by zero")
    if right == -1 and left == MIN_INT:
        raise EvaluationError("overflow", "the quotient does not fit an int (64 bits)")
    remainder = abs(left) % abs(right)
    return -remainder if left < 0 else remainder


def divide_double(left: float, right: float) -> float:
    """IEEE 754 division: by zero it returns an infinity or NaN."""
    if right:
        return left / right
    if left == 0 or math.isnan(left) or math.isnan(right):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def int_of_double(value: float) -> int:
    """The double cut off toward zero."""
    if math.isfinite(value) and MIN_INT < value < MAX_INT:
        return int(value)
    raise EvaluationError("overflow", f"{value!r} does not fit an int")


def uint_of_double(value: float) -> UInt:
    """The double cut off toward zero."""
    if math.isfinite(value) and 0 <= value < MAX_UINT:
        return UInt(int(value))
    raise EvaluationError("overflow", f"{value!r} does not fit a uint")


def greatest(values: Sequence[object]) -> int | float:
    """The greatest of numbers of any types; the first of equals."""
    return max(_numbers(values))


def least(values: Sequence[object]) -> int | float:
    """The least of numbers of any types; the first of equals."""
    return min(_numbers(values))


def _numbers(values: Sequence[object]) -> list[int | float]:
    if not values:
        raise EvaluationError("bad_argument", "math.greatest and math.least need at least one number")
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) != len(values):
        raise EvaluationError("type_mismatch", "math.greatest and math.least take numbers")
    return numbers


def round_half_away(value: float) -> float:
    """To the nearest whole number, halves away from zero."""
    if not math.isfinite(value):
        return value
    whole = math.floor(abs(value))
    return math.copysign(float(whole + (abs(value) - whole >= 0.5)), value)


def whole(value: float, kind: int) -> float:
    """Rounded up (1), down (-1) or toward zero (0), as a double; infinities and NaN stay."""
    if not math.isfinite(value):
        return value
    rounded = math.ceil(value) if kind > 0 else math.floor(value) if kind < 0 else math.trunc(value)
    return math.copysign(float(rounded), value)


def sign_double(value: float) -> float:
    """-1.0, 0.0 or 1.0; NaN stays."""
    return value if math.isnan(value) or value == 0 else math.copysign(1.0, value)


def square_root(value: float) -> float:
    """The square root; NaN for a negative number."""
    return math.sqrt(value) if value >= 0 else math.nan


def shift_left(value: int, offset: int) -> int:
    """Shifted within 64 bits, as an int."""
    return _signed((value << _offset(offset)) & _MASK) if offset < 64 else 0


def shift_right(value: int, offset: int) -> int:
    """Shifted within 64 bits without regard to the sign, as an int."""
    return _signed((value & _MASK) >> _offset(offset)) if offset < 64 else 0


def shift_left_uint(value: int, offset: int) -> UInt:
    """Shifted within 64 bits."""
    return UInt((value << _offset(offset)) & _MASK) if offset < 64 else UInt(0)


def shift_right_uint(value: int, offset: int) -> UInt:
    """Shifted within 64 bits."""
    return UInt(value >> _offset(offset)) if offset < 64 else UInt(0)


def _offset(offset: int) -> int:
    if offset < 0:
        raise EvaluationError("bad_argument", "a number is not shifted by a negative count")
    return offset


def _signed(bits: int) -> int:
    return bits - (1 << 64) if bits >> 63 else bits


def duration(nanos: int) -> Duration:
    """A duration if it is in range."""
    if MIN_INT <= nanos <= MAX_INT:
        return Duration(nanos)
    raise EvaluationError("overflow", "the duration is out of range (about ±292 years)")


def timestamp(nanos: int) -> Timestamp:
    """A timestamp if it is in range."""
    if -62_135_596_800_000_000_000 <= nanos < 253_402_300_800_000_000_000:
        return Timestamp(nanos)
    raise EvaluationError("overflow", "the timestamp is out of range (years 0001 to 9999)")


def sign_int(value: int) -> int:
    """-1, 0 or 1."""
    return (value > 0) - (value < 0)
