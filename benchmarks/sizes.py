"""What a node costs by the size of its graph and by how full the store is, and what waiting costs.

Run with `python -m benchmarks.sizes [--tiny]`. Prints tables, and writes `benchmarks/sizes.json` and, where matplotlib is installed,
`benchmarks/sizes.png`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs
import trio

import dagflow
from benchmarks.shapes import LIMITS, Shape, chain, fan, layered
from benchmarks.throughput import STORES, Prepared, prepare, run_once
from dagflow.app import interpreter
from dagflow.ids import FlowDigest, RunId
from dagflow.model.flow import Edge, Flow
from dagflow.model.status import RunStatus
from dagflow.store.api import Creation, Record, RunRow
from dagflow.store.open import open_store

RESULTS = Path(__file__).with_suffix(".json")
REPEAT = 5
WIDTH = 20
#: The language takes no more steps in one flow; larger ones are made of a compiled one.
MOST_COMPILED = 1_000
#: A store takes no flow that is much larger.
MOST_STORED = 10_000


def larger(flow: Flow, n_nodes: int) -> Flow:
    """The same flow behind itself, again and again: its last nodes come before its first."""
    n_copies = n_nodes // len(flow.nodes)
    firsts = [node.id for node in flow.nodes if not any(edge.target == node.id for edge in flow.edges)]
    lasts = [node.id for node in flow.nodes if not any(edge.source == node.id for edge in flow.edges)]
    nodes = [attrs.evolve(node, id=f"{node.id}_{copy}", join=None) for copy in range(n_copies) for node in flow.nodes]
    inside = [
        attrs.evolve(edge, source=f"{edge.source}_{copy}", target=f"{edge.target}_{copy}")
        for copy in range(n_copies)
        for edge in flow.edges
    ]
    pairs = list(zip(lasts, firsts, strict=True)) if len(lasts) == len(firsts) else [(lasts[0], first) for first in firsts]
    between = [
        Edge(source=f"{last}_{copy}", target=f"{first}_{copy + 1}", kinds=flow.edges[0].kinds, outcome=None)
        for copy in range(n_copies - 1)
        for last, first in pairs
    ]
    return attrs.evolve(flow, nodes=tuple(nodes), edges=(*inside, *between))


def of_size(make: Callable[[int], Shape], n_nodes: int) -> Prepared:
    """A shape with so many nodes; small ones run one after the other, so that there is something to measure."""
    made = prepare(make(min(n_nodes, MOST_COMPILED)))
    if n_nodes > MOST_COMPILED:
        made = attrs.evolve(made, flow=larger(made.flow, n_nodes))
    return attrs.evolve(made, shape=attrs.evolve(made.shape, n_runs=max(1, MOST_COMPILED // n_nodes)))


def by_size(sizes: Iterable[int], folder: Path) -> dict[str, dict[int, list[float]]]:
    """Microseconds a node, in memory and durable, by shape and size."""
    shapes: dict[str, Callable[[int], Shape]] = {
        "chain": chain,
        "layered": lambda n: layered(min(WIDTH, n), max(1, n // WIDTH)),
    }
    found: dict[str, dict[int, list[float]]] = {}
    for name, make in shapes.items():
        for size in sizes:
            prepared = of_size(make, size)
            memory, durable = list[float](), list[float]()
            for number in range(REPEAT if size < MOST_STORED else 2):
                memory.append(run_once(prepared, ":memory:")[1] / prepared.n_nodes * 1e6)
                if size <= MOST_STORED:
                    path = str(folder / f"{name}{size}.{number}.db")
                    durable.append(run_once(prepared, path)[1] / prepared.n_nodes * 1e6)
            found.setdefault(name, {})[size] = [statistics.median(each) for each in (memory, durable) if each]
            costs = ", ".join(f"{cost:.1f} {store}" for cost, store in zip(found[name][size], STORES, strict=False))
            print(f"{name:8} {size:>8,} nodes: µs a node {costs}")
    return found


def by_store(counts: Iterable[int], folder: Path) -> dict[int, float]:
    """Milliseconds for a run of ten nodes, by how many runs the store has."""
    made = prepare(chain(10))
    path, found, n_there = folder / "full.db", {}, 0
    for count in counts:
        fill(path, n_there, count)
        n_there = count

        async def some() -> float:
            async with dagflow.Interpreter.open(path, catalog=made.catalog) as interpreter:
                await (await interpreter.start(made.flow)).wait()
                taken = []
                for _ in range(50):
                    began = time.perf_counter()
                    await (await interpreter.start(made.flow)).wait()
                    taken.append(time.perf_counter() - began)
                return statistics.median(taken) * 1e3

        found[count] = trio.run(some)
        print(f"{count:>9,} runs stored: {found[count]:.1f} ms for a run of ten nodes")
    return found


def fill(path: Path, first: int, end: int) -> None:
    """Make runs that have ended."""
    store = open_store(path)
    records = [Record("attempt_succeeded", n, f"n{n}", 1, b'{"i":1,"ok":true}') for n in range(5)]
    for start in range(first, end, 5_000):
        batch = []
        for n in range(start, min(end, start + 5_000)):
            row = RunRow(
                id=RunId(f"{n:032x}"),
                flow="f",
                digest=FlowDigest("d"),
                status=RunStatus.SUCCEEDED,
                created_at=n,
                ended_at=n + 1,
            )
            batch.append(Creation(row=row, flow=b"{}", records=records))
        store.write((), batch)
    store.close()


def waiting(n_nodes: int) -> tuple[float, float]:
    """Milliseconds for so many nodes at once that each wait for ten, and for as many tasks of trio that do nothing else."""
    catalog = dagflow.Catalog()

    @catalog.action("work", effect="idempotent")
    async def work(i: int) -> int:
        await trio.sleep(0.010)
        return i

    flow = dagflow.compile(fan(n_nodes).text, catalog=catalog, limits=LIMITS).unwrap()

    async def main() -> tuple[float, float]:
        taken, bare = list[float](), list[float]()
        async with dagflow.Interpreter.open(":memory:", catalog=catalog, concurrency=n_nodes) as interpreter:
            for _ in range(2 + REPEAT):
                began = time.perf_counter()
                await (await interpreter.start(flow)).wait()
                taken.append(time.perf_counter() - began)
                began = time.perf_counter()
                async with trio.open_nursery() as nursery:
                    for _ in range(n_nodes):
                        nursery.start_soon(trio.sleep, 0.010)
                bare.append(time.perf_counter() - began)
        # The first and the last node wait, too.
        return (statistics.median(taken[2:]) - 0.020) * 1e3, statistics.median(bare) * 1e3

    return trio.run(main)


def plot(found: dict[str, dict[int, list[float]]]) -> None:
    """Nodes per second by size."""
    try:
        import matplotlib as mpl  # noqa: PLC0415 - an extra
    except ImportError:
        return
    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(6.4, 4))
    for name, sizes in found.items():
        for place, store in enumerate(STORES):
            speeds = {size: 1e6 / costs[place] for size, costs in sizes.items() if place < len(costs)}
            axes.plot(
                list(speeds), list(speeds.values()), marker="o", label=f"{name}, {store}", linestyle="-" if place else "--"
            )
    axes.set(xscale="log", yscale="log", xlabel="nodes in one run", ylabel="nodes per second")
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(RESULTS.with_suffix(".png"), dpi=110)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes")
    parser.add_argument("--tiny", action="store_true", help="small ones, to see that it works")
    is_tiny = parser.parse_args().tiny
    # The largest flow is over what anybody may start; here it shows whether the engine minds.
    interpreter.MAX_FLOW = 64 * 1024 * 1024  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as place:
        sizes = by_size((10, 100) if is_tiny else (10, 100, 1_000, 10_000, 100_000), Path(place))
        stores = by_store((10, 100) if is_tiny else (1_000, 10_000, 100_000), Path(place))
    n_nodes = 20 if is_tiny else 1_000
    milliseconds, bare = waiting(n_nodes)
    print(f"{n_nodes:,} nodes that wait 10 ms, all at once: {milliseconds:.1f} ms; bare tasks of trio: {bare:.1f} ms")
    if not is_tiny:
        RESULTS.write_text(json.dumps({"size": sizes, "runs_stored": stores, "waiting": [milliseconds, bare]}, indent=1) + "\n")
        plot(sizes)


if __name__ == "__main__":
    main()
