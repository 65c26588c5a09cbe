"""One text and another as the edits that lead from the one to the other, by whole lines, so that what did not change stays in place."""

from __future__ import annotations

from difflib import SequenceMatcher

from dagflow.diagnostic import Edit, Span


def edits_between(before: str, after: str) -> tuple[Edit, ...]:
    """The edits, in order; none where the texts are the same."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    found = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return tuple(Edit(Span(starts[a], starts[b]), "".join(new[c:d])) for word, a, b, c, d in found if word != "equal")
