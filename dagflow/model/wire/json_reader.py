"""The reader for JSON from outside: strict, bounded, with line and column of each error.

`parse_json` is fast on good text. Only after an error does the slow reader below read the text again, which knows the place
of every part; importers use that one directly, for the spans.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final

import attrs

from dagflow.diagnostic import Span
from dagflow.errors import UsageError
from dagflow.model.typeguards import is_list, is_object
from dagflow.model.wire.text_forms import INT64_MAX, INT64_MIN

#: Deepest nesting of arrays and objects in any input. `orjson` writes no deeper than 254, so it can be stored too.
MAX_DEPTH: Final = 64

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_STRING: Final = re.compile(r'"((?:[^"\\\x00-\x1f]|\\.)*)"')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*|-[A-Za-z]+", re.ASCII)
_WORDS: Final = {"true": True, "false": False, "null": None}
_LITERAL_STARTS: Final = frozenset('"[{-0123456789tfn')


class JsonTextError(UsageError):
    """A text is not JSON, or not JSON that can be stored.

    Attributes:
        message: the error, without the place.
        span: the place.
        line, column: where the place begins, from 1.
        pointer: JSON pointer of the innermost value around it.
        hint: what to do, or "".
    """

    message: str
    span: Span
    line: int
    column: int
    pointer: str
    hint: str

    def __init__(self, message: str, span: Span, line: int, column: int, pointer: str = "", hint: str = "") -> None:
        super().__init__(f"line {line}, column {column}: {message}" + (f"; {hint}" if hint else ""))
        self.message, self.span, self.line, self.column = message, span, line, column
        self.pointer, self.hint = pointer, hint

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.message, self.span, self.line, self.column, self.pointer, self.hint)


@attrs.frozen
class LocatedJson:
    """A parsed text. `spans`: where each value is, by JSON pointer; `key_spans`: where each member's name is."""

    value: object
    spans: dict[str, Span]
    key_spans: dict[str, Span]


def parse_json(text: str | bytes) -> object:
    """Read JSON from outside.

    Refused: anything RFC 8259 does not know, duplicate keys, `NaN` and infinities (also as `1e999`), integers beyond 64
    bits, lone surrogates, and nesting deeper than 64.

    Raises:
        JsonTextError: with line and column.
    """
    if isinstance(text, bytes):
        text = decode_utf8(text)
    try:
        return load_strictly(text)
    except ValueError:
        return locate_json(text).value


def load_strictly(text: str) -> object:
    """As `parse_json`, without places: so an error costs no more than a valid text.

    Raises:
        ValueError: with the reason, in a few words.
    """
    try:
        value: object = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_int64, parse_float=_finite
        )
        text.encode()
        _check_kept(value, 0)
    except UnicodeEncodeError:
        raise ValueError("half a surrogate pair is no character") from None
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None
    return value


def decode_utf8(data: bytes) -> str:
    """Read UTF-8, without a byte order mark.

    Raises:
        JsonTextError: other bytes.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise _error_at(before + "\ufffd", len(before), len(before) + 1, "not UTF-8 text", hint="save it as UTF-8") from None


def locate_json(text: str) -> LocatedJson:
    """Read JSON and the places of its parts. Slower than `parse_json`, as strict.

    Raises:
        JsonTextError: with line and column.
    """
    reader = _Reader(text)
    value = reader.document()
    return LocatedJson(value, reader.spans, reader.key_spans)


def pointer_step(pointer: str, step: str | int) -> str:
    """The JSON pointer (RFC 6901) one step further in."""
    if isinstance(step, int):
        return f"{pointer}/{step}"
    return f"{pointer}/{step.replace('~', '~0').replace('/', '~1')}"


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Where the character at `offset` is, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next((key for key, _ in pairs if key in seen or seen.add(key)), "")  # type: ignore[func-returns-value]
        raise ValueError(f'the key "{_shown(twice)}" is there twice')
    return members


def _refuse(word: str) -> object:
    raise ValueError(f"`{word}` is not valid JSON")


def _int64(digits: str) -> int:
    if len(digits) > 20:  # also keeps Python's own limit on digits out of it
        raise ValueError("a number beyond 64 bits")
    value = int(digits)
    if not INT64_MIN <= value <= INT64_MAX * 2 + 1:
        raise ValueError("a number beyond 64 bits")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number beyond 64 bits")
    return value


def _check_kept(value: object, depth: int) -> None:
    """Check depth and surrogates; the hooks have checked the rest."""
    if isinstance(value, str):
        if not value.isascii():
            value.encode()
        return
    if depth >= MAX_DEPTH and isinstance(value, (dict, list)):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if is_object(value):
        for key, member in value.items():
            key.encode()
            _check_kept(member, depth + 1)
    elif is_list(value):
        for element in value:
            _check_kept(element, depth + 1)


def _error_at(text: str, start: int, end: int, message: str, *, pointer: str = "", hint: str = "") -> JsonTextError:
    line, column = line_and_column(text, start)
    return JsonTextError(message, Span(start, max(start, end)), line, column, pointer, hint)


@attrs.define(eq=False)
class _Reader:
    """One pass over a text; recursion is bounded by `MAX_DEPTH`."""

    text: str
    at: int = 0
    spans: dict[str, Span] = attrs.field(factory=dict)
    key_spans: dict[str, Span] = attrs.field(factory=dict)

    def document(self) -> object:
        self._skip_space()
        if self._at_end():
            raise self._error("expected JSON, found nothing", "")
        value = self._value("", 0)
        self._skip_space()
        if not self._at_end():
            hint = "put several values into one array, `[ … ]`" if self._peek() in _LITERAL_STARTS else ""
            raise self._error(f"expected the end of the text, found {self._found()}", "", hint=hint)
        return value

    def _value(self, pointer: str, depth: int) -> object:
        start, char = self.at, self._peek()
        value: object
        if char in "{[" and char:
            if depth >= MAX_DEPTH:
                raise self._error(f"nested deeper than {MAX_DEPTH} levels", pointer)
            value = self._object(pointer, depth) if char == "{" else self._array(pointer, depth)
        elif char == '"':
            value = self._string(pointer)
        elif char and char in "-0123456789" and not _WORD.match(self.text, self.at):
            value = self._number(pointer)
        else:
            value = self._word(pointer)
        self.spans[pointer] = Span(start, self.at)
        return value

    def _object(self, pointer: str, depth: int) -> dict[str, object]:
        members: dict[str, object] = {}
        start = self.at
        self.at += 1
        self._skip_space()
        if self._take("}"):
            return members
        while True:
            key_start, key = self.at, self._key(pointer, start)
            inner = pointer_step(pointer, key)
            if key in members:
                span = Span(key_start, self.at)
                raise self._error(f'the key "{_shown(key)}" is there twice', pointer, span=span, hint="keep one of them")
            self.key_spans[inner] = Span(key_start, self.at)
            self._colon(inner, key)
            members[key] = self._value(inner, depth + 1)
            if self._closed(pointer, "}", start):
                return members

    def _array(self, pointer: str, depth: int) -> list[object]:
        elements: list[object] = []
        start = self.at
        self.at += 1
        self._skip_space()
        if self._take("]"):
            return elements
        while True:
            elements.append(self._value(pointer_step(pointer, len(elements)), depth + 1))
            if self._closed(pointer, "]", start):
                return elements

    def _key(self, pointer: str, opened: int) -> str:
        if self._peek() == '"':
            return self._string(pointer)
        if self._at_end():
            raise self._never_closed(pointer, "}", opened)
        word = _WORD.match(self.text, self.at)
        if word is not None:
            span = Span(self.at, word.end())
            hint = f'write `"{word[0]}"`'
            raise self._error("keys must be in double quotes", pointer, span=span, hint=hint)
        hint = 'write the key in double quotes, `"key"`' if self._peek() == "'" else ""
        raise self._error(f"expected a key, found {self._found()}", pointer, hint=hint)

    def _colon(self, pointer: str, key: str) -> None:
        after_key = self.at
        self._skip_space()
        if not self._take(":"):
            found = self._found()
            span = Span(after_key, after_key)
            raise self._error(f'expected `:` after the key "{_shown(key)}", found {found}', pointer, span=span)
        self._skip_space()

    def _closed(self, pointer: str, close: str, opened: int) -> bool:
        """After a value: whether the array or object ended; else the comma is behind us and a further part ahead."""
        after = self.at
        self._skip_space()
        if self._take(close):
            return True
        comma = self.at
        if self._take(","):
            self._skip_space()
            if self._peek() and self._peek() in "]}":
                hint = "JSON allows no comma after the last part; remove it"
                raise self._error("a comma with nothing after it", pointer, span=Span(comma, comma + 1), hint=hint)
            return False
        if self._at_end():
            raise self._never_closed(pointer, close, opened)
        if self._peek() in _LITERAL_STARTS or _WORD.match(self.text, self.at):
            span = Span(after, after)
            hint = f"put a comma here, before {self._found()} on line {line_and_column(self.text, self.at)[0]}"
            raise self._error("a comma is missing", pointer, span=span, hint=hint)
        raise self._error(f"expected `,` or `{close}`, found {self._found()}", pointer)

    def _string(self, pointer: str) -> str:
        match = _STRING.match(self.text, self.at)
        if match is None:
            raise self._broken_string(pointer)
        try:
            value = str(json.loads(match[0]))
            value.encode()
        except UnicodeEncodeError:
            span = Span(self.at, match.end())
            raise self._error("half a surrogate pair is no character", pointer, span=span) from None
        except ValueError:
            span = Span(self.at, match.end())
            hint = "a backslash itself is written `\\\\`"
            raise self._error("an escape JSON does not know", pointer, span=span, hint=hint) from None
        self.at = match.end()
        return value

    def _broken_string(self, pointer: str) -> JsonTextError:
        start = self.at
        end = self.text.find("\n", start)
        end = len(self.text) if end < 0 else end
        control = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*([\x00-\x09\x0b-\x1f])').match(self.text, start)
        if control is not None:
            span = Span(control.start(1), control.end(1))
            return self._error(
                "a control character in a text", pointer, span=span, hint="write it as an escape, `\\t` or `\\u0001`"
            )
        hint = "close it with a double quote on the same line; a line break is written `\\n`"
        return self._error("a text that is never closed", pointer, span=Span(start, end), hint=hint)

    def _number(self, pointer: str) -> int | float:
        match = _NUMBER.match(self.text, self.at)
        rest = re.compile(r"[-+.0-9A-Za-z_]*").match(self.text, self.at)
        end = self.at if rest is None else rest.end()
        span = Span(self.at, end)
        if match is None or match.end() != end:
            raise self._error(f"`{_shown(self.text[self.at : end])}` is not a JSON number", pointer, span=span)
        try:
            value = _finite(match[0]) if match[1] or match[2] else _int64(match[0])
        except ValueError:
            raise self._error("a number beyond 64 bits", pointer, span=span, hint="write it as a text") from None
        self.at = end
        return value

    def _word(self, pointer: str) -> object:
        match = _WORD.match(self.text, self.at)
        if match is None:
            hint = 'write the text in double quotes, `"text"`' if self._peek() == "'" else ""
            raise self._error(f"expected a value, found {self._found()}", pointer, hint=hint)
        word, span = match[0], Span(self.at, match.end())
        if word not in _WORDS:
            known = {"none": "null", "undefined": "null", "nil": "null", "true": "true", "false": "false"}.get(word.lower())
            hint = f"write `{known}`" if known else f'write the text in double quotes, `"{_shown(word)}"`'
            if word.lstrip("-").lower() in {"nan", "infinity", "inf"}:
                hint = "JSON has finite numbers only"
            raise self._error(f"`{_shown(word)}` is not valid JSON", pointer, span=span, hint=hint)
        self.at = match.end()
        return _WORDS[word]

    def _never_closed(self, pointer: str, close: str, opened: int) -> JsonTextError:
        line, column = line_and_column(self.text, opened)
        opening = self.text[opened]
        message = f"the text ends before the `{opening}` of line {line}, column {column} is closed"
        return self._error(message, pointer, hint=f"add `{close}`")

    def _error(self, message: str, pointer: str, *, span: Span | None = None, hint: str = "") -> JsonTextError:
        place = span or Span(self.at, min(self.at + 1, len(self.text)))
        return _error_at(self.text, place.start, place.end, message, pointer=pointer, hint=hint)

    def _skip_space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = self.at if match is None else match.end()

    def _take(self, char: str) -> bool:
        if self._peek() != char:
            return False
        self.at += 1
        return True

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _at_end(self) -> bool:
        return self.at >= len(self.text)

    def _found(self) -> str:
        if self._at_end():
            return "the end of the text"
        match = _STRING.match(self.text, self.at) or _WORD.match(self.text, self.at) or _NUMBER.match(self.text, self.at)
        return f"`{_shown(match[0] if match and match[0] else self._peek())}`"


def _shown(text: str) -> str:
    short = text if len(text) <= 30 else text[:29] + "…"
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in short)
