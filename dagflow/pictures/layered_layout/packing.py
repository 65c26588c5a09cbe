"""The parts of a region that no line connects: each is laid out by itself, then they are set beside each other and in rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from dagflow.pictures.layered_layout.cells import Cell, Pin, Spacing, Strand
from dagflow.pictures.layered_layout.coordinates import set_columns
from dagflow.pictures.layered_layout.layers import ordered, ranked, segments_of
from dagflow.pictures.layered_layout.routing import set_routes


@attrs.define(eq=False)
class Pile:
    """The contents of a region after layout. `width`, `height`: the room they take."""

    width: int
    height: int


@attrs.define(eq=False)
class _Part:
    """Cells that lines connect. `x`, `y`: of its upper left corner."""

    cells: list[Cell]
    strands: list[Strand]
    width: int = 0
    height: int = 0
    x: int = 0
    y: int = 0


def pile(cells: Sequence[Cell], strands: Sequence[Strand], spacing: Spacing, row: int) -> Pile:
    """Lay out the cells of a region; rows of parts without a line between them are `row` wide at most, if they can be."""
    if not cells:
        return Pile(0, 0)
    parts = _parts(cells, strands)
    for part in parts:
        _lay_out(part, spacing)
    total = _set_rows(parts, spacing, row)
    for part in parts:
        _shift(part)
    return total


def _shift(part: _Part) -> None:
    """Move the contents of a part to the place of the part."""
    for cell in (*part.cells, *(each for strand in part.strands for each in strand.path[1:-1])):
        cell.middle += part.x
        cell.y += part.y
    for strand in part.strands:
        strand.points = [(x + part.x, y + part.y) for x, y in strand.points]


def _parts(cells: Sequence[Cell], strands: Sequence[Strand]) -> list[_Part]:
    """The cells in parts, in declared order; one part where a line leaves the region, since it would cross the other rows."""
    if any(cell.pin is not Pin.NO for cell in cells):
        return [_Part(list(cells), list(strands))]
    leader = {id(cell): id(cell) for cell in cells}

    def of(key: int) -> int:
        while leader[key] != key:
            leader[key] = leader[leader[key]]
            key = leader[key]
        return key

    for strand in strands:
        leader[of(id(strand.target))] = of(id(strand.source))
    parts: dict[int, _Part] = {}
    for cell in cells:
        parts.setdefault(of(id(cell)), _Part([], [])).cells.append(cell)
    for strand in strands:
        parts[of(id(strand.source))].strands.append(strand)
    return list(parts.values())


def _lay_out(part: _Part, spacing: Spacing) -> None:
    rows = _set(part, spacing)
    if spacing.long and part.height > spacing.long and all(cell.pin is Pin.NO for cell in part.cells):
        _set_in_columns(part, rows, spacing)


def _set(part: _Part, spacing: Spacing) -> list[list[Cell]]:
    """Lay out a part and return its rows."""
    rows = ranked(part.cells, part.strands)
    segments = segments_of(part.strands)
    for each in segments:
        is_first, is_last = each.source is each.strand.source, each.target is each.strand.target
        each.is_inner = not is_first and not is_last
        each.is_stiff = (not is_first or each.strand.weight in {2, 4}) and (not is_last or each.strand.weight >= 3)
    ordered(rows, segments)
    set_columns(rows, segments, spacing)
    everything = [cell for row in rows for cell in row]
    left = min(cell.middle - cell.half for cell in everything)
    for cell in everything:
        cell.middle -= left
    part.width = max(cell.middle + cell.half for cell in everything)
    part.height = set_routes(rows, segments, part.strands, spacing)
    return rows


def _set_in_columns(part: _Part, rows: Sequence[Sequence[Cell]], spacing: Spacing) -> None:
    """Cut a long part where one line goes from one row to the next, and set the pieces beside each other."""
    n_columns = max(2, math.isqrt(part.height * 4 // (part.width * 5)))
    share = part.height // n_columns
    cuts = {strand.source.rank: strand for strand in _cuts(part, rows, share)}
    if not cuts:
        return
    columns: list[_Part] = [_Part([], [])]
    of: dict[int, _Part] = {}
    for rank, row in enumerate(rows):
        for cell in row:
            of[id(cell)] = columns[-1]
        if rank in cuts:
            columns.append(_Part([], []))
    for cell in part.cells:
        of[id(cell)].cells.append(cell)
    cut = {id(strand) for strand in cuts.values()}
    for strand in part.strands:
        if id(strand) not in cut:
            of[id(strand.source)].strands.append(strand)
    gap, room = 2 * spacing.column, spacing.rank // 2
    x = 0
    for column in columns:
        _set(column, spacing)
        column.x, column.y = x, room if len(columns) > 1 else 0
        _shift(column)
        x += column.width + gap
    part.width, part.height = x - gap, max(column.height for column in columns) + 2 * room
    for column, after, strand in zip(columns, columns[1:], cuts.values(), strict=False):
        below, between = room + column.height + room // 2, after.x - gap // 2
        start, end = strand.source.middle + strand.out, strand.target.middle + strand.into
        strand.points = [
            (start, strand.source.y + strand.source.height), (start, below), (between, below),
            (between, room // 2), (end, room // 2), (end, strand.target.y),
        ]  # fmt: skip


def _cuts(part: _Part, rows: Sequence[Sequence[Cell]], share: int) -> list[Strand]:
    """Where to cut, so that each piece is about as high as its share: lines that are alone in their gap."""
    alone: dict[int, list[Strand]] = {}
    for strand in part.strands:
        for rank in range(strand.source.rank, strand.target.rank):
            alone.setdefault(rank, []).append(strand)
    found: list[Strand] = []
    begun = 0
    for rank in range(len(rows) - 1):
        top = min(cell.y for cell in rows[rank + 1] if cell.height or len(rows[rank + 1]) == 1)
        here = alone.get(rank, [])
        next_height = max(cell.height for cell in rows[rank + 1])
        if len(here) == 1 and len(here[0].path) == 2 and top + next_height // 2 - begun > share:
            found.append(here[0])
            begun = top
    # A nearly empty column is avoided.
    return found[:-1] if found and part.height - begun < share // 3 else found


def _set_rows(parts: Sequence[_Part], spacing: Spacing, row: int) -> Pile:
    """Set the parts into rows that are about equally full."""
    total = sum(part.width for part in parts) + spacing.column * (len(parts) - 1)
    if spacing.long:
        # Where there is room, a large region becomes about half again as wide as it is high.
        row = max(row, math.isqrt(sum(part.width * part.height for part in parts) * 3 // 2))
    n_rows = -(-total // max(row, *(part.width for part in parts)))
    share = max(-(-total // n_rows), *(part.width for part in parts)) if n_rows > 1 else total
    x = y = height = width = 0
    for part in parts:
        if x and x + part.width > max(share + part.width // 2, 1) and n_rows > 1:
            x, y, height = 0, y + height + spacing.rank, 0
        part.x, part.y = x, y
        x += part.width + spacing.column
        width, height = max(width, x - spacing.column), max(height, part.height)
    return Pile(width, y + height)
