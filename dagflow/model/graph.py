"""The one place that knows networkx: a flow as a `DiGraph`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import networkx as nx


class _Node(Protocol):
    @property
    def id(self) -> str: ...


class _Edge(Protocol):
    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def kinds(self) -> tuple[object, ...]: ...
    @property
    def outcome(self) -> int | None: ...


def build_graph(nodes: Iterable[_Node], edges: Iterable[_Edge]) -> nx.DiGraph[str]:
    """Make the graph described at `Flow.graph`."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for node in nodes:
        graph.add_node(node.id, node=node)
    for edge in edges:
        graph.add_edge(edge.source, edge.target, kinds=edge.kinds)
        if edge.outcome is not None:
            graph.edges[edge.source, edge.target]["outcome"] = edge.outcome
    return graph
