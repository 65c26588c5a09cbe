"""Change a flow, and report at once the errors of the new text."""

from __future__ import annotations

from difflib import SequenceMatcher

import attrs

from dagflow.app.compiling import HasInterface
from dagflow.app.compiling import compile as compile_flow
from dagflow.diagnostic import Edit, Span
from dagflow.lang.check.imports import Sources
from dagflow.lang.compiler import Compilation
from dagflow.lang.edit.edits import Change, edit_text


@attrs.frozen
class Edited:
    """The result of editing a text.

    Attributes:
        text: with the changes made.
        edits: the edits that an editor has to make in the text before, by whole lines, in order.
        compilation: of the text with the changes: it parses, but may have errors (a value that is read and is gone).
    """

    text: str
    edits: tuple[Edit, ...]
    compilation: Compilation = attrs.field(repr=False)


def edit(
    text: str, *changes: Change, flow: str | None = None, catalog: HasInterface | None = None, filename: str = "<flow>",
    sources: Sources | None = None,
) -> Edited:  # fmt: skip
    """Change a flow's text as little as the changes ask for: comments, layout and everything else stay.

    Args:
        text: of a `.flow` file. If it is in the style of `dagflow fmt`, so is the result.
        changes: what to do, one after the other: `AddStep`, `RemoveStep`, `RenameStep`, `MoveStep`, `Connect`, `SetArgument`.
        flow: the flow they are about, where the name of a step alone does not say so.
        catalog, filename, sources: as for `dagflow.compile`.

    Raises:
        FlowInvalid: the text does not parse, or would not after a change.
        UsageError: there is no such step, name or place.
    """
    result = text
    for change in changes:
        result = edit_text(result, change, flow=flow, filename=filename)
    compilation = compile_flow(result, catalog=catalog, filename=filename, sources=sources)
    return Edited(result, _edits(text, result), compilation)


def _edits(before: str, after: str) -> tuple[Edit, ...]:
    """The lines that differ."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    edits: list[Edit] = []
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            edits.append(Edit(Span(starts[i], starts[j]), "".join(new[k:m])))
    return tuple(edits)
