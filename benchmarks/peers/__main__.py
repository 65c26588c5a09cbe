"""Nodes per second of dagflow and of its peers, in one run on one machine: `python -m benchmarks.peers [--tiny] [--repeat N]`.

Prints a table, and writes `benchmarks/peers.json` and, where matplotlib is installed, `benchmarks/peers.png`. Peers that are
not installed are left out: `pip install '.[bench]'` brings those there are.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.peers.engines import ENGINES, Engine
from benchmarks.peers.graphs import Graph, graphs
from benchmarks.shapes import Shape, chain, fan, layered, leads
from benchmarks.throughput import Prepared, environment, prepare, run_once

RESULTS = Path(__file__).resolve().parents[1] / "peers.json"
#: A peer that takes longer than this for one shape is measured once.
SLOW_SECONDS = 5.0


def ours(*, is_tiny: bool) -> dict[str, Prepared]:
    """The same shapes as flows."""
    shapes: tuple[Shape, ...] = (
        (chain(5), fan(5), layered(3, 3), leads(3)) if is_tiny else (chain(1_000), fan(1_000), layered(50, 20), leads(500))
    )
    return {shape.name: prepare(shape) for shape in shapes}


def dagflow_runs(prepared: dict[str, Prepared], store: str) -> Callable[[Graph, Path], float]:
    """dagflow as one of the engines."""

    def run(graph: Graph, folder: Path) -> float:
        return run_once(prepared[graph.name], ":memory:" if store == "memory" else str(folder / "dagflow.db"))[1]

    return run


def measure(engine: Engine, graph: Graph, repeat: int) -> float | None:
    """Nodes per second, the median; None if the engine cannot run the graph."""
    seconds: list[float] = []
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            try:
                seconds.append(engine.run(graph, Path(folder)))
            except Exception as error:  # whatever a peer cannot do is a gap in the table, with its reason below it
                logging.getLogger(__name__).warning("%s, %s: %r", engine.name, graph.name, error)
                return None
        if seconds[-1] > SLOW_SECONDS:
            break
    return graph.n_nodes / statistics.median(seconds)


def main() -> None:
    """Measure everything that is there, and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    parser.add_argument("--tiny", action="store_true", help="shapes of a few nodes, to see that it works")
    parser.add_argument("--repeat", type=int, default=5, metavar="N")
    parser.add_argument("--only", metavar="NAME", help="engines whose name has this in it")
    arguments = parser.parse_args()
    prepared = ours(is_tiny=arguments.tiny)
    engines = [
        Engine("dagflow, memory", "nothing", dagflow_runs(prepared, "memory"), "dagflow"),
        Engine(
            "dagflow, SQLite", "intent and result of each step (synchronous=FULL)", dagflow_runs(prepared, "durable"), "dagflow"
        ),
        *ENGINES.values(),
    ]
    shapes = graphs(is_tiny=arguments.tiny)
    print(f"| engine | version | keeps | {' | '.join(shape.name for shape in shapes)} |")
    print("|---|---|---|" + "--:|" * len(shapes))
    found: dict[str, dict[str, float | None]] = {}
    for engine in engines:
        if engine.version == "-" or (arguments.only and arguments.only.lower() not in engine.name.lower()):
            continue
        found[engine.name] = {shape.name: measure(engine, shape, arguments.repeat) for shape in shapes}
        cells = " | ".join("–" if value is None else f"{value:,.0f}" for value in found[engine.name].values())
        print(f"| {engine.name} | {engine.version} | {engine.durable} | {cells} |", flush=True)
    if not arguments.tiny:
        kept = {
            "environment": environment(Path(tempfile.gettempdir())),
            "at": time.strftime("%Y-%m-%d"),
            "nodes_per_second": found,
        }
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
        plot(found)


def plot(found: dict[str, dict[str, float | None]]) -> None:
    """A bar for each engine and shape, on a logarithmic scale."""
    try:
        import matplotlib as mpl
    except ImportError:
        return
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    shapes = list(next(iter(found.values())))
    figure, axes = plt.subplots(1, len(shapes), figsize=(4 * len(shapes), 0.4 * len(found) + 1.6), sharey=True)
    for axis, shape in zip(axes, shapes, strict=True):
        names = list(reversed(found))
        values = [found[name][shape] or 0 for name in names]
        axis.barh(names, values, color=["#1f6feb" if "dagflow" in name else "#9aa4b2" for name in names])
        axis.set_xscale("log")
        axis.set_title(shape)
        axis.set_xlabel("nodes per second")
    figure.tight_layout()
    figure.savefig(RESULTS.with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    main()
