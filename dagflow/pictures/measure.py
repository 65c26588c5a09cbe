"""The sizes that a layout asks of its renderer."""

from __future__ import annotations

from typing import Protocol

import attrs

from dagflow.pictures.labels import Shape, Style, Words
from dagflow.pictures.layered_layout.cells import Spacing
from dagflow.pictures.marks import Mark, Tone
from dagflow.pictures.outline import Region


@attrs.frozen
class Written:
    """A line of words as it is set, and how far below the upper border its base is."""

    text: str
    style: Style
    base: int = 0
    tone: Tone = Tone.PLAIN


@attrs.frozen
class Face:
    """A shape with its words in it, and the room it takes."""

    shape: Shape
    width: int
    height: int
    lines: tuple[Written, ...] = ()


@attrs.frozen
class Head:
    """The words of a region, along its upper border. `height`: of the room they take above the region's contents."""

    width: int
    height: int
    lines: tuple[Written, ...] = ()


class Looks(Protocol):
    """The sizes of a renderer. `margin`: around the contents of a region; `row`: the greatest width of items side by side."""

    @property
    def spacing(self) -> Spacing:
        """The distances."""
        ...

    @property
    def margin(self) -> tuple[int, int]:
        """The distance to the border at the sides of a region's contents, and below them."""
        ...

    @property
    def row(self) -> int:
        """The greatest width of items without a line between them, before they continue below."""
        ...

    def face(self, words: Words, mark: Mark | None) -> Face:
        """A shape, with its mark."""
        ...

    def widened(self, face: Face, width: int) -> Face:
        """The same, wider."""
        ...

    def head(self, region: Region, mark: Mark | None) -> Head:
        """The words of a region."""
        ...

    def label(self, text: str) -> tuple[int, int, str]:
        """The room the word of a line takes, and how much of it is written."""
        ...
