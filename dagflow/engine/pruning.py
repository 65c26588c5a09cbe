"""Pruning: why a decided node does not run (LANGUAGE 4.2), because of its gate or its join. Nothing else prunes by itself."""

from __future__ import annotations

from dagflow.engine.joins import is_satisfied
from dagflow.engine.state import State
from dagflow.engine.transitions import Change
from dagflow.model.plan import NO_NODE
from dagflow.model.status import PruneReason


def prune_reason(state: State, node: int) -> PruneReason | None:
    """The reason to prune the node, or None if it may run. The gate is checked first."""
    gate = state.plan.gates[node]
    # A gate without an outcome was pruned, failed or was cancelled; its outcome is then NONE, which no node needs.
    if gate != NO_NODE and state.outcomes[gate] != state.plan.gate_outcomes[node]:
        return PruneReason.GATE
    if not is_satisfied(state, node):
        return PruneReason.JOIN if state.plan.undoes[node] == NO_NODE else PruneReason.NOTHING_TO_UNDO
    return None


def prune(state: State, node: int, reason: PruneReason) -> None:
    """Settle a node that was never started."""
    state.reasons[node] = reason
    state.change(node, Change.PRUNE)
