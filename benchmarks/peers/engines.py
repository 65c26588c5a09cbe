"""What runs a graph once and says how long it took, in seconds, from the first start to the last end. Setting up does not count."""

from __future__ import annotations

import asyncio
import graphlib
import itertools
import operator
import time
import types
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, TypedDict

import attrs

from benchmarks.peers.graphs import Graph

_numbers = itertools.count()
Run = Callable[[Graph, Path], float]


@attrs.frozen
class Engine:
    """A peer. `durable`: what survives a crash. `package`: where it comes from, if it has to be installed."""

    name: str
    durable: str
    run: Run
    package: str = ""

    @property
    def version(self) -> str:
        """Of its package; "" where it needs none, "-" where it is not installed."""
        if not self.package:
            return ""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return "-"


def work(i: int) -> dict[str, object]:
    """What every node does."""
    return {"ok": True, "i": i}


def plain(graph: Graph, _folder: Path) -> float:
    """`graphlib` gives the order, a function is called."""
    begun = time.perf_counter()
    for _ in range(graph.n_runs):
        results: dict[str, object] = {}
        sorter = graphlib.TopologicalSorter(graph.after)
        sorter.prepare()
        while sorter.is_active():
            for node in sorter.get_ready():
                results[node] = work(len(results))
                sorter.done(node)
    return time.perf_counter() - begun


def asyncio_tasks(graph: Graph, _folder: Path) -> float:
    """`graphlib` gives the order, each node is a task of asyncio."""

    async def node(name: str, number: int, done: asyncio.Queue[str]) -> dict[str, object]:
        result = work(number)
        done.put_nowait(name)
        return result

    async def one() -> None:
        sorter = graphlib.TopologicalSorter(graph.after)
        sorter.prepare()
        done: asyncio.Queue[str] = asyncio.Queue()
        tasks: list[asyncio.Task[dict[str, object]]] = []
        while sorter.is_active():
            tasks += [asyncio.create_task(node(name, len(tasks), done)) for name in sorter.get_ready()]
            sorter.done(await done.get())
        await asyncio.gather(*tasks)

    async def main() -> float:
        begun = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(graph.n_runs)))
        return time.perf_counter() - begun

    return asyncio.run(main())


def hamilton(graph: Graph, _folder: Path) -> float:
    """Functions whose parameters name what they come after."""
    from hamilton import ad_hoc_utils, driver

    module = types.ModuleType("nodes")
    for number, (name, after) in enumerate(graph.after.items()):
        parameters = ", ".join(f"{each}: dict" for each in after)
        exec(f"def {name}({parameters}) -> dict:\n    return {{'ok': True, 'i': {number}}}\n", module.__dict__)
    functions = [module.__dict__[name] for name in graph.after]
    for function in functions:
        function.__module__ = "nodes"
    built = (
        driver.Builder()
        .with_modules(ad_hoc_utils.create_temporary_module(*functions, module_name=f"nodes{next(_numbers)}"))
        .build()
    )
    wanted = sorted(graph.after.keys() - {each for after in graph.after.values() for each in after})
    built.execute(wanted)
    begun = time.perf_counter()
    for _ in range(graph.n_runs):
        built.execute(wanted)
    return time.perf_counter() - begun


def dask_local(graph: Graph, _folder: Path) -> float:
    """The scheduler that uses one thread."""
    import dask

    tasks = {name: (_dask_work, number, list(after)) for number, (name, after) in enumerate(graph.after.items())}
    wanted = sorted(graph.after.keys() - {each for after in graph.after.values() for each in after})
    begun = time.perf_counter()
    for _ in range(graph.n_runs):
        dask.get(tasks, wanted)
    return time.perf_counter() - begun


def _dask_work(number: int, _after: list[object]) -> dict[str, object]:
    return work(number)


class _State(TypedDict):
    results: Annotated[list[Any], operator.add]


def _state_graph(graph: Graph) -> Any:
    from langgraph.graph import END, START, StateGraph

    builder = StateGraph(_State)
    for number, name in enumerate(graph.after):
        builder.add_node(name, lambda _state, number=number: {"results": [work(number)]})
    for name, after in graph.after.items():
        builder.add_edge(list(after) if len(after) > 1 else after[0] if after else START, name)
    for name in sorted(graph.after.keys() - {each for after in graph.after.values() for each in after}):
        builder.add_edge(name, END)
    return builder


def _config(graph: Graph, run: int) -> dict[str, object]:
    return {"recursion_limit": len(graph.after) + 10, "configurable": {"thread_id": str(run)}}


def langgraph_memory(graph: Graph, _folder: Path) -> float:
    """Nothing is kept."""
    app = _state_graph(graph).compile()
    begun = time.perf_counter()
    for run in range(graph.n_runs):
        app.invoke({"results": []}, _config(graph, run))
    return time.perf_counter() - begun


def langgraph_sqlite(graph: Graph, folder: Path) -> float:
    """A checkpoint after each step, before the next one."""
    import sqlite3

    from langgraph.checkpoint.sqlite import SqliteSaver

    connection = sqlite3.connect(folder / "langgraph.db", check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    app = _state_graph(graph).compile(checkpointer=SqliteSaver(connection))
    begun = time.perf_counter()
    for run in range(graph.n_runs):
        app.invoke({"results": []}, _config(graph, run), durability="sync")
    seconds = time.perf_counter() - begun
    connection.close()
    return seconds


def dbos_sqlite(graph: Graph, folder: Path) -> float:
    """A workflow that calls a step for each node, one after the other; many runs are started at once."""
    from dbos import DBOS

    DBOS(
        config={
            "name": "benchmark",
            "system_database_url": f"sqlite:///{folder / 'dbos.sqlite'}",
            "log_level": "ERROR",
            "run_admin_server": False,
        }
    )

    @DBOS.step()
    def step(number: int) -> dict[str, object]:
        return work(number)

    @DBOS.workflow()
    def workflow(n_nodes: int) -> int:
        for number in range(n_nodes):
            step(number)
        return n_nodes

    DBOS.launch()
    try:
        workflow(2)
        begun = time.perf_counter()
        if graph.n_runs == 1:
            workflow(len(graph.after))
        else:
            handles = [DBOS.start_workflow(workflow, len(graph.after)) for _ in range(graph.n_runs)]
            for handle in handles:
                handle.get_result()
        return time.perf_counter() - begun
    finally:
        DBOS.destroy()


def temporal(graph: Graph, folder: Path) -> float:
    """A workflow that runs each node as a local activity, on a development server of its own."""
    from benchmarks.peers import temporal_peer

    return temporal_peer.run(graph, folder)


ENGINES: Mapping[str, Engine] = {
    each.name: each
    for each in (
        Engine("plain loop", "nothing", plain),
        Engine("asyncio tasks", "nothing", asyncio_tasks),
        Engine("apache-hamilton", "nothing", hamilton, "apache-hamilton"),
        Engine("dask, one thread", "nothing", dask_local, "dask"),
        Engine("LangGraph, memory", "nothing", langgraph_memory, "langgraph"),
        Engine("LangGraph, SQLite", "the state after each step (synchronous=FULL)", langgraph_sqlite, "langgraph"),
        Engine("DBOS, SQLite", "the result of each step", dbos_sqlite, "dbos"),
        Engine("Temporal, local activities", "each workflow task, with the results of its activities", temporal, "temporalio"),
    )
}
