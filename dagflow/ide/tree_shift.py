"""A syntax tree after a change of the text: one part is replaced, and the spans of later parts are moved.

Parts before the change are reused, so that a change near the end of a file costs little.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Final, TypeVar, cast

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span

T = TypeVar("T")


@attrs.frozen
class Move:
    """A change of the text: the part from `start` to `end` became `delta` characters longer.

    Attributes:
        old: the part of the tree that stood there; `new` takes its place.
    """

    start: int
    end: int
    delta: int
    old: object = None
    new: object = None


def moved(part: T, move: Move) -> T:
    """The part of a tree as it is after the change."""
    return cast("T", _moved(part, move))


def shifted(part: T, delta: int) -> T:
    """The part of a tree with all its places `delta` further on."""
    return part if delta == 0 else moved(part, Move(-1, 0, delta))


def _moved(part: object, move: Move) -> object:
    kind = type(part)
    if kind is Span:
        return _span(cast("Span", part), move)
    if kind is tuple:
        return tuple([_moved(value, move) for value in cast("tuple[object, ...]", part)]) if part else part
    if kind in _PLAIN:
        return part
    if part is move.old:
        return move.new
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = _fields(kind)
    get, has_place = fields
    if get is None:
        return part
    if has_place:
        end = cast("Span", part.span).end  # type: ignore[attr-defined]
        # A part that ends where the change begins is before it.
        if end <= move.start or end < move.end:
            return part
    # Most values are no parts; asking here is quicker than calling.
    return kind(*[value if type(value) in _PLAIN else _moved(value, move) for value in get(part)])


def _span(span: Span, move: Move) -> Span:
    start, end = span.start, span.end
    if end < move.end or end <= move.start:
        return span
    if start >= move.end:
        return Span(start + move.delta, end + move.delta)
    return Span(start, end + move.delta)


_PLAIN: Final = frozenset({str, int, bool, float, bytes, type(None)})
_Getter = Callable[[object], tuple[object, ...]]
_FIELDS: dict[type, tuple[_Getter | None, bool]] = {}


def _fields(kind: type) -> tuple[_Getter | None, bool]:
    """A getter for the fields of a part, in the order of its constructor; None for values without spans (numbers, enums)."""
    if not attrs.has(kind):
        return None, False
    names = [field.name for field in attrs.fields(kind)]
    has_place = "span" in names
    if len(names) == 1:
        return (lambda part: (getattr(part, names[0]),)), has_place
    return attrgetter(*names), has_place


# ---- diagnostics


def shifted_diagnostic(diagnostic: Diagnostic, delta: int) -> Diagnostic:
    """The diagnostic `delta` characters further on."""
    if delta == 0:
        return diagnostic
    span = Span(diagnostic.span.start + delta, diagnostic.span.end + delta)
    fix = diagnostic.fix
    if fix is not None:
        edits = tuple(Edit(Span(each.span.start + delta, each.span.end + delta), each.text) for each in fix.edits)
        fix = Fix(fix.text, fix.is_safe, edits)
    return attrs.evolve(diagnostic, span=span, fix=fix)
