from __future__ import annotations

import networkx as nx
import pytest

from dagflow.diagnostic import Span
from dagflow.model.flow import Edge, EdgeKind, Flow, Node, NodeKind, Scope
from dagflow.model.types import NULL, RecordType

NODES = tuple(Node(id=name, kind=NodeKind.LET, span=Span(0, 1), type=NULL) for name in ("b", "gate", "a"))
FLOW = Flow(
    name="f",
    input=RecordType("", ()),
    result=NULL,
    timeout_ns=1,
    nodes=NODES,
    edges=(Edge("b", "gate", (EdgeKind.SEQ,)), Edge("gate", "a", (EdgeKind.GATE, EdgeKind.DATA), 1)),
    scopes=(Scope("", None, None),),
)


def test_the_graph_has_nodes_in_declared_order_and_edges_with_reasons():
    graph = FLOW.graph
    assert list(graph) == ["b", "gate", "a"]
    assert graph.nodes["a"]["node"] is NODES[2]
    assert graph.edges["b", "gate"] == {"kinds": (EdgeKind.SEQ,)}
    assert graph.edges["gate", "a"] == {"kinds": (EdgeKind.GATE, EdgeKind.DATA), "outcome": 1}
    assert FLOW.graph is graph
    assert list(nx.topological_sort(graph)) == ["b", "gate", "a"]


def test_a_node_is_found_by_its_id():
    assert FLOW.node("gate") is NODES[1]
    with pytest.raises(KeyError):
        FLOW.node("nope")
