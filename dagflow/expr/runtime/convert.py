"""Conversions between types, such as `int("7")`, `string(1.5)` and `timestamp("…")`, and their errors."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from dagflow.errors import EvaluationError
from dagflow.expr.runtime.arithmetic import int64, uint64
from dagflow.expr.runtime.compare import BoolKey
from dagflow.model.decimals import decimal_text
from dagflow.model.typeguards import is_dict, is_list
from dagflow.model.values import Duration, Optional, Timestamp, TypeValue, UInt
from dagflow.model.wire.text_forms import SCALAR_CHECKS

_INT: Final = re.compile(r"[+-]?[0-9]{1,40}")
_UINT: Final = re.compile(r"[0-9]{1,40}")
_DOUBLE: Final = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan)", re.IGNORECASE
)
_TRUE: Final = frozenset({"1", "t", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"0", "f", "false", "FALSE", "False"})

_TYPE_NAMES: Final[dict[type, str]] = {
    type(None): "null_type",
    bool: "bool",
    int: "int",
    UInt: "uint",
    float: "double",
    Decimal: "decimal",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    Timestamp: "google.protobuf.Timestamp",
    Duration: "google.protobuf.Duration",
    Optional: "optional_type",
    TypeValue: "type",
}


def type_of(value: object) -> TypeValue:
    """`type(value)`."""
    return TypeValue(_TYPE_NAMES.get(type(value), "dyn"))


def type_name(value: object) -> str:
    """The CEL name of a value's type, for messages and dispatch."""
    return _TYPE_NAMES.get(type(value), type(value).__name__)


def _bad(text: str, what: str) -> EvaluationError:
    return EvaluationError("bad_conversion", f"{text[:60]!r} is not {what}")


def int_of_text(text: str) -> int:
    """`int("7")`."""
    if _INT.fullmatch(text) is None:
        raise _bad(text, "an int")
    return int64(int(text))


def uint_of_text(text: str) -> UInt:
    """`uint("7")`."""
    if _UINT.fullmatch(text) is None:
        raise _bad(text, "a uint")
    return uint64(int(text))


def double_of_text(text: str) -> float:
    """`double("1.5")`; also `NaN` and `Infinity`."""
    if len(text) > 400 or _DOUBLE.fullmatch(text) is None:
        raise _bad(text, "a double")
    return float(text)


def bool_of_text(text: str) -> bool:
    """`bool("true")`; also `t`, `1` and the like."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _bad(text, "a bool")


def timestamp_of_text(text: str) -> Timestamp:
    """`timestamp("2026-01-31T10:00:00Z")`."""
    try:
        return Timestamp.parse(text)
    except ValueError as error:
        raise EvaluationError("bad_conversion", str(error)) from None


def duration_of_text(text: str) -> Duration:
    """`duration("1h30m")`."""
    try:
        return Duration.parse(text)
    except ValueError as error:
        raise EvaluationError("bad_conversion", str(error)) from None


def scalar_of_text(text: object, name: str) -> str:
    """`Email(x)`: the text, held to the rule of the scalar of that name."""
    if not isinstance(text, str):
        raise EvaluationError("type_mismatch", f"`{name}` takes a string, not {type_name(text)}")
    check = SCALAR_CHECKS.get(name)
    try:
        if check is not None:
            check(text)
    except ValueError as error:
        raise EvaluationError("bad_conversion", f"{text[:60]!r} is no {name}: {error}") from None
    return text


def text_of_bool(value: bool) -> str:
    """`true` or `false`."""
    return "true" if value else "false"


def text_of_double(value: float) -> str:
    """`string(double)`: the shortest text that reads back the same, with an exponent from 1e6 up and below 1e-4."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return plain_double(value)
    mantissa, _, exponent = f"{Decimal(repr(value)).normalize():e}".partition("e")
    return f"{mantissa}e{exponent[0]}{exponent[1:].rjust(2, '0')}"


def plain_double(value: float) -> str:
    """The shortest text without an exponent, as `"${…}"` and `format` show it."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    text = f"{Decimal(repr(value)):f}"
    return text.removesuffix(".0")


def display(value: object, what: str = "") -> str:
    """A value of unknown type inside of `"${…}"`; `what` is how the text writes it."""
    match value:
        case str():
            return value
        case bool():
            return text_of_bool(value)
        case int() | Timestamp() | Duration():
            return str(value)
        case float():
            return plain_double(value)
        case Decimal():
            return decimal_text(value)
        case _:
            found = "null" if value is None else f"a {type_name(value)}"
            raise EvaluationError("type_mismatch", (f"`{what}`: " if what else "") + f"{found} does not go into a text")


def plain_value(value: object) -> object:
    """A result as it leaves: keys unboxed, optionals stored (none is None, a value itself).

    A part that occurs twice is converted once, so that a value whose parts are shared stays as small as it is.
    """
    return _plain(value, {})


def _plain(value: object, known: dict[int, object]) -> object:
    if isinstance(value, Optional):
        return _plain(value.value, known)
    if id(value) in known:
        return known[id(value)]
    if is_list(value):
        made: object = [_plain(item, known) for item in value]
    elif is_dict(value):
        made = _plain_dict(value, known)
    else:
        return value
    known[id(value)] = made
    return made


def _plain_dict(value: dict[object, object], known: dict[int, object]) -> dict[object, object]:
    made = {(key.value if type(key) is BoolKey else key): _plain(item, known) for key, item in value.items()}
    if len(made) != len(value):
        raise EvaluationError("duplicate_key", "a map with both a bool and an equal number as keys cannot leave an expression")
    return made
