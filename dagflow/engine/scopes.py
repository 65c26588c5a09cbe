"""Scopes: a final failure fails the innermost scope that catches it, or the run; a race stops its losers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from dagflow.engine.commands import CancelAttempt, CancelItem, UseDefault
from dagflow.engine.pruning import prune
from dagflow.engine.state import Failure, State
from dagflow.engine.transitions import Change
from dagflow.model.plan import HANDLER_SCOPE, NO_NODE, UNDO_SCOPE
from dagflow.model.status import NodeStatus, PruneReason


def fail_node(state: State, failure: Failure) -> None:
    """The node failed and there will be no other attempt: cancel, default or failure, in this order."""
    node = failure.node
    if state.is_cancelling[node]:
        state.change(node, Change.CANCEL)
    elif state.plan.has_default[node] and not state.uses_default[node]:
        state.uses_default[node] = True
        state.change(node, Change.FALL_BACK)
        state.commands.append(UseDefault(node))
    elif state.plan.undoes[node] != NO_NODE:
        # The others are undone nevertheless.
        state.is_dirty = True
        state.change(node, Change.FAIL)
        state.failures.append(failure)
    else:
        state.change(node, Change.FAIL)
        state.failures.append(failure)
        _fail_scope(state, catching_scope(state, state.plan.scope_of[node]))


def fail_run(state: State, failure: Failure) -> None:
    """The run itself failed: outside of every block, or in the root's handler if that is running."""
    state.failures.append(failure)
    has_failed = state.scope_causes[0] != NO_NODE
    _fail_scope(state, _scope(state, HANDLER_SCOPE) if has_failed else 0)


def end_all(state: State) -> None:
    """The run ends before every node was decided, and no handler runs; undo nodes run where needed."""
    undoing = _scope(state, UNDO_SCOPE)
    stopped = (node for node, scope in enumerate(state.plan.scope_of) if scope != undoing)
    stop_nodes(state, stopped, PruneReason.RUN_ENDED)


def stop_losers(state: State, decider: int) -> None:
    """Enough branches are done: stop the others."""
    for source, members in state.plan.races.get(decider, ()):
        if state.status[source] is not NodeStatus.SUCCEEDED:
            stop_nodes(state, members, PruneReason.RACE_LOST)


def catching_scope(state: State, scope: int) -> int:
    """The innermost scope, from this one outwards, whose failures are caught, or the outermost."""
    scopes = state.plan.scopes
    while scopes[scope].catch == NO_NODE and scopes[scope].parent != NO_NODE:
        scope = scopes[scope].parent
    return scope


def uncaught(state: State, node: int) -> bool:
    """Whether no block around the node has failed and left the rest to its `on error`."""
    scope = state.plan.scope_of[node]
    while state.plan.scopes[scope].parent != NO_NODE:
        if state.scope_causes[scope] != NO_NODE:
            return False
        scope = state.plan.scopes[scope].parent
    return True


def _scope(state: State, scope_id: str) -> int:
    return next(n for n, scope in enumerate(state.plan.scopes) if scope.id == scope_id)


def _fail_scope(state: State, scope: int) -> None:
    plan = state.plan.scopes[scope]
    if state.scope_causes[scope] == NO_NODE:
        state.scope_causes[scope] = len(state.failures) - 1
    reason = PruneReason.RUN_ENDED if plan.parent == NO_NODE else PruneReason.SCOPE_FAILED
    stop_nodes(state, plan.members, reason)


def stop_nodes(state: State, nodes: Iterable[int], reason: PruneReason) -> None:
    """Prune the nodes that never started and cancel the others; a running attempt settles when it has stopped."""
    for node in nodes:
        status = state.status[node]
        match status:
            case NodeStatus.PENDING:
                prune(state, node, reason)
            case NodeStatus.READY:
                if state.attempts[node] or state.uses_default[node]:
                    state.change(node, Change.CANCEL)
                else:
                    prune(state, node, reason)
            case NodeStatus.WAITING:
                state.change(node, Change.CANCEL)
            case NodeStatus.RUNNING:
                if not state.is_cancelling[node]:
                    state.is_cancelling[node] = True
                    _ask_to_stop(state, node)
            case NodeStatus.SUCCEEDED | NodeStatus.FAILED | NodeStatus.PRUNED | NodeStatus.CANCELLED:
                pass
            case _:
                assert_never(status)


def _ask_to_stop(state: State, node: int) -> None:
    loop = state.loops.get(node)
    if loop is None:
        state.commands.append(CancelAttempt(node, state.attempts[node]))
    elif loop.failure is None:  # otherwise they have been cancelled already
        state.commands += [CancelItem(node, index) for index in loop.open]
