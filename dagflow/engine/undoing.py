"""Undo: reverse the steps of a run that failed or was cancelled, or whose parent run is being undone."""

from __future__ import annotations

from typing import Final

from dagflow.engine.retries import TIMEOUT
from dagflow.engine.state import State
from dagflow.model.flow import NodeKind
from dagflow.model.plan import NO_NODE
from dagflow.model.status import NodeStatus, RunStatus

#: The code of an attempt that may have had its effect and is not repeated, and of an undo that needs its unknown result.
UNKNOWN_OUTCOME: Final = "unknown_outcome"


def has_effect(state: State, node: int) -> bool:
    """Whether the node has, or may have, done anything to undo in this run."""
    if node in state.kept:
        return False
    loop = state.loops.get(node)
    if loop is not None:
        # However the loop ended: an item that succeeded has done its part.
        return len(loop.unsuccessful) + len(loop.open) < loop.n_begun
    return node in state.unknown or is_sure(state, node)


def is_sure(state: State, node: int) -> bool:
    """Whether the node has finished, so that its value is the result of its action."""
    return state.status[node] is NodeStatus.SUCCEEDED and not state.uses_default[node]


def note_broken_off(state: State, node: int) -> None:
    """An attempt was stopped, or its process died: its outcome is unknown. Calls and loops have child runs, which know theirs."""
    if state.plan.kinds[node] is NodeKind.ACTION:
        state.unknown |= {node}


def note_failure(state: State, node: int, code: str) -> None:
    """An attempt failed. Its action says so, unless its time was over; of a repeatable one the last result counts."""
    if code == TIMEOUT:
        note_broken_off(state, node)
    elif not state.plan.is_effectful[node]:
        state.unknown -= {node}


def is_taken_back(state: State, node: int) -> bool:
    """Whether an undo node reverses the node if the run fails, and reports itself if it cannot."""
    return node in state.plan.undoes


def is_unwinding(state: State) -> bool:
    """Whether the gate before the undo nodes must open."""
    return state.scope_causes[0] != NO_NODE or state.ending is RunStatus.CANCELLED


def reopen(state: State) -> None:
    """A run that succeeded is undone after all: its undo nodes become undecided."""
    plan = state.plan
    state.ended, state.is_end_commanded, state.is_reopened = None, False, True
    state.ending = RunStatus.CANCELLED
    if plan.unwind == NO_NODE:
        return
    state.outcomes[plan.unwind] = 1
    undoing = [node for node, kind in enumerate(plan.kinds) if kind is NodeKind.UNDO]
    n_before = dict.fromkeys(undoing, 0)
    for successor in (successor for node in undoing for successor in plan.successors[node]):
        # The flow's `on error` is no undo node, and has run.
        if successor in n_before:
            n_before[successor] += 1
    for node, count in n_before.items():
        state.reopen(node, count)
