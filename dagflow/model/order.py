"""The nodes of a flow in an order in which each comes behind all it comes after."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagflow.model.flow import Flow


def in_order(flow: Flow) -> list[str]:
    """The ids, sources before targets; those that are free in declared order."""
    targets: dict[str, list[str]] = {node.id: [] for node in flow.nodes}
    n_waiting = dict.fromkeys(targets, 0)
    for edge in flow.edges:
        targets[edge.source].append(edge.target)
        n_waiting[edge.target] += 1
    ready = [node for node, count in n_waiting.items() if count == 0]
    for node in ready:
        for target in targets[node]:
            n_waiting[target] -= 1
            if n_waiting[target] == 0:
                ready.append(target)
    return ready
