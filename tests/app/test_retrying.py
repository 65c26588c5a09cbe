"""Runs that failed go on, and steps get results by hand."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
import trio

from dagflow.actions.catalog import Catalog
from dagflow.actions.failures import Fatal
from dagflow.actions.markers import EffectKey
from dagflow.app.interpreter import Interpreter
from dagflow.app.program_cache import Programs
from dagflow.app.stored_runs import restored
from dagflow.app.why import reason_for
from dagflow.clock import VirtualClock
from dagflow.errors import NotFound, NotRetried, UsageError
from dagflow.lang.compiler import compile_text
from dagflow.model.flow import Flow
from dagflow.model.status import NodeStatus, RunStatus
from dagflow.model.wire.codec import WireError
from dagflow.store.api import Creation
from dagflow.store.memory import MemoryStore
from tests.app.host import START

ORDER = """
flow order(n: int) -> int? {
  on manual
  first = work(name: "first")
  parallel {
    second = work(name: "second")
    other = work(name: "other")
  }
  wait 1h
  third = work(name: "third")
  return n + 1
} on error as e {
  told = work(name: "told")
}
"""


class Works:
    """A host whose `work` fails for the names in `broken`, and knows the keys of its calls."""

    def __init__(self) -> None:
        self.catalog, self.calls, self.broken = Catalog(), list[tuple[str, str]](), set[str]()

        @self.catalog.action("work", effect="idempotent")
        async def work(name: str, key: EffectKey) -> str:
            self.calls.append((name, key))
            if name in self.broken:
                raise Fatal("it is broken", code="broken")
            return name.upper()

        @self.catalog.action("pay", effect="effectful")
        async def pay(name: str) -> str:
            self.calls.append((name, ""))
            if name in self.broken:
                raise Fatal("it is broken", code="broken")
            return name.upper()

        @self.catalog.action("endless", effect="effectful", on_unknown="fail")
        async def endless() -> str:
            await trio.sleep_forever()

        @self.catalog.action("unpay", effect="idempotent")
        async def unpay(name: str) -> None:
            self.calls.append((f"un{name}", ""))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def flow(self, text: str) -> Flow:
        compilation = compile_text(text, self.catalog.interface)
        assert not compilation.has_errors, compilation.render()
        return compilation.unwrap()


@pytest.fixture
def works() -> Works:
    return Works()


async def test_a_failed_run_goes_on_from_its_failed_step(works: Works, tmp_path: Path) -> None:
    works.broken = {"second"}
    clock = VirtualClock(START)
    async with Interpreter.open(tmp_path / "s.db", catalog=works.catalog, clock=clock) as interpreter:
        run = await interpreter.start(works.flow(ORDER), {"n": 1})
        failed = await run.wait()
        assert failed.status is RunStatus.FAILED
        assert failed.failures[0].node == "second"
        works.broken.clear()
    async with Interpreter.open(tmp_path / "s.db", catalog=works.catalog, clock=clock) as interpreter:
        retried = await interpreter.retry(run.id, by="ann")
        result = await retried.wait()
        assert retried.id == run.id
        assert (result.status, result.output, result.failures) == (RunStatus.SUCCEEDED, 2, ())
        assert result == await interpreter.result(run.id)
        assert result.node("told").status is NodeStatus.PRUNED
        assert works.names.count("first") == 1
        assert [name for name in works.names if name != "other"] == ["first", "second", "told", "second", "third"]
        assert len({key for name, key in works.calls if name == "second"}) == 1, "one key for all attempts"
        history = await interpreter.history(run.id)
        assert [(record.kind, record.payload) for record in history if record.kind == "run_retry_requested"] == [
            ("run_retry_requested", b'{"by":"ann"}')
        ]


HANDLED = """
event "paid" { sum: int }

flow order(n: int) -> int? {
  on manual
  do {
    risky = work(name: "risky")
  } on error {
    mended = work(name: "mended")
  }
  gone = wait event "paid" within 1h
  last = work(name: "last")
  return n
}
"""


async def test_what_was_decided_before_the_failure_stays(works: Works) -> None:
    works.broken = {"risky", "last"}
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START)) as interpreter:
        run = await interpreter.start(works.flow(HANDLED), {"n": 1})
        assert (await run.wait()).status is RunStatus.FAILED
        works.broken.clear()
        result = await (await interpreter.retry(run.id)).wait()
        assert result.status is RunStatus.SUCCEEDED
        assert works.names == ["risky", "mended", "last", "last"]
        assert [failure.node for failure in result.failures] == ["risky"]


async def test_an_on_error_runs_again_as_another_effect(works: Works) -> None:
    works.broken = {"second"}
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START)) as interpreter:
        run = await interpreter.start(works.flow(ORDER), {"n": 1})
        again = await run.wait()
        for _ in range(2):
            again = await (await interpreter.retry(run.id)).wait()
            assert (again.status, [failure.node for failure in again.failures]) == (RunStatus.FAILED, ["second"])
        told = [key for name, key in works.calls if name == "told"]
        assert len(told) == len(set(told)) == 3
        assert again == await interpreter.result(run.id)


@pytest.mark.parametrize(
    ("text", "steps", "message"),
    [
        ("return 1", (), "ended succeeded, and only a failed run is retried; rerun it"),
        ('a = pay(name: "a") undo unpay(name: "a")\n b = work(name: "bad")', (), "undid its steps, so their results are gone"),
        ('for n in [1] max 1 {\n work(name: "bad")\n }', (), "failed in or beside the loop 'for.*items cannot begin twice"),
        ('b = work(name: "bad")\n c = work(name: "c")', ("c",), "has the steps b to go on with; got 'c', which is pruned"),
    ],
)
async def test_a_run_that_cannot_go_on_is_refused(works: Works, text: str, steps: tuple[str, ...], message: str) -> None:
    works.broken = {"bad"}
    flow = works.flow(f"flow f() -> int? {{\n on manual\n {text}\n}}")
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START)) as interpreter:
        run = await interpreter.start(flow)
        before = await run.wait()
        with pytest.raises(NotRetried, match=message):
            await interpreter.retry(run.id, steps=steps)
        assert await interpreter.result(run.id) == before


async def test_runs_and_steps_that_are_not_there_are_refused(works: Works) -> None:
    works.broken = {"first"}
    async with Interpreter.open(":memory:", catalog=works.catalog) as interpreter:
        run = await interpreter.start(works.flow(ORDER), {"n": 1})
        await run.wait()
        with pytest.raises(NotFound, match="no run nobody"):
            await interpreter.retry("nobody")
        with pytest.raises(NotFound, match="has no step 'fourth'; it has: first, "):
            await interpreter.retry(run.id, steps=["fourth"])
        works.broken.clear()
        again = await interpreter.retry(run.id)
        with pytest.raises(NotRetried, match="has not ended; wait until it has, or cancel it"):
            await interpreter.retry(run.id)
        assert (await again.cancel()).status is RunStatus.CANCELLED
        with pytest.raises(NotRetried, match="ended cancelled, and only a failed run is retried"):
            await interpreter.retry(run.id)


async def test_a_failed_step_is_skipped_with_a_result(works: Works) -> None:
    works.broken, store = {"first"}, MemoryStore()
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START), store=store) as interpreter:
        run = await interpreter.start(works.flow(ORDER), {"n": 1})
        await run.wait()
        with pytest.raises(
            WireError, match="the result of the step 'first' must be of its type: expected a text, found the number 7"
        ):
            await interpreter.skip(run.id, "first", 7)
        with pytest.raises(NotRetried, match="has the steps first to go on with; got 'second'"):
            await interpreter.skip(run.id, "second", "by hand")
        result = await (await interpreter.skip(run.id, "first", "by hand", by="ann")).wait()
        assert result.status is RunStatus.SUCCEEDED
        assert (result.node("first").output, result.node("first").skipped_by) == ("by hand", "ann")
        progress = restored(store, Programs(), run.id)
        assert reason_for(progress, "first").because == "it was skipped: ann gave its result"
        assert works.names.count("first") == 1
        assert result == await interpreter.result(run.id)
        records = [each for each in await interpreter.history(run.id) if each.kind == "step_skipped"]
        assert [(each.node, each.payload) for each in records] == [("first", b'{"by":"ann","value":"by hand"}')]


async def test_a_step_that_waits_is_skipped(works: Works) -> None:
    text = """
    event "paid" { sum: int }

    flow f() -> int? {
      on manual
      wait 300d
      paid = wait event "paid" within 300d
      return paid.?sum
    }
    """
    flow = works.flow(text)
    async with Interpreter.open(":memory:", catalog=works.catalog) as interpreter:
        run = await interpreter.start(flow)
        await interpreter.rest()
        first = next(node.id for node in run.result().nodes if node.kind == "wait")
        with pytest.raises(NotRetried, match="has the step 'paid', which is pending; only a step that waits is skipped"):
            await interpreter.skip(run.id, "paid", {"sum": 3})
        with pytest.raises(WireError, match="has no result; give none"):
            await interpreter.skip(run.id, first, 1)
        await interpreter.skip(run.id, first)
        await interpreter.rest()
        result = await (await interpreter.skip(run.id, "paid", {"sum": 3})).wait()
        assert (result.status, result.output) == (RunStatus.SUCCEEDED, 3)
        assert result == await interpreter.result(run.id)


TELLING = """
event "told" { n: int }

flow other(n: int) {
  on manual
  o = work(name: "other")
}

flow order() -> string? {
  on manual
  a = work(name: "a")
  return a
} on error {
  emit "told" (n: 1)
  start other(n: 1)
  c = pay(name: "c")
}
"""


async def test_an_on_error_that_runs_again_has_events_runs_and_keys_of_its_own(works: Works) -> None:
    """Also where no time passes between the two failures."""
    works.broken, store = {"a", "c"}, MemoryStore()
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START), store=store) as interpreter:
        run = await interpreter.start(compile_text(TELLING, works.catalog.interface).unwrap("order"))
        await run.wait()
        assert (await (await interpreter.retry(run.id)).wait()).status is RunStatus.FAILED
        await interpreter.rest()
        assert [event.name for event in store.events(after=0)] == ["told", "told"]
        assert sorted(row.flow for row in await interpreter.runs()) == ["order", "other", "other"]


async def test_a_step_of_the_on_error_with_an_unknown_outcome_is_in_nobodys_way(works: Works) -> None:
    works.broken = {"a"}
    text = 'flow f() -> string? {\n on manual\n a = work(name: "a")\n return a\n} on error {\n c = endless() timeout 10ms\n}'
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START)) as interpreter:
        run = await interpreter.start(works.flow(text))
        assert [failure.code for failure in (await run.wait()).failures] == ["broken", "unknown_outcome"]
        works.broken.clear()
        assert (await (await interpreter.retry(run.id)).wait()).status is RunStatus.SUCCEEDED


async def test_a_step_with_an_unknown_outcome_is_repeated_only_by_name(works: Works) -> None:
    text = "flow f() -> string? {\n on manual\n c = endless() timeout 10ms\n return c\n}"
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START)) as interpreter:
        run = await interpreter.start(works.flow(text))
        assert (await run.wait()).status is RunStatus.FAILED_DIRTY
        with pytest.raises(
            NotRetried, match="may have had the effect of 'c', whose outcome is unknown; name the step to repeat"
        ):
            await interpreter.retry(run.id)
        again = await (await interpreter.retry(run.id, steps=["c"])).wait()
        assert (again.status, again.node("c").attempts) == (RunStatus.FAILED_DIRTY, 2)
        skipped = await (await interpreter.skip(run.id, "c", "found out")).wait()
        assert (skipped.status, skipped.output) == (RunStatus.SUCCEEDED, "found out")


LATE = """
event "paid" { sum: int }

flow f() -> int? {
  on manual
  a = work(name: "a")
  paid = wait event "paid" within 1h
  return paid.?sum
}
"""


async def test_an_event_that_came_after_the_failure_is_there_for_the_retry(works: Works, tmp_path: Path) -> None:
    works.broken = {"a"}
    async with Interpreter.open(tmp_path / "s.db", catalog=works.catalog) as interpreter:
        run = await interpreter.start(works.flow(LATE))
        await run.wait()
        assert await interpreter.send("paid", {"sum": 3}) == 0
        works.broken.clear()
        assert (await (await interpreter.retry(run.id)).wait()).output == 3


async def test_a_retried_run_has_a_new_lifetime(works: Works) -> None:
    works.broken = {"a"}
    text = 'flow f() -> string? {\n on manual\n timeout 2h\n a = work(name: "a")\n wait 90m\n return a\n}'
    clock = VirtualClock(START)
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=clock) as interpreter:
        run = await interpreter.start(works.flow(text))
        await run.wait()
        later = await interpreter.start(works.flow("flow g() {\n on manual\n wait 1h\n}"))
        await later.wait()
        works.broken.clear()
        assert (await (await interpreter.retry(run.id)).wait()).output == "A"


async def test_a_skip_is_in_the_store_when_it_returns(works: Works, tmp_path: Path) -> None:
    flow = works.flow('flow f() -> string {\n on manual\n pause = wait 48h\n a = work(name: "a")\n return a\n}')
    async with Interpreter.open(tmp_path / "s.db", catalog=works.catalog) as interpreter:
        run = await interpreter.start(flow)
        await interpreter.rest()
        await interpreter.skip(run.id, "pause", by="ann")
        assert "step_skipped" in [record.kind for record in await interpreter.history(run.id)]


async def test_nothing_goes_on_while_the_interpreter_drains(works: Works, tmp_path: Path) -> None:
    works.broken = {"first"}
    async with Interpreter.open(tmp_path / "s.db", catalog=works.catalog) as interpreter:
        run = await interpreter.start(works.flow(ORDER), {"n": 1})
        await run.wait()
        waiting = await interpreter.start(works.flow("flow g() {\n on manual\n pause = wait 1h\n}"))
        await interpreter.rest()
        await interpreter.drain()
        with pytest.raises(NotRetried, match="cannot go on while the interpreter is draining"):
            await interpreter.retry(run.id)
        with pytest.raises(NotRetried, match="cannot go on while the interpreter is draining"):
            await interpreter.skip(waiting.id, "pause")


async def test_a_called_flow_runs_again_as_another_child(works: Works) -> None:
    works.broken = {"in"}
    text = """
    flow part() -> string {
      p = work(name: "in")
      return p
    }
    flow whole() -> string? {
      on manual
      c = part()
      return c
    }
    """
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START)) as interpreter:
        run = await interpreter.start(compile_text(text, works.catalog.interface).unwrap("whole"))
        await run.wait()
        (child,) = await interpreter.runs(parent=run.id)
        with pytest.raises(NotRetried, match=f"is a child run, which its parent alone goes on with; retry {run.id}"):
            await interpreter.retry(child.id)
        works.broken.clear()
        assert (await (await interpreter.retry(run.id)).wait()).output == "IN"
        children = await interpreter.runs(parent=run.id)
        assert [row.id.rpartition("#")[2] for row in children] == ["2", "1"]


async def test_a_blocked_run_is_not_skipped(works: Works, tmp_path: Path) -> None:
    flow = works.flow('flow f() {\n on manual\n pause = wait 48h\n a = work(name: "a")\n}')
    async with Interpreter.open(tmp_path / "s.db", catalog=works.catalog) as interpreter:
        run = await interpreter.start(flow)
        await interpreter.rest()
    async with Interpreter.open(tmp_path / "s.db", catalog=Catalog()) as interpreter:
        with pytest.raises(NotRetried, match="cannot go on now, see `runs\\(\\)` for the reason"):
            await interpreter.skip(run.id, "pause")


async def test_a_crash_behind_the_retry_changes_nothing(works: Works) -> None:
    works.broken, flow = {"second"}, works.flow(ORDER)
    store = MemoryStore()
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START), store=store) as interpreter:
        run = await interpreter.start(flow, {"n": 1})
        await run.wait()
        works.broken.clear()
        whole = await (await interpreter.retry(run.id)).wait()
        history, row = await interpreter.history(run.id), store.run(run.id)
        assert row is not None
        encoded = store.flow(row.digest)
        assert encoded is not None
    first = next(n for n, record in enumerate(history) if record.kind == "run_retry_requested")
    for length in range(first + 1, len(history)):
        cut = MemoryStore()
        again = attrs.evolve(row, status=RunStatus.RUNNING, ended_at=None)
        cut.write(creations=[Creation(row=again, flow=encoded, records=history[:length])])
        works.calls.clear()
        async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START), store=cut) as interpreter:
            (resumed,) = interpreter.resumed
            result = await resumed.wait()
        assert (result.status, result.output, result.failures) == (whole.status, whole.output, ())
        done = {record.node for record in history[:length] if record.kind == "attempt_succeeded"}
        assert not (done - {"told"}) & set(works.names)


async def test_a_run_that_has_ended_is_deleted(works: Works, tmp_path: Path) -> None:
    works.broken = {"first"}
    async with Interpreter.open(tmp_path / "s.db", catalog=works.catalog) as interpreter:
        failed = await interpreter.start(works.flow(ORDER), {"n": 1})
        await failed.wait()
        waiting = await interpreter.start(works.flow("flow g() {\n on manual\n wait 1h\n}"))
        looping = await interpreter.start(works.flow('flow h() {\n on manual\n for i in [1] max 1 {\n work(name: "a")\n }\n}'))
        await looping.wait()
        await interpreter.delete(failed.id)
        for call in (interpreter.delete, interpreter.retry, interpreter.result):
            with pytest.raises(NotFound, match=f"no run {failed.id}"):
                await call(failed.id)
        with pytest.raises(UsageError, match="has not ended; cancel it, and then delete it"):
            await interpreter.delete(waiting.id)
        (child,) = await interpreter.runs(parent=looping.id)
        with pytest.raises(UsageError, match=f"is a child run; delete {looping.id}, which has it"):
            await interpreter.delete(child.id)
        await interpreter.delete(looping.id)
        assert [row.id for row in await interpreter.runs()] == [waiting.id]
