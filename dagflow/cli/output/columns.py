"""Columns of text that fit a width: some may be cut, the others never are, and no line ends in spaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Group
from rich.text import Text

_GAP: Final = 2


def aligned(
    header: Sequence[str],
    rows: Sequence[Sequence[Text]],
    width: int,
    *,
    elastic: Mapping[int, int],
    right: frozenset[int] = frozenset(),
    notes: Sequence[Text] = (),
) -> Group:
    """Set the rows under their header.

    Args:
        header: a word for each column; empty for none.
        rows: a text for each column; the texts are changed.
        width: cells in a line, at most, if the elastic columns can shrink enough.
        elastic: columns that may be cut to so many cells, the first named first.
        right: columns that are set to the right.
        notes: for each row the line below it; none if empty.
    """
    lines = [[Text(word, style="bold") for word in header], *rows] if header else rows
    widths = [max(cell.cell_len for cell in column) for column in zip(*lines, strict=True)]
    excess = sum(widths) + _GAP * (len(widths) - 1) - width
    for column, least in elastic.items():
        given = min(max(0, excess), max(0, widths[column] - least))
        widths[column] -= given
        excess -= given
    drawn = [_line(line, widths, right) for line in lines]
    if not notes:
        return Group(*drawn)
    under = [_note(note, width) for note in notes]
    return Group(drawn[0], *(each for row, note in zip(drawn[1:], under, strict=True) for each in (row, note) if each))


def _note(note: Text, width: int) -> Text:
    line = Text("  " if note else "", no_wrap=True, overflow="ignore")
    note.truncate(width - line.cell_len, overflow="ellipsis")
    return line.append_text(note)


def _line(cells: Sequence[Text], widths: Sequence[int], right: frozenset[int]) -> Text:
    last = max((column for column, cell in enumerate(cells) if cell.cell_len), default=0)
    line = Text(no_wrap=True, overflow="ignore")
    for column, cell in enumerate(cells[: last + 1]):
        cell.truncate(widths[column], overflow="ellipsis")
        space = " " * (widths[column] - cell.cell_len)
        if column in right:
            line.append(space)
        line.append_text(cell)
        if column != last:
            line.append(" " * _GAP if column in right else space + " " * _GAP)
    return line
