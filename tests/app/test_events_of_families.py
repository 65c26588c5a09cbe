"""One event, one wait, across a run and all its parts: in declared order, however often the process dies, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from pathlib import Path

import attrs
import orjson
import pytest
import trio
import trio.testing

from dagflow.app.interpreter import Interpreter
from dagflow.drivers.local import time_slice
from dagflow.drivers.simulated.simulator import DEFAULT_START, Script, Send, Simulation, simulate
from dagflow.errors import StoreError, UsageError
from dagflow.execution.program import Program, prepare
from dagflow.ids import RunId
from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface
from dagflow.model.status import RunStatus
from dagflow.store.api import Append, Creation, Record
from tests.app.host import START, Host
from tests.app.stand_ins import Lasting
from tests.drivers.harness import run_local
from tests.engine.flows import SECOND

#: Waits of the run itself, of a flow it calls, and of its items; the call stands before the run's own wait.
APPROVALS = """
event "approved" { by: int, who: string? }
flow asks(who: string) -> int {
  on manual
  wait event "approved" as a when (a.who ?? who) == who within 1h
  yes = wait event "approved" as a when (a.who ?? who) == who within 1h
  return yes.?by ?? 0
}
flow f(people: list<string>) -> list<int> {
  on manual
  parallel {
    called = asks(who: "boss")
    own = wait event "approved" as a within 1h
    items = for who in people max 5 parallel 5 {
      yes = wait event "approved" as a when (a.who ?? who) == who within 1h
      yield yes.?by ?? 0
    }
  }
  return [called, own.?by ?? 0] + items
}
"""


@cache
def program_of(text: str = APPROVALS) -> Program:
    compilation = compile_text(text, Interface())
    assert not compilation.has_errors, compilation.render()
    return prepare(compilation.unwrap("f"))


@attrs.define
class Ticking:
    """A clock that goes on whenever somebody looks, in threads as well."""

    instant: int

    def now(self) -> int:
        self.instant += 1
        return self.instant


def approvals(*numbers: int, at: int = 1, apart: int = 1) -> list[Send]:
    return [
        Send(at=DEFAULT_START + (at + n * apart) * SECOND, event="approved", payload={"by": by}) for n, by in enumerate(numbers)
    ]


def taken(history: tuple[Record, ...] | list[Record]) -> list[int]:
    """The numbers of the events that waits of one run took."""
    arrived = [orjson.loads(record.payload or b"")["number"] for record in history if record.kind == "event_arrived"]
    return [arrived[orjson.loads(record.payload or b"")["number"]] for record in history if record.kind == "event_taken"]


def check(simulation: Simulation) -> None:
    """No event went to two waits, and the history of the whole has what its parts took."""
    whole = simulation.result.run
    by_run = {run: taken(history) for run, history in simulation.histories.items()}
    numbers = [number for each in by_run.values() for number in each]
    assert len(numbers) == len(set(numbers))
    given = [orjson.loads(record.payload or b"") for record in simulation.history if record.kind == "event_given"]
    of_parts = {number for run, each in by_run.items() if run != whole for number in each}
    assert {each["number"] for each in given} == of_parts
    assert len(given) == len(of_parts)


class TestOrder:
    @pytest.mark.parametrize("apart", [0, 1])
    def test_waits_of_one_instant_are_served_in_declared_order(self, apart: int) -> None:
        """The call stands first, then the run's own wait, then the items; the second wait of the call has waited least."""
        done = simulate(program_of(), {"people": ["a", "b"]}, sends=approvals(*range(1, 6), apart=apart))
        assert done.result.output == [5, 2, 3, 4]
        check(done)

    def test_one_approval_approves_for_one(self) -> None:
        done = simulate(program_of(), {"people": ["a", "b", "c"]}, sends=approvals(1, 2, 3))
        assert done.result.output == [0, 2, 3, 0, 0]
        check(done)

    def test_who_has_waited_longest_comes_first_wherever_it_stands(self) -> None:
        text = APPROVALS.replace("    own =", "    do {\n wait 2s\n own =").replace(
            "as a within 1h\n    items", "as a within 1h\n }\n    items"
        )
        done = simulate(program_of(text), {"people": ["a"]}, sends=approvals(1, 2, 3, 4, at=3))
        assert done.result.output == [4, 3, 2]

    def test_the_condition_chooses_first(self) -> None:
        sends = [Send(at=DEFAULT_START + SECOND, event="approved", payload={"by": 7, "who": "b"})]
        text = APPROVALS.replace("as a within 1h", "as a when a.by == 9 within 1h")
        assert simulate(program_of(text), {"people": ["a", "b"]}, sends=sends).result.output == [0, 0, 0, 7]

    def test_items_that_take_turns(self) -> None:
        text = APPROVALS.replace("parallel 5 {", "{")
        done = simulate(program_of(text), {"people": ["a", "b"]}, sends=approvals(1, 2, 3, 4, 5))
        assert done.result.output == [4, 2, 3, 5]


CALLED = """
event "approved" { by: int }
action slow() idempotent
flow asks() -> int {
  on manual
  yes = wait event "approved" as a within 1h
  return yes.?by ?? 0
}
flow f(people: list<string>) -> list<int> {
  on manual
  slow()
  first = asks()
  second = asks()
  own = wait event "approved" as a within 1h
  return [first, second, own.?by ?? 0]
}
"""


class TestEarly:
    """Events that came before the wait of a part."""

    def play(self, *sends: Send, crash_at: tuple[int, ...] = ()) -> Simulation:
        actions = {"slow": Script(takes_ns=9 * SECOND)}
        return simulate(program_of(CALLED), {"people": []}, actions=actions, sends=sends, crash_at=crash_at)

    def test_a_called_flow_finds_what_came_before_the_call_once(self) -> None:
        done = self.play(*approvals(1, 2, 3))
        assert done.result.output == [1, 2, 3]
        assert done.result.ended_at == DEFAULT_START + 9 * SECOND
        check(done)

    def test_but_not_what_came_before_the_whole(self) -> None:
        async def main() -> object:
            host = Host()
            host.catalog.action("slow", effect="idempotent")(nothing)
            text = CALLED.replace("within 1h", "within 10ms")
            async with Interpreter.open(":memory:", catalog=host.catalog) as interpreter:
                await interpreter.send("approved", {"by": 1})
                return (await (await interpreter.start(host.flow(text, "f"), {"people": []})).wait()).output

        assert trio.run(main) == [0, 0, 0]

    def test_after_a_crash_anywhere(self) -> None:
        calm = self.play(*approvals(1, 2, 3))
        for points in combinations(range(calm.n_points + 2), 2):
            crashed = self.play(*approvals(1, 2, 3), crash_at=points)
            assert crashed.result.output == [1, 2, 3], points
            check(crashed)


async def nothing() -> None:
    """Does it."""


@pytest.mark.parametrize("apart", [0, 1])
def test_after_a_crash_anywhere_everybody_has_the_same(apart: int) -> None:
    sends = approvals(*range(1, 6), apart=apart)
    calm = simulate(program_of(), {"people": ["a", "b"]}, sends=sends)
    for points in [(point,) for point in range(calm.n_points)] + list(combinations(range(0, calm.n_points, 2), 2)):
        crashed = simulate(program_of(), {"people": ["a", "b"]}, sends=sends, crash_at=points)
        assert crashed.result.output == calm.result.output, points
        check(crashed)


def test_a_history_with_a_damaged_fact() -> None:
    done = simulate(program_of(), {"people": ["a"]}, sends=approvals(1))
    kin = done.progress.claims
    assert kin is not None
    for damaged in (b"[]", b"{}", b"7", b"{"):
        with pytest.raises(StoreError, match="damaged event of the kind 'event_given'"):
            kin.recall(damaged)


class TestInterpreter:
    """With a store, and restarts."""

    async def run(self, path: str, sends: list[list[int]], *, is_driven: bool) -> object:
        """Each list is sent in a process of its own, which drives the run or does not. The call begins a moment after the others."""
        host, clock = Host(), Ticking(START)
        async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
            run = await interpreter.start(host.flow(APPROVALS, "f"), {"people": ["a", "b"]})
            await trio.testing.wait_all_tasks_blocked(0.01)
        for numbers in sends:
            resume = None if is_driven else ()
            async with Interpreter.open(path, catalog=host.catalog, clock=clock, resume=resume) as interpreter:
                for number in numbers:
                    await interpreter.send("approved", {"by": number}, id=str(number))
                await trio.testing.wait_all_tasks_blocked(0.01)
        clock.instant += 50 * 60 * SECOND
        async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
            with trio.fail_after(20):
                result = await interpreter.result(run.id)
                return (
                    result.output if result.status == "succeeded" else (await (await interpreter.get_run(run.id)).wait()).output
                )

    @pytest.mark.parametrize("sends", [[[1, 2, 3, 4, 5]], [[1], [2], [3], [4], [5]], [[1, 2], [3, 4, 5]]])
    @pytest.mark.parametrize("is_driven", [True, False])
    async def test_across_restarts(self, tmp_path: Path, sends: list[list[int]], is_driven: bool) -> None:
        assert await self.run(f"{tmp_path}/runs.db", sends, is_driven=is_driven) == [5, 1, 2, 3]

    async def test_an_event_in_time_is_taken_though_the_time_is_over_when_the_parts_are_read(self, tmp_path: Path) -> None:
        host, clock, path = Host(), Ticking(START), tmp_path / "runs.db"
        async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
            run = await interpreter.start(host.flow(APPROVALS, "f"), {"people": ["a", "b"]})
            await trio.testing.wait_all_tasks_blocked(0.01)
        async with Interpreter.open(path, catalog=host.catalog, clock=clock, resume=()) as interpreter:
            for number in range(1, 5):
                await interpreter.send("approved", {"by": number})
        clock.instant += 70 * 60 * SECOND
        async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
            with trio.move_on_after(0.5):
                await (await interpreter.get_run(run.id)).wait()
            await interpreter.cancel(run.id)
            histories = {row.id: await interpreter.history(row.id) for row in await interpreter.runs(parent=run.id)}
            histories[run.id] = await interpreter.history(run.id)
        # The call has waited for its second one since it was read again, and that has an hour from then on.
        assert sorted(number for history in histories.values() for number in taken(history)) == [1, 2, 3, 4]
        assert taken(histories[run.id]) == [1]
        assert [taken(histories[run_id]) for run_id in sorted(histories) if run_id.startswith(f"{run.id}/items")] == [[2], [3]]


@pytest.fixture(params=["at once", "one condition a turn"])
def turns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver has its usual time for conditions, or puts off what is left after each."""
    if request.param != "at once":
        monkeypatch.setattr(time_slice, "LONG_NS", 1)


@pytest.mark.usefixtures("turns")
@pytest.mark.parametrize("numbers", [range(1, 6), range(1, 3), range(1, 9)])
def test_the_local_driver_gives_them_as_the_simulator_does(numbers: range) -> None:
    sends = approvals(*numbers)
    done = simulate(program_of(), {"people": ["a", "b"]}, sends=sends)
    result, _, store = run_local(program_of(), {}, input_value={"people": ["a", "b"]}, sends=sends)
    assert result.output == done.result.output
    assert {run: taken(store.history(run)) for run in done.histories} == {
        run: taken(history) for run, history in done.histories.items()
    }


@attrs.define(eq=False)
class Failing(Lasting):
    """A store of which one write fails, before or after it has taken effect."""

    n_left: int = -1
    is_late: bool = False

    def write(self, appends: Sequence[Append] = (), creations: Sequence[Creation] = ()) -> None:
        self.n_left -= 1
        if self.n_left == 0 and not self.is_late:
            raise StoreError("the disk is gone")
        super().write(appends, creations)
        if self.n_left == 0:
            raise StoreError("the disk is gone, and nobody knows whether it wrote")


@pytest.mark.usefixtures("turns")
@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("n_left", range(1, 12))
async def test_a_store_that_fails_at_any_write_loses_no_event_and_gives_none_twice(n_left: int, is_late: bool) -> None:
    host, clock, store = Host(), Ticking(START), Failing()
    flow = host.flow(APPROVALS, "f")
    async with Interpreter.open(":memory:", catalog=host.catalog, clock=clock, store=store) as interpreter:
        run = await interpreter.start(flow, {"people": ["a", "b"]})
    store.n_left, store.is_late = n_left, is_late
    left = list(range(1, 6))
    for _ in range(3):  # the second one has to do
        try:
            async with Interpreter.open(":memory:", catalog=host.catalog, clock=clock, store=store) as interpreter:
                while left:
                    await interpreter.send("approved", {"by": left[0]}, id=str(left[0]))
                    del left[0]
                with trio.fail_after(5):
                    if not (await interpreter.result(run.id)).status.is_terminal:
                        await (await interpreter.get_run(run.id)).wait()
        except* (StoreError, UsageError):
            pass
    assert store.run(RunId(run.id)).status is RunStatus.SUCCEEDED  # type: ignore[union-attr]
    histories = [store.history(RunId(run.id)), *(store.history(row.id) for row in store.runs(parent=run.id))]
    assert sorted(number for history in histories for number in taken(history)) == [1, 2, 3, 4, 5]
