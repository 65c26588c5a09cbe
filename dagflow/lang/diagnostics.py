"""Diagnostics as people and tools read them."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from typing import Final, TypedDict

import attrs

from dagflow.diagnostic import Diagnostic, Severity, Span

_TAB: Final = "    "
_MOST: Final = 200
#: Of a line longer than this, a part is shown.
_MOST_COLUMNS: Final = 400
#: Codes found in text that parsed without an error.
_OF_MEANING: Final = frozenset({"E107"})
#: Codes about a flow as a whole, which mean nothing while a part of it does not parse.
_OF_WHOLE_FLOWS: Final = frozenset({"E308", "E314", "E401", "E404", "E406"})


@attrs.frozen
class Place:
    """A place as editors count it: lines and columns from 1, columns in code points."""

    line: int
    column: int


class Source:
    """A text and where its lines begin."""

    def __init__(self, text: str, filename: str) -> None:
        self.text = text
        self.filename = filename
        self._starts = [0]
        found = text.find("\n")
        while found >= 0:
            self._starts.append(found + 1)
            found = text.find("\n", found + 1)

    def place(self, offset: int) -> Place:
        """Line and column of a character."""
        line = self.line_of(offset)
        return Place(line, min(offset, len(self.text)) - self._starts[line - 1] + 1)

    def line_of(self, offset: int) -> int:
        """The line of a character, from 1."""
        return bisect.bisect_right(self._starts, min(offset, len(self.text)))

    def line(self, number: int) -> str:
        """The text of a line, without its end."""
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[self._starts[number - 1] : end].rstrip("\r")


class JsonPlace(TypedDict):
    """A place in a text: line and column from 1, offset in characters from 0."""

    line: int
    column: int
    offset: int


class JsonEdit(TypedDict):
    """One replacement of a fix."""

    start: JsonPlace
    end: JsonPlace
    text: str


class JsonFix(TypedDict):
    """A fix: its description, whether it is safe, and its edits."""

    text: str
    safe: bool
    edits: list[JsonEdit]


class JsonDiagnostic(TypedDict):
    """A diagnostic in `dagflow check --json`."""

    code: str
    severity: str
    title: str
    file: str
    start: JsonPlace
    end: JsonPlace
    label: str
    help: str
    pointer: str
    fix: JsonFix | None


def render(diagnostics: Iterable[Diagnostic], text: str, filename: str) -> str:
    """All diagnostics as text, in the order given, a blank line between two; empty for none."""
    source = Source(text, filename)
    return "\n\n".join(_render_one(diagnostic, source) for diagnostic in diagnostics)


def _render_one(diagnostic: Diagnostic, source: Source) -> str:
    place = source.place(diagnostic.span.start)
    width = len(str(place.line))
    margin = " " * width
    shown, column = _window(source.line(place.line), place.column)
    where = f"{source.filename}:{place.line}:{place.column}"
    if diagnostic.pointer:
        where += f" (at {diagnostic.pointer})"
    lines = [
        f"{diagnostic.severity}[{diagnostic.code}]: {_printable(diagnostic.title)}",
        f"{margin}--> {where}",
        f"{place.line} | {_printable(shown)}",
        f"{margin} | {_carets(diagnostic, shown, column)}".rstrip(),
    ]
    if diagnostic.help:
        lines.append(f"{margin} = help: {_printable(diagnostic.help)}")
    if diagnostic.fix is not None:
        kind = "safe" if diagnostic.fix.is_safe else "unsafe"
        lines.append(f"{margin} = fix ({kind}): {_printable(diagnostic.fix.text)}")
    return "\n".join(lines)


def _window(line: str, column: int) -> tuple[str, int]:
    """The line, or the part of a very long one around the column; and the column in that part."""
    if len(line) <= _MOST_COLUMNS:
        return line, column
    begin = max(0, column - 1 - _MOST_COLUMNS // 2)
    end = begin + _MOST_COLUMNS
    head = "…" if begin else ""
    return head + line[begin:end] + ("…" if end < len(line) else ""), column - begin + len(head)


def _carets(diagnostic: Diagnostic, line: str, column: int) -> str:
    before = _printable(line[: column - 1])
    length = max(1, min(diagnostic.span.end - diagnostic.span.start, len(line) - column + 1))
    marked = _printable(line[column - 1 : column - 1 + length])
    return " " * len(before) + "^" * max(1, len(marked)) + f" {_printable(diagnostic.label)}"


def _printable(text: str) -> str:
    """The text with control and direction characters made visible: nothing in a file may steer a terminal."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _TAB if sign == "\t" else f"\\u{ord(sign):04x}" for sign in text)


def to_json(diagnostics: Iterable[Diagnostic], text: str, filename: str) -> list[JsonDiagnostic]:
    """All diagnostics as plain data for `dagflow check --json`."""
    source = Source(text, filename)
    return [_json_one(diagnostic, source) for diagnostic in diagnostics]


def _json_one(diagnostic: Diagnostic, source: Source) -> JsonDiagnostic:
    fix = diagnostic.fix
    edits: list[JsonEdit] = []
    if fix is not None:
        edits = [
            {"start": _json_place(source, e.span.start), "end": _json_place(source, e.span.end), "text": e.text}
            for e in fix.edits
        ]
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "title": diagnostic.title,
        "file": source.filename,
        "start": _json_place(source, diagnostic.span.start),
        "end": _json_place(source, diagnostic.span.end),
        "label": diagnostic.label,
        "help": diagnostic.help,
        "pointer": diagnostic.pointer,
        "fix": None if fix is None else {"text": fix.text, "safe": fix.is_safe, "edits": edits},
    }


def _json_place(source: Source, offset: int) -> JsonPlace:
    place = source.place(offset)
    return {"line": place.line, "column": place.column, "offset": offset}


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By place, an error before a warning of the same place, and each only once."""
    rank = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
    unique = {(d.code, d.span, d.title): d for d in diagnostics}
    return tuple(sorted(unique.values(), key=lambda d: (d.span.start, rank[d.severity], d.code, d.title)))


def capped(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """In order, and not more than a person reads: the rest is counted in a note."""
    found = in_order(diagnostics)
    if len(found) <= _MOST:
        return found
    rest = len(found) - _MOST
    note = Diagnostic(
        code="N101", title=f"{rest} more findings are not shown", span=found[_MOST].span, label="the next one is here",
        help="fix the findings above first", file=found[0].file,
    )  # fmt: skip
    # An error has to stay one: among thousands of warnings it is shown, whatever its place.
    shown = found[:_MOST]
    if has_errors(found) and not has_errors(shown):
        shown = (next(d for d in found if d.severity is Severity.ERROR), *shown[:-1])
    return (*shown, note)


def without_cascades(diagnostics: Sequence[Diagnostic], text: str) -> list[Diagnostic]:
    """Drop what only follows from a syntax error: errors about the same words, and every warning."""
    syntax = [
        diagnostic for diagnostic in diagnostics if diagnostic.code.startswith("E1") and diagnostic.code not in _OF_MEANING
    ]
    if not syntax:
        return list(diagnostics)
    places = [_line_of(d.span, text) if d.code == "E112" else d.span for d in syntax]
    return [
        diagnostic
        for diagnostic in diagnostics
        if (diagnostic.code.startswith("E1") and diagnostic.code != "E107")
        or (
            diagnostic.severity is Severity.ERROR
            and diagnostic.code not in _OF_WHOLE_FLOWS
            and not any(_overlap(diagnostic.span, place) for place in places)
        )
    ]


def _line_of(span: Span, text: str) -> Span:
    """A missing quote turns its whole line inside out."""
    end = text.find("\n", span.end)
    return Span(text.rfind("\n", 0, span.start) + 1, len(text) if end < 0 else end)


def _overlap(one: Span, other: Span) -> bool:
    return one.start < max(other.end, other.start + 1) and other.start < max(one.end, one.start + 1)


def has_errors(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether one of them keeps a flow from running."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)


def apply_fixes(text: str, diagnostics: Iterable[Diagnostic], *, only_safe: bool = True) -> str:
    """The text with the fixes applied that have edits; of two that overlap the first wins."""
    edits = [
        edit
        for diagnostic in diagnostics
        if diagnostic.fix is not None and (diagnostic.fix.is_safe or not only_safe)
        for edit in diagnostic.fix.edits
    ]
    taken: list[Span] = []
    parts: list[tuple[Span, str]] = []
    for edit in edits:
        if not any(edit.span.start < span.end and span.start < edit.span.end for span in taken) and edit.span not in taken:
            taken.append(edit.span)
            parts.append((edit.span, edit.text))
    # From the end, and insertions before a word after the word itself, so that every place still holds.
    for span, replacement in sorted(parts, key=lambda part: (part[0].start, part[0].end), reverse=True):
        text = text[: span.start] + replacement + text[span.end :]
    return text
