"""The parts of the local driver, each alone: pool, timers, and what a performer may do to it."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Sequence

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.clock import VirtualClock
from dagflow.drivers.local.driver import LocalDriver
from dagflow.drivers.local.fair_marks import FairMarks
from dagflow.drivers.local.fair_queue import Busy, News, Share, SharedQueue
from dagflow.drivers.local.loaded_run import LoadedRun, Pinned
from dagflow.drivers.local.threads import Threads
from dagflow.drivers.local.worker_pool import Pool, Worker
from dagflow.errors import DagflowBug, RunBlocked, StoreError, UsageError
from dagflow.execution.bindings import Origin
from dagflow.execution.instance import RunInstance
from dagflow.execution.performer import effect_key
from dagflow.execution.program import Program
from dagflow.execution.results import RunResult
from dagflow.gc_tuning import without_collecting
from dagflow.ids import FlowDigest, RunId
from dagflow.model.action import Effect
from dagflow.model.flow import RetryPolicy
from dagflow.model.status import RunStatus
from dagflow.store.api import Append, Creation
from dagflow.store.memory import MemoryStore
from tests.drivers.harness import RUN, TrioClock
from tests.engine.flows import HOUR, SECOND, action, expr, flow_of, program_of, wait


def alone(item: int) -> Share:
    """Every item is of a run of its own."""
    return Share("", "flow", str(item))


class TestPool:
    async def test_work_that_never_blocks_costs_no_tasks(self) -> None:
        done: list[int] = []
        tasks: set[trio.lowlevel.Task] = set()

        async def work(item: int, _: Worker) -> None:
            done.append(item)
            tasks.add(trio.lowlevel.current_task())
            if item < 500:
                pool.put(item + 1)

        async with trio.open_nursery() as nursery:
            idle = trio.Event()
            pool = Pool(nursery, work, 64, idle.set, alone)
            pool.put(1)
            await idle.wait()
            nursery.cancel_scope.cancel()
        assert done == list(range(1, 501))
        assert len(tasks) <= 2, "the second is called in case the first one blocks"

    @pytest.mark.parametrize("limit", [1, 3, 100])
    async def test_as_many_block_as_may(self, limit: int) -> None:
        at_once = most = 0

        async def work(_: int, __: Worker) -> None:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await trio.testing.wait_all_tasks_blocked()
            at_once -= 1

        async with trio.open_nursery() as nursery:
            idle = trio.Event()
            pool = Pool(nursery, work, limit, idle.set, alone)
            for item in range(10):
                pool.put(item)
            await idle.wait()
            pool.put(11)
            nursery.cancel_scope.cancel()
        assert most == min(limit, 10)

    async def test_a_run_with_much_to_do_does_not_delay_others(self) -> None:
        under_way: list[Share] = []
        gate = trio.Event()

        async def work(item: Share, _: Worker) -> None:
            under_way.append(item)
            await gate.wait()

        async with trio.open_nursery() as nursery:
            pool = Pool(nursery, work, 16, lambda: None, lambda item: item)
            for _ in range(400):
                pool.put(Share("", "slow", "one"))
            await trio.testing.wait_all_tasks_blocked()
            assert under_way == [Share("", "slow", "one")] * 14, "the last eighth of the workers is kept"
            pool.put(Share("", "slow", "two"))
            pool.put(Share("", "slow", "five"))
            await trio.testing.wait_all_tasks_blocked()
            assert under_way[14:] == [Share("", "slow", "two")], "half of what is kept is for other flows"
            pool.put(Share("", "quick", "three"))
            await trio.testing.wait_all_tasks_blocked()
            assert under_way[15:] == [Share("", "quick", "three")]
            assert (pool.n_busy, pool.n_waiting) == (16, 387)
            pool.put(Share("", "quick", "four"))
            gate.set()
            await trio.testing.wait_all_tasks_blocked()
            assert len(under_way) == 404
            assert under_way.index(Share("", "quick", "four")) < 20, "what waits is shared"
            nursery.cancel_scope.cancel()

    async def test_a_tenant_with_much_to_do_does_not_delay_others(self) -> None:
        under_way: list[Share] = []

        async def work(item: Share, _: Worker) -> None:
            under_way.append(item)
            await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            pool = Pool(nursery, work, 32, lambda: None, lambda item: item)
            for flow in range(40):
                for run in range(10):
                    pool.put(Share("busy", f"busy {flow}", f"busy {flow} {run}"))
            await trio.testing.wait_all_tasks_blocked()
            assert len(under_way) == 31, "a 32nd of the workers is reserved for other tenants"
            pool.put(Share("quiet", "quiet 1", "quiet 1 1"))
            await trio.testing.wait_all_tasks_blocked()
            assert under_way[31:] == [Share("quiet", "quiet 1", "quiet 1 1")]
            nursery.cancel_scope.cancel()

    async def test_others_get_their_turn(self) -> None:
        n_done = 0

        async def work(_: int, __: Worker) -> None:
            nonlocal n_done
            n_done += 1
            pool.put(0)

        async with trio.open_nursery() as nursery:
            pool = Pool(nursery, work, 4, lambda: None, alone)
            pool.put(0)
            for _ in range(5):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert 0 < n_done < 1000


@attrs.define(eq=False)
class Performed:
    """A performer made of one function."""

    function: Callable[[Invocation], object]

    def destination(self, action: str, arguments: object) -> str:
        return action

    def direct(self, action: str, arguments: object, result: object) -> None:
        """Everything goes the long way."""

    async def perform(self, invocation: Invocation) -> object:
        await trio.lowlevel.checkpoint()
        return self.function(invocation)


@attrs.define(eq=False)
class Slow:
    """A store whose writes are recorded; durable as far as the driver knows, so it writes from a thread."""

    inner: MemoryStore = attrs.field(factory=MemoryStore)
    log: list[str] = attrs.field(factory=list)
    fails: bool = False
    is_durable: bool = True

    def write(self, appends: Sequence[Append] = (), creations: Sequence[Creation] = ()) -> None:
        if self.fails and appends:
            raise StoreError("gone")
        self.inner.write(appends, creations)
        self.log += [f"{record.kind} {record.node}" for write in (*creations, *appends) for record in write.records]

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


async def run(program: Program, function: Callable[[Invocation], object], store: object = None) -> RunResult:
    async with trio.open_nursery() as nursery:
        driver = LocalDriver(store or MemoryStore(), Performed(function), VirtualClock(1), 4, lambda: 0.5)  # type: ignore[arg-type]
        await nursery.start(driver.serve)
        progress = RunInstance(program, RUN)
        progress.begin({}, Origin(), 1)
        live = LoadedRun(progress, Pinned(FlowDigest("d"), b"{}"), is_new=True)
        driver.take(live)
        result = await live.wait_ended()
        nursery.cancel_scope.cancel()
    return result


class TestPerformers:
    """Whatever a performer does, the run hears of it as a failure."""

    @pytest.mark.parametrize(
        ("error", "code", "message"),
        [
            (ActionFailed("so it is", "mine"), "mine", "so it is"),
            (UsageError("not like this"), "usage", "not like this"),
            (ValueError("with a secret in it"), "unexpected", "do.a raised ValueError"),
        ],
    )
    async def test_failures(self, error: Exception, code: str, message: str) -> None:
        def function(_: Invocation) -> object:
            raise error

        result = await run(program_of(flow_of(action("a"))), function)
        assert [(failure.code, failure.message) for failure in result.failures] == [(code, message)]

    async def test_a_result_of_another_type(self) -> None:
        retry = RetryPolicy(max_attempts=5)
        result = await run(program_of(flow_of(action("a", retry=retry))), lambda _: "text")
        assert [(failure.code, failure.attempt) for failure in result.failures] == [("bad_result", 1)]

    async def test_arguments_that_have_no_value(self) -> None:
        node = action("a", reads=("a",))
        bad = attrs.evolve(node, arguments=(attrs.evolve(node.arguments[0], value=expr(("boom",))),), default=expr(4))
        result = await run(program_of(flow_of(bad)), lambda _: 1)
        assert (result.node("a").attempts, result.node("a").output) == (0, 4)

    async def test_all_attempts_carry_one_key_and_no_other_node_has_it(self) -> None:
        seen: list[Invocation] = []

        def function(invocation: Invocation) -> object:
            seen.append(invocation)
            if invocation.attempt < 3:
                raise ActionFailed("", "oops")
            return 1

        retry = RetryPolicy(max_attempts=3)
        await run(program_of(flow_of(action("a", retry=retry), action("b", retry=retry))), function)
        keys = {invocation.node: {i.effect_key for i in seen if i.node == invocation.node} for invocation in seen}
        assert [len(these) for these in keys.values()] == [1, 1]
        assert keys["a"] != keys["b"] != {effect_key(RunId("1" * 32), "b")}


class TestOrder:
    """Intent committed, effect, outcome committed, then dependents."""

    @pytest.mark.parametrize("effect", [Effect.PURE, Effect.IDEMPOTENT, Effect.EFFECTFUL])
    async def test_what_is_in_the_store_when_the_effect_happens(self, effect: Effect) -> None:
        store = Slow()

        def function(invocation: Invocation) -> object:
            store.log.append(f"effect {invocation.node}")
            return 1

        result = await run(
            program_of(flow_of(action("a", effect=effect), action("b", effect=effect), edges=[("a", "b")])), function, store
        )
        assert result.status == "succeeded"
        at = store.log.index
        if effect is Effect.EFFECTFUL:
            assert at("attempt_started a") < at("effect a")
            assert at("attempt_started b") < at("effect b")
        if effect is not Effect.PURE:
            assert at("attempt_succeeded a") < at("effect b")
        assert store.log[-1] == "run_ended "

    async def test_waits_are_kept_before_what_follows_them(self) -> None:
        store = Slow()
        flow = flow_of(wait("w", SECOND), action("a"), edges=[("w", "a")])
        await run(program_of(flow), lambda invocation: store.log.append("effect") or 1, store)
        assert store.log.index("timer_fired w") < store.log.index("effect")

    async def test_nothing_goes_on_from_memory(self) -> None:
        store = Slow()
        effects: list[str] = []

        def function(invocation: Invocation) -> object:
            effects.append(invocation.node)
            store.fails = True
            return 1

        async with trio.open_nursery() as nursery:
            driver = LocalDriver(store, Performed(function), VirtualClock(1), 4, lambda: 0.5)  # type: ignore[arg-type]
            await nursery.start(driver.serve)
            progress = RunInstance(program_of(flow_of(action("a"), action("b"), edges=[("a", "b")])), RUN)
            progress.begin({}, Origin(), 1)
            live = LoadedRun(progress, Pinned(FlowDigest("d"), b"{}"), is_new=True)
            driver.take(live)
            with pytest.raises(StoreError, match="gone"):
                await live.wait_ended()
        assert effects == ["a"]
        assert isinstance(driver.error, StoreError)


class TestRealTime:
    """With a clock that nobody can push."""

    async def test_long_waits_are_slept_in_pieces(self, autojump_clock: trio.testing.MockClock) -> None:
        clock = TrioClock()
        flow = flow_of(wait("w", 3 * HOUR + 1), action("a"), edges=[("w", "a")])
        async with trio.open_nursery() as nursery:
            driver = LocalDriver(MemoryStore(), Performed(lambda _: 1), clock, 4, lambda: 0.5)
            await nursery.start(driver.serve)
            loaded_runs = []
            for number in range(3):
                progress = RunInstance(program_of(flow), RunId(f"{number:032}"))
                progress.begin({}, Origin(), clock.now())
                loaded_runs.append(LoadedRun(progress, Pinned(FlowDigest("d"), b"{}"), is_new=True))
                driver.take(loaded_runs[-1])
            results = [await live.wait_ended() for live in loaded_runs]
            nursery.cancel_scope.cancel()
        assert {result.node("w").ended_at for result in results} == {results[0].started_at + 3 * HOUR + 1}

    async def test_the_lifetime_ends_a_run(self, autojump_clock: trio.testing.MockClock) -> None:
        flow = flow_of(wait("w", 3 * HOUR), timeout_ns=HOUR)
        async with trio.open_nursery() as nursery:
            driver = LocalDriver(MemoryStore(), Performed(lambda _: 1), TrioClock(), 4, lambda: 0.5)
            await nursery.start(driver.serve)
            progress = RunInstance(program_of(flow), RUN)
            progress.begin({}, Origin(), TrioClock().now())
            live = LoadedRun(progress, Pinned(FlowDigest("d"), b"{}"), is_new=True)
            driver.take(live)
            result = await live.wait_ended()
            nursery.cancel_scope.cancel()
        assert [(f.node, f.code, f.message) for f in result.failures] == [("", "run_timeout", "the run was not done after 1h")]


def test_a_run_that_nobody_holds_is_gone_without_looking_for_cycles() -> None:
    with without_collecting():
        progress = RunInstance(program_of(flow_of(wait("nap", HOUR))), RUN)
        progress.begin({}, Origin(), 0)
        children, gone = progress.children, weakref.ref(progress)
        del progress
        assert gone() is None
        with pytest.raises(DagflowBug, match="is gone"):
            children.has(0)


async def test_a_bug_in_the_machine_blocks_that_run_alone() -> None:
    async with trio.open_nursery() as nursery:
        driver = LocalDriver(MemoryStore(), Performed(lambda _: 1), VirtualClock(1), 4, lambda: 0.5)
        blocked: list[str] = []
        driver.on_blocked = lambda run, reason: blocked.append(f"{run}: {reason.reason}")
        await nursery.start(driver.serve)
        loaded_runs = [LoadedRun(started_run(f"{n}"), Pinned(FlowDigest("d"), b"{}"), is_new=True) for n in range(3)]
        loaded_runs[1].progress.succeed = broken  # type: ignore[method-assign]
        driver.take(*loaded_runs)
        with pytest.raises(RunBlocked, match="run 1 is blocked: DagflowBug in dagflow: planted"):
            await loaded_runs[1].wait_ended()
        for good in (loaded_runs[0], loaded_runs[2]):
            assert (await good.wait_ended()).status is RunStatus.SUCCEEDED
        assert blocked == ["1: DagflowBug in dagflow: planted"]
        assert driver.error is None
        assert driver._attempts.is_idle
        nursery.cancel_scope.cancel()


def started_run(run: str) -> RunInstance:
    progress = RunInstance(program_of(flow_of(action("a"))), RunId(run))
    progress.begin({}, Origin(), 1)
    return progress


def broken(*_: object) -> None:
    raise DagflowBug("planted")


async def test_blocking_functions_run_in_threads() -> None:
    run_in_thread = Threads(1)
    assert await run_in_thread(lambda: 5) == 5
    with pytest.raises(KeyError):
        await run_in_thread(lambda: {}["x"])


SHARES = st.lists(
    st.tuples(
        st.builds(
            lambda tenant, flow, run: Share(tenant, tenant + flow, tenant + flow + run),
            st.sampled_from("AB"),
            st.sampled_from("abc"),
            st.sampled_from("123"),
        ),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=40,
)


class TestSharedQueue:
    """Tenants take turns, in a tenant its flows, and in a flow its runs."""

    def test_items_leave_as_they_came_while_nothing_waits(self) -> None:
        queue = SharedQueue[Share](lambda item: item)
        items = [Share("t", *item) for item in [("a", "1"), ("a", "1"), ("b", "2"), ("a", "3")]]
        for item in items:
            queue.put(item)
        assert [queue.pop() for _ in items] == items
        with pytest.raises(IndexError):
            queue.pop()

    @given(SHARES)
    def test_once_shared_nobody_is_passed_over(self, items: list[tuple[Share, int]]) -> None:
        queue = SharedQueue[tuple[Share, int]](lambda item: item[0])
        for item in items:
            queue.put(item)
        queue.share()
        left = [queue.pop() for _ in items]
        assert sorted(left) == sorted(items)
        assert not len(queue)
        for run in {item[0] for item in items}:
            assert [item for item in left if item[0] == run] == [item for item in items if item[0] == run], "in their order"
        tenants = {share.tenant for share, _ in items}
        for tenant in tenants:
            own = [share for share, _ in left if share.tenant == tenant]
            first = next(n for n, (share, _) in enumerate(left) if share.tenant == tenant)
            assert first < len(tenants), "a tenant waits for one item of each other tenant at most"
            flows = {share.flow for share in own}
            for flow in flows:
                before = next(n for n, share in enumerate(own) if share.flow == flow)
                assert before < len(flows), "a flow waits for one item of each other flow of its tenant at most"

    @given(SHARES, st.sets(st.sampled_from("AB")), st.sets(st.sampled_from(["Aa", "Ab", "Ba"])), st.sets(st.integers(1, 3)))
    def test_what_has_nothing_under_way_comes_first(
        self, items: list[tuple[Share, int]], tenants: set[str], flows: set[str], numbers: set[int]
    ) -> None:
        queue = SharedQueue[tuple[Share, int]](lambda item: item[0])
        for item in items:
            queue.put(item)
        busy = Busy(tenants, flows, {f"{flow}{number}" for flow in flows for number in numbers})
        most = max(busy.news(share) for share, _ in items)
        for least in (News.RUN, News.FLOW, News.TENANT):
            assert queue.has_other(busy, least) == (most >= least)
        found = queue.pop_other(busy)
        assert (found is None) == (most is News.NOTHING)
        assert found is None or busy.news(found[0]) is most


class TestFairMarks:
    """Items are taken by turns of their tenants once they do not all fit."""

    @given(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=30),
        st.integers(1, 8),
    )
    def test_a_tenant_waits_for_its_share_alone(self, items: list[tuple[str, int]], most: int) -> None:
        marks = FairMarks[tuple[str, int]]()
        for item in items:
            marks.add(item[0], item)
        marked, left = list(dict.fromkeys(items)), list[tuple[str, int]]()
        assert len(marks) == len(marked)
        while marks:
            waiting = {item[0] for item in set(marked) - set(left)}
            found = marks.first(most)
            assert len(found) == min(most, len(marks))
            for tenant, item in found:
                assert marks.discard(tenant, item)
                assert not marks.discard(tenant, item)
            counts = Counter(tenant for tenant, _ in found)
            if len(found) == most and marks:
                fair = most // len(waiting)
                assert all(
                    counts[tenant] >= min(fair, sum(each[0] == tenant for each in set(marked) - set(left)))
                    for tenant in waiting
                )
            left += [item for _, item in found]
        assert sorted(left) == sorted(marked)
        for tenant in "abc":
            assert [item for item in left if item[0] == tenant] == [item for item in marked if item[0] == tenant]
