"""Temporal: a development server of its own with a database on disk, one worker, local activities."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.peers.graphs import Graph

_QUEUE = "benchmark"
_PATIENCE = timedelta(seconds=60)


@activity.defn
async def work(number: int) -> dict[str, Any]:
    """What every node does."""
    return {"ok": True, "i": number}


@workflow.defn
class Nodes:
    """Runs a graph: each node as soon as all it comes after are done."""

    @workflow.run
    async def run(self, after: dict[str, list[str]]) -> int:
        """Gives how many nodes ran."""
        tasks: dict[str, asyncio.Task[None]] = {}

        async def node(number: int, before: list[str]) -> None:
            for name in before:
                await tasks[name]
            await workflow.execute_local_activity(work, number, start_to_close_timeout=_PATIENCE)

        for number, (name, before) in enumerate(after.items()):
            tasks[name] = asyncio.create_task(node(number, before))
        for task in tasks.values():
            await task
        return len(tasks)


def run(graph: Graph, folder: Path) -> float:
    """See `engines.Engine`."""
    program = shutil.which("temporal") or str(Path(sys.executable).with_name("temporal"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "server", "start-dev", "--headless", "--port", str(port), "--db-filename", str(folder / "temporal.db")]
    server = subprocess.Popen([*command, "--log-level", "never"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return asyncio.run(_measured(graph, f"127.0.0.1:{port}"))
    finally:
        server.terminate()
        server.wait(20)


async def _measured(graph: Graph, address: str) -> float:
    client = await _connected(address)
    after = {name: list(before) for name, before in graph.after.items()}
    async with Worker(
        client, task_queue=_QUEUE, workflows=[Nodes], activities=[work], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        await client.execute_workflow(Nodes.run, {"a": []}, id="warm", task_queue=_QUEUE)
        begun = time.perf_counter()
        await asyncio.gather(
            *(client.execute_workflow(Nodes.run, after, id=f"run-{n}", task_queue=_QUEUE) for n in range(graph.n_runs))
        )
        return time.perf_counter() - begun


async def _connected(address: str) -> Client:
    deadline = time.monotonic() + 30
    while True:
        try:
            return await Client.connect(address)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
