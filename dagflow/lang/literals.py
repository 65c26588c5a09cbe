"""Values of JSON as literals of the language, and how messages call them."""

from __future__ import annotations

import re
from typing import Final

_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quoted(text: str) -> str:
    """A string literal of the language, in which nothing is an interpolation."""
    return f'"{inside_quotes(text)}"'


def inside_quotes(text: str) -> str:
    """The same without its quotes, to be combined with `${…}`."""
    parts = [_ESCAPES.get(char, char) if char.isprintable() or char in _ESCAPES else _code_escape(char) for char in text]
    return "".join(parts).replace("${", "\\${")


def _code_escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"


def kind_of(value: object) -> str:
    """The kind of a JSON value, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"


def shown(text: str) -> str:
    """A text from outside, short enough and safe to be printed."""
    short = text if len(text) <= 40 else text[:39] + "…"
    return "".join(char if char.isprintable() else "�" for char in short)


def identifier(text: str, fallback: str) -> str:
    """Lower-case words with `_` between them; `fallback` if the text has none."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    word = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:60].rstrip("_")
    if not word:
        return fallback
    return word if word[0].isalpha() else f"{fallback}_{word}"
