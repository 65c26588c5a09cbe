"""Stopping in order: nothing new begins, what is under way ends, and nothing effectful is done twice."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing

from dagflow import Interpreter, NotServed, RunStatus, UsageError
from tests.app.host import Host

#: `held` is effectful.
TEXT = """
flow f(n: int) -> int {
  on manual
  a = held(n: n)
  b = double(n: a)
  return b
}
"""
TWO = """
flow two(n: int) -> int {
  on manual
  parallel {
    a = held(n: n)
    c = blocking(n: n)
  }
  d = double(n: a)
  return d
}
"""


@pytest.fixture
def host() -> Host:
    return Host()


async def opened_later(host: Host) -> None:
    await trio.testing.wait_all_tasks_blocked(0.05)
    host.gate.set()


async def test_leaving_the_block_repeats_no_effectful_call(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    async with trio.open_nursery() as nursery:
        async with Interpreter.open(path, catalog=host.catalog) as interpreter:
            await interpreter.start(host.flow(TEXT), {"n": 4})
            await host.began.wait()
            nursery.start_soon(opened_later, host)
        # The outcome of the call is kept; the step behind it has not begun.
        assert host.calls == ["held 4"]
    async with Interpreter.open(path, catalog=host.catalog) as interpreter:
        assert (await interpreter.resumed[0].wait()).output == 8
    assert host.calls == ["held 4", "double 4"]


async def test_a_cancellation_from_outside_leaves_it_time_as_well(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            async with Interpreter.open(path, catalog=host.catalog) as interpreter:
                await interpreter.start(host.flow(TEXT), {"n": 4})
                await host.began.wait()
                nursery.start_soon(opened_later, host)
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught
    async with Interpreter.open(path, catalog=host.catalog) as interpreter:
        assert (await interpreter.resumed[0].wait()).output == 8
    assert host.calls == ["held 4", "double 4"]


async def test_what_takes_too_long_is_stopped(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    begun = trio.current_time()
    async with Interpreter.open(path, catalog=host.catalog, drain_seconds=0.2) as interpreter:
        await interpreter.start(host.flow(TEXT), {"n": 4})
        await host.began.wait()
    assert 0.2 <= trio.current_time() - begun < 5
    host.gate.set()
    async with Interpreter.open(path, catalog=host.catalog) as interpreter:
        assert (await interpreter.resumed[0].wait()).output == 8
    assert host.calls == ["held 4", "held 4", "double 4"]


async def test_what_may_be_repeated_is_not_waited_for(host: Host, tmp_path: Path) -> None:
    @host.catalog.action("asks", effect="idempotent")
    async def asks() -> int:
        host.began.set()
        await trio.sleep_forever()
        return 1

    with trio.fail_after(5):
        async with Interpreter.open(tmp_path / "runs.db", catalog=host.catalog, drain_seconds=60) as interpreter:
            await interpreter.start(host.flow("flow f() { on manual\n a = asks() }"))
            await host.began.wait()


async def test_drain_waits_for_all_and_begins_nothing(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    async with trio.open_nursery() as nursery, Interpreter.open(path, catalog=host.catalog) as interpreter:
        run = await interpreter.start(host.flow(TWO), {"n": 4})
        await host.began.wait()
        assert not await interpreter.drain(0.05)
        nursery.start_soon(opened_later, host)
        assert await interpreter.drain()
        with pytest.raises(NotServed, match="is draining and begins no runs"):
            await interpreter.start(host.flow(TEXT), {"n": 1})
        assert run.result().status is RunStatus.RUNNING
        assert sorted(host.calls) == ["blocking 4", "held 4"]
        # Events are kept: whoever goes on gets them.
        assert await interpreter.send("e", {}) == 0
    async with Interpreter.open(path, catalog=host.catalog) as interpreter:
        assert (await interpreter.resumed[0].wait()).output == 8
    assert sorted(host.calls) == ["blocking 4", "double 4", "held 4"]


async def test_nothing_waits_when_nothing_is_kept(host: Host) -> None:
    with trio.fail_after(5):
        async with Interpreter.open(":memory:", catalog=host.catalog, drain_seconds=60) as interpreter:
            await interpreter.start(host.flow(TEXT), {"n": 4})
            await host.began.wait()


@pytest.mark.parametrize("seconds", [-1, float("nan"), "5", None])
async def test_a_time_that_is_none_is_refused(host: Host, seconds: float) -> None:
    with pytest.raises(UsageError, match="`drain_seconds` must be seconds, 0 or more; got"):
        async with Interpreter.open(":memory:", catalog=host.catalog, drain_seconds=seconds):
            pass
    async with Interpreter.open(":memory:", catalog=host.catalog) as interpreter:
        with pytest.raises(UsageError, match="`seconds` must be seconds, 0 or more; got"):
            await interpreter.drain(seconds)
