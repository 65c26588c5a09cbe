"""Single values between stored form and JSON: one small function per type and direction.

Each takes a value and a list to add problems to, and returns the converted value; the result is unused if there is a problem.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, TypeAlias, TypeVar

import attrs
import orjson

from dagflow.diagnostic import nearest
from dagflow.model.decimals import checked, decimal_of_number, decimal_text, parse_decimal
from dagflow.model.values import Secret, UInt
from dagflow.model.wire.text_forms import INT64_MAX, INT64_MIN, SCALAR_CHECKS, UINT64_MAX

#: So many problems are enough to act on; a wrong million-element list does not become a million messages.
MAX_PROBLEMS: Final = 100
#: The most bytes of JSON that one value may have, in input, as the result of an expression, or in a store.
MAX_SIZE: Final = 4 * 1024 * 1024
TOO_LARGE: Final = f"the value is larger than {MAX_SIZE // 1024**2} MiB as JSON; keep large data elsewhere and pass its address"
#: The share of an object or a list in that, and of each of its members: more than its JSON, since making one takes time too.
CONTAINER_SIZE: Final = 128
MEMBER_SIZE: Final = 8


@attrs.define(eq=False)
class Found:
    """A problem while it is on its way out; each container it passes adds its step."""

    message: str
    steps: list[str | int] = attrs.field(factory=list)


class Problems(list[Found]):
    """The problems found so far, and the size left for the value.

    A value is measured as it is written out: a part that occurs twice counts twice. So a value whose parts are shared, which is
    small in memory, is refused before it becomes large.
    """

    __slots__ = ("left",)

    def __init__(self) -> None:
        super().__init__()
        self.left = MAX_SIZE


_T = TypeVar("_T")
#: The conversion of one type in one direction.
Convert: TypeAlias = Callable[[object, Problems], object]


def add_too_large(problems: Problems) -> None:
    """Note, once, that the value is too large."""
    if not any(found.message is TOO_LARGE for found in problems):
        problems.append(Found(TOO_LARGE))


def add_wrong(wanted: str, value: object, problems: Problems) -> None:
    """Note that a value is not of the expected kind."""
    problems.append(Found(f"expected {wanted}, found {_described(value)}"))


def _described(value: object) -> str:
    """The kind of value in JSON's words, with the value itself where it is short and cannot be confidential."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            text = repr(value) if isinstance(value, float) else str(int(value)) if abs(value) < 1 << 70 else "a huge"
            return f"the number {text}" if len(text) < 25 else "a number"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
        case dt.datetime() if value.tzinfo is None:
            return "a datetime with no time zone"
        case _:
            return f"a {type(value).__name__}"


def check_null(value: object, problems: Problems) -> object:
    if value is not None:
        add_wrong("null", value, problems)
    return None


def check_bool(value: object, problems: Problems) -> object:
    if value is not True and value is not False:
        add_wrong("true or false", value, problems)
    return value


def check_int(value: object, problems: Problems) -> object:
    if type(value) is not int:
        if not isinstance(value, int) or isinstance(value, bool):
            add_wrong("a whole number", value, problems)
            return None
        value = int(value)
    if not INT64_MIN <= value <= INT64_MAX:
        problems.append(Found("a number beyond 64 bits"))
    return value


def decode_uint(value: object, problems: Problems) -> object:
    if not isinstance(value, int) or isinstance(value, bool):
        add_wrong("a whole number, zero or more", value, problems)
        return None
    if not 0 <= value <= UINT64_MAX:
        problems.append(Found("expected a whole number from 0 to 2**64 - 1"))
        return None
    return UInt(value)


def encode_uint(value: object, problems: Problems) -> object:
    number = decode_uint(value, problems)
    return int(number) if isinstance(number, int) else None


def check_double(value: object, problems: Problems) -> object:
    if type(value) is not float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            add_wrong("a number", value, problems)
            return None
        try:
            value = float(value)
        except OverflowError:
            problems.append(Found("a number beyond 64 bits"))
            return None
    if not math.isfinite(value):
        problems.append(Found(f"a number has to be finite, found {value}"))
    return value


def decode_decimal(value: object, problems: Problems) -> object:
    """From text, or from a number whose digits are certain."""
    try:
        if isinstance(value, str):
            return parse_decimal(value)
        if isinstance(value, Decimal):
            return checked(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return decimal_of_number(value)
    except ValueError as error:
        problems.append(Found(str(error)))
        return None
    add_wrong('a decimal number as text, such as "12.50"', value, problems)
    return None


def encode_decimal(value: object, problems: Problems) -> object:
    if not isinstance(value, Decimal | int):
        add_wrong("a Decimal", value, problems)
        return None
    number = decode_decimal(value, problems)
    if not isinstance(number, Decimal):
        return None
    text = decimal_text(number)
    problems.left -= len(text)
    if problems.left < 0:
        add_too_large(problems)
    return text


def check_string(value: object, problems: Problems) -> object:
    if type(value) is not str:
        if not isinstance(value, str):
            add_wrong("a text", value, problems)
            return None
        value = str.__str__(value)  # an enum's member becomes its value
    problems.left -= len(value) if value.isascii() and value.isprintable() else _json_length(value, problems)
    if problems.left < 0:
        add_too_large(problems)
        return None
    return value


def _json_length(text: str, problems: Problems) -> int:
    """The size of a text that may need escapes, or that has more bytes than characters."""
    try:
        return len(orjson.dumps(text))
    except TypeError:
        problems.append(Found("half a surrogate pair is no character"))
        return 0


def text_form(
    python: type[_T], parse: Callable[[str], _T], form: Callable[[_T], str], wanted: str, *, is_decoding: bool
) -> Convert:
    def decode_text(value: object, problems: Problems) -> object:
        if not isinstance(value, str):
            add_wrong(wanted, value, problems)
            return None
        try:
            return parse(value)
        except ValueError as error:
            problems.append(Found(str(error)))
            return None

    def encode_text(value: object, problems: Problems) -> object:
        if not isinstance(value, python):
            add_wrong(f"a {python.__name__}", value, problems)
            return None
        try:
            text = form(value)
        except ValueError as error:
            problems.append(Found(str(error)))
            return None
        problems.left -= len(text)
        if problems.left < 0:
            add_too_large(problems)
        return text

    return decode_text if is_decoding else encode_text


def enum_check(values: Sequence[str]) -> Convert:
    known = frozenset(values)
    listed = ", ".join(f'"{value}"' for value in values)

    def convert(value: object, problems: Problems) -> object:
        text = check_string(value, problems)
        if isinstance(text, str) and text not in known:
            meant = nearest(text, values)
            hint = f'; did you mean "{meant}"?' if meant else ""
            problems.append(Found(f"expected one of {listed}, found another text{hint}"))
        return text

    return convert


def scalar_check(name: str) -> Convert:
    check = SCALAR_CHECKS.get(name)
    if check is None:
        return check_string

    def convert(value: object, problems: Problems) -> object:
        text = check_string(value, problems)
        if isinstance(text, str):
            try:
                check(text)
            except ValueError as error:
                problems.append(Found(str(error)))
        return text

    return convert


def decode_secret(value: object, problems: Problems) -> object:
    if isinstance(value, dict) and value.keys() == {"secret"} and isinstance(value["secret"], str):
        return Secret(value["secret"])
    problems.append(Found('expected the handle of a secret, {"secret": "name"}'))
    return None


def encode_secret(value: object, problems: Problems) -> object:
    if isinstance(value, Secret):
        return {"secret": value.name}
    problems.append(Found("expected the handle of a secret, found something else"))
    return None


def refuse_type(value: object, problems: Problems) -> object:
    problems.append(Found(f"a type is no value to keep, found {_described(value)}"))
    return None


def optional(convert: Convert) -> Convert:
    def convert_optional(value: object, problems: Problems) -> object:
        return None if value is None else convert(value, problems)

    return convert_optional
