"""Sets of values, as far as conditions tell them apart: a few constants, or an interval of a line with some constants taken out.

Theory. Every operation returns a set of at least all possible values, so that an empty one proves that there are none. Numbers
of all types lie on one line, since CEL compares them by value; durations lie on another one. Values on no line (texts, null,
NaN) are `has_others`: of them only the excluded constants are known.
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import attrs

from dagflow.expr import tree
from dagflow.model.lengths import as_written
from dagflow.model.types import EnumType, Primitive, Type
from dagflow.model.values import Duration, UInt

#: A kind and a value of it. The kinds `number` and `duration` are lines.
Constant: TypeAlias = tuple[str, object]
#: A place on a line; None is the end of it.
Bound: TypeAlias = "int | float | None"

NUMBER: Final = "number"
DURATION: Final = "duration"
_MOST: Final = {Primitive.INT: (-(2**63), 2**63 - 1), Primitive.UINT: (0, 2**64 - 1)}
#: `a < b` is `b > a`; and `a < b` is false where `a >= b` is true, for what lies on a line.
FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
_OPPOSITE: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
#: More excluded constants than this are forgotten, which is safe.
_MOST_CONSTANTS: Final = 64


@attrs.frozen(kw_only=True)
class Values:
    """A set of values.

    Attributes:
        members: the constants it is made of; if not None, nothing else counts.
        line: the line of the interval, or "" if the values lie on none that is known.
        low, high: the ends of the interval, which belong to it unless `is_above_low`, `is_below_high`.
        is_whole: only whole numbers lie in it.
        has_others: whether it has values beside the line.
        excluded: constants that do not belong to it.
    """

    members: frozenset[Constant] | None = None
    line: str = ""
    low: Bound = None
    high: Bound = None
    is_above_low: bool = False
    is_below_high: bool = False
    is_whole: bool = False
    has_others: bool = True
    excluded: frozenset[Constant] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether it certainly has no value."""
        if self.members is not None:
            return not self.members
        if self.has_others:
            return False
        if self.low is None or self.high is None:
            return False
        if self.low == self.high:
            return self.is_above_low or self.is_below_high or (self.line, self.low) in self.excluded
        return self.low > self.high

    def holds(self, constant: Constant) -> bool:
        """Whether a constant may be one of the values."""
        if self.members is not None:
            return constant in self.members
        if constant in self.excluded:
            return False
        kind, value = constant
        return self._spans(value) if kind == self.line else self.has_others

    def _spans(self, value: object) -> bool:
        assert isinstance(value, int | float)  # noqa: S101 - a value on a line
        if self.low is not None and (value < self.low or (self.is_above_low and value == self.low)):
            return False
        if self.high is not None and (value > self.high or (self.is_below_high and value == self.high)):
            return False
        return not self.is_whole or math.isinf(value) or value == int(value)

    def among(self, constants: frozenset[Constant], *, truth: bool) -> Values:
        """Those that are one of the constants, or are none of them."""
        if truth:
            return Values(members=frozenset(each for each in constants if self.holds(each)))
        if self.members is not None:
            return Values(members=self.members - constants)
        if len(self.excluded) + len(constants) > _MOST_CONSTANTS:
            return self
        return attrs.evolve(self, excluded=self.excluded | constants).trimmed()

    def compared(self, operator: str, constant: Constant, *, truth: bool) -> Values:
        """Those for which `value operator constant` is `truth`; the constant lies on a line, the operator is an ordering."""
        kind, value = constant
        assert isinstance(value, int | float)  # noqa: S101 - a value on a line
        if self.members is not None:
            return Values(members=frozenset(each for each in self.members if _is(each, operator, constant) is truth))
        if self.line not in {"", kind}:
            # Nothing on its own line compares with the constant at all.
            return attrs.evolve(self, members=frozenset()) if truth and not self.has_others else self
        side = operator if truth else _OPPOSITE[operator]
        low, high, is_above, is_below = self.low, self.high, self.is_above_low, self.is_below_high
        if side in {"<", "<="} and (high is None or value < high or (value == high and side == "<")):
            high, is_below = value, side == "<"
        if side in {">", ">="} and (low is None or value > low or (value == low and side == ">")):
            low, is_above = value, side == ">"
        return Values(
            line=kind, low=low, high=high, is_above_low=is_above, is_below_high=is_below, is_whole=self.is_whole,
            has_others=not truth and self.has_others, excluded=self.excluded,
        ).trimmed()  # fmt: skip

    def trimmed(self) -> Values:
        """With ends that are values, where they can only be whole numbers."""
        if not self.is_whole:
            return self
        low, high = self.low, self.high
        if low is not None and not math.isinf(low):
            low = math.floor(low) + 1 if self.is_above_low else math.ceil(low)
            while (self.line, low) in self.excluded:
                low += 1
        if high is not None and not math.isinf(high):
            high = math.ceil(high) - 1 if self.is_below_high else math.floor(high)
            while (self.line, high) in self.excluded:
                high -= 1
        return Values(line=self.line, low=low, high=high, is_whole=True, has_others=self.has_others, excluded=self.excluded)

    def joined(self, other: Values) -> Values:
        """Those of both."""
        if self.is_empty or other.is_empty:
            return other if self.is_empty else self
        if self.members is not None and other.members is not None:
            return Values(members=self.members | other.members)
        a, b = self._as_interval(), other._as_interval()
        if a.line != b.line:
            return Values()
        low = None if a.low is None or b.low is None else min(a.low, b.low)
        high = None if a.high is None or b.high is None else max(a.high, b.high)
        return Values(
            line=a.line, low=low, high=high, is_whole=a.is_whole and b.is_whole, has_others=a.has_others or b.has_others,
            excluded=frozenset(each for each in a.excluded | b.excluded if not self.holds(each) and not other.holds(each)),
        )  # fmt: skip

    def _as_interval(self) -> Values:
        if self.members is None:
            return self
        kinds = {kind for kind, _ in self.members}
        numbers = [value for _, value in self.members if isinstance(value, int | float)]
        if len(kinds) > 1 or not kinds <= {NUMBER, DURATION}:
            return Values()
        return Values(
            line=next(iter(kinds)), low=min(numbers), high=max(numbers), has_others=False,
            is_whole=all(isinstance(value, int) for value in numbers),
        )  # fmt: skip


ANYTHING: Final = Values()


def values_of_type(type_: Type) -> Values:
    """The values a type has."""
    match type_:
        case EnumType(values=values):
            return Values(members=frozenset(("string", value) for value in values))
        case Primitive.BOOL:
            return Values(members=frozenset({("bool", True), ("bool", False)}))
        case Primitive.INT | Primitive.UINT:
            low, high = _MOST[type_]
            return Values(line=NUMBER, low=low, high=high, is_whole=True, has_others=False)
        case Primitive.DOUBLE:
            return Values(line=NUMBER)  # NaN is on no line
        case Primitive.DURATION:
            return Values(line=DURATION, has_others=False)
        case _:
            return ANYTHING


def size_values() -> Values:
    """The possible results of `size`."""
    return Values(line=NUMBER, low=0, high=2**63 - 1, is_whole=True, has_others=False)


def constant_of(expr: tree.Expr) -> Constant | None:
    """The value of a literal, with a sign or without; None for other expressions."""
    match expr:
        case tree.Unary(operator="-", operand=operand):
            inner = constant_of(operand)
            if inner is None or not isinstance(inner[1], int | float) or isinstance(inner[1], bool):
                return None
            return inner[0], -inner[1]
        case tree.Literal(value=value):
            return _constant(value)
        case _:
            return None


def _constant(value: tree.LiteralValue) -> Constant | None:
    match value:
        case None:
            return "null", None
        case bool():
            return "bool", value
        case UInt() | int():
            return NUMBER, int(value)
        case float():
            return (NUMBER, value) if not math.isnan(value) else None
        case str():
            return "string", value
        case bytes():
            return "bytes", value
        case Duration():
            return DURATION, value.nanos


def _is(constant: Constant, operator: str, other: Constant) -> bool:
    """Whether an ordering holds between two constants; between two of different lines none does."""
    if constant[0] != other[0]:
        return False
    a, b = constant[1], other[1]
    assert isinstance(a, int | float)  # noqa: S101 - of one line
    assert isinstance(b, int | float)  # noqa: S101 - of one line
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]


# ---- in words


def described(values: Values) -> str:
    """The set in words that go behind `x is`; empty for a set without a short name."""
    if values.members is not None:
        shown = sorted(shown_constant(each) for each in values.members)
        return " or ".join(shown) if 1 <= len(shown) <= 4 else ""
    low = high = ""
    if values.low is not None and values.low != -(2**63):
        low = f"above {_at(values, values.low)}" if values.is_above_low else f"{_at(values, values.low)} or more"
    if values.high is not None and values.high not in {2**63 - 1, 2**64 - 1}:
        high = f"below {_at(values, values.high)}" if values.is_below_high else f"{_at(values, values.high)} or less"
    if low and high and values.low == values.high:
        return _at(values, values.low)
    if low or high:
        return " and ".join(filter(None, (low, high)))
    shown = sorted(shown_constant(each) for each in values.excluded)
    return "not " + " or ".join(shown) if 1 <= len(shown) <= 4 else ""


def _at(values: Values, bound: Bound) -> str:
    return shown_constant((values.line, bound))


def shown_constant(constant: Constant) -> str:
    """A constant as it is written."""
    kind, value = constant
    if kind == "string":
        text = str(value)
        return f'"{text if len(text) <= 24 else text[:23] + "…"}"'
    if kind == "bool":
        return str(value).lower()
    if kind == DURATION and isinstance(value, int):
        return as_written(value)
    return "null" if value is None else str(value)
