"""What an author writes keeps the event loop from nobody: the conditions of waits are evaluated one after another, and others go on in between."""

from __future__ import annotations

import attrs
import pytest
import trio
import trio.testing

from dagflow import Interpreter, Run, RunStatus
from dagflow.drivers.local import time_slice
from tests.app.host import START, Host

#: `k` chooses who wants it; no equality says so beforehand.
WAITS = """
event "big" { xs: list<int>, k: int }
flow f(ns: list<int>) -> list<int> {
  on manual
  taken = for n in ns max 100 parallel 100 {
    won = wait event "big" as e when e.xs.exists(x, x == 3) && e.k >= n within 1h
    yield won.?k ?? -1
  }
  return taken
}
"""


#: Two waits that are reached late, when events have been kept for them.
LATE = """
event "big" { xs: list<int>, k: int }
flow f() -> list<int> {
  on manual
  first = held(n: 1)
  a = wait event "big" as e when e.xs.exists(x, x == 3) && e.k >= 4 within 1h
  b = wait event "big" as e when e.xs.exists(x, x == 3) && e.k >= 2 within 1h
  return [a.?k ?? -1, b.?k ?? -1]
}
"""


@attrs.define
class Hands:
    """A clock that is set by hand."""

    instant: int

    def now(self) -> int:
        return self.instant


class TestWithTimeForOneConditionATurn:
    host: Host
    n_turns: int

    @pytest.fixture(autouse=True)
    def no_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time_slice, "LONG_NS", 1)
        self.host, self.n_turns = Host(), 0

    async def watch(self) -> None:
        while True:
            await trio.lowlevel.checkpoint()
            self.n_turns += 1

    async def waiting(self, interpreter: Interpreter, ns: list[int]) -> Run:
        run = await interpreter.start(self.host.flow(WAITS, "f"), {"ns": ns})
        await trio.testing.wait_all_tasks_blocked(0.01)
        return run

    async def test_of_one_run_and_of_many(self) -> None:
        async with Interpreter.open(":memory:", catalog=self.host.catalog) as interpreter:
            runs = [await self.waiting(interpreter, [9] * 10) for _ in range(3)]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.watch)
                await trio.lowlevel.checkpoint()
                self.n_turns = 0
                await interpreter.send("big", {"xs": [3], "k": 1})
                assert self.n_turns >= 30
                nursery.cancel_scope.cancel()
            for run in runs:
                await run.cancel()

    async def test_who_waits_no_more_when_all_are_asked_gets_nothing(self) -> None:
        async with Interpreter.open(":memory:", catalog=self.host.catalog) as interpreter, trio.open_nursery() as nursery:
            gone, stays = await self.waiting(interpreter, [9, 9, 1]), await self.waiting(interpreter, [9, 9, 1])
            nursery.start_soon(interpreter.send, "big", {"xs": [3], "k": 1})
            nursery.start_soon(interpreter.send, "big", {"xs": [3], "k": 9})
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            await gone.cancel()
            await trio.testing.wait_all_tasks_blocked(0.01)
            await interpreter.send("big", {"xs": [3], "k": 9})
            assert (await gone.wait()).status is RunStatus.CANCELLED
            assert (await stays.wait()).output == [9, 9, 1]

    async def test_a_wait_finds_an_event_among_many_that_were_kept(self) -> None:
        async with Interpreter.open(":memory:", catalog=self.host.catalog) as interpreter:
            run = await interpreter.start(self.host.flow(LATE, "f"))
            await self.host.began.wait()
            for k in (1, 3, 4, 2, 5):
                await interpreter.send("big", {"xs": [3], "k": k})
            self.host.gate.set()
            assert (await run.wait()).output == [4, 3]

    async def test_a_wait_is_not_over_while_an_event_that_came_in_time_is_looked_at(self) -> None:
        clock = Hands(START)
        async with Interpreter.open(":memory:", catalog=self.host.catalog, clock=clock) as interpreter:
            run = await self.waiting(interpreter, [9] * 20 + [1])
            async with trio.open_nursery() as nursery:
                nursery.start_soon(interpreter.send, "big", {"xs": [3], "k": 1})
                for _ in range(4):
                    await trio.lowlevel.checkpoint()
                clock.instant += 2 * 3600 * 1_000_000_000
                interpreter._driver.look_again()
            assert (await run.wait()).output == [-1] * 20 + [1]
