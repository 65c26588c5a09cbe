"""A sheet of cells to draw on with lines of Unicode; where lines meet, they join."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

import attrs

from dagflow.pictures.marks import Tone
from dagflow.pictures.metrics import columns

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8
_LIGHT: Final = " ╵╷│╴┘┐┤╶└┌├─┴┬┼"
_HEAVY: Final = " ╹╻┃╸┛┓┫╺┗┏┣━┻┳╋"
_ROUND: Final = {UP | LEFT: "╯", DOWN | LEFT: "╮", UP | RIGHT: "╰", DOWN | RIGHT: "╭"}
#: Every second cell of a line that is not solid, if it is straight.
_DASHED: Final = {UP | DOWN: "┊", LEFT | RIGHT: "┈"}


@attrs.frozen
class Span:
    """Some cells of one look, as text. `is_strong`, `is_faint`: how it is set."""

    text: str
    tone: Tone = Tone.PLAIN
    is_strong: bool = False
    is_faint: bool = False


@attrs.define(eq=False)
class _Spot:
    """A cell. `ways`: where lines leave it; `text`: its text, "" behind a wide letter, None for nothing."""

    ways: int = 0
    text: str | None = None
    is_round: bool = False
    is_heavy: bool = False
    is_dashed: bool = False
    tone: Tone = Tone.PLAIN
    is_strong: bool = False
    is_faint: bool = False

    def letter(self) -> str:
        if self.text is not None:
            return self.text
        if self.is_dashed and self.ways in _DASHED:
            return _DASHED[self.ways]
        if self.is_heavy:
            return _HEAVY[self.ways]
        return _ROUND.get(self.ways, _LIGHT[self.ways]) if self.is_round else _LIGHT[self.ways]


class Canvas:
    """Cells in rows."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._spots: dict[tuple[int, int], _Spot] = {}

    def _spot(self, x: int, y: int) -> _Spot:
        return self._spots.setdefault((x, y), _Spot())

    def line(
        self, points: list[tuple[int, int]], *, tone: Tone = Tone.PLAIN, is_heavy: bool = False, is_dashed: bool = False
    ) -> None:
        """A line from corner to corner, with round corners."""
        for (x1, y1), (x2, y2) in itertools.pairwise(points):
            step_x, step_y = (x2 > x1) - (x2 < x1), (y2 > y1) - (y2 < y1)
            x, y = x1, y1
            while (x, y) != (x2, y2):
                self._join(x, y, _way(step_x, step_y), tone, is_heavy=is_heavy, is_dashed=is_dashed)
                x, y = x + step_x, y + step_y
                self._join(x, y, _way(-step_x, -step_y), tone, is_heavy=is_heavy, is_dashed=is_dashed)

    def _join(self, x: int, y: int, way: int, tone: Tone, *, is_heavy: bool, is_dashed: bool) -> None:
        spot = self._spot(x, y)
        spot.is_heavy = (spot.is_heavy or not spot.ways) and is_heavy
        spot.is_dashed = (spot.is_dashed or not spot.ways) and is_dashed
        spot.is_round = spot.is_round or not spot.ways
        spot.ways |= way
        if tone is not Tone.PLAIN and (spot.tone in {Tone.PLAIN, Tone.OFF} or not spot.ways):
            spot.tone = tone
        spot.is_faint = True

    def box(
        self, x: int, y: int, width: int, height: int, *, tone: Tone = Tone.PLAIN, is_round: bool, is_faint: bool = False
    ) -> None:
        """A border; lines that were there already go through it."""
        right, bottom = x + width - 1, y + height - 1
        for at in range(x, right + 1):
            for level in (y, bottom):
                ways = (LEFT if at > x else 0) | (RIGHT if at < right else 0)
                self._border(at, level, ways, tone, is_round=is_round, is_faint=is_faint)
        for at in range(y, bottom + 1):
            for side in (x, right):
                ways = (UP if at > y else 0) | (DOWN if at < bottom else 0)
                self._border(side, at, ways, tone, is_round=is_round, is_faint=is_faint)

    def _border(self, x: int, y: int, ways: int, tone: Tone, *, is_round: bool, is_faint: bool) -> None:
        spot = self._spot(x, y)
        spot.ways |= ways
        spot.is_round, spot.tone, spot.is_faint = is_round, tone, is_faint

    def clear(self, x: int, y: int, width: int, height: int) -> None:
        """Remove the contents of an area."""
        for at_y in range(y, y + height):
            for at_x in range(x, x + width):
                self._spots.pop((at_x, at_y), None)

    def write(
        self, x: int, y: int, text: str, *, tone: Tone = Tone.PLAIN, is_strong: bool = False, is_faint: bool = False
    ) -> None:
        """Write words over the present contents."""
        for letter in text:
            wide = columns(letter)
            if wide == 0:
                previous = self._spots.get((x - 1, y))
                if previous is not None and previous.text:
                    previous.text += letter
                continue
            self._spots[x, y] = _Spot(text=letter, tone=tone, is_strong=is_strong, is_faint=is_faint)
            if wide == 2:
                self._spots[x + 1, y] = _Spot(text="", tone=tone)
            x += wide

    def rows(self) -> Iterator[list[Span]]:
        """The rows, each in pieces of one look, without spaces at its end."""
        for y in range(self.height):
            last = max((x for x in range(self.width) if (x, y) in self._spots), default=-1)
            row: list[Span] = []
            for x in range(last + 1):
                spot = self._spots.get((x, y))
                span = Span(" ") if spot is None else Span(spot.letter(), spot.tone, spot.is_strong, spot.is_faint)
                if row and (row[-1].tone, row[-1].is_strong, row[-1].is_faint) == (span.tone, span.is_strong, span.is_faint):
                    row[-1] = attrs.evolve(row[-1], text=row[-1].text + span.text)
                else:
                    row.append(span)
            yield row


def _way(step_x: int, step_y: int) -> int:
    if step_x:
        return RIGHT if step_x > 0 else LEFT
    return DOWN if step_y > 0 else UP
