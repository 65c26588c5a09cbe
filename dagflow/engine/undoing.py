"""What takes back the steps of a run that failed or was cancelled, or of one that a larger one has to undo."""

from __future__ import annotations

from dagflow.engine.state import State
from dagflow.model.flow import NodeKind
from dagflow.model.plan import NONE
from dagflow.model.status import NodeStatus, RunStatus


def has_effect(state: State, node: int) -> bool:
    """Whether there is anything to undo of what the node did."""
    loop = state.loops.get(node)
    if loop is not None:
        # However the loop ended: an item that succeeded has done its part.
        return len(loop.unsuccessful) + len(loop.open) < loop.n_begun
    return state.status[node] is NodeStatus.SUCCEEDED and not state.uses_default[node]


def is_unwinding(state: State) -> bool:
    """Whether the gate before all that undoes is to be opened."""
    return state.scope_causes[0] != NONE or state.ending is RunStatus.CANCELLED


def reopen(state: State) -> None:
    """A run that ended well is undone after all: what undoes its steps gets its turn."""
    plan = state.plan
    state.ended, state.is_end_wished, state.is_reopened = None, False, True
    state.ending = RunStatus.CANCELLED
    if plan.unwind == NONE:
        return
    state.outcomes[plan.unwind] = 1
    undoing = [node for node, kind in enumerate(plan.kinds) if kind is NodeKind.UNDO]
    n_before = dict.fromkeys(undoing, 0)
    for successor in (successor for node in undoing for successor in plan.successors[node]):
        # What is no undo is the flow's `on error`, which had its turn.
        if successor in n_before:
            n_before[successor] += 1
    for node, count in n_before.items():
        state.reopen(node, count)
