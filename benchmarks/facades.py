"""What a facade costs: start a run and wait for it, from trio, asyncio and a program without an event loop, in turns.

    python -m benchmarks.facades [--runs N] [--repeat N] [--store memory|durable]

The flow calls one action, which runs where each program's own functions do. The table has the time of a run, one after the other, and of
each of 64 runs at once.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import threading
import time
from pathlib import Path

import trio

import dagflow
from dagflow import asyncio as on_asyncio
from dagflow import blocking

AT_ONCE = 64
TEXT = "flow f(n: int) -> int { on manual\n x = add(n: n)\n return x }"

catalog = dagflow.Catalog()


@catalog.action("add", effect="pure")
async def add(n: int) -> int:
    """Add one."""
    return n + 1


FLOW = dagflow.compile(TEXT, catalog=catalog).unwrap()


def under_trio(path: str, n_runs: int) -> tuple[float, float]:
    async def one(interpreter: dagflow.Interpreter, n: int) -> None:
        assert (await (await interpreter.start(FLOW, {"n": n})).wait()).output == n + 1

    async def main() -> tuple[float, float]:
        async with dagflow.Interpreter.open(path, catalog=catalog) as interpreter:
            begin = time.perf_counter()
            for n in range(n_runs):
                await one(interpreter, n)
            middle = time.perf_counter()
            for first in range(0, n_runs, AT_ONCE):
                async with trio.open_nursery() as nursery:
                    for n in range(first, first + AT_ONCE):
                        nursery.start_soon(one, interpreter, n)
            return middle - begin, time.perf_counter() - middle

    return trio.run(main)


def under_asyncio(path: str, n_runs: int) -> tuple[float, float]:
    async def one(interpreter: on_asyncio.Interpreter, n: int) -> None:
        assert (await (await interpreter.start(FLOW, {"n": n})).wait()).output == n + 1

    async def main() -> tuple[float, float]:
        async with on_asyncio.Interpreter.open(path, catalog=catalog) as interpreter:
            begin = time.perf_counter()
            for n in range(n_runs):
                await one(interpreter, n)
            middle = time.perf_counter()
            for first in range(0, n_runs, AT_ONCE):
                await asyncio.gather(*[one(interpreter, n) for n in range(first, first + AT_ONCE)])
            return middle - begin, time.perf_counter() - middle

    return asyncio.run(main())


def without_loop(path: str, n_runs: int) -> tuple[float, float]:
    def one(interpreter: blocking.Interpreter, n: int) -> None:
        assert interpreter.start(FLOW, {"n": n}).wait().output == n + 1

    with blocking.Interpreter.open(path, catalog=catalog) as interpreter:
        begin = time.perf_counter()
        for n in range(n_runs):
            one(interpreter, n)
        middle = time.perf_counter()
        for first in range(0, n_runs, AT_ONCE):
            threads = [threading.Thread(target=one, args=(interpreter, n)) for n in range(first, first + AT_ONCE)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return middle - begin, time.perf_counter() - middle


PROGRAMS = {"trio": under_trio, "asyncio": under_asyncio, "blocking": without_loop}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=512, help="for each program and repetition")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--store", choices=["memory", "durable"], default="durable")
    options = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(options.repeat):
            for name, program in PROGRAMS.items():
                path = ":memory:" if options.store == "memory" else str(Path(folder) / f"{name}{turn}.db")
                found[name].append(program(path, options.runs))
    medians = {
        name: [statistics.median(part) / options.runs * 1e6 for part in zip(*each, strict=True)] for name, each in found.items()
    }
    print(f"{'program':10} {'one by one, µs':>15} {'':>7} {f'{AT_ONCE} at once, µs':>16} {'':>7}")
    for name, (alone, together) in medians.items():
        ratios = [value / base for value, base in zip((alone, together), medians["trio"], strict=True)]
        print(f"{name:10} {alone:15.0f} {ratios[0]:6.2f}x {together:16.0f} {ratios[1]:6.2f}x")


if __name__ == "__main__":
    main()
