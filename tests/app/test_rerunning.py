"""A run begins with one of its steps, and has the results of the others from an earlier run."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from dagflow import NotFound, RunStatus, Service, UsageError, VirtualClock
from dagflow.admission.requests import Stage
from dagflow.app.archive import Archive
from dagflow.app.interpreter import Interpreter
from dagflow.app.program_cache import Programs
from dagflow.app.rerunning import planned
from dagflow.app.stored_runs import restored
from dagflow.app.why import reason_for
from dagflow.execution.program import prepare
from dagflow.lang.compiler import compile_text
from dagflow.model.flow import Flow
from dagflow.store.api import Creation
from dagflow.store.memory import MemoryStore
from tests.app.host import START
from tests.app.test_retrying import Works
from tests.service.world import Hand, finished

TEXT = """
event "paid" { sum: int }

flow part(n: int) -> int {
  p = work(name: "part")
  return n
}

flow note(n: int) {
  on manual
  work(name: "note")
}

flow order(n: int) -> string? {
  on manual
  a = work(name: "a")
  called = part(n: n)
  rows = for i in [1, 2] max 2 {
    w = work(name: "item")
    yield i + n
  }
  let double = n * 2
  if double > 2 { big = work(name: "big") }
  do {
    risky = work(name: "risky")
  } on error as e {
    mended = work(name: "mended ${e.code}")
  }
  parallel first 1 {
    quick = work(name: "quick")
    paid = wait event "paid" within 300d
  }
  wait 1h
  start note(n: n)
  late = wait event "paid" within 1h
  emit "paid" (sum: 0)
  last = work(name: "last ${a} ${called} ${size(rows)} ${double} ${big ?? '-'} ${late.?sum ?? 0}")
  return last
}
"""


@pytest.fixture
def works() -> Works:
    return Works()


def compiled(works: Works, text: str = TEXT) -> Flow:
    return compile_text(text, works.catalog.interface).unwrap("order")


async def test_a_run_begins_with_a_step(works: Works, tmp_path: Path) -> None:
    works.broken = {"risky"}
    path, clock = tmp_path / "s.db", VirtualClock(START)
    async with Interpreter.open(path, catalog=works.catalog, clock=clock) as interpreter:
        first = await interpreter.start(compiled(works), {"n": 2})
        earlier = await first.wait()
        assert earlier.status is RunStatus.SUCCEEDED
        works.calls.clear()
        plan = await interpreter.plan_rerun(first.id, "last")
        assert plan.again == (plan.again[0],)
        assert (plan.again[0].id, plan.again[0].why) == ("last", "is the step to begin with")
        whys = {step.id: step.why for step in plan.kept}
        assert whys["a"] == whys["called"] == whys["rows"] == whys["double"] == "succeeded"
        assert whys["risky"] == "failed, and the `on error` of its block took over"
        assert whys["late"] == whys["paid"] == "was stopped or out of time, and the run went on"
        again = await (await interpreter.rerun(first.id, from_step="last")).wait()
        assert (again.status, again.output) == (earlier.status, earlier.output)
        assert works.names == ["last A 2 2 4 BIG 0"], "all that the step reads is as it was"
        assert again.node("a").kept_from == first.id
        assert again.node("last").kept_from == ""
        assert [failure.node for failure in again.failures] == ["risky"]
        assert again == await interpreter.result(again.run)
    with Archive.open(path) as archive:
        assert archive.result(again.run)[1] == again


async def test_what_depends_on_the_step_runs_again(works: Works) -> None:
    works.broken = {"risky"}
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START)) as interpreter:
        first = await interpreter.start(compiled(works), {"n": 2})
        await first.wait()
        works.calls.clear()
        works.broken.clear()
        plan = await interpreter.plan_rerun(first.id, "risky")
        whys = {step.id: step.why for step in plan.again}
        assert whys["risky"] == "is the step to begin with"
        assert whys["mended"] == whys["last"] == "depends on risky"
        assert {"a", "called", "rows", "double", "big"} <= {step.id for step in plan.kept}
        result = await (await interpreter.rerun(first.id, from_step="risky")).wait()
        assert (result.status, result.failures) == (RunStatus.SUCCEEDED, ())
        assert works.names[0] == "risky"
        assert not {"a", "part", "item", "big"} & set(works.names)


async def test_what_was_undone_runs_again_and_what_is_kept_is_not_undone(works: Works) -> None:
    text = """
    flow order() -> string? {
      on manual
      a = pay(name: "a") undo unpay(name: "a")
      parallel {
        b = work(name: "b")
        c = work(name: "c")
      }
      return b
    }
    """
    works.broken = {"b"}
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START)) as interpreter:
        failed = await interpreter.start(compiled(works, text))
        assert (await failed.wait()).status is RunStatus.FAILED
        plan = await interpreter.plan_rerun(failed.id, "c")
        assert {step.id: step.why for step in plan.again} | {"c": ""} == {"a": "was undone", "b": "failed", "c": ""}
        works.broken.clear()
        good = await interpreter.rerun(failed.id, from_step="c")
        assert (await good.wait()).status is RunStatus.SUCCEEDED
        works.broken, works.calls[:] = {"c"}, []
        bad = await (await interpreter.rerun(good.id, from_step="c")).wait()
        assert bad.status is RunStatus.FAILED
        assert works.names == ["c"], "the other run owns the effect of `a`"
        assert bad.node("a").kept_from == good.id


async def test_a_kept_step_says_where_it_has_its_result_from(works: Works) -> None:
    store = MemoryStore()
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START), store=store) as interpreter:
        first = await interpreter.start(compiled(works), {"n": 1})
        await first.wait()
        again = await interpreter.rerun(first.id, from_step="last")
        await again.wait()
        progress = restored(store, Programs(), again.id)
        assert reason_for(progress, "a").because == f"it has its result from run {first.id}"


async def test_an_id_is_for_one_rerun(works: Works) -> None:
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START)) as interpreter:
        first = await interpreter.start(compiled(works), {"n": 1})
        await first.wait()
        again = await interpreter.rerun(first.id, id="x", from_step="last")
        assert (await interpreter.rerun(first.id, id="x", from_step="last")).id == again.id
        with pytest.raises(UsageError, match="the id 'x' names run"):
            await interpreter.rerun(first.id, id="x", from_step="late")


async def test_steps_that_no_run_begins_with(works: Works) -> None:
    text = """
    flow order() -> string? {
      on manual
      pause = wait 1h
      a = work(name: "a")
      return a
    } on error {
      told = work(name: "told")
    }
    """
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=Hand()) as interpreter:
        run = await interpreter.start(compiled(works, text))
        await interpreter.rest()
        with pytest.raises(UsageError, match="has not ended; wait until it has, or cancel it, and then rerun it from a step"):
            await interpreter.rerun(run.id, from_step="a")
        await run.cancel()
        with pytest.raises(NotFound, match="has no step 'b'; it has: pause, a"):
            await interpreter.plan_rerun(run.id, "b")
        with pytest.raises(UsageError, match="'told' runs only if the run fails; name one outside of the flow's `on error`"):
            await interpreter.plan_rerun(run.id, "told")
        assert [step.why for step in (await interpreter.plan_rerun(run.id, "a")).again] == [
            "was stopped",
            "is the step to begin with",
        ]


SERVED = """
flow order(n: int) -> int {{
  on manual
  concurrency 1
  a = work(name: "{}")
  b = work(name: "{}")
  wait 1h
  return n
}}
"""


async def test_a_rerun_from_a_step_waits_for_its_turn_and_keeps_what_has_not_changed(works: Works, tmp_path: Path) -> None:
    clock, path = Hand(), tmp_path / "s.db"
    works.broken = {"b"}
    async with Service.open(path, catalog=works.catalog, clock=clock) as service:
        tenant = service.tenant("t")
        await tenant.publish(SERVED.format("a", "b"))
        failed = (await tenant.start("order", {"n": 1})).run
        await finished(service)
        assert (await tenant.result(failed)).status is RunStatus.FAILED
        with pytest.raises(UsageError, match="is a run of a tenant"):
            await service.interpreter.rerun(failed, from_step="b")
        await tenant.publish("// The step is mended.\n" + SERVED.format("a", "better"))
        plan = await tenant.plan_rerun(failed, "b")
        assert [step.id for step in plan.kept] == ["a"]
        running = (await tenant.start("order", {"n": 2})).run
        asked = await tenant.rerun(failed, from_step="b")
        assert asked.stage is Stage.WAITING
    works.calls.clear()
    async with Service.open(path, catalog=works.catalog, clock=clock) as service:
        tenant = service.tenant("t")
        await tenant.cancel_run(running)
        await finished(service)
        (row,) = await tenant.requests("order", stages=[Stage.RUNNING])
        assert row.id == asked.id
        assert works.names == ["better"]
        assert (await tenant.result(row.run)).node("a").kept_from == failed
        await tenant.publish(SERVED.format("other", "better"))
        changed = await tenant.plan_rerun(failed, "b")
        assert (changed.again[0].id, changed.again[0].why) == ("a", "has changed since")
        assert changed.kept == ()


async def test_a_request_whose_earlier_run_is_gone_is_refused(works: Works) -> None:
    clock = Hand()
    works.broken = {"b"}
    async with Service.open(":memory:", catalog=works.catalog, clock=clock) as service:
        await service.publish(SERVED.format("a", "b"))
        failed = (await service.start("order", {"n": 1})).run
        await finished(service)
        works.broken.clear()
        running = (await service.start("order", {"n": 2})).run
        asked = await service.rerun(failed, from_step="b")
        clock.at += 1
        await service.interpreter.prune(clock.at)
        await service.cancel_run(running)
        await finished(service)
        (row,) = await service.requests("order", stages=[Stage.DROPPED])
        assert (row.id, row.reason[:16]) == (asked.id, "refused: no run ")


async def test_a_crash_changes_nothing(works: Works) -> None:
    works.broken, store = {"risky"}, MemoryStore()
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START), store=store) as interpreter:
        first = await interpreter.start(compiled(works), {"n": 2})
        await first.wait()
        works.broken.clear()
        again = await interpreter.rerun(first.id, from_step="risky")
        whole, history, row = await again.wait(), await interpreter.history(again.id), store.run(again.id)
        assert row is not None
        encoded = store.flow(row.digest)
        assert encoded is not None
    for length in range(1, len(history)):
        cut = MemoryStore()
        cut.write(
            creations=[
                Creation(row=attrs.evolve(row, status=RunStatus.RUNNING, ended_at=None), flow=encoded, records=history[:length])
            ]
        )
        works.calls.clear()
        async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START), store=cut) as interpreter:
            (resumed,) = interpreter.resumed
            result = await resumed.wait()
        assert (result.status, result.output, result.failures) == (whole.status, whole.output, whole.failures)
        assert not {"a", "part", "item", "big"} & set(works.names)


OLD = """
flow part(n: int) -> int {
  p = work(name: "part")
  return n
}

flow order(n: int) -> string? {
  on manual
  a = work(name: "a")
  called = part(n: n)
  if n > 0 { big = work(name: "big") }
  last = work(name: "last") after settled(a, called, big)
  return last
}
"""


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("// Nothing.", "", set[str]()),
        ("on manual\n", "on manual\n\n  // A remark.\n", set[str]()),
        ('work(name: "last")', 'work(name: "other")', set[str]()),
        ('a = work(name: "a")', 'a = work(name: "b")', {"a", "called", "big"}),
        ('p = work(name: "part")', 'p = work(name: "parts")', {"called", "big"}),
        ("if n > 0", "if n > 1", {"big"}),
        ("if n > 0 { big", 'new = work(name: "new")\n  if n > 0 { big', {"new", "big"}),
        ("flow order(n: int)", "flow order(n: int = 1)", {"a", "called", "big"}),
    ],
)
async def test_only_what_is_the_same_is_kept(works: Works, before: str, after: str, changed: set[str]) -> None:
    """A statement comes after the one before it, so what follows a changed one runs again too."""
    store = MemoryStore()
    async with Interpreter.open(":memory:", catalog=works.catalog, clock=VirtualClock(START), store=store) as interpreter:
        run = await interpreter.start(compiled(works, OLD), {"n": 1})
        await run.wait()
        new = prepare(compiled(works, OLD.replace(before, after)))
        _, plan = planned(new, restored(store, Programs(), run.id), "last")
    assert {step.id for step in plan.again} == changed | {"last"}
