"""Events and the waits for them: none is lost, none is taken twice, in whatever order things happen."""

from __future__ import annotations

import copy
from itertools import product

import attrs
import pytest
import trio

from dagflow.clock import VirtualClock
from dagflow.drivers.local.driver import LocalDriver
from dagflow.drivers.local.loaded_run import LoadedRun, Pinned
from dagflow.drivers.simulated.simulator import DEFAULT_START, Script, Send, simulate
from dagflow.engine import invariants
from dagflow.engine.commands import SetTimer
from dagflow.errors import StoreError, UsageError
from dagflow.execution.bindings import Origin
from dagflow.execution.instance import RunInstance
from dagflow.ids import FlowDigest, RunId
from dagflow.model.flow import NodeKind
from dagflow.model.status import NodeStatus, RunStatus
from dagflow.store.api import Record, SentEvent
from dagflow.store.memory import MemoryStore
from tests.drivers.harness import RUN, ScriptedPerformer
from tests.drivers.test_crash import check_ledger, essence
from tests.drivers.test_parts import Slow
from tests.engine.flows import SECOND, action, flow_of, gate, program_of, simple, wait_event

WITHIN = 100
PROGRAM = program_of(flow_of(action("hold"), wait_event("w", None, WITHIN), edges=[("hold", "w")]))
HOLD, WAIT = 0, 1


@attrs.define
class Model:
    """What should be so. `due`: from the registration on; `settled`: the number of the event, 0 for none in time, -1 for cancelled."""

    due: int = 0
    settled: int | None = None

    def look(self, sent: list[SentEvent]) -> None:
        if self.due and self.settled is None:
            self.settled = next((event.number for event in sent if event.at <= self.due), None)


class World:
    """A run whose process may die between any two things; what an operation did is committed when the next one begins."""

    def __init__(self) -> None:
        self.now = 1
        self.sent: list[SentEvent] = []
        self.history: list[Record] = []
        self.model = self.committed_model = Model()
        self.progress = RunInstance(PROGRAM, RUN)
        self.progress.begin({}, Origin(), self.now)
        self.commit()

    def commit(self) -> None:
        append = self.progress.take_append()
        self.history += () if append is None else append.records
        self.committed_model = copy.copy(self.model)
        invariants.check(self.progress.machine.state)

    def do(self, operation: str) -> None:
        self.now += 1
        if operation != "crash":
            self.commit()
        if self.progress.is_ended and operation not in {"event", "dup"}:
            return
        getattr(self, operation)()

    def event(self) -> None:
        self.send(f"event {len(self.sent)}")

    def dup(self) -> None:
        self.send(self.sent[-1].id if self.sent else "event 0")

    def send(self, event_id: str) -> None:
        if event_id in {event.id for event in self.sent}:
            return
        number = len(self.sent) + 1
        event = SentEvent(number=number, id=event_id, name="x/y", at=self.now, payload=str(number).encode())
        self.sent.append(event)
        self.progress.deliver(event, self.now)
        self.model.look(self.sent)

    def register(self) -> None:
        if self.progress.starts and self.progress.begin_attempt(self.progress.starts.pop(0), self.now):
            self.progress.succeed(HOLD, 1, self.now, 0.5)
            self.model.due = self.now + WITHIN
            self.model.look(self.sent)

    def timeout(self) -> None:
        state = self.progress.machine.state
        if state.status[WAIT] is NodeStatus.WAITING:
            self.now = max(self.now, state.due[WAIT])
            self.progress.fire(SetTimer(WAIT, state.due[WAIT]), self.now)
            self.model.settled = 0
            self.now += 1

    def cancel(self) -> None:
        self.progress.cancel(self.now)
        if self.model.settled is None:
            self.model.settled = -1

    def crash(self) -> None:
        self.progress = RunInstance(PROGRAM, RUN)
        self.progress.restore(self.history)
        self.progress.interrupt(self.now)
        for event in self.sent:
            self.progress.deliver(event, self.now)
        self.model = copy.copy(self.committed_model)
        self.model.look(self.sent)
        self.commit()

    def check(self) -> None:
        """Go on to the end, with one more crash, and compare."""
        for operation in ("crash", "register", "timeout"):
            self.do(operation)
        self.commit()
        state = self.progress.machine.state
        assert self.progress.is_ended
        assert (state.status[WAIT] is NodeStatus.SUCCEEDED) == ((self.model.settled or 0) > 0)
        assert self.progress.values.outputs.get("w") == (self.model.settled if (self.model.settled or 0) > 0 else None)
        assert state.outcomes[WAIT] == {-1: -1, 0: 0}.get(self.model.settled or 0, 1)
        assert len({arrival.number for arrival in self.progress.mailbox.arrivals}) == len(self.progress.mailbox.arrivals)
        restored = RunInstance(PROGRAM, RUN)
        restored.restore(self.history)
        assert restored.machine.state == state
        assert restored.values.outputs == self.progress.values.outputs


@pytest.mark.early
@pytest.mark.parametrize("length", range(1, 6))
def test_every_interleaving(length: int) -> None:
    for operations in product(("event", "dup", "register", "timeout", "cancel", "crash"), repeat=length):
        world = World()
        try:
            for operation in operations:
                world.do(operation)
            world.check()
        except AssertionError as error:
            raise AssertionError(operations) from error


class TestWhichWaitGetsWhich:
    def send(self, *payloads: int, first: int = 1) -> list[Send]:
        return [Send(at=DEFAULT_START + at * SECOND, event="x/y", payload=p) for at, p in enumerate(payloads, first)]

    def test_the_condition_chooses(self) -> None:
        flow = flow_of(wait_event("w", ("eq", ("get", "e"), 3), 60 * SECOND))
        done = simulate(program_of(flow), sends=self.send(1, 2, 3, 4))
        assert (done.result.node("w").output, done.result.node("w").outcome) == (3, "in time")
        assert [record.kind for record in done.history].count("event_arrived") == 1, "what nobody wants is not kept"

    def test_an_event_goes_to_one_wait_of_a_run_the_longest_waiting_first(self) -> None:
        flow = flow_of(
            action("a"), wait_event("w1", None, 60 * SECOND), wait_event("w2", None, 60 * SECOND), edges=[("a", "w1")]
        )
        done = simulate(program_of(flow), actions={"a": Script(result=1, takes_ns=SECOND // 2)}, sends=self.send(5, 6))
        assert [done.result.node(name).output for name in ("w1", "w2")] == [6, 5]

    def test_those_that_came_before_are_taken_in_order(self) -> None:
        nodes = [wait_event(f"w{n}", None, 60 * SECOND) for n in range(3)]
        flow = flow_of(action("a"), *nodes, edges=[("a", "w0"), ("w0", "w1"), ("w1", "w2")])
        done = simulate(
            program_of(flow), actions={"a": Script(result=1, takes_ns=9 * SECOND)}, sends=self.send(5, 6, 7, 8, first=0)
        )
        assert [done.result.node(f"w{n}").output for n in range(3)] == [5, 6, 7]

    def test_none_in_time(self) -> None:
        late = simple("late", NodeKind.GROUP)
        flow = flow_of(wait_event("w", None, SECOND), late, edges=[("w", "late")])
        done = simulate(program_of(flow), sends=self.send(5, first=2))
        node = done.result.node("w")
        assert (node.status, node.outcome, node.output) == (NodeStatus.CANCELLED, "timed out", None)
        assert done.result.status is RunStatus.SUCCEEDED

    def test_a_condition_that_fails_fails_the_wait(self) -> None:
        for first in (1, 0):
            flow = flow_of(wait_event("w", ("boom",), 60 * SECOND))
            done = simulate(program_of(flow), sends=self.send(5, first=first))
            assert [(failure.node, failure.code) for failure in done.result.failures] == [("w", "boom")]

    def test_a_payload_of_another_type_is_not_for_it(self) -> None:
        flow = flow_of(wait_event("w", None, 60 * SECOND))
        done = simulate(program_of(flow), sends=[*self.send(5, first=2), Send(at=DEFAULT_START, event="x/y", payload="text")])
        assert done.result.node("w").output == 5

    def test_after_a_crash_anywhere_the_same_one_is_taken(self) -> None:
        flow = flow_of(
            gate("g", True),
            action("a"),
            wait_event("w", ("eq", ("get", "e"), ("get", "a")), 60 * SECOND),
            action("b", reads=("w",)),
            edges=[("g", "a"), ("a", "w"), ("w", "b")],
        )
        program = program_of(flow)
        scripts = {"a": Script(result=2, takes_ns=2 * SECOND), "b": Script(result=1)}
        sent = self.send(2, 1, 2, 1, 2)
        calm = simulate(program, actions=scripts, sends=sent)
        assert calm.result.node("w").output == 2
        for first in range(calm.n_points + 3):
            for second in range(first, calm.n_points + 5):
                crashed = simulate(program, actions=scripts, sends=sent, crash_at={first, second})
                assert essence(crashed.result) == essence(calm.result)
                check_ledger(program, crashed)


def emitter(name: str = "x/y") -> RunInstance:
    flow = flow_of(simple("e", NodeKind.EMIT, event=name), action("z"), edges=[("e", "z")])
    return RunInstance(program_of(flow), RunId("e" * 32))


class TestLocal:
    """Runs of one driver."""

    async def driver(self, nursery: trio.Nursery, store: object) -> LocalDriver:
        driver = LocalDriver(store, ScriptedPerformer({"z": Script(result=1)}), VirtualClock(1), 4, lambda: 0.5)  # type: ignore[arg-type]
        await nursery.start(driver.serve)
        return driver

    def live(self, progress: RunInstance, driver: LocalDriver) -> LoadedRun:
        progress.begin({}, Origin(), 1, driver.n_events)
        return LoadedRun(progress, Pinned(FlowDigest("d"), b"{}"), is_new=True)

    @pytest.mark.parametrize("make", [MemoryStore, Slow])
    async def test_what_a_run_emits_reaches_others_and_not_itself(self, make: type) -> None:
        payload = wait_event("w", None, SECOND)
        record = emitter().program.flow.input
        emit = attrs.evolve(simple("e", NodeKind.EMIT, event="x/y"), type=record)
        both = flow_of(emit, attrs.evolve(payload, type=record))
        store = make()
        async with trio.open_nursery() as nursery:
            driver = await self.driver(nursery, store)
            waiting = [self.live(RunInstance(program_of(both), RunId(str(n) * 32)), driver) for n in range(2)]
            driver.take(*waiting)
            results = [await live.wait_ended() for live in waiting]
            late = self.live(RunInstance(program_of(flow_of(payload)), RunId("9" * 32)), driver)
            driver.take(late)
            assert (await late.wait_ended()).node("w").outcome == "timed out", "it came before the run began"
            nursery.cancel_scope.cancel()
        assert [result.node("w").output for result in results] == [{}, {}]
        events = store.events(after=0)
        assert [(event.number, event.run[0]) for event in events] == [(1, "0"), (2, "1")]

    @pytest.mark.parametrize("make", [MemoryStore, Slow])
    async def test_sent_once(self, make: type) -> None:
        async with trio.open_nursery() as nursery:
            driver = await self.driver(nursery, make())
            n_reached: list[int] = []

            async def send() -> None:
                n_reached.append(await driver.send("x/y", b"5", "id"))

            async with trio.open_nursery() as senders:
                for _ in range(3):
                    senders.start_soon(send)
            assert await driver.send("x/y", b"5", "id") == 0
            assert n_reached == [0, 0, 0]
            assert driver.n_events == 1
            nursery.cancel_scope.cancel()

    async def test_a_store_that_fails_is_heard_of_by_the_sender(self) -> None:
        @attrs.define(eq=False)
        class Broken(Slow):
            def send(self, events: object) -> None:
                raise StoreError("gone")

        async with trio.open_nursery() as nursery:
            driver = await self.driver(nursery, Broken())
            with pytest.raises(StoreError, match="gone"):
                await driver.send("x/y", b"5", "id")
            with pytest.raises(StoreError, match="gone"):
                await driver.send("x/y", b"5", "id")

    async def test_a_driver_that_is_closed_keeps_nothing(self) -> None:
        async with trio.open_nursery() as nursery:
            driver = await self.driver(nursery, Slow())
            nursery.cancel_scope.cancel()
        with pytest.raises(UsageError, match="send it again"):
            await driver.send("x/y", b"5", "id")


def test_a_history_with_an_event_that_is_not_there() -> None:
    program = program_of(flow_of(wait_event("w", None, SECOND)))
    done = simulate(program, sends=[Send(at=DEFAULT_START + 1, event="x/y", payload=5)])
    history = list(done.history)
    at = next(n for n, record in enumerate(history) if record.kind == "event_arrived")
    history[at] = attrs.evolve(history[at], payload=b'{"number": 1, "name": "x/y", "at": 1, "payload": "text"}')
    with pytest.raises(StoreError, match="took the event 0"):
        RunInstance(program, RUN).restore(history)
    history[at] = attrs.evolve(history[at], payload=b"[]")
    with pytest.raises(StoreError, match="damaged event of the kind 'event_arrived'"):
        RunInstance(program, RUN).restore(history)
