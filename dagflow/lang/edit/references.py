"""References to steps in a flow: in expressions, in `after`, and in the tests of the flow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import attrs

from dagflow.diagnostic import Edit
from dagflow.expr import tree
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.keywords import NO_STEP_NAMES
from dagflow.lang.syntax.walk import children

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_name(text: str) -> bool:
    """Whether a step can have this name."""
    return _NAME.fullmatch(text) is not None and text not in NO_STEP_NAMES


def renamed(file: s.File, flow: s.FlowDecl, old: str, new: str) -> list[Edit]:
    """The edits that rename a name of a flow wherever it is read."""
    tests = [item for item in file.items if isinstance(item, s.TestDecl) and item.flow.text == flow.name.text]
    return [edit for part in (flow, *tests) for edit in _renamed(part, old, new)]


def _renamed(value: object, old: str, new: str) -> Iterator[Edit]:
    match value:
        case tree.Name(span=span, name=name):
            if name == old:
                yield Edit(span, new)
            return
        case tree.Call(target=target, args=args) if target is not None and args and _is_variable(args[0], old):
            yield from _renamed(target, old, new)  # a macro's variable of that name hides the step in the rest of it
            return
        case s.Deps(names=names):
            yield from (Edit(name.span, new) for name in names if name.text == old)
            return
        case s.WaitEventStep(bind=bind, mods=mods) if bind is not None and bind.name.text == old:
            yield from _renamed((attrs.evolve(mods, when=None), value.otherwise), old, new)
            return
        case s.Handler(name=name) if name is not None and name.text == old:
            return
        case s.Case() | s.Modifiers() | _:
            pass
    for child in children(value):
        yield from _renamed(child, old, new)


def _is_variable(expr: tree.Expr, name: str) -> bool:
    return isinstance(expr, tree.Name) and expr.name == name


def dependencies(value: object) -> Iterator[tuple[s.CallStep | s.WaitStep | s.WaitEventStep | s.Emit, s.Deps]]:
    """Every statement with an `after`."""
    if isinstance(value, s.CallStep | s.WaitStep | s.WaitEventStep | s.Emit) and value.mods.after is not None:
        yield value, value.mods.after
    for child in children(value):
        yield from dependencies(child)
