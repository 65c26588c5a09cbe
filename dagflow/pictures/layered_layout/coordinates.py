"""Columns: the place of each cell in its row. Long lines and the main line are straight, other cells near their neighbours.

Theory. Cells that a stiff line connects form a block, which has one x. Blocks are to the left and right of each other, never in a
circle, since stiff lines do not cross. The leftmost and the rightmost place of each block both satisfy every distance, so their mean
does too; from there each block in turn moves towards the others it has lines to.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import attrs

from dagflow.pictures.layered_layout.cells import Cell, Segment, Spacing

_ROUNDS: Final = 16


@attrs.define(eq=False)
class _Block:
    cells: list[tuple[Cell, int]] = attrs.field(factory=list[tuple[Cell, int]])
    x: int = 0
    left: list[tuple[_Block, int]] = attrs.field(factory=list["tuple[_Block, int]"])
    right: list[tuple[_Block, int]] = attrs.field(factory=list["tuple[_Block, int]"])
    #: The blocks it should be above or below of: the other block, and the distance from its x.
    drawn: list[tuple[_Block, int]] = attrs.field(factory=list["tuple[_Block, int]"])


def set_columns(rows: Sequence[Sequence[Cell]], segments: Sequence[Segment], spacing: Spacing) -> None:
    """Give every cell its middle."""
    home = _blocks(rows, _stiff(rows, segments))
    blocks = list(dict.fromkeys(block for row in rows for block, _ in (home[id(cell)] for cell in row)))
    _set_distances(rows, home, spacing)
    for each in segments:
        (one, at_one), (other, at_other) = home[id(each.source)], home[id(each.target)]
        if one is not other:
            shift = at_one + each.out - at_other - each.into
            other.drawn.append((one, shift))
            one.drawn.append((other, -shift))
    order = _in_order(blocks)
    _spread(order)
    for number in range(_ROUNDS):
        for block in order if number % 2 else reversed(order):
            _move(block)
    for block in blocks:
        for cell, offset in block.cells:
            cell.middle = block.x + offset


def _stiff(rows: Sequence[Sequence[Cell]], segments: Sequence[Segment]) -> list[Segment]:
    """The segments that are drawn straight: one above and one below each cell at most, and none crosses another."""
    place = {id(cell): number for row in rows for number, cell in enumerate(row)}
    taken: set[tuple[int, int]] = set()
    by_gap: dict[int, list[Segment]] = {}
    wanted = sorted((each for each in segments if each.is_inner or each.is_stiff), key=lambda each: not each.is_inner)
    for each in wanted:
        ends = (id(each.source), 1), (id(each.target), 0)
        gap = by_gap.setdefault(each.source.rank, [])
        source, target = place[id(each.source)], place[id(each.target)]
        is_free = not taken.intersection(ends) and all(
            (place[id(other.source)] < source) == (place[id(other.target)] < target) for other in gap
        )
        if is_free:
            taken.update(ends)
            gap.append(each)
    return [each for gap in by_gap.values() for each in gap]


def _blocks(rows: Sequence[Sequence[Cell]], stiff: Sequence[Segment]) -> dict[int, tuple[_Block, int]]:
    above = {id(each.target): each for each in stiff}
    home: dict[int, tuple[_Block, int]] = {}
    for row in rows:
        for cell in row:
            each = above.get(id(cell))
            if each is None:
                block, offset = _Block(), 0
            else:
                block, offset = home[id(each.source)]
                offset += each.out - each.into
            block.cells.append((cell, offset))
            home[id(cell)] = block, offset
    return home


def _set_distances(rows: Sequence[Sequence[Cell]], home: dict[int, tuple[_Block, int]], spacing: Spacing) -> None:
    for row in rows:
        for one, other in itertools.pairwise(row):
            between = spacing.bend if one.is_bend or other.is_bend else spacing.column
            (left, at_left), (right, at_right) = home[id(one)], home[id(other)]
            least = one.half + between + other.half + at_left - at_right
            left.right.append((right, least))
            right.left.append((left, least))


def _in_order(blocks: Sequence[_Block]) -> list[_Block]:
    """From left to right: each block follows all blocks to its left."""
    n_waiting = {block: len(block.left) for block in blocks}
    ready = [block for block in blocks if not block.left]
    for block in ready:
        for other, _ in block.right:
            n_waiting[other] -= 1
            if n_waiting[other] == 0:
                ready.append(other)
    return ready


def _spread(order: Sequence[_Block]) -> None:
    """The mean of the leftmost and the rightmost places."""
    for block in order:
        block.x = max((other.x + least for other, least in block.left), default=0)
    leftmost = {block: block.x for block in order}
    end = max(leftmost.values(), default=0)
    for block in reversed(order):
        block.x = min((other.x - least for other, least in block.right), default=end)
    for block in order:
        # Both halves of the sum keep every distance, so their floor is off by one at most; even distances keep it exact.
        block.x = block.x + leftmost[block]
    for block in order:
        block.x = max([block.x // 2, *(other.x + least for other, least in block.left)])


def _move(block: _Block) -> None:
    """Move a block as close to the middle of its lines' other ends as its neighbours allow."""
    if not block.drawn:
        return
    wishes = sorted(other.x + shift for other, shift in block.drawn)
    low, high = wishes[(len(wishes) - 1) // 2], wishes[len(wishes) // 2]
    wish = (low + high) // 2
    most = min((other.x - distance for other, distance in block.right), default=wish)
    block.x = max([min(wish, most), *(other.x + distance for other, distance in block.left)])
