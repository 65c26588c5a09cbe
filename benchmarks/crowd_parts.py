"""What a step of the crowd is made of, each part alone: processor time and rate of 200 tasks that ask a server of 50 ms.

Run with `python -m benchmarks.crowd_parts [--each N]`. From the least there is to do, bytes on a socket, over h11 and httpcore, to
the action, and to whole runs in a store whose action only waits.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import ip_network
from pathlib import Path

import anyio
import h11
import httpcore
import trio

import dagflow
from benchmarks.crowd import N_REQUESTS, SECONDS, serve
from dagflow.actions.builtin.http_request import HttpResponse
from dagflow.actions.builtin.settings import Settings
from dagflow.actions.performer import CatalogPerformer
from dagflow.drivers.local.runners import Runners

N_TASKS = 200
HEADERS = [(b"host", b"127.0.0.1"), (b"user-agent", b"dagflow"), (b"accept", b"*/*"), (b"idempotency-key", b"0" * 32)]
REQUEST = b"GET / HTTP/1.1\r\n" + b"".join(name + b": " + value + b"\r\n" for name, value in HEADERS) + b"\r\n"


async def bare(port: int, each: int) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        for _ in range(each):
            await stream.send_all(REQUEST)
            await stream.receive_some(65_536)


async def parsed(port: int, each: int) -> None:
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        http = h11.Connection(h11.CLIENT)
        for _ in range(each):
            data = http.send(h11.Request(method="GET", target="/", headers=HEADERS)) or b""
            with anyio.CancelScope(deadline=anyio.current_time() + 10):
                await stream.send(data + (http.send(h11.EndOfMessage()) or b""))
                while not isinstance(event := http.next_event(), h11.EndOfMessage):
                    if event is h11.NEED_DATA:
                        http.receive_data(await stream.receive())
            http.start_next_cycle()


async def one_of_httpcore(port: int, each: int) -> None:
    url = httpcore.URL(f"http://127.0.0.1:{port}/")
    limits = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), 10.0)}
    stream = await httpcore.AnyIOBackend().connect_tcp("127.0.0.1", port)
    async with httpcore.AsyncHTTP11Connection(origin=url.origin, stream=stream, keepalive_expiry=5) as connection:
        for _ in range(each):
            response = await connection.handle_async_request(httpcore.Request("GET", url, headers=HEADERS, extensions=limits))
            await response.aread()
            await response.aclose()


async def pool_of_httpcore(pool: httpcore.AsyncConnectionPool, port: int, each: int) -> None:
    for _ in range(each):
        await pool.request("GET", f"http://127.0.0.1:{port}/", headers=HEADERS)


async def action(performer: CatalogPerformer, host: str, port: int, each: int) -> None:
    for n in range(each):
        arguments = {"url": f"http://{host}:{port}/{n % 10}"}
        await performer.perform(
            dagflow.Invocation(
                action="http.request", arguments=arguments, effect_key="0" * 32, attempt=1, run="0" * 32, node="s"
            )
        )


async def timed(name: str, one: Callable[[int, int], Awaitable[None]], port: int, each: int, n_tasks: int = N_TASKS) -> None:
    used, began = time.process_time(), time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(n_tasks):
            nursery.start_soon(one, port, each)
    show(name, n_tasks * each, time.process_time() - used, time.perf_counter() - began)


def show(name: str, count: int, used: float, seconds: float) -> None:
    print(f"{name:32} {used / count * 1e6:6.0f} µs of processor time, {count / seconds:6,.0f}/s", flush=True)


async def requests(port: int, each: int) -> None:
    await timed("bytes on a socket", bare, port, each)
    await timed("h11, with a deadline", parsed, port, each)
    await timed("a connection of httpcore", one_of_httpcore, port, each)
    async with httpcore.AsyncConnectionPool(max_connections=None, network_backend=httpcore.AnyIOBackend()) as pool:
        await timed("httpcore's pool, 25 tasks", partial(pool_of_httpcore, pool), port, each, 25)
    performer = dagflow.Catalog.builtin(Settings(http_allow_networks=(ip_network("127.0.0.0/8"),))).performer(Runners(64))
    async with performer.open():
        await trio.lowlevel.checkpoint()
        await timed("http.request", partial(action, performer, "127.0.0.1"), port, each)
        await timed("http.request, by a name", partial(action, performer, "localhost"), port, each)


async def runs(path: Path, n_runs: int) -> None:
    catalog = dagflow.Catalog()

    @catalog.action("ask", effect="effectful")
    async def ask(url: dagflow.Url, key: dagflow.EffectKey) -> HttpResponse:  # noqa: ARG001
        await trio.sleep(SECONDS)
        return HttpResponse(200, {"content-type": "application/json"}, {"ok": True}, "")

    steps = "\n".join(f'  s{n} = ask(url: "http://127.0.0.1/{n}")' for n in range(N_REQUESTS))
    flow = dagflow.compile(f"flow asks() {{\n  on manual\n{steps}\n}}\n", catalog=catalog).unwrap()

    async def one(interpreter: dagflow.Interpreter) -> None:
        await (await interpreter.start(flow)).wait()

    used, began = time.process_time(), time.perf_counter()
    async with (
        dagflow.Interpreter.open(path, catalog=catalog, concurrency=N_TASKS) as interpreter,
        trio.open_nursery() as nursery,
    ):
        for _ in range(n_runs):
            nursery.start_soon(one, interpreter)
    show("runs whose action only waits", n_runs * N_REQUESTS, time.process_time() - used, time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd_parts")
    parser.add_argument("--each", type=int, default=50, metavar="N", help="requests of each task")
    each = parser.parse_args().each
    listener = socket.create_server(("127.0.0.1", 0), backlog=4_096)
    server = os.fork()
    if server == 0:
        serve(listener)
    try:
        trio.run(requests, listener.getsockname()[1], each)
        with tempfile.TemporaryDirectory() as folder:
            trio.run(runs, Path(folder) / "runs.db", each * N_TASKS // N_REQUESTS)
    finally:
        os.kill(server, signal.SIGTERM)


if __name__ == "__main__":
    main()
