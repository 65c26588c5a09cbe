"""Pages of Markdown about flows and actions: text, graph, types, upper bounds, and the tests as examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dagflow.lang.bounds.bounds import bounds
from dagflow.lang.exporters.declarations import spell, value_text
from dagflow.lang.lowering.tests import actions_met
from dagflow.model.action import ActionSpec, Interface
from dagflow.model.flow import Flow, Node, NodeKind, Trigger, TriggerKind
from dagflow.model.flow_test import FlowTest
from dagflow.model.label import label_of
from dagflow.model.lengths import as_written
from dagflow.model.types import NULL, Field, RecordType, Type
from dagflow.model.wire import codec as wire
from dagflow.pictures.chart import to_mermaid

_INNER = frozenset({NodeKind.GROUP, NodeKind.RACE, NodeKind.UNWIND, NodeKind.CATCH})


def flow_page(flow: Flow, tests: Sequence[FlowTest], interface: Interface) -> str:
    """The page about a flow.

    Args:
        flow: the flow.
        tests: the tests of its file; tests of other flows are omitted.
        interface: what its file and host declare.
    """
    lines = [f"# {flow.name}", "", *_paragraph(flow.doc)]
    lines += ["## Input", "", *_fields(flow.input.fields, "No input.")]
    lines += ["## Triggers", "", *_triggers(flow)]
    if flow.result is not NULL:
        lines += ["## Output", "", f"`{spell(flow.result)}`", ""]
    lines += ["## Steps", "", "```mermaid", to_mermaid(flow).rstrip(), "```", "", *_steps(flow)]
    lines += _used_types([flow.input, flow.result])
    met = actions_met(flow, {spec.name: spec for spec in interface.actions.values()})
    if met:
        lines += ["## Actions", "", *(f"- [`{name}`](actions.md#{_anchor(name)})" for name in sorted(met)), ""]
    lines += ["## Limits", "", *_bounds(flow)]
    mine = [each for each in tests if each.flow == flow.name]
    if mine:
        lines += ["## Tests", "", *(f"- {_escaped(each.name)}" for each in mine), ""]
    return "\n".join(lines).rstrip() + "\n"


def actions_page(specs: Iterable[ActionSpec], flows: Sequence[Flow]) -> str:
    """The page about actions, each with the flows that use it."""
    used = {flow.name: actions_met(flow, {}) for flow in flows}
    lines = ["# Actions", ""]
    for spec in sorted(specs, key=lambda spec: spec.name):
        lines += [f"## {spec.name}", "", *_paragraph(spec.doc)]
        key = " and takes an effect key, by which the remote side detects repeated calls" if spec.takes_key else ""
        key += ". A call with an unknown outcome is not repeated" * spec.at_most_once
        lines += [f"It is *{spec.effect.value}*{key}.", "", *_fields(spec.params, "No input.")]
        lines += [f"Returns `{spell(spec.result)}`." if spec.result is not NULL else "Returns nothing.", ""]
        lines += _used_types([spec.result, *(param.type for param in spec.params)])
        by = [f"[{name}]({name}.md)" for name, met in used.items() if spec.name in met]
        lines += [f"Used by {', '.join(by)}.", ""] if by else []
    return "\n".join(lines).rstrip() + "\n"


def index_page(flows: Sequence[Flow]) -> str:
    """The page that leads to the others."""
    lines = ["# Flows", ""]
    lines += [f"- [{flow.name}]({flow.name}.md)" + (f": {_escaped(_first(flow.doc))}" if flow.doc else "") for flow in flows]
    return "\n".join([*lines, "", "[Actions](actions.md) that these flows can call."]) + "\n"


def _first(text: str) -> str:
    return text.strip().partition("\n")[0]


def _paragraph(text: str) -> list[str]:
    return [_escaped(text.strip()), ""] if text.strip() else []


def _fields(fields: Iterable[Field], none: str) -> list[str]:
    rows = [f"| `{field.name}` | {_code(spell(field.type))} | {_default(field)} | {_cell(field.doc)} |" for field in fields]
    return ["| name | type | default | |", "|---|---|---|---|", *rows, ""] if rows else [none, ""]


def _default(field: Field) -> str:
    if field.has_default:
        return _code(value_text(wire.decode(field.default, field.type)))
    return "required" if field.is_required else "absent"


def _triggers(flow: Flow) -> list[str]:
    said = [f"- {_trigger(trigger)}" for trigger in flow.triggers] or ["- manual: a person or a program starts it"]
    return [*said, "", f"A run times out after {as_written(flow.timeout_ns)}.", ""]


def _trigger(trigger: Trigger) -> str:
    when = f" where {_code(trigger.when.text)}" if trigger.when is not None else ""
    match trigger.kind:
        case TriggerKind.EVENT:
            return f"for each event {_code(trigger.event)}{when}"
        case TriggerKind.WEBHOOK:
            return f"for each request to the webhook {_code(trigger.webhook)}{when}"
        case TriggerKind.CRON:
            schedule = trigger.schedule
            if schedule is not None and schedule.every_ns:
                return _code(schedule.text) + when
            return "at " + (_code(f"{schedule.text} ({schedule.zone})") if schedule is not None else "its times") + when
        case TriggerKind.MANUAL:
            return "manual: a person or a program starts it"


def _steps(flow: Flow) -> list[str]:
    rows = [
        f"| {_code(label_of(node))} | {_what(node)} | {_cell(node.doc)} |" for node in _all(flow) if node.kind not in _INNER
    ]
    return ["| step | what it does | |", "|---|---|---|", *rows, ""] if rows else ["No steps.", ""]


def _all(flow: Flow) -> Iterator[Node]:
    for node in flow.nodes:
        yield node
        if node.loop is not None:
            yield from _all(node.loop.body)


def _what(node: Node) -> str:
    words: Mapping[NodeKind, str] = {
        NodeKind.GATE: "decides", NodeKind.LET: "computes a value", NodeKind.WAIT: "waits", NodeKind.WAIT_UNTIL: "waits",
        NodeKind.WAIT_EVENT: f"waits for {_code(node.event)}", NodeKind.EMIT: f"emits {_code(node.event)}", NodeKind.RETURN: "ends the run",
        NodeKind.STOP: "ends the run", NodeKind.FAIL: "fails", NodeKind.FOR: "once for each item", NodeKind.YIELD: "sets the value of the item",
        NodeKind.CALL: f"calls the flow {_code(node.flow)}", NodeKind.START: f"starts the flow {_code(node.flow)}",
        NodeKind.UNDO: f"undoes {_code(label_of(node).removeprefix('undo '))}",
    }  # fmt: skip
    if node.kind is NodeKind.ACTION:
        tries = f", {node.retry.max_attempts} attempts" if node.retry.max_attempts > 1 else ""
        return f"[`{node.action}`](actions.md#{_anchor(node.action)}), {node.effect.value}{tries}"
    return words.get(node.kind, node.kind.value)


def _used_types(roots: Iterable[Type]) -> list[str]:
    """A table for each record with a name in these types."""
    named: dict[str, RecordType] = {}
    for root in roots:
        for each in _records(root):
            named.setdefault(each.name, each)
    lines: list[str] = []
    for name, record in named.items():
        lines += [f"### {name}", "", *_fields(record.fields, "No fields.")]
    return lines


def _records(type_: Type) -> Iterator[RecordType]:
    inner = getattr(type_, "element", None) or getattr(type_, "value", None)
    if isinstance(type_, RecordType):
        if type_.name:
            yield type_
        for field in type_.fields:
            yield from _records(field.type)
    elif inner is not None:
        yield from _records(inner)


def _bounds(flow: Flow) -> list[str]:
    found = bounds(flow)
    return [
        "| steps | in parallel | duration | runs started | events sent | expression cost |",
        "|---|---|---|---|---|---|",
        (
            f"| ≤ {found.steps.value} | ≤ {found.parallel} | ≤ {as_written(found.duration_ns)} | ≤ {found.runs_started.value} "
            f"| ≤ {found.events_sent.value} | ≤ {found.expression_cost.value} |"
        ),
        "",
    ]


def _anchor(name: str) -> str:
    return name.lower().replace(".", "")


def _code(text: str) -> str:
    """Code in a table: bars end a cell there, and backquotes end the code."""
    shown = " ".join(text.split()).replace("|", "\\|")
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"


def _cell(text: str) -> str:
    return _escaped(" ".join(text.split())).replace("|", "\\|")


def _escaped(text: str) -> str:
    """Text that Markdown does not read as anything else."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#" else letter for letter in text)
