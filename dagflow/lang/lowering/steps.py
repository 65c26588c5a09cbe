"""Lowering of the statements that become one node: calls, waits, `emit`, `let`, `return`, `stop`, `fail`."""

from __future__ import annotations

from typing import Final

import attrs

from dagflow.diagnostic import Edit, Fix, Span, nearest
from dagflow.expr.tree import Expr
from dagflow.lang.bounds.bounds import wait_length
from dagflow.lang.check.type_checker import Wanted
from dagflow.lang.lowering.arguments import lower_arguments
from dagflow.lang.lowering.builder import FlowBuilder, Length, Place, join_condition
from dagflow.lang.lowering.call_targets import find_target, repeated_by
from dagflow.lang.lowering.gates import Tails, when_gate, why
from dagflow.lang.lowering.modifiers import check_lines, lower_join, lower_own_retry, refuse_modifiers, time_limit
from dagflow.lang.lowering.permissions import check_emit, check_secrets
from dagflow.lang.lowering.undo import lower_undo
from dagflow.lang.syntax import tree as s
from dagflow.model.action import ActionSpec, Effect
from dagflow.model.flow import Argument, Expression, Join, JoinKind, Node, NodeKind, RetryPolicy
from dagflow.model.types import DURATION, NULL, STRING, TIMESTAMP, UNKNOWN

_OF_CALL: Final = frozenset({"after", "when", "retry", "timeout", "within", "default", "undo", "was", "on unknown", "on error"})
#: A called run resumes where it stopped, so its outcome is always known.
_OF_FLOW: Final = _OF_CALL - {"on unknown"}
_OF_OTHERS: Final = frozenset({"after", "when", "was"})
_OF_EMIT: Final = frozenset({"after", "when"})


def step_name(name: s.Ident | None, call: s.CallExpr) -> str:
    """The id of a call: its name, else the last word of its action."""
    return name.text if name is not None else call.callee.text.rpartition(".")[2]


def lower_call(builder: FlowBuilder, step: s.CallStep, place: Place, before: Tails) -> Tails:
    """Lower a call of an action or a flow; the place already has the scope of the step's own `on error`."""
    name = step_name(step.name, step.call)
    callee = step.call.callee.text
    target = find_target(builder, step)
    allowed = _OF_OTHERS if step.is_start else _OF_CALL if target is None or target.action is not None else _OF_FLOW
    refuse_modifiers(builder, step.mods, allowed, "`start`" if step.is_start else f"`{callee}`")
    check_lines(builder, step)
    inner, before, join, join_span = place_step(builder, name, step.mods, place, before)
    arguments: tuple[Argument, ...] = ()
    if target is not None and target.params is not None:
        arguments = lower_arguments(builder, callee, step.call.args, target.params, inner, step.call.close)
        if target.action is not None:
            check_secrets(builder, target.action, step.call.args)
    else:
        for arg in step.call.args:
            builder.checker.check(arg.value, builder.view(inner))
    result = UNKNOWN if target is None else target.result
    default = None
    if step.mods.default is not None:
        default = builder.checker.expression(step.mods.default, builder.view(inner), Wanted(result, "`default` takes"))
    policy = builder.retry if step.mods.retry is None else lower_own_retry(builder, name, step.mods.retry)
    action = None if target is None else target.action
    at_most_once = step.mods.at_most_once or (action is not None and action.at_most_once)
    if action is not None and policy.max_attempts > 1 and not at_most_once:
        _warn_repeat(builder, action, step)
    elif target is not None and target.kind is NodeKind.CALL and policy.max_attempts > 1:
        _warn_repeated_call(builder, repeated_by(builder, target.flow), step)
    kind, effect = (NodeKind.ACTION, Effect.EFFECTFUL) if target is None else (target.kind, target.effect)
    if at_most_once:
        effect = Effect.EFFECTFUL  # so its intent is committed first, without which a crash would leave no trace of it
    node = Node(
        id=name, kind=kind, span=step.span, doc=step.doc, effect=effect, gate=inner.gate, scope=inner.scope, join=join,
        action="" if kind is not NodeKind.ACTION else callee if target is None or target.action is None else target.action.name, flow="" if target is None else target.flow, arguments=arguments,
        type=result, retry=RetryPolicy() if kind is NodeKind.START else policy, default=default,
        timeout_ns=time_limit(builder, name, step.mods.timeout, "timeout"), within_ns=time_limit(builder, name, step.mods.within, "within"),
        was="" if step.mods.was is None else step.mods.was.text, at_most_once=at_most_once,
    )  # fmt: skip
    reads = [argument.value for argument in arguments] + ([default] if default else [])
    builder.add(node, before, inner.condition, reads, join_span)
    span = step.name.span if step.name is not None else step.call.callee.span
    builder.define_step(name, span, result, inner.condition, name, why(builder, inner), has_value=result is not NULL)
    lower_undo(builder, step, name, inner)
    return (name,)


def _warn_repeat(builder: FlowBuilder, spec: ActionSpec, step: s.CallStep) -> None:
    """W501 for a retry of the step, or one of the flow that holds for it too."""
    span = step.mods.span("retry")
    if spec.effect is Effect.EFFECTFUL and not spec.takes_key:
        head = step.call.callee.span if span is None else Span(span.start, span.start + len("retry"))
        builder.report(
            "W501", "a retry may repeat the effect" if span is not None else "the retry of the flow may repeat the effect", head,
            f"`{spec.name}` is effectful and takes no effect key",
            "let the action take one, declare it idempotent if doing it twice does no harm, or write `on unknown fail`",
        )  # fmt: skip


def _warn_repeated_call(builder: FlowBuilder, action: str, step: s.CallStep) -> None:
    """W501 for a flow that is called again: each attempt is a run of its own, with all that it does."""
    if not action:
        return
    span, callee = step.mods.span("retry"), step.call.callee
    builder.report(
        "W501", "a retry may repeat the effect" if span is not None else "the retry of the flow may repeat the effect",
        callee.span if span is None else Span(span.start, span.start + len("retry")),
        f"`{callee.text}` calls `{action}`, which is effectful and takes no effect key",
        "retry the step in the flow that is called, let the action take a key, or write `on unknown fail` there",
    )  # fmt: skip


def place_step(
    builder: FlowBuilder, name: str, mods: s.Modifiers, place: Place, before: Tails
) -> tuple[Place, Tails, Join | None, Span | None]:
    """The place of a step under its `after` and `when`; the join goes to the `when` if there is one."""
    join = None if mods.after is None else lower_join(builder, mods.after)
    join_span = None if mods.after is None else mods.after.span
    place = place.with_condition(join_condition(builder, join, name)).with_join(join)
    if join is not None:
        before = ()
        _define_join(builder, name, join)
    if mods.when is None:
        return place, before, join, join_span
    gate, narrowed = when_gate(builder, name, mods.when, place, before)
    if join is not None:
        gated = builder.nodes[gate]
        gated.node = attrs.evolve(gated.node, join=join)
        gated.join_span = join_span
    # The gate carries the join; the step behind it waits for whatever it reads.
    return attrs.evolve(place.behind_gate(gate, 1, narrowed), unawaited=frozenset()), (gate,), None, None


def _define_join(builder: FlowBuilder, name: str, join: Join) -> None:
    if join.kind in {JoinKind.ANY, JoinKind.N_OF}:
        builder.names.define_gate(f"{name}.after", 2)


def lower_wait(builder: FlowBuilder, step: s.WaitStep, place: Place, before: Tails) -> Tails:
    """Lower `wait 2d` and `wait until t`."""
    word = "wait until" if step.is_until else "wait"
    name = step.name.text if step.name is not None else builder.generated_id("wait", builder.text(step.value.span))
    refuse_modifiers(builder, step.mods, _OF_OTHERS, f"`{word}`")
    inner, before, join, join_span = place_step(builder, name, step.mods, place, before)
    wanted = Wanted(TIMESTAMP if step.is_until else DURATION, f"`{word}` takes")
    expression = builder.checker.expression(step.value, builder.view(inner), wanted)
    kind = NodeKind.WAIT_UNTIL if step.is_until else NodeKind.WAIT
    nanos = wait_length(expression)
    if nanos is not None and expression is not None:
        builder.lengths[name] = [Length(expression.span, nanos, "this wait")]
    node = Node(
        id=name, kind=kind, span=step.span, doc=step.doc, effect=Effect.TRANSACTIONAL, gate=inner.gate, scope=inner.scope, join=join,
        expression=expression, type=NULL, was="" if step.mods.was is None else step.mods.was.text,
    )  # fmt: skip
    builder.add(node, before, inner.condition, [expression] if expression else [], join_span)
    if step.name is not None:
        builder.define_step(name, step.name.span, NULL, inner.condition, name, "", has_value=False)
    return (name,)


def lower_emit(builder: FlowBuilder, step: s.Emit, place: Place, before: Tails) -> Tails:
    """Lower `emit "x" (…)`."""
    name = builder.generated_id("emit", step.event.value)
    refuse_modifiers(builder, step.mods, _OF_EMIT, "`emit`")
    inner, before, join, join_span = place_step(builder, name, step.mods, place, before)
    event = builder.declarations.events.get(step.event.value)
    arguments: tuple[Argument, ...] = ()
    if event is None:
        report_unknown_event(builder, step.event)
        for arg in step.args:
            builder.checker.check(arg.value, builder.view(inner))
    else:
        check_emit(builder, step.event)
        shown = f'emit "{event.name}"'
        arguments = lower_arguments(builder, shown, step.args, event.payload.fields, inner, step.close)
    node = Node(
        id=name, kind=NodeKind.EMIT, span=step.span, doc=step.doc, effect=Effect.TRANSACTIONAL, gate=inner.gate, scope=inner.scope,
        join=join, event=step.event.value, arguments=arguments, type=UNKNOWN if event is None else event.payload,
    )  # fmt: skip
    builder.add(node, before, inner.condition, [argument.value for argument in arguments], join_span)
    return (name,)


def report_unknown_event(builder: FlowBuilder, event: s.Text) -> None:
    """E206, unless its declaration has been complained about."""
    if builder.declarations.may_be_broken(event.value):
        return
    meant = nearest(event.value, list(builder.declarations.events))
    # A quote that is missing at the end of a line leaves nothing between the two.
    inner = Span(event.span.start + 1, max(event.span.start + 1, event.span.end - 1))
    fix = Fix("replace", is_safe=True, edits=(Edit(inner, meant),)) if meant else None
    help_ = f"did you mean `{meant}`?" if meant else f'declare it: `event "{event.value}" {{ … }}`'
    builder.report("E206", f"unknown event `{event.value}`", inner, "no event of this name is declared", help_, fix)


def lower_let(builder: FlowBuilder, step: s.Let, place: Place, before: Tails) -> Tails:
    """Lower `let`; with a type, the value is one of that type from here on."""
    wanted = None
    if step.type is not None:
        wanted = Wanted(builder.declarations.resolve(step.type), f"`{step.name.text}` takes")
    expression = builder.checker.expression(step.value, builder.view(place), wanted)
    type_ = wanted.type if wanted is not None else expression.type if expression is not None else UNKNOWN
    name = step.name.text
    node = Node(
        id=name,
        kind=NodeKind.LET,
        span=step.span,
        doc=step.doc,
        gate=place.gate,
        scope=place.scope,
        expression=expression,
        type=type_,
    )
    builder.add(node, before, place.condition, [expression] if expression else [])
    builder.define_step(name, step.name.span, type_, place.condition, name, why(builder, place))
    builder.lets[name] = step.name.span
    return (name,)


def lower_end(builder: FlowBuilder, step: s.Return | s.Stop | s.Fail, place: Place, before: Tails) -> Tails:
    """Lower `return`, `stop` and `fail`."""
    kind: NodeKind
    word: str
    value: Expr | None
    match step:
        case s.Return():
            kind, word, value = NodeKind.RETURN, "return", step.value
        case s.Stop():
            kind, word, value = NodeKind.STOP, "stop", step.reason
        case s.Fail():  # pragma: no branch - there are no others
            kind, word, value = NodeKind.FAIL, "fail", step.reason
    if builder.outer is not None and kind is not NodeKind.FAIL:
        return _refuse_end(builder, step, word, place, before)
    expression: Expression | None = None
    if value is not None:
        expression = builder.checker.expression(value, builder.view(place), _result(builder, step, word))
    node = Node(
        id=builder.generated_id(word, builder.text(step.span)), kind=kind, span=step.span, doc=step.doc, gate=place.gate, scope=place.scope,
        expression=expression, type=NULL if expression is None else expression.type,
    )  # fmt: skip
    builder.add(node, before, place.condition, [expression] if expression else [])
    return (node.id,)


def _refuse_end(builder: FlowBuilder, step: s.Return | s.Stop | s.Fail, word: str, place: Place, before: Tails) -> Tails:
    """E319: an item cannot end the run, which has others."""
    value = step.value if isinstance(step, s.Return) else step.reason
    if value is not None:
        builder.checker.check(value, builder.view(place))
    head = Span(step.span.start, step.span.start + len(word))
    fix = Fix("`yield`", is_safe=False, edits=(Edit(head, "yield"),)) if isinstance(step, s.Return) else None
    builder.report(
        "E319", f"`{word}` cannot end the run from inside a loop", head, "the other items go on",
        "to give the item a value, write `yield`; to end the item, `filter`; to end it with an error, `fail`", fix,
    )  # fmt: skip
    return before


def _result(builder: FlowBuilder, step: s.Return | s.Stop | s.Fail, word: str) -> Wanted:
    if not isinstance(step, s.Return):
        return Wanted(STRING, f"`{word}` takes")
    if builder.result is None:
        head = Span(step.span.start, step.span.start + len("return"))
        builder.report(
            "E314",
            "this flow declares no result",
            head,
            "nothing would receive the value",
            "write the result's type after the parameters: `-> {sent: string}`",
        )
        return Wanted(UNKNOWN, "`return` takes")
    return Wanted(builder.result, "`return` takes")


def unnamed_twice(builder: FlowBuilder, step: s.CallStep, name: str, first: Span, *, is_input: bool) -> None:
    """E205: two calls that would have the same id."""
    args = {arg.name.text: builder.text(arg.value.span) for arg in step.call.args if arg.name is not None}
    word = args.get("template", "").strip("\"'")
    proposal = word if word.isidentifier() and word not in builder.names.lines else f"{name}_2"
    fix = Fix(
        f"`{proposal} = {step.call.callee.text}(...)`",
        is_safe=True,
        edits=(Edit(Span(step.call.span.start, step.call.span.start), f"{proposal} = "),),
    )
    title = f"this `{name}` step needs a name" if is_input else f"two unnamed `{name}` steps"
    label = f"the flow's parameter is also named `{name}`" if is_input else f"the other one is on line {builder.line(first)}"
    builder.report(
        "E205", title, step.call.callee.span, label, "name them, so that runs in progress survive later edits" if not is_input
        else "an unnamed step takes its action's name; give this one another name", fix,
    )  # fmt: skip


def duplicate_name(builder: FlowBuilder, name: s.Ident, first: Span, *, is_input: bool) -> None:
    """E204: a duplicate name."""
    count = 2
    while f"{name.text}_{count}" in builder.names.lines:
        count += 1
    label = "the flow has it from the beginning" if is_input else f"first used on line {builder.line(first)}"
    fix = Fix(f"`{name.text}_{count}`", is_safe=False, edits=(Edit(name.span, f"{name.text}_{count}"),))
    what = "is taken" if is_input else "is used twice"
    builder.report(
        "E204",
        f"step name `{name.text}` {what}",
        name.span,
        label,
        "names are unique in the whole flow: they identify running work",
        fix,
    )
