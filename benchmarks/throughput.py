"""Nodes per second for four shapes, in memory and durable, beside a plain loop over `graphlib`.

python -m benchmarks.throughput                     # the table, and benchmarks/throughput.json
python -m benchmarks.throughput --profile chain     # where the time of one shape goes
"""

from __future__ import annotations

import argparse
import cProfile
import graphlib
import json
import os
import platform
import pstats
import statistics
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import apsw
import attrs
import trio

import dagflow
from benchmarks.shapes import LIMITS, Shape, make_catalog, sized

STORES = ("memory", "durable")
RESULTS = Path(__file__).with_suffix(".json")


@attrs.frozen
class Prepared:
    """A shape that is compiled."""

    shape: Shape
    flow: dagflow.Flow
    catalog: dagflow.Catalog
    compile_seconds: float

    @property
    def n_nodes(self) -> int:
        """Of all its runs together."""
        return len(self.flow.nodes) * self.shape.n_runs


def prepare(shape: Shape) -> Prepared:
    """Compile a shape."""
    catalog = make_catalog()
    start = time.perf_counter()
    flow = dagflow.compile(shape.text, catalog=catalog, limits=LIMITS).unwrap()
    return Prepared(shape, flow, catalog, time.perf_counter() - start)


def run_once(prepared: Prepared, path: str, profile: cProfile.Profile | None = None) -> tuple[float, float]:
    """The seconds of a first run, and then of the measured ones, from the first start to the last end.

    The first run of a flow also makes it ready: its expressions become code, its text and graph what the store keeps.
    """

    async def one(interpreter: dagflow.Interpreter) -> None:
        run = await interpreter.start(prepared.flow, prepared.shape.input)
        result = await run.wait()
        if result.status is not dagflow.RunStatus.SUCCEEDED:
            raise RuntimeError(f"a run of {prepared.shape.name} {result.status}: {result.failures}")

    async def main() -> tuple[float, float]:
        async with dagflow.Interpreter.open(path, catalog=prepared.catalog) as interpreter:
            start = time.perf_counter()
            await one(interpreter)
            ready = time.perf_counter()
            if profile is not None:
                profile.enable()
            async with trio.open_nursery() as nursery:
                for _ in range(prepared.shape.n_runs):
                    nursery.start_soon(one, interpreter)
            if profile is not None:
                profile.disable()
            return ready - start, time.perf_counter() - ready

    return trio.run(main)


def run_in(prepared: Prepared, store: str, folder: Path) -> tuple[float, float]:
    """`run_once` with a fresh store of that kind."""
    if store == "memory":
        return run_once(prepared, ":memory:")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        return run_once(prepared, str(Path(place) / "runs.db"))


def run_plain(prepared: Prepared) -> float:
    """The least there is to do: plain functions in the order of the graph, results in a dictionary."""
    graph = prepared.flow.graph
    before = {node: tuple(graph.predecessors(node)) for node in graph}

    def work(i: int) -> dict[str, object]:
        return {"ok": True, "i": i}

    start = time.perf_counter()
    for _ in range(prepared.shape.n_runs):
        results: dict[str, object] = {}
        sorter = graphlib.TopologicalSorter(before)
        sorter.prepare()
        while sorter.is_active():
            for node in sorter.get_ready():
                results[node] = work(len(results))
                sorter.done(node)
    return time.perf_counter() - start


def measure(prepared: Prepared, repeat: int, folder: Path) -> dict[str, object]:
    """Medians for one shape; the three ways take turns, so that a busy machine is unfair to none."""
    seconds: dict[str, list[float]] = {"plain": [], **{store: [] for store in STORES}}
    firsts: list[float] = []
    for _ in range(repeat):
        seconds["plain"].append(run_plain(prepared))
        for store in STORES:
            first, others = run_in(prepared, store, folder)
            seconds[store].append(others)
            if store == "memory":
                firsts.append(first)
    per_second = {name: prepared.n_nodes / statistics.median(found) for name, found in seconds.items()}
    return {
        "shape": prepared.shape.name,
        "nodes": prepared.n_nodes,
        "compile_seconds": round(prepared.compile_seconds, 4),
        "first_run_seconds": round(statistics.median(firsts), 4),
        "nodes_per_second": {name: round(found) for name, found in per_second.items()},
        "slower_than_plain": {store: round(per_second["plain"] / per_second[store], 1) for store in STORES},
        "seconds": {name: [round(each, 5) for each in found] for name, found in seconds.items()},
    }


def sync_seconds(folder: Path) -> float:
    """The median time this disk takes to make 4 KiB durable: the floor under a commit."""
    found: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            found.append(time.perf_counter() - start)
    return statistics.median(found)


def environment(folder: Path) -> dict[str, object]:
    """What the numbers depend on."""
    return {
        "python": platform.python_version(),
        "dagflow": version("dagflow"),
        "trio": version("trio"),
        "sqlite": apsw.sqlite_lib_version(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "sync_microseconds": round(sync_seconds(folder) * 1e6),
    }


def table(rows: Sequence[dict[str, object]]) -> str:
    """The rows as a table of Markdown."""
    head = "| shape | nodes | compile | first run | plain | memory | durable | memory / plain | durable / plain |"
    lines = [head, "|---|" + "--:|" * 8]
    for row in rows:
        speed, slower = row["nodes_per_second"], row["slower_than_plain"]
        assert isinstance(speed, dict)
        assert isinstance(slower, dict)
        lines.append(
            f"| {row['shape']} | {row['nodes']:,} | {row['compile_seconds']} s | {row['first_run_seconds']} s "
            f"| {speed['plain']:,} | {speed['memory']:,} | {speed['durable']:,} | 1 : {slower['memory']} | 1 : {slower['durable']} |"
        )
    return "\n".join(lines)


def show_profile(prepared: Prepared, store: str, folder: Path, n_lines: int) -> None:
    """Print where the time of one run goes, by function, most expensive first."""
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory(dir=folder) as place:
        run_once(prepared, ":memory:" if store == "memory" else str(Path(place) / "runs.db"), profile)
    pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(n_lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--shape", action="append", choices=list(sized(is_tiny=True)), help="only this one; may be repeated")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="runs of each, of which the median counts")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE", help="where the JSON goes")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the durable stores lie meanwhile"
    )
    parser.add_argument(
        "--profile", metavar="SHAPE", choices=list(sized(is_tiny=True)), help="show where its time goes instead"
    )
    parser.add_argument("--store", choices=STORES, default="memory", help="for --profile")
    parser.add_argument("--lines", type=int, default=30, metavar="N", help="for --profile")
    parser.add_argument("--tiny", action="store_true", help="tiny sizes, to see that it works")
    arguments = parser.parse_args(argv)
    shapes = sized(is_tiny=arguments.tiny)
    if arguments.profile:
        show_profile(prepare(shapes[arguments.profile]()), arguments.store, arguments.folder, arguments.lines)
        return
    rows = [measure(prepare(shapes[name]()), arguments.repeat, arguments.folder) for name in arguments.shape or shapes]
    found = {"environment": environment(arguments.folder), "shapes": rows}
    arguments.output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(" · ".join(f"{name} {value}" for name, value in environment(arguments.folder).items()))
    print(table(rows))


if __name__ == "__main__":
    main()
