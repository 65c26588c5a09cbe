"""Walks over a syntax tree: the statements of a flow, the blocks of a statement, the parts of any node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import attrs

from dagflow.lang.syntax import tree as s


def statements_of(decl: s.FlowDecl) -> list[s.Statement]:
    """Every statement of a flow, the handler's last."""
    handled = () if decl.handler is None else decl.handler.block.statements
    return [*walk(decl.body.statements), *walk(handled)]


def walk(statements: tuple[s.Statement, ...]) -> Iterator[s.Statement]:
    """Every statement, those inside blocks behind the one they are in."""
    for statement in statements:
        yield statement
        for block in blocks(statement):
            yield from walk(block)


def blocks(statement: s.Statement) -> Iterator[tuple[s.Statement, ...]]:
    """Yield the statements of each block of a statement, its handler's last."""
    match statement:
        case s.CallStep():
            pass  # most statements are calls
        case s.Filter(otherwise=s.Block() as block) | s.WaitEventStep(otherwise=s.Block() as block):
            yield block.statements
        case s.If():
            yield statement.then.statements
            if isinstance(statement.otherwise, s.Block):
                yield statement.otherwise.statements
            elif statement.otherwise is not None:
                yield (statement.otherwise,)
        case s.Switch():
            for case in statement.cases:
                yield case.block.statements
            if statement.otherwise is not None:
                yield statement.otherwise.statements
        case s.Group() | s.For():
            yield statement.block.statements
        case _:
            pass
    handler = getattr(statement, "handler", None) or getattr(getattr(statement, "mods", None), "handler", None)
    if isinstance(handler, s.Handler):
        yield handler.block.statements


def has_after(statement: s.Statement) -> bool:
    """Whether a statement has an `after` of its own."""
    mods = getattr(statement, "mods", None)
    return isinstance(mods, s.Modifiers) and mods.after is not None


def children(value: object) -> Iterator[object]:
    """Yield the components of a part of a syntax tree."""
    if isinstance(value, tuple):
        yield from cast("tuple[object, ...]", value)
    elif attrs.has(type(value)):
        for field in attrs.fields(cast("type[attrs.AttrsInstance]", type(value))):
            yield getattr(value, field.name)
