"""`wait event` from text to history, and `Interpreter.send`."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import trio

from dagflow.app.interpreter import Interpreter
from dagflow.app.run_handle import Run
from dagflow.clock import VirtualClock
from dagflow.drivers.simulated.simulator import DEFAULT_START, Send, Simulation, simulate
from dagflow.errors import UsageError
from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface
from dagflow.model.status import NodeStatus, RunStatus
from dagflow.model.wire.codec import WireError
from dagflow.store.api import Store
from dagflow.store.codec.flow import decode_flow, encode_flow
from dagflow.store.memory import MemoryStore
from dagflow.store.sqlite.store import SqliteStore
from tests.app.host import Host
from tests.app.stand_ins import HeldEvents
from tests.app.test_constructs import DECLARATIONS, SECOND
from tests.drivers.test_crash import essence

ACKED = """
event "acked" { id: string, by: string, note: json? }
flow f(id: string, who: string = "nobody") -> string {
  page = tell(text: "page")
  ack = wait event "acked" as a when a.id == id && a.by != who within 15m else {
    second = tell(text: "lead")
    ack2 = wait event "acked" as a when a.id == id within 15m else {
      tell(text: "director")
      return "escalated"
    }
  }
  wait 1s
  return ack.?by ?? ack2.?by ?? "unknown"
}
"""
MINUTE = 60 * SECOND


def send(minutes: float, by: str = "Ann", incident: str = "i1", **more: str) -> Send:
    at = DEFAULT_START + round(minutes * MINUTE)
    return Send(at=at, event="acked", payload={"id": incident, "by": by}, **more)


def acked(*sends: Send, crash_at: tuple[int, ...] = ()) -> Simulation:
    flow = decode_flow(encode_flow(compile_text(DECLARATIONS + ACKED, Interface()).unwrap()))
    told = {"tell": lambda invocation: invocation.arguments["text"]}
    return simulate(flow, {"id": "i1"}, actions=told, sends=sends, crash_at=crash_at)


@pytest.mark.parametrize(
    ("sends", "output", "calls"),
    [
        ([send(1)], "Ann", ["page"]),
        ([send(1, "Bo", "i2"), send(1.5, "nobody"), send(2), send(3, "Bo")], "Ann", ["page"]),
        ([send(14.9), send(15.1, "Bo")], "Ann", ["page"]),
        ([send(15.1, "Bo")], "Bo", ["page", "lead"]),
        ([send(31)], "escalated", ["page", "lead", "director"]),
        ([], "escalated", ["page", "lead", "director"]),
        ([send(3, "nobody", id="x"), send(4, "Cy", id="x"), send(20, "Di", id="y")], "nobody", ["page", "lead"]),
    ],
)
def test_escalation(sends: list[Send], output: str, calls: list[str]) -> None:
    """The last one is why a wait that is to come keeps its own: the first wait did not want `nobody`, the second one does."""
    calm = acked(*sends)
    assert calm.result.output == output
    assert [call.invocation.arguments["text"] for call in calm.calls] == calls
    for point in range(calm.n_points):
        crashed = acked(*sends, crash_at=(point,))
        assert essence(crashed.result) == essence(calm.result), point


def test_races_of_waits_and_what_is_after_a_wait() -> None:
    text = """
      event "yes" { by: string }
      event "no" { by: string }
      flow f() -> string {
        parallel first 1 {
          yes = wait event "yes" within 1h
          no = wait event "no" within 1m
          wait 1d
        }
        sure = log(message: yes.by) after yes
        return yes.?by ?? no.?by ?? "nobody"
      }
      action log(message: string)
    """
    flow = compile_text(text, Interface()).unwrap()
    scripts = {"log": lambda _: None}
    done = simulate(flow, actions=scripts, sends=[Send(at=DEFAULT_START + 2 * MINUTE, event="yes", payload={"by": "Ann"})])
    assert done.result.output == "Ann"
    assert [done.result.node(name).status for name in ("yes", "no", "sure")] == [
        NodeStatus.SUCCEEDED,
        NodeStatus.CANCELLED,
        NodeStatus.SUCCEEDED,
    ]
    done = simulate(flow, actions=scripts, sends=[Send(at=DEFAULT_START + SECOND, event="no", payload={"by": "Bo"})])
    assert (done.result.output, done.result.node("sure").status) == ("Bo", NodeStatus.PRUNED)


APPROVAL = """
event "approved" { id: string, by: string }
event "asked" { id: string }
flow asks(id: string) -> string? {
  on manual
  emit "asked" (id: id)
  answer = wait event "approved" as a when a.id == id within 1d
  return answer.?by
}
flow answers(id: string) -> string? {
  on manual
  question = wait event "asked" as q when q.id == id within 1d
  emit "approved" (id: question.?id ?? "", by: "answers")
  return question.?id
}
"""


#: Another flow's idea of the same event.
OTHERWISE = """
event "approved" { id: int }
flow f() -> int? {
  on manual
  answer = wait event "approved" within 1d
  return answer.?id
}
"""


@pytest.fixture
def host() -> Host:
    return Host()


class TestSend:
    async def test_it_reaches_those_that_wait_for_it(self, host: Host) -> None:
        flow = host.flow(APPROVAL, "asks")
        async with Interpreter.open(":memory:", catalog=host.catalog) as interpreter:
            runs = [await interpreter.start(flow, {"id": name}) for name in ("a", "b", "b")]
            assert await interpreter.send("approved", {"id": "b", "by": "Ann"}, id="1") == 2
            assert [(await run.wait()).output for run in runs[1:]] == ["Ann", "Ann"]
            assert await interpreter.send("approved", {"id": "a", "by": "Ann"}, id="1") == 0
            assert await interpreter.send("approved", {"id": "z", "by": "Ann"}) == 0
            assert await interpreter.send("unheard/of", {}) == 0
            assert await interpreter.send("approved", {"id": "a", "by": "Bo"}, id="2") == 1
            assert (await runs[0].wait()).output == "Bo"

    async def test_virtual_time_stands_while_an_event_is_on_its_way(self, host: Host, tmp_path: Path) -> None:
        clock = VirtualClock(DEFAULT_START)
        async with Interpreter.open(tmp_path / "runs.db", catalog=host.catalog, clock=clock) as interpreter:
            text = APPROVAL.replace("on manual", "on manual\n held(n: 1)").replace("within 1d", "within 1s")
            run = await interpreter.start(host.flow(text, "asks"), {"id": "a"})
            await host.began.wait()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(interpreter.send, "approved", {"id": "a", "by": "Ann"})
                await trio.lowlevel.checkpoint()
                host.gate.set()
            assert (await run.wait()).output == "Ann"

    async def test_what_does_not_fit_is_refused_and_not_kept(self, host: Host) -> None:
        store = MemoryStore()
        async with Interpreter.open(":memory:", catalog=host.catalog, store=store) as interpreter:
            await interpreter.start(host.flow(APPROVAL, "asks"), {"id": "a"})
            await interpreter.start(host.flow(OTHERWISE))
            assert await interpreter.send("approved", {"id": 7}) == 1, "it fits one of them"
            n_events = store.last_event()
            for payload in ({"id": "a"}, {"id": "a", "by": 7}, "text", None, {"id": "a", "by": object()}):
                with pytest.raises(WireError):
                    await interpreter.send("approved", payload)
            for name in ("", "x" * 201):
                with pytest.raises(UsageError, match="1 to 200 characters"):
                    await interpreter.send("approved", {}, id=name)
            assert store.last_event() == n_events

    @pytest.mark.parametrize("in_memory", [True, False])
    async def test_what_one_run_emits_another_one_gets(self, host: Host, tmp_path: Path, in_memory: bool) -> None:
        path = ":memory:" if in_memory else tmp_path / "runs.db"
        async with Interpreter.open(path, catalog=host.catalog) as interpreter:
            answering = await interpreter.start(host.flow(APPROVAL, "answers"), {"id": "a"})
            asking = await interpreter.start(host.flow(APPROVAL, "asks"), {"id": "a"})
            with trio.fail_after(20):
                assert (await asking.wait()).output == "answers"
                assert (await answering.wait()).output == "a"

    async def test_events_of_the_time_when_a_run_was_not_driven(self, host: Host, tmp_path: Path) -> None:
        path, flow = tmp_path / "runs.db", host.flow(APPROVAL, "asks")
        async with Interpreter.open(path, catalog=host.catalog) as interpreter:
            await interpreter.send("approved", {"id": "a", "by": "too early"}, id="0")
            run_id = (await interpreter.start(flow, {"id": "a"})).id
        async with Interpreter.open(path, catalog=host.catalog, resume=()) as interpreter:
            assert await interpreter.send("approved", {"id": "a", "by": "Ann"}, id="1") == 0
            assert await interpreter.send("approved", {"id": "a", "by": "Bo"}, id="1") == 0
            assert await interpreter.send("approved", {"id": "a", "by": "Cy"}, id="2") == 0
        async with Interpreter.open(path, catalog=host.catalog) as interpreter:
            with trio.fail_after(20):
                result = await (await interpreter.get_run(run_id)).wait()
        assert (result.run, result.status, result.output) == (run_id, RunStatus.SUCCEEDED, "Ann")

    async def test_an_event_that_comes_while_a_run_is_read(self, host: Host, tmp_path: Path) -> None:
        path, flow = tmp_path / "runs.db", host.flow(APPROVAL, "asks")
        async with Interpreter.open(path, catalog=host.catalog) as interpreter:
            await interpreter.start(flow, {"id": "a"}, id="once")
        found: list[Run] = []
        store = HeldEvents(SqliteStore.open(path))
        async with Interpreter.open(path, catalog=host.catalog, store=cast("Store", store), resume=()) as interpreter:
            store.hold()
            with trio.fail_after(20):
                async with trio.open_nursery() as nursery:

                    async def read() -> None:
                        found.append(await interpreter.start(flow, {"id": "a"}, id="once"))

                    nursery.start_soon(read)
                    while not store.is_held:
                        await trio.lowlevel.checkpoint()
                    assert await interpreter.send("approved", {"id": "a", "by": "Ann"}, id="1") == 0
                    store.let_go()
                assert (await found[0].wait()).output == "Ann"

    async def test_an_event_before_its_wait(self, host: Host, tmp_path: Path) -> None:
        text = """
          event "go" { n: int }
          flow f() -> int? { on manual
            a = held(n: 1)
            go = wait event "go" within 1d
            return go.?n
          }
        """
        path = tmp_path / "runs.db"
        async with Interpreter.open(path, catalog=host.catalog, drain_seconds=0) as interpreter:
            run = await interpreter.start(host.flow(text))
            await host.began.wait()
            assert await interpreter.send("go", {"n": 4}) == 1
        host.gate.set()
        async with Interpreter.open(path, catalog=host.catalog) as interpreter:
            with trio.fail_after(20):
                assert (await (await interpreter.get_run(run.id)).wait()).output == 4
            assert [record.kind for record in await interpreter.history(run.id)].count("event_taken") == 1
