"""The interpreter as an embedder uses it: real flows, real actions, a real file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from dagflow.actions.catalog import Catalog
from dagflow.app.interpreter import Interpreter
from dagflow.app.run_once import run as run_once
from dagflow.clock import VirtualClock
from dagflow.errors import EvaluationError, StoreError, UsageError
from dagflow.ids import RunId
from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface
from dagflow.model.status import NodeStatus, RunStatus
from dagflow.model.wire.codec import WireError
from dagflow.store.api import Append, Creation
from dagflow.store.sqlite.store import SqliteStore
from tests.app.host import START, Host

LEADS = """
event "crm/lead" { name: string, score: int }

flow leads(name: string, score: int = 1) -> {mail: string}? {
  on event "crm/lead" as e when 100 / e.score > 1 with (name: e.name, score: e.score)
  on manual
  filter score > 0
  parallel {
    twice = double(n: score)
    other = blocking(n: score)
  }
  wait 2d
  sent = mail(to: "${name} ${string(twice)} ${other}")
  return {"mail": sent}
}
"""

HELD = """
flow holding() -> int? {
  first = double(n: 1)
  kept = held(n: first)
  wait 1h
  return kept + 1
}
"""


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


async def test_a_run_in_memory(host: Host, clock: VirtualClock) -> None:
    async with Interpreter.open(":memory:", catalog=host.catalog, clock=clock) as interpreter:
        run = await interpreter.start(host.flow(LEADS), {"name": "Ann", "score": 3})
        result = await run.wait()
        assert result == run.result() == await interpreter.result(run.id)
        assert repr(run) == f"<Run {run.id} of 'leads'>"
        assert run.flow == "leads"
    assert result.status is RunStatus.SUCCEEDED
    assert result.output == {"mail": "sent to Ann 6 thread"}
    assert result.ended_at == START + 2 * 86_400 * 10**9
    assert [node.id for node in result.nodes][1:] == ["twice", "other", result.nodes[3].id, "sent", result.nodes[5].id]
    assert result.node("twice").output == 6
    with pytest.raises(KeyError):
        result.node("nobody")


def test_one_shot_without_a_loop(host: Host, clock: VirtualClock) -> None:
    result = run_once(host.flow(LEADS), {"name": "Ann", "score": 0}, catalog=host.catalog, clock=clock)
    assert (result.status, result.output, host.calls) == (RunStatus.SUCCEEDED, None, [])
    assert {node.status for node in result.nodes[1:]} == {NodeStatus.PRUNED}


def test_one_shot_with_the_built_in_actions() -> None:
    flow = compile_text("flow f() -> int? { on manual\n return 6 * 7 }", Interface()).unwrap()
    assert run_once(flow).output == 42


async def test_one_shot_inside_a_loop_is_refused(host: Host) -> None:
    with pytest.raises(UsageError, match="event loop is already running"):
        run_once(host.flow(LEADS), {"name": "Ann"}, catalog=host.catalog)


async def test_inputs_are_checked_and_defaults_filled_in(host: Host, clock: VirtualClock) -> None:
    async with Interpreter.open(":memory:", catalog=host.catalog, clock=clock) as interpreter:
        flow = host.flow(LEADS)
        with pytest.raises(WireError, match=r"/score: .*; .*`name`"):
            await interpreter.start(flow, {"score": "3"})
        with pytest.raises(WireError):
            await interpreter.start(flow, [1])
        run = await interpreter.start(flow, {"name": "Ann"})
        assert (await run.wait()).node("twice").output == 2


async def test_triggers(host: Host, clock: VirtualClock) -> None:
    async with Interpreter.open(":memory:", catalog=host.catalog, clock=clock) as interpreter:
        flow = host.flow(LEADS)
        run = await interpreter.trigger(flow, "crm/lead", {"name": "Bo", "score": 5})
        assert run is not None
        assert (await run.wait()).output == {"mail": "sent to Bo 10 thread"}
        assert await interpreter.trigger(flow, "crm/lead", {"name": "Bo", "score": 100}) is None
        with pytest.raises(EvaluationError):
            await interpreter.trigger(flow, "crm/lead", {"name": "Bo", "score": 0})
        with pytest.raises(WireError, match=r"`score` .* is missing"):
            await interpreter.trigger(flow, "crm/lead", {"name": "Bo"})
        with pytest.raises(UsageError, match=r"no trigger `on event 'crm/x'`; it has 'crm/lead'"):
            await interpreter.trigger(flow, "crm/x", {})
        with pytest.raises(UsageError, match="it has no event triggers"):
            await interpreter.trigger(host.flow(HELD), "crm/x", {})


async def test_an_unknown_action_is_refused_at_the_start(host: Host) -> None:
    async with Interpreter.open(":memory:", catalog=Catalog()) as interpreter:
        with pytest.raises(UsageError, match="`double`, `held`, which the catalog does not have"):
            await interpreter.start(host.flow(HELD))


async def test_concurrency_is_at_least_one(host: Host) -> None:
    with pytest.raises(UsageError, match="concurrency is 0"):
        async with Interpreter.open(":memory:", catalog=host.catalog, concurrency=0):
            pass


async def test_what_the_block_raises_comes_out_as_it_is(host: Host) -> None:
    with pytest.raises(LookupError) as caught:
        async with Interpreter.open(":memory:", catalog=host.catalog):
            raise LookupError("mine") from ValueError("cause")
    assert isinstance(caught.value.__cause__, ValueError)


class TestResume:
    async def interrupted(self, host: Host, path: Path, clock: VirtualClock) -> RunId:
        async with Interpreter.open(path, catalog=host.catalog, clock=clock, drain_seconds=0) as interpreter:
            run = await interpreter.start(host.flow(HELD))
            await host.began.wait()
        with pytest.raises(UsageError, match="open it again"):
            await run.wait()
        return run.id

    async def test_a_closed_interpreter_goes_on_when_opened_again(
        self, host: Host, tmp_path: Path, clock: VirtualClock
    ) -> None:
        path = tmp_path / "runs.db"
        run_id = await self.interrupted(host, path, clock)
        host.gate.set()
        async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
            assert [run.id for run in interpreter.resumed] == [run_id]
            result = await (await interpreter.get_run(run_id)).wait()
            assert await (await interpreter.get_run(run_id)).wait() == result
        assert result.output == 3
        assert host.calls == ["double 1", "held 2", "held 2"]
        assert result.node("kept").attempts == 2
        async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
            assert interpreter.resumed == ()
            assert await interpreter.result(run_id) == result
            assert await interpreter.cancel(run_id) == result
            assert [row.status for row in await interpreter.runs()] == [RunStatus.SUCCEEDED]
            kinds = [record.kind for record in await interpreter.history(run_id)]
        assert kinds.count("attempt_interrupted") == 1

    async def test_a_sleeping_run_keeps_its_due_time(self, host: Host, tmp_path: Path) -> None:
        host.gate.set()
        path, clock = tmp_path / "runs.db", VirtualClock(START)

        class Frozen:
            def now(self) -> int:
                return START

        async with Interpreter.open(path, catalog=host.catalog, clock=Frozen()) as interpreter:
            run = await interpreter.start(host.flow(HELD))
            async for standing in run.watch():
                if standing.status is RunStatus.SLEEPING:
                    break
            due = next(node.due_at for node in standing.nodes if node.due_at)
            while (row := (await interpreter.runs())[0]).status is not RunStatus.SLEEPING:
                await trio.lowlevel.checkpoint()
            assert row.due_at == due == START + 3600 * 10**9
        clock.advance_to(START + 600 * 10**9)
        async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
            assert interpreter.resumed == ()
            result = await (await interpreter.get_run(run.id)).wait()
        assert result.ended_at == due
        assert host.calls == ["double 1", "held 2"]

    async def test_what_cannot_go_on_is_left_alone_and_told(self, host: Host, tmp_path: Path, clock: VirtualClock) -> None:
        path = tmp_path / "runs.db"
        run_id = await self.interrupted(host, path, clock)
        async with Interpreter.open(path, catalog=Catalog(), clock=clock) as interpreter:
            assert list(interpreter.blocked) == [run_id]
            with pytest.raises(UsageError, match=r"is blocked: .*`held`"):
                await interpreter.get_run(run_id)
        host.gate.set()
        async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
            assert (await interpreter.resumed[0].wait()).output == 3

    async def test_what_cannot_go_on_can_be_cancelled(self, host: Host, tmp_path: Path, clock: VirtualClock) -> None:
        path = tmp_path / "runs.db"
        run_id = await self.interrupted(host, path, clock)
        async with Interpreter.open(path, catalog=Catalog(), clock=clock) as interpreter:
            result = await interpreter.cancel(run_id)
            assert result.status is RunStatus.CANCELLED
            assert not interpreter.blocked
        async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
            assert interpreter.resumed == ()
            assert await interpreter.result(run_id) == result

    async def test_only_some_runs_go_on_if_so_wished(self, host: Host, tmp_path: Path, clock: VirtualClock) -> None:
        path = tmp_path / "runs.db"
        run_id = await self.interrupted(host, path, clock)
        async with Interpreter.open(path, catalog=host.catalog, clock=clock, resume=()) as interpreter:
            assert interpreter.resumed == ()
        host.gate.set()
        async with Interpreter.open(path, catalog=host.catalog, clock=clock, resume=[run_id]) as interpreter:
            assert (await interpreter.resumed[0].wait()).output == 3

    async def test_the_flow_it_began_with(self, host: Host, tmp_path: Path, clock: VirtualClock) -> None:
        path = tmp_path / "runs.db"
        await self.interrupted(host, path, clock)
        host.gate.set()
        edited = host.flow(HELD.replace("kept + 1", "kept + 100"))
        async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
            new = await interpreter.start(edited)
            assert (await new.wait()).output == 102
            assert (await interpreter.resumed[0].wait()).output == 3


class TestCancel:
    async def test_it_stops_what_runs_and_runs_no_handler(self, host: Host, clock: VirtualClock) -> None:
        text = HELD.rstrip().removesuffix("}") + "} on error as err { told = mail(to: err.code) }"
        async with Interpreter.open(":memory:", catalog=host.catalog, clock=clock) as interpreter:
            run = await interpreter.start(host.flow(text))
            await host.began.wait()
            result = await interpreter.cancel(run.id)
            assert await run.cancel() == result
        assert result.status is RunStatus.CANCELLED
        assert result.node("kept").status is NodeStatus.CANCELLED
        assert result.node("told").status is NodeStatus.PRUNED
        assert "mail cancelled" not in host.calls

    async def test_an_unknown_run(self, host: Host) -> None:
        async with Interpreter.open(":memory:", catalog=host.catalog) as interpreter:
            with pytest.raises(UsageError, match="no run"):
                await interpreter.cancel("0" * 32)


class TestFailures:
    async def result(self, host: Host, clock: VirtualClock, body: str) -> object:
        async with Interpreter.open(":memory:", catalog=host.catalog, clock=clock, jitter=lambda: 0.0) as interpreter:
            return await (await interpreter.start(host.flow(f"flow f() -> int? {{ {body} }}"))).wait()

    async def test_retries_wait_in_virtual_time(self, host: Host, clock: VirtualClock) -> None:
        result = await self.result(host, clock, "a = flaky(times: 2) retry 3 from 1h to 2h\n return a")
        assert (result.status, result.output) == (RunStatus.SUCCEEDED, 3)
        assert clock.now() == START + int(1.5 * 3600 * 10**9)

    async def test_fatal_failures_are_not_tried_again_and_handlers_hear_of_them(self, host: Host, clock: VirtualClock) -> None:
        result = await self.result(
            host, clock, "do b { a = never() retry 3 from 1s to 1s } on error as e { m = mail(to: e.step + e.code) }"
        )
        assert result.status is RunStatus.SUCCEEDED
        assert result.node("m").output == "sent to agone"
        assert [(f.node, f.code, f.attempt) for f in result.failures] == [("a", "gone", 1)]

    async def test_an_unhandled_failure_names_its_cause_first(self, host: Host, clock: VirtualClock) -> None:
        result = await self.result(
            host, clock, 'do b { x = never() } on error { }\n parallel { held(n: 1) \n y = never() }\n z = mail(to: "no")'
        )
        assert result.status is RunStatus.FAILED
        assert [f.node for f in result.failures] == ["y", "x"]
        assert host.calls == ["held 1"]

    async def test_timeouts_stop_an_attempt(self, host: Host, clock: VirtualClock, autojump_clock: object) -> None:
        result = await self.result(host, clock, "a = held(n: 1) timeout 5s default 7\n return a")
        assert result.output == 7


class FailingStore:
    """A durable store that fails at one write: the outcome is unknown to everybody but the file."""

    def __init__(self, inner: SqliteStore, fail_at: int, *, after: bool) -> None:
        self._inner = inner
        self._left = fail_at
        self._after = after

    def write(self, appends: Sequence[Append] = (), creations: Sequence[Creation] = ()) -> None:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise StoreError("the disk is gone")
        self._inner.write(appends, creations)
        if self._left == 0:
            raise StoreError("the disk is gone")

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fail_at", range(1, 4))
async def test_a_store_that_fails_stops_everything_and_nothing_is_lost(
    host: Host, tmp_path: Path, clock: VirtualClock, fail_at: int, after: bool
) -> None:
    host.gate.set()
    path = tmp_path / "runs.db"
    store = FailingStore(SqliteStore.open(path), fail_at, after=after)
    with pytest.raises(StoreError, match="the disk is gone"):  # noqa: PT012 - the block is what fails
        async with Interpreter.open(path, catalog=host.catalog, clock=clock, store=store) as interpreter:
            with pytest.raises(StoreError):
                await (await interpreter.start(host.flow(HELD))).wait()
            with pytest.raises(StoreError):
                await interpreter.start(host.flow(HELD))
    async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
        for resumed in await interpreter.unfinished():
            await resumed.wait()
        results = [await interpreter.result(row.id) for row in await interpreter.runs()]
    assert [result.output for result in results] == ([] if fail_at == 1 and not after else [3])


async def test_many_runs_at_once(host: Host, tmp_path: Path, clock: VirtualClock) -> None:
    host.gate.set()
    flow = host.flow(HELD)
    async with Interpreter.open(tmp_path / "runs.db", catalog=host.catalog, clock=clock, concurrency=8) as interpreter:
        runs = [await interpreter.start(flow) for _ in range(50)]
        results = [await run.wait() for run in runs]
    assert {result.output for result in results} == {3}


async def test_watching_shows_the_way(host: Host, tmp_path: Path, clock: VirtualClock) -> None:
    async with Interpreter.open(tmp_path / "runs.db", catalog=host.catalog, clock=clock) as interpreter:
        run = await interpreter.start(host.flow(HELD))
        seen: list[RunStatus] = []
        async for standing in interpreter.watch(run.id):
            seen.append(standing.status)
            if standing.node("kept").status is NodeStatus.RUNNING:
                host.gate.set()
    assert seen[0] is RunStatus.RUNNING
    assert seen[-1] is RunStatus.SUCCEEDED


async def test_what_is_too_large_is_refused_and_stops_nobody_else(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = host.flow("flow f(text: string) -> int { on manual\n return size(text) }")
    async with Interpreter.open(tmp_path / "runs.db", catalog=host.catalog) as interpreter:
        with pytest.raises(UsageError, match="the input is larger than 4 MiB as JSON; keep large data elsewhere"):
            await interpreter.start(flow, {"text": "x" * 20_000_000})
        with pytest.raises(UsageError, match=r"the event has 300,\d+ bytes as JSON; at most 262,144"):
            await interpreter.send("e", {"text": "x" * 300_000})
        assert (await (await interpreter.start(flow, {"text": "x" * 1_000_000})).wait()).output == 1_000_000
        monkeypatch.setattr("dagflow.app.run_starter.MAX_FLOW", 10)
        with pytest.raises(UsageError, match="the compiled flow has"):
            await interpreter.start(flow, {"text": "a"})
        monkeypatch.undo()
        assert (await (await interpreter.start(flow, {"text": "abc"})).wait()).output == 3


async def test_a_run_is_run_again_with_its_flow_and_input(host: Host, tmp_path: Path, clock: VirtualClock) -> None:
    host.gate.set()
    flow = host.flow("flow f(n: int) {\n on manual\n for i in [n] max 1 {\n  a = held(n: i)\n }\n}")
    async with Interpreter.open(tmp_path / "runs.db", catalog=host.catalog, clock=clock) as interpreter:
        first = await interpreter.start(flow, {"n": 7})
        await first.wait()
        again = await interpreter.rerun(first.id, id="again")
        await again.wait()
        assert (await interpreter.rerun(first.id, id="again")).id == again.id
        assert host.calls == ["held 7", "held 7"]
        (child,) = await interpreter.runs(parent=first.id)
        with pytest.raises(UsageError, match=f"is a child run; rerun {first.id}"):
            await interpreter.rerun(child.id)
        with pytest.raises(UsageError, match="no run 0000"):
            await interpreter.rerun("0" * 32)
