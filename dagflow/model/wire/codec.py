"""Values as JSON and back, by type: the one codec between values and histories, inputs, arguments and results.

A value in stored form (`model.values`) and its JSON differ only where JSON lacks the value: timestamps are RFC 3339 text,
durations text in seconds, decimal numbers and bytes (base64) text, a secret is its handle `{"secret": "name"}`, map keys are text. For every value v
of type t, `decode(encode(v, t), t) == v`; the exception is `json`, whose value is plain JSON after one trip, whatever its
origin. Both directions check: a value that passes fits its type, whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import assert_never

import attrs
import orjson

from dagflow.errors import UsageError
from dagflow.model.types import (
    EnumType,
    ListType,
    MapType,
    OptionalType,
    ParamType,
    Primitive,
    RecordType,
    ScalarType,
    SecretType,
    Type,
    TypeType,
)
from dagflow.model.values import Duration, Timestamp
from dagflow.model.wire import text_forms
from dagflow.model.wire.containers import (
    decode_bool_key,
    decode_number_key,
    encode_bool_key,
    encode_number_key,
    list_of,
    map_of,
    plain_json,
    record_of,
)
from dagflow.model.wire.json_reader import JsonTextError, decode_utf8, locate_json, parse_json, pointer_step
from dagflow.model.wire.scalars import (
    MAX_PROBLEMS,
    MAX_SIZE,
    TOO_LARGE,
    Convert,
    Found,
    Problems,
    check_bool,
    check_double,
    check_int,
    check_null,
    check_string,
    decode_decimal,
    decode_secret,
    decode_uint,
    encode_decimal,
    encode_secret,
    encode_uint,
    enum_check,
    optional,
    refuse_type,
    scalar_check,
    text_form,
)

__all__ = [
    "MAX_SIZE",
    "Codec",
    "JsonTextError",
    "Problem",
    "TooLarge",
    "WireError",
    "codec",
    "decode",
    "dumps",
    "encode",
    "is_plain",
    "loads",
    "parse_json",
]


@attrs.frozen
class Problem:
    """One thing wrong with a value. `pointer`: JSON pointer of the place, "" for the whole value."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}" if self.pointer else self.message


class WireError(UsageError):
    """A value does not fit its type. `problems`: everything found, at most 100."""

    problems: tuple[Problem, ...]

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems,)


class TooLarge(WireError):  # noqa: N818 - says what happened
    """A value has more JSON than the store accepts, whatever its type."""

    def of(self, what: str) -> str:
        """The message, with this name in place of "the value"."""
        return str(self).replace("the value", what, 1)


@attrs.frozen(eq=False)
class Codec:
    """The compiled codec of a type: the functions of this module without their analysis of the type."""

    type: Type
    _decode: Convert
    _encode: Convert

    @cached_property
    def open(self) -> Codec:
        """The same for data from outside: undeclared fields of records are dropped, at any depth."""
        return _made(self.type, is_open=True)

    def decode(self, json_value: object, *, path: str = "") -> object:
        """See `decode`."""
        return _run(self._decode, json_value, path)

    def encode(self, value: object, *, path: str = "") -> object:
        """See `encode`."""
        return _run(self._encode, value, path)

    def dumps(self, value: object) -> bytes:
        """See `dumps`."""
        return sized(orjson.dumps(_run(self._encode, value, "")))

    def loads(self, data: bytes) -> object:
        """See `loads`."""
        return _run(self._decode, _parsed(data), "")


@lru_cache(maxsize=4096)
def codec(type_: Type) -> Codec:
    """The codec of a type; ask once and keep it where many values pass."""
    return _made(type_, is_open=False)


def _made(type_: Type, *, is_open: bool) -> Codec:
    return Codec(
        type_,
        _converter(type_, 0, is_decoding=True, is_open=is_open),
        _converter(type_, 0, is_decoding=False, is_open=is_open),
    )


def decode(json_value: object, type_: Type, *, path: str = "") -> object:
    """Make the value, in stored form, that a parsed JSON value stands for; defaults are filled in.

    `path` is the JSON pointer to begin those of the problems with.

    Raises:
        WireError: the value does not fit; with all problems.
    """
    return codec(type_).decode(json_value, path=path)


def encode(value: object, type_: Type) -> object:
    """Make the JSON value that stands for a value in stored form.

    Raises:
        WireError: the value is not one of that type; with all problems.
    """
    return codec(type_).encode(value)


def dumps(value: object, type_: Type) -> bytes:
    """`encode`, as text in UTF-8.

    Raises:
        WireError: as `encode`.
    """
    return codec(type_).dumps(value)


def loads(data: bytes, type_: Type) -> object:
    """`decode` text that `dumps` wrote. For other text, `parse_json` first: it is strict and reports the place.

    Raises:
        WireError: the value does not fit.
        JsonTextError: not JSON.
    """
    return codec(type_).loads(data)


@lru_cache(maxsize=4096)
def is_plain(type_: Type) -> bool:
    """Whether every value of the type is its own JSON form."""
    match type_:
        case Primitive():
            return type_ in {Primitive.NULL, Primitive.BOOL, Primitive.INT, Primitive.DOUBLE, Primitive.STRING}
        case EnumType() | ScalarType():
            return True
        case ListType(element):
            return is_plain(element)
        case MapType(key, value):
            return key is Primitive.STRING and is_plain(value)
        case OptionalType(value):
            return is_plain(value)
        case RecordType(_, fields):
            return all(is_plain(field.type) for field in fields)
        case SecretType() | TypeType() | ParamType():
            return False
        case _:
            assert_never(type_)


def sized(as_json: bytes, most: int = MAX_SIZE, what: str = "the value") -> bytes:
    """The JSON, if it has at most that many bytes. Raises TooLarge."""
    check_size(len(as_json), most, what)
    return as_json


def check_size(n_bytes: int, most: int = MAX_SIZE, what: str = "the value") -> None:
    """Raises TooLarge: so many bytes of JSON are too many."""
    if n_bytes > most:
        message = (
            f"{what} has {n_bytes:,} bytes as JSON; at most {most:,} are kept. Keep large data elsewhere and pass its address"
        )
        raise TooLarge([Problem("", message)])


def _parsed(data: bytes) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return locate_json(decode_utf8(data)).value


def _run(convert: Convert, value: object, path: str) -> object:
    problems = Problems()
    result = convert(value, problems)
    if problems:
        if problems.left < 0:
            raise TooLarge([Problem(path, TOO_LARGE)])
        raise WireError([_problem(found, path) for found in problems[:MAX_PROBLEMS]])
    return result


def _problem(found: Found, path: str) -> Problem:
    pointer = path
    for step in reversed(found.steps):
        pointer = pointer_step(pointer, step)
    return Problem(pointer, found.message)


def _converter(type_: Type, depth: int, *, is_decoding: bool, is_open: bool = False) -> Convert:
    """One function per type and direction. `depth`: containers around it, so that `json` inside keeps to the limit."""
    match type_:
        case Primitive():
            return _primitive(type_, depth, is_decoding=is_decoding)
        case ListType(element):
            return list_of(_converter(element, depth + 1, is_decoding=is_decoding, is_open=is_open), depth)
        case MapType(key, value):
            inner = _converter(value, depth + 1, is_decoding=is_decoding, is_open=is_open)
            return map_of(_key(key, is_decoding=is_decoding), inner, depth)
        case OptionalType(value):
            return optional(_converter(value, depth, is_decoding=is_decoding, is_open=is_open))
        case RecordType():
            return _record(type_, depth, is_decoding=is_decoding, is_open=is_open)
        case EnumType(_, values):
            return enum_check(values)
        case ScalarType(name):
            return scalar_check(name)
        case SecretType():
            return decode_secret if is_decoding else encode_secret
        case TypeType():
            return refuse_type
        case ParamType():  # the element of an empty list: any will do
            return plain_json(depth)
        case _:
            assert_never(type_)


def _primitive(type_: Primitive, depth: int, *, is_decoding: bool) -> Convert:
    match type_:
        case Primitive.NULL:
            return check_null
        case Primitive.BOOL:
            return check_bool
        case Primitive.INT:
            return check_int
        case Primitive.UINT:
            return decode_uint if is_decoding else encode_uint
        case Primitive.DOUBLE:
            return check_double
        case Primitive.DECIMAL:
            return decode_decimal if is_decoding else encode_decimal
        case Primitive.STRING:
            return check_string
        case Primitive.BYTES:
            return text_form(bytes, text_forms.parse_bytes, text_forms.format_bytes, "base64 text", is_decoding=is_decoding)
        case Primitive.TIMESTAMP:
            parse, form = Timestamp.parse, text_forms.format_timestamp
            return text_form(Timestamp, parse, form, "an instant as text", is_decoding=is_decoding)
        case Primitive.DURATION:
            parse_length, form_length = text_forms.parse_duration, text_forms.format_duration
            return text_form(Duration, parse_length, form_length, "a duration as text", is_decoding=is_decoding)
        case Primitive.JSON | Primitive.UNKNOWN:
            return plain_json(depth)
        case _:
            assert_never(type_)


def _key(type_: Type, *, is_decoding: bool) -> Convert:
    """Keys are text in JSON, whatever their type."""
    if type_ is Primitive.BOOL:
        return decode_bool_key if is_decoding else encode_bool_key
    if type_ is Primitive.INT:
        return decode_number_key(check_int) if is_decoding else encode_number_key(check_int)
    if type_ is Primitive.UINT:
        return decode_number_key(decode_uint) if is_decoding else encode_number_key(encode_uint)
    return _converter(type_, 0, is_decoding=is_decoding)


def _record(type_: RecordType, depth: int, *, is_decoding: bool, is_open: bool) -> Convert:
    converters = {
        field.name: _converter(field.type, depth + 1, is_decoding=is_decoding, is_open=is_open) for field in type_.fields
    }
    with_default = [field for field in type_.fields if field.has_default]
    if is_decoding:
        defaults = {field.name: converters[field.name] for field in with_default}
    else:
        defaults = dict.fromkeys((field.name for field in with_default), _as_is)
    return record_of(type_, converters, defaults, depth, is_open=is_open)


def _as_is(value: object, _problems: Problems) -> object:
    return value
