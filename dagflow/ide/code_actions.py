"""Code actions: the fixes of the compiler, as an editor offers them."""

from __future__ import annotations

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Span
from dagflow.ide.analysis import Analysis, Analyst
from dagflow.lang.autofix import fix_text
from dagflow.lang.edit.line_diff import edits_between


@attrs.frozen
class Action:
    """A change that the editor offers.

    Attributes:
        is_preferred: whether it is safe to apply without a review.
        diagnostics: the diagnostics that it fixes.
    """

    title: str
    edits: tuple[Edit, ...]
    is_preferred: bool
    diagnostics: tuple[Diagnostic, ...]


def actions(analysis: Analysis, span: Span) -> list[Action]:
    """The fixes for the diagnostics in a part of a text."""
    line_end = "\r\n" if "\r\n" in analysis.text else "\n"
    found: list[Action] = []
    for each in analysis.diagnostics:
        fix = each.fix
        if fix is None or not fix.edits or each.span.end < span.start or span.end < each.span.start:
            continue
        edits = tuple(Edit(edit.span, edit.text.replace("\n", line_end)) for edit in fix.edits)
        found.append(Action(f"{each.code}: {fix.text}", edits, fix.is_safe, (each,)))
    return found


def fix_all(analyst: Analyst, analysis: Analysis) -> Action | None:
    """All safe fixes at once, and the safe fixes that the result needs; None if there are none."""
    if not any(each.fix is not None and each.fix.is_safe and each.fix.edits for each in analysis.diagnostics):
        return None
    fixed = fix_text(analysis.text, lambda text: analyst.trial(text).compilation)
    edits = edits_between(analysis.text, fixed.compilation.text)
    if not edits:
        return None
    count = len(fixed.applied)
    title = f"Apply {count} safe fixes" if count != 1 else "Apply the safe fix"
    return Action(title, edits, is_preferred=False, diagnostics=tuple(each.diagnostic for each in fixed.applied))
