"""From an event to the input of a run, if its flow wants one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import cast

from dagflow.errors import EvaluationError, UsageError
from dagflow.execution.evaluate import as_record
from dagflow.execution.input import filled_in
from dagflow.execution.program import Program, TriggerCode
from dagflow.expr.codegen.emit import compile_cores
from dagflow.expr.codegen.equalities import equalities
from dagflow.model.action import Interface
from dagflow.model.correlation_key import key_of, path_text
from dagflow.model.flow import Flow, Trigger, TriggerKind
from dagflow.model.types import JSON, RecordType
from dagflow.model.values import Secret, Timestamp
from dagflow.model.wire import codec as wire


def input_for(program: Program, event: str, payload: object, now: int) -> Mapping[str, object] | None:
    """The input of the run that the event starts, in stored form; None if no trigger's `when` is true of it.

    Args:
        program: the flow's.
        event: its name.
        payload: as JSON values.
        now: what `now` reads as in the trigger.

    Raises:
        UsageError: the flow has no trigger for the event.
        WireError: the payload is not of the event's type, or the result is not of the input's.
        EvaluationError: an expression of the trigger failed.
    """
    triggers = [
        (trigger, code)
        for trigger, code in zip(program.flow.triggers, program.triggers, strict=True)
        if trigger.kind is TriggerKind.EVENT and trigger.event == event
    ]
    if not triggers:
        raise UsageError(f"the flow {program.flow.name!r} has no trigger `on event {event!r}`; {_known(program)}")
    for trigger, code in triggers:
        found = _input(program, trigger, code, payload, now)
        if found is not None:
            return found
    return None


def subscriptions_of(flow: Flow) -> Iterator[tuple[str, str, str]]:
    """The events that start a flow, each with what its payload must carry: the path to a value, and its key, see `model.correlation_key`.

    Both are "" for a trigger that compares no field with a constant.
    """
    for trigger in flow.triggers:
        if trigger.kind is TriggerKind.EVENT:
            yield trigger.event, *_required(trigger)


def _required(trigger: Trigger) -> tuple[str, str]:
    if trigger.when is not None and trigger.binding:
        for equality in equalities(trigger.when.core, trigger.binding):
            if not equality.reads:
                (evaluate,) = compile_cores([equality.core])
                try:
                    key = key_of(evaluate({}))
                except EvaluationError:
                    continue
                if key is not None:
                    return path_text(equality.path), key
    return "", ""


def cron_input(program: Program, number: int, now: int) -> Mapping[str, object] | None:
    """The input of the run that a schedule starts, in stored form; None if its `when` is not true.

    Args:
        program: the flow's.
        number: of the schedule, among those of the flow.
        now: when it was due.

    Raises:
        WireError: the result is not of the input's type.
        EvaluationError: an expression of the trigger failed.
    """
    triggers = zip(program.flow.triggers, program.triggers, strict=True)
    trigger, code = [each for each in triggers if each[0].kind is TriggerKind.CRON][number]
    return _input(program, trigger, code, {}, now)


def webhook_input(program: Program, name: str, body: object, now: int) -> Mapping[str, object] | None:
    """The input of the run that a webhook starts, in stored form; None if no trigger's `when` is true of it.

    Args:
        program: the flow's.
        name: of the webhook.
        body: as JSON values.
        now: what `now` reads as in the trigger.

    Raises:
        WireError: the body is not of the trigger's type, or the result is not of the input's.
        EvaluationError: an expression of the trigger failed.
    """
    for trigger, code in zip(program.flow.triggers, program.triggers, strict=True):
        if trigger.webhook == name:
            found = _input(program, trigger, code, body, now)
            if found is not None:
                return found
    return None


def check_payload(host: Interface, event: str, payload: object, *, only_strict: bool = False) -> None:
    """Check an event's payload: that it is a record, and that it has the type the host declares. Raises WireError.

    Args:
        host: its declarations.
        event: its name.
        payload: as JSON values.
        only_strict: only if the host allows no other fields; the flow's own declarations are checked elsewhere.
    """
    declared = host.events.get(event)
    if only_strict and (declared is None or not declared.is_strict):
        return
    if declared is None:
        wire.decode(payload, JSON if isinstance(payload, dict) else RecordType("", ()))
        return
    codec = wire.codec(declared.payload)
    (codec if declared.is_strict else codec.open).decode(payload)


def check_expected(programs: Collection[Program], event: str, payload: object) -> None:
    """Raises WireError if runs wait for such events and none of them expects such a payload."""
    problem: wire.WireError | None = None
    for program in programs:
        for node in program.waits.get(event, ()):
            try:
                program.codes[node].codec.open.decode(payload)
            except wire.WireError as error:
                problem = problem or error
            else:
                return
    if problem is not None:
        raise problem


def _input(program: Program, trigger: Trigger, code: TriggerCode, payload: object, now: int) -> Mapping[str, object] | None:
    value: object = payload if trigger.payload is None else wire.codec(trigger.payload).open.decode(payload)
    bindings: dict[str, object] = {
        "now": Timestamp(now),
        "trigger": {"kind": str(trigger.kind), "name": trigger.event or trigger.webhook},
    }
    bindings["secrets"] = {name: Secret(name) for name in program.flow.secrets}
    bindings |= {trigger.binding: value} if trigger.binding else _fields(value)
    if code.when is not None and not code.when.holds(bindings):
        return None
    if code.mapping is not None:
        return filled_in(program, {name: typed(bindings) for name, typed in code.mapping})
    # A webhook without a type brings json, which is a field of the name it has.
    is_field = trigger.kind is TriggerKind.WEBHOOK and trigger.payload is None and not program.flow.binding
    return filled_in(program, {trigger.binding: value} if is_field and trigger.binding else as_record(value))


def _fields(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _known(program: Program) -> str:
    events = sorted({trigger.event for trigger in program.flow.triggers if trigger.kind is TriggerKind.EVENT})
    return f"it has {', '.join(map(repr, events))}" if events else "it has no event triggers; start it with an input"
