"""Sizes in an SVG, in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import attrs

from dagflow.model.blocks import BlockKind
from dagflow.pictures.labels import Shape, Style, Words, region_words
from dagflow.pictures.layered_layout.cells import Spacing
from dagflow.pictures.marks import Mark, Tone
from dagflow.pictures.measure import Face, Head, Written
from dagflow.pictures.metrics import Measure, pixels, plain, shortened, wrapped
from dagflow.pictures.outline import Region

#: Size of the letters, and how far one line is from the next.
SIZES: Final = {Style.TITLE: 13, Style.CONDITION: 12, Style.SUB: 11, Style.JOIN: 11, Style.NOTE: 11}
_STEPS: Final = {Style.TITLE: 17, Style.CONDITION: 15, Style.SUB: 15, Style.JOIN: 15, Style.NOTE: 15}
_WIDEST: Final = 200
_LEAST: Final = 110
_MOST_LINES: Final = 4
_PAD_X: Final = 14
_PAD_Y: Final = 9
#: The room that the clock, the double lines or the point of a shape take at its left and right.
EXTRA: Final = {Shape.WAIT: (24, 0), Shape.CALL: (6, 6), Shape.SIGNAL: (0, 12), Shape.STACK: (0, 6)}
_DIAMOND_WIDTHS: Final = (90, 120, 150, 190, 240)
_MOST_LABEL: Final = 150
_MOST_HEAD: Final = 420


def measure_of(style: Style) -> Measure:
    """How wide words of that style are."""
    return partial(pixels, size=SIZES[style], is_bold=style is Style.TITLE)


@attrs.frozen
class SvgLooks:
    """The room things take. `row`: how wide things side by side may become."""

    row: int = 900
    spacing: Spacing = attrs.field(factory=lambda: Spacing(column=28, bend=16, rank=34, label=22, track=10, tall=48, long=2000))
    margin: tuple[int, int] = (16, 16)

    def face(self, words: Words, mark: Mark | None) -> Face:
        """A shape, with its mark."""
        match words.shape:
            case Shape.START:
                return Face(words.shape, 14, 14)
            case Shape.END:
                return Face(words.shape, 12, 12)
            case Shape.WAY:
                return Face(words.shape, 8, 8)
            case Shape.DIAMOND:
                return _diamond(words, mark)
            case _:
                return _box(words, mark)

    def widened(self, face: Face, width: int) -> Face:
        """The same, wider."""
        return attrs.evolve(face, width=width)

    def head(self, region: Region, mark: Mark | None) -> Head:
        """The words of a region: its title, its details, and its mark."""
        if region.kind is BlockKind.ROOT:
            return Head(0, 0)
        title, more = region_words(region)
        undo = f"undo {region.undo.action}" if region.undo is not None and region.undo.action else ""
        parts = [(title, Style.TITLE, Tone.PLAIN), (more, Style.SUB, Tone.PLAIN), (undo, Style.SUB, Tone.PLAIN)]
        parts += _notes(mark)
        lines: list[Written] = []
        base = 4
        for text, style, tone in parts:
            for line in wrapped(plain(text), _MOST_HEAD, measure_of(style), 2) if text else ():
                base += _STEPS[style]
                lines.append(Written(line, style, base, tone))
        width = max((measure_of(line.style)(line.text) for line in lines), default=0) + 24
        return Head(width, base + 12 if lines else 16, tuple(lines))

    def label(self, text: str) -> tuple[int, int, str]:
        """The room the word of a line takes, and how much of it is written."""
        measure = measure_of(Style.SUB)
        shown = shortened(plain(text), _MOST_LABEL, measure)
        return measure(shown) + 8, 16, shown


def _notes(mark: Mark | None) -> list[tuple[str, Style, Tone]]:
    """The notes of a mark, with its sign in front."""
    if mark is None or not (mark.sign or mark.notes):
        return []
    first, *rest = mark.notes or ("",)
    return [(f"{mark.sign} {first}".strip(), Style.NOTE, mark.tone), *((note, Style.NOTE, mark.tone) for note in rest)]


def _lines(words: Words, mark: Mark | None, width: int) -> tuple[list[Written], int, int]:
    """The words in lines of that width, with how wide and how high they are together."""
    lines: list[Written] = []
    height = widest = 0
    parts = [*((text, style, Tone.PLAIN) for text, style in words.lines), *_notes(mark)]
    for text, style, tone in parts:
        measure = measure_of(style)
        for line in wrapped(plain(text), width, measure, _MOST_LINES):
            height += _STEPS[style]
            widest = max(widest, measure(line))
            lines.append(Written(line, style, height, tone))
    return lines, widest, height


def _box(words: Words, mark: Mark | None) -> Face:
    lines, width, height = _lines(words, mark, _WIDEST)
    before, behind = EXTRA.get(words.shape, (0, 0))
    width = max(_LEAST, width + 2 * _PAD_X + before + behind)
    return Face(words.shape, _even(width), _even(height + 2 * _PAD_Y), tuple(_shifted(lines, _PAD_Y - 4)))


def _diamond(words: Words, mark: Mark | None) -> Face:
    """Around the words of a condition, broken into lines so that it is as small as it can be."""
    found: list[tuple[int, Face]] = []
    for wish in _DIAMOND_WIDTHS:
        lines, width, height = _lines(words, mark, wish)
        tall = _even(2 * height + 16)
        wide = _even(max(72, width * tall // (tall - height)) + 12)
        face = Face(words.shape, wide, tall, tuple(_shifted(lines, (tall - height) // 2 - 4)))
        found.append((wide * tall + (20_000 if lines and lines[-1].text.endswith("…") else 0) + 100 * tall, face))
    return min(found, key=lambda each: each[0])[1]


def _shifted(lines: Sequence[Written], by: int) -> list[Written]:
    return [attrs.evolve(line, base=line.base + by) for line in lines]


def _even(number: int) -> int:
    return number + number % 2
