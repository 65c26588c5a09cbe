"""The interpreter of a host application: a store, its runs, and a driver for them."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial

import attrs
import trio

from dagflow.actions.host_values import as_json
from dagflow.app.blocked_runs import BlockedRuns, with_reasons
from dagflow.app.cancelling import Cancelling
from dagflow.app.catalogs import ActionCatalog
from dagflow.app.control.calls import interpreter_calls
from dagflow.app.control.server import listening
from dagflow.app.drain import Draining, checked_seconds
from dagflow.app.entry_checks import check_in_trio, check_rates, checked_count, checked_instant, checked_run, checked_text
from dagflow.app.exception_groups import sole
from dagflow.app.going_on import GoingOn
from dagflow.app.host_lifespan import host_lifespan
from dagflow.app.recovery import Recovery
from dagflow.app.retrying import Retrying
from dagflow.app.run_handle import Run, Watched, refuse_to_cancel
from dagflow.app.run_loader import Loader
from dagflow.app.run_starter import Starter
from dagflow.app.store_opening import opened as open_when_free
from dagflow.app.stored_runs import read_result
from dagflow.clock import Clock, SystemClock, VirtualClock
from dagflow.drivers.local.activation import ActivationConfig
from dagflow.drivers.local.batch import Sending
from dagflow.drivers.local.driver import LocalDriver
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.drivers.local.observer import Observer
from dagflow.drivers.local.retry_budget import RetryBudgets
from dagflow.drivers.local.runners import Runners
from dagflow.drivers.local.statistics import LoopWatch, Statistics
from dagflow.errors import DagflowError, NotFound, StoreError, UsageError
from dagflow.execution.bindings import MANUAL, Origin
from dagflow.execution.evaluate import MAX_EVENT
from dagflow.execution.input import as_input
from dagflow.execution.performer import Performer
from dagflow.execution.results import RunResult
from dagflow.execution.triggers import check_expected, check_payload, input_for
from dagflow.ids import RunId, new_jitter, new_run_id
from dagflow.model.flow import Flow
from dagflow.model.types import JSON
from dagflow.model.wire import codec as wire
from dagflow.store.api import Record, RunRow, Store


@attrs.define(eq=False)
class Interpreter(GoingOn):
    """Runs flows; made by `Interpreter.open`.

    Attributes:
        resumed: the interrupted runs, which have been resumed. Suspended runs are activated when they are due or get their event;
        `resume` returns a handle of any.
    """

    _catalog: ActionCatalog
    _clock: Clock
    _vitals: LoopWatch
    _recovery: Recovery = attrs.field(init=False)
    _blocked: BlockedRuns = attrs.field(init=False)
    _cancelling: Cancelling = attrs.field(init=False)
    _draining: Draining = attrs.field(init=False)
    resumed: tuple[Run, ...] = ()

    @property
    def blocked(self) -> dict[RunId, DagflowError]:
        """The runs that cannot be driven, by id, and why; they stay in the store as they are, and are tried again at the next opening."""
        return self._blocked.problems

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: str | os.PathLike[str],
        *,
        catalog: ActionCatalog,
        clock: Clock | None = None,
        concurrency: int = 64,
        jitter: Callable[[], float] = new_jitter,
        store: Store | None = None,
        wakes_per_second: int | None = 500,
        retries_per_second: int | None = 10,
        resume: Collection[str] | None = None,
        unquarantine: Collection[str] = (),
        drain_seconds: float = 10.0,
        is_reachable: bool = True,
        takeover: bool = False,
        observers: Sequence[Observer] = (),
    ) -> AsyncGenerator[Interpreter]:
        """Open a store, resume every run in it that has not ended, and drive runs until the block is left.

        When the block is left, no new work begins, calls that must not be repeated have `drain_seconds` to end, and then the rest is
        stopped. Every run resumes when the store is opened again.

        Args:
            path: of the store's file, or the `postgresql://` URL of a database, made if there is none; `":memory:"` keeps nothing.
            catalog: the actions.
            clock: where the time comes from; a `VirtualClock` jumps over waits.
            concurrency: attempts under way at once, at most.
            jitter: draws the fraction that spreads a retry.
            store: a store that is open already, instead of the one at `path`; it is closed too.
            wakes_per_second: the rate for runs that are overdue when the store is opened or the clock is set forward; None for no bound.
            retries_per_second: for each destination of calls, beside a tenth of the first attempts there; None for no bound.
            resume: ids of the only runs to go on with; all others stay as they are. None means every run.
            unquarantine: ids of runs to go on with even if they were quarantined, since they seemed to crash the process.
            drain_seconds: how long leaving the block waits for effectful calls; 0 stops them at once, and `inf` waits for all.
            is_reachable: whether a `dagflow.Client` and the command line, in other processes of this user, may call this one.
            takeover: wait for a process that drives this store, and drive it once that has stopped.
            observers: of runs, attempts and events; see `dagflow.telemetry`.

        Raises:
            StoreError: the store cannot be opened, or failed while it was open; `StoreInUse`: another process drives it.
            UsageError: this is not called in trio, or `concurrency`, `wakes_per_second` or `retries_per_second` is less than 1, or `drain_seconds` less than 0.
        """
        check_in_trio()
        check_rates(concurrency=concurrency, wakes_per_second=wakes_per_second, retries_per_second=retries_per_second)
        drain_seconds = checked_seconds(drain_seconds, "`drain_seconds`")
        opened = store if store is not None else await open_when_free(path, takeover=takeover)
        clock = clock or SystemClock()
        runners = Runners(concurrency)
        interpreter = cls(opened, catalog, clock, LoopWatch(runners.threads))
        interpreter._vitals.observing.observers = tuple(observers)
        performer = catalog.performer(runners)
        interpreter._equip(performer, concurrency, jitter, wakes_per_second, RetryBudgets(retries_per_second))
        interpreter._draining = Draining(interpreter._driver, drain_seconds)
        place = path if is_reachable and store is None and opened.is_durable else None
        calls = listening(place, opened, interpreter_calls(interpreter), lambda: interpreter._driver.is_draining)
        async with host_lifespan(performer, runners, opened), interpreter._driven(resume, unquarantine), calls:
            yield interpreter
        if interpreter._driver.error is not None:
            raise interpreter._driver.error

    async def start(
        self,
        flow: Flow,
        input: object = None,  # noqa: A002 - the word of the API
        *,
        trigger: Origin | None = None,
        id: str | None = None,  # noqa: A002
    ) -> Run:
        """Start a run; when this returns it will survive a crash.

        Args:
            flow: the flow to run; the run keeps it, even if its file changes.
            input: the flow's input, as JSON values or as the host's own: datetimes, models, sets …; None where it has no parameters.
            trigger: the value that the flow reads as `trigger`; manual by default.
            id: a name for this start: repeated with the same flow and input it returns the same run, as long as that is in the store.

        Raises:
            WireError: the input does not fit the flow's parameters; with the paths.
            UsageError: the catalog lacks an action of the flow, the input or the flow is too large, the id is no short text, or it
                names a run that was started with something else, or that is blocked.
            StoreError: the store failed.
        """
        self._check_open()
        prepared = self._loader.programs.of(flow)
        live = await self._starter.start(prepared, as_input(prepared.program, as_json(input)), trigger or MANUAL, id)
        return Run(live, self._driver)

    async def trigger(self, flow: Flow, event: str, payload: object, *, id: str | None = None) -> Run | None:  # noqa: A002
        """Start a run as an event would; None if the flow does not want this one.

        Args:
            flow: the flow that may want the event.
            event: its name.
            payload: as JSON values.
            id: as of `start`; the payload counts as the input.

        Raises:
            UsageError: the flow has no trigger for this event, the name is no text of 1 to 200 characters, or as `start`.
            WireError: the payload is not of the event's type.
            EvaluationError: an expression of the trigger failed.
            StoreError: the store failed.
        """
        self._check_open()
        prepared = self._loader.programs.of(flow)
        event = checked_text(event, "the name of an event")
        payload = as_json(payload)
        check_payload(self._catalog.interface, event, payload, only_strict=True)
        value_of = partial(input_for, prepared.program, event, payload, self._clock.now())
        live = await self._starter.trigger(prepared, event, payload, id, value_of)
        return None if live is None else Run(live, self._driver)

    async def send(self, event: str, payload: object, id: str | None = None) -> int:  # noqa: A002 - the word of the API
        """Send an event to the runs that wait for it; when this returns it will survive a crash.

        Each wait it fits gets it once, at most one in each run; a run that has not reached its wait yet keeps it. Runs that
        cannot go on now get it when they can. It starts no runs; `trigger` does.

        Args:
            event: its name.
            payload: as JSON values, or a model, as the input of `start`.
            id: a name for this event; one that was sent before is not sent again.

        Returns:
            How many runs took it or keep it; 0 if the id was known. A loop or a called flow that begins later finds it as well,
            and is not counted.

        Raises:
            WireError: the payload is not of the catalog's type for it, or of no type that the waiting runs expect.
            UsageError: the name or the id is no text of 1 to 200 characters, the payload is too large, or the interpreter was closed.
            StoreError: the store failed; send it again, with the same id.
        """
        sending = await self.deliver(event, payload, id)
        return 0 if sending is None else sending.n_reached

    @property
    def parts(self) -> tuple[LocalDriver, Loader, Starter]:
        """The components that a service is built on."""
        return self._driver, self._loader, self._starter

    async def deliver(self, event: str, payload: object, event_id: str | None, tenant: str = "") -> Sending | None:
        """As `send`, for runs of a tenant, but returns all that the event did; None if the id was known. For services."""
        self._check_open()
        event = checked_text(event, "the name of an event")
        is_fresh = event_id is None
        event_id = new_run_id(self._clock.now()) if event_id is None else checked_text(event_id, "the id of an event")
        payload = as_json(payload)
        check_payload(self._catalog.interface, event, payload)
        check_expected(self._driver.waiting_for(tenant, event), event, payload)
        encoded = wire.sized(wire.codec(JSON).dumps(wire.decode(payload, JSON)), MAX_EVENT, "the event")
        self._vitals.observing.event_sent(tenant, event_id)
        return await self._driver.deliver(event, encoded, event_id, is_fresh=is_fresh, tenant=tenant)

    async def get_run(self, run_id: str) -> Run:
        """Return the handle of a run, which may have ended. Unfinished runs go on by themselves while the interpreter is open.

        Raises:
            UsageError: there is no such run, or it cannot go on.
            StoreError: the store cannot be read.
        """
        self._check_open()
        run = checked_run(run_id)
        live = self._found(run)
        if live is None and run not in self.blocked:
            live = await self._driver.suspension.holding.hold_one(run)
        if live is not None:
            return Run(live, self._driver)
        problem = self.blocked.get(run)
        if problem is not None:
            raise UsageError(f"run {run_id} is blocked: {problem}")
        row = await trio.to_thread.run_sync(self._store.run, run)
        if row is not None and row.status.is_terminal:
            return Run(await self._starter.read(row), self._driver)
        what = "no run" if row is None else "nothing resumes the run"
        raise UsageError(f"{what} {run_id}; `runs()` lists the runs")

    async def unfinished(self, limit: int = 1_000) -> list[Run]:
        """Handles of the runs that have not ended and can go on, the newest first, whether they sleep or not. Raises StoreError."""
        self._check_open()
        rows = await self.runs(unfinished=True, limit=limit)
        known = {row.id: live for row in rows if (live := self._found(row.id)) is not None}
        left = [row for row in rows if row.id not in known and row.id not in self.blocked]
        known |= {live.run: live for live in await self._driver.suspension.holding.hold(left)}
        return [Run(known[row.id], self._driver) for row in rows if row.id in known]

    async def cancel(self, run_id: str) -> RunResult:
        """Cancel a run and wait until it has ended; one that has ended stays as it is.

        A blocked run can still be cancelled, unless it cannot even be read. Its completed steps are undone, if the
        flow declares how.

        Raises:
            UsageError: there is no such run, or the catalog lacks an action that undoes.
            StoreError: the store failed, or its data of the run is damaged.
        """
        self._check_open()
        run_id = checked_run(run_id)
        refuse_to_cancel(self._driver)
        live = self._driver.loaded_runs.get(run_id) or await self._cancelling.load_cancelled(run_id)
        return await self.result(run_id) if live is None else await Run(live, self._driver).cancel()

    def cancel_soon(self, run: RunId) -> None:
        """As `cancel`, without waiting for anything; a run that cannot be cancelled goes on, and the log says why. For services."""
        self._cancelling.soon(run)

    async def rest(self) -> None:
        """Wait until no work is under way: each run has ended, or waits for a timestamp or an event. Later timers fire as usual."""
        await self._driver.rest()

    async def drain(self, seconds: float = float("inf")) -> bool:
        """Stop in order: begin nothing new, and wait until every call under way is over. Leave the block afterwards.

        Until then events are still stored and runs can be read; `start`, `trigger` and `cancel` are refused.

        Args:
            seconds: how long to wait at most.

        Returns:
            Whether all work under way has ended. The rest is stopped when the block is left.

        Raises:
            UsageError: `seconds` is less than 0.
        """
        return await self._draining.drain(checked_seconds(seconds, "`seconds`"))

    async def runs(
        self,
        *,
        unfinished: bool = False,
        limit: int = 100,
        before: RunId | None = None,
        parent: str = "",
        tenant: str | None = None,
    ) -> list[RunRow]:
        """Return the runs in the store, newest first, older than `before`. Raises StoreError; UsageError for a bad limit or id.

        With `parent`, the runs are the child runs of that run: the items of its loops, and the flows it called. Without it,
        they are the runs that have no parent, of all tenants or of `tenant`.
        """
        self._check_open()
        limit, parent = checked_count(limit, "`limit`"), checked_run(parent)
        before = None if before is None else checked_run(before)

        def read() -> list[RunRow]:
            found = self._store.runs(unfinished=unfinished, limit=limit, before=before, parent=parent, tenant=tenant)
            return with_reasons(self._store, found)

        return await trio.to_thread.run_sync(read)

    async def result(self, run_id: str) -> RunResult:
        """How a run stands, or how it ended, from the store.

        Raises:
            UsageError: there is no such run.
            StoreError: the store cannot be read.
        """
        self._check_open()
        return await trio.to_thread.run_sync(self._read_result, checked_run(run_id))

    async def history(self, run_id: str) -> list[Record]:
        """Return the events of a run's history, in order.

        Raises:
            UsageError: there is no such run.
            StoreError: the store cannot be read.
        """
        self._check_open()
        run = checked_run(run_id)

        def read() -> list[Record]:
            found = self._store.history(run)
            if not found and self._store.run(run) is None:
                raise NotFound(f"no run {run_id}; `runs()` lists the runs")
            return found

        return await trio.to_thread.run_sync(read)

    async def statistics(self) -> Statistics:
        """Return statistics: the work under way, abandoned threads, how long the event loop was blocked. Raises StoreError."""
        self._check_open()
        return self._vitals.statistics(await trio.to_thread.run_sync(self._store.n_sleeping))

    async def prune(self, before: int) -> None:
        """Remove unreferenced data that ended before that timestamp: runs with their child runs, events, flows.

        In slices of a few milliseconds, between which history events are written. An event whose row is gone may be sent once more.

        Raises:
            StoreError: the store failed.
        """
        self._check_open()
        before = checked_instant(before, "`before`")
        is_more = True
        while is_more:
            async with self._retrying.lock:
                is_more = await trio.to_thread.run_sync(self._store.prune, before)

    def _check_open(self) -> None:
        if self._driver.error is not None:
            raise self._driver.error
        if self._driver.closed is not None:
            raise UsageError("the interpreter was closed; open it again")

    def watch(self, run_id: str) -> AsyncIterator[RunResult]:
        """How an unfinished run stands: now, after every commit, and at its end. Raises as `get_run` and `Run.wait`."""
        return Watched(partial(self.get_run, run_id))

    @asynccontextmanager
    async def _driven(self, resume: Collection[str] | None, unquarantine: Collection[str]) -> AsyncGenerator[None]:
        """Drive runs inside the block; close in order when the block is left, with or without an exception."""
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self._draining.serve)
                try:
                    await self._resume_all(resume, unquarantine, nursery)
                    yield
                finally:
                    await self._draining.finish(is_kept=self._store.is_durable)
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            only = sole(group)
            raise only from only.__cause__
        finally:
            with trio.CancelScope(shield=True):
                await self._close()

    def _equip(
        self,
        performer: Performer,
        concurrency: int,
        jitter: Callable[[], float],
        wakes_per_second: int | None,
        budgets: RetryBudgets,
    ) -> None:
        self._loader = Loader.of(self._store, self._clock, self._catalog)
        per_second = None if isinstance(self._clock, VirtualClock) else wakes_per_second
        self._blocked = BlockedRuns(self._store, self._clock)
        waking = ActivationConfig(self._load_sleepers, self._blocked.add, self._blocked.has, per_second)
        self._driver = LocalDriver(
            self._store, performer, self._clock, concurrency, jitter, waking, budgets, self._vitals.observing
        )
        self._driver.on_blocked = self._blocked.note
        self._vitals.loaded_runs = self._driver.loaded_runs
        self._recovery = Recovery(self._store, self._driver, self._load_whole)
        self._cancelling = Cancelling(self._store, self._driver, self._loader, self._recovery, self._blocked)
        self._retrying = Retrying(self._store, self._driver, self._loader, self._found)
        self._starter = Starter(self._store, self._clock, self._driver, self._loader, self._found, self._problem)

    async def _resume_all(self, only: Collection[str] | None, unquarantine: Collection[str], nursery: trio.Nursery) -> None:
        await nursery.start(self._vitals.watch)
        self._vitals.observing.opened(partial(self._driver.gauges, self._vitals.threads))
        recovery = self._recovery
        await recovery.read(only, unquarantine, self._clock.now())
        self.resumed = tuple(Run(live, self._driver) for live in recovery.loaded_runs)
        await trio.to_thread.run_sync(self._blocked.open, recovery.blocked, [live.run for live in recovery.loaded_runs])
        if recovery.has_trials:
            nursery.start_soon(self._go_on, only is None)
        else:
            await self._go_on(only is None)

    async def _go_on(self, is_whole: bool) -> None:
        try:
            await self._recovery.go_on(self._driver.suspension.open if is_whole else None)
        except StoreError as error:
            self._driver.stop(error)

    async def _close(self) -> None:
        """Say that it was closed in order, if the store can still hear it."""
        for live in self._recovery.waiting.values():
            live.give_up(
                self._driver.closed or UsageError("the interpreter was closed before the run ended; open it again to go on")
            )
        try:
            if self._driver.error is None:
                await self._driver.suspension.close()
                await self._recovery.close()
        except StoreError:
            return
        finally:
            self._vitals.observing.closed()
            self._store.close()

    def _found(self, run_id: RunId) -> LoadedRun | None:
        """A run that has not ended and is in memory."""
        return (
            self._driver.loaded_runs.get(run_id) or self._recovery.waiting.get(run_id) or self._driver.suspension.find(run_id)
        )

    def _load_whole(self, row: RunRow) -> LoadedRun:
        live = self._loader.load_caught_up(row)
        self._loader.check_actions(live.progress.program, tenant=row.tenant)
        return live

    def _load_sleepers(self, rows: Sequence[RunRow]) -> list[LoadedRun | DagflowError]:
        return self._loader.load_all(rows, self._recovery.check)

    def _problem(self, run: RunId) -> DagflowError | None:
        return self.blocked.get(run)

    def _read_result(self, run_id: RunId) -> RunResult:
        return read_result(self._store, self._loader.programs, run_id)[1]
