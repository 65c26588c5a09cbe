"""Incremental parsing of a text of which an earlier version was parsed.

Theory. The parser keeps the last text without a syntax error, with its tree. For a new text it finds the statements around the
difference in that tree, parses their new text in a block of its own, and puts the result into the tree in their place
(`tree_shift`). That equals a parse of the whole text if the new piece is self-contained: its brackets and quotes are closed,
its first word begins a statement, its last token can end one. With brackets or quotes left open, the result is a good guess
(`is_exact` is False): they may be closed elsewhere. Any other piece that cannot be parsed by itself requires a full parse.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

import attrs

from dagflow.diagnostic import Diagnostic, Span
from dagflow.ide.tree_shift import Move, moved, shifted
from dagflow.lang.limits import Limits
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.lexer import CANNOT_END, CONTINUATION, Token, lex
from dagflow.lang.syntax.parser import parse_file

#: Codes for brackets and quotes that are not closed, or closed twice; the counterpart may be outside of the piece.
_UNBALANCED: Final = frozenset({"E106", "E112", "E117"})
#: Codes that depend on text elsewhere: the first step, the size of the whole.
_OF_OTHERS: Final = frozenset({"E108", "E115", "E116"})
#: Deeper than this, limits of depth could tell a piece from the whole.
_MOST_DEPTH: Final = 12


@attrs.frozen
class Parsed:
    """The tree of a text; `is_exact`: it equals the tree of the whole parser."""

    text: str
    file: s.File
    diagnostics: tuple[Diagnostic, ...]
    is_exact: bool = True


@attrs.frozen
class _Piece:
    """A place where statements or items are parsed anew.

    Attributes:
        span: in the old text, between the two neighbours that stay.
        place: the block, flow body or file whose children they are.
        first, last: which of the children, `last` not included.
        has_settings: settings could stand here.
    """

    span: Span
    place: s.Block | s.File
    first: int
    last: int
    depth: int
    has_settings: bool = False

    @property
    def children(self) -> tuple[s.Statement, ...] | tuple[s.Item, ...]:
        return self.place.statements if isinstance(self.place, s.Block) else self.place.items


class IncrementalParser:
    """Parses one version of a text after another."""

    def __init__(self) -> None:
        self._clean: Parsed | None = None
        self._last: Parsed | None = None

    def parse(self, text: str, limits: Limits, *, exact: bool = False) -> Parsed:
        """Return the tree of a text, from the tree of an earlier one where possible; `exact` refuses guesses."""
        last = self._last
        if last is not None and last.text == text and (last.is_exact or not exact):
            return last
        result = self._piecewise(text, limits)
        if result is None or (exact and not result.is_exact):
            file, diagnostics = parse_file(text, limits)
            result = Parsed(text, file, tuple(diagnostics))
        self._last = result
        if result.is_exact and not result.diagnostics:
            self._clean = result
        return result

    def _piecewise(self, text: str, limits: Limits) -> Parsed | None:
        clean = self._clean
        if clean is None:
            return None
        change, delta = difference(clean.text, text)
        piece = _piece(clean.file, change, len(clean.text))
        if piece is None or len(text) > limits.source_chars:
            return None
        wanted = text[piece.span.start : piece.span.end + delta]
        if not _stands_for_itself(wanted, piece):
            return None
        found = _parse_piece(wanted, piece, limits)
        if found is None:
            return None
        children, diagnostics = found
        if any(each.code in _OF_OTHERS for each in diagnostics):
            return None
        file = _replaced(clean.file, piece, children, delta)
        is_exact = not any(each.code in _UNBALANCED for each in diagnostics)
        return Parsed(text, file, tuple(diagnostics), is_exact)


def difference(old: str, new: str) -> tuple[Span, int]:
    """The span of the old text that the new one does not have, and how much longer the new one is there."""
    n_before = _n_common(old, new)
    most = min(len(old), len(new)) - n_before
    n_behind = _n_common(old[len(old) - most :][::-1], new[len(new) - most :][::-1])
    return Span(n_before, len(old) - n_behind), len(new) - len(old)


def _n_common(one: str, other: str) -> int:
    """How many characters two texts have in common from their beginning; by halves, since comparing slices is quick."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


# ---- which piece


def _piece(file: s.File, change: Span, length: int) -> _Piece | None:
    """The smallest run of statements, or of items, that a change is in; None where all of them would be."""
    piece = _between(file, [item.span for item in file.items], change, Span(0, length), 0)
    if piece is None:
        return None
    while piece.depth < _MOST_DEPTH and piece.last == piece.first + 1:
        inner = _inside(piece.children[piece.first], change, piece.depth + 1)
        if inner is None:
            break
        piece = inner
    if isinstance(piece.place, s.File) and piece.first == 0 and piece.last == len(file.items):
        return None
    return piece


def _between(
    place: s.Block | s.File, spans: list[Span], change: Span, room: Span, depth: int, *, has_settings: bool = False
) -> _Piece | None:
    """The children a change touches, with the blanks and comments around them."""
    if not room.start <= change.start or not change.end <= room.end:
        return None
    first = sum(span.end < change.start for span in spans)
    last = first + sum(span.start <= change.end for span in spans[first:])
    if last < len(spans) and (last == first or spans[last - 1].end < change.end):
        last += 1  # the text between two of them may be a comment that documents the second
    start = spans[first - 1].end if first else room.start
    end = spans[last].start if last < len(spans) else room.end
    return _Piece(Span(start, end), place, first, last, depth, has_settings and first == 0)


def _inside(child: s.Statement | s.Item, change: Span, depth: int) -> _Piece | None:
    for block, room, has_settings in _blocks(child):
        if room.start <= change.start and change.end <= room.end:
            spans = [statement.span for statement in block.statements]
            return _between(block, spans, change, room, depth, has_settings=has_settings)
    return None


def _blocks(child: s.Statement | s.Item) -> Iterator[tuple[s.Block, Span, bool]]:
    """The blocks of a statement or flow, the room for statements in each, and whether settings could stand there, too."""
    if isinstance(child, s.FlowDecl):
        start = child.settings[-1].span.end if child.settings else child.body.span.start + 1
        yield child.body, Span(start, child.body.span.end - 1), True
        if child.handler is not None:
            yield _whole(child.handler.block)
        return
    mods = getattr(child, "mods", None)
    for part in (child, mods):
        for name in ("then", "block", "otherwise", "handler"):
            inner = getattr(part, name, None)
            if isinstance(inner, s.Block):
                yield _whole(inner)
            elif isinstance(inner, s.Handler):
                yield _whole(inner.block)
            elif isinstance(inner, s.If):
                yield from _blocks(inner)
    if isinstance(child, s.Switch):
        yield from (_whole(case.block) for case in child.cases)


def _whole(block: s.Block) -> tuple[s.Block, Span, bool]:
    return block, Span(block.span.start + 1, block.span.end - 1), False


# ---- whether it is one


def _stands_for_itself(wanted: str, piece: _Piece) -> bool:
    """Whether a piece neither continues the text before it, nor is continued by the text behind it."""
    tokens = lex(f"{wanted} z").tokens
    if not tokens or tokens.pop().start != len(wanted) + 1:
        return False  # a comment or a string goes on behind it
    if "///" in wanted[tokens[-1].end if tokens else 0 :]:
        return False  # it documents the text behind it
    if not tokens:
        return True
    first = tokens[0]
    is_first = piece.first == 0 and not piece.has_settings and isinstance(piece.place, s.Block)
    if not is_first and (not first.starts_line or not _begins(tokens)):
        return False
    if not is_first and piece.first == 0 and isinstance(piece.place, s.Block) and "\n" not in wanted[: first.start]:
        return False
    last = tokens[-1]
    if last.type in CANNOT_END or last.text == "in":
        return False
    return "\n" in wanted[last.end :] or piece.last == len(piece.children)


def _begins(tokens: list[Token]) -> bool:
    first = tokens[0]
    return first.type == "IDENT" and first.text not in CONTINUATION and first.text != "on"


def _parse_piece(
    wanted: str, piece: _Piece, limits: Limits
) -> tuple[tuple[s.Statement, ...] | tuple[s.Item, ...], list[Diagnostic]] | None:
    """The children a piece means; None where it is none, such as one with a bracket that closes the block around it."""
    if isinstance(piece.place, s.File):
        file, diagnostics = parse_file(wanted, limits, piece.span.start)
        return file.items, diagnostics
    # A block of its own has room for statements only, as behind a first statement.
    head, tail = ("flow f{", "}") if piece.has_settings else ("flow f{do{", "}}")
    follower = "" if piece.last == len(piece.children) else _FOLLOWER
    file, diagnostics = parse_file(f"{head}{wanted}{follower}{tail}", limits, piece.span.start - len(head))
    end = piece.span.start + len(wanted)
    if any(not piece.span.start <= each.span.start <= each.span.end <= end + (not follower) for each in diagnostics):
        return None
    statements = _statements(file, end + len(follower) + 1, has_settings=piece.has_settings)
    if statements is None or not follower:
        return None if statements is None else (statements, diagnostics)
    last = statements[-1] if statements else None
    return (statements[:-1], diagnostics) if isinstance(last, s.CallStep) and last.span.start == end else None


#: Stands for the statement behind a piece.
_FOLLOWER: Final = "z()"


def _statements(file: s.File, end: int, *, has_settings: bool) -> tuple[s.Statement, ...] | None:
    """The statements of the block around a piece, if it ends where it should and contains nothing else."""
    flow = file.items[0] if file.items else None
    if not isinstance(flow, s.FlowDecl) or flow.settings or flow.handler is not None:
        return None
    if has_settings:
        return flow.body.statements if flow.body.span.end == end else None
    group = flow.body.statements[0] if len(flow.body.statements) == 1 and len(file.items) == 1 else None
    if not isinstance(group, s.Group) or group.handler is not None or group.is_parallel or group.block.span.end != end:
        return None
    return group.block.statements


def _replaced(file: s.File, piece: _Piece, children: tuple[s.Statement, ...] | tuple[s.Item, ...], delta: int) -> s.File:
    """The tree with other children in a place."""
    old = piece.children
    whole = (*old[: piece.first], *children, *shifted(old[piece.last :], delta))
    if isinstance(piece.place, s.File):
        return s.File(cast("tuple[s.Item, ...]", whole))
    span = Span(piece.place.span.start, piece.place.span.end + delta)
    block = s.Block(span, cast("tuple[s.Statement, ...]", whole))
    return moved(file, Move(piece.span.start, piece.span.end, delta, piece.place, block))
