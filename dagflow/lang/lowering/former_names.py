"""Steps with a former name: `was`, and W701 for steps that runs in progress know by a name that is gone.

The name identifies a step. So a renamed step declares its former name; otherwise everything that examines runs of the flow
would treat it as a new one, and the old one as removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span
from dagflow.lang.lowering.builder import FlowBuilder
from dagflow.lang.syntax import tree as s
from dagflow.model.flow import Flow, Node, NodeKind

#: The kinds of nodes that can declare a former name.
_STEPS = frozenset({NodeKind.ACTION, NodeKind.CALL, NodeKind.START, NodeKind.WAIT, NodeKind.WAIT_UNTIL, NodeKind.WAIT_EVENT})


def check_former_names(builder: FlowBuilder, statements: Sequence[s.Statement]) -> None:
    """E214 for a former name that a step still has, or that two steps had."""
    seen: dict[str, Span] = {}
    for statement in statements:
        mods = getattr(statement, "mods", None)
        was = mods.was if isinstance(mods, s.Modifiers) else None
        if was is None:
            continue
        span = mods.span("was") or was.span if isinstance(mods, s.Modifiers) else was.span
        line = builder.names.lines.get(was.text)
        if line is not None or was.text in builder.names.symbols:
            builder.report(
                "E214", f"`{was.text}` is still there", was.span, "the name of the input" if line is None else f"the name of a step on line {line}",
                "a former name is one that nothing has any more", Fix("delete", is_safe=False, edits=(Edit(span, ""),)),
            )  # fmt: skip
        elif was.text in seen:
            builder.report(
                "E214", f"two steps were `{was.text}`", was.span, f"the other one is on line {builder.line(seen[was.text])}",
                "say it of the one that goes on with its work", Fix("delete", is_safe=False, edits=(Edit(span, ""),)),
            )  # fmt: skip
        seen.setdefault(was.text, was.span)


@attrs.frozen
class InProgress:
    """A flow as runs began with it, and how many of those are not over."""

    flow: Flow
    n_runs: int


def check_in_progress(flow: Flow, known: Sequence[InProgress]) -> list[Diagnostic]:
    """W701 for each step that unfinished runs of the flow know, and the flow no longer has."""
    now = {node.id: node for node in _steps(flow)}
    names = now.keys() | {node.was for node in now.values()}
    gone: dict[str, tuple[Node, int]] = {}
    old: set[str] = set()
    for each in known:
        for node in _steps(each.flow):
            old.add(node.id)
            if node.id not in names:
                first, count = gone.get(node.id, (node, 0))
                gone[node.id] = (first, count + each.n_runs)
    new = [node for node in now.values() if node.id not in old and not node.was]
    return [_disappeared(flow, node, count, new) for node, count in gone.values()]


def _steps(flow: Flow) -> Iterator[Node]:
    """The steps an author has named, also those in loops."""
    for node in flow.nodes:
        if node.kind in _STEPS and "." not in node.id:
            yield node
        if node.loop is not None:
            yield from _steps(node.loop.body)


def _disappeared(flow: Flow, old: Node, n_runs: int, new: Sequence[Node]) -> Diagnostic:
    title = f"`{old.id}` disappeared while {n_runs} {'run knows' if n_runs == 1 else 'runs know'} it"
    alike = [node for node in new if _does(node) == _does(old)]
    if len(alike) != 1:
        help_ = "if a step was renamed, write `was " + old.id + "` behind it; if it was removed, its runs go on as they began"
        label = "no new step does the same" if not alike else f"{len(alike)} new steps do the same"
        return Diagnostic(code="W701", title=title, span=_name_of(flow), label=label, help=help_, file=flow.filename)
    node = alike[0]
    text = flow.source[node.span.start : node.span.end]
    span = Span(node.span.start, node.span.start + len(node.id)) if text.startswith(node.id) else _first_line(node, text)
    what = f"new step with the same action and arguments as the old `{old.id}`"
    if old.kind in {NodeKind.WAIT, NodeKind.WAIT_UNTIL, NodeKind.WAIT_EVENT}:
        what = f"new step that waits for the same as the old `{old.id}`"
    fix = Fix(f"append `was {old.id}`", is_safe=True, edits=(Edit(Span(node.span.end, node.span.end), f" was {old.id}"),))
    return Diagnostic(
        code="W701", title=title, span=span, label=what, help="if it is the same step, say so", fix=fix, file=flow.filename
    )


def _does(node: Node) -> object:
    """The work of a step, without its name and place."""
    expression = None if node.expression is None else node.expression.core
    arguments = tuple((argument.name, argument.value.core) for argument in node.arguments)
    return node.kind, node.action, node.flow, node.event, arguments, expression


def _first_line(node: Node, text: str) -> Span:
    return Span(node.span.start, node.span.start + len(text.partition("\n")[0].rstrip()))


def _name_of(flow: Flow) -> Span:
    """Where the flow's name stands in its text."""
    start = flow.source.find(f"flow {flow.name}")
    return Span(0, 1) if start < 0 else Span(start + len("flow "), start + len("flow ") + len(flow.name))
