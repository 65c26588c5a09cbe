"""Placement: each region is laid out by itself and then becomes one cell of the region around it.

A line between items in different regions is cut at their borders. The inner region decides where the line crosses its border,
and the outer region keeps that place. So items never overlap, whatever the flow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from dagflow.model.blocks import BlockKind
from dagflow.pictures.labels import Shape, folded_words, words_of
from dagflow.pictures.layered_layout.cells import Cell, Pin, Strand
from dagflow.pictures.layered_layout.packing import Pile, pile
from dagflow.pictures.links import Link, LinkKind
from dagflow.pictures.marks import NOTHING, Overlay
from dagflow.pictures.measure import Face, Head, Looks
from dagflow.pictures.outline import Item, Leaf, LeafKind, Outline, Region

#: These are set to one width where they are together.
_EVEN: Final = frozenset(
    {Shape.BOX, Shape.WAIT, Shape.CALL, Shape.SIGNAL, Shape.VALUE, Shape.STACK, Shape.FINISH, Shape.FAILURE}
)
_WEIGHTS: Final = {LinkKind.ORDER: 4, LinkKind.AFTER: 3, LinkKind.DATA: 2, LinkKind.FAILURE: 1}


@attrs.frozen
class Drawn:
    """A shape and where its upper left corner is."""

    item: Item
    face: Face
    x: int
    y: int


@attrs.frozen
class Framed:
    """A region, its frame, and how many others are around it."""

    region: Region
    head: Head
    x: int
    y: int
    width: int
    height: int
    depth: int


@attrs.frozen
class Label:
    """The word of a line: where its box is."""

    text: str
    x: int
    y: int
    width: int
    height: int


@attrs.frozen
class Line:
    """A line from corner to corner, all of its parts upright or level."""

    link: Link
    points: tuple[tuple[int, int], ...]
    label: Label | None = None


@attrs.frozen
class Sheet:
    """A whole picture. Regions stand before those in them."""

    width: int
    height: int
    shapes: tuple[Drawn, ...]
    frames: tuple[Framed, ...]
    lines: tuple[Line, ...]


def place(outline: Outline, links: Sequence[Link], looks: Looks, overlay: Overlay = NOTHING) -> Sheet:
    """Lay out a picture."""
    layout = _Layout(outline, looks, overlay)
    layout.cut(links)
    plan = layout.plan(outline.root)
    layout.settle(plan, 0, 0, 0)
    lines = tuple(layout.line(link) for link in links)
    return Sheet(plan.width, plan.height, tuple(layout.shapes), tuple(layout.frames), lines)


@attrs.define(eq=False)
class _Piece:
    """The part of a line in one region; without a source it comes through the upper border, without a target it leaves below."""

    link: Link
    source: Item | None
    target: Item | None
    strand: Strand | None = None
    label: tuple[int, int, str] | None = None


@attrs.define(eq=False)
class _Plan:
    """A region after layout: `content`, its left edge, and its items. `gates`: where lines go through its border, from
    its middle, by line and border.
    """

    region: Region
    head: Head
    width: int
    height: int
    left: int
    content: Pile
    cells: dict[str, Cell]
    faces: dict[str, Face]
    plans: dict[str, _Plan]
    gates: dict[tuple[int, Pin], int]

    def place_of(self, link: Link, border: Pin, apart: int) -> int:
        """Where a line meets a border, from the middle: at its gate, or if it has none, near the middle but not at another's gate."""
        own = self.gates.get((id(link), border))
        if own is not None:
            return own
        taken = [place for (_, at), place in self.gates.items() if at is border]
        places = (sign * step for step in range(0, self.width // 2, max(1, apart // 2)) for sign in (1, -1))
        return next((place for place in places if all(abs(place - each) >= apart for each in taken)), 0)


@attrs.define(eq=False)
class _Layout:
    outline: Outline
    looks: Looks
    overlay: Overlay
    pieces: dict[str, list[_Piece]] = attrs.field(factory=dict[str, list[_Piece]])
    of_link: dict[int, list[tuple[Region, _Piece]]] = attrs.field(factory=dict[int, list["tuple[Region, _Piece]"]])
    origins: dict[str, tuple[int, int]] = attrs.field(factory=dict[str, tuple[int, int]])
    shapes: list[Drawn] = attrs.field(factory=list[Drawn])
    frames: list[Framed] = attrs.field(factory=list[Framed])

    def cut(self, links: Iterable[Link]) -> None:
        """Cut every line at the borders it goes through."""
        for link in links:
            near, far = [*self.outline.around(link.source), link.source], [*self.outline.around(link.target), link.target]
            at = 0
            while near[at] is far[at]:
                at += 1
            found: list[tuple[Item, _Piece]] = []
            found += [(near[i], _Piece(link, near[i + 1], None)) for i in range(len(near) - 2, at - 1, -1)]
            found.append((near[at - 1], _Piece(link, near[at], far[at])))
            found += [(far[i], _Piece(link, None, far[i + 1])) for i in range(at, len(far) - 1)]
            if link.label:
                found[0][1].label = self.looks.label(link.label)
            for region, piece in found:
                assert isinstance(region, Region)  # noqa: S101 - only regions have something in them
                self.pieces.setdefault(region.key, []).append(piece)
                self.of_link.setdefault(id(link), []).append((region, piece))

    def plan(self, region: Region) -> _Plan:
        """Lay out a region and all in it."""
        plans = {child.key: self.plan(child) for child in region.children if isinstance(child, Region) and not child.folded}
        faces = self._faces(region)
        cells: dict[str, Cell] = {}
        for index, child in enumerate(region.children):
            room = plans[child.key] if child.key in plans else faces[child.key]
            cells[child.key] = Cell(room.width, room.height, index)
        pieces = self.pieces.get(region.key, [])
        pins = self._strands(pieces, cells, plans)
        strands = [piece.strand for piece in pieces if piece.strand is not None]
        _weigh(pieces, region)
        content = pile([*cells.values(), *pins.values()], strands, self.looks.spacing, self.looks.row)
        head = self.looks.head(region, self.overlay.marks.get(region.key))
        side, below = self.looks.margin if region.kind is not BlockKind.ROOT else (0, 0)
        width = max(content.width + 2 * side, head.width)
        width += (width - content.width) % 2
        left = (width - content.width) // 2
        # A line that comes in from above does so behind the title, not through it.
        entries = [pin.middle + left for (_, at), pin in pins.items() if at is Pin.TOP]
        if entries and head.lines and min(entries) < head.width:
            shift = head.width - min(entries)
            width, left = width + shift + shift % 2, left + shift
        gates = {key: pin.middle + left - width // 2 for key, pin in pins.items()}
        return _Plan(
            region, head, width, head.height + content.height + below, left, content, cells, faces, plans, gates
        )  # fmt: skip

    def _faces(self, region: Region) -> dict[str, Face]:
        """The shapes of a region; shapes of steps all have one width."""
        faces: dict[str, Face] = {}
        for child in region.children:
            if isinstance(child, Leaf):
                faces[child.key] = self.looks.face(words_of(child), self.overlay.marks.get(child.key))
            elif child.folded:
                faces[child.key] = self.looks.face(folded_words(child), self.overlay.marks.get(child.key))
        widest = max((face.width for face in faces.values() if face.shape in _EVEN), default=0)
        return {key: self.looks.widened(face, widest) if face.shape in _EVEN else face for key, face in faces.items()}

    def _strands(
        self, pieces: Sequence[_Piece], cells: dict[str, Cell], plans: dict[str, _Plan]
    ) -> dict[tuple[int, Pin], Cell]:
        pins: dict[tuple[int, Pin], Cell] = {}

        def end(piece: _Piece, item: Item | None, pin: Pin) -> tuple[Cell, int]:
            """The cell at an end of a piece, and where on it the line begins or ends."""
            if item is None:
                cell = pins[id(piece.link), pin] = Cell(0, 0, len(cells) + len(pins), is_bend=True, pin=pin)
                return cell, 0
            through = Pin.BOTTOM if pin is Pin.TOP else Pin.TOP
            inner = plans.get(item.key)
            return cells[item.key], 0 if inner is None else inner.place_of(piece.link, through, self.looks.spacing.bend)

        for piece in pieces:
            source, out = end(piece, piece.source, Pin.TOP)
            target, into = end(piece, piece.target, Pin.BOTTOM)
            label = None
            if piece.label is not None:
                width, height, _ = piece.label
                label = Cell(width, height, target.index, is_label=True)
            is_bound = piece.source is None or isinstance(piece.source, Region)
            piece.strand = Strand(source, target, out, into, is_bound, label=label)
        return pins

    def settle(self, plan: _Plan, x: int, y: int, depth: int) -> None:
        """Set the places of a region's items, now that the place of the region is known."""
        self.frames.append(Framed(plan.region, plan.head, x, y, plan.width, plan.height, depth))
        left, top = x + plan.left, y + plan.head.height
        self.origins[plan.region.key] = left, top
        for child in plan.region.children:
            cell = plan.cells[child.key]
            at = left + cell.middle - cell.width // 2, top + cell.y
            if child.key in plan.plans:
                self.settle(plan.plans[child.key], *at, depth + 1)
            else:
                self.shapes.append(Drawn(child, plan.faces[child.key], *at))

    def line(self, link: Link) -> Line:
        """A line, put together from its pieces."""
        points: list[tuple[int, int]] = []
        label: Label | None = None
        for region, piece in self.of_link[id(link)]:
            left, top = self.origins[region.key]
            strand = piece.strand
            assert strand is not None  # noqa: S101 - all have been laid out
            points += [(left + x, top + y) for x, y in strand.points]
            if strand.label is not None and piece.label is not None:
                width, height, text = piece.label
                label = Label(text, left + strand.label.middle - width // 2, top + strand.label.y, width, height)
        return Line(link, tuple(_corners(points)), label)


def _corners(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The points without those at which a line goes straight on."""
    found: list[tuple[int, int]] = []
    for point in points:
        if found and found[-1] == point:
            continue
        if len(found) > 1 and (found[-2][0] == found[-1][0] == point[0] or found[-2][1] == found[-1][1] == point[1]):
            found[-1] = point
        else:
            found.append(point)
    return found


def _weigh(pieces: Sequence[_Piece], region: Region) -> None:
    """Find the main line: for each cell, which of its lines is to be straight, on both sides."""
    outgoing: dict[int, list[_Piece]] = {}
    incoming: dict[int, list[_Piece]] = {}
    for piece in pieces:
        assert piece.strand is not None  # noqa: S101 - made just before
        outgoing.setdefault(id(piece.strand.source), []).append(piece)
        incoming.setdefault(id(piece.strand.target), []).append(piece)
    for each in pieces:
        assert each.strand is not None  # noqa: S101 - likewise
        each.strand.weight = 1
    is_even = region.kind in {BlockKind.IF, BlockKind.SWITCH}
    for found in outgoing.values():
        favourite = _favourite(found, is_out=True, is_even=is_even)
        if favourite is not None and favourite.strand is not None:
            favourite.strand.weight += 1
    for found in incoming.values():
        favourite = _favourite(found, is_out=False, is_even=False)
        if favourite is not None and favourite.strand is not None:
            favourite.strand.weight += 2


def _favourite(pieces: Sequence[_Piece], *, is_out: bool, is_even: bool) -> _Piece | None:
    real = [piece for piece in pieces if not (isinstance(piece.target, Leaf) and piece.target.kind is LeafKind.END)] or pieces
    most = max(_WEIGHTS[piece.link.kind] for piece in real)
    best = sorted(
        (piece for piece in real if _WEIGHTS[piece.link.kind] == most),
        key=lambda piece: _index(piece, is_out=is_out),
    )
    if len(best) == 1:
        return best[0]
    source = best[0].source
    is_even = is_even or (is_out and isinstance(source, Leaf) and source.kind is LeafKind.START)
    if is_even or most < _WEIGHTS[LinkKind.ORDER]:
        return best[len(best) // 2] if len(best) % 2 else None
    return best[-1] if is_out else best[0]


def _index(piece: _Piece, *, is_out: bool) -> int:
    strand = piece.strand
    assert strand is not None  # noqa: S101 - likewise
    return strand.target.index if is_out else strand.source.index
