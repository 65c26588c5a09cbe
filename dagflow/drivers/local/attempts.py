"""Attempts of the local driver, from the command to the outcome.

An attempt begins as soon as there is room for it: its arguments are evaluated and its intent is recorded. Only when the store has
the events it depends on does a worker get it. So no worker ever waits for a commit, and one commit serves all attempts that began
before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, cast
from weakref import WeakKeyDictionary

import attrs
import trio

from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.actions.fast_path import Kept
from dagflow.actions.host_exceptions import passing
from dagflow.drivers.local import run_logger
from dagflow.drivers.local.call_failures import failure_of_call
from dagflow.drivers.local.fair_queue import Busy, News, Share, SharedQueue
from dagflow.drivers.local.group_commit import Writer
from dagflow.drivers.local.interface import Driver
from dagflow.drivers.local.loaded_run import Call, LoadedRun
from dagflow.drivers.local.observer import CallEnd, CallOutcome
from dagflow.drivers.local.retry_budget import RetryBudgets
from dagflow.drivers.local.worker_pool import KEPT, Pool, Worker
from dagflow.engine.commands import StartAttempt
from dagflow.engine.events import AttemptFailed
from dagflow.engine.retries import retry_due
from dagflow.errors import DagflowError
from dagflow.execution.fast_path import FastStep, quick_ways
from dagflow.execution.performer import Performer, timed_out
from dagflow.execution.program import Program
from dagflow.model.action import Effect
from dagflow.model.values import Timestamp
from dagflow.store.failpoints import Failpoint, hit, watchers

#: So many attempts begin ahead of their calls, if at least so many calls may be under way.
_AHEAD: Final = 1024
_MANY: Final = 16
#: An attempt that ends so long after its time was over kept the event loop from stopping it.
OVERRUN_NS: Final = 100_000_000
# Looked up once and not for every call.
_PURE: Final = Effect.PURE
_EFFECTFUL: Final = Effect.EFFECTFUL


@attrs.define(eq=False)
class Attempts:
    """The attempts of all runs; calls of at most `limit` of them are under way at once."""

    _driver: Driver
    _performer: Performer
    _writer: Writer
    _jitter: Callable[[], float]
    _limit: int
    _retry_budgets: RetryBudgets
    _pool: Pool[Call] = attrs.field(init=False)
    _wishes: SharedQueue[tuple[LoadedRun, StartAttempt]] = attrs.field(factory=lambda: SharedQueue(_share_of_wish))
    _n_open: int = 0
    _n_waiting: int = 0
    _is_beginning: bool = False
    #: No new attempt begins; `_changed` is set, and replaced, whenever an attempt is over from then on.
    _is_draining: bool = False
    _is_stopped: bool = False
    _changed: trio.Event = attrs.field(factory=trio.Event)
    #: How many attempts are open, by tenant, flow and run; they decide which may begin if there is no room for all.
    _counts: tuple[dict[str, int], dict[str, int], dict[str, int]] = attrs.field(factory=lambda: ({}, {}, {}))
    _fast_steps: WeakKeyDictionary[Program, list[FastStep | None]] = attrs.field(factory=WeakKeyDictionary)

    def serve(self, nursery: trio.Nursery) -> None:
        """Have workers in this nursery."""
        perform = self._perform_observed if self._driver.observing.is_on else self._perform
        self._pool = Pool(nursery, perform, self._limit, self._drained, _share_of_call)

    @property
    def _most_begun(self) -> int:
        """Some more than can be called at once, so that one commit serves many; but a host that wants few at once gets few."""
        return self._limit + _AHEAD if self._limit >= _MANY else self._limit

    @property
    def loads(self) -> tuple[int, int]:
        """How many calls are under way, and how many steps wait for a worker; from any thread."""
        return self._pool.n_busy, self._pool.n_waiting + len(self._wishes)

    @property
    def is_idle(self) -> bool:
        """Whether no attempt is under way or queued."""
        return not self._n_open and not self._wishes

    @property
    def is_all_waiting(self) -> bool:
        """Whether every open attempt waits for the store; also if there is none."""
        return self._n_waiting == self._n_open

    def fast_steps_of(self, program: Program) -> Sequence[FastStep | None]:
        """Per node, the fast path to its action, if there is one."""
        if program not in self._fast_steps:
            self._fast_steps[program] = quick_ways(self._performer, program)
        return self._fast_steps[program]

    def put(self, live: LoadedRun, commands: Sequence[StartAttempt]) -> None:
        """Attempts are queued; `begin` as many as there is room for."""
        if self._is_draining:
            # The engine requests them again when the run is resumed.
            return
        for command in commands:
            quick = live.fast_steps[command.node]
            if quick is not None and (self._writer.is_instant or quick.is_pure):
                # It waits only for a worker to make the call, which begins it as well.
                self._n_open += 1
                self._pool.put(Call(live, command, quick))
            else:
                self._wishes.put((live, command))

    def begin(self) -> None:
        """Begin the queued attempts, as far as there is room."""
        wishes = self._wishes
        if not (wishes.plain or wishes.n_shared) or self._is_beginning or self._is_draining:
            # Beginning one may make more ready: the loop further up begins those.
            return
        self._is_beginning = True
        try:
            most = self._most_begun
            while (wishes.plain or wishes.n_shared) and self._n_open < most:
                self._begin_wish(*wishes.pop())
            if not wishes:
                return
            # There is no room for all. Runs, flows and tenants that have nothing open get some all the same, from rooms of their own.
            wishes.share()
            while wishes and (least := self._least(self._n_open - most)) is not None:
                wish = wishes.pop_other(Busy(*self._counts), least)
                if wish is None:
                    break
                self._begin_wish(*wish)
        finally:
            self._is_beginning = False

    def _least(self, n_more: int) -> News | None:
        """How much news an attempt must have that begins beside so many for which there was no room; None if none may."""
        room = self._limit // KEPT
        if n_more < room // 2:
            return News.RUN
        if n_more < room - room // 4:
            return News.FLOW
        is_alone = self._counts[0].keys() <= {""}
        return None if n_more >= room else News.FLOW if is_alone else News.TENANT

    async def drain(self, loaded_runs: Collection[LoadedRun], *, is_all: bool) -> None:
        """Begin no new attempts, and wait until the open ones end; without `is_all` only for calls that must not be repeated."""
        self._is_draining = True
        while not self._is_stopped and any(
            is_all or _is_effectful(call) for live in loaded_runs for call in live.calls.values()
        ):
            await self._changed.wait()

    def stop(self) -> None:
        """The driver has stopped: outcomes of open attempts are ignored, and are waited for no longer."""
        self._is_stopped = True
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    def cancel(self, live: LoadedRun, node: int) -> None:
        """Stop the running attempt of the node."""
        call = live.calls.get(node)
        if call is None:
            return
        if call.worker is not None:
            call.worker.cancel()
        else:
            # No worker has begun the call itself, and none will.
            self._stopped(call, is_made=False)

    def leave(self, call: Call) -> None:
        """The run is abandoned: its queued calls are never made, and the outcomes of open ones are ignored."""
        self._over(call)
        if call.worker is not None:
            call.worker.cancel()

    def _begin_wish(self, live: LoadedRun, command: StartAttempt) -> None:
        if live.has_ended.is_set():
            return
        call = Call(live, command, live.fast_steps[command.node], is_counted=True)
        self._n_open += 1
        # Written out: a loop over the three takes twice as long, for every attempt.
        (tenants, flows, runs), (tenant, flow, run) = self._counts, live.share
        tenants[tenant] = tenants.get(tenant, 0) + 1
        flows[flow] = flows.get(flow, 0) + 1
        runs[run] = runs.get(run, 0) + 1
        if self._begin(call):
            self._line_up(call)

    def _uncount(self, call: Call) -> None:
        if not call.is_counted:
            return
        call.is_counted = False
        for counts, key in zip(self._counts, call.live.share, strict=True):
            left = counts[key] - 1
            if left:
                counts[key] = left
            else:
                del counts[key]

    def _begin(self, call: Call) -> bool:
        """Evaluate the arguments and record the intent; False if the call must not start."""
        live, command, quick = call.live, call.command, call.quick
        try:
            now = self._driver.now(live)
            if quick is not None:
                call.arguments = live.progress.begin_fast(command, quick, now)
            elif (invocation := live.progress.begin_attempt(command, now)) is not None:
                call.invocation, call.arguments = invocation, invocation.arguments
            if call.arguments is not None:
                live.calls[command.node] = call
                if command.attempt == 1 and self._retry_budgets.is_watching:
                    self._retry_budgets.called(self._destination(call), now)
                self._writer.mark(live)
                return True
        except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
            if live.calls.get(command.node) is not call:
                self._n_open -= 1
                self._uncount(call)
            self._driver.block(live, error)
            return False
        self._n_open -= 1
        self._uncount(call)
        self._driver.turn(live)
        return False

    def _begin_late(self, call: Call) -> bool:
        """`_begin`, from the worker that is about to make the call."""
        if call.live.broken is not None or self._is_draining:
            self._n_open -= 1
            return False
        return self._begin(call)

    def _line_up(self, call: Call) -> None:
        """Have a worker make a begun call, once the store has the events that it needs."""
        live = call.live
        needed = self._needed_facts(live, call.command.node)
        if live.n_committed < needed:
            self._n_waiting += 1
            live.when_committed(needed, call, self._release)
        else:
            self._pool.put(call)

    def _release(self, call: Call) -> None:
        self._n_waiting -= 1
        if not call.is_over:
            self._pool.put(call)

    def _needed_facts(self, live: LoadedRun, node: int) -> int:
        """How many events the store must have before the call. A store in memory loses everything at once, so none."""
        if self._writer.is_instant:
            return 0
        effect = live.progress.program.codes[node].node.effect
        if effect is _EFFECTFUL:
            return live.progress.n_recorded
        return 0 if effect is _PURE else live.progress.n_binding

    def _drained(self) -> None:
        """A worker has nothing to do."""
        if self._n_waiting:
            try:
                self._writer.write_in_place(is_all=self.is_all_waiting)
            except DagflowError as error:
                self._driver.stop(error)
        if self.is_idle:
            self._driver.may_be_calm()

    async def _perform_observed(self, call: Call, worker: Worker) -> None:
        if call.is_over or (call.arguments is None and not self._begin_late(call)):
            return
        with self._driver.observing.call_began(call, self._driver.now(call.live)):
            try:
                await self._perform(call, worker)
            finally:
                _end_observed(call, CallOutcome.ABANDONED, self._driver.now(call.live))

    async def _perform(self, call: Call, worker: Worker) -> None:
        if call.is_over:
            return
        live, command, quick = call.live, call.command, call.quick
        if call.arguments is None and not self._begin_late(call):
            return
        call.worker = worker
        deadline: int | None = None
        if command.timeout_ns is not None or command.give_up_at is not None:
            now = self._driver.now(live)
            deadline = command.deadline(now)
            worker.limit(trio.current_time() + max(0, (deadline or now) - now) / 1e9)
            if deadline is not None and call.invocation is not None:
                call.invocation = attrs.evolve(call.invocation, deadline=Timestamp(deadline))
        kept: Kept = None, None
        failure: ActionFailed | None = None
        if watchers:
            hit(Failpoint.EFFECT_BEGINS)
        try:
            if quick is not None:
                result = await quick.function(**call.arguments or {})
                kept = quick.keep(result) or (await quick.keep_any(result), None)
            else:
                kept = await self._performer.perform(cast("Invocation", call.invocation)), None
        except BaseException as raised:  # noqa: BLE001 - any exception of a host is the run's outcome; `passing` says which propagate
            rest = passing(raised)
            if rest is not None:
                if worker.is_cancelled and not call.is_over:
                    self._stopped(call)
                raise rest from None
            failure = failure_of_call(call, raised)
        if watchers:
            hit(Failpoint.EFFECT_DONE)
        if call.is_over:
            return
        self._over(call)
        try:
            now = self._driver.now(live)
            if deadline is not None and now > deadline + OVERRUN_NS:
                run_logger.attempt_overran(call, now - deadline)
            if failure is not None:
                self._failed(call, failure, now)
            elif quick is not None:
                live.progress.succeed_fast(command.node, kept[0], now, kept[1])
            else:
                live.progress.succeed(command.node, kept[0], now, self._jitter())
            if call.observed is not None:
                call.observed.returned(command, live.progress.machine.state.failures, now)
        except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
            self._driver.block(live, error)
        else:
            self._driver.turn(live)

    def _stopped(self, call: Call, *, is_made: bool = True) -> None:
        """The attempt was cancelled, as requested or because its time was over."""
        self._over(call)
        progress, node, now = call.live.progress, call.command.node, self._driver.now(call.live)
        try:
            if progress.is_cancelling(node):
                progress.cancelled(node, now, is_made=is_made)
                _end_observed(call, CallOutcome.CANCELLED, now)
            else:
                self._failed(call, timed_out(), now)
        except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
            self._driver.block(call.live, error)
        else:
            self._driver.turn(call.live)

    def _failed(self, call: Call, failure: ActionFailed, now: int) -> None:
        """The attempt failed; the next one, if there is one, comes when there is room for it where it goes."""
        jitter, node, progress = self._jitter(), call.command.node, call.live.progress
        event = AttemptFailed(
            now, node, call.command.attempt, failure.code, failure.message, failure.fatal, failure.retry_after_ns, jitter
        )
        due = retry_due(progress.machine.state, event, is_counted=False)
        if due is not None:
            paced = self._retry_budgets.due(self._destination(call), due, now, jitter)
            if paced != due:
                traceback = failure.traceback
                failure = ActionFailed(failure.message, failure.code, retry_after_ns=paced - now)
                failure.traceback, due = traceback, paced
        run_logger.attempt_failed(call, failure, due)
        if call.observed is not None:
            call.observed.failed(failure, now, due)
        progress.fail(node, failure, now, jitter)

    def _destination(self, call: Call) -> str:
        return self._performer.destination(
            call.live.progress.program.codes[call.command.node].node.action, call.arguments or {}
        )

    def _over(self, call: Call) -> None:
        call.is_over = True
        del call.live.calls[call.command.node]
        self._n_open -= 1
        if call.is_counted:
            self._uncount(call)
        if self._is_draining:
            self._tell()


def _end_observed(call: Call, outcome: CallOutcome, now: int) -> None:
    if call.observed is not None:
        call.observed.ended(CallEnd(outcome=outcome, at=now))


def _is_effectful(call: Call) -> bool:
    return call.live.progress.program.codes[call.command.node].node.effect is _EFFECTFUL


def _share_of_wish(wish: tuple[LoadedRun, StartAttempt]) -> Share:
    return wish[0].share


def _share_of_call(call: Call) -> Share:
    return call.live.share
