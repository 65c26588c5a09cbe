"""How fast a service takes events: `python -m benchmarks.service`.

Prints events a second through published flows, the cost of an event by how many flows are published, and small runs a second from the
event to the end of the run. Each in one process, on SQLite in a fresh folder, or with `--store URL` in fresh schemas of a Postgres database.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from pathlib import Path

import trio

from dagflow import Catalog, Service

#: How many senders wait for their events at a time.
_SENDERS = 100


def flow(number: int) -> str:
    """A flow that takes one event of its own."""
    return f"""
event "bench/{number}" {{ n: int }}
flow flow_{number}(n: int) -> int {{
  on event "bench/{number}"
  concurrency 1000 by n % 10
  d = double(n: n)
  return d
}}
"""


async def sent(service: Service, n_events: int, n_flows: int, n_senders: int) -> float:
    """Send events to flows in turn; returns seconds."""
    numbers = iter(range(n_events))

    async def sender() -> None:
        for n in numbers:
            await service.send(f"bench/{n % n_flows}", {"n": n})

    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(n_senders):
            nursery.start_soon(sender)
    return time.perf_counter() - began


async def measure(n_flows: int, n_used: int, n_events: int, url: str | None) -> None:
    catalog = Catalog()

    @catalog.action("double", effect="pure")
    async def double(n: int) -> int:
        return 2 * n

    with tempfile.TemporaryDirectory() as folder:
        path = (
            str(Path(folder) / "runs.db") if url is None else f"{url}{'&' if '?' in url else '?'}schema=bench_{time.time_ns()}"
        )
        async with Service.open(path, catalog=catalog) as service:
            began = time.perf_counter()
            for number in range(n_flows):
                await service.publish(flow(number))
            published = (time.perf_counter() - began) / n_flows
            await sent(service, 2 * n_used, n_used, _SENDERS)  # each flow is read once
            await service.interpreter.rest()
            began = time.perf_counter()
            took = await sent(service, n_events, n_used, _SENDERS)
            await service.interpreter.rest()
            ended = time.perf_counter() - began
            alone = await sent(service, n_events // 10, n_used, 1)
        began = time.perf_counter()
        async with Service.open(path, catalog=catalog):
            opened = time.perf_counter() - began
    print(
        f"{n_flows:6} flows: {n_events / took:7.0f} events/s taken ({_SENDERS} senders), {n_events / ended:7.0f} runs/s to their ends, "
        f"{n_events / 10 / alone:6.0f} events/s (one sender); {1e6 * took / n_events:5.0f} µs an event; "
        f"publish {1e3 * published:.1f} ms, open {1e3 * opened:.0f} ms"
    )


async def main(url: str | None) -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}")
    for n_flows in (10, 1_000, 10_000):
        await measure(n_flows, 10, 5_000, url)
    await measure(1_000, 1_000, 5_000, url)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service")
    parser.add_argument("--store", metavar="URL", help="a Postgres database in place of SQLite")
    trio.run(main, parser.parse_args().store)
