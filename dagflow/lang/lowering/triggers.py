"""Lowering of `on …`: the triggers of runs, and the input that they pass."""

from __future__ import annotations

import re
from typing import Final

import attrs

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.expr import tree
from dagflow.lang.check.assignability import is_assignable
from dagflow.lang.check.declarations import readable
from dagflow.lang.check.symbols import Names, Symbol, SymbolKind, View
from dagflow.lang.check.type_checker import Wanted
from dagflow.lang.lowering.arguments import lower_arguments
from dagflow.lang.lowering.builder import FlowBuilder, Place
from dagflow.lang.lowering.schedules import SCHEDULES, lower_schedule
from dagflow.lang.lowering.steps import report_unknown_event
from dagflow.lang.syntax import tree as s
from dagflow.model.flow import Argument, Trigger, TriggerKind
from dagflow.model.types import BOOL, JSON, UNKNOWN, Field, RecordType, Type

#: Part of an address.
_WEBHOOK: Final = re.compile(r"[A-Za-z0-9._~-]{1,100}")
_NO_INPUT: Final = RecordType("", ())


def input_of_triggers(builder: FlowBuilder, triggers: list[s.OnSetting]) -> tuple[RecordType, str]:
    """The input of a flow without parameters, and its name: the payload of the triggers. They have to agree."""
    inputs = [(setting, found) for setting in triggers if (found := _brought(builder, setting)) is not None]
    if not inputs:
        return _NO_INPUT, ""
    first, (input_, binding) = inputs[0]
    shown = _described(first, input_, binding)
    for setting, other in inputs[1:]:
        if other != (input_, binding):
            assert setting.bind is not None  # noqa: S101 - a setting with a payload has a name
            _report_different(builder, setting.bind.span, f"the first one gives {shown}")
    for setting in triggers:
        # A cron has no payload; that of `manual` can be anything.
        if setting.kind in SCHEDULES:
            span = Span(setting.span.start, setting.span.start + len(f"on {setting.kind}"))
            _report_different(builder, span, f"this one gives nothing, another one gives {shown}")
    return input_, binding


def _described(setting: s.OnSetting, input_: RecordType, binding: str) -> str:
    if binding:
        return f"`{binding}`: {readable(input_)}"
    name = "" if setting.bind is None else setting.bind.name.text
    return f"`{name}`: json"


def _report_different(builder: FlowBuilder, span: Span, label: str) -> None:
    builder.report(
        "E318", "these triggers give different inputs", span, label,
        "give the flow parameters, and each trigger a `with (…)` that fills them",
    )  # fmt: skip


def _brought(builder: FlowBuilder, setting: s.OnSetting) -> tuple[RecordType, str] | None:
    """The input from the payload of one trigger, and its name; a webhook's json is a field of that name."""
    if setting.bind is None:
        return None
    name = setting.bind.name.text
    if _is_untyped(builder, setting):
        return RecordType("", (Field(name, JSON),)), ""
    payload = _payload(builder, setting, report=False)
    return None if payload is None else (payload, name)


def _is_untyped(builder: FlowBuilder, setting: s.OnSetting) -> bool:
    if setting.kind != "webhook":
        return False
    declared = None if setting.bind is None else setting.bind.type
    return declared is None or builder.declarations.resolve(declared) is JSON


def define_input(builder: FlowBuilder, name: str, type_: Type, span: Span) -> None:
    """Make a part of the input readable."""
    if name in {"now", "run", "trigger", "secrets"}:
        builder.report(
            "E204", f"the name `{name}` is taken", span, "every flow has it from the beginning", "choose another name"
        )
        return
    builder.names.define(Symbol(name, SymbolKind.CONSTANT, type_, span, builder.line(span)))


def _payload(builder: FlowBuilder, setting: s.OnSetting, *, report: bool) -> RecordType | None:
    """The type of a trigger's payload; None for `manual` without a type, and for an unknown one."""
    declared: Type | None = None
    if setting.bind is not None and setting.bind.type is not None:
        declared = builder.declarations.resolve(setting.bind.type)
    if setting.kind == "event" and setting.subject is not None:
        event = builder.declarations.events.get(setting.subject.value)
        if event is None and declared is None:
            if report:
                report_unknown_event(builder, setting.subject)
            return None
        if event is not None and isinstance(declared, RecordType) and report:
            _check_payload(builder, setting, event.payload, declared)
        if declared is None and event is not None:
            return event.payload
    if declared is None or isinstance(declared, RecordType):
        return declared
    if report and declared is not UNKNOWN and setting.bind is not None:
        builder.report(
            "E307",
            f"a payload is a record, got {readable(declared)}",
            setting.bind.span,
            "not a record",
            "declare a `type` with fields",
        )
    return None


def _check_payload(builder: FlowBuilder, setting: s.OnSetting, payload: RecordType, declared: Type) -> None:
    assert setting.bind is not None  # noqa: S101 - the caller saw its type
    if not is_assignable(attrs.evolve(payload, name=getattr(declared, "name", "")), declared):
        builder.report(
            "E307", f"the event carries {readable(payload)}, not {readable(declared)}", setting.bind.span, "another type than the event's",
            "leave the type out, or correct one of the two",
        )  # fmt: skip


def lower_trigger(
    builder: FlowBuilder, setting: s.OnSetting, input_: RecordType, binding: str, *, has_params: bool
) -> Trigger | None:
    """Lower one `on …`.

    Args:
        input_, binding: the flow's.
        has_params: whether the flow has parameters, to be filled by `with`.

    Returns:
        None if an error in its payload has been reported.
    """
    if setting.kind in SCHEDULES and setting.bind is not None:
        builder.report(
            "E316", f"`as` does not fit `on {setting.kind}`", setting.bind.span, "a schedule brings nothing; `now` is when it was due",
            "remove it", Fix("delete", is_safe=False, edits=(Edit(setting.bind.span, ""),)),
        )  # fmt: skip
    is_untyped = _is_untyped(builder, setting)
    payload = None if setting.kind in SCHEDULES or is_untyped else _payload(builder, setting, report=True)
    if payload is None and not is_untyped and setting.bind is not None and (setting.kind != "manual" or setting.bind.type):
        _define_refused(builder, setting.bind, binding, has_params=has_params)
    if payload is None and setting.kind == "event":
        return None
    names = _names(builder, setting, JSON if is_untyped else payload)
    view = View(names, frozenset(), frozenset())
    n_before = len(builder.diagnostics)
    when = None if setting.when is None else builder.checker.expression(setting.when, view, Wanted(BOOL, "`when` takes"))
    if setting.when is not None and setting.bind is None and setting.kind == "event":
        _explain_unnamed(builder, setting, n_before)
    return Trigger(
        kind=TriggerKind.CRON if setting.kind in SCHEDULES else TriggerKind(setting.kind),
        event=setting.subject.value if setting.kind == "event" and setting.subject is not None else "",
        webhook=_webhook(builder, setting),
        schedule=lower_schedule(builder, setting),
        payload=payload,
        binding="" if setting.bind is None else setting.bind.name.text,
        when=when,
        mapping=_mapping(builder, setting, input_, names, payload, has_params=has_params),
    )


def explain_unnamed_event(builder: FlowBuilder, triggers: list[s.OnSetting], n_before: int) -> None:
    """Say of names that a flow does not know how the event that starts it gets one.

    Args:
        n_before: how many diagnostics there were before the flow's statements.
    """
    events = [setting for setting in triggers if setting.kind == "event"]
    if len(events) == 1 and events[0].bind is None:
        _explain_unnamed(builder, events[0], n_before)


def _explain_unnamed(builder: FlowBuilder, setting: s.OnSetting, n_before: int) -> None:
    """Complete E202 for what is most likely the event, or a part of it."""
    payload = _payload(builder, setting, report=False)
    text = builder.source.text
    for i, each in enumerate(builder.diagnostics[n_before:], n_before):
        if each.code != "E202" or each.help or setting.subject is None or not each.title.startswith("unknown name"):
            continue
        word = builder.text(each.span)
        is_part = payload is not None and payload.field(word) is not None
        if not is_part and text[each.span.end : each.span.end + 1] == ".":
            help_ = f"name the event: `on event {builder.text(setting.subject.span)} as {word}`"
            edits = [Edit(Span(setting.subject.span.end, setting.subject.span.end), f" as {word}")]
        else:
            help_ = f"name the event: `as ev`, and read `ev.{word}`"
            edits = [
                Edit(Span(setting.subject.span.end, setting.subject.span.end), " as ev"),
                Edit(Span(each.span.start, each.span.start), "ev."),
            ]
        fix = Fix("name the event", is_safe=False, edits=tuple(edits))
        builder.diagnostics[i] = attrs.evolve(each, help=help_, fix=fix)


def _names(builder: FlowBuilder, setting: s.OnSetting, payload: Type | None) -> Names:
    names = Names()
    for constant in ("now", "trigger"):
        names.define(builder.names.symbols[constant])
    if setting.bind is not None and payload is not None:
        span = setting.bind.name.span
        names.define(Symbol(setting.bind.name.text, SymbolKind.CONSTANT, payload, span, builder.line(span)))
    return names


def _webhook(builder: FlowBuilder, setting: s.OnSetting) -> str:
    if setting.kind != "webhook" or setting.subject is None:
        return ""
    name = setting.subject.value
    if not _WEBHOOK.fullmatch(name):
        builder.report(
            "E316", "this cannot be the name of a webhook", setting.subject.span, "becomes a part of an address",
            "write 1 to 100 letters, digits, `-`, `.` or `_`",
        )  # fmt: skip
    return name


def _define_refused(builder: FlowBuilder, bind: s.Bind, binding: str, *, has_params: bool) -> None:
    """Define the payload of a trigger with errors as unknown, so that its uses are not reported."""
    if not has_params and not binding and bind.name.text not in builder.names.symbols:
        define_input(builder, bind.name.text, UNKNOWN, bind.name.span)


def _mapping(
    builder: FlowBuilder,
    setting: s.OnSetting,
    input_: RecordType,
    names: Names,
    payload: RecordType | None,
    *,
    has_params: bool,
) -> tuple[Argument, ...] | None:
    """What fills the input: `with (…)`; for a webhook's json the field it is; None where the payload is the input."""
    if setting.mapping is not None and has_params:
        return _arguments(builder, setting, setting.mapping, input_, names)
    if setting.mapping is not None:
        assert setting.mapping_span is not None  # noqa: S101 - set together with the mapping
        builder.report(
            "E316", "`with` fills parameters, and this flow has none", setting.mapping_span, "nothing to fill",
            "give the flow parameters, or leave `with` out",
        )  # fmt: skip
        return None
    if not has_params:
        bind = setting.bind
        is_input = bind is not None and input_.field(bind.name.text) is not None
        if bind is None or not is_input or not _is_untyped(builder, setting):
            return None  # the payload is the input, or has been complained about
        return _arguments(
            builder, setting, (s.Arg(bind.span, bind.name, tree.Name(bind.name.span, bind.name.text)),), input_, names
        )
    if _leaves_unfilled(setting, payload, input_):
        _report_unfilled(builder, setting, input_, payload)
    return None


def _leaves_unfilled(setting: s.OnSetting, payload: RecordType | None, input_: RecordType) -> bool:
    if payload is not None:
        return not is_assignable(attrs.evolve(payload, name=""), attrs.evolve(input_, name=""))
    return setting.kind in {*SCHEDULES, "webhook"} and any(field.is_required for field in input_.fields)


def _arguments(
    builder: FlowBuilder, setting: s.OnSetting, args: tuple[s.Arg, ...], input_: RecordType, names: Names
) -> tuple[Argument, ...]:
    end = setting.mapping_span.end if setting.mapping_span is not None else setting.span.end
    mine = builder.names
    builder.names = names
    arguments = lower_arguments(builder, "the flow", args, input_.fields, Place(), Span(end - 1, end))
    builder.names = mine
    return arguments


def _report_unfilled(builder: FlowBuilder, setting: s.OnSetting, input_: RecordType, payload: RecordType | None) -> None:
    binding = setting.bind.name.text if setting.bind else "e"
    known = payload.fields if payload is not None else ()
    names = {field.name for field in known}
    wanted = [field for field in input_.fields if field.is_required or field.name in names]
    filled = ", ".join(
        f"{field.name}: {binding}.{field.name}" if field.name in names else f"{field.name}: …" for field in wanted
    )
    insertion = f"{'' if setting.bind or payload is None else ' as e'} with ({filled})"
    fix = None
    if "…" not in filled:
        edits = (Edit(Span(setting.span.end, setting.span.end), insertion),)
        fix = Fix(f"`{insertion.strip()}`", is_safe=False, edits=edits)
    label = f"the event carries {readable(payload)}" if payload is not None else "brings nothing"
    if payload is None and setting.kind == "webhook":
        label = "brings json, which may be anything"
    builder.report(
        "E305", "this trigger does not fill the flow's parameters", setting.span, label,
        f"say what each parameter gets: `{insertion.strip()}`", fix,
    )  # fmt: skip
