"""Rows: the rank of each cell and the order in each row, the first steps of a layered layout (Sugiyama, Tagawa, Toda 1981)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from dagflow.pictures.layered_layout.cells import Cell, Pin, Segment, Strand

_SWEEPS: Final = 8


def ranked(cells: Sequence[Cell], strands: Sequence[Strand]) -> list[list[Cell]]:
    """Set the rank of every cell and the path of every strand; return the rows. The strands must form no circle."""
    _set_ranks(cells, strands)
    rows: list[list[Cell]] = [[] for _ in range(1 + max(cell.rank for cell in cells))]
    for cell in cells:
        rows[cell.rank].append(cell)
    for strand in strands:
        _set_path(strand, rows)
    return rows


def _set_ranks(cells: Sequence[Cell], strands: Sequence[Strand]) -> None:
    incoming: dict[int, list[Strand]] = {id(cell): [] for cell in cells}
    outgoing: dict[int, list[Strand]] = {id(cell): [] for cell in cells}
    for strand in strands:
        incoming[id(strand.target)].append(strand)
        outgoing[id(strand.source)].append(strand)
    n_waiting = {id(cell): len(incoming[id(cell)]) for cell in cells}
    ready = [cell for cell in cells if n_waiting[id(cell)] == 0]
    for cell in ready:
        cell.rank = max((strand.source.rank + _length(strand) for strand in incoming[id(cell)]), default=0)
        for strand in outgoing[id(cell)]:
            n_waiting[id(strand.target)] -= 1
            if n_waiting[id(strand.target)] == 0:
                ready.append(strand.target)
    for cell in reversed(ready):
        # A cell without predecessors stands close to its successors.
        if not incoming[id(cell)] and outgoing[id(cell)] and cell.pin is Pin.NO:
            cell.rank = min(strand.target.rank - _length(strand) for strand in outgoing[id(cell)])
    _set_pins(cells, strands)


def _set_pins(cells: Sequence[Cell], strands: Sequence[Strand]) -> None:
    """Places on the borders have rows of their own."""
    inner = [cell for cell in cells if cell.pin is Pin.NO]
    shift = int(any(cell.pin is Pin.TOP for cell in cells)) - min((cell.rank for cell in inner), default=0)
    for cell in inner:
        cell.rank += shift
    lowest = max((cell.rank for cell in inner), default=0)
    leaving = (strand.source.rank + _length(strand) for strand in strands if strand.target.pin is Pin.BOTTOM)
    bottom = max([lowest + 1, *leaving])
    for cell in cells:
        if cell.pin is Pin.TOP:
            cell.rank = 0
        elif cell.pin is Pin.BOTTOM:
            cell.rank = bottom


def _length(strand: Strand) -> int:
    return 1 if strand.label is None else 2


def _set_path(strand: Strand, rows: list[list[Cell]]) -> None:
    strand.path = [strand.source]
    for rank in range(strand.source.rank + 1, strand.target.rank):
        if strand.label is not None and rank == strand.source.rank + 1:
            cell = strand.label
        else:
            cell = Cell(0, 0, strand.target.index, is_bend=True)
        cell.rank = rank
        rows[rank].append(cell)
        strand.path.append(cell)
    strand.path.append(strand.target)


def segments_of(strands: Iterable[Strand]) -> list[Segment]:
    """The strands, cut at every rank."""
    found: list[Segment] = []
    for strand in strands:
        last = len(strand.path) - 2
        for at, (source, target) in enumerate(zip(strand.path, strand.path[1:], strict=False)):
            out, into = strand.out if at == 0 else 0, strand.into if at == last else 0
            found.append(Segment(strand, source, target, out, into, is_inner=0 < at < last))
    return found


# ---- the order in each row


def ordered(rows: list[list[Cell]], segments: Sequence[Segment]) -> None:
    """Put every row into an order in which few lines cross; declared order where it makes no difference."""
    above: dict[int, list[tuple[Cell, int]]] = {}
    below: dict[int, list[tuple[Cell, int]]] = {}
    for each in segments:
        above.setdefault(id(each.target), []).append((each.source, each.out))
        below.setdefault(id(each.source), []).append((each.target, each.into))
    by_gap: dict[int, list[Segment]] = {}
    for each in segments:
        by_gap.setdefault(each.source.rank, []).append(each)
    for row in rows:
        row.sort(key=lambda cell: cell.index)
    best, fewest = [list(row) for row in rows], _crossings(rows, by_gap)
    for sweep in range(_SWEEPS):
        if fewest == 0:
            break
        if sweep % 2 == 0:
            _sweep(rows[1:], rows, above)
        else:
            _sweep(rows[-2::-1], rows, below)
        crossings = _crossings(rows, by_gap)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    for row, order in zip(rows, best, strict=True):
        row[:] = order
    _swap(rows, above, below)


def _sweep(todo: Sequence[list[Cell]], rows: list[list[Cell]], beside: dict[int, list[tuple[Cell, int]]]) -> None:
    for row in todo:
        places = _places(rows)
        at = {id(cell): number for number, cell in enumerate(row)}

        def centre(cell: Cell, places: dict[int, int] = places, at: dict[int, int] = at) -> tuple[int, int]:
            others = beside.get(id(cell), ())
            if not others:
                return 1000 * at[id(cell)], at[id(cell)]
            return sum(1000 * places[id(other)] + offset for other, offset in others) // len(others), at[id(cell)]

        row.sort(key=centre)


def _places(rows: list[list[Cell]]) -> dict[int, int]:
    return {id(cell): number for row in rows for number, cell in enumerate(row)}


def _crossings(rows: list[list[Cell]], by_gap: dict[int, list[Segment]]) -> int:
    places = _places(rows)
    count = 0
    for gap in by_gap.values():
        ends = sorted(
            (places[id(each.source)], each.out, places[id(each.target)], each.into) for each in gap
        )  # fmt: skip
        count += _inversions([(target, into) for _, _, target, into in ends], [(source, out) for source, out, _, _ in ends])
    return count


def _inversions(targets: list[tuple[int, int]], sources: list[tuple[int, int]]) -> int:
    """Pairs that are in one order above and in the other below; lines from one place do not cross."""
    count = 0
    for at, target in enumerate(targets):
        for later in range(at + 1, len(targets)):
            if targets[later] < target and sources[later] > sources[at]:
                count += 1
    return count


def _swap(rows: list[list[Cell]], above: dict[int, list[tuple[Cell, int]]], below: dict[int, list[tuple[Cell, int]]]) -> None:
    """Exchange neighbours as long as that saves crossings."""
    for _ in range(4):
        is_better = False
        for row in rows:
            places = _places(rows)
            for at in range(len(row) - 1):
                left, right = row[at], row[at + 1]
                saved = sum(_pair(left, right, side, places) - _pair(right, left, side, places) for side in (above, below))
                if saved > 0:
                    row[at], row[at + 1] = right, left
                    is_better = True
        if not is_better:
            return


def _pair(left: Cell, right: Cell, side: dict[int, list[tuple[Cell, int]]], places: dict[int, int]) -> int:
    """Crossings of the lines of two neighbours on one side."""
    lefts = [(places[id(other)], at) for other, at in side.get(id(left), ())]
    rights = [(places[id(other)], at) for other, at in side.get(id(right), ())]
    return sum(one > other for one in lefts for other in rights)
