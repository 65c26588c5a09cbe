"""Correlation keys: a value at a path of a payload, as a text that is equal for equal values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, cast

import orjson

#: Longer ones are stored as a digest.
_MOST_CHARACTERS: Final = 120


def key_of(value: object) -> str | None:
    """The text of a string, an integer or a bool; None for any other value."""
    # Equal numbers of different types would need one text, so only one type has any.
    if type(value) not in (str, int, bool):
        return None
    text = orjson.dumps(value).decode() if type(value) is not int else str(value)
    return text if len(text) <= _MOST_CHARACTERS else "#" + hashlib.sha256(text.encode()).hexdigest()


def path_text(path: Iterable[str]) -> str:
    """A path of names as it is stored."""
    return orjson.dumps(list(path)).decode()


def key_at(payload: object, path: str) -> str | None:
    """The text of the value at a path of a payload in JSON values; None if no such value has one."""
    for name in cast("list[str]", orjson.loads(path)):
        if not isinstance(payload, dict) or name not in payload:
            return None
        payload = cast("dict[str, object]", payload)[name]
    return key_of(payload)
