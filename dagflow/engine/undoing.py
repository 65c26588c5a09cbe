"""What takes back the steps of a run that failed or was cancelled, or of one that a larger one has to undo."""

from __future__ import annotations

from typing import Final

from dagflow.engine.retries import TIMEOUT
from dagflow.engine.state import State
from dagflow.model.flow import NodeKind
from dagflow.model.plan import NONE
from dagflow.model.status import NodeStatus, RunStatus

#: The code of an attempt that may have taken effect and is not made again, and of an undo that would need to know what it gave.
UNKNOWN_OUTCOME: Final = "unknown_outcome"


def has_effect(state: State, node: int) -> bool:
    """Whether there is, or may be, anything to undo of what the node did."""
    loop = state.loops.get(node)
    if loop is not None:
        # However the loop ended: an item that succeeded has done its part.
        return len(loop.unsuccessful) + len(loop.open) < loop.n_begun
    return node in state.unknown or is_sure(state, node)


def is_sure(state: State, node: int) -> bool:
    """Whether the node has done its part, so that what it reads as is what it did."""
    return state.status[node] is NodeStatus.SUCCEEDED and not state.uses_default[node]


def note_broken_off(state: State, node: int) -> None:
    """An attempt was stopped, or its process died: nobody knows what came of it. Calls and loops have runs, which do know."""
    if state.plan.kinds[node] is NodeKind.ACTION:
        state.unknown |= {node}


def note_failure(state: State, node: int, code: str) -> None:
    """An attempt failed. Its action says so, unless its time was up; of one that can be repeated the last word counts."""
    if code == TIMEOUT:
        note_broken_off(state, node)
    elif not state.plan.is_effectful[node]:
        state.unknown -= {node}


def is_taken_back(state: State, node: int) -> bool:
    """Whether something undoes the node if the run fails, and then says itself if it cannot."""
    return node in state.plan.undoes


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
