"""The head of a flow: its input, result, triggers and policies."""

from __future__ import annotations

from typing import Final

import attrs

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.lang import syntax as s
from dagflow.lang.assign import is_assignable
from dagflow.lang.calls import lower_arguments
from dagflow.lang.checking import Wanted
from dagflow.lang.declarations import readable
from dagflow.lang.drafts import FlowDraft, Place
from dagflow.lang.modifiers import length, lower_retry, refusal
from dagflow.lang.names import Names, Symbol, SymbolKind, View
from dagflow.lang.steps import report_unknown_event
from dagflow.model.flow import Argument, RetryPolicy, Trigger, TriggerKind
from dagflow.model.types import BOOL, STRING, TIMESTAMP, UNKNOWN, Field, RecordType, SecretType, Type

DAY_NS: Final = 86_400_000_000_000
DEFAULT_TIMEOUT_NS: Final = 30 * DAY_NS
#: What a flow may ask for; a host may allow less.
MOST_TIMEOUT_NS: Final = 366 * DAY_NS

RUN: Final = RecordType("Run", (Field("id", STRING), Field("started_at", TIMESTAMP), Field("flow", STRING)))
TRIGGER: Final = RecordType("Trigger", (Field("kind", STRING), Field("name", STRING)))


@attrs.define(eq=False)
class Head:
    """What the head of a flow says."""

    input: RecordType
    binding: str = ""
    triggers: tuple[Trigger, ...] = ()
    timeout_ns: int = DEFAULT_TIMEOUT_NS
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)


def lower_head(draft: FlowDraft, decl: s.FlowDecl) -> Head:
    """Lower parameters and settings, and make the input's names readable."""
    head = Head(RecordType("", draft.declarations.fields(decl.params or ())))
    triggers = [setting for setting in decl.settings if isinstance(setting, s.OnSetting)]
    if decl.params is None:
        _input_from_triggers(draft, head, triggers)
    _define_input(draft, decl, head, triggers)
    head.triggers = tuple(
        trigger
        for setting in triggers
        if (trigger := _trigger(draft, setting, head, has_params=decl.params is not None)) is not None
    )
    seen: dict[str, Span] = {}
    for setting in decl.settings:
        _policy(draft, head, setting, seen)
    draft.retry = head.retry
    return head


def _policy(draft: FlowDraft, head: Head, setting: s.Setting, seen: dict[str, Span]) -> None:
    match setting:
        case s.TimeoutSetting():
            if _is_first(draft, "timeout", setting.span, seen):
                nanos = length(draft, setting.value, "`timeout` takes")
                if nanos is not None and nanos > MOST_TIMEOUT_NS:
                    draft.report(
                        "E316",
                        "a run lives 366 days at most",
                        setting.value.span,
                        "longer than that",
                        "write `timeout 366d` or less",
                    )
                head.timeout_ns = nanos or DEFAULT_TIMEOUT_NS
        case s.RetrySetting():
            if _is_first(draft, "retry", setting.span, seen):
                head.retry = lower_retry(draft, setting.retry)
        case s.OtherSetting():
            draft.diagnostics.append(refusal(setting.word, Span(setting.span.start, setting.span.start + len(setting.word))))
        case s.OnSetting() | s.BrokenSetting():  # pragma: no branch - there are no others
            pass


def _is_first(draft: FlowDraft, word: str, span: Span, seen: dict[str, Span]) -> bool:
    if word in seen:
        head = Span(span.start, span.start + len(word))
        draft.report(
            "E317", f"`{word}` is given twice", head, f"given before on line {draft.line(seen[word])}", "remove one of them"
        )
        return False
    seen[word] = span
    return True


def _input_from_triggers(draft: FlowDraft, head: Head, triggers: list[s.OnSetting]) -> None:
    """Without parameters, the payload of the triggers is the input; they have to agree on its name and type."""
    bound = [(setting, payload) for setting in triggers if (payload := _payload(draft, setting, report=False)) is not None]
    named = [(setting.bind, payload) for setting, payload in bound if setting.bind is not None]
    if not named:
        return
    first, payload = named[0]
    assert first is not None  # noqa: S101 - only those with a name are here
    head.binding = first.name.text
    head.input = payload
    for bind, other in named[1:]:
        assert bind is not None  # noqa: S101 - as above
        if bind.name.text != head.binding or other != payload:
            draft.report(
                "E318", "these triggers give different inputs", bind.span, f"the first one gives `{head.binding}`: {readable(payload)}",
                "give the flow parameters, and each trigger a `with (…)` that fills them",
            )  # fmt: skip


def _define_input(draft: FlowDraft, decl: s.FlowDecl, head: Head, triggers: list[s.OnSetting]) -> None:
    constants: dict[str, Type] = {"now": TIMESTAMP, "run": RUN, "trigger": TRIGGER}
    secrets = tuple(Field(name, SecretType(STRING)) for name in draft.secrets)
    if secrets:
        constants["secrets"] = RecordType("Secrets", secrets)
    for name, type_ in constants.items():
        draft.names.define(Symbol(name, SymbolKind.CONSTANT, type_, decl.name.span, draft.line(decl.name.span)))
    if head.binding:
        bind = next(setting.bind for setting in triggers if setting.bind is not None)
        _define(draft, head.binding, head.input, bind.name.span)
    spans = {param.name.text: param.name.span for param in reversed(decl.params or ())}
    for field in head.input.fields if decl.params else ():
        _define(draft, field.name, field.type, spans[field.name])


def _define(draft: FlowDraft, name: str, type_: Type, span: Span) -> None:
    if name in {"now", "run", "trigger", "secrets"}:
        draft.report("E204", f"the name `{name}` is taken", span, "every flow has it from the beginning", "choose another name")
        return
    draft.names.define(Symbol(name, SymbolKind.CONSTANT, type_, span, draft.line(span)))


def _payload(draft: FlowDraft, setting: s.OnSetting, *, report: bool) -> RecordType | None:
    """The type of what a trigger brings; None for `manual` without a type, and for what is unknown."""
    declared: Type | None = None
    if setting.bind is not None and setting.bind.type is not None:
        declared = draft.declarations.resolve(setting.bind.type)
    if setting.kind == "event" and setting.subject is not None:
        event = draft.declarations.events.get(setting.subject.value)
        if event is None and declared is None:
            if report:
                report_unknown_event(draft, setting.subject)
            return None
        if event is not None and isinstance(declared, RecordType) and report:
            _check_payload(draft, setting, event.payload, declared)
        if declared is None and event is not None:
            return event.payload
    if declared is None or isinstance(declared, RecordType):
        return declared
    if report and declared is not UNKNOWN and setting.bind is not None:
        draft.report(
            "E307",
            f"a payload is a record, got {readable(declared)}",
            setting.bind.span,
            "not a record",
            "declare a `type` with fields",
        )
    return None


def _check_payload(draft: FlowDraft, setting: s.OnSetting, payload: RecordType, declared: Type) -> None:
    assert setting.bind is not None  # noqa: S101 - the caller saw its type
    if not is_assignable(attrs.evolve(payload, name=getattr(declared, "name", "")), declared):
        draft.report(
            "E307", f"the event carries {readable(payload)}, not {readable(declared)}", setting.bind.span, "another type than the event's",
            "leave the type out, or correct one of the two",
        )  # fmt: skip


def _trigger(draft: FlowDraft, setting: s.OnSetting, head: Head, *, has_params: bool) -> Trigger | None:
    if setting.kind in {"cron", "webhook"}:
        draft.diagnostics.append(
            refusal(f"on {setting.kind}", Span(setting.span.start, setting.span.start + len(f"on {setting.kind}")))
        )
        if setting.bind is not None:
            _define_refused(draft, setting.bind, head, has_params=has_params)
        return None
    payload = _payload(draft, setting, report=True)
    if payload is None and setting.bind is not None and (setting.kind == "event" or setting.bind.type is not None):
        _define_refused(draft, setting.bind, head, has_params=has_params)
    if payload is None and setting.kind == "event":
        return None
    names = Names()
    for constant in ("now", "trigger"):
        names.define(draft.names.symbols[constant])
    binding = "" if setting.bind is None else setting.bind.name.text
    if binding and payload is not None:
        span = setting.bind.name.span if setting.bind else setting.span
        names.define(Symbol(binding, SymbolKind.CONSTANT, payload, span, draft.line(span)))
    view = View(names, frozenset(), frozenset())
    when = None if setting.when is None else draft.checker.expression(setting.when, view, Wanted(BOOL, "`when` takes"))
    mapping = None
    if setting.mapping is not None:
        mapping = _mapping(draft, setting, head, names, has_params=has_params)
    elif (
        has_params
        and payload is not None
        and not is_assignable(attrs.evolve(payload, name=""), attrs.evolve(head.input, name=""))
    ):
        _report_unfilled(draft, setting, head, payload)
    kind = TriggerKind.EVENT if setting.kind == "event" else TriggerKind.MANUAL
    return Trigger(
        kind=kind,
        event="" if setting.subject is None else setting.subject.value,
        payload=payload,
        binding=binding,
        when=when,
        mapping=mapping,
    )


def _define_refused(draft: FlowDraft, bind: s.Bind, head: Head, *, has_params: bool) -> None:
    """What a trigger that was complained about would have given: nothing more is said about its use."""
    if not has_params and not head.binding and bind.name.text not in draft.names.symbols:
        _define(draft, bind.name.text, UNKNOWN, bind.name.span)


def _mapping(
    draft: FlowDraft, setting: s.OnSetting, head: Head, names: Names, *, has_params: bool
) -> tuple[Argument, ...] | None:
    assert setting.mapping_span is not None  # noqa: S101 - set together with the mapping
    if not has_params:
        draft.report(
            "E316", "`with` fills parameters, and this flow has none", setting.mapping_span, "nothing to fill",
            "give the flow parameters, or leave `with` out",
        )  # fmt: skip
        return None
    mine = draft.names
    draft.names = names
    close = Span(setting.mapping_span.end - 1, setting.mapping_span.end)
    arguments = lower_arguments(draft, "the flow", setting.mapping or (), head.input.fields, Place(), close)
    draft.names = mine
    return arguments


def _report_unfilled(draft: FlowDraft, setting: s.OnSetting, head: Head, payload: RecordType) -> None:
    binding = setting.bind.name.text if setting.bind else "e"
    filled = ", ".join(
        f"{field.name}: {binding}.{field.name}" if payload.field(field.name) else f"{field.name}: …"
        for field in head.input.fields
    )
    insertion = f"{'' if setting.bind else ' as e'} with ({filled})"
    fix = Fix(f"`{insertion.strip()}`", is_safe=False, edits=(Edit(Span(setting.span.end, setting.span.end), insertion),))
    draft.report(
        "E305", "this trigger does not fill the flow's parameters", setting.span, f"the event carries {readable(payload)}",
        "say what each parameter gets with `with (…)`", fix,
    )  # fmt: skip
