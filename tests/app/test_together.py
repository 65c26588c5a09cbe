"""Several callers, drains and refusals at once: one run is one object, nothing effectful is done twice, nobody waits for ever."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

import dagflow
from dagflow import Interpreter, NotServed, RunStatus, StoreError
from dagflow.store.api import Append, Creation
from tests.app.host import Host
from tests.app.stand_ins import Lasting

UNDONE = """
event "go" { n: int }
flow f(n: int) -> int {
  on manual
  a = charge(n: n) undo refund(n: n)
  wait event "go" as g when g.n == n within 5d
  return a
}
"""


class Book:
    """A catalogue that counts what was done."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.gate = trio.Event()
        self.catalog = dagflow.Catalog.builtin()

        @self.catalog.action("charge", effect="effectful")
        async def charge(n: int) -> int:
            """Charge."""
            self.done[f"charge {n}"] += 1
            return n

        @self.catalog.action("refund", effect="effectful")
        async def refund(n: int) -> None:
            """Refund."""
            self.done[f"refund {n}"] += 1
            await trio.lowlevel.checkpoint()

        @self.catalog.action("slow", effect="effectful")
        async def slow(n: int) -> int:
            """Wait for the gate."""
            self.done[f"slow {n}"] += 1
            await self.gate.wait()
            return n

    def flow(self, text: str, name: str | None = None) -> dagflow.Flow:
        return dagflow.compile(text, catalog=self.catalog).unwrap(name)


async def suspended(interpreter: Interpreter, n_runs: int) -> None:
    with trio.fail_after(10):
        while (await interpreter.statistics()).runs_suspended < n_runs:
            await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("seed", range(3))
async def test_a_run_is_one_object_whoever_asks_for_it(tmp_path: Path, seed: int) -> None:
    """A cancel, an event and a repeated start of the same suspended run, all at once, read it from the store once."""
    book, dice = Book(), random.Random(seed)
    flow = book.flow(UNDONE)
    async with Interpreter.open(tmp_path / "runs.db", catalog=book.catalog) as interpreter:
        ids = [(await interpreter.start(flow, {"n": n}, id=f"start {n}")).id for n in range(12)]
        await suspended(interpreter, 12)

        async def ask(n: int) -> None:
            for _ in range(dice.randrange(40)):
                await trio.lowlevel.checkpoint()
            match dice.randrange(4):
                case 0:
                    await interpreter.send("go", {"n": n})
                case 1:
                    assert (await interpreter.start(flow, {"n": n}, id=f"start {n}")).id == ids[n]
                case _:
                    await interpreter.cancel(ids[n])

        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                for n in range(12):
                    for _ in range(4):
                        nursery.start_soon(ask, n)
            ended = [(await interpreter.cancel(run_id)).status for run_id in ids]
        assert interpreter.blocked == {}
    assert max(book.done.values()) == 1, book.done
    assert set(ended) <= {RunStatus.CANCELLED, RunStatus.SUCCEEDED}


async def test_a_started_run_keeps_its_own_flow() -> None:
    """More flows than are kept ready in memory, each of which starts another one."""
    book = Book()
    async with Interpreter.open(":memory:", catalog=book.catalog) as interpreter:
        for n in range(300):
            text = f"flow g() -> int {{\n on manual\n return {n}\n}}\nflow f() {{\n on manual\n x = start g()\n}}"
            await (await interpreter.start(book.flow(text, "f"))).wait()
        rows = [row for row in await interpreter.runs(limit=1_000) if row.flow == "g"]
        assert len({row.digest for row in rows}) == len(rows) == 300
        with trio.fail_after(10):
            outputs = {(await interpreter.result(row.id)).output for row in rows}
        assert outputs == set(range(300))


async def test_a_drain_that_is_asked_for_twice_ends_twice(tmp_path: Path) -> None:
    book = Book()
    async with Interpreter.open(tmp_path / "runs.db", catalog=book.catalog) as interpreter:
        run = await interpreter.start(book.flow("flow f() -> int {\n on manual\n x = slow(n: 1)\n return x\n}"))
        await trio.testing.wait_all_tasks_blocked(0.05)
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(interpreter.drain)
                nursery.start_soon(interpreter.drain)
                await trio.testing.wait_all_tasks_blocked(0.05)
                with pytest.raises(NotServed, match="is draining and begins nothing; cancel the run"):
                    await interpreter.cancel(run.id)
                with pytest.raises(NotServed, match="is draining and begins nothing; cancel the run"):
                    await run.cancel()
                book.gate.set()
    assert book.done == {"slow 1": 1}


async def test_a_drain_ends_when_the_store_fails() -> None:
    @attrs.define(eq=False)
    class Failing(Lasting):
        def write(self, appends: Sequence[Append] = (), creations: Sequence[Creation] = ()) -> None:
            if any(
                record.node == "quick" and record.kind == "attempt_succeeded" for each in appends for record in each.records
            ):
                raise StoreError("the disk is full")
            super().write(appends, creations)

    book = Book()
    quick = trio.Event()

    @book.catalog.action("later", effect="effectful")
    async def later() -> int:
        """Answer once it is drained."""
        await quick.wait()
        return 1

    text = "flow f() -> int {\n on manual\n parallel {\n  x = slow(n: 1)\n  quick = later()\n }\n return x\n}"
    with trio.fail_after(10), pytest.raises(StoreError, match="the disk is full"):  # noqa: PT012 - leaving the block raises
        async with Interpreter.open(":memory:", catalog=book.catalog, store=Failing()) as interpreter:
            await interpreter.start(book.flow(text))
            await trio.testing.wait_all_tasks_blocked()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(interpreter.drain)
                await trio.testing.wait_all_tasks_blocked()
                quick.set()


@pytest.mark.parametrize("concurrency", [8, 64])
async def test_a_run_with_nothing_under_way_begins_beside_one_with_much(tmp_path: Path, concurrency: int) -> None:
    book = Book()
    much = "flow much(ns: list<int>) {\n on manual\n for n in ns max 2000 parallel 100 {\n  x = slow(n: n)\n }\n}"
    async with Interpreter.open(
        tmp_path / "runs.db", catalog=book.catalog, concurrency=concurrency, drain_seconds=0
    ) as interpreter:
        await interpreter.start(book.flow(much), {"ns": list(range(1_500))})
        with trio.fail_after(20):
            while book.done.total() < concurrency - concurrency // 8:
                await trio.lowlevel.checkpoint()
            small = await interpreter.start(book.flow("flow small() -> int {\n on manual\n x = charge(n: 1)\n return x\n}"))
            assert (await small.wait()).output == 1


async def test_pure_work_leaves_others_their_turn() -> None:
    """Items of a loop, and values whose parts are shared, have nothing to await."""
    nested = "".join(f"cel.bind(a{n}, [{part}, {part}], " for n, part in enumerate(["1", *(f"a{n}" for n in range(11))]))
    text = f"flow f(ns: list<int>) {{\n on manual\n for n in ns max 500 parallel 50 {{\n  let a: json = {nested}a11{')' * 12}\n }}\n}}"
    host = Host()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with Interpreter.open(":memory:", catalog=host.catalog) as interpreter, trio.open_nursery() as nursery:
        nursery.start_soon(other)
        await trio.lowlevel.checkpoint()
        turns = 0
        run = await interpreter.start(host.flow(text), {"ns": list(range(200))})
        assert (await run.wait()).status is RunStatus.SUCCEEDED
        assert turns >= 20
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("value", "way"), [(True, "yes"), (False, "no"), (1, "other"), (0, "other"), (1.0, "other"), ("true", "other")]
)
def test_a_switch_compares_as_expressions_do(value: object, way: str) -> None:
    text = (
        'flow f(e: json) -> string {\n on manual\n switch e.v {\n  case true { return "yes" }\n'
        '  case false { return "no" }\n  else { return "other" }\n }\n}'
    )
    flow = dagflow.compile(text, catalog=dagflow.Catalog()).unwrap()
    assert dagflow.run(flow, {"e": {"v": value}}, catalog=dagflow.Catalog()).output == way


async def test_rest_ends_when_nothing_is_left_but_waiting() -> None:
    book = Book()
    text = 'event "go" {}\nflow f() {\n on manual\n x = slow(n: 1)\n wait event "go" within 5d\n}'
    async with Interpreter.open(":memory:", catalog=book.catalog) as interpreter, trio.open_nursery() as nursery:
        await interpreter.rest()
        run = await interpreter.start(book.flow(text))
        while not book.done:
            await trio.lowlevel.checkpoint()
        with trio.move_on_after(0.01) as early:
            await interpreter.rest()
        assert early.cancelled_caught
        nursery.start_soon(interpreter.rest)
        book.gate.set()
        with trio.fail_after(5):
            await interpreter.rest()
        assert run.result().status is RunStatus.SLEEPING
