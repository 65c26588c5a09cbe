"""Semantic tokens: the kind of each word of a text, for editors that colour by meaning."""

from __future__ import annotations

import bisect
from typing import Final

import attrs

from dagflow.diagnostic import Span
from dagflow.ide.analysis import Analysis
from dagflow.ide.occurrences import Kind, Occurrence, occurrences

#: The kinds of words, in the order of the legend for the editor; the names are those of the Language Server Protocol.
TOKEN_TYPES: Final = (
    "keyword",
    "type",
    "event",
    "function",
    "class",
    "namespace",
    "variable",
    "parameter",
    "property",
    "method",
)
TOKEN_MODIFIERS: Final = ("declaration", "readonly", "defaultLibrary")

_KINDS: Final = {
    Kind.TYPE: "type", Kind.EVENT: "event", Kind.ACTION: "function", Kind.FLOW: "class", Kind.IMPORT: "namespace", Kind.STEP: "variable",
    Kind.INPUT: "parameter", Kind.LOCAL: "variable", Kind.BUILTIN: "variable", Kind.PARAMETER: "property", Kind.FUNCTION: "method",
    Kind.FIELD: "property",
}  # fmt: skip


@attrs.frozen
class Coloured:
    """A word within one line, its kind and its modifiers."""

    span: Span
    type: str
    modifiers: tuple[str, ...] = ()


def coloured(analysis: Analysis) -> list[Coloured]:
    """The words of a text in their order; none overlaps another one."""
    found = [_of(each) for each in occurrences(analysis) if each.span.end > each.span.start]
    found = [each for each in found if "\n" not in analysis.text[each.span.start : each.span.end]]
    taken = sorted((each.span.start, each.span.end) for each in found)
    for token in analysis.tokens():
        # Other identifiers are words of the language; texts and numbers need no analysis to be coloured.
        if token.type in {"IDENT", "ON_ERROR", "ON_UNKNOWN"} and not _is_taken(token.span, taken):
            found.append(Coloured(token.span, "keyword"))
    return sorted(found, key=lambda each: each.span.start)


def _of(each: Occurrence) -> Coloured:
    modifiers: tuple[str, ...] = ("declaration",) if each.is_definition else ()
    if each.target.kind is Kind.BUILTIN:
        modifiers += ("readonly", "defaultLibrary")
    return Coloured(each.span, _KINDS[each.target.kind], modifiers)


def _is_taken(span: Span, taken: list[tuple[int, int]]) -> bool:
    i = bisect.bisect_right(taken, (span.start, span.end)) - 1
    return any(start <= span.start and span.end <= end for start, end in taken[max(0, i) : i + 2])
