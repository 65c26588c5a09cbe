"""The head of a flow: its input, result, triggers and policies."""

from __future__ import annotations

from typing import Final

import attrs

from dagflow.diagnostic import Span
from dagflow.lang.check.symbols import Symbol, SymbolKind
from dagflow.lang.lowering.builder import FlowBuilder
from dagflow.lang.lowering.contradictions import report_contradictions
from dagflow.lang.lowering.modifiers import length, lower_retry
from dagflow.lang.lowering.policies import is_first, lower_policy, step_names
from dagflow.lang.lowering.triggers import define_input, input_of_triggers, lower_trigger
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.walk import statements_of
from dagflow.model.flow import RetryPolicy, Trigger
from dagflow.model.policies import Policies
from dagflow.model.types import STRING, TIMESTAMP, Field, RecordType, SecretType, Type

DAY_NS: Final = 86_400_000_000_000
DEFAULT_TIMEOUT_NS: Final = 30 * DAY_NS
#: The longest timeout of a flow; a host may allow less.
MOST_TIMEOUT_NS: Final = 366 * DAY_NS

RUN: Final = RecordType("Run", (Field("id", STRING), Field("started_at", TIMESTAMP), Field("flow", STRING)))
TRIGGER: Final = RecordType("Trigger", (Field("kind", STRING), Field("name", STRING)))


@attrs.define(eq=False)
class Head:
    """The lowered head of a flow."""

    input: RecordType
    binding: str = ""
    triggers: tuple[Trigger, ...] = ()
    timeout_ns: int = DEFAULT_TIMEOUT_NS
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    policies: Policies = attrs.field(factory=Policies)


def lower_head(builder: FlowBuilder, decl: s.FlowDecl) -> Head:
    """Lower parameters and settings, and make the input's names readable."""
    head = Head(RecordType("", builder.declarations.fields(decl.params or ())))
    triggers = [setting for setting in decl.settings if isinstance(setting, s.OnSetting)]
    if decl.params is None:
        head.input, head.binding = input_of_triggers(builder, triggers)
    _define_input(builder, decl, head, triggers)
    has_params = decl.params is not None
    head.triggers = tuple(
        trigger
        for setting in triggers
        if (trigger := lower_trigger(builder, setting, head.input, head.binding, has_params=has_params)) is not None
    )
    steps = step_names(statements_of(decl))
    seen: dict[str, Span] = {}
    for setting in decl.settings:
        _setting(builder, head, setting, steps, seen)
    report_contradictions(builder, head.policies, seen, triggers)
    builder.retry = head.retry
    return head


def _setting(builder: FlowBuilder, head: Head, setting: s.Setting, steps: frozenset[str], seen: dict[str, Span]) -> None:
    match setting:
        case s.TimeoutSetting():
            if is_first(builder, "timeout", setting.span, seen):
                head.timeout_ns = _lifetime(builder, setting)
        case s.RetrySetting():
            if is_first(builder, "retry", setting.span, seen):
                head.retry = lower_retry(builder, setting.retry)
        case s.OnSetting() | s.BrokenSetting():
            pass
        case _:
            head.policies = lower_policy(builder, head.policies, setting, steps, seen)


def _lifetime(builder: FlowBuilder, setting: s.TimeoutSetting) -> int:
    nanos = length(builder, setting.value, "`timeout` takes")
    if nanos is not None and nanos > MOST_TIMEOUT_NS:
        builder.report(
            "E316", "a run lives 366 days at most", setting.value.span, "longer than that", "write `timeout 366d` or less"
        )
    return nanos or DEFAULT_TIMEOUT_NS


def _define_input(builder: FlowBuilder, decl: s.FlowDecl, head: Head, triggers: list[s.OnSetting]) -> None:
    constants: dict[str, Type] = {"now": TIMESTAMP, "run": RUN, "trigger": TRIGGER}
    secrets = tuple(Field(name, SecretType(STRING)) for name in builder.secrets)
    if secrets:
        constants["secrets"] = RecordType("Secrets", secrets)
    for name, type_ in constants.items():
        builder.names.define(Symbol(name, SymbolKind.CONSTANT, type_, decl.name.span, builder.line(decl.name.span)))
    spans = {param.name.text: param.name.span for param in reversed(decl.params or ())}
    for setting in reversed(triggers):
        if setting.bind is not None:
            spans.setdefault(setting.bind.name.text, setting.bind.name.span)
    if head.binding:
        define_input(builder, head.binding, head.input, spans[head.binding])
    else:
        for field in head.input.fields:
            define_input(builder, field.name, field.type, spans[field.name])
