"""How a run went, for people and programs."""

from __future__ import annotations

import attrs

from dagflow.drivers.outcomes import last_value
from dagflow.drivers.progress import Progress
from dagflow.engine.state import Failure, State
from dagflow.ids import NodeId, RunId
from dagflow.model.flow import NodeKind
from dagflow.model.plan import NONE
from dagflow.model.status import NodeStatus, PruneReason, RunStatus


@attrs.frozen(kw_only=True)
class RunFailure:
    """A failure for good.

    Attributes:
        node: the step that failed; "" for the run itself.
        code: such as `timeout`. attempt: the last one, 0 where there was none.
    """

    node: str
    code: str
    message: str
    attempt: int


@attrs.frozen
class ItemCounts:
    """How far a loop is: its items in all, those begun, and of these those that ended, well or otherwise."""

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
        output: what the step reads as, in stored form; None too where there is none.
        outcome: for a gate that was decided, the word for its outcome; else "".
        due_at: until when it waits.
        items: of a loop that knows its items.
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


@attrs.frozen(kw_only=True)
class RunResult:
    """How a run went, or how it stands.

    Attributes:
        output: of its `return`, in stored form.
        reason: of its `stop`, or "".
        nodes: in declared order.
        failures: for a failed run its cause first; then all others, also those an `on error` took care of.
    """

    run: RunId
    flow: str
    status: RunStatus
    output: object
    reason: str
    nodes: tuple[NodeResult, ...]
    failures: tuple[RunFailure, ...]
    started_at: int
    ended_at: int | None

    def node(self, node_id: str) -> NodeResult:
        """How the node of that id went; KeyError if the flow has none."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)


def result_of(progress: Progress) -> RunResult:
    """How the run stands now."""
    state, plan = progress.machine.state, progress.program.plan
    status, _ = progress.standing()
    failures = [_failure(failure, plan.ids) for failure in state.failures]
    by_node = {failure.node: failure for failure in failures}
    cause = state.scope_causes[0]
    if cause > 0:
        failures.insert(0, failures.pop(cause))
    return RunResult(
        run=progress.run,
        flow=progress.program.flow.name,
        status=status,
        output=last_value(progress, NodeKind.RETURN),
        reason=str(last_value(progress, NodeKind.STOP) or ""),
        nodes=tuple(_node(progress, number, by_node) for number in range(plan.n_nodes)),
        failures=tuple(failures),
        started_at=state.started_at,
        ended_at=None if state.ended is None else state.now,
    )


def _failure(failure: Failure, ids: tuple[str, ...]) -> RunFailure:
    node = "" if failure.node == NONE else ids[failure.node]
    return RunFailure(node=node, code=failure.code, message=failure.message, attempt=failure.attempt)


def _node(progress: Progress, number: int, failures: dict[str, RunFailure]) -> NodeResult:
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
