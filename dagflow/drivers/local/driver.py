"""The driver for one process: trio, one store, as many runs as there are.

The order that makes a crash harmless: an intent is committed, the effect happens, its outcome is committed. Only then may
dependents touch the world and callers see the outcome. Meanwhile memory runs ahead of the store, by events that are on their
way; if they do not arrive, memory is thrown away.

Whatever goes wrong while one run is driven blocks that run, with its parent and its children, and nothing else (`block`). Only
the store's own failure stops the driver.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from functools import partial

import attrs
import trio

from dagflow.clock import Clock
from dagflow.drivers.local import run_logger
from dagflow.drivers.local.activation import ActivationConfig
from dagflow.drivers.local.admitting import Admitting
from dagflow.drivers.local.attempts import Attempts
from dagflow.drivers.local.batch import Note, Sending
from dagflow.drivers.local.child_runs import ChildRuns
from dagflow.drivers.local.event_router import Dispatch, handing_out
from dagflow.drivers.local.gauges import gauges_of
from dagflow.drivers.local.group_commit import Writer
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.drivers.local.observer import Gauges
from dagflow.drivers.local.observing import Observing
from dagflow.drivers.local.outside_events import OutsideEvents
from dagflow.drivers.local.retry_budget import RetryBudgets
from dagflow.drivers.local.suspension import Suspension
from dagflow.drivers.local.threads import Threads
from dagflow.drivers.local.time_slice import TimeSlice, in_turns
from dagflow.drivers.local.timers import Timers
from dagflow.drivers.local.wake_limit import Crowd
from dagflow.engine.commands import SetTimer
from dagflow.errors import DagflowError, RunBlocked, UsageError
from dagflow.execution.children import Requested
from dagflow.execution.performer import Performer
from dagflow.execution.program import Program
from dagflow.ids import RunId
from dagflow.store.api import Append, Blocked, SentEvent, Store
from dagflow.store.failpoints import Failpoint, hit
from dagflow.store.service_rows import Looked


@attrs.define(eq=False)
class LocalDriver:
    """Drives runs while `serve` runs.

    Attributes:
        lives: the runs in memory, by id; without runs that have ended or are suspended.
        sleepers: the suspended runs, once it serves.
        error: what stopped it, if something did.
        is_draining: no new attempt begins.
        on_blocked: called with the whole run that cannot go on, once it has been set aside.
    """

    _store: Store
    _performer: Performer
    _clock: Clock
    _concurrency: int
    _jitter: Callable[[], float]
    _activation: ActivationConfig = attrs.field(factory=ActivationConfig)
    _retry_budgets: RetryBudgets = attrs.field(factory=lambda: RetryBudgets(None))
    observing: Observing = attrs.field(factory=Observing)
    loaded_runs: dict[RunId, LoadedRun] = attrs.field(factory=dict)
    error: DagflowError | None = None
    is_draining: bool = False
    #: Why nothing is driven any more, once `serve` has returned.
    closed: DagflowError | None = None
    on_blocked: Callable[[RunId, RunBlocked], None] = attrs.field(default=lambda _run, _reason: None)
    _writer: Writer = attrs.field(init=False)
    _outside: OutsideEvents = attrs.field(init=False)
    _timers: Timers = attrs.field(init=False)
    _attempts: Attempts = attrs.field(init=False)
    _child_runs: ChildRuns = attrs.field(init=False)
    _dispatch: Dispatch = attrs.field(init=False)
    suspension: Suspension = attrs.field(init=False)
    time_slice: TimeSlice = attrs.field(factory=TimeSlice)
    _crowd: Crowd = attrs.field(factory=Crowd)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _is_serving: bool = False
    _calmer: trio.Event = attrs.field(factory=trio.Event)
    _admitting: Admitting | None = None

    def __attrs_post_init__(self) -> None:
        self._timers = Timers(self._clock, self)
        self._writer = Writer(self._store, self, self.observing)
        self._outside = OutsideEvents(self._writer)
        self._dispatch = Dispatch(self)
        self._attempts = Attempts(self, self._performer, self._writer, self._jitter, self._concurrency, self._retry_budgets)
        self._child_runs = ChildRuns(self, self._writer, self._jitter)
        self.suspension = Suspension(self, self._writer, self._clock.now, self._activation)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Drive until cancelled or until the store fails; then every run that has not ended is abandoned, see `error`."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    self.suspension.serve(nursery)
                    self._writer.n_events = await self._writer.reading(self._store.last_event)
                    self._dispatch.delivery_offset = self._writer.n_events
                    self._child_runs.serve(nursery)
                    self._attempts.serve(nursery)
                    nursery.start_soon(self._until_stopped)
                    nursery.start_soon(self._guarded, self._timers.run)
                    nursery.start_soon(self.time_slice.run)
                    nursery.start_soon(self._guarded, self._writer.run)
                    self._is_serving = self._outside.is_open = True
                    task_status.started()
        finally:
            self.suspension.stop()
            self._crowd.note(0)
            if self.error is None:
                with trio.CancelScope(shield=True):
                    await self._guarded(self._writer.drain)
            self.closed = self.error or UsageError("the interpreter was closed before the run ended; open it again to go on")
            for live in [*self.loaded_runs.values(), *self.suspension.held()]:
                live.give_up(self.closed)
            self._outside.give_up()
            self._writer.give_up()

    async def drain(self, *, is_all: bool = True) -> None:
        """Begin no attempt from now on, and wait until every open call is over and its outcome is in the store.

        Without `is_all` only calls that must not be repeated are waited for. Cancel it to wait no longer.
        """
        if self._is_serving:
            self.is_draining = True
            self._timers.stop()
            await self._attempts.drain(self.loaded_runs.values(), is_all=is_all)

    async def rest(self) -> None:
        """Wait until nothing is under way: runs that have not ended wait for an instant or an event."""
        while self._is_serving and not self.is_calm():
            if self._calmer.is_set():
                self._calmer = trio.Event()
            await self._calmer.wait()

    def may_be_calm(self) -> None:
        """Something has come to rest."""
        self._timers.may_be_calm()
        self._calmer.set()

    async def _until_stopped(self) -> None:
        """Keep the nursery open: it closes when the last of its tasks is over, and accepts no new task then."""
        try:
            await trio.sleep_forever()
        finally:
            self._is_serving = self._outside.is_open = False
            self._calmer.set()
            self.suspension.stop()

    def handed_out(self) -> None:
        """See `DispatchOwner`."""
        self.suspension.events_are_handed_out()
        if self._writer.has_sendings:
            self._writer.look()

    def attach(self, admitting: Admitting) -> None:
        """From now on this one decides which runs begin."""
        self._admitting = admitting

    def gauges(self, threads: Threads) -> Gauges:
        """How much is in hand; from any thread."""
        return gauges_of(self.loaded_runs, self._attempts, self._dispatch, self._admitting, threads, self._clock.now())

    def note(self, note: Note) -> None:
        """Keep requests that get no run now."""
        self._writer.note(note)
        self._calmer.set()

    def look_up(self) -> None:
        """Write the trigger offset, if it has changed."""
        self._writer.look()

    def wake(self, queue: Sequence[tuple[SentEvent, Sending | None]]) -> bool:
        """See `DispatchOwner`."""
        return self.suspension.wake_for(queue)

    def look(self, event: SentEvent, sending: Sending | None) -> Generator[None]:
        """See `DispatchOwner`."""
        self.observing.event_handed_out(event, self._clock.now())
        if self._admitting is not None:
            yield from self._admitting.look(event, sending)

    def next_due(self) -> int | None:
        """See `TimerOwner`."""
        in_store, admitting = self.suspension.next_due, self._admitting
        asked = None if admitting is None else admitting.next_due
        return in_store if asked is None else asked if in_store is None else min(in_store, asked)

    def fetch_due(self) -> None:
        """See `TimerOwner`."""
        now, in_store = self._clock.now(), self.suspension.next_due
        if in_store is not None and in_store <= now:
            self.suspension.fetch()
        if self._admitting is not None and not self.is_draining:
            self._admitting.fire(now)

    @property
    def delivery_offset(self) -> int:
        """The number of the last event that was handed out."""
        return self._dispatch.delivery_offset

    @property
    def n_events(self) -> int:
        """How many events have been sent or emitted so far."""
        return self._writer.n_events

    def take(self, *loaded_runs: LoadedRun) -> None:
        """Drive these runs, from where they stand. All are there before any of them does anything that others may see.

        Once the driver is closed they are abandoned at once, so that no caller waits for them.
        """
        if self.closed is not None:
            for live in loaded_runs:
                live.give_up(self.closed)
            return
        for live in loaded_runs:
            if live.progress.is_ended and live.n_committed == live.progress.n_recorded:
                # It ended while it was being read.
                live.has_ended.set()
        driven = [live for live in loaded_runs if not live.has_ended.is_set()]
        for live in driven:
            try:
                self._adopt(live)
            except Exception as error:  # noqa: BLE001 - see `block`
                self.block(live, error)
        for live in driven:
            if live.broken is None:
                self.turn(live)

    def _go_on(self, live: LoadedRun) -> None:
        self.step(live, live.progress.go_on)
        self.may_be_calm()

    def _adopt(self, live: LoadedRun) -> None:
        live.progress.time_slice = self.time_slice
        live.fast_steps = self._attempts.fast_steps_of(live.progress.program)
        self.suspension.adopt(live)
        self.loaded_runs[live.run] = live
        self._crowd.note(len(self.loaded_runs))
        self.observing.run_taken(live)
        live.on_ended, live.on_rest = self._forget, self.suspension.rest
        self._dispatch.add(live)

    def waiting_for(self, tenant: str, event: str) -> set[Program]:
        """The programs of runs of a tenant with a wait for such events that has not settled, as far as they are known."""
        return self._dispatch.waiting_for(tenant, event) | self.suspension.expecting(tenant, event)

    async def send(self, event: str, payload: bytes, event_id: str) -> int:
        """Store an event, once for each id, and deliver it to the runs that wait for it; on return it survives a crash.

        Returns how many runs took it, or keep it for a wait they have not reached. Raises StoreError; UsageError: the driver was stopped.
        """
        sending = await self.deliver(event, payload, event_id)
        return 0 if sending is None else sending.n_reached

    async def deliver(
        self, event: str, payload: bytes, event_id: str, *, is_fresh: bool = False, tenant: str = ""
    ) -> Sending | None:
        """As `send`, but returns all that the event did; None if the id was known. `is_fresh`: no event can have this id yet."""
        sent = SentEvent(number=0, id=event_id, name=event, at=self._clock.now(), payload=payload, tenant=tenant)
        try:
            sending = await self._outside.send(sent, is_fresh=is_fresh)
        finally:
            self.may_be_calm()
        if sending is None or sending.is_kept:
            return sending
        closed = UsageError("the interpreter was closed before the event was kept; send it again")
        raise sending.refusal or self.error or closed

    def cancel(self, live: LoadedRun) -> None:
        """Ask the run to end; it does when everything that runs has stopped."""
        if live.is_asleep:
            self.take(live)
        self.step(live, lambda: live.progress.cancel(self.now(live)))

    def step(self, live: LoadedRun, change: Callable[[], object]) -> None:
        """Change a run, and execute the commands that follow; an error blocks that run alone."""
        if live.broken is not None:
            return
        try:
            change()
        except Exception as error:  # noqa: BLE001 - see `block`
            self.block(live, error)
        else:
            self.turn(live)

    def now(self, live: LoadedRun) -> int:
        """The clock's time, but never before the run's last event."""
        now, last = self._clock.now(), live.progress.machine.state.now
        return now if now > last else last  # noqa: FURB136 - asked for every event, and `max` takes five times as long

    def is_calm(self) -> bool:
        """Whether nothing is under way: runs that have not ended wait for an instant or an event."""
        is_fetching = self._child_runs.n_coming or self.suspension.n_coming or not self._dispatch.is_idle
        is_idle = self._attempts.is_idle and self._writer.is_idle and self.time_slice.is_idle
        return is_idle and not self._outside and not is_fetching

    def written(self) -> None:
        """See `WriterOwner`."""
        self.may_be_calm()
        self.suspension.note_when_idle()

    def event_kept(self, event: SentEvent, sending: Sending | None) -> None:
        """See `WriterOwner`."""
        self.observing.event_stored(event)
        self._dispatch.put(event, sending)

    def run_written(self, live: LoadedRun, append: Append) -> None:
        """See `WriterOwner`."""
        if self._admitting is not None:
            self._admitting.written(live, append)

    def bear(self, live: LoadedRun, requested: Requested) -> LoadedRun:
        """See `WriterOwner`."""
        return self._child_runs.bear(live, requested)

    def looked(self, is_written_anyway: bool) -> Looked | None:
        """See `WriterOwner`."""
        return None if self._admitting is None else self._admitting.looked(is_written_anyway)

    def n_ahead(self) -> int:
        """See `WriterOwner`. A driver that closes keeps all events that were sent."""
        return self._dispatch.n_queued if self._is_serving else 0

    def is_all_waiting(self) -> bool:
        """See `WriterOwner`."""
        return self._attempts.is_all_waiting

    def turn(self, live: LoadedRun) -> None:
        """The run has changed: execute its commands, and store its events."""
        if not self._is_serving:
            # Work that is done while the last events are written is lost with the process; it is requested again.
            self._writer.mark(live)
            return
        progress = live.progress
        children = progress.children
        try:
            while progress.cancels:
                self._attempts.cancel(live, progress.cancels.pop(0).node)
            while progress.timers:
                self._timers.add(live, progress.timers.pop(0))
            if progress.starts:
                starts, progress.starts = progress.starts, []
                self._attempts.put(live, starts)
            if not (progress.is_computing and live.is_new and progress.n_recorded == 1):
                # One that has only begun, for lack of time, is written together with what follows at once.
                self._writer.mark(live)
            self._attempts.begin()
            if children.spawns or children.stops:
                self._child_runs.see_to(live)
            if (progress.is_computing or children.spawns) and live.broken is None:
                self.time_slice.put_off(live, partial(self._go_on, live))
        except Exception as error:  # noqa: BLE001 - see `block`
            self.block(live, error)

    def block(self, live: LoadedRun, error: Exception) -> None:
        """Block a run that cannot be driven, with its parents and its children. All other runs continue.

        Its events that the store does not have are dropped, so it can be tried again from there.
        """
        if live.broken is not None:
            return
        whole = live.whole
        reason = RunBlocked.caused_by(whole.run, error)
        prefix = f"{whole.run}/"
        family = [each for each in self.loaded_runs.values() if each is whole or each.run.startswith(prefix)]
        for each in family if live in family else [*family, live]:
            self._set_aside(each, reason)
        if not whole.is_new:
            self._writer.note_blocked(Blocked(run=whole.run, at=self._clock.now(), reason=reason.reason, trace=reason.trace))
        self.on_blocked(whole.run, reason)

    def _set_aside(self, live: LoadedRun, reason: RunBlocked) -> None:
        live.on_ended = live.on_rest = None
        for call in list(live.calls.values()):
            self._attempts.leave(call)
        self._writer.forget(live)
        if self._admitting is not None and live.request is not None:
            self._admitting.refused(live, reason)
        live.give_up(reason)
        live.release_calls()
        self.suspension.gone(live)
        if self.loaded_runs.get(live.run) is live:
            self.leave(live)

    def leave(self, live: LoadedRun) -> None:
        """Drive this run no more."""
        del self.loaded_runs[live.run]
        self._crowd.note(len(self.loaded_runs))
        self.suspension.note_changed(live.run)
        self._dispatch.remove(live)
        self._timers.forget(live)

    def look_again(self) -> None:
        """Something was fetched, or is due sooner than was thought: timers and events go on."""
        self._timers.look_again()
        self._dispatch.go_on()
        self._calmer.set()

    def _forget(self, live: LoadedRun) -> None:
        run_logger.run_ended(live)
        self.observing.run_ended(live)
        self.leave(live)
        self.suspension.gone(live)
        self._child_runs.ended(live)
        if self._admitting is not None:
            self._admitting.ended(live)

    async def hand(self, live: LoadedRun, event: SentEvent) -> bool:
        """Give an event to a run, and let it go on; whether it took it."""
        return bool(await in_turns(self.hand_out([live], event)))

    def hand_out(self, loaded_runs: Sequence[LoadedRun], event: SentEvent) -> Generator[None, None, int]:
        """See `DispatchOwner`."""
        return handing_out(self, loaded_runs, event, self._clock.now)

    def add_timer(self, live: LoadedRun, timer: SetTimer) -> None:
        """See `DispatchOwner`."""
        if self.loaded_runs.get(live.run) is live:
            self._timers.add(live, timer)

    def clock_was_set(self) -> None:
        """See `TimerOwner`."""
        self.suspension.clock_was_set()

    def fire(self, live: LoadedRun, timer: SetTimer) -> None:
        """See `TimerOwner`."""
        if self._dispatch.hold_timer(live, timer):
            return
        hit(Failpoint.TIMER_DUE)
        # The clock may have been set back since the run was due.
        self.step(live, lambda: live.progress.fire(timer, max(self.now(live), timer.due)))

    async def _guarded(self, task: Callable[[], Awaitable[None]]) -> None:
        try:
            await task()
        except DagflowError as error:
            self.stop(error)

    def stop(self, error: DagflowError) -> None:
        """Nothing in memory is to be trusted any more."""
        if self.error is None:
            run_logger.stopped(error)
        self.error = self.error or error
        self._attempts.stop()
        self._scope.cancel()
