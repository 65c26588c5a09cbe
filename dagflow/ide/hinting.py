"""Inlay hints: the types of steps and values, and which steps may not run."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dagflow.diagnostic import Span
from dagflow.ide.analysis import Analysis, FlowFacts
from dagflow.ide.expression_cache import walk
from dagflow.lang.check.symbols import Symbol, SymbolKind
from dagflow.lang.syntax import tree as s
from dagflow.model.types import UNKNOWN

_MOST_CHARS = 40


@attrs.frozen
class Hint:
    """A piece of text that the editor shows at a place, although it is not part of the text; `tooltip` has details."""

    offset: int
    text: str
    tooltip: str = ""


def hints(analysis: Analysis, span: Span) -> list[Hint]:
    """The hints of a part of a text, in order."""
    found: list[Hint] = []
    for facts in analysis.flows.values():
        if facts.decl.span.start <= span.end and span.start <= facts.decl.span.end:
            found += _of_flow(facts, span)
    return sorted(found, key=lambda hint: hint.offset)


def _of_flow(facts: FlowFacts, span: Span) -> Iterator[Hint]:
    shown = frozenset[tuple[str, int]]()
    for part in walk(facts.decl):
        name, end = _name(part)
        if name is None or not span.start <= name.span.start <= span.end:
            continue
        symbol = facts.symbols.get(name.text)
        if symbol is None or symbol.kind is not SymbolKind.STEP or symbol.span != name.span:
            continue
        if symbol.type is not UNKNOWN and not (isinstance(part, s.Let) and part.type is not None):
            yield Hint(name.span.end, f": {_short(symbol)}", str(symbol.type))
        # Of steps under the same conditions the first one is enough.
        if symbol.why and symbol.condition != shown and not isinstance(part, s.Let):
            shown = symbol.condition
            yield Hint(end, "may not run", f"`{name.text}` {symbol.why}")


def _name(part: object) -> tuple[s.Ident | None, int]:
    """The name of a step, and where its first line of meaning ends."""
    match part:
        case s.CallStep():
            return part.name, part.call.close.end
        case s.WaitEventStep():
            return part.name, part.event.span.end
        case s.Let():
            return part.name, part.value.span.end
        case s.For():
            return part.name, part.items.span.end
        case _:
            return None, 0


def _short(symbol: Symbol) -> str:
    text = str(symbol.type)
    return text if len(text) <= _MOST_CHARS else text[: _MOST_CHARS - 1] + "…"
