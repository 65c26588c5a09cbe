"""Lowering of `undo`: for each reversible step a node behind everything else, and a gate before all of them.

An `undo` runs with the values that its step knew when it was done, so the step itself comes after all that the `undo` reads.
The last step done is the first one undone: where `b` comes after `a`, `a.undo` comes after `b.undo`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span
from dagflow.lang.check.presence import ALWAYS
from dagflow.lang.lowering.arguments import lower_arguments
from dagflow.lang.lowering.builder import FlowBuilder, NodeBuilder, Place
from dagflow.lang.lowering.call_targets import find_action
from dagflow.lang.lowering.permissions import check_secrets
from dagflow.lang.syntax import tree as s
from dagflow.model.action import ActionSpec, Effect
from dagflow.model.flow import Argument, GateRef, Join, JoinKind, Node, NodeKind, RetryPolicy, Scope
from dagflow.model.plan import HANDLER_SCOPE, UNDO_SCOPE
from dagflow.model.types import NULL, UNKNOWN

#: The gate before all UNDO nodes of a flow.
UNDO_GATE: Final = "undo.gate"
#: The retry policy of an undo, whatever the steps declare: it has to succeed, since there is no other way back.
_RETRY: Final = RetryPolicy(max_attempts=11)
#: Codes for a name that has no value yet, or perhaps none.
_ABSENT: Final = frozenset({"E203", "E308"})


def lower_undo(builder: FlowBuilder, step: s.CallStep, name: str, place: Place) -> None:
    """Lower the `undo` of a step that has been added; its arguments are read when the step is done."""
    call = step.mods.undo
    span = step.mods.span("undo")
    if call is None or span is None:
        return
    if _is_in_handler(builder, place.scope):
        head = Span(span.start, span.start + len("undo"))
        fix = Fix("delete", is_safe=False, edits=(Edit(span, ""),))
        builder.report(
            "E316", "`undo` does not fit a step of the flow's `on error`", head, "everything has been undone before this step runs",
            "remove it", fix,
        )  # fmt: skip
        return
    spec = find_action(builder, call, word="undo")
    arguments: tuple[Argument, ...] = ()
    n_before = len(builder.diagnostics)
    if spec is None:
        for arg in call.args:
            builder.checker.check(arg.value, builder.view(place))
    else:
        arguments = lower_arguments(builder, spec.name, call.args, spec.params, place, call.close)
        check_secrets(builder, spec, call.args)
        _warn_repeat(builder, spec, span)
    builder.diagnostics[n_before:] = [_explained(builder, found, call, name) for found in builder.diagnostics[n_before:]]
    node = _node(builder, name, span, Effect.EFFECTFUL if spec is None else spec.effect)
    node = attrs.evolve(
        node,
        action=call.callee.text if spec is None else spec.name,
        arguments=arguments,
        type=UNKNOWN if spec is None else spec.result,
        doc=step.doc,
        at_most_once=spec is not None and spec.at_most_once,
    )
    reads = builder.nodes_read([argument.value for argument in arguments])
    own = builder.nodes[name]
    own.reads = tuple(dict.fromkeys([*own.reads, *(read for read in reads if read != name)]))
    builder.undos[name] = NodeBuilder(node, (), reads, ALWAYS)


def _warn_repeat(builder: FlowBuilder, spec: ActionSpec, span: Span) -> None:
    """W501: an undo is retried even without a `retry`."""
    if spec.effect is Effect.EFFECTFUL and not spec.takes_key and not spec.at_most_once:
        head = Span(span.start, span.start + len("undo"))
        builder.report(
            "W501", "an undo that is tried again may repeat the effect", head, f"`{spec.name}` is effectful and takes no effect key",
            "let the action take one, or declare it idempotent if doing it twice does no harm",
        )  # fmt: skip


def _node(builder: FlowBuilder, step: str, span: Span, effect: Effect) -> Node:
    return Node(
        id=f"{step}.undo", kind=NodeKind.UNDO, span=span, effect=effect, gate=GateRef(UNDO_GATE, 1), scope=UNDO_SCOPE,
        join=Join(JoinKind.ALL, (step,)), type=NULL, undoes=step, retry=_retry(builder.retry),
    )  # fmt: skip


def _retry(of_steps: RetryPolicy) -> RetryPolicy:
    """That of the flow's steps where it is the more patient one; it does not choose among failures."""
    return attrs.evolve(of_steps, only=()) if of_steps.max_attempts > _RETRY.max_attempts else _RETRY


def _is_in_handler(builder: FlowBuilder, scope: str) -> bool:
    parents = {each.id: each.parent for each in builder.scopes}
    around: str | None = scope
    while around is not None and around != HANDLER_SCOPE:
        around = parents.get(around)
    return around == HANDLER_SCOPE


def _explained(builder: FlowBuilder, found: Diagnostic, call: s.CallExpr, step: str) -> Diagnostic:
    """E405 for a value that is unknown, or not certain, when the step is done."""
    if found.code not in _ABSENT:
        return found
    name = re.split(r"\W", builder.text(found.span), maxsplit=1)[0]
    label = f"`{name}` may not have run when `{step}` is undone"
    if found.code == "E203":
        label = f"`{name}` runs after `{step}`; it may not have run when `{step}` is undone"
    removed = _without(call, found.span)
    return Diagnostic(
        code="E405", title="`undo` reads a step that may not exist then", span=found.span, label=label,
        help="an undo may read the input, its own step, and steps certain to be done before it",
        fix=None if removed is None else Fix("remove argument", is_safe=False, edits=(Edit(removed, ""),)),
    )  # fmt: skip


def _without(call: s.CallExpr, place: Span) -> Span | None:
    """The span of the argument around a place, with the comma that goes with it."""
    for number, arg in enumerate(call.args):
        if arg.span.start <= place.start < arg.span.end:
            if number + 1 < len(call.args):
                return Span(arg.span.start, call.args[number + 1].span.start)
            return Span(call.args[number - 1].span.end if number else arg.span.start, arg.span.end)
    return None  # pragma: no cover - everything an undo reads is in one of its arguments


# ---- all of a flow


def add_undos(builder: FlowBuilder) -> None:
    """Add the UNDO nodes of a flow and of the bodies in it, behind everything else, and the gate before them."""
    for body in builder.bodies.values():
        add_undos(body)
    undos = [_undo_of(builder, each) for each in builder.nodes.values()]
    found = [undo for undo in undos if undo is not None]
    if not found:
        return
    builder.scopes.append(Scope(UNDO_SCOPE, None, None))
    first = min((undo.node for undo in found), key=lambda node: node.span.start)
    gate = Node(id=UNDO_GATE, kind=NodeKind.UNWIND, span=first.span, scope=UNDO_SCOPE, outcomes=("no", "yes"), type=NULL)
    later = _next_undone(builder, {undo.node.undoes for undo in found})
    builder.nodes[UNDO_GATE] = NodeBuilder(gate, (), (), ALWAYS)
    for undo in reversed(found):
        undo.before = tuple(f"{step}.undo" for step in later.get(undo.node.undoes, ()))
        builder.nodes[undo.node.id] = undo
    catch = builder.nodes.get(f"{HANDLER_SCOPE}.catch")
    if catch is not None and catch.node.kind is NodeKind.CATCH and catch.node.catches == "":
        catch.before = (*catch.before, UNDO_GATE, *(undo.node.id for undo in reversed(found)))


def can_undo(builder: FlowBuilder) -> bool:
    """Whether something in a flow is undone when it fails."""
    return UNDO_GATE in builder.nodes


def _undo_of(builder: FlowBuilder, each: NodeBuilder) -> NodeBuilder | None:
    """The `undo` of a step, or for a loop or a call that had runs with undos, the undo of those."""
    node = each.node
    explicit = builder.undos.get(node.id)
    if explicit is not None:
        return explicit
    match node.kind:
        case NodeKind.FOR:
            has_undo = can_undo(builder.bodies[node.id])
        case NodeKind.CALL:
            has_undo = any(signature.can_undo for signature in builder.signatures.values() if signature.key == node.flow)
        case _:
            return None
    if not has_undo or _is_in_handler(builder, node.scope):
        return None
    return NodeBuilder(_node(builder, node.id, node.span, Effect.TRANSACTIONAL), (), (), ALWAYS)


def _next_undone(builder: FlowBuilder, steps: Collection[str]) -> dict[str, tuple[str, ...]]:
    """For each step that can be undone, the nearest such steps that come after it, in declared order."""
    order = {node: number for number, node in enumerate(builder.nodes)}
    targets: dict[str, list[str]] = {node: [] for node in order}
    n_waiting = dict.fromkeys(order, 0)
    for target, each in builder.nodes.items():
        for source in {source for source in _sources(each) if source in order}:
            targets[source].append(target)
            n_waiting[target] += 1
    ready = [node for node, count in n_waiting.items() if count == 0]
    for node in ready:
        for target in targets[node]:
            n_waiting[target] -= 1
            if n_waiting[target] == 0:
                ready.append(target)
    # In a circle nothing comes before anything else; it is reported elsewhere.
    nearest: dict[str, frozenset[str]] = {}
    for node in reversed(ready):
        nearest[node] = frozenset().union(
            *(frozenset({target}) if target in steps else nearest.get(target, frozenset()) for target in targets[node])
        )
    return {step: tuple(sorted(nearest.get(step, ()), key=order.__getitem__)) for step in steps}


def _sources(each: NodeBuilder) -> tuple[str, ...]:
    node = each.node
    gate = () if node.gate is None else (node.gate.gate,)
    return (*gate, *each.before, *each.reads, *(() if node.join is None else node.join.sources))
