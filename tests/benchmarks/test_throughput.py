"""The benchmarks run; how fast is nobody's business here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import throughput
from benchmarks.shapes import sized


def test_every_shape_in_both_stores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "found.json"
    throughput.main(["--tiny", "--repeat", "1", "--output", str(output), "--folder", str(tmp_path)])
    found = json.loads(output.read_text())
    assert [row["shape"] for row in found["shapes"]] == list(sized(is_tiny=False)) == ["chain", "fan", "layered", "leads"]
    assert [row["nodes"] for row in found["shapes"]] == [5, 7, 9, 15]
    assert all(set(row["nodes_per_second"]) == {"plain", "memory", "durable"} for row in found["shapes"])
    assert capsys.readouterr().out.count("\n| ") == 5
    assert [path.name for path in tmp_path.iterdir()] == ["found.json"]


@pytest.mark.parametrize("store", ["memory", "durable"])
def test_a_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str], store: str) -> None:
    throughput.main(["--tiny", "--profile", "leads", "--store", store, "--folder", str(tmp_path)])
    assert "function calls" in capsys.readouterr().out


def test_the_real_shapes_compile_to_their_sizes() -> None:
    shapes = {name: throughput.prepare(make()) for name, make in sized(is_tiny=False).items() if name != "fan"}
    assert {name: each.n_nodes for name, each in shapes.items()} == {"chain": 1_000, "layered": 1_000, "leads": 2_500}
    layered = shapes["layered"].flow.graph
    assert {degree for _, degree in layered.in_degree()} == {0, 2}
