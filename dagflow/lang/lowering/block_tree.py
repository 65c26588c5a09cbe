"""Reads the blocks of a flow from its syntax tree; pictures and live views of runs show steps in them."""

from __future__ import annotations

from dagflow.diagnostic import Span
from dagflow.lang.syntax import tree as s
from dagflow.model.blocks import Block, BlockKind


def blocks_of(decl: s.FlowDecl) -> tuple[Block, ...]:
    """The outermost blocks of a flow, in declared order."""
    inner = _all(decl.body.statements)
    if decl.handler is None:
        return inner
    span = decl.body.span
    return Block(BlockKind.BODY, span, inner=inner), _handler(decl.handler, span)


def _all(statements: tuple[s.Statement, ...]) -> tuple[Block, ...]:
    return tuple([block for statement in statements for block in _one(statement)])


def _one(statement: s.Statement) -> tuple[Block, ...]:
    match statement:
        case s.Filter() | s.WaitEventStep():
            return () if statement.otherwise is None else _all(statement.otherwise.statements)
        case s.If():
            return (Block(BlockKind.IF, statement.span, _name(statement.name), inner=_arms(statement)),)
        case s.Switch():
            arms = [case.block for case in statement.cases] + ([] if statement.otherwise is None else [statement.otherwise])
            inner = tuple([block for arm in arms for block in _all(arm.statements)])
            return (Block(BlockKind.SWITCH, statement.span, _name(statement.name), inner=inner),)
        case s.Group() | s.For():
            return _group(statement)
        case s.CallStep() if statement.mods.handler is not None:
            return (_handler(statement.mods.handler, statement.span),)
        case _:
            return ()


def _arms(statement: s.If) -> tuple[Block, ...]:
    inner = _all(statement.then.statements)
    match statement.otherwise:
        case s.If():
            return inner + _arms(statement.otherwise)
        case s.Block():
            return inner + _all(statement.otherwise.statements)
        case None:
            return inner


def _group(statement: s.Group | s.For) -> tuple[Block, ...]:
    first = 0
    if isinstance(statement, s.For):
        kind = BlockKind.FOR
    elif statement.first is not None:
        kind, first = BlockKind.RACE, statement.first
    else:
        kind = BlockKind.PARALLEL if statement.is_parallel else BlockKind.DO
    span = Span(statement.span.start, statement.block.span.end)
    block = Block(kind, span, _name(statement.name), first, inner=_all(statement.block.statements))
    return (block,) if statement.handler is None else (block, _handler(statement.handler, span))


def _handler(handler: s.Handler, guards: Span) -> Block:
    return Block(BlockKind.HANDLER, handler.span, _name(handler.name), guards=guards, inner=_all(handler.block.statements))


def _name(name: s.Ident | None) -> str:
    return "" if name is None else name.text
