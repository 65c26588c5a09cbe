"""Memory over a long time: beside a run that blocks, others begin, are suspended with two waits, get events, time out and end.

Run with `python -m benchmarks.soak MINUTES [--suspended FEW MANY] [--rate RUNS] [--folder PATH]`. It prints a table and exits with 1 if
memory grows after warming up, or a suspended run takes more than a kibibyte of it.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import attrs
import trio

import dagflow
from dagflow.app.interpreter import Interpreter
from dagflow.model.flow import Flow

TEXT = """
event "one" { n: int }
event "two" { n: int }
action held(n: int) -> int idempotent
action noted(n: int) -> int effectful

flow blocker(n: int) {
  on manual
  parallel {
    x = held(n: n)
    wait 300d
  }
}

flow pair(n: int) -> int {
  on manual
  parallel {
    a = wait event "one" as e when e.n == n within 13s
    b = wait event "two" as e when e.n == n within 16s
  }
  told = noted(n: n)
  return told
}

flow nap(n: int) {
  on manual
  parallel {
    a = wait event "one" as e when e.n == n within 30d
    b = wait event "two" as e when e.n == n within 20d
  }
}
"""
#: What a suspended run may take, and by how much memory may differ once it is warm: fragments, and pages of the store.
MOST_PER_RUN = 1024
SLACK_MB = 6.0
STARTERS = 64
SAMPLES = 60


@attrs.define(eq=False)
class Soak:
    """The runs that come and go, and what was seen meanwhile. `seen`: seconds, megabytes and runs in memory."""

    interpreter: Interpreter
    flow: Flow
    rate: int
    n_started: int = 0
    n_sent: int = 0
    seen: list[tuple[float, float, int]] = attrs.field(factory=list)

    async def go(self, seconds: float) -> None:
        """Start runs and send events until the time is over."""
        began = time.perf_counter()
        every = max(0.5, seconds / SAMPLES)
        while (passed := time.perf_counter() - began) < seconds:
            if passed >= len(self.seen) * every:
                self.sample(passed)
            await self.turn()
            # Events come some seconds later, when the runs they are for have left.
            ahead = self.n_started / self.rate - (time.perf_counter() - began)
            await trio.sleep(max(0.0, ahead))
        self.sample(seconds)

    async def turn(self) -> None:
        n, self.n_started = self.n_started, self.n_started + 1
        await self.interpreter.start(self.flow, {"n": n})
        late = n - 5 * self.rate
        # Of four runs one gets both events, two get one of them, and one waits in vain.
        for event, is_sent in (("one", late % 4 in (0, 1)), ("two", late % 4 in (0, 2))):
            if late >= 0 and is_sent:
                self.n_sent += 1
                await self.interpreter.send(event, {"n": late})

    def sample(self, passed: float) -> None:
        self.seen.append((passed, resident(), len(self.interpreter._driver.loaded_runs)))  # noqa: SLF001 - what a benchmark looks at


async def soak(folder: Path, minutes: float, rate: int) -> float:
    """Megabytes by which memory grew, between the quarter after warming up and the last one."""
    compiled = dagflow.compile(TEXT)
    async with Interpreter.open(folder / "soak.db", catalog=catalog(), concurrency=64) as interpreter:
        await interpreter.start(compiled.unwrap("blocker"), {"n": 1})
        going = Soak(interpreter, compiled.unwrap("pair"), rate)
        await going.go(minutes * 60)
        say("runs started", f"{going.n_started:,}, {going.n_sent:,} events sent, in {minutes:g} minutes")
        seen = going.seen
        for passed, megabytes, n_lives in seen[:: max(1, len(seen) // 10)]:
            say(f"  after {passed:6.0f} s", f"{megabytes:7.1f} MB, {n_lives} runs in memory")
        quarter = len(seen) // 4
        early, late = (statistics.median(each[1] for each in part) for part in (seen[quarter : 2 * quarter], seen[-quarter:]))
        say("memory", f"{early:.1f} MB in the second quarter, {late:.1f} MB in the last")
    return late - early


async def suspend(folder: Path, few: int, many: int) -> float:
    """Bytes that each suspended run takes, of those after the first `few`."""
    flow = dagflow.compile(TEXT).unwrap("nap")
    async with Interpreter.open(folder / "suspended.db", catalog=catalog(), concurrency=64) as interpreter:
        sizes = []
        first = 0
        for until in (few, many):
            began = time.perf_counter()
            async with trio.open_nursery() as nursery:
                for k in range(STARTERS):
                    nursery.start_soon(start_some, interpreter, flow, range(first + k, until, STARTERS))
            while interpreter._driver.loaded_runs:  # noqa: SLF001, ASYNC110 - measured from outside
                await trio.sleep(0.05)
            gc.collect()
            sizes.append(resident())
            say(
                f"{until:,} suspended",
                f"{sizes[-1]:.1f} MB, {(until - first) / (time.perf_counter() - began):,.0f} started a second",
            )
            first = until
    return (sizes[1] - sizes[0]) * 1e6 / (many - few)


async def start_some(interpreter: Interpreter, flow: Flow, numbers: range) -> None:
    """Start these runs, one after the other, and keep no handle."""
    for n in numbers:
        await interpreter.start(flow, {"n": n})


def catalog() -> dagflow.Catalog:
    """One action that never returns, and one that does at once."""
    made = dagflow.Catalog()

    @made.action("held", effect="idempotent")
    async def held(n: int) -> int:
        await trio.sleep_forever()
        return n

    @made.action("noted", effect="effectful")
    async def noted(n: int) -> int:
        return n

    return made


def resident() -> float:
    """Megabytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def say(what: str, how_much: str) -> None:
    print(f"{what:24} {how_much}", flush=True)


def main() -> int:
    """Measure both; 0 if memory stays where it was."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("minutes", type=float, metavar="MINUTES")
    parser.add_argument("--suspended", type=int, nargs=2, default=[20_000, 100_000], metavar=("FEW", "MANY"))
    parser.add_argument("--rate", type=int, default=100, metavar="RUNS", help="started a second")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        grown = trio.run(soak, Path(folder), arguments.minutes, arguments.rate)
        each = trio.run(suspend, Path(folder), *arguments.suspended)
    say("grown", f"{grown:+.1f} MB, {SLACK_MB:g} allowed")
    say("a suspended run", f"{each:,.0f} bytes, {MOST_PER_RUN:,} allowed")
    return 1 if grown > SLACK_MB or each > MOST_PER_RUN else 0


if __name__ == "__main__":
    sys.exit(main())
