"""The parts of a layered layout: cells in ranks, and the strands between them. All lengths are whole numbers, so pictures never vary."""

from __future__ import annotations

import enum

import attrs


class Pin(enum.Enum):
    """Whether a cell is a place on the upper or lower border of a region, through which a line enters or leaves it."""

    NO = 0
    TOP = -1
    BOTTOM = 1


@attrs.define(eq=False)
class Cell:
    """Something that needs room.

    Attributes:
        index: its place in declared order, by which ties are broken.
        is_bend: only a line passes here. is_label: it is the word of a line.
        rank: which row, from 0. middle: the x of its middle. y: of its upper border.
    """

    width: int
    height: int
    index: int
    is_bend: bool = False
    is_label: bool = False
    pin: Pin = Pin.NO
    rank: int = 0
    middle: int = 0
    y: int = 0

    @property
    def half(self) -> int:
        """At least half of its width."""
        return (self.width + 1) // 2


@attrs.define(eq=False)
class Strand:
    """A line between two cells of a region.

    Attributes:
        out, into: where it leaves and arrives, from the middle of the cells.
        is_bound: it goes on inside of its source, so it cannot leave elsewhere.
        weight: how much it is worth to draw it straight.
        label: the cell of its word, if it has one.
        path: the cells it goes through, once ranks are known: source, label, bends, target.
        points: where it goes, once all is known: from the lower border of its source to the upper one of its target.
    """

    source: Cell
    target: Cell
    out: int = 0
    into: int = 0
    is_bound: bool = False
    weight: int = 1
    label: Cell | None = None
    path: list[Cell] = attrs.field(factory=list[Cell])
    points: list[tuple[int, int]] = attrs.field(factory=list[tuple[int, int]])


@attrs.define(eq=False)
class Segment:
    """The part of a strand between two ranks. `out`, `into`: from the middles. `is_stiff`: to be straight, if it can be."""

    strand: Strand
    source: Cell
    target: Cell
    out: int
    into: int
    is_stiff: bool = False
    is_inner: bool = False


@attrs.frozen
class Spacing:
    """How far apart things are.

    Attributes:
        column: between cells of a rank. bend: on both sides of a line that passes.
        rank: between ranks, besides the tracks; label: likewise, next to a rank in which there are only words of lines. track: between lines that go sideways in one gap.
        tall: a cell so much lower than its rank stands at the upper border of it, not in the middle.
        long: what would be higher than this is set in columns, if that can be; 0 for never.
    """

    column: int
    bend: int
    rank: int
    label: int
    track: int
    tall: int
    long: int = 0
