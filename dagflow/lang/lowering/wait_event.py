"""Lowering of `wait event`: a node that is a gate as well, so that its `else`, and what may be absent behind it, are those of a condition."""

from __future__ import annotations

from typing import Final

import attrs

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.lang.check.assignability import is_assignable
from dagflow.lang.check.declarations import readable
from dagflow.lang.check.symbols import Symbol, SymbolKind
from dagflow.lang.check.type_checker import Wanted
from dagflow.lang.lowering.builder import FlowBuilder, Place
from dagflow.lang.lowering.gates import LowerBlock, Tails
from dagflow.lang.lowering.modifiers import refuse_modifiers, time_limit, word_span
from dagflow.lang.lowering.steps import place_step, report_unknown_event
from dagflow.lang.syntax import tree as s
from dagflow.model.action import Effect
from dagflow.model.flow import Expression, Node, NodeKind
from dagflow.model.types import BOOL, UNKNOWN, RecordType, Type

_MODIFIERS: Final = frozenset({"after", "when", "within", "was"})
_OUTCOMES: Final = ("timed out", "in time")
#: As long as a run may live.
_MOST_NS: Final = 366 * 86_400_000_000_000


def lower_wait_event(builder: FlowBuilder, step: s.WaitEventStep, place: Place, before: Tails, lower: LowerBlock) -> Tails:
    """Lower `wait event "x" as e when … within 3d else {…}`."""
    words = builder.text(Span(step.event.span.start, _end(step)))
    name = step.name.text if step.name is not None else builder.generated_id("wait", words)
    refuse_modifiers(builder, step.mods, _MODIFIERS, "`wait event`")
    # Its `when` says which event is meant, not whether the step runs.
    inner, before, join, join_span = place_step(builder, name, attrs.evolve(step.mods, when=None), place, before)
    payload = event_payload(builder, step.event, step.bind)
    condition = _condition(builder, step, payload, inner)
    node = Node(
        id=name, kind=NodeKind.WAIT_EVENT, span=step.span, doc=step.doc, effect=Effect.TRANSACTIONAL, gate=inner.gate,
        scope=inner.scope, join=join, event=step.event.value, expression=condition, outcomes=_OUTCOMES, type=payload,
        within_ns=_within(builder, step, name), was="" if step.mods.was is None else step.mods.was.text, binding="" if step.bind is None else step.bind.name.text,
    )  # fmt: skip
    builder.names.define_gate(name, len(_OUTCOMES))
    builder.add(node, before, inner.condition, [condition] if condition else [], join_span)
    if step.name is not None:
        why = f'has a value only when "{step.event.value}" comes in time (line {builder.line(step.span)})'
        builder.define_step(name, step.name.span, payload, inner.condition | {(name, 1)}, name, why)
    others: Tails = ()
    if step.otherwise is not None:
        late = attrs.evolve(inner, unawaited=frozenset()).behind_gate(name, 0)
        others = lower(step.otherwise.statements, late, (name,))
        builder.known[step] = builder.behind(step.otherwise.statements, late.condition)
    return tuple(dict.fromkeys((name, *others)))


def _end(step: s.WaitEventStep) -> int:
    """The end of the event of a wait: its condition, else its `as`, else its name."""
    if step.mods.when is not None:
        return step.mods.when.span.end
    return step.bind.span.end if step.bind is not None else step.event.span.end


def event_payload(builder: FlowBuilder, event: s.Text, bind: s.Bind | None) -> Type:
    """The payload type of an event: as it is declared, or as its name says; UNKNOWN if an error has been reported."""
    declared = builder.declarations.events.get(event.value)
    wanted = None if bind is None or bind.type is None else builder.declarations.resolve(bind.type)
    if wanted is None or bind is None:
        if declared is None:
            report_unknown_event(builder, event)
        return UNKNOWN if declared is None else declared.payload
    if not isinstance(wanted, RecordType):
        if wanted is not UNKNOWN:
            builder.report(
                "E307", f"an event carries a record, not {readable(wanted)}", bind.span, "not a record",
                "declare a `type` with fields",
            )  # fmt: skip
        return UNKNOWN
    if declared is None:
        return wanted
    if not is_assignable(attrs.evolve(declared.payload, name=getattr(wanted, "name", "")), wanted):
        builder.report(
            "E307", f"the event carries {readable(declared.payload)}, not {readable(wanted)}", bind.span,
            "another type than the event's", "leave the type out, or correct one of the two",
        )  # fmt: skip
    return wanted


def _condition(builder: FlowBuilder, step: s.WaitEventStep, payload: Type, place: Place) -> Expression | None:
    """The `when`, which reads the event by its name as well as all the step sees."""
    condition = step.mods.when
    if condition is None:
        return None
    wanted = Wanted(BOOL, "`when` takes")
    if step.bind is None:
        return builder.checker.expression(condition, builder.view(place), wanted)
    name = step.bind.name
    shadowed = builder.names.symbols.get(name.text)
    builder.names.define(Symbol(name.text, SymbolKind.CONSTANT, payload, name.span, builder.line(name.span)))
    expression = builder.checker.expression(condition, builder.view(place), wanted)
    del builder.names.symbols[name.text]
    if shadowed is not None:
        builder.names.define(shadowed)
    if expression is None:
        return None
    # No step of that name is read, so there is none to come after.
    return attrs.evolve(expression, reads=tuple(read for read in expression.reads if read != name.text))


def _within(builder: FlowBuilder, step: s.WaitEventStep, node: str) -> int | None:
    within = step.mods.within
    if within is None:
        if "within" not in {word for word, _ in step.mods.spans}:  # pragma: no branch - one without a value has been refused
            head = word_span(builder, step, "wait").to(step.event.span)
            fix = Fix("append `within 1d`", is_safe=False, edits=(Edit(Span(_end(step), _end(step)), " within 1d"),))
            builder.report(
                "E504",
                "this wait could last for ever",
                head,
                "no time limit",
                "say how long, and with `else` what happens then",
                fix,
            )
        return None
    nanos = time_limit(builder, node, within, "within")
    if nanos is not None and nanos > _MOST_NS:
        builder.report("E316", "a wait lasts 366 days at most", within.span, "longer than that", "write `within 366d` or less")
    return nanos
