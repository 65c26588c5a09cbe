"""Locate the missing quote on a line whose quotes do not pair up.

The quote without a partner is the last one, but the slip is most often earlier: `"C, text: "a")` has its odd quote at the end and
its missing one behind `C`. A string that touches a word tells: none does in a good line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import attrs

from dagflow.diagnostic import Span

#: The text before a value: a separator, or a word that texts come after.
_BEFORE_VALUE: Final = re.compile(r".*(?:[(,:\[{=<>|]|\b(?:case|emit|event|fail|stop|in|only|test|webhook|cron|import)\b)\s*")
#: Where a text most likely ends: before the next argument, text or block, or before the brackets around it.
_TEXT_END: Final = re.compile(
    r",\s*[A-Za-z_]\w*\s*:|,\s*[\"']|,?\s*$|[)\]}][)\]},\s]*$|\)\s*[-A-Za-z]|\s+[{|(]|\s+(?:as|with|when|else|retry|in|on)\b"
)


@attrs.frozen
class Piece:
    """A token of the line, by kind and columns of the line."""

    kind: str
    start: int
    end: int


@attrs.frozen
class MissingQuote:
    """Insert `quote` at column `at`; `span` is the place for the message, in columns; `is_opening`: it would begin a string."""

    at: int
    quote: str
    span: Span
    is_opening: bool


def find_missing_quote(line: str, pieces: Sequence[Piece], odd: int) -> MissingQuote:
    """Where the quote is missing, for a line whose quote at column `odd` has no partner.

    Args:
        pieces: the tokens of the line before `odd`.
    """
    for i, piece in enumerate(pieces):
        if piece.kind != "STRING":
            continue
        quote = line[piece.start]
        before = pieces[i - 1] if i else None
        if (
            before is not None
            and before.end == piece.start
            and before.kind in {"IDENT", "INT", "FLOAT", "DURATION", "MINUS", "MULOP"}
        ):
            return _opening(line, piece.start, quote)
        behind = pieces[i + 1].start if i + 1 < len(pieces) else odd
        is_word = i + 1 < len(pieces) and pieces[i + 1].kind in {"IDENT", "INT", "DURATION", "FLOAT"}
        if behind == piece.end and (is_word or behind == odd):
            return _closing(line, piece.start, piece.end - 1, quote)
    quote = line[odd]
    last = pieces[-1] if pieces else None
    if last is not None and last.end == odd and last.kind in {"IDENT", "INT", "FLOAT", "DURATION"}:
        return _opening(line, odd, quote)
    return _closing(line, odd, len(line.rstrip()), quote)


def _opening(line: str, at: int, quote: str) -> MissingQuote:
    found = _BEFORE_VALUE.match(line[:at])
    start = found.end() if found else len(line) - len(line.lstrip())
    return MissingQuote(start, quote, Span(start, at + 1), is_opening=True)


def _closing(line: str, start: int, end: int, quote: str) -> MissingQuote:
    found = _TEXT_END.search(line, start + 1, end)
    at = found.start() if found else end
    return MissingQuote(at, quote, Span(start, max(at, start + 1)), is_opening=False)
