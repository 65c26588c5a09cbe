"""The parts of a text: for the list beside it, and for folding it."""

from __future__ import annotations

import enum
from collections.abc import Iterator

import attrs

from dagflow.diagnostic import Span
from dagflow.ide.analysis import Analysis
from dagflow.ide.expression_cache import walk
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax import tree_tests as t
from dagflow.lang.syntax.walk import blocks


class PartKind(enum.StrEnum):
    """The kinds of parts."""

    IMPORT = "import"
    TYPE = "type"
    FIELD = "field"
    EVENT = "event"
    ACTION = "action"
    FLOW = "flow"
    STEP = "step"
    VALUE = "value"
    CONDITION = "condition"
    GROUP = "group"
    TEST = "test"


@attrs.frozen
class Part:
    """A part of a text.

    Attributes:
        span: all of it. name_span: the span to select.
        detail: shown behind its name.
    """

    name: str
    kind: PartKind
    span: Span
    name_span: Span
    detail: str = ""
    parts: tuple[Part, ...] = ()


def outline(analysis: Analysis) -> list[Part]:
    """The declarations of a text, with their parts."""
    return [part for item in analysis.file.items if (part := _item(analysis, item)) is not None]


def _item(analysis: Analysis, item: s.Item) -> Part | None:
    match item:
        case s.ImportDecl():
            return Part(item.name.text, PartKind.IMPORT, item.span, item.name.span, item.path.value)
        case s.TypeDecl():
            return Part(item.name.text, PartKind.TYPE, item.span, item.name.span, parts=_fields(analysis, item.type))
        case s.EventDecl():
            return Part(item.name.value, PartKind.EVENT, item.span, item.name.span, parts=_of(analysis, item.fields))
        case s.ActionDecl():
            return Part(item.name.text, PartKind.ACTION, item.span, item.name.span, item.effect)
        case s.FlowDecl():
            handled = () if item.handler is None else _statements(item.handler.block.statements)
            parts = (*_statements(item.body.statements), *handled)
            return Part(item.name.text, PartKind.FLOW, item.span, item.name.span, item.doc.partition("\n")[0], tuple(parts))
        case t.TestDecl():
            return Part(item.name.value or "test", PartKind.TEST, item.span, item.name.span, item.flow.text)
        case _:
            return None


def _fields(analysis: Analysis, type_: s.TypeExpr) -> tuple[Part, ...]:
    return _of(analysis, type_.fields) if isinstance(type_, s.RecordTypeExpr) else ()


def _of(analysis: Analysis, fields: tuple[s.FieldDecl, ...]) -> tuple[Part, ...]:
    return tuple(
        Part(
            each.name.text, PartKind.FIELD, each.span, each.name.span, analysis.text[each.type.span.start : each.type.span.end]
        )
        for each in fields
    )


def _statements(statements: tuple[s.Statement, ...]) -> Iterator[Part]:
    for statement in statements:
        parts = tuple(part for block in blocks(statement) for part in _statements(block))
        named = _named(statement)
        if named is None:
            yield from parts
        else:
            name, kind, span, detail = named
            yield Part(name, kind, statement.span, span, detail, parts)


def _named(statement: s.Statement) -> tuple[str, PartKind, Span, str] | None:
    """The name of a statement, its kind, the span of the name, and a detail; None for a statement that only contains others."""
    match statement:
        case s.CallStep(name=None):
            return statement.call.callee.text, PartKind.STEP, statement.call.callee.span, ""
        case s.CallStep(name=s.Ident() as name):
            return name.text, PartKind.STEP, name.span, statement.call.callee.text
        case s.WaitStep() | s.WaitEventStep():
            event = statement.event.value if isinstance(statement, s.WaitEventStep) else ""
            own = statement.name or s.Ident(Span(statement.span.start, statement.span.start + len("wait")), "wait")
            return own.text, PartKind.STEP, own.span, event
        case s.Emit():
            return "emit", PartKind.STEP, statement.event.span, statement.event.value
        case s.Let():
            return statement.name.text, PartKind.VALUE, statement.name.span, "let"
        case s.Filter() | s.If() | s.Switch():
            return _labelled(statement.name, type(statement).__name__.lower(), PartKind.CONDITION, statement.word)
        case s.Group() | s.For():
            word = "for" if isinstance(statement, s.For) else "parallel" if statement.is_parallel else "do"
            return _labelled(statement.name, word, PartKind.GROUP, statement.word)
        case _:
            return None


def _labelled(name: s.Ident | None, word: str, kind: PartKind, place: Span) -> tuple[str, PartKind, Span, str]:
    return (word, kind, place, "") if name is None else (name.text, kind, name.span, word)


def foldings(analysis: Analysis) -> list[Span]:
    """The foldable spans: text between braces over more than one line."""
    found: list[Span] = []
    for part in walk(analysis.file):
        match part:
            case s.Block() | s.RecordTypeExpr():
                found.append(part.span)
            case s.EventDecl() | t.TestDecl() | s.Switch():
                found.append(part.span)
            case _:
                pass
    lines = analysis.lines
    return [span for span in found if lines.line_of(span.end) > lines.line_of(span.start)]


def around(analysis: Analysis, offset: int) -> list[Span]:
    """The spans around a place, from the smallest to the whole text, for a selection that grows."""
    found: list[Span] = []
    for part in walk(analysis.file):
        span = getattr(part, "span", None)
        if isinstance(span, Span) and span.start <= offset <= span.end and span.end > span.start:
            found.append(span)
    return sorted({*found, Span(0, len(analysis.text))}, key=lambda span: (span.end - span.start, span.start))
