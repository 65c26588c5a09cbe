"""Types as CEL writes them: `list(int)`, `map(string, dyn)`, `optional_type(string)`, `(int, list(A)) -> A`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, assert_never

from dagflow.expr.unify import abstract, is_abstract
from dagflow.model.types import (
    BOOL,
    BYTES,
    DECIMAL,
    DOUBLE,
    DURATION,
    INT,
    JSON,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    UNKNOWN,
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

_SIMPLE: Final[dict[str, Type]] = {
    "null_type": NULL,
    "null": NULL,
    "bool": BOOL,
    "int": INT,
    "uint": UINT,
    "double": DOUBLE,
    "decimal": DECIMAL,
    "string": STRING,
    "bytes": BYTES,
    "timestamp": TIMESTAMP,
    "google.protobuf.Timestamp": TIMESTAMP,
    "duration": DURATION,
    "google.protobuf.Duration": DURATION,
    "dyn": JSON,
    "list": ListType(JSON),
    "map": MapType(JSON, JSON),
    "type": TypeType(JSON),
    "optional_type": OptionalType(JSON),
}
_NAMES: Final[dict[Primitive, str]] = {
    NULL: "null_type",
    BOOL: "bool",
    INT: "int",
    UINT: "uint",
    DOUBLE: "double",
    DECIMAL: "decimal",
    STRING: "string",
    BYTES: "bytes",
    TIMESTAMP: "google.protobuf.Timestamp",
    DURATION: "google.protobuf.Duration",
    JSON: "dyn",
    UNKNOWN: "dyn",
}
_TOKEN: Final = re.compile(r"\s*(param:[A-Za-z_]\w*|[A-Za-z_][\w.]*|[(),])", re.ASCII)
_MAX_TEXT: Final = 10_000
_MAX_DEPTH: Final = 100


def parse_type(text: str) -> Type:
    """The type a CEL type text stands for; a single capital letter or `param:T` is a type variable.

    Raises:
        ValueError: the text is not a type.
    """
    tokens = _tokens(text)
    type_ = _parse(tokens, _next(tokens, text), text, 0)
    if (extra := next(tokens, "")) != "":
        msg = f"{text[:60]!r} is not a type: unexpected {extra!r}"
        raise ValueError(msg)
    return type_


def _tokens(text: str) -> Iterator[str]:
    position = 0
    stop = len(text.rstrip())
    if len(text) > _MAX_TEXT:
        msg = f"a type has at most {_MAX_TEXT} characters"
        raise ValueError(msg)
    while position < stop:
        match = _TOKEN.match(text, position)
        if match is None:
            msg = f"{text[:60]!r} is not a type"
            raise ValueError(msg)
        yield match[1]
        position = match.end()


def _next(tokens: Iterator[str], text: str) -> str:
    token = next(tokens, None)
    if token is None:
        msg = f"{text[:60]!r} is not a type: it ends too early"
        raise ValueError(msg)
    return token


class _Peek:
    """Tokens with one put back."""

    def __init__(self, tokens: Iterator[str]) -> None:
        self._tokens = tokens
        self._back: list[str] = []

    def __iter__(self) -> _Peek:  # pragma: no cover - an iterator has one
        return self

    def __next__(self) -> str:
        return self._back.pop() if self._back else next(self._tokens)

    def take(self, wanted: str) -> bool:
        token = next(self, None)
        if token == wanted:
            return True
        if token is not None:
            self._back.append(token)
        return False


def _parse(tokens: Iterator[str], name: str, text: str, depth: int) -> Type:
    peek = tokens if isinstance(tokens, _Peek) else _Peek(tokens)
    return _parse_peeked(peek, name, text, depth)


def _parse_peeked(tokens: _Peek, name: str, text: str, depth: int) -> Type:
    if name in {"(", ")", ","} or depth > _MAX_DEPTH:
        msg = f"{text[:60]!r} is not a type: unexpected {name!r}"
        raise ValueError(msg)
    params: list[Type] | None = None
    if tokens.take("("):
        params = [_parse_peeked(tokens, _next(tokens, text), text, depth + 1)]
        while tokens.take(","):
            params.append(_parse_peeked(tokens, _next(tokens, text), text, depth + 1))
        if not tokens.take(")"):
            msg = f"{text[:60]!r} is not a type: a `)` is missing"
            raise ValueError(msg)
    return _named(name, params, text)


def _named(name: str, params: list[Type] | None, text: str) -> Type:
    match name, params:
        case _, None if name in _SIMPLE:
            return _SIMPLE[name]
        case "list", [element]:
            return ListType(element)
        case "map", [key, value]:
            return MapType(key, value)
        case "optional_type", [value]:
            return OptionalType(value)
        case "type", [of]:
            return TypeType(of)
        case _, None if name.startswith("param:") or (len(name) == 1 and name.isupper()):
            return ParamType(name.removeprefix("param:"))
        case _, [_, *_] if name not in _SIMPLE:
            return abstract(name, params or ())
        case _:
            pass
    msg = f"{text[:60]!r} is not a type: `{name}` is unknown or takes another number of parameters"
    raise ValueError(msg)


def type_text(type_: Type) -> str:
    """The CEL text of a type; records, which CEL has as messages, by name."""
    match type_:
        case Primitive():
            return _NAMES[type_]
        case ListType(element):
            return f"list({type_text(element)})"
        case MapType(key, value):
            return f"map({type_text(key)}, {type_text(value)})"
        case OptionalType(value):
            return f"optional_type({type_text(value)})"
        case TypeType(of):
            return f"type({type_text(of)})"
        case EnumType() | ScalarType():
            return "string"
        case SecretType(value):
            return f"Secret({type_text(value)})"
        case ParamType(name):
            return name
        case RecordType(name, fields) if is_abstract(type_):
            return f"{name}({', '.join(type_text(field.type) for field in fields)})"
        case RecordType(name, _):
            return name or "map(string, dyn)"
        case _:
            assert_never(type_)
