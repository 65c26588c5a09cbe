"""Changes of a flow as changes of its text: the basis of an editor for pictures.

A change replaces as little as it can: everything else of the text, comments and layout with it, stays byte for byte. Where the text was
in the style of `dagflow fmt` it is so afterwards; there, lines beside the change may be laid out anew (`=` under each other).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, assert_never

import attrs

from dagflow.diagnostic import Edit, Span
from dagflow.errors import FlowInvalid, UsageError
from dagflow.lang.diagnostics import render
from dagflow.lang.edit.locations import EditPlace, Found, Source, as_statement, find_step, removal, spot
from dagflow.lang.edit.references import dependencies, is_name, renamed
from dagflow.lang.format.formatter import format as format_text
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.parser import parse_expression, parse_file

#: Forms of `after`, by the word.
_JOINS: Final = {"all": "", "any": "any", "settled": "settled"}


@attrs.frozen
class AddStep:
    """Write a statement. `text` is one of the language, `note = log(message: "x")`."""

    text: str
    place: EditPlace


@attrs.frozen
class RemoveStep:
    """Remove a statement, the comments above it, and its name from every `after`. Readers of its value are unchanged."""

    step: str


@attrs.frozen
class RenameStep:
    """Give a step another name, wherever it is read, and write `was` behind it, so that runs in progress know it still.

    A `was` that is there already stays: it says what those runs know.
    """

    step: str
    to: str


@attrs.frozen
class MoveStep:
    """Put a statement elsewhere, with the comments above it."""

    step: str
    place: EditPlace


@attrs.frozen
class Connect:
    """Set the `after` of a step; none if `after` is empty. `join`: `all`, `any`, `settled`, or how many of them."""

    step: str
    after: tuple[str, ...]
    join: str | int = "all"


@attrs.frozen
class SetArgument:
    """Give an argument of a call another value, an expression; None takes it away."""

    step: str
    name: str
    value: str | None


Change: TypeAlias = AddStep | RemoveStep | RenameStep | MoveStep | Connect | SetArgument


def edit_text(text: str, change: Change, *, flow: str | None = None, filename: str = "<flow>") -> str:
    """The text with one change made.

    Args:
        text: of a `.flow` file.
        change: what to do.
        flow: the flow it is about, if the name of a step alone does not say so.
        filename: what messages call the text.

    Raises:
        FlowInvalid: the text does not parse, or would not afterwards.
        UsageError: there is no such step, name or place.
    """
    is_formatted = format_text(text, filename=filename) == text
    file, diagnostics = parse_file(text)
    if diagnostics:
        raise FlowInvalid(diagnostics, render(diagnostics, text, filename))
    result = applied(text, _edits(Source(text, file, flow), change))
    if is_formatted:
        return format_text(result, filename=filename)
    diagnostics = parse_file(result)[1]
    if diagnostics:
        raise FlowInvalid(diagnostics, render(diagnostics, result, filename))
    return result


def applied(text: str, edits: list[Edit]) -> str:
    """The text with edits made that do not overlap."""
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end), reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def _edits(source: Source, change: Change) -> list[Edit]:
    match change:
        case AddStep():
            return [spot(source, change.place).insert(as_statement(change.text))]
        case RemoveStep():
            found = find_step(source, change.step)
            return [Edit(removal(source, found), ""), *_without(source, found, change.step)]
        case RenameStep():
            return _rename(source, find_step(source, change.step), change)
        case MoveStep():
            return _move(source, find_step(source, change.step), change)
        case Connect():
            return _connect(source, find_step(source, change.step), change)
        case SetArgument():
            return _set_argument(source, find_step(source, change.step), change)
        case _:
            assert_never(change)


def _rename(source: Source, found: Found, change: RenameStep) -> list[Edit]:
    _check_name(change.to)
    statement = found.statement
    name = statement.name if not isinstance(statement, _NAMELESS) else None
    edits = renamed(source.file, found.flow, change.step, change.to)
    if name is not None:
        edits.append(Edit(name.span, change.to))
    else:
        edits.append(Edit(Span(statement.span.start, statement.span.start), f"{change.to} = "))
    if isinstance(statement, s.CallStep | s.WaitStep | s.WaitEventStep):
        was = statement.mods.was
        if was is None:
            edits.append(_insertion(source, _head_end(statement), f"was {change.step}"))
        elif was.text == change.to:  # it has its old name back
            edits.append(Edit(source.with_blanks_before(_modifier(statement, "was")), ""))
    return edits


#: Statements that have no name.
_NAMELESS: Final = (s.Emit, s.Return, s.Yield, s.Stop, s.Fail, s.Broken)


def _move(source: Source, found: Found, change: MoveStep) -> list[Edit]:
    target = spot(source, change.place)
    span = removal(source, found)
    if span.start < target.offset < span.end:
        raise UsageError(f"`{change.step}` cannot be moved into itself")
    moved = source.text[span.start : span.end]
    return [Edit(span, ""), target.insert(as_statement(moved.strip("\n"), keeps_layout=True))]


def _connect(source: Source, found: Found, change: Connect) -> list[Edit]:
    statement = found.statement
    if not isinstance(statement, s.CallStep | s.WaitStep | s.WaitEventStep):
        raise UsageError(f"`{change.step}` is neither a call nor a wait, so it cannot have an `after`")
    for name in change.after:
        find_step(source, name)
    there = statement.mods.after is not None
    if not change.after:
        return [Edit(source.with_blanks_before(_modifier(statement, "after")), "")] if there else []
    words = _after(change.after, change.join)
    if there:
        return [Edit(_modifier(statement, "after"), words)]
    return [_insertion(source, _head_end(statement), words)]


def _insertion(source: Source, offset: int, modifier: str) -> Edit:
    """A modifier at a place, apart from the words around it."""
    follower = source.text[offset : offset + 1]
    return Edit(Span(offset, offset), f" {modifier}" + (" " if follower.isalnum() or follower == "_" else ""))


def _after(names: tuple[str, ...], join: str | int) -> str:
    listed = ", ".join(names)
    if join == "all":
        return f"after {listed}"
    if isinstance(join, str) and join not in _JOINS:
        raise UsageError(f"the join must be all, any, settled or a number; got `{join}`")
    return f"after {f'{join} of ' if isinstance(join, int) else _JOINS[join]}({listed})"


def _set_argument(source: Source, found: Found, change: SetArgument) -> list[Edit]:
    statement = found.statement
    if not isinstance(statement, s.CallStep):
        raise UsageError(f"`{change.step}` is not a call, so it has no arguments")
    args, close = statement.call.args, statement.call.close
    index = next((i for i, arg in enumerate(args) if arg.name is not None and arg.name.text == change.name), None)
    if change.value is None:
        return [] if index is None else [Edit(_argument_span(source, args, index, close), "")]
    _check_value(change.value)
    if index is not None:
        return [Edit(args[index].value.span, change.value)]
    _check_name(change.name)
    end = args[-1].span.end if args else close.start
    return [Edit(Span(end, end), f"{', ' if args else ''}{change.name}: {change.value}")]


def _argument_span(source: Source, args: tuple[s.Arg, ...], index: int, close: Span) -> Span:
    """An argument with the comma behind it, or before it if it is the last one."""
    if index + 1 < len(args):
        return Span(args[index].span.start, args[index + 1].span.start)
    start = args[index - 1].span.end if index else args[index].span.start
    behind = source.text[args[index].span.end : close.start]
    return Span(start, args[index].span.end + (behind.index(",") + 1 if not index and behind.strip().startswith(",") else 0))


def _without(source: Source, found: Found, step: str) -> list[Edit]:
    """Take a step's name from every `after` of the flow."""
    edits: list[Edit] = []
    for statement, deps in dependencies(found.flow):
        names = tuple(name.text for name in deps.names if name.text != step)
        if len(names) == len(deps.names) or statement.span == found.statement.span:
            continue
        span = _modifier(statement, "after")
        if names:
            join: str | int = {s.DepsKind.ALL: "all", s.DepsKind.ANY: "any", s.DepsKind.SETTLED: "settled"}.get(
                deps.kind, min(deps.count, len(names))
            )
            edits.append(Edit(span, _after(names, join)))
        else:
            edits.append(Edit(source.with_blanks_before(span), ""))
    return edits


def _modifier(statement: s.CallStep | s.WaitStep | s.WaitEventStep | s.Emit, word: str) -> Span:
    span = statement.mods.span(word)
    assert span is not None  # noqa: S101 - callers have seen it
    return span


def _head_end(statement: s.CallStep | s.WaitStep | s.WaitEventStep) -> int:
    """Where the first modifier of a step goes."""
    match statement:
        case s.CallStep():
            return statement.call.close.end
        case s.WaitStep():
            return statement.value.span.end
        case s.WaitEventStep():
            return statement.event.span.end if statement.bind is None else statement.bind.span.end
        case _:
            assert_never(statement)


def _check_name(name: str) -> None:
    if not is_name(name):
        raise UsageError(f"a name must consist of a-z, A-Z, 0-9 and _, and must not be a keyword; got `{name}`")


def _check_value(value: str) -> None:
    diagnostics = parse_expression(value)[1]
    if diagnostics:
        raise FlowInvalid(diagnostics, render(diagnostics, value, "<value>"))
    if "//" in value and _reads(value, lambda text: f"flow f {{ let x = {text} }}"):
        raise UsageError("an argument's value cannot end in a comment")


def _reads(value: str, wrapped: Callable[[str], str]) -> bool:
    """Whether a value breaks the text behind it on its line."""
    return bool(parse_file(wrapped(value))[1])
