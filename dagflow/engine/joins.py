"""Joins: decide whether the `after` clause of a node is satisfied (LANGUAGE 4.2)."""

from __future__ import annotations

from typing import assert_never

from dagflow.engine.state import State
from dagflow.engine.undoing import has_effect
from dagflow.model.flow import JoinKind
from dagflow.model.plan import NO_NODE
from dagflow.model.status import NodeStatus


def is_satisfied(state: State, node: int) -> bool:
    """Whether the sources satisfy the node's join; a node without a join is always satisfied."""
    plan = state.plan
    kind = plan.joins[node]
    if plan.undoes[node] != NO_NODE:
        return has_effect(state, plan.undoes[node])
    if node in plan.finishes:
        return any(state.status[source] is NodeStatus.SUCCEEDED for source in plan.finishes[node])
    match kind:
        case None | JoinKind.SETTLED:
            return True
        case JoinKind.ALL:
            status = state.status
            return all(status[source] is NodeStatus.SUCCEEDED for source in plan.join_sources[node])
        case JoinKind.ANY | JoinKind.N_OF:
            return state.join_succeeded[node] >= plan.join_counts[node]
        case _:
            assert_never(kind)


def note_unseen(state: State, node: int) -> None:
    """Remember which sources of an early join had not settled when the node became ready."""
    if state.join_open[node] and state.plan.joins[node] in (JoinKind.ANY, JoinKind.N_OF):
        sources = dict.fromkeys(state.plan.join_sources[node])
        state.unseen[node] = tuple(source for source in sources if not state.status[source].is_settled)
