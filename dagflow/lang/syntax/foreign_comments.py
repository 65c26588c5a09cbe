"""Comments of other languages: `# note` and `/* note */`. The lexer skips them as comments, and offers to write them with `//`."""

from __future__ import annotations

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span


@attrs.frozen
class ForeignComment:
    """The message about a comment, and where the text goes on behind it; places count from the beginning of the text."""

    diagnostic: Diagnostic
    end: int


def hash_comment(text: str, start: int, offset: int, *, can_follow: bool) -> ForeignComment | None:
    """The comment that the `#` at `start` begins; None where it is more likely a sign of its own, as in `channel: #sales`.

    Args:
        offset: added to the places of the diagnostic.
        can_follow: whether a statement may end before it.
    """
    signs = start
    while signs < len(text) and text[signs] == "#":
        signs += 1
    line_begin = text.rfind("\n", 0, start) + 1
    begins_line = not text[line_begin:start].strip()
    is_apart = text[max(start - 1, 0)] in " \t"
    is_note = signs == len(text) or text[signs] in " \t\r\n!"
    if not begins_line and not (is_apart and (is_note or can_follow)):
        return None
    newline = text.find("\n", start)
    span = Span(start + offset, signs + offset)
    fix = Fix("`//`", is_safe=True, edits=(Edit(span, "//"),))
    return ForeignComment(_said(span, "a comment goes to the end of its line", fix), len(text) if newline < 0 else newline)


def block_comment(text: str, start: int, offset: int) -> ForeignComment:
    """The comment that the `/*` at `start` begins; without its end it is one line."""
    closing = text.find("*/", start + 2)
    if closing < 0:
        newline = text.find("\n", start)
        span = Span(start + offset, start + 2 + offset)
        opened = Fix("`//`", is_safe=False, edits=(Edit(span, "//"),))
        return ForeignComment(_said(span, "this one is never closed", opened), len(text) if newline < 0 else newline)
    end = closing + 2
    line_begin = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    behind = text[end : len(text) if line_end < 0 else line_end]
    lines = [line.strip().removeprefix("*").strip() for line in text[start + 2 : closing].strip("*").split("\n")]
    lines = [line for line in lines if line] or [""]
    indent = "".join(sign if sign in " \t" else " " for sign in text[line_begin:start])
    written = ("\n" + indent).join(f"// {line}".rstrip() for line in lines)
    # Where code follows on the line, a comment to its end would swallow it.
    fix = None if behind.strip() else Fix("`//`", is_safe=True, edits=(Edit(Span(start + offset, end + offset), written),))
    shown_end = min(end, text.find("\n", start) if "\n" in text[start:end] else end)
    span = Span(start + offset, shown_end + offset)
    return ForeignComment(_said(span, "a comment goes to the end of its line", fix), end)


def _said(span: Span, label: str, fix: Fix | None) -> Diagnostic:
    return Diagnostic(
        code="E114", title="comments begin with `//`", span=span, label=label, help="write `// …` on each line of it", fix=fix
    )
