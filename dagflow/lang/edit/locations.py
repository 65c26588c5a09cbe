"""Locations: the place of a statement in a text, and places for another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import attrs

from dagflow.diagnostic import Edit, Span, nearest
from dagflow.errors import FlowInvalid, UsageError
from dagflow.lang.diagnostics import render
from dagflow.lang.format.formatter import format as format_text
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.lexer import Token, lex
from dagflow.lang.syntax.parser import parse_file
from dagflow.lang.syntax.walk import children

_STEP = 2


@attrs.frozen
class After:
    """Behind a statement, in its block."""

    step: str


@attrs.frozen
class Before:
    """Before a statement and its comments, in its block."""

    step: str


@attrs.frozen
class AtEnd:
    """At the end of a block: of the flow if `step` is not given, else of the statement of that name.

    Attributes:
        arm: which block of it: `then` or `else` of an `if`, `else` of a `filter`, a `switch` or a `wait event`, `case` and its number from 0.
    """

    step: str | None = None
    arm: str = ""


EditPlace: TypeAlias = After | Before | AtEnd


@attrs.frozen
class Found:
    """A statement and the flow it is in."""

    statement: s.Statement
    flow: s.FlowDecl


@attrs.define(eq=False)
class Source:
    """A text, its syntax tree, and the name of the flow, if the caller chose one."""

    text: str
    file: s.File
    flow: str | None
    tokens: list[Token] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tokens = lex(self.text).tokens

    def flows(self) -> list[s.FlowDecl]:
        """The flows that may be meant."""
        flows = [item for item in self.file.items if isinstance(item, s.FlowDecl) and self.flow in {None, item.name.text}]
        if not flows:
            raise UsageError(f"there is no flow `{self.flow}`" if self.flow else "there is no flow in the text")
        return flows

    def line_start(self, offset: int) -> int:
        """Where the line begins."""
        return self.text.rfind("\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """Behind the newline that ends the line."""
        found = self.text.find("\n", offset)
        return len(self.text) if found < 0 else found + 1

    def indent(self, offset: int) -> str:
        """The blanks the line begins with."""
        line = self.text[self.line_start(offset) : self.line_end(offset)]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def is_alone(self, span: Span) -> bool:
        """Whether nothing else but comments stands on the lines of a statement."""
        before = self.text[self.line_start(span.start) : span.start]
        behind = self.text[span.end : self.line_end(span.end)].strip()
        return not before.strip() and (not behind or behind.startswith("//"))

    def with_blanks_before(self, span: Span) -> Span:
        """The same with the blanks before it, unless a comment stands there."""
        before = max((token.end for token in self.tokens if token.end <= span.start), default=0)
        return Span(before, span.end) if not self.text[before : span.start].strip() else span


@attrs.frozen
class Spot:
    """A place for a statement. `insert` makes the edit from its text, which begins at the margin."""

    offset: int
    indent: str
    before: str = ""
    behind: str = "\n"

    def insert(self, statement: str) -> Edit:
        return Edit(Span(self.offset, self.offset), f"{self.before}{indented(statement, self.indent)}{self.behind}")


def find_step(source: Source, name: str) -> Found:
    """The statement of that name.

    Raises:
        UsageError: there is none, or several flows have one and none was named.
    """
    named = [(own, Found(each, flow)) for flow in source.flows() for each in _statements(flow) if (own := _name_of(each))]
    found = [each for own, each in named if own == name]
    if not found:
        meant = nearest(name, [own for own, _ in named])
        raise UsageError(f"there is no step `{name}`" + (f"; did you mean `{meant}`?" if meant else ""))
    if len(found) > 1:
        raise UsageError(f"there are {len(found)} steps `{name}`; pass the flow, or name the steps")
    return found[0]


def _statements(value: object) -> Iterator[s.Statement]:
    for child in children(value):
        if isinstance(child, s.Statement):
            yield child
        yield from _statements(child)


def _name_of(statement: s.Statement) -> str:
    name = getattr(statement, "name", None)
    if isinstance(name, s.Ident):
        return name.text
    return statement.call.callee.text.rpartition(".")[2] if isinstance(statement, s.CallStep) else ""


def removal(source: Source, found: Found) -> Span:
    """The text that belongs to a removed statement: its lines, and those of the comments right above it."""
    span = found.statement.span
    if not source.is_alone(span):
        end = span.end
        while source.text[end : end + 1] in {" ", "\t"}:
            end += 1
        return Span(span.start, end)
    start = source.line_start(span.start)
    while start and source.text[source.line_start(start - 1) : start].lstrip().startswith("//"):
        start = source.line_start(start - 1)
    return Span(start, source.line_end(span.end))


def spot(source: Source, place: EditPlace) -> Spot:
    """Where a statement goes."""
    if isinstance(place, AtEnd):
        return _end_of(source, _block(source, place))
    found = find_step(source, place.step)
    span = found.statement.span
    indent = source.indent(span.start)
    if isinstance(place, Before):
        alone = source.is_alone(span)
        return Spot(removal(source, found).start, indent) if alone else Spot(span.start, "", behind="\n")
    if source.is_alone(span):
        end = source.line_end(span.end)
        return Spot(end, indent, before="" if source.text[end - 1 : end] == "\n" else "\n")
    return Spot(span.end, indent + " " * _STEP, before="\n", behind="\n" + indent)


def _end_of(source: Source, block: Span) -> Spot:
    brace = block.end - 1
    indent = source.indent(brace)
    if not source.text[source.line_start(brace) : brace].strip():
        return Spot(source.line_start(brace), indent + " " * _STEP)
    return Spot(brace, indent + " " * _STEP, before="\n", behind="\n" + indent)


def _block(source: Source, place: AtEnd) -> Span:
    if place.step is None:
        flows = source.flows()
        if len(flows) > 1:
            raise UsageError(f"there are {len(flows)} flows; pass the flow name")
        return flows[0].body.span
    statement = find_step(source, place.step).statement
    arms: dict[str, Span] = {}
    match statement:
        case s.Group() | s.For():
            arms = {"": statement.block.span}
        case s.If():
            other = statement.otherwise
            arms = {"": statement.then.span, "then": statement.then.span} | (
                {"else": other.span} if isinstance(other, s.Block) else {}
            )
        case s.Filter() | s.WaitEventStep():
            arms = {"else": statement.otherwise.span} if statement.otherwise is not None else {}
        case s.Switch():
            arms = {f"case {i}": case.block.span for i, case in enumerate(statement.cases)}
            arms |= {"else": statement.otherwise.span} if statement.otherwise is not None else {}
        case _:
            pass
    if place.arm not in arms:
        known = ", ".join(f"`{arm}`" for arm in arms if arm) or "none"
        raise UsageError(f"`{place.step}` has no block `{place.arm}`; it has: {known}")
    return arms[place.arm]


def as_statement(text: str, *, keeps_layout: bool = False) -> str:
    """A statement's text at the margin, formatted unless `keeps_layout`.

    Raises:
        FlowInvalid: it does not parse.
        UsageError: it is no statement, or more than one.
    """
    wrapped = f"flow f {{\n{text}\n}}\n"
    file, diagnostics = parse_file(wrapped)
    if diagnostics:
        raise FlowInvalid(diagnostics, render(diagnostics, wrapped, "<statement>"))
    flow = file.items[0]
    if len(file.items) != 1 or not isinstance(flow, s.FlowDecl) or len(flow.body.statements) != 1 or flow.settings:
        raise UsageError("this is not one statement")
    lines = text if keeps_layout else format_text(f"flow f {{\n{text}\n}}\n").removeprefix("flow f {\n").removesuffix("\n}\n")
    return _shifted(lines, lambda line, blanks: line[min(blanks, len(line) - len(line.lstrip(" \t"))) :])


def indented(statement: str, indent: str) -> str:
    """A statement at the margin moved to the right; lines inside of strings stay."""
    return _shifted(statement, lambda line, _: indent + line if line.strip() else line)


def _shifted(text: str, shift: Callable[[str, int], str]) -> str:
    inside: set[int] = set()
    offset = 0
    tokens = [token for token in lex(text).tokens if "\n" in token.text]
    lines = text.split("\n")
    blanks = len(lines[0]) - len(lines[0].lstrip(" \t"))
    for number, line in enumerate(lines):
        if any(token.start < offset < token.end for token in tokens):
            inside.add(number)
        offset += len(line) + 1
    return "\n".join(line if number in inside else shift(line, blanks) for number, line in enumerate(lines))
