"""Many sleeping runs: what opening, serving and waking cost when they are a table, not objects.

Run with `python -m benchmarks.sleepers [--runs N] [--folder PATH]`. Half of the runs wait for an event of their own, half for a day to pass.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path

import attrs
import trio

import dagflow
from dagflow.app.interpreter import Interpreter
from dagflow.execution.bindings import Origin
from dagflow.execution.instance import RunInstance
from dagflow.execution.program import Program, prepare
from dagflow.ids import FlowDigest, RunId
from dagflow.model.flow import Flow
from dagflow.store.api import Append, Creation, RunRow
from dagflow.store.codec.flow import encode_flow, flow_digest
from dagflow.store.open import open_store

TEXT = """
event "approved" { lead: string, by: string }
action touch(n: string) -> string effectful

flow asks(lead: string) {
  on manual
  yes = wait event "approved" as a when a.lead == lead within 30d
  told = touch(n: lead)
}

flow naps(lead: string) {
  on manual
  wait 1d
  told = touch(n: lead)
}
"""
DAY = 86_400 * 10**9
BATCH = 2_000
SENDERS = 100


@attrs.define
class Day:
    """A wall clock that can be set."""

    offset: int = 0

    def now(self) -> int:
        return time.time_ns() + self.offset


def catalog(count: list[int]) -> dagflow.Catalog:
    """One action, which counts."""
    made = dagflow.Catalog()

    @made.action("touch", effect="effectful")
    async def touch(n: str) -> str:
        count[0] += 1
        return n

    return made


def fill(path: Path, flows: list[Flow], n_runs: int) -> None:
    """Make the runs as their first facts leave them, many in one transaction; starting them one by one would take an hour."""
    store = open_store(path)
    made = [(prepare(flow), encoded := encode_flow(flow), flow_digest(encoded)) for flow in flows]
    now = time.time_ns()
    for first in range(0, n_runs, BATCH):
        store.write((), [_sleeper(*made[n % len(made)], n, now) for n in range(first, min(n_runs, first + BATCH))])
    store.close()


def _sleeper(program: Program, encoded: bytes, digest: FlowDigest, n: int, now: int) -> Creation:
    progress = RunInstance(program, RunId(f"{now // 1_000_000:012x}{n:020x}"))
    progress.begin({"lead": f"lead-{n}"}, Origin(), now)
    append = progress.take_append()
    if not isinstance(append, Append):
        raise TypeError(append)
    row = RunRow(
        id=progress.run, flow=program.flow.name, digest=digest, status=append.status, created_at=now, due_at=append.due_at
    )
    return Creation(row=row, flow=encoded, records=list(append.records), waits=append.waits or ())


async def serve(path: Path, n_runs: int, flows: list[Flow]) -> None:
    """Open, serve, and wake by events."""
    count = [0]
    before, began = resident(), time.perf_counter()
    store = open_store(path)
    async with Interpreter.open("", store=store, catalog=catalog(count), concurrency=256) as interpreter:
        say("open", f"{time.perf_counter() - began:.3f} s")
        await interpreter.start(flows[1], {"lead": "new"})
        say("open and start another", f"{time.perf_counter() - began:.3f} s")
        say("memory", f"{before:.0f} MB before, {resident():.0f} MB after")
        say("next due", f"{best_ms(lambda: store.sleeping(after=(-1, ''), limit=1)):.2f} ms")
        for n in (0, n_runs // 4 * 2, n_runs - 2):
            began = time.perf_counter()
            await interpreter.send("approved", {"lead": f"lead-{n}", "by": "Ann"})
            say("an event to one of them", f"{(time.perf_counter() - began) * 1e3:.1f} ms")
        n_woken = min(n_runs // 4, 5_000)
        count[0], began = 0, time.perf_counter()
        async with trio.open_nursery() as nursery:
            for k in range(SENDERS):
                nursery.start_soon(send_some, interpreter, range(2 * (k + 1), 2 * (n_woken + 1), 2 * SENDERS))
        await done(count, n_woken)
        say(
            "woken by an event each",
            f"{n_woken / (time.perf_counter() - began):,.0f} a second, each with its action, to the end",
        )


async def catch_up(path: Path, n_runs: int) -> None:
    """Open a day later: half of the runs are due at once."""
    count = [0]
    n_due = min(n_runs // 2, 100_000)
    began = time.perf_counter()
    options = {"catalog": catalog(count), "clock": Day(DAY), "concurrency": 256, "wakes_per_second": None}
    async with Interpreter.open(path, **options):  # type: ignore[arg-type]
        await done(count, n_due)
        say("woken by time", f"{n_due / (time.perf_counter() - began):,.0f} a second, each with its action, to the end")
        say("memory at most", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


async def send_some(interpreter: Interpreter, numbers: range) -> None:
    """Send these runs their events, one after the other."""
    for n in numbers:
        await interpreter.send("approved", {"lead": f"lead-{n}", "by": "Ann"})


async def done(count: list[int], n: int) -> None:
    """Wait until so many actions were called."""
    while count[0] < n:  # noqa: ASYNC110 - measured from outside
        await trio.sleep(0.01)


def best_ms(ask: Callable[[], object]) -> float:
    """Milliseconds, the best of five."""
    return min(timeit.repeat(ask, number=1, repeat=5)) * 1e3


def resident() -> float:
    """Megabytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def say(what: str, how_much: str) -> None:
    print(f"{what:28} {how_much}")


def main() -> None:
    """Fill a store, and measure in this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sleepers")
    parser.add_argument("--runs", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    made = dagflow.compile(TEXT)
    flows = [made.unwrap("asks"), made.unwrap("naps")]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "runs.db"
        began = time.perf_counter()
        if os.fork() == 0:
            fill(path, flows, arguments.runs)
            os._exit(0)
        os.wait()
        say("runs", f"{arguments.runs:,}, made in {time.perf_counter() - began:.0f} s, {path.stat().st_size / 1e6:,.0f} MB")
        trio.run(serve, path, arguments.runs, flows)
        trio.run(catch_up, path, arguments.runs)


if __name__ == "__main__":
    main()
