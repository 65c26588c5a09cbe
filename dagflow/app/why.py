"""Explain why a step of a run ran or not: the conditions around it, with the values that decided each."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from dagflow.errors import EvaluationError, UsageError
from dagflow.execution.instance import RunInstance
from dagflow.execution.results import NodeResult, RunResult, result_of
from dagflow.expr.checker.checker import Environment, check
from dagflow.expr.codegen.emit import compile_cores
from dagflow.lang.lowering.expectations import parts_of
from dagflow.lang.syntax.parser import parse_expression
from dagflow.model.flow import Flow, Node, NodeKind
from dagflow.model.label import label_of
from dagflow.model.status import NodeStatus, PruneReason, RunStatus
from dagflow.model.types import JSON


@attrs.frozen(kw_only=True)
class Decision:
    """A condition around a step.

    Attributes:
        gate: the id of its node.
        line: of the condition in the flow's text, from 1. text: that line.
        said: the word of its outcome, "" if it was not reached. wanted: the word with which the step runs.
        values: what its expression read, in stored form, by text.
    """

    gate: str
    label: str
    line: int
    text: str
    said: str
    wanted: str
    values: Mapping[str, object]

    @property
    def let_through(self) -> bool:
        """Whether it let the step run."""
        return self.said == self.wanted


@attrs.frozen(kw_only=True)
class Reason:
    """Why a step is as it is.

    Attributes:
        because: one sentence.
        decisions: the conditions around it, the outermost first, down to the one that kept it from running.
    """

    node: NodeResult
    label: str
    line: int
    text: str
    because: str
    decisions: tuple[Decision, ...]


def reason_for(progress: RunInstance, node_id: str) -> Reason:
    """Why a node of a run is as it is. Raises UsageError: the flow has no such step."""
    flow = progress.program.flow
    if node_id not in {node.id for node in flow.nodes}:
        known = ", ".join(node.id for node in flow.nodes if "." not in node.id)
        raise UsageError(f"the flow {flow.name} has no step `{node_id}`; it has: {known}")
    node, result = flow.node(node_id), result_of(progress)
    decisions = _decisions(progress, node)
    line, text = line_of(flow, node)
    return Reason(
        node=result.node(node_id), label=label_of(node), line=line, text=text,
        because=_because(flow, result, node, decisions), decisions=tuple(decisions),
    )  # fmt: skip


def line_of(flow: Flow, node: Node) -> tuple[int, str]:
    """The number and the text of the line a node begins on."""
    start = flow.source.rfind("\n", 0, node.span.start) + 1
    end = flow.source.find("\n", start)
    return flow.source.count("\n", 0, start) + 1, flow.source[start : end if end >= 0 else None].strip()


def _decisions(progress: RunInstance, node: Node) -> list[Decision]:
    """The conditions around a node from the outside in, until one that says no."""
    flow, found = progress.program.flow, list[Decision]()
    gate = node.gate
    while gate is not None:
        decider = flow.node(gate.gate)
        found.insert(0, _decision(progress, decider, gate.outcome))
        gate = decider.gate
    kept = next((number for number, each in enumerate(found) if not each.let_through), len(found))
    return found[: kept + 1]


def _decision(progress: RunInstance, decider: Node, wanted: int) -> Decision:
    number = progress.program.plan.numbers[decider.id]
    outcome = progress.machine.state.outcomes[number]
    line, text = line_of(progress.program.flow, decider)
    values: dict[str, object] = {}
    if decider.kind is NodeKind.GATE and decider.expression is not None and outcome >= 0:
        values = values_in(decider.expression.text, progress.values.of(number))
    return Decision(
        gate=decider.id, label=label_of(decider), line=line, text=text, said=decider.outcomes[outcome] if outcome >= 0 else "",
        wanted=decider.outcomes[wanted], values=values,
    )  # fmt: skip


def values_in(text: str, bindings: Mapping[str, object]) -> dict[str, object]:
    """Return the values of the parts of a condition, by their text; parts without a value are omitted."""
    tree, _ = parse_expression(text)
    environment = Environment(variables=dict.fromkeys(bindings, JSON), is_checked=False, source=text)
    found: dict[str, object] = {}
    for part in parts_of(tree):
        checked = check(part, environment)
        shown = text[part.span.start : part.span.end]
        if checked.reads and not any(each.code.startswith("E") for each in checked.diagnostics):
            try:
                found[shown] = compile_cores([checked.core])[0](bindings)
            except EvaluationError:
                continue
    return found


def _because(flow: Flow, result: RunResult, node: Node, decisions: list[Decision]) -> str:
    of = result.node(node.id)
    match of.status:
        case NodeStatus.PRUNED:
            return _why_pruned(flow, result, node, decisions)
        case NodeStatus.SUCCEEDED if of.kept_from:
            return f"it has its result from run {of.kept_from}" + (f"; outcome: {of.outcome}" if of.outcome else "")
        case NodeStatus.SUCCEEDED if of.skipped_by is not None:
            return f"it was skipped: {of.skipped_by or 'a caller'} gave its result"
        case NodeStatus.SUCCEEDED:
            tries = f" at attempt {of.attempts}" if of.attempts > 1 else ""
            return f"it ran{tries}" + (f"; outcome: {of.outcome}" if of.outcome else "")
        case NodeStatus.FAILED if of.failure is not None:
            return f"attempt {of.failure.attempt or 1} failed permanently with {of.failure.code}: {of.failure.message}"
        case NodeStatus.CANCELLED:
            return f"it was waiting and {of.outcome}" if of.outcome else "it was stopped before it ended"
        case NodeStatus.PENDING:
            return _waits_for(flow, result, node)
        case NodeStatus.WAITING:
            return (
                "it is waiting for its timer"
                if node.kind is not NodeKind.WAIT_EVENT
                else f'it is waiting for the event "{node.event}"'
            )
        case _:
            return f"it is {of.status.value}"


def _why_pruned(flow: Flow, result: RunResult, node: Node, decisions: list[Decision]) -> str:
    reason = result.node(node.id).reason
    last = decisions[-1] if decisions else None
    if last is not None and not last.let_through:
        if flow.node(last.gate).kind in {NodeKind.CATCH, NodeKind.UNWIND} and result.status is RunStatus.SUCCEEDED:
            return "nothing failed"
        if reason is PruneReason.GATE:
            found = f"had the outcome `{last.said}`" if last.said else "was not reached"
            return f"`{last.label}` (line {last.line}) {found}; this step runs only on `{last.wanted}`"
    match reason:
        case PruneReason.JOIN if node.join is not None:
            return f"not enough of the steps it waits for succeeded: {', '.join(node.join.sources)}"
        case PruneReason.SCOPE_FAILED:
            return "another step of its block failed, and the `on error` took over"
        case PruneReason.RACE_LOST:
            return "other branches of its `parallel first` finished first"
        case PruneReason.NOTHING_TO_UNDO:
            return "there was nothing to undo"
        case _:
            return f"the run ended before this step{_by_what(flow, result)}"


def _by_what(flow: Flow, result: RunResult) -> str:
    """What ended the run, where something in the flow did."""
    for node in flow.nodes:
        if node.kind in {NodeKind.RETURN, NodeKind.STOP} and result.node(node.id).status is NodeStatus.SUCCEEDED:
            return f": `{label_of(node)}` on line {line_of(flow, node)[0]}"
    if result.failures and result.status in {RunStatus.FAILED, RunStatus.FAILED_DIRTY}:
        cause = result.failures[0]
        where = f"`{label_of(flow.node(cause.node))}` failed with " if cause.node else ""
        return f": {where}{cause.code}"
    return ""


def _waits_for(flow: Flow, result: RunResult, node: Node) -> str:
    before = [edge.source for edge in flow.edges if edge.target == node.id]
    open_ = [label_of(flow.node(each)) for each in before if not result.node(each).status.is_settled]
    return f"it runs after {', '.join(open_)}" if open_ else "it has not started yet"
