"""Many runs at once, each with ten real requests to a server on this machine that takes its time: errors, memory, checkpoints a second.

Run with `python -m benchmarks.crowd [--runs N] [--concurrency N]`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
import socket
import tempfile
import time
from ipaddress import ip_network
from pathlib import Path

import trio

import dagflow
from dagflow.actions.builtin.settings import Settings
from dagflow.store.sqlite.store import SqliteStore

N_REQUESTS = 10
SECONDS = 0.050
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n" + b'{"ok":true}'


def serve(listener: socket.socket) -> None:
    """Answer every request after a while; in a process of its own."""

    async def answer(stream: trio.SocketStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError):
            async with stream:
                received = b""
                while data := await stream.receive_some(4096):
                    received += data
                    if received.endswith(b"\r\n\r\n"):
                        await trio.sleep(SECONDS)
                        await stream.send_all(ANSWER)
                        received = b""

    async def main() -> None:
        listening = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
        await trio.serve_listeners(answer, [listening])

    trio.run(main)


async def crowd(path: Path, port: int, n_runs: int, concurrency: int) -> None:
    """Start them all, and wait for all."""
    catalog = dagflow.Catalog.builtin(Settings(http_allow_networks=(ip_network("127.0.0.0/8"),)))
    steps = "\n".join(f'  s{n} = http.request(url: "http://127.0.0.1:{port}/{n}")' for n in range(N_REQUESTS))
    flow = dagflow.compile(f"flow asks() {{\n  on manual\n{steps}\n}}\n", catalog=catalog).unwrap()
    n_failed, before = 0, peak()

    async def one(interpreter: dagflow.Interpreter) -> None:
        nonlocal n_failed
        result = await (await interpreter.start(flow)).wait()
        n_failed += result.status is not dagflow.RunStatus.SUCCEEDED

    began = time.perf_counter()
    async with (
        dagflow.Interpreter.open(path, catalog=catalog, concurrency=concurrency) as interpreter,
        trio.open_nursery() as nursery,
    ):
        for _ in range(n_runs):
            nursery.start_soon(one, interpreter)
    seconds = time.perf_counter() - began
    print(f"{n_runs:,} runs of {N_REQUESTS} requests, {concurrency:,} at a time: {seconds:.0f} s, {n_failed} failed")
    print(f"{n_runs * N_REQUESTS / seconds:,.0f} checkpoints a second, {before:.0f} MB before, {peak():.0f} MB at most")
    store = SqliteStore.open(path)
    print(f"the store says: {len(store.problems())} problems, {len(store.runs(unfinished=True, limit=n_runs))} runs unfinished")
    store.close()


def peak() -> float:
    """Megabytes, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """A server, and a crowd before it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd")
    parser.add_argument("--runs", type=int, default=10_000, metavar="N")
    parser.add_argument("--concurrency", type=int, default=200, metavar="N")
    arguments = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0), backlog=4_096)
    server = os.fork()
    if server == 0:
        serve(listener)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "runs.db"
            trio.run(crowd, path, listener.getsockname()[1], arguments.runs, arguments.concurrency)
    finally:
        os.kill(server, signal.SIGTERM)


if __name__ == "__main__":
    main()
