"""What a person calls clean, as laws of a laid out picture."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import attrs

from dagflow.model.flow import Flow, NodeKind
from dagflow.pictures.outline import Leaf, LeafKind, Outline, leaves_of
from dagflow.pictures.place import Line, Sheet

HIDDEN = {NodeKind.UNDO, NodeKind.UNWIND}


@attrs.frozen
class Box:
    name: str
    left: int
    top: int
    right: int
    bottom: int

    def overlaps(self, other: Box) -> bool:
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Box) -> bool:
        return self.left <= other.left and other.right <= self.right and self.top <= other.top and other.bottom <= self.bottom

    def is_cut(self, start: tuple[int, int], end: tuple[int, int]) -> bool:
        """Whether a level or upright line goes through the inside."""
        (x1, x2), (y1, y2) = sorted((start[0], end[0])), sorted((start[1], end[1]))
        return x1 < self.right and x2 > self.left and y1 < self.bottom and y2 > self.top


def faults(outline: Outline, sheet: Sheet, unit: int = 1) -> list[str]:
    """Everything that is not clean; `unit`: 1 where a letter is one cell."""
    return [
        *_missing(outline, sheet), *_boxes(outline, sheet), *_lines(outline, sheet), *_labels(sheet), *_shared(sheet), *_titles(sheet, unit)
    ]  # fmt: skip


def _shapes(sheet: Sheet) -> list[Box]:
    return [Box(s.item.key, s.x, s.y, s.x + s.face.width, s.y + s.face.height) for s in sheet.shapes]


def _frames(sheet: Sheet) -> dict[str, Box]:
    return {f.region.key: Box(f.region.key, f.x, f.y, f.x + f.width, f.y + f.height) for f in sheet.frames}


def _missing(outline: Outline, sheet: Sheet) -> Iterator[str]:
    """Every node is drawn once, or hidden for a reason, or a region is drawn for it."""
    drawn = [shape.item.key for shape in sheet.shapes]
    if len(drawn) != len(set(drawn)):
        yield f"drawn twice: {drawn}"
    there = {*drawn, *(frame.region.key for frame in sheet.frames)}
    for key, node in _nodes(outline.flow):
        item = outline.shown.get(key)
        if item is None:
            if node not in {*HIDDEN, NodeKind.GROUP, NodeKind.RACE}:
                yield f"{key} is not drawn"
        elif item.key not in there:
            yield f"{item.key}, which stands for {key}, is not drawn"


def _nodes(flow: Flow, prefix: str = "") -> Iterator[tuple[str, NodeKind]]:
    for node in flow.nodes:
        yield prefix + node.id, node.kind
        if node.loop is not None:
            yield from _nodes(node.loop.body, f"{prefix}{node.id}/")


def _boxes(outline: Outline, sheet: Sheet) -> Iterator[str]:
    shapes, frames = _shapes(sheet), _frames(sheet)
    whole = Box("", 0, 0, sheet.width, sheet.height)
    every = [*shapes, *(frame for key, frame in frames.items() if key)]
    for box in every:
        around = [each.key for each in outline.around_key(box.name)]
        if not whole.holds(box):
            yield f"{box} is not on the sheet"
        if around and around[-1] in frames and not frames[around[-1]].holds(box):
            yield f"{box} is not in {frames[around[-1]]}"
    for one, other in itertools.combinations(every, 2):
        nested = {each.key for each in outline.around_key(one.name)} | {each.key for each in outline.around_key(other.name)}
        if one.overlaps(other) and one.name not in nested and other.name not in nested:
            yield f"{one} overlaps {other}"


def _lines(outline: Outline, sheet: Sheet) -> Iterator[str]:
    shapes, frames = _shapes(sheet), _frames(sheet)
    for line in sheet.lines:
        allowed = {each.key for end in (line.link.source, line.link.target) for each in outline.around(end)}
        if len(line.points) < 2:
            yield f"{_name(line)} goes nowhere: {line.points}"
            continue
        for start, end in itertools.pairwise(line.points):
            if start[0] != end[0] and start[1] != end[1]:
                yield f"{_name(line)} is not upright: {start} {end}"
            for box in [*shapes, *(frame for key, frame in frames.items() if key not in allowed)]:
                if box.is_cut(start, end):
                    yield f"{_name(line)} goes through {box}: {start} {end}"
        (x1, y1), (x2, y2) = line.points[-2:]
        if x1 != x2 or y2 <= y1:
            yield f"{_name(line)} does not come from above: {line.points[-2:]}"


def _name(line: Line) -> str:
    return f"{line.link.source.key} -> {line.link.target.key} ({line.link.kind.value})"


def _labels(sheet: Sheet) -> Iterator[str]:
    labels = [
        Box(f"{_name(line)} {line.label.text}", line.label.x, line.label.y, line.label.x + line.label.width, line.label.y + line.label.height)
        for line in sheet.lines if line.label is not None
    ]  # fmt: skip
    for label in labels:
        yield from (f"{label} lies on {shape}" for shape in _shapes(sheet) if label.overlaps(shape))
        for line in sheet.lines:
            if _name(line) not in label.name and any(label.is_cut(*part) for part in itertools.pairwise(line.points)):
                yield f"{label} lies on {_name(line)}"
    yield from (f"{one} lies on {other}" for one, other in itertools.combinations(labels, 2) if one.overlaps(other))


def _shared(sheet: Sheet) -> Iterator[str]:
    """Lines that have no end in common do not lie on each other, or nobody could tell them apart.

    Unless each source has a line to each target: then there is nothing to tell.
    """
    there = {(line.link.source.key, line.link.target.key) for line in sheet.lines}
    for one, other in itertools.combinations(sheet.lines, 2):
        if one.link.source is other.link.source or one.link.target is other.link.target:
            continue
        if {(one.link.source.key, other.link.target.key), (other.link.source.key, one.link.target.key)} <= there:
            continue
        for (a, b), (c, d) in itertools.product(itertools.pairwise(one.points), itertools.pairwise(other.points)):
            for along, across in ((0, 1), (1, 0)):
                if a[across] == b[across] == c[across] == d[across]:
                    low, high = (
                        max(min(a[along], b[along]), min(c[along], d[along])),
                        min(max(a[along], b[along]), max(c[along], d[along])),
                    )
                    if low < high:
                        yield f"{_name(one)} lies on {_name(other)}: {a} {b}, {c} {d}"


def _titles(sheet: Sheet, unit: int) -> Iterator[str]:
    for frame in sheet.frames:
        if not frame.head.lines or unit != 1:
            continue
        title = Box(
            f"title of {frame.region.key}",
            frame.x + 8,
            frame.y + 1,
            frame.x + frame.head.width - 8,
            frame.y + frame.head.height - 8,
        )
        for line in sheet.lines:
            if any(title.is_cut(*part) for part in itertools.pairwise(line.points)):
                yield f"{_name(line)} goes through the {title}"


def steps(outline: Outline) -> list[Leaf]:
    return [leaf for leaf in leaves_of(outline.root) if leaf.kind is LeafKind.STEP]
