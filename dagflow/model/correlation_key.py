"""What tells one event from another: a value at a place of its payload, as a text that is the same for equal values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, cast

import orjson

#: Longer ones are kept as a digest.
_MOST_CHARACTERS: Final = 120


def key_of(value: object) -> str | None:
    """The text of a string, a whole number or a bool; None for what is none of these, and for numbers that are not whole."""
    # Equal numbers of different types would need one text, so only one type has any.
    if type(value) not in (str, int, bool):
        return None
    text = orjson.dumps(value).decode() if type(value) is not int else str(value)
    return text if len(text) <= _MOST_CHARACTERS else "#" + hashlib.sha256(text.encode()).hexdigest()


def path_text(path: Iterable[str]) -> str:
    """A path of names as it is kept."""
    return orjson.dumps(list(path)).decode()


def key_at(payload: object, path: str) -> str | None:
    """The text of what is at a path of a payload in JSON values; None if there is nothing there that has one."""
    for name in cast("list[str]", orjson.loads(path)):
        if not isinstance(payload, dict) or name not in payload:
            return None
        payload = cast("dict[str, object]", payload)[name]
    return key_of(payload)
