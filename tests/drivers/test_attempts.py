"""From the wish to start an attempt to what came of it: intents first, cancelled at any moment, never more at once than allowed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import attrs
import pytest
import trio
import trio.testing

from dagflow.actions.failures import Invocation
from dagflow.clock import Clock, VirtualClock
from dagflow.drivers.local.driver import LocalDriver
from dagflow.drivers.local.loaded_run import LoadedRun, Pinned
from dagflow.errors import RunBlocked, UsageError
from dagflow.execution.bindings import Origin
from dagflow.execution.instance import RunInstance
from dagflow.ids import FlowDigest
from dagflow.model.action import Effect
from dagflow.model.flow import Flow
from dagflow.model.status import RunStatus
from dagflow.store.api import Append, Creation
from dagflow.store.memory import MemoryStore
from tests.drivers.harness import RUN, TrioClock, scripted
from tests.engine.flows import SECOND, action, flow_of, program_of


@attrs.define(eq=False)
class Durable:
    """A store that is durable as far as the driver knows, so it is written to from a thread, and intents are waited for."""

    inner: MemoryStore = attrs.field(factory=MemoryStore)
    n_writes: int = 0
    threads: list[int] = attrs.field(factory=list)
    gate: threading.Event | None = None
    is_entered: threading.Event = attrs.field(factory=threading.Event)
    is_durable: bool = True

    def write(self, appends: Sequence[Append] = (), creations: Sequence[Creation] = ()) -> None:
        self.n_writes += 1
        self.threads.append(threading.get_ident())
        self.is_entered.set()
        if self.gate is not None:
            self.gate.wait(10)
        self.inner.write(appends, creations)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


@attrs.define(eq=False)
class Performed:
    """Calls one coroutine function for every action."""

    function: Callable[[Invocation], object]

    def destination(self, action: str, arguments: object) -> str:
        return action

    def direct(self, action: str, arguments: object, result: object) -> None: ...

    async def perform(self, invocation: Invocation) -> object:
        return await self.function(invocation)  # type: ignore[misc]


async def started(
    nursery: trio.Nursery,
    flow: Flow,
    function: Callable[[Invocation], object],
    store: object,
    limit: int = 64,
    clock: Clock | None = None,
) -> tuple[LocalDriver, LoadedRun]:
    clock = clock or VirtualClock(1)
    driver = LocalDriver(store, Performed(function), clock, limit, lambda: 0.5)  # type: ignore[arg-type]
    await nursery.start(driver.serve)
    progress = RunInstance(program_of(flow), RUN)
    progress.begin({}, Origin(), clock.now())
    live = LoadedRun(progress, Pinned(FlowDigest("d"), b"{}"), is_new=True)
    driver.take(live)
    return driver, live


def many(n: int, **more: object) -> Flow:
    return flow_of(*(action(f"n{i}", effect=Effect.EFFECTFUL, **more) for i in range(n)))


@pytest.mark.parametrize("n", [1, 40])
async def test_no_call_before_its_intent_is_in_the_store(n: int) -> None:
    store = Durable()

    async def function(invocation: Invocation) -> int:
        kept = {(record.kind, record.node) for record in store.inner.history(RUN)}
        assert ("attempt_started", invocation.node) in kept
        return 1

    chain = [(f"n{i}", f"n{i + 1}") for i in range(30)]
    flow = flow_of(*(action(f"n{i}", effect=Effect.EFFECTFUL) for i in range(31)), edges=chain) if n == 1 else many(n)
    async with trio.open_nursery() as nursery:
        _, live = await started(nursery, flow, function, store)
        assert (await live.wait_ended()).status is RunStatus.SUCCEEDED
        nursery.cancel_scope.cancel()


async def test_quick_commits_are_made_in_place_once_one_was_measured() -> None:
    store = Durable()

    async def function(_: Invocation) -> int:
        return 1

    chain = [(f"n{i}", f"n{i + 1}") for i in range(99)]
    flow = flow_of(*(action(f"n{i}", effect=Effect.EFFECTFUL) for i in range(100)), edges=chain)
    async with trio.open_nursery() as nursery:
        _, live = await started(nursery, flow, function, store)
        await live.wait_ended()
        nursery.cancel_scope.cancel()
    here = threading.get_ident()
    # The last one has the end of the run, with no call under way.
    assert (store.threads[0] == here, store.threads[-1] == here) == (False, True)


async def test_one_commit_serves_many() -> None:
    store = Durable()

    async def function(_: Invocation) -> int:
        return 1

    async with trio.open_nursery() as nursery:
        _, live = await started(nursery, many(200), function, store, limit=16)
        await live.wait_ended()
        nursery.cancel_scope.cancel()
    assert store.n_writes < 40, "400 facts, each on its way to the disk before the next could begin, would be 200"


async def test_a_run_that_is_left_alone_leaves_no_call_behind() -> None:
    store = Durable(gate=threading.Event())
    n_called = 0

    async def function(_: Invocation) -> int:
        nonlocal n_called
        n_called += 1
        return 1

    async with trio.open_nursery() as nursery:
        driver, live = await started(nursery, many(5), function, store)
        while len(live.calls) < 5:
            await trio.lowlevel.checkpoint()
        driver.block(live, UsageError("it cannot go on"))
        assert driver._attempts.is_idle
        assert store.gate is not None
        store.gate.set()
        with pytest.raises(RunBlocked, match="it cannot go on"):
            await live.wait_ended()
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert n_called == 0


async def test_what_was_not_begun_of_a_run_that_is_left_alone_never_is() -> None:
    called: list[str] = []

    async def function(invocation: Invocation) -> int:
        called.append(invocation.node)
        await trio.testing.wait_all_tasks_blocked()
        return 1

    performer, flow, clock, store = Performed(function), many(3), VirtualClock(1), MemoryStore()
    program = program_of(flow)
    driver = LocalDriver(store, performer, clock, 1, lambda: 0.5)  # type: ignore[arg-type]
    driver._attempts._fast_steps[program] = [scripted(performer, code) for code in program.codes]  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        await nursery.start(driver.serve)
        progress = RunInstance(program, RUN)
        progress.begin({}, Origin(), clock.now())
        live = LoadedRun(progress, Pinned(FlowDigest("d"), b"{}"), is_new=True)
        driver.take(live)
        while not called:
            await trio.lowlevel.checkpoint()
        driver.block(live, UsageError("it cannot go on"))
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert driver._attempts.is_idle
        nursery.cancel_scope.cancel()
    assert called == ["n0"]
    # As after a crash: what the store did not have is thrown away, so the run can be tried again from there.
    kinds = [record.kind for record in store.history(RUN)]
    assert kinds == ["run_started", "attempt_started"][: len(kinds)]


@pytest.mark.parametrize("limit", [1, 3, 20])
async def test_never_more_at_once_than_allowed(limit: int) -> None:
    at_once = most = 0

    async def function(_: Invocation) -> int:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await trio.testing.wait_all_tasks_blocked()
        at_once -= 1
        return 1

    async with trio.open_nursery() as nursery:
        _, live = await started(nursery, many(50), function, MemoryStore(), limit=limit)
        await live.wait_ended()
        nursery.cancel_scope.cancel()
    assert most == limit - limit // 8, "the last eighth is kept for other runs"


async def test_an_attempt_that_is_cancelled_before_its_intent_is_kept_is_never_made() -> None:
    store = Durable(gate=threading.Event())
    calls: list[str] = []

    async def function(invocation: Invocation) -> int:
        calls.append(invocation.node)
        return 1

    async with trio.open_nursery() as nursery:
        driver, live = await started(nursery, many(3), function, store)
        await trio.to_thread.run_sync(store.is_entered.wait)
        driver.cancel(live)
        store.gate.set()  # type: ignore[union-attr]
        result = await live.wait_ended()
        nursery.cancel_scope.cancel()
    assert (result.status, calls) == (RunStatus.CANCELLED, [])
    assert {str(node.status) for node in result.nodes} == {"cancelled"}


async def test_a_time_limit_counts_from_the_call(autojump_clock: trio.testing.MockClock) -> None:
    """40 attempts are begun at once, 16 calls are made at a time; each takes 5 of the 6 seconds it has."""

    async def function(_: Invocation) -> int:
        await trio.sleep(5)
        return 1

    async with trio.open_nursery() as nursery:
        _, live = await started(nursery, many(40, timeout_ns=6 * SECOND), function, MemoryStore(), limit=16, clock=TrioClock())
        assert (await live.wait_ended()).status is RunStatus.SUCCEEDED
        nursery.cancel_scope.cancel()


async def test_errors_that_come_with_a_cancellation_stop_nobody() -> None:
    began = trio.Event()

    async def fails_when_cancelled() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("in the way")

    async def function(_: Invocation) -> int:
        async with trio.open_nursery() as inner:
            inner.start_soon(fails_when_cancelled)
            inner.start_soon(trio.sleep_forever)
            began.set()
        return 1

    async with trio.open_nursery() as nursery:
        driver, live = await started(nursery, many(1), function, MemoryStore())
        await began.wait()
        driver.cancel(live)
        assert (await live.wait_ended()).status is RunStatus.CANCELLED
        assert driver.error is None
        nursery.cancel_scope.cancel()


async def test_a_worker_that_was_cancelled_too_late_does_the_next() -> None:
    """The action ends without noticing; what is done after it is not stopped."""
    release, began = trio.Event(), trio.Event()

    async def function(invocation: Invocation) -> int:
        if invocation.node == "a":
            with trio.CancelScope(shield=True):
                began.set()
                await release.wait()
        return 1

    flow = flow_of(action("a"), action("b"))
    async with trio.open_nursery() as nursery:
        driver, live = await started(nursery, flow, function, MemoryStore(), limit=1)
        await began.wait()
        driver.cancel(live)
        release.set()
        result = await live.wait_ended()
        assert (result.status, str(result.node("a").status)) == (RunStatus.CANCELLED, "succeeded")
        progress = RunInstance(program_of(flow_of(action("c"))), RUN.__class__("1" * 32))
        progress.begin({}, Origin(), 1)
        other = LoadedRun(progress, Pinned(FlowDigest("d"), b"{}"), is_new=True)
        driver.take(other)
        assert (await other.wait_ended()).status is RunStatus.SUCCEEDED
        nursery.cancel_scope.cancel()
