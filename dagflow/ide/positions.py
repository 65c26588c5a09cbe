"""Positions of an editor: lines from 0, and columns in code points, UTF-16 units or bytes, as agreed with the editor."""

from __future__ import annotations

import bisect
import enum

import attrs

from dagflow.diagnostic import Span


class Encoding(enum.StrEnum):
    """The unit in which an editor counts the columns of a line."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


@attrs.frozen(order=True)
class Position:
    """A place between two characters; line and column from 0."""

    line: int
    column: int


@attrs.frozen
class Range:
    """From a place to another one, which is not part of it."""

    start: Position
    end: Position


class Lines:
    """A text by its lines, between offsets in code points and the positions of an editor. Places beyond the end are the end."""

    def __init__(self, text: str, encoding: Encoding = Encoding.UTF16) -> None:
        self.text = text
        self.encoding = encoding
        self._starts = [0]
        found = text.find("\n")
        while found >= 0:
            self._starts.append(found + 1)
            found = text.find("\n", found + 1)
        #: Where a column is a code point, whatever the encoding.
        self._is_plain = encoding is Encoding.UTF32 or text.isascii()

    def __len__(self) -> int:
        return len(self._starts)

    def line_of(self, offset: int) -> int:
        """The line an offset is on."""
        return bisect.bisect_right(self._starts, offset) - 1

    def start_of(self, line: int) -> int:
        """Where a line begins; the end of the text for lines behind the last one."""
        return self._starts[line] if line < len(self._starts) else len(self.text)

    def position(self, offset: int) -> Position:
        """The position of an offset."""
        offset = max(0, min(offset, len(self.text)))
        line = self.line_of(offset)
        before = self.text[self._starts[line] : offset]
        return Position(line, len(before) if self._is_plain else self._units(before))

    def offset(self, position: Position) -> int:
        """The offset of a position. A column behind the end of its line is that end; one inside of a character is its beginning."""
        if position.line < 0:
            return 0
        if position.line >= len(self._starts):
            return len(self.text)
        start = self._starts[position.line]
        end = self.start_of(position.line + 1)
        if end > start and self.text[end - 1] == "\n":
            end -= 1
        column = max(0, position.column)
        if self._is_plain:
            return min(start + column, end)
        units = 0
        for i in range(start, end):
            units += self._units(self.text[i])
            if units > column:
                return i
        return end

    def range(self, span: Span) -> Range:
        """The range of a span."""
        return Range(self.position(span.start), self.position(span.end))

    def span(self, range_: Range) -> Span:
        """The span of a range; empty where its end is before its start."""
        start = self.offset(range_.start)
        return Span(start, max(start, self.offset(range_.end)))

    def length(self, span: Span) -> int:
        """The length of a span within one line, in the editor's unit."""
        return self._units(self.text[span.start : span.end])

    def _units(self, text: str) -> int:
        match self.encoding:
            case Encoding.UTF8:
                return len(text.encode("utf-8", "surrogatepass"))
            case Encoding.UTF16:
                return len(text) + sum(ord(char) > 0xFFFF for char in text)
            case Encoding.UTF32:
                return len(text)
