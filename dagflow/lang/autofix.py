"""Applies safe fixes to a text until there are none left, and takes back what would make it worse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Severity, Span
from dagflow.lang.compiler import Compilation
from dagflow.lang.diagnostics import apply_fixes

#: Each round compiles the text once; slips behind slips are rarely more than two deep.
_ROUNDS: Final = 10
#: Fixes of a round that are tried one by one if all together make things worse.
_SINGLES: Final = 20


@attrs.frozen
class Applied:
    """A fix that was applied.

    Attributes:
        diagnostic: the diagnostic that it fixed.
        fix: the applied fix.
        offset: its place in the resulting text.
    """

    diagnostic: Diagnostic
    fix: Fix
    offset: int


@attrs.frozen
class Fixed:
    """A text after its safe fixes.

    Attributes:
        compilation: of the resulting text, which is `compilation.text`.
        applied: in the order of their places.
        refused: the diagnostics that remain, because their fix would have led to more errors.
    """

    compilation: Compilation
    applied: tuple[Applied, ...]
    refused: tuple[Diagnostic, ...]


def fix_text(text: str, compile_: Callable[[str], Compilation]) -> Fixed:
    """Apply the safe fixes of a text, then those of the resulting text, and so on, ten times at most.

    No round leaves more errors than it found. Lines that are inserted end as the lines of the text do.

    Args:
        text: of a `.flow` file.
        compile_: compiles a text.
    """
    compilation = compile_(text)
    applied: list[Applied] = []
    refused: tuple[Diagnostic, ...] = ()
    seen = {text}
    for _ in range(_ROUNDS):
        candidates = _fixable(compilation)
        chosen, after = _improve(compilation, candidates, compile_)
        refused = tuple(each for each in candidates if each not in chosen)
        if not chosen or after.text in seen:
            break
        seen.add(after.text)
        applied = _moved(applied, chosen) + _moved([Applied(each, _fix_of(each), each.span.start) for each in chosen], chosen)
        compilation, refused = after, ()
    return Fixed(compilation, tuple(sorted(applied, key=lambda each: each.offset)), refused)


def _improve(
    before: Compilation, candidates: Sequence[Diagnostic], compile_: Callable[[str], Compilation]
) -> tuple[Sequence[Diagnostic], Compilation]:
    """The fixes that do no harm together, and the resulting compilation."""
    most = _n_errors(before)
    all_of_them = compile_(apply_fixes(before.text, candidates)) if candidates else before
    if _n_errors(all_of_them) <= most:
        return candidates, all_of_them
    chosen: list[Diagnostic] = []
    best = before
    for candidate in candidates[:_SINGLES] if len(candidates) > 1 else ():
        tried = compile_(apply_fixes(before.text, [*chosen, candidate]))
        if _n_errors(tried) <= most:
            chosen.append(candidate)
            best, most = tried, _n_errors(tried)
    return chosen, best


def _fixable(compilation: Compilation) -> list[Diagnostic]:
    """The diagnostics with safe edits that can be applied at once; of overlapping ones, the first."""
    line_end = "\r\n" if 2 * compilation.text.count("\r\n") > compilation.text.count("\n") else "\n"
    taken: list[Span] = []
    found: list[Diagnostic] = []
    for diagnostic in compilation.diagnostics:
        fix = diagnostic.fix
        if fix is None or not fix.is_safe or not fix.edits or any(_touches(edit.span, taken) for edit in fix.edits):
            continue
        taken += [edit.span for edit in fix.edits]
        edits = tuple(Edit(edit.span, edit.text.replace("\n", line_end)) for edit in fix.edits)
        found.append(attrs.evolve(diagnostic, fix=attrs.evolve(fix, edits=edits)))
    return found


def _touches(span: Span, taken: Iterable[Span]) -> bool:
    return any(span == other or (span.start < other.end and other.start < span.end) for other in taken)


def _moved(applied: Iterable[Applied], by: Iterable[Diagnostic]) -> list[Applied]:
    """Places of a text as they are after edits of that text."""
    edits = [edit for diagnostic in by for edit in _fix_of(diagnostic).edits]
    return [attrs.evolve(each, offset=each.offset + _shift(each.offset, edits)) for each in applied]


def _shift(offset: int, edits: Iterable[Edit]) -> int:
    """How far a place moves by edits before it."""
    return sum(
        len(edit.text) - (edit.span.end - edit.span.start)
        for edit in edits
        if edit.span.end <= offset and edit.span.start < offset
    )


def _fix_of(diagnostic: Diagnostic) -> Fix:
    assert diagnostic.fix is not None  # noqa: S101 - the others are filtered out
    return diagnostic.fix


def _n_errors(compilation: Compilation) -> int:
    return sum(diagnostic.severity is Severity.ERROR for diagnostic in compilation.diagnostics)
