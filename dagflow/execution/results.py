"""Results of runs, for people and programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TypeVar

import attrs

from dagflow.actions.host_values import value_as
from dagflow.engine.state import Failure, State
from dagflow.execution.instance import RunInstance
from dagflow.execution.latest_outcome import last_value
from dagflow.ids import NodeId, RunId
from dagflow.model.flow import NodeKind
from dagflow.model.plan import NO_NODE
from dagflow.model.status import NodeStatus, PruneReason, RunStatus

_T = TypeVar("_T")


@attrs.frozen(kw_only=True)
class RunFailure:
    """A failure for good.

    Attributes:
        node: the step that failed; "" for the run itself.
        code: such as `timeout`. attempt: the last one, 0 where there was none.
        traceback: of an unexpected exception of an action; without contents of secrets.
    """

    node: str
    code: str
    message: str
    attempt: int
    traceback: str = ""


@attrs.frozen
class ItemCounts:
    """The progress of a loop: its items in all, the items begun, and of these the items that ended, well or otherwise."""

    total: int
    begun: int
    succeeded: int
    unsuccessful: int


@attrs.frozen(kw_only=True)
class NodeResult:
    """How one node went. Instants in nanoseconds since 1970 UTC.

    Attributes:
        reason: why it was pruned.
        attempts: started, in all. started_at: of the first attempt, or when it became ready; None if it never was.
        output: the value that the step reads as, in stored form; None too if there is none.
        outcome: for a gate that was decided, the word for its outcome; else "".
        due_at: until when it waits.
        items: of a loop that knows its items.
        skipped_by: who gave its result instead of letting it run, "" if the caller had no name; None if it was not skipped.
        kept_from: the earlier run that it has its result from, or "".
        attempts_before: how many of the attempts were made before the run failed and was retried.
    """

    id: NodeId
    kind: NodeKind
    status: NodeStatus
    reason: PruneReason | None = None
    attempts: int = 0
    started_at: int | None = None
    ended_at: int | None = None
    output: object = None
    outcome: str = ""
    failure: RunFailure | None = None
    due_at: int | None = None
    items: ItemCounts | None = None
    skipped_by: str | None = None
    attempts_before: int = 0
    kept_from: str = ""

    def output_as(self, type_: type[_T]) -> _T:
        """The output as a type of the host. Raises as `RunResult.output_as`."""
        return value_as(self.output, type_, f"the output of {self.id}")


@attrs.frozen(kw_only=True, eq=False)
class RunResult:
    """How a run went, or how it stands.

    Attributes:
        output: of its `return`, in stored form.
        reason: of its `stop`, or "".
        failures: for a failed run its cause first; then all others, also those an `on error` took care of.
        make_nodes: returns `nodes`.
    """

    run: RunId
    flow: str
    status: RunStatus
    output: object
    reason: str
    failures: tuple[RunFailure, ...]
    started_at: int
    ended_at: int | None
    make_nodes: Callable[[], tuple[NodeResult, ...]] = attrs.field(repr=False)

    @cached_property
    def nodes(self) -> tuple[NodeResult, ...]:
        """How each node went, in declared order."""
        return self.make_nodes()

    def output_as(self, type_: type[_T]) -> _T:
        """The output as a type of the host: a model, a list of them, a datetime.

        Raises:
            WireError: the output is not of that type; with the places.
            UsageError: the type has no counterpart in the language, or its class refuses the value.
        """
        return value_as(self.output, type_, f"the output of {self.flow}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RunResult):
            return NotImplemented
        return self._said() == other._said()

    def __hash__(self) -> int:
        return hash(self.run)

    def _said(self) -> tuple[object, ...]:
        ends = (self.started_at, self.ended_at)
        return self.run, self.flow, self.status, self.output, self.reason, self.failures, *ends, self.nodes

    def node(self, node_id: str) -> NodeResult:
        """How the node of that id went; KeyError if the flow has none."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)


def result_of(progress: RunInstance) -> RunResult:
    """How the run stands now."""
    state, plan = progress.machine.state, progress.program.plan
    status, _ = progress.standing()
    tracebacks = progress.values.tracebacks or {}
    failures = [_failure(failure, plan.ids, tracebacks) for failure in state.failures]
    by_node = {failure.node: failure for failure in failures}
    cause = state.scope_causes[0]
    if cause > 0:
        failures.insert(0, failures.pop(cause))

    def make_nodes() -> tuple[NodeResult, ...]:
        return tuple(_node(progress, number, by_node) for number in range(plan.n_nodes))

    # Nothing happens to a run that has ended, unless it is part of another one: its nodes are computed on demand.
    is_final = state.ended is not None and progress.lineage is None
    made = () if is_final else make_nodes()
    return RunResult(
        run=progress.run,
        flow=progress.program.flow.name,
        status=status,
        output=last_value(progress, NodeKind.RETURN),
        reason=str(last_value(progress, NodeKind.STOP) or ""),
        failures=tuple(failures),
        started_at=state.started_at,
        ended_at=None if state.ended is None else state.now,
        make_nodes=make_nodes if is_final else lambda: made,
    )


def _failure(failure: Failure, ids: tuple[str, ...], tracebacks: Mapping[int, str]) -> RunFailure:
    node = "" if failure.node == NO_NODE else ids[failure.node]
    traceback = tracebacks.get(failure.node, "")
    return RunFailure(node=node, code=failure.code, message=failure.message, attempt=failure.attempt, traceback=traceback)


def _node(progress: RunInstance, number: int, failures: dict[str, RunFailure]) -> NodeResult:
    state, node = progress.machine.state, progress.program.flow.nodes[number]
    status = state.status[number]
    outcome = state.outcomes[number]
    return NodeResult(
        id=NodeId(node.id),
        kind=node.kind,
        status=status,
        reason=state.reasons[number],
        attempts=state.attempts[number],
        started_at=_started_at(state, number),
        ended_at=state.settled_at[number] if status.is_settled else None,
        output=progress.values.outputs.get(node.id),
        outcome=node.outcomes[outcome] if 0 <= outcome < len(node.outcomes) else "",
        failure=failures.get(node.id),
        due_at=state.due[number] if status is NodeStatus.WAITING else None,
        items=_items(state, number),
        skipped_by=state.skipped.get(number),
        kept_from=progress.keeping.run if progress.keeping is not None and number in state.kept else "",
        attempts_before=state.series.get(number, 1) - 1,
    )


def _items(state: State, number: int) -> ItemCounts | None:
    loop = state.loops.get(number)
    if loop is None:
        return None
    n_bad = len(loop.unsuccessful)
    return ItemCounts(loop.total, loop.n_begun, loop.n_begun - len(loop.open) - n_bad, n_bad)


def _started_at(state: State, number: int) -> int | None:
    if state.attempts[number]:
        return state.first_started_at[number]
    if state.status[number] in (NodeStatus.PENDING, NodeStatus.PRUNED):
        return None
    return state.ready_at[number]
