"""Sizes in a terminal, in cells."""

from __future__ import annotations

from typing import Final

import attrs

from dagflow.model.blocks import BlockKind
from dagflow.pictures.labels import Shape, Style, Words, region_words
from dagflow.pictures.layered_layout.cells import Spacing
from dagflow.pictures.marks import Mark, Tone
from dagflow.pictures.measure import Face, Head, Written
from dagflow.pictures.metrics import columns, plain, shortened, wrapped
from dagflow.pictures.outline import Region

_MOST_LINES: Final = 4
#: What tells a shape from a box, besides its border.
_ICONS: Final = {Shape.WAIT: "◷ ", Shape.FINISH: "■ ", Shape.FAILURE: "✗ ", Shape.SIGNAL: "» ", Shape.STACK: "▤ "}


@attrs.frozen
class TextLooks:
    """The room things take. `width`: of the widest words; `row`: of things side by side."""

    width: int
    row: int
    spacing: Spacing = attrs.field(factory=lambda: Spacing(column=2, bend=1, rank=2, label=1, track=1, tall=2))
    margin: tuple[int, int] = (2, 1)

    def face(self, words: Words, mark: Mark | None) -> Face:
        """A shape, with its mark."""
        if words.shape in {Shape.START, Shape.END, Shape.WAY}:
            return Face(words.shape, 1, 1)
        icon = _ICONS.get(words.shape, "")
        parts = [*((text, style, Tone.PLAIN) for text, style in words.lines), *_notes(mark)]
        lines: list[Written] = []
        for number, (text, style, tone) in enumerate(parts):
            for line in wrapped(plain(icon * (number == 0) + text), self.width, columns, _MOST_LINES):
                lines.append(Written(line, style, len(lines) + 1, tone))
        width = max(columns(line.text) for line in lines) + 4
        return Face(words.shape, width + 1 - width % 2, len(lines) + 2, tuple(lines))

    def widened(self, face: Face, width: int) -> Face:
        """The same, wider."""
        return attrs.evolve(face, width=width)

    def head(self, region: Region, mark: Mark | None) -> Head:
        """The words of a region: its title in the border, the rest below it."""
        if region.kind is BlockKind.ROOT:
            return Head(0, 0)
        title, more = region_words(region)
        undo = f"undo {region.undo.action}" if region.undo is not None and region.undo.action else ""
        lines = [Written(shortened(plain(title), 2 * self.width, columns), Style.TITLE, 0)] if title else []
        for text, style, tone in [(more, Style.SUB, Tone.PLAIN), (undo, Style.SUB, Tone.PLAIN), *_notes(mark)]:
            if text:
                lines.append(
                    Written(
                        shortened(plain(text), 2 * self.width, columns), style, 1 + sum(1 for each in lines if each.base), tone
                    )
                )
        width = max((columns(line.text) for line in lines), default=0) + 6
        return Head(width, 1 + sum(1 for line in lines if line.base), tuple(lines))

    def label(self, text: str) -> tuple[int, int, str]:
        """The room the word of a line takes, and how much of it is written."""
        shown = shortened(plain(text), self.width, columns)
        return columns(shown), 1, shown


def _notes(mark: Mark | None) -> list[tuple[str, Style, Tone]]:
    if mark is None or not (mark.sign or mark.notes):
        return []
    first, *rest = mark.notes or ("",)
    return [(f"{mark.sign} {first}".strip(), Style.NOTE, mark.tone), *((note, Style.NOTE, mark.tone) for note in rest)]
