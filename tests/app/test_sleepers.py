"""Runs that only wait are rows, not objects, and come back when they are due or get their event."""

from __future__ import annotations

import gc
from pathlib import Path

import apsw
import attrs
import pytest
import trio
import trio.testing

from dagflow.app.interpreter import Interpreter
from dagflow.clock import VirtualClock
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.errors import UsageError
from dagflow.model.status import RunStatus
from dagflow.store.rows.waits import WAIT_FOR_ALL
from dagflow.store.sqlite.store import SqliteStore
from tests.app.host import START, Host
from tests.app.stand_ins import Counting, Held, Lasting, Walking

NAP = """
flow nap(to: string) -> string {
  on manual
  wait 1h
  sent = mail(to: to)
  return sent
}
"""
ASKING = """
event "approved" { lead: string, by: string }
flow asking(lead: string) -> string? {
  on manual
  mail(to: lead)
  yes = wait event "approved" as a when a.lead == lead && a.by != "" within 30d
  done = mail(to: "done ${lead}")
  return yes.?by
}
"""
LATER = """
event "approved" { lead: string, by: string }
flow later(lead: string) -> string? {
  on manual
  wait 2d
  yes = wait event "approved" as a when a.lead == lead within 1d
  return yes.?by
}
"""
FREE = """
event "approved" { lead: string, by: string }
flow free(lead: string) -> string? {
  on manual
  yes = wait event "approved" as a when a.by.startsWith(lead) within 30d
  return yes.?by
}
"""
HOUR = 3600 * 10**9


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


async def in_memory(interpreter: Interpreter) -> int:
    return (await interpreter.statistics()).runs_in_memory


async def in_hand(interpreter: Interpreter) -> int:
    gc.collect()
    return await in_memory(interpreter)


async def asleep(interpreter: Interpreter, n: int) -> None:
    """Wait until so many runs sleep and none is in memory."""
    with trio.fail_after(20):
        while True:
            rows = await interpreter.runs(unfinished=True, limit=1_000)
            if sum(row.status is RunStatus.SLEEPING for row in rows) == n and not await in_memory(interpreter):
                return
            await trio.sleep(0.001)


@attrs.define(eq=False)
class Frozen:
    """A wall clock that somebody sets."""

    at: int = START

    def now(self) -> int:
        return self.at


@pytest.mark.parametrize("path", [":memory:", "runs.db"])
async def test_who_sleeps_is_not_in_memory_and_wakes_in_time(
    host: Host, tmp_path: Path, clock: VirtualClock, path: str
) -> None:
    where = path if path == ":memory:" else str(tmp_path / path)
    async with Interpreter.open(where, catalog=host.catalog, clock=Frozen()) as interpreter:
        for n in range(20):
            await interpreter.start(host.flow(NAP), {"to": f"{n}"})
        await asleep(interpreter, 20)
        assert await in_hand(interpreter) == 0
        assert host.calls == []
    if path == ":memory:":
        return
    async with Interpreter.open(where, catalog=host.catalog, clock=clock) as interpreter:
        assert interpreter.resumed == ()
        for run in await interpreter.unfinished():
            result = await run.wait()
            assert (result.status, result.ended_at) == (RunStatus.SUCCEEDED, START + HOUR)
    assert sorted(host.calls) == sorted(f"mail {n}" for n in range(20))


async def test_a_handle_stays_good_while_its_run_comes_and_goes(host: Host, clock: VirtualClock) -> None:
    async with Interpreter.open(":memory:", catalog=host.catalog, clock=clock) as interpreter:
        run = await interpreter.start(host.flow(NAP), {"to": "Ann"})
        result = await run.wait()
        assert result == run.result() == await interpreter.result(run.id)
        assert result.output == "sent to Ann"
        assert await (await interpreter.get_run(run.id)).wait() == result


async def test_a_run_that_nobody_holds_can_be_got_hold_of(host: Host, tmp_path: Path) -> None:
    clock = Frozen()
    async with Interpreter.open(tmp_path / "runs.db", catalog=host.catalog, clock=clock) as interpreter:
        run_id = (await interpreter.start(host.flow(ASKING), {"lead": "a"})).id
        await asleep(interpreter, 1)
        handle = await interpreter.get_run(run_id)
        assert (await interpreter.get_run(run_id)).result() == handle.result() == await interpreter.result(run_id)
        assert handle.result().status is RunStatus.SLEEPING
        watch = handle.watch()
        assert (await anext(watch)).status is RunStatus.SLEEPING
        assert await interpreter.send("approved", {"lead": "a", "by": "Ann"}) == 1
        with trio.fail_after(20):
            assert (await handle.wait()).output == "Ann"
            assert [standing.status async for standing in watch][-1] is RunStatus.SUCCEEDED


async def test_a_watcher_that_is_slow_misses_no_change(host: Host, tmp_path: Path) -> None:
    async with Interpreter.open(tmp_path / "runs.db", catalog=host.catalog, clock=Frozen()) as interpreter:
        run = await interpreter.start(host.flow(ASKING), {"lead": "a"})
        watch = run.watch()
        while (await anext(watch)).status is not RunStatus.SLEEPING:
            pass
        await interpreter.send("approved", {"lead": "a", "by": "Ann"})
        # It may be the last one already.
        seen = [(await anext(watch)).status]
        await asleep(interpreter, 0)
        with trio.fail_after(20):
            seen += [standing.status async for standing in watch]
        assert seen[-1] is RunStatus.SUCCEEDED
        run = await interpreter.start(host.flow(ASKING), {"lead": "b"})
        watch = run.watch()
        standing = await anext(watch)
        await asleep(interpreter, 1)
        with trio.fail_after(20):
            while standing.status is not RunStatus.SLEEPING:
                standing = await anext(watch)


async def test_a_sleeper_can_be_cancelled(host: Host, tmp_path: Path) -> None:
    async with Interpreter.open(tmp_path / "runs.db", catalog=host.catalog, clock=Frozen()) as interpreter:
        held = await interpreter.start(host.flow(NAP), {"to": "a"})
        loose = (await interpreter.start(host.flow(NAP), {"to": "b"})).id
        await asleep(interpreter, 2)
        with trio.fail_after(20):
            assert (await held.cancel()).status is RunStatus.CANCELLED
            assert (await interpreter.cancel(loose)).status is RunStatus.CANCELLED
    assert host.calls == []


async def test_an_event_wakes_those_it_is_for_and_no_others(host: Host, tmp_path: Path) -> None:
    store = Counting(SqliteStore.open(tmp_path / "runs.db"))
    async with Interpreter.open("", catalog=host.catalog, clock=Frozen(), store=store) as interpreter:
        flow = host.flow(ASKING)
        for n in range(50):
            await interpreter.start(flow, {"lead": f"l{n}"})
        await asleep(interpreter, 50)
        store.n_read = 0
        assert await interpreter.send("approved", {"lead": "l7", "by": "Ann"}) == 1
        assert await interpreter.send("approved", {"lead": "nobody", "by": "Ann"}) == 0
        assert await interpreter.send("approved", {"lead": "l9", "by": ""}) == 0
        await asleep(interpreter, 49)
        assert store.n_read == 2
        assert host.calls[50:] == ["mail done l7"]


async def test_who_cannot_say_what_for_is_asked_each_time(host: Host, tmp_path: Path) -> None:
    store = Counting(SqliteStore.open(tmp_path / "runs.db"))
    async with Interpreter.open("", catalog=host.catalog, clock=Frozen(), store=store) as interpreter:
        for n in range(5):
            await interpreter.start(host.flow(FREE), {"lead": f"l{n}"})
        await asleep(interpreter, 5)
        store.n_read = 0
        assert await interpreter.send("approved", {"lead": "", "by": "l3"}) == 1
        await asleep(interpreter, 4)
        assert store.n_read == 5


async def test_an_event_while_the_wait_is_not_reached(host: Host, tmp_path: Path) -> None:
    clock = Frozen()
    path = tmp_path / "runs.db"
    async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
        run_id = (await interpreter.start(host.flow(LATER), {"lead": "a"})).id
        other = (await interpreter.start(host.flow(LATER), {"lead": "b"})).id
        await asleep(interpreter, 2)
        assert await interpreter.send("approved", {"lead": "a", "by": "Ann"}) == 1
        assert await interpreter.send("approved", {"lead": "c", "by": "Bo"}) == 0
        await asleep(interpreter, 2)
    async with Interpreter.open(path, catalog=host.catalog, clock=VirtualClock(START)) as interpreter:
        with trio.fail_after(20):
            assert (await (await interpreter.get_run(run_id)).wait()).output == "Ann"
            assert (await (await interpreter.get_run(other)).wait()).output is None
        # What is for somebody else is not even kept.
        assert [record.kind for record in await interpreter.history(other)].count("event_arrived") == 0


async def test_an_event_that_nobody_handed_out_before_the_crash(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    async with Interpreter.open(path, catalog=host.catalog, clock=Frozen()) as interpreter:
        run_id = (await interpreter.start(host.flow(ASKING), {"lead": "a"})).id
        await asleep(interpreter, 1)
    async with Interpreter.open(path, catalog=host.catalog, clock=Frozen(), resume=()) as interpreter:
        await interpreter.send("approved", {"lead": "a", "by": "Ann"})
        assert await in_memory(interpreter) == 0
    async with Interpreter.open(path, catalog=host.catalog, clock=Frozen()) as interpreter:
        with trio.fail_after(20):
            while (await interpreter.result(run_id)).status is not RunStatus.SUCCEEDED:
                await trio.lowlevel.checkpoint()
    assert host.calls == ["mail a", "mail done a"]


async def test_runs_whose_subscriptions_were_salvaged_look_at_every_event(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    async with Interpreter.open(path, catalog=host.catalog, clock=Frozen()) as interpreter:
        await interpreter.start(host.flow(ASKING), {"lead": "a"})
        await interpreter.start(host.flow(ASKING), {"lead": "b"})
        await asleep(interpreter, 2)
    connection = apsw.Connection(str(path))
    connection.execute(f"DELETE FROM wait; {WAIT_FOR_ALL}")
    connection.close()
    async with Interpreter.open(path, catalog=host.catalog, clock=Frozen()) as interpreter:
        assert await interpreter.send("approved", {"lead": "b", "by": "Ann"}) == 1
        await asleep(interpreter, 1)


async def test_one_that_cannot_be_read_is_told_and_the_others_go_on(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    async with Interpreter.open(path, catalog=host.catalog, clock=Frozen()) as interpreter:
        bad = (await interpreter.start(host.flow(NAP), {"to": "bad"})).id
        good = (await interpreter.start(host.flow(NAP), {"to": "good"})).id
        await asleep(interpreter, 2)
    connection = apsw.Connection(str(path))
    connection.execute(
        "UPDATE history SET payload = x'7b7d' WHERE seq = 0 AND run = (SELECT key FROM run WHERE id = ?)", (bad,)
    )
    connection.close()
    async with Interpreter.open(path, catalog=host.catalog, clock=VirtualClock(START)) as interpreter:
        with trio.fail_after(20):
            assert (await (await interpreter.get_run(good)).wait()).status is RunStatus.SUCCEEDED
        assert "is damaged" in str(interpreter.blocked[bad])
        with pytest.raises(UsageError, match="is blocked"):
            await interpreter.get_run(bad)


@pytest.mark.parametrize("rate", [100, None])
def test_what_was_due_for_long_comes_at_a_steady_rate(host: Host, rate: int | None) -> None:
    store = Lasting()

    async def sleep_over() -> None:
        async with Interpreter.open("", catalog=host.catalog, store=store, clock=Frozen()) as interpreter:
            for n in range(300):
                await interpreter.start(host.flow(NAP), {"to": f"{n}"})
            await asleep(interpreter, 300)

    async def wake_up() -> list[int]:
        clock = Walking(START + 24 * HOUR)
        async with Interpreter.open("", catalog=host.catalog, store=store, clock=clock, wakes_per_second=rate) as interpreter:
            begun = trio.current_time()
            # Nobody who comes meanwhile has to wait for them.
            await (await interpreter.start(host.flow("flow now() -> int { on manual\n return 1 }"))).wait()
            assert trio.current_time() - begun < 0.01
            n_done = []
            while len(host.calls) < 300:
                await trio.sleep_until(begun + (len(n_done) + 1) / 2)
                n_done.append(len(host.calls))
        return n_done

    trio.run(sleep_over)
    n_done = trio.run(wake_up, clock=trio.testing.MockClock(autojump_threshold=0))
    assert len(set(host.calls)) == len(host.calls) == 300
    assert n_done == pytest.approx([300] if rate is None else [50, 100, 150, 200, 250, 300], abs=10)


async def note_end(run: object, ends: list[float]) -> None:
    await run.wait()  # type: ignore[attr-defined]
    ends.append(trio.current_time())


async def test_what_was_read_is_not_used_when_somebody_came_first(host: Host, tmp_path: Path) -> None:
    """While a run is being read for an event, somebody cancels it: it has ended when the reading is done."""
    store = Held(SqliteStore.open(tmp_path / "runs.db"))
    async with Interpreter.open("", catalog=host.catalog, clock=Frozen(), store=store) as interpreter:  # type: ignore[arg-type]
        # A worker may hold on to a run that it made a call for.
        run_id = (await interpreter.start(host.flow(ASKING.replace("  mail(to: lead)\n", "")), {"lead": "a"})).id
        await asleep(interpreter, 1)
        store.hold()
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(interpreter.send, "approved", {"lead": "a", "by": "Ann"})
                while not store.is_held:
                    await trio.lowlevel.checkpoint()
                result = await interpreter.cancel(run_id)
                store.let_go()
        assert result.status is RunStatus.CANCELLED
        assert (await interpreter.result(run_id)).status is RunStatus.CANCELLED
        await (await interpreter.start(host.flow(NAP), {"to": "b"})).cancel()
    assert host.calls == []


def test_a_clock_that_is_set_forward_wakes_at_a_steady_rate(host: Host) -> None:
    async def main() -> float:
        clock = Walking(START)
        async with Interpreter.open(":memory:", catalog=host.catalog, clock=clock, wakes_per_second=100) as interpreter:
            runs = [await interpreter.start(host.flow(NAP), {"to": f"{n}"}) for n in range(300)]
            # Without a thread: while one is waited for, this clock would jump.
            while interpreter._driver.loaded_runs:
                await trio.lowlevel.checkpoint()
            clock.offset += 24 * HOUR
            ends: list[float] = []
            async with trio.open_nursery() as nursery:
                for run in runs:
                    nursery.start_soon(note_end, run, ends)
            return max(ends) - min(ends)

    # A driver looks at the clock once a minute, if nothing else happens; so it is not said when they begin to wake.
    assert 2.5 < trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) < 3.5
    assert len(set(host.calls)) == len(host.calls) == 300


async def test_no_more_are_awake_than_can_be_served(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dagflow.drivers.local.wake_limit.MOST_AWAKE", 30)
    monkeypatch.setattr("dagflow.drivers.local.suspension.PAGE", 10)
    path = tmp_path / "runs.db"
    flow = host.flow(NAP.replace("mail(to: to)", "held(n: 1)").replace("-> string", "-> int"))
    async with Interpreter.open(path, catalog=host.catalog, clock=Frozen()) as interpreter:
        for n in range(100):
            await interpreter.start(flow, {"to": f"{n}"})
        await asleep(interpreter, 100)
    options = {"catalog": host.catalog, "clock": Frozen(START + 2 * HOUR), "wakes_per_second": None}
    async with Interpreter.open(path, **options) as interpreter:  # type: ignore[arg-type]
        with trio.fail_after(20):
            while len(host.calls) < 30:
                await trio.lowlevel.checkpoint()
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert await in_memory(interpreter) == len(host.calls) == 30
            host.gate.set()
            for run in await interpreter.unfinished():
                await run.wait()
    assert len(host.calls) == 100


@pytest.mark.parametrize("name", ["wakes_per_second", "retries_per_second"])
def test_a_rate_has_to_be_one(host: Host, name: str) -> None:
    async def main() -> None:
        async with Interpreter.open(":memory:", catalog=host.catalog, **{name: 0}):  # type: ignore[arg-type]
            pass

    with pytest.raises(UsageError, match=f"{name} is 0"):
        trio.run(main)


TWO_WAITS = """
event "approved" { lead: string, by: string }
flow two_waits(lead: string) -> string {
  on manual
  parallel {
    yes = wait event "approved" as a when a.lead == lead within 5d
    no  = wait event "approved" as a when a.by == lead within 6d
  }
  return lead
}
"""
LONG = """
flow long() -> int {
  on manual
  parallel {
    wait 1h
    x = held(n: 1)
  }
  return x
}
"""


async def test_timers_keep_no_suspended_run_in_memory(host: Host) -> None:
    """One timer that is due before all others must not keep those behind it."""
    async with Interpreter.open(":memory:", catalog=host.catalog, clock=Frozen()) as interpreter:
        await interpreter.start(host.flow(LONG))
        await host.began.wait()
        flow = host.flow(TWO_WAITS)
        for n in range(400):
            await interpreter.start(flow, {"lead": f"{n}"})
        with trio.fail_after(20):
            while await in_memory(interpreter) > 1:
                await trio.lowlevel.checkpoint()
        gc.collect()
        n_in_memory = sum(isinstance(each, LoadedRun) for each in gc.get_objects())
        assert n_in_memory < 150, "half of the entries, at most, may be of runs that are gone"
        host.gate.set()
