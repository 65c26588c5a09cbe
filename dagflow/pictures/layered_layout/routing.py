"""Routes: the height of each row, and the lines in the gaps between rows: down, along a track of the gap, and down again."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import attrs

from dagflow.pictures.layered_layout.cells import Cell, Pin, Segment, Spacing, Strand


@attrs.define(eq=False)
class _Net:
    """Segments of a gap that share an end, and so may share a track. `above`, `below`: where lines come to the track and leave it."""

    segments: list[Segment] = attrs.field(factory=list[Segment])
    above: set[int] = attrs.field(factory=set[int])
    below: set[int] = attrs.field(factory=set[int])
    track: int = 0

    @property
    def low(self) -> int:
        return min(self.above | self.below)

    @property
    def high(self) -> int:
        return max(self.above | self.below)


def set_routes(rows: Sequence[Sequence[Cell]], segments: Sequence[Segment], strands: Sequence[Strand], spacing: Spacing) -> int:
    """Set the y of every cell and the points of every strand; return the total height."""
    gaps: dict[int, list[Segment]] = {}
    for each in segments:
        gaps.setdefault(each.source.rank, []).append(each)
    turns: dict[int, int] = {}
    y = 0
    for rank, row in enumerate(rows):
        height = max((cell.height for cell in row), default=0)
        for cell in row:
            spare = height - cell.height
            cell.y = y + (spare // 2 if spare <= spacing.tall else 0)
        y += height
        if rank == len(rows) - 1:
            break
        nets = _nets(gaps.get(rank, ()))
        n_tracks = _set_tracks(nets)
        _set_apart(nets, max(1, spacing.track // 2))
        is_close = _is_of_labels(rows[rank + 1]) or (_is_of_labels(row) and not nets)
        room = spacing.label if is_close else spacing.rank
        for net in nets:
            for each in net.segments:
                turns[id(each)] = y + (room - 1) // 2 + net.track * spacing.track
        y += room + max(0, n_tracks - 1) * spacing.track
    _float(rows, segments, spacing)
    of: dict[int, list[Segment]] = {}
    for each in segments:
        of.setdefault(id(each.strand), []).append(each)
    for strand in strands:
        strand.points = _points(of[id(strand)], turns)
    if any(cell.pin is Pin.BOTTOM for cell in rows[-1]):
        return y
    return max(cell.y + cell.height for row in rows for cell in row)


def _is_of_labels(row: Sequence[Cell]) -> bool:
    return all(cell.is_label or cell.height == 0 for cell in row)


def _float(rows: Sequence[Sequence[Cell]], segments: Sequence[Segment], spacing: Spacing) -> None:
    """Move cells up to the cell above them, if only a higher cell in another column had kept them away from it."""
    above: dict[int, list[Segment]] = {}
    for each in segments:
        above.setdefault(id(each.target), []).append(each)
    for rank, row in enumerate(rows):
        for cell in row:
            lines = above.get(id(cell), [])
            if cell.is_bend or len(lines) != 1 or lines[0].source.is_bend:
                continue
            source = lines[0].source
            if source.middle + lines[0].out != cell.middle + lines[0].into:
                continue
            wish = source.y + source.height + spacing.rank
            left, right = cell.middle - cell.half - spacing.bend, cell.middle + cell.half + spacing.bend
            is_free = all(
                other.y + other.height <= wish - spacing.rank or other.middle + other.half <= left or other.middle - other.half >= right
                for others in rows[:rank] for other in others if other is not source
            )  # fmt: skip
            if wish < cell.y and is_free and not _crossed(segments, rank, left, right):
                cell.y = wish


def _crossed(segments: Sequence[Segment], rank: int, left: int, right: int) -> bool:
    """Whether a line goes sideways through a column in the gap above a row."""
    return any(
        each.source.rank == rank - 1
        and min(each.source.middle + each.out, each.target.middle + each.into) < right
        and max(each.source.middle + each.out, each.target.middle + each.into) > left
        and each.source.middle + each.out != each.target.middle + each.into
        for each in segments
    )


def _points(segments: Sequence[Segment], turns: dict[int, int]) -> list[tuple[int, int]]:
    """The corners of a line, without those where it does not turn."""
    first, last = segments[0], segments[-1]
    points = [(first.source.middle + first.out, first.source.y + first.source.height)]
    for each in segments:
        start, end = each.source.middle + each.out, each.target.middle + each.into
        if start != end:
            points += [(start, turns[id(each)]), (end, turns[id(each)])]
    points.append((last.target.middle + last.into, last.target.y))
    return points


def _nets(segments: Sequence[Segment]) -> list[_Net]:
    """Group the segments of a gap that turn: by a common start, or else by their end."""
    turning = [each for each in segments if each.source.middle + each.out != each.target.middle + each.into]
    starts = Counter((id(each.source), each.out) for each in turning)
    nets: dict[tuple[str, int, int], _Net] = {}
    for each in turning:
        start = id(each.source), each.out
        key = ("from", *start) if starts[start] > 1 else ("to", id(each.target), each.into)
        net = nets.setdefault(key, _Net())
        net.segments.append(each)
        net.above.add(each.source.middle + each.out)
        net.below.add(each.target.middle + each.into)
    return list(nets.values())


def _set_tracks(nets: list[_Net]) -> int:
    """Assign a track to each net, with few crossings and no contact within a track; return the number of tracks."""
    order: list[_Net] = []
    for net in sorted(nets, key=lambda net: (net.low, net.high)):
        # The cost of each place in the order, from the top down: below one more of the others, above one less.
        costs = [sum(_cost(net, other) for other in order)]
        for other in order:
            costs.append(costs[-1] + _cost(other, net) - _cost(net, other))
        order.insert(costs.index(min(costs)), net)
    n_tracks = 0
    for at, net in enumerate(order):
        net.track = max((other.track + 1 for other in order[:at] if _touch(other, net)), default=0)
        n_tracks = max(n_tracks, net.track + 1)
    return n_tracks


def _set_apart(nets: Sequence[_Net], step: int) -> None:
    """Set lines apart: of two that would lie on each other, where neither can be above, one moves a step to the side."""
    for upper, lower in itertools.permutations(nets, 2):
        if upper.track >= lower.track:
            continue
        for x in upper.below & lower.above:
            for each in lower.segments:
                if each.source.middle + each.out == x and not each.source.is_bend and not each.strand.is_bound:
                    each.out += step if each.target.middle + each.into > x else -step


def _touch(one: _Net, other: _Net) -> bool:
    return one.low <= other.high and other.low <= one.high


def _cost(upper: _Net, lower: _Net) -> int:
    """The crossings if the one has a track above the other's; lines that would lie on each other count most."""
    crossed = sum(lower.low < x < lower.high for x in upper.below) + sum(upper.low < x < upper.high for x in lower.above)
    return crossed + 1_000 * len(upper.below & lower.above)
