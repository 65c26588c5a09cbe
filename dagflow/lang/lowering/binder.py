"""Collects the names a flow defines before it is lowered, reports clashes, and notes which names something waits for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.lang.check.symbols import Symbol, SymbolKind
from dagflow.lang.lowering.builder import FlowBuilder
from dagflow.lang.lowering.by_identity import ByIdentity
from dagflow.lang.lowering.steps import duplicate_name, step_name, unnamed_twice
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.keywords import SETTINGS
from dagflow.lang.syntax.recovery.context import not_a_step_name
from dagflow.lang.syntax.walk import blocks
from dagflow.model.plan import HANDLER_SCOPE, UNDO_SCOPE
from dagflow.model.types import UNKNOWN

#: What its own handler and all that undoes it are called in every flow.
_TAKEN: Final = frozenset({HANDLER_SCOPE, UNDO_SCOPE})
#: What people write who mean `parallel first 1`.
_RACES: Final = frozenset({"any", "race", "either", "one"})


def bind_names(builder: FlowBuilder, decl: s.FlowDecl, statements: Sequence[s.Statement]) -> None:
    """Fill `names.lines`, `broken` and `awaited`; report names used twice (E204) and unnamed steps that clash (E205)."""
    broken = {name for statement in statements if isinstance(statement, s.Broken) for name in statement.names}
    broken.update(name for setting in decl.settings if isinstance(setting, s.BrokenSetting) for name in setting.names)
    builder.broken = frozenset(broken)
    builder.awaited = frozenset(name.text for statement in statements for name in _awaited(statement))
    spans: dict[str, Span] = {}
    names = [name for statement in statements if isinstance(name := getattr(statement, "name", None), s.Ident)]
    # First all of them, so that no proposed name is in use further down.
    for name in names:
        builder.names.lines.setdefault(name.text, builder.line(name.span))
    builder.names.loops = _loops(statements)
    for name in names:
        _define(builder, name, spans)
    for statement in statements:
        if isinstance(statement, s.CallStep | s.WaitStep | s.WaitEventStep | s.For) and statement.name is not None:
            _check_word(builder, statement.name)
        elif isinstance(statement, s.Group) and statement.is_parallel:
            _check_race(builder, statement)
    for statement in statements:
        if isinstance(statement, s.CallStep) and statement.name is None:
            _define_unnamed(builder, statement, spans)
    builder.names.lines.update({name: builder.line(span) for name, span in spans.items()})
    for name in broken - spans.keys() - builder.names.symbols.keys():
        define_unknown(builder, name, decl.body.span)


def _loops(statements: Sequence[s.Statement]) -> dict[str, tuple[s.For, ...]]:
    """For each name defined inside of loops, those loops, the outermost first; statements come after the ones around them."""
    found: dict[str, tuple[s.For, ...]] = {}
    around = ByIdentity[s.Statement, tuple[s.For, ...]]()
    for statement in statements:
        loops = around.get(statement, ())
        name = _name_of(statement)
        if loops and name:
            found.setdefault(name, loops)
        for block in blocks(statement):
            is_body = isinstance(statement, s.For) and block is statement.block.statements
            inside = (*loops, statement) if is_body and isinstance(statement, s.For) else loops
            if inside:
                for each in block:
                    around[each] = inside
    return found


def _name_of(statement: s.Statement) -> str:
    """The name by which a statement is read or waited for, or ""."""
    if isinstance(statement, s.CallStep):
        return step_name(statement.name, statement.call)
    name = getattr(statement, "name", None)
    return name.text if isinstance(name, s.Ident) else ""


def define_unknown(builder: FlowBuilder, name: str, span: Span) -> None:
    """Define a name that has been reported already: its uses are not reported."""
    builder.names.define(Symbol(name, SymbolKind.CONSTANT, UNKNOWN, span, builder.line(span)))


def _check_word(builder: FlowBuilder, name: s.Ident) -> None:
    """E104 for a step named like a setting: the same line would be refused at the beginning of the flow."""
    if name.text in SETTINGS:
        builder.diagnostics.append(not_a_step_name(name.text, name.span))


def _check_race(builder: FlowBuilder, group: s.Group) -> None:
    """E104 for `parallel any { }`, which would be a block of that name that waits for all."""
    name = group.name
    if name is None or group.first is not None or name.text not in _RACES:
        return
    fix = Fix("`first 1`", is_safe=False, edits=(Edit(name.span, "first 1"),))
    builder.report(
        "E104", f"`{name.text}` cannot be the name of a `parallel`", name.span, "as a name it would not keep the block from waiting for all",
        "to go on when one branch is done, write `parallel first 1`; else choose another name", fix,
    )  # fmt: skip


def _define(builder: FlowBuilder, name: s.Ident, spans: dict[str, Span]) -> None:
    if name.text in _TAKEN:
        label = "part of every flow"
        builder.report("E204", f"the name `{name.text}` is taken", name.span, label, "choose another name")
    if name.text in builder.names.symbols:
        duplicate_name(builder, name, builder.names.symbols[name.text].span, is_input=True)
    elif name.text in spans:
        duplicate_name(builder, name, spans[name.text], is_input=False)
    else:
        spans[name.text] = name.span


def _define_unnamed(builder: FlowBuilder, step: s.CallStep, spans: dict[str, Span]) -> None:
    name = step_name(None, step.call)
    if name in spans or name in builder.names.symbols:
        unnamed_twice(builder, step, name, spans.get(name, step.span), is_input=name in builder.names.symbols)
    else:
        spans[name] = step.call.callee.span


def _awaited(statement: s.Statement) -> tuple[s.Ident, ...]:
    mods = getattr(statement, "mods", None)
    return mods.after.names if isinstance(mods, s.Modifiers) and mods.after is not None else ()
