"""Tokens back to text, in the one style of dagflow.

Theory. A statement that fits on a line is a line. What does not fit is broken at the loosest place first: before its modifiers, then
before the operators that bind least, then inside its widest bracket, an argument a line. A newline is written only before words
that begin a statement or carry one on, before signs, and inside of brackets, so that the lexer reads the same statements again.
Where the author chose (a block or the fields of a type on one line or on several, modifiers on lines of their own, blank lines
between groups), the choice stays: the tokens that began a line show it, and the resulting text shows the same choice. That is
why formatting a text twice changes nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import accumulate
from typing import Final

import attrs

from dagflow.lang.format.token_roles import Roles
from dagflow.lang.format.trivia import Gap, find_gaps
from dagflow.lang.syntax.lexer import Token

#: Columns of a line.
WIDTH: Final = 100
#: Blanks of one level of indentation.
STEP: Final = 2
_BEFORE_COMMENT: Final = "  "
_OPENERS: Final = frozenset(["LPAR", "LSQB", "LBRACE"])
_CLOSERS: Final = frozenset(["RPAR", "RSQB", "RBRACE"])
_TIGHT_BEFORE: Final = frozenset(["COMMA", "COLON", "OPTDOT", "DOT", "RPAR", "RSQB", "RBRACE"])
_TIGHT_AFTER: Final = frozenset(["OPTDOT", "DOT", "LPAR", "LSQB", "LBRACE"])
#: Declarations with a blank line around them.
_APART: Final = frozenset(["flow", "test"])
#: Brackets of one line that are broken, at most; a line that is still too long then stays so.
_MOST_BROKEN: Final = 8


def lay_out(text: str, tokens: Sequence[Token], roles: Roles) -> str:
    """The text of the tokens, with all comments, in the style of dagflow."""
    layout = _measured(text, tokens, roles)
    lines = layout.statements(0, len(tokens), 0)
    return "\n".join(lines) + "\n" if lines else ""


def flat_pieces(text: str, tokens: Sequence[Token], roles: Roles) -> list[str]:
    """Each token with the blank that stands before it on a line."""
    return _measured(text, tokens, roles).pieces


def _measured(text: str, tokens: Sequence[Token], roles: Roles) -> _Layout:
    """Work out, in one go over the tokens, what each costs on a line and what cannot be on one."""
    gaps = find_gaps(text, tokens)
    pieces: list[str] = []
    match: dict[int, int] = {}
    breaks = [bool(gaps[i].comments) if i in gaps else False for i in range(len(tokens))]
    blocks = [False] * len(tokens)
    spaced = roles.blocks | roles.declarations
    #: Of each open bracket its place, the statements in it so far, and the line it is on.
    open_: list[tuple[int, list[int], int]] = []
    line = 0
    is_tight = True
    for i, token in enumerate(tokens):
        start, kind = token.start, token.type
        line += token.starts_line
        if start in roles.lines and open_:
            open_[-1][1].append(i)
        is_block = kind == "LBRACE" and start in spaced
        if kind in _OPENERS:
            open_.append((i, [], line))
        elif kind in _CLOSERS:
            opening, inside, first_line = open_.pop()
            match[opening] = i
            is_block = tokens[opening].start in spaced
            blocks[opening] = is_block and opening + 1 < i and (len(inside) > 1 or first_line != line)
        if token.starts_line and start in roles.clauses:
            breaks[i] = True
        is_glued = is_tight or start in roles.tight_before
        if not is_glued and kind in _TIGHT_BEFORE and not is_block:
            # Not so the colon of a condition, and the dot before a root name.
            is_glued = start not in roles.levels and start not in roles.tight_after
        pieces.append(token.text if is_glued else " " + token.text)
        is_tight = start in roles.tight_after or (kind in _TIGHT_AFTER and not is_block)
    return _Layout(tokens, roles, gaps, pieces, match, breaks, blocks)


@attrs.frozen
class _Line:
    """A statement that has been laid out; `name_size`: of a step on one line, the length of the name before its `=`."""

    text: str
    name_size: int = 0


@attrs.define(eq=False)
class _Layout:
    """Lays out ranges of tokens.

    Attributes:
        pieces: the tokens, each with the blank before it.
        breaks: before which of them a line has to break: behind comments, and where the author chose so.
        blocks: which of them are a `{` that cannot stand on a line with its `}`.
    """

    tokens: Sequence[Token]
    roles: Roles
    gaps: dict[int, Gap]
    pieces: list[str]
    match: dict[int, int]
    breaks: list[bool]
    blocks: list[bool]
    #: What all tokens before one take on a line, and how many of them break it or are broken themselves.
    sizes: list[int] = attrs.field(init=False)
    n_breaks: list[int] = attrs.field(init=False)
    n_blocks: list[int] = attrs.field(init=False)
    n_long: list[int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.sizes = list(accumulate(map(len, self.pieces), initial=0))
        self.n_breaks = list(accumulate(self.breaks, initial=0))
        self.n_blocks = list(accumulate(self.blocks, initial=0))
        self.n_long = list(accumulate(("\n" in piece for piece in self.pieces), initial=0))

    # ---- statements

    def statements(self, begin: int, end: int, indent: int) -> list[str]:
        """The lines of the statements of a range, with the comments before, between and behind them."""
        pad = " " * indent
        lines: list[str] = []
        #: Neighbouring steps, each as its place in `lines` and itself.
        run: list[tuple[int, _Line]] = []
        before: int | None = None
        for first, last in self._ranges(begin, end):
            gap = self.gaps.get(first, _NO_GAP)
            is_apart = before is not None and indent == 0 and self._are_apart(before, first)
            if gap.own_lines or gap.has_blank or is_apart:
                self._align(lines, run, indent)
            _write_gap(lines, gap, pad, has_before=bool(lines), is_apart=is_apart)
            line = self._statement(first, last, indent)
            if line.name_size:
                run.append((len(lines), line))
            else:
                self._align(lines, run, indent)
            lines.append(pad + line.text)
            before = first
        self._align(lines, run, indent)
        _write_gap(lines, attrs.evolve(self.gaps.get(end, _NO_GAP), has_blank=False), pad, has_before=bool(lines))
        return lines

    def _ranges(self, begin: int, end: int) -> list[tuple[int, int]]:
        """The statements of a range, as ranges."""
        tokens, starts, match = self.tokens, self.roles.lines, self.match
        found: list[tuple[int, int]] = []
        first = i = begin
        while i < end:
            if i > first and tokens[i].start in starts:
                found.append((first, i))
                first = i
            i = match.get(i, i) + 1
        if begin < end:
            found.append((first, end))
        return found

    def _are_apart(self, before: int, first: int) -> bool:
        """Whether a blank line belongs between two declarations, whatever the author did: around flows and tests."""
        return not {self.tokens[before].text, self.tokens[first].text}.isdisjoint(_APART)

    def _align(self, lines: list[str], run: list[tuple[int, _Line]], indent: int) -> None:
        """Put the `=` of neighbouring steps under each other, if all of them still fit then; the run is over."""
        if len(run) > 1:
            size = max(line.name_size for _, line in run)
            if all(indent + len(line.text) + size - line.name_size <= WIDTH for _, line in run):
                for place, line in run:
                    at = indent + line.name_size
                    lines[place] = lines[place][:at] + " " * (size - line.name_size) + lines[place][at:]
        run.clear()

    def _statement(self, begin: int, end: int, indent: int) -> _Line:
        """A statement without the blanks before its first line."""
        if self._fits(begin, end, indent):
            text = self._flat(begin, end)
            is_step = end > begin + 1 and self.tokens[begin + 1].type == "EQUAL" and "\n" not in text
            return _Line(text, len(self.tokens[begin].text) if is_step else 0)
        parts: list[str] = []
        now = indent
        for brace in self._own_blocks(begin, end):
            if self._splits(begin, brace + 1, now):
                parts.append(self._range(begin, brace + 1, now, indent))
                now = indent + STEP
            else:
                parts.append(self._range(begin, brace + 1, now, indent))
            begin = self.match[brace]
            parts.append(self._inside(brace, now + STEP))
            parts.append("\n" + " " * now)
        parts.append(self._range(begin, end, now, indent))
        return _Line("".join(parts))

    def _own_blocks(self, begin: int, end: int) -> list[int]:
        """The `{` of a statement whose insides get lines of their own: if one does, all that are not empty."""
        braces: list[int] = []
        i = begin
        while i < end:
            start = self.tokens[i].start
            closing = self.match.get(i, i)
            is_block = start in self.roles.blocks or start in self.roles.declarations
            if is_block and (closing > i + 1 or self.breaks[closing]):
                braces.append(i)
            i = closing + 1
        return braces

    def _inside(self, brace: int, indent: int) -> str:
        """The text between the braces of a block or a declaration, each line with the newline before it."""
        begin, end = brace + 1, self.match[brace]
        if self.tokens[brace].start in self.roles.declarations:
            return self._elements(brace, indent)
        trailing = self.gaps.get(begin, _NO_GAP).trailing
        behind = _BEFORE_COMMENT + trailing.text if trailing is not None else ""
        return behind + "".join("\n" + line for line in self.statements(begin, end, indent))

    # ---- parts of statements

    def _fits(self, begin: int, end: int, column: int) -> bool:
        """Whether a range can be one line from that column on."""
        if self.n_breaks[end] > self.n_breaks[begin + 1] or self.n_blocks[end] > self.n_blocks[begin]:
            return False
        return self._is_narrow(begin, end, column)

    def _is_narrow(self, begin: int, end: int, column: int) -> bool:
        if self.n_long[end] > self.n_long[begin]:  # of a text over several lines, the first line and the last count
            text = self._flat(begin, end)
            return column + text.index("\n") <= WIDTH and len(text) - text.rindex("\n") - 1 <= WIDTH
        return column + self.sizes[end] - self.sizes[begin] <= WIDTH + self.pieces[begin].startswith(" ")

    def _flat(self, begin: int, end: int) -> str:
        return "".join(self.pieces[begin:end]).lstrip(" ")

    def _splits(self, begin: int, end: int, column: int) -> bool:
        """Whether the modifiers of a range get lines of their own."""
        if self.n_breaks[end] == self.n_breaks[begin + 1] and self._is_narrow(begin, end, column):
            return False
        return bool(self._marked(begin, end, self.roles.clauses))

    def _marked(self, begin: int, end: int, marks: AbstractSet[int]) -> list[int]:
        """The places behind `begin` of the tokens with a mark that are in no bracket of the range."""
        found: list[int] = []
        i = begin
        while i < end:
            if i > begin and self.tokens[i].start in marks:
                found.append(i)
            i = max(self.match.get(i, i), i) + 1
        return found

    def _range(self, begin: int, end: int, column: int, base: int) -> str:
        """A part of a statement without blocks in it, from `column` on; it breaks into lines one step deeper than `base`."""
        is_narrow = self._is_narrow(begin, end, column)
        if is_narrow and self.n_breaks[end] == self.n_breaks[begin + 1]:
            return self._flat(begin, end)
        places = self._marked(begin, end, self.roles.clauses)
        if not places:
            operators = self._marked(begin, end, self.roles.levels.keys())
            level = min((self.roles.levels[self.tokens[i].start] for i in operators), default=0)
            if not is_narrow or any(self.breaks[i] for i in operators):
                places = [i for i in operators if self.roles.levels[self.tokens[i].start] == level]
        if not places:
            return self._brackets(begin, end, column, base)
        inner = base + STEP
        parts = [self._range(begin, places[0], column, base)]
        for place, follower in zip(places, [*places[1:], end], strict=True):
            parts.append(self._break(place, inner, inner))
            parts.append(self._range(place, follower, inner, inner))
        return "".join(parts)

    def _brackets(self, begin: int, end: int, column: int, base: int) -> str:
        """A range that is broken inside of brackets, and where a comment says so."""
        broken = self._broken(begin, end, column)
        parts: list[str] = []
        i = begin
        while i < end:
            if i > begin and self.breaks[i]:
                parts.append(self._break(i, base + STEP, base + STEP) + self.tokens[i].text)
            else:
                parts.append(self.tokens[i].text if i == begin else self.pieces[i])
            if i in broken:
                closing = self.match[i]
                parts.append(self._elements(i, base + STEP))
                parts.append("\n" + " " * base + self.tokens[closing].text)
                i = closing
            i += 1
        return "".join(parts)

    def _broken(self, begin: int, end: int, column: int) -> set[int]:
        """The opening brackets of a range to break: brackets with a comment, and the widest ones until the lines fit."""
        groups: list[int] = []
        i = begin
        while i < end:
            closing = self.match.get(i, i)
            if i < closing < end:
                if closing > i + 1 or self.breaks[closing]:
                    groups.append(i)
                i = closing
            i += 1
        broken = {i for i in groups if self.n_breaks[self.match[i] + 1] > self.n_breaks[i + 1]}
        width = column + self.sizes[end] - self.sizes[begin]
        if not broken and width > WIDTH:
            max_parallel = sorted(groups, key=lambda i: self.sizes[i] - self.sizes[self.match[i]])
            for i in max_parallel[:_MOST_BROKEN]:
                broken.add(i)
                width -= self.sizes[self.match[i]] - self.sizes[i + 1]
                if width <= WIDTH:
                    break
        return broken

    def _elements(self, opening: int, indent: int) -> str:
        """The text between brackets, one element per line, each with the newline before it."""
        parts: list[str] = []
        closing = self.match[opening]
        first = i = opening + 1
        while i < closing:
            i = self.match.get(i, i) + 1
            last = self.tokens[i - 1]
            if i == closing or (last.type == "COMMA" and last.start not in self.roles.type_commas):
                parts.append(self._break(first, indent, indent, is_first=first == opening + 1))
                parts.append(self._range(first, i, indent, indent))
                first = i
        gap = self.gaps.get(closing, _NO_GAP)
        lines = [""]
        _write_gap(lines, attrs.evolve(gap, has_blank=False), " " * indent, has_before=True)
        return "".join(parts) + "\n".join(lines)

    def _break(self, place: int, indent: int, comments: int, *, is_first: bool = False) -> str:
        """A new line before a token, with the comments that stand there."""
        lines = [""]
        gap = self.gaps.get(place, _NO_GAP)
        _write_gap(lines, gap, " " * comments, has_before=not is_first)
        return "\n".join([*lines, " " * indent])


_NO_GAP: Final = Gap((), has_blank=False)


def _write_gap(lines: list[str], gap: Gap, pad: str, *, has_before: bool, is_apart: bool = False) -> None:
    """Add the comments and the blank line of a gap to the lines before it; a trailing comment goes to the last of them.

    Args:
        has_before: whether something stands before the gap from which a blank line may set it apart.
        is_apart: whether a blank line does so in any case.
    """
    trailing = gap.trailing
    if trailing is not None and lines:  # at the beginning of a block it has been written behind the `{`
        lines[-1] += _BEFORE_COMMENT + trailing.text
    for comment in gap.own_lines:
        if (comment.has_blank or is_apart) and has_before:
            lines.append("")
        is_apart = False
        has_before = True
        lines.append(pad + comment.text)
    if (gap.has_blank or is_apart) and has_before:
        lines.append("")
