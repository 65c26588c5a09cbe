"""The string functions: the standard ones and CEL's strings and encoders extensions. Strings are code points."""

from __future__ import annotations

import base64
import binascii
import functools
from collections.abc import Sequence
from typing import Final, Protocol, cast

import re2  # type: ignore[import-untyped]

from dagflow.errors import EvaluationError
from dagflow.expr.runtime.gas import ELEMENT_SIZE, Gas

#: The characters that `trim` removes: Unicode's White_Space, which differs from Python's `strip`.
_SPACE: Final = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_QUOTES: Final = str.maketrans(
    {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v", "\\": r"\\", '"': r"\""}
)
_MAX_PATTERN: Final = 1_000
#: Instructions of a program whose automaton has so few states that it always fits.
_SMALL_PROGRAM: Final = 12
#: Steps, for the 12 ms after which RE2 rejects a pattern.
_FAILED_PROGRAM: Final = 2_500


_PatternError = cast("type[Exception]", re2.error)  # pyright: ignore[reportUnknownMemberType] - re2 has no types


class _Pattern(Protocol):
    programsize: int

    def search(self, text: str) -> object: ...


def concat(gas: Gas, left: str, right: str) -> str:
    """`left + right` for strings."""
    gas.make(len(left) + len(right))
    return left + right


def concat_bytes(gas: Gas, left: bytes, right: bytes) -> bytes:
    """`left + right` for bytes."""
    gas.make(len(left) + len(right))
    return left + right


def concat_list(gas: Gas, left: list[object], right: list[object]) -> list[object]:
    """`left + right` for lists."""
    gas.make((len(left) + len(right)) * ELEMENT_SIZE)
    gas.use((len(left) + len(right)) >> 7)
    return left + right


def interpolate(gas: Gas, *parts: str) -> str:
    """The parts of a `"${…}"` in one string."""
    gas.make(sum(map(len, parts)))
    return "".join(parts)


def matches(gas: Gas, text: str, pattern: str) -> bool:
    """Whether RE2 finds the pattern anywhere in the text.

    RE2 is linear in the text, but a step of it may look at the whole program: for a program too large for its automaton that is
    7 ns for each character and instruction. Making a program is paid for once in an evaluation, a failure each time.
    """
    try:
        program = _compile(pattern)
    except EvaluationError:
        gas.use(_FAILED_PROGRAM)
        raise
    size = program.programsize
    gas.use(4 + (len(text) >> 10 if size <= _SMALL_PROGRAM else len(text) * size >> 9))
    if gas.is_new(pattern):
        gas.use(size >> 2)
    return program.search(text) is not None


@functools.lru_cache(maxsize=64)  # each may grow to `max_mem`
def _compile(pattern: str) -> _Pattern:
    if len(pattern) > _MAX_PATTERN:
        raise EvaluationError("bad_argument", f"a pattern has at most {_MAX_PATTERN} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 19
    try:
        return cast("_Pattern", re2.compile(pattern, options))  # pyright: ignore[reportUnknownMemberType] - re2 has no types
    except _PatternError as error:
        reason: object = error.args[0] if error.args else "not a regular expression"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise EvaluationError("bad_argument", f"{pattern[:60]!r} is no pattern for `matches`: {text[:200]}") from None


def char_at(text: str, index: int) -> str:
    """The character at an index; the empty string just behind the end."""
    return text[_bounded(index, text) : index + 1]


def index_of(gas: Gas, text: str, part: str, start: int = 0) -> int:
    """Where the part first occurs at or after `start`, or -1."""
    if start < 0 or start > len(text):
        raise _out_of_range(start)
    return start if not part else gas.search(text, part).find(part, start)


def has_part(gas: Gas, text: str, part: str) -> bool:
    """Whether the part occurs anywhere."""
    return part in gas.search(text, part)


def last_index_of(gas: Gas, text: str, part: str, start: int | None = None) -> int:
    """Where the part last occurs, beginning at or before `start`, or -1."""
    if start is None:
        return gas.search(text, part, is_backwards=True).rfind(part) if part else len(text)
    if start < 0 or start > len(text):
        raise _out_of_range(start)
    return gas.search(text, part, is_backwards=True).rfind(part, 0, start + len(part)) if part else start


def substring(gas: Gas, text: str, start: int, end: int | None = None) -> str:
    """The characters from `start` to before `end`."""
    stop = len(text) if end is None else _bounded(end, text)
    if _bounded(start, text) > stop:
        raise EvaluationError("bad_argument", f"a substring does not go from {start} to {stop}")
    gas.make(stop - start)
    return text[start:stop]


def _bounded(index: int, text: str) -> int:
    if 0 <= index <= len(text):
        return index
    raise _out_of_range(index)


def _out_of_range(index: int) -> EvaluationError:
    return EvaluationError("index_out_of_range", f"index {index} is outside of the string")


def replace(gas: Gas, text: str, old: str, new: str, limit: int = -1) -> str:
    """With `old` replaced by `new`, at most `limit` times unless that is negative."""
    gas.search(text, old)
    count = len(text) + 1 if not old else text.count(old)
    count = count if limit < 0 else min(count, limit)
    gas.make(len(text) + count * max(len(new) - len(old), 0))
    return text.replace(old, new, count)


def split(gas: Gas, text: str, separator: str, limit: int = -1) -> list[str]:
    """The parts between separators, at most `limit` unless that is negative."""
    gas.search(text, separator)
    if limit == 0:
        return []
    count = text.count(separator) if separator else len(text)
    count = count if limit < 0 else min(count, limit - 1)
    gas.make(len(text) + count * 64)
    if not separator:
        if limit < 0 or limit >= len(text):
            return list(text)
        return [*text[: limit - 1], text[limit - 1 :]]
    return text.split(separator, count)


def join(gas: Gas, items: Sequence[object], separator: str = "") -> str:
    """The strings in one, with the separator between them."""
    gas.each(items, 1)
    if not all(isinstance(item, str) for item in items):
        raise EvaluationError("type_mismatch", "`join` takes a list of strings")
    gas.make(sum(map(len, items)) + len(separator) * len(items))  # type: ignore[arg-type]
    return separator.join(items)  # type: ignore[arg-type]


def trim(gas: Gas, text: str) -> str:
    """Without white space at both ends."""
    gas.make(len(text))
    return text.strip(_SPACE)


def lower_ascii(gas: Gas, text: str) -> str:
    """With A to Z made small; bytes know no other letters."""
    gas.make(len(text))
    gas.scan(text)
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def upper_ascii(gas: Gas, text: str) -> str:
    """With a to z made large."""
    gas.make(len(text))
    gas.scan(text)
    return text.encode("utf-8", "surrogatepass").upper().decode("utf-8", "surrogatepass")


def reverse(gas: Gas, text: str) -> str:
    """The code points from the last to the first."""
    gas.make(len(text))
    return text[::-1]


def reverse_list(gas: Gas, items: list[object]) -> list[object]:
    """The elements from the last to the first."""
    gas.make(len(items) * ELEMENT_SIZE)
    return items[::-1]


def quote(gas: Gas, text: str) -> str:
    """As a CEL string literal."""
    gas.make(2 * len(text) + 2)
    gas.scan(text)
    return f'"{text.translate(_QUOTES)}"'


def encode_base64(gas: Gas, data: bytes) -> str:
    """The bytes in base64."""
    gas.make(len(data) * 4 // 3 + 4)
    return base64.b64encode(data).decode("ascii")


def decode_base64(gas: Gas, text: str) -> bytes:
    """The bytes of a base64 text; the padding may be missing."""
    gas.make(len(text))
    body = text.rstrip("=") if len(text) % 4 == 0 else text
    try:
        return base64.b64decode(body.encode("ascii") + b"=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise EvaluationError("bad_conversion", "this text is not base64") from None


def encode_utf8(gas: Gas, text: str) -> bytes:
    """`bytes(string)`."""
    gas.make(len(text))
    return text.encode()


def decode_utf8(gas: Gas, data: bytes) -> str:
    """`string(bytes)`."""
    gas.make(len(data))
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise EvaluationError("bad_conversion", "these bytes are not UTF-8") from None
