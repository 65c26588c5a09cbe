"""Retry a run that failed: it goes on from the steps that did not succeed. What had succeeded keeps its result.

These nodes run again: the ones that failed for good, the ones that the failure stopped or pruned, the flow's `on error`, and undo nodes.
What was decided before the failure stays as it is: steps that succeeded, branches not taken, failures that an `on error` of a block
took care of, losers of a race, waits that timed out. Everything that waited for one of the former was stopped by the failure, so
no decision rests on a node that runs again.
"""

from __future__ import annotations

from collections.abc import Collection

from dagflow.engine.commands import SetTimer
from dagflow.engine.scopes import uncaught
from dagflow.engine.state import State
from dagflow.errors import DagflowBug
from dagflow.model.flow import NodeKind
from dagflow.model.plan import HANDLER_SCOPE, NO_NODE, UNDO_SCOPE
from dagflow.model.status import NodeStatus, PruneReason, RunStatus

_FAILED = frozenset({RunStatus.FAILED, RunStatus.FAILED_DIRTY})
_UNFINISHED = frozenset({NodeStatus.FAILED, NodeStatus.CANCELLED})
_LAST_SCOPES = frozenset({HANDLER_SCOPE, UNDO_SCOPE})


def obstacle(state: State, named: Collection[int] = (), skipped: int = NO_NODE) -> str | None:
    """Return why the run cannot be retried, as the end of a sentence about it; None if it can.

    Args:
        state: of the run.
        named: the steps that the caller asks for; only these may repeat an effect that they may have had.
        skipped: the step that gets a result instead of another attempt.
    """
    if state.ended is None:
        return "has not ended; wait until it has, or cancel it"
    if state.ended not in _FAILED:
        return f"ended {state.ended.value}, and only a failed run is retried; rerun it"
    if any(kind is NodeKind.UNDO and state.attempts[node] for node, kind in enumerate(state.plan.kinds)):
        return "undid its steps, so their results are gone; rerun it"
    ids, again = state.plan.ids, restarting(state)
    open_ = [node for node in again if state.status[node] in _UNFINISHED]
    last = _last(state)
    if skipped in last:
        return f"has the step {ids[skipped]!r} in its `on error`, which runs again only if the run fails again; skip the one that failed"
    for node in [*named, *([skipped] if skipped != NO_NODE else [])]:
        if node not in open_:
            known = ", ".join(ids[each] for each in open_)
            return f"has the steps {known} to go on with; got {ids[node]!r}, which is {state.status[node].value}"
    for node in again:
        if node in state.loops:
            return f"failed in or beside the loop {ids[node]!r}, whose items cannot begin twice; rerun it"
        # Another failure is another occasion for what is last, whatever became of it before.
        is_doubtful = node in open_ and state.plan.at_most_once[node] and node in state.unknown and node not in last
        if is_doubtful and node not in {*named, skipped}:
            return f"may have had the effect of {ids[node]!r}, whose outcome is unknown; name the step to repeat it, or skip it"
    return None


def restarting(state: State) -> list[int]:
    """The nodes of a failed run that run again if it is retried, in declared order."""
    lost = {
        node
        for decider, branches in state.plan.races.items()
        for source, members in branches
        if state.status[decider] is NodeStatus.SUCCEEDED and state.status[source] is not NodeStatus.SUCCEEDED
        for node in members
    }
    last = _last(state)
    return [node for node in range(state.plan.n_nodes) if node in last or _runs_again(state, node, node in lost)]


def _last(state: State) -> set[int]:
    """The nodes that run once everything else is over: of the flow's `on error`, and undo nodes."""
    return {node for scope in state.plan.scopes if scope.id in _LAST_SCOPES for node in scope.members}


def _runs_again(state: State, node: int, is_lost: bool) -> bool:
    match state.status[node]:
        case NodeStatus.PRUNED:
            return state.reasons[node] is PruneReason.RUN_ENDED
        case NodeStatus.FAILED:
            return uncaught(state, node)
        case NodeStatus.CANCELLED:
            # A wait whose time was over has an outcome; it was not stopped.
            return not is_lost and state.outcomes[node] == NO_NODE and uncaught(state, node)
        case _:
            return False


def restart(state: State, skipped: int = NO_NODE) -> None:
    """The failed run goes on: what did not succeed becomes undecided, with a new lifetime. Raises DagflowBug if it cannot.

    `skipped`: the step that gets a result.
    """
    again = frozenset(restarting(state))
    # Every step may be named: whether an effect may be repeated was decided when the event was made.
    problem = obstacle(state, [node for node in again if state.status[node] in _UNFINISHED], skipped)
    if problem is not None:
        raise DagflowBug(f"the run cannot be retried: it {problem}")
    state.ended = state.ending = None
    state.is_end_commanded = False
    state.n_retries += 1
    state.lifetime_due = state.now + state.plan.lifetime_ns
    state.commands.append(SetTimer(NO_NODE, state.lifetime_due))
    _forget_failures(state, again)
    for node in again:
        _reset(state, node)
    # Another failure is another occasion, whether the step had succeeded or not.
    state.renewed.update(dict.fromkeys(_last(state), state.n_retries))
    recount(state, again)


def _forget_failures(state: State, again: frozenset[int]) -> None:
    """Failures that are taken care of stay; the history has the others."""
    scopes = state.plan.scopes
    last = {scope.id for scope in scopes if scope.parent == NO_NODE}
    kept = [n for n, failure in enumerate(state.failures) if failure.node != NO_NODE and failure.node not in again]
    numbers = {old: new for new, old in enumerate(kept)}
    state.failures = [state.failures[n] for n in kept]
    state.scope_causes = [
        NO_NODE if scope.id in last else numbers.get(cause, NO_NODE)
        for scope, cause in zip(scopes, state.scope_causes, strict=True)
    ]


def _reset(state: State, node: int) -> None:
    if state.attempts[node]:
        state.series[node] = state.attempts[node] + 1
    state.status[node] = NodeStatus.PENDING
    state.reasons[node] = None
    state.outcomes[node] = NO_NODE
    state.n_failed[node] = 0
    state.ready_at[node] = state.wanted_at[node] = state.settled_at[node] = state.due[node] = 0
    state.is_cancelling[node] = state.uses_default[node] = False
    state.unseen.pop(node, None)
    state.skipped.pop(node, None)


def recount(state: State, again: frozenset[int]) -> None:
    """Count out again what is settled, from the beginning."""
    fresh, settled_at = State.initial(state.plan), list(state.settled_at)
    state.n_waits, state.n_unsettled = fresh.n_waits, fresh.n_unsettled
    state.join_succeeded, state.join_open, state.scope_open = fresh.join_succeeded, fresh.join_open, fresh.scope_open
    state.release_empty_scopes()
    for node in range(state.plan.n_nodes):
        if node not in again:
            state.count_out(node)
    state.settled_at = settled_at
    state.undecided = [node for node in sorted(again) if not state.n_waits[node]]
