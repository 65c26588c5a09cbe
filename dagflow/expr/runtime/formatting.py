"""`"…".format([…])` of CEL's strings extension."""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from dagflow.errors import EvaluationError
from dagflow.expr.runtime.compare import BoolKey
from dagflow.expr.runtime.convert import plain_double, text_of_bool, type_name
from dagflow.expr.runtime.gas import Gas
from dagflow.model.decimals import MOST_DIGITS, decimal_text
from dagflow.model.typeguards import is_dict, is_list
from dagflow.model.values import Duration, Timestamp, TypeValue, UInt

_CLAUSE: Final = re.compile(r"%(%|(?:\.([0-9]{1,3}))?([a-zA-Z])|.?)", re.DOTALL)
_MAX_PRECISION: Final = 100
#: Enough digits for every decimal number and its zeros. CEL rounds a half to the even digit here, and so do decimals.
_HALF_EVEN: Final = decimal.Context(prec=MOST_DIGITS + _MAX_PRECISION, rounding=decimal.ROUND_HALF_EVEN)


def format_text(gas: Gas, template: str, args: list[object]) -> str:
    """The template with each clause replaced by its argument."""
    gas.scan(template)
    gas.make(len(template))
    position, used = 0, 0
    parts: list[str] = []
    for match in _CLAUSE.finditer(template):
        parts.append(template[position : match.start()])
        position = match.end()
        if match[1] == "%":
            parts.append("%")
            continue
        if used >= len(args):
            raise _error(f"no argument for `{match[0]}`; {len(args)} given")
        text = _one(gas, match, args[used])
        gas.make(len(text))
        parts.append(text)
        used += 1
    return "".join([*parts, template[position:]])


def _error(message: str) -> EvaluationError:
    return EvaluationError("bad_argument", f"format: {message}")


def _one(gas: Gas, match: re.Match[str], value: object) -> str:
    gas.use(2)
    kind = match[3]
    if kind in {"e", "f"}:
        return _floating(kind, 6 if match[2] is None else int(match[2]), value)
    convert = _CLAUSES.get(kind or "")
    if convert is None:
        raise _error(f"`{match[0][:20]}` is not a clause; there are %s %d %f %e %b %o %x %X")
    return convert(gas, value)


def _floating(kind: str, precision: int, value: object) -> str:
    if precision > _MAX_PRECISION:
        raise _error(f"a precision is at most {_MAX_PRECISION}")
    if type(value) not in {int, UInt, float, Decimal}:
        raise _error(f"%{kind} takes a number, not {type_name(value)}")
    if type(value) is Decimal and kind == "f":
        return decimal_text(_HALF_EVEN.quantize(value, Decimal(1).scaleb(-precision)))
    number = float(value)  # type: ignore[arg-type]
    return f"{number:.{precision}{kind}}" if math.isfinite(number) else plain_double(number)


def _whole(value: object, clause: str) -> int:
    if type(value) is int or type(value) is UInt:
        return int(value)
    raise _error(f"%{clause} takes an int or uint, not {type_name(value)}")


def _decimal(_: Gas, value: object) -> str:
    if type(value) is float:
        return plain_double(value)
    if type(value) is Decimal:
        return decimal_text(value)
    return str(_whole(value, "d"))


def _binary(_: Gas, value: object) -> str:
    return format(int(value) if type(value) is bool else _whole(value, "b"), "b")


def _octal(_: Gas, value: object) -> str:
    return format(_whole(value, "o"), "o")


def _hexadecimal(gas: Gas, value: object) -> str:
    if type(value) is str:
        value = value.encode()
    if type(value) is bytes:
        gas.make(2 * len(value))
        return value.hex()
    return format(_whole(value, "x"), "x")


def _upper_hexadecimal(gas: Gas, value: object) -> str:
    return _hexadecimal(gas, value).upper()


def _string(gas: Gas, value: object) -> str:
    gas.use(1)
    match value:
        case str():
            return value
        case None:
            return "null"
        case bool():
            return text_of_bool(value)
        case BoolKey():
            return text_of_bool(value.value)
        case int() | Timestamp() | Duration() | TypeValue():
            return str(value)
        case float():
            return plain_double(value)
        case Decimal():
            return decimal_text(value)
        case bytes():
            return value.decode("utf-8", "replace")
        case _ if is_list(value):
            return _paid(gas, f"[{', '.join([_string(gas, item) for item in value])}]")
        case _ if is_dict(value):
            entries = sorted((_string(gas, key), _string(gas, item)) for key, item in value.items())
            return _paid(gas, f"{{{', '.join([f'{key}: {item}' for key, item in entries])}}}")
        case _:  # pragma: no cover - every value there is has a branch above
            raise _error(f"%s does not take {type_name(value)}")


def _paid(gas: Gas, text: str) -> str:
    gas.make(len(text))
    return text


_CLAUSES: Final[dict[str, Callable[[Gas, object], str]]] = {
    "s": _string,
    "d": _decimal,
    "b": _binary,
    "o": _octal,
    "x": _hexadecimal,
    "X": _upper_hexadecimal,
}
