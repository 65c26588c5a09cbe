"""`-k`: an expression that selects tests, with `and`, `or`, `not` and parentheses, as in pytest."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from dagflow.errors import UsageError

Selector = Callable[[str], bool]

_TOKEN: Final = re.compile(r"\s*(\(|\)|\"[^\"]*\"|'[^']*'|[^\s()]+)")
_MOST_CHARS: Final = 1_000


def selector(text: str | None) -> Selector:
    """Return a predicate on names; a word matches if the name contains it, in any case. Raises UsageError: wrong syntax."""
    if text is None:
        return lambda _: True
    if len(text) > _MOST_CHARS:
        raise UsageError(f"-k must have at most {_MOST_CHARS} characters; got {len(text)}")
    reader = _Reader(_TOKEN.findall(text), text)
    found = reader.either()
    if reader.tokens:
        raise reader.problem(f"`{reader.tokens[0]}` is not expected there")
    return found


class _Reader:
    """Reads tokens from left to right; `not` binds strongest, then `and`, then `or`."""

    def __init__(self, tokens: list[str], text: str) -> None:
        self.tokens = tokens
        self.text = text

    def problem(self, what: str) -> UsageError:
        return UsageError(
            f"-k {self.text!r}: {what}; write words with `and`, `or`, `not`, for example -k 'late and not refund'"
        )

    def either(self) -> Selector:
        parts = [self._both()]
        while self._takes("or"):
            parts.append(self._both())
        return lambda name: any(part(name) for part in parts)

    def _both(self) -> Selector:
        parts = [self._one()]
        while self._takes("and"):
            parts.append(self._one())
        return lambda name: all(part(name) for part in parts)

    def _one(self) -> Selector:
        if self._takes("not"):
            inner = self._one()
            return lambda name: not inner(name)
        if self._takes("("):
            inner = self.either()
            if not self._takes(")"):
                raise self.problem("a `)` is missing")
            return inner
        if not self.tokens or self.tokens[0] in {")", "and", "or"}:
            raise self.problem("a word is missing")
        word = self.tokens.pop(0).strip("\"'").lower()
        return lambda name: word in name.lower()

    def _takes(self, token: str) -> bool:
        if self.tokens[:1] != [token]:
            return False
        self.tokens.pop(0)
        return True
