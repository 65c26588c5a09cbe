"""Diagnostics of the compiler about a text: code, place, expected and found, and the remedy.

Only data. `dagflow.lang.diagnostics` renders it; every pass of the compiler and the expression checker makes it.
"""

from __future__ import annotations

import enum
import heapq
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import attrs


class Severity(enum.StrEnum):
    """How bad it is. Only errors keep a flow from running."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@attrs.frozen
class Span:
    """A half-open range of a source text, in characters (code points) from its beginning."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The range from the start of this one to the end of `other`."""
        return Span(self.start, other.end)


@attrs.frozen
class Edit:
    """Replace the text of `span` with `text`."""

    span: Span
    text: str


@attrs.frozen
class Fix:
    """A change of the source that would answer a diagnostic.

    Attributes:
        text: the change in words, shown after `fix (…):`.
        is_safe: whether a tool may apply it unasked; otherwise it is a suggestion.
        edits: non-overlapping, in source order. Empty if no tool can make the change.
    """

    text: str
    is_safe: bool
    edits: tuple[Edit, ...] = ()


@attrs.frozen(kw_only=True)
class Diagnostic:
    """One finding.

    Attributes:
        code: such as `E301`; see `grammar/SPEC.md`, "Errors".
        title: one line without a full stop.
        span: the place the carets are drawn under.
        label: the words behind the carets.
        help: what to do, one line, or empty.
        file: the name of the text `span` counts in; filled in by the compiler.
        pointer: for JSON input, the JSON pointer (RFC 6901) of the place; otherwise empty.
    """

    code: str
    title: str
    span: Span
    label: str = ""
    help: str = ""
    fix: Fix | None = None
    file: str = ""
    pointer: str = ""

    @property
    def severity(self) -> Severity:
        """Read off the first letter of the code."""
        return {"E": Severity.ERROR, "W": Severity.WARNING}.get(self.code[0], Severity.NOTE)


#: The most candidates of one comparison, which costs time; among more names, the spelling does not identify the meant one.
_MOST_CANDIDATES: Final = 1_000
#: The most candidates to compare, among the ones that have nearly all letters of the word.
_MOST_COMPARED: Final = 40
#: A longer text is no mistyped word.
_LONGEST_WORD: Final = 40
_suggestions: ContextVar[list[int] | None] = ContextVar("_suggestions", default=None)


@contextmanager
def few_suggestions(most: int = 100) -> Generator[None]:
    """Inside, `nearest` answers `most` times and then finds nothing: no output shows more diagnostics than that."""
    token = _suggestions.set([most])
    try:
        yield
    finally:
        _suggestions.reset(token)


def nearest(word: str, candidates: Sequence[str]) -> str | None:
    """The candidate most likely meant by `word`, or None if none is close: "did you mean".

    Close is an edit distance (insert, delete, replace, swap of neighbours) of at most a third of the word's length,
    and at least one, but less than half the candidate's length: every letter is near `a`, and none is a slip of it.
    Ties go to the earlier candidate. Whatever the words are, it takes about a millisecond at most.
    """
    left = _suggestions.get()
    if left is not None:
        left[0] -= 1
    if len(word) > _LONGEST_WORD or (left is not None and left[0] < 0):
        return None
    lower = word.lower()
    letters = frozenset(lower)
    limit = max(1, (len(word) + 1) // 3)
    likely: list[tuple[int, int, str]] = []
    for i, candidate in enumerate(candidates[:_MOST_CANDIDATES]):
        if abs(len(candidate) - len(word)) <= limit and candidate != word:
            found = candidate.lower()
            # Each letter the candidate lacks takes an edit of its own.
            if len(letters.difference(found)) <= limit:
                likely.append((len(letters.symmetric_difference(found)), i, found))
    best: int | None = None
    for _, i, found in heapq.nsmallest(_MOST_COMPARED, likely):
        distance = _distance(lower, found, limit)
        if 2 * distance >= len(found):
            continue
        if distance < limit or (distance == limit and (best is None or i < best)):
            best, limit = i, distance
    return None if best is None else candidates[best]


def _distance(left: str, right: str, limit: int) -> int:
    """The optimal string alignment distance, or something above `limit` if it is.

    Source: Boytsov 2011, "Indexing methods for approximate dictionary search".
    """
    if limit == 0 or left == right:
        return int(left != right)
    # A common beginning or end costs nothing, and most of a mistyped word is right.
    while left and right and left[-1] == right[-1]:
        left, right = left[:-1], right[:-1]
    begin = 0
    while begin < len(left) and begin < len(right) and left[begin] == right[begin]:
        begin += 1
    return _aligned(left[begin:], right[begin:], limit)


def _aligned(left: str, right: str, limit: int) -> int:
    before: list[int] = []
    previous = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        current = [i]
        for j, b in enumerate(right, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > limit and min(previous) > limit:
            return limit + 1
        before, previous = previous, current
    return previous[-1]
