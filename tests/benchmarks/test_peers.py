"""The comparison with other engines works; the peers that need no package are run."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers.__main__ import dagflow_runs, measure, ours
from benchmarks.peers.engines import ENGINES, Engine
from benchmarks.peers.graphs import Graph, graphs


@pytest.mark.parametrize("graph", graphs(is_tiny=False), ids=lambda graph: graph.name)
def test_graphs_are_what_they_are_called(graph: Graph) -> None:
    seen: set[str] = set()
    for name, after in graph.after.items():
        assert seen.issuperset(after), "in an order that can be run"
        seen.add(name)
    assert graph.n_nodes in {1_000, 1_002, 2_500}


@pytest.mark.parametrize("name", ["plain loop", "asyncio tasks"])
def test_engines_of_the_standard_library(name: str) -> None:
    for graph in graphs(is_tiny=True):
        assert (measure(ENGINES[name], graph, 1) or 0) > 0


def test_ours() -> None:
    engine = Engine("dagflow", "", dagflow_runs(ours(is_tiny=True), "durable"))
    for graph in graphs(is_tiny=True):
        assert (measure(engine, graph, 1) or 0) > 0


def test_an_engine_that_gives_up_is_a_gap() -> None:
    def run(_graph: Graph, _folder: Path) -> float:
        raise RecursionError

    assert measure(Engine("frail", "", run), graphs(is_tiny=True)[0], 2) is None
    assert Engine("absent", "", run, "no-such-package").version == "-"
