"""One durable run at a time: what a run of five steps takes with nothing beside it, and what its bare commits would take.

python -m benchmarks.lone                   # in the system's temporary folder
python -m benchmarks.lone --folder .        # on this disk
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import apsw
import attrs
import trio

import dagflow

_TEXT = """\
flow lone(order: string) {
  on manual

  a = work(n: 1)
  b = work(n: a.n + 1)
  c = work(n: b.n + 1)
  d = work(n: c.n + 1)
  e = work(n: d.n + 1)
}
"""
#: The start with the intent of the first step, four outcomes with the next intent, and the last outcome with the end.
_N_COMMITS = 6


@attrs.frozen
class Taken:
    """Seconds of one run: on the clock on the wall, and of the processor."""

    wall: float
    processor: float


@attrs.frozen
class Done:
    """The usual small result."""

    n: int
    state: str
    by: str


def _catalog() -> dagflow.Catalog:
    catalog = dagflow.Catalog()

    @catalog.action(effect="idempotent")
    async def work(n: int) -> Done:
        """Do nothing."""
        return Done(n, "done", "nobody@example.org")

    del work
    return catalog


async def _timed(n_runs: int, once: Callable[[int], Awaitable[None]]) -> list[Taken]:
    found: list[Taken] = []
    for i in range(n_runs):
        wall, processor = time.perf_counter(), time.process_time()
        await once(i)
        found.append(Taken(time.perf_counter() - wall, time.process_time() - processor))
    return found


def runs(path: str, n_runs: int) -> list[Taken]:
    """Start a run and wait for its end, so many times."""
    catalog = _catalog()
    flow = dagflow.compile(_TEXT, catalog=catalog).unwrap()

    async def main() -> list[Taken]:
        async with dagflow.Interpreter.open(path, catalog=catalog) as interpreter:

            async def once(i: int) -> None:
                run = await interpreter.start(flow, {"order": f"order {i}"})
                result = await run.wait()
                if result.status is not dagflow.RunStatus.SUCCEEDED:
                    raise RuntimeError(f"a run {result.status}: {result.failures}")

            return await _timed(n_runs, once)

    return trio.run(main)


def commits(path: str, n_runs: int) -> list[Taken]:
    """The commits of a run alone, each one row of 300 bytes in the same kind of database, with a turn of the event loop between."""
    connection = apsw.Connection(path)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=1000"):
        connection.execute(f"PRAGMA {pragma}").get  # noqa: B018 - read, so that it is carried out
    connection.execute("CREATE TABLE event(run TEXT, seq INTEGER, body BLOB, PRIMARY KEY (run, seq)) WITHOUT ROWID")

    async def main() -> list[Taken]:
        async def once(i: int) -> None:
            for seq in range(_N_COMMITS):
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO event VALUES (?, ?, ?)", (f"run {i}", seq, b"x" * 300))
                connection.execute("COMMIT")
                await trio.lowlevel.checkpoint()

        return await _timed(n_runs, once)

    try:
        return trio.run(main)
    finally:
        connection.close()


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print, medians of all runs; the ways take turns."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lone", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the stores lie meanwhile")
    parser.add_argument("--tiny", action="store_true", help="few runs, to see that it works")
    args = parser.parse_args(argv)
    n_runs, n_turns = (3, 1) if args.tiny else (200, 5)
    found: dict[str, list[Taken]] = {}
    for _ in range(n_turns):
        with tempfile.TemporaryDirectory(dir=args.folder) as place:
            found.setdefault("bare commits", []).extend(commits(str(Path(place, "bare.db")), n_runs))
            found.setdefault("durable", []).extend(runs(str(Path(place, "runs.db")), n_runs))
            found.setdefault("memory", []).extend(runs(":memory:", n_runs))
    base = found["bare commits"]
    print(f"{'run of five steps':20} {'wall ms':>9} {'processor ms':>13} {'× bare (wall)':>15}")
    for name, each in found.items():
        wall, processor = (statistics.median(kind) for kind in ([t.wall for t in each], [t.processor for t in each]))
        ratio = wall / statistics.median([t.wall for t in base])
        print(f"{name:20} {1e3 * wall:9.2f} {1e3 * processor:13.2f} {ratio:15.1f}")


if __name__ == "__main__":
    main()
