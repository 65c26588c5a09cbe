"""Token texts to values: numbers, durations, strings and bytes as CEL writes them, and dagflow's `1h30m`."""

from __future__ import annotations

import re
from typing import Final

from dagflow.model.values import Duration, UInt

_INT_LIMIT: Final = 2**63
_UINT_LIMIT: Final = 2**64

#: Units of a duration literal in nanoseconds, from large to small.
_UNITS: Final = {
    "w": 604_800_000_000_000,
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
}
_DURATION_PART: Final = re.compile(r"([0-9]+)(?:\.([0-9]+))?(ms|[smhdw])")
_NEWLINE: Final = re.compile(r"\r\n?")
_ESCAPE: Final = re.compile(r"\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))", re.DOTALL)
_SIMPLE: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?",
}  # fmt: skip


class LiteralError(Exception):
    """A token that looks like a literal and is not one.

    Attributes:
        message: the error, for a person.
        offset: where in the token's text, in characters.
    """

    message: str
    offset: int

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.message, self.offset)


def decode_int(text: str) -> int:
    """The value of `12` or `0xC`, at most 2**63 (only a minus before it makes that one legal)."""
    value = _digits(text, _INT_LIMIT + 1)
    if value is None:
        raise LiteralError("this number does not fit an int; the largest is 9223372036854775807", 0)
    return value


def decode_uint(text: str) -> UInt:
    """The value of `12u` or `0xCu`."""
    value = _digits(text[:-1], _UINT_LIMIT)
    if value is None:
        raise LiteralError("this number does not fit a uint; the largest is 18446744073709551615", 0)
    return UInt(value)


def _digits(text: str, limit: int) -> int | None:
    is_hex = text[:2] in {"0x", "0X"}
    digits = (text[2:] if is_hex else text).lstrip("0") or "0"
    if len(digits) > 20:  # before `int()`, which takes long for long texts
        return None
    value = int(digits, 16 if is_hex else 10)
    return value if value < limit else None


def decode_float(text: str) -> float:
    """The value of `1.5`, `.5` or `1e9`; a number beyond the range of a double is an error."""
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise LiteralError("this number does not fit a double; the largest is about 1.8e308", 0)
    return value


def decode_duration(text: str) -> Duration:
    """The value of `500ms`, `2d` or `1h30m`: units from large to small, each at most once."""
    nanos, position, smallest = 0, 0, 1 << 62
    while position < len(text):
        match = _DURATION_PART.match(text, position)
        if match is None or len(match[1]) > 20 or len(match[2] or "") > 9:
            raise LiteralError("a duration is written like `2d`, `30s` or `1h30m`", position)
        unit = _UNITS[match[3]]
        if unit >= smallest:
            raise LiteralError("units of a duration go from large to small, each once, like `1h30m`", position)
        nanos += int(match[1]) * unit + int((match[2] or "0").ljust(9, "0")) * unit // 1_000_000_000
        position, smallest = match.end(), unit
    if nanos >= _INT_LIMIT:
        raise LiteralError("this duration is too long; the longest is about 292 years", 0)
    return Duration(nanos)


def decode_string(text: str) -> str:
    """The value of a string token: quotes of one or three, raw or not."""
    is_raw, start, body = _unquote(text)
    return body if is_raw else _escaped(body, start, is_bytes=False)


def decode_escapes(body: str) -> str:
    r"""The value of a piece of an interpolated string: as a string without its quotes, and `\$` is a dollar."""
    return _escaped(_NEWLINE.sub("\n", body), 0, is_bytes=False)


def decode_bytes(text: str) -> bytes:
    r"""The value of a bytes token: characters as UTF-8, `\x41` and `\101` as single bytes."""
    is_raw, start, body = _unquote(text)
    if is_raw:
        return _utf8(body, start)
    return _escaped(body, start, is_bytes=True).encode("utf-8", "surrogateescape")


def _unquote(text: str) -> tuple[bool, int, str]:
    """Whether it is raw, where the body starts, and the body with one kind of line end."""
    prefix = len(text) - len(text.lstrip("rRbB"))
    width = 3 if text[prefix : prefix + 3] in {'"""', "'''"} and len(text) >= prefix + 6 else 1
    start = prefix + width
    body = text[start : len(text) - width]
    if "\r" in body:
        body = _NEWLINE.sub("\n", body)
    return "r" in text[:prefix].lower(), start, body


def _utf8(body: str, start: int) -> bytes:
    try:
        return body.encode()
    except UnicodeEncodeError as error:
        raise LiteralError("half of a surrogate pair is not a character", start + error.start) from None


def _escaped(body: str, start: int, *, is_bytes: bool) -> str:
    """Bytes are returned as text in which `surrogateescape` stands for bytes above 127."""
    if "\\" not in body:
        _utf8(body, start)
        return body
    parts: list[str] = []
    position = 0
    while (found := body.find("\\", position)) >= 0:
        match = _ESCAPE.match(body, found)
        if match is None:
            raise LiteralError("a backslash needs a character after it", start + found)
        parts.append(body[position:found])
        parts.append(_one_escape(match, start + found, is_bytes=is_bytes))
        position = match.end()
    parts.append(body[position:])
    _utf8(body, start)
    return "".join(parts)


def _one_escape(match: re.Match[str], offset: int, *, is_bytes: bool) -> str:
    letter = match[0][1]
    if match[5] is not None:
        simple = _SIMPLE.get(letter, "$" if letter == "$" and not is_bytes else None)
        if simple is None:
            if letter in "xXuU":
                raise LiteralError(r"`\x` takes two hexadecimal digits, `\u` four, `\U` eight", offset)
            raise LiteralError(f"`\\{letter}` is not an escape; write `\\\\` for a backslash", offset)
        return simple
    if match[1] or match[4]:
        code = int(match[1], 16) if match[1] else int(match[4], 8)
        return _byte(code) if is_bytes else chr(code)
    if is_bytes:
        raise LiteralError("bytes know `\\x41` and `\\101`; a code point belongs into a string", offset)
    code = int(match[2] or match[3], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise LiteralError("this is not a Unicode character", offset)
    return chr(code)


def _byte(code: int) -> str:
    return bytes([code]).decode("utf-8", "surrogateescape") if code > 127 else chr(code)
