"""The driver for one process: trio, one store, as many runs as there are.

The order that makes a crash harmless: an intent is committed, the effect happens, its outcome is committed, and only then
do dependents touch the world or anybody hear of it. Memory runs ahead of the store meanwhile, by facts that are on their
way; if they do not arrive, memory is thrown away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast
from weakref import WeakKeyDictionary

import attrs
import trio

from dagflow.actions.direct import Direct
from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.clock import Clock
from dagflow.drivers.dispatch import Dispatch
from dagflow.drivers.family import Family
from dagflow.drivers.live import Live
from dagflow.drivers.perform import Performer, timed_out
from dagflow.drivers.pool import Pool, Worker
from dagflow.drivers.program import Code, Program
from dagflow.drivers.timers import Timers
from dagflow.drivers.writer import Sending, Writer
from dagflow.engine.commands import SetTimer, StartAttempt
from dagflow.errors import DagflowBug, DagflowError, StoreError, UsageError
from dagflow.ids import RunId
from dagflow.model.action import Effect
from dagflow.store.api import SentEvent, Store


@attrs.define(eq=False)
class LocalDriver:
    """Drives runs while `serve` runs.

    Attributes:
        lives: the runs in hand, by id; those that have ended are gone.
        error: what stopped it, if something did.
    """

    _store: Store
    _performer: Performer
    _clock: Clock
    _concurrency: int
    _jitter: Callable[[], float]
    lives: dict[RunId, Live] = attrs.field(factory=dict)
    error: DagflowError | None = None
    _writer: Writer = attrs.field(init=False)
    _timers: Timers = attrs.field(init=False)
    _pool: Pool[tuple[Live, StartAttempt]] = attrs.field(init=False)
    _family: Family = attrs.field(init=False)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _dispatch: Dispatch = attrs.field(factory=Dispatch)
    _is_serving: bool = False
    _directs: WeakKeyDictionary[Program, list[Direct | None]] = attrs.field(factory=WeakKeyDictionary)
    _sendings: dict[str, Sending] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._timers = Timers(self._clock, self._fire, self._is_calm)
        self._writer = Writer.of(self._store, self._timers.may_be_calm)
        self._writer.on_event = self._dispatch.put
        self._writer.on_born = self.take
        self._dispatch.turn = self._turn_after_event

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Drive until cancelled or until the store fails; then every run that has not ended is given up, see `error`."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    self._writer.n_events = await self._writer.reading(self._store.last_event)
                    self._dispatch.n_handed_out = self._writer.n_events
                    self._family = Family(self, self._writer, nursery, self._jitter)
                    self._writer.bear = self._family.bear
                    self._pool = Pool(nursery, self._attempt, self._concurrency, self._timers.may_be_calm)
                    nursery.start_soon(self._guarded, self._timers.run)
                    nursery.start_soon(self._guarded, self._writer.run)
                    self._is_serving = True
                    task_status.started()
        finally:
            self._is_serving = False
            if self.error is None:
                with trio.CancelScope(shield=True):
                    await self._guarded(self._writer.drain)
            reason = self.error or UsageError("the interpreter was closed before the run ended; open it again to go on")
            for live in list(self.lives.values()):
                live.give_up(reason)
            for sending in self._sendings.values():
                sending.is_over.set()

    @property
    def n_handed_out(self) -> int:
        """The number of the last event that was handed out."""
        return self._dispatch.n_handed_out

    @property
    def n_events(self) -> int:
        """How many events have been sent or emitted so far."""
        return self._writer.n_events

    def take(self, *lives: Live) -> None:
        """Drive these runs, from where they stand. All are there before any of them does anything that others may see."""
        lives = tuple(live for live in lives if not live.has_ended.is_set())
        for live in lives:
            live.directs = self._directs_of(live.progress.program)
            self.lives[live.run] = live
            live.on_ended = self._forget
            self._dispatch.add(live)
        for live in lives:
            self.turn(live)

    def _directs_of(self, program: Program) -> Sequence[Direct | None]:
        """Per node, the short way to its action, if there is one."""
        directs = self._directs.get(program)
        if directs is None:
            directs = self._directs[program] = [_direct(self._performer, code) for code in program.codes]
        return directs

    def waiting_for(self, event: str) -> list[Live]:
        """The runs in hand with a wait for such events that has not settled."""
        return self._dispatch.waiting_for(event)

    async def send(self, event: str, payload: bytes, event_id: str) -> int:
        """Keep an event, once for each id, and give it to the runs that wait for it; when this returns it will survive a crash.

        Returns:
            How many runs took it, or keep it for a wait they have not reached.

        Raises:
            StoreError: the store failed.
            UsageError: the driver was stopped first.
        """
        earlier = self._sendings.get(event_id)
        if earlier is not None:
            await earlier.is_over.wait()
            return 0
        sent = SentEvent(number=0, id=event_id, name=event, at=self._clock.now(), payload=payload)
        sending = self._sendings[event_id] = Sending(sent)
        try:
            if await self._writer.reading(lambda: self._store.has_event(event_id)):
                return 0
            if self._is_serving:
                self._writer.send(sending)
                await sending.is_over.wait()
            if not sending.is_kept:
                raise self.error or UsageError("the interpreter was closed before the event was kept; send it again")
            return sending.n_reached
        finally:
            sending.is_over.set()
            del self._sendings[event_id]
            self._timers.may_be_calm()

    def cancel(self, live: Live) -> None:
        """Ask the run to end; it does when everything that runs has stopped."""
        live.progress.cancel(self.now(live))
        self.turn(live)

    def now(self, live: Live) -> int:
        """The clock's time, but never before the run's last fact."""
        return max(self._clock.now(), live.progress.machine.state.now)

    def _is_calm(self) -> bool:
        return self._pool.is_idle and self._writer.is_idle and not self._sendings and not self._family.n_coming

    def turn(self, live: Live) -> None:
        """After something happened to the run: see to what it wishes, and to its facts."""
        if not self._is_serving:
            # What is done while the last facts are written goes with the process; it is wished again.
            self._writer.mark(live)
            return
        progress = live.progress
        while progress.cancels:
            live.workers[progress.cancels.popleft().node].cancel()
        while progress.timers:
            self._timers.add(live, progress.timers.popleft())
        while progress.starts:
            self._pool.put((live, progress.starts.popleft()))
        self._writer.mark(live)
        if progress.children.spawns or progress.children.stops:
            self._family.see_to(live)

    def drop(self, live: Live, reason: DagflowError) -> None:
        """Leave a run alone that cannot go on."""
        for worker in live.workers.values():
            worker.cancel()
        live.give_up(reason)
        del self.lives[live.run]
        self._dispatch.remove(live)

    def _forget(self, live: Live) -> None:
        del self.lives[live.run]
        self._dispatch.remove(live)
        self._timers.forget()
        self._family.ended(live)

    def _turn_after_event(self, live: Live, event: SentEvent) -> bool:
        n_recorded = live.progress.n_recorded
        is_reached = live.progress.deliver(event, self.now(live))
        if live.progress.n_recorded > n_recorded:
            self.turn(live)
        return is_reached

    def _fire(self, live: Live, timer: SetTimer) -> None:
        live.progress.fire(timer, self.now(live))
        self.turn(live)

    async def _attempt(self, item: tuple[Live, StartAttempt], worker: Worker) -> None:
        live, command = item
        progress, node, now = live.progress, command.node, self.now(live)
        direct = live.directs[node]
        invocation: Invocation | None = None
        try:
            if direct is None:
                invocation = progress.begin_attempt(command, now)
                arguments: Mapping[str, object] | None = None if invocation is None else invocation.arguments
            else:
                arguments = progress.begin_quickly(command, now)
            if arguments is None:
                self.turn(live)
                return
            live.workers[node] = worker
            deadline = command.deadline(now)
            if deadline is not None:
                worker.limit(trio.current_time() + max(0, deadline - now) / 1e9)
            needed = self._needed_facts(live, node)
            self._writer.mark(live)
            if live.n_committed < needed:
                if not self._pool.has_more:
                    self._writer.write_in_place()
                await live.wait_committed(needed)
            if direct is not None:
                progress.succeed_quickly(node, direct.keep(await direct.function(**arguments)), self.now(live))
            elif invocation is not None:
                value = await self._performer.perform(invocation)
                progress.succeed(node, value, self.now(live), self._jitter())
        except Exception as raised:  # noqa: BLE001 - whatever a host's code does, the run hears of it
            self._failed(live, node, raised)
        except BaseException as raised:  # noqa: BLE001 - a cancellation, perhaps with others in a group; it goes on
            if worker.is_cancelled:
                self._stopped(live, node)
            raise _without_errors(raised) from None
        live.workers.pop(node, None)
        self.turn(live)

    def _failed(self, live: Live, node: int, raised: Exception) -> None:
        direct = live.directs[node]
        if node not in live.workers or isinstance(raised, StoreError | DagflowBug):
            # Not what the action did.
            self._stop(raised if isinstance(raised, DagflowError) else DagflowBug(repr(raised)))
            return
        match raised:
            case ActionFailed() if direct is None:
                failure = raised
            case DagflowError() if direct is None:
                failure = ActionFailed("usage", str(raised), fatal=True)
            case _ if direct is not None:
                failure = direct.explain(raised)
            case _:
                failure = _unexpected(live.progress.program.codes[node].node.action, raised)
        live.progress.fail(node, failure, self.now(live), self._jitter())

    def _stopped(self, live: Live, node: int) -> None:
        """The attempt was cancelled, as wished or because its time was over."""
        live.workers.pop(node, None)
        progress, now = live.progress, self.now(live)
        if progress.is_cancelling(node):
            progress.cancelled(node, now)
        else:
            progress.fail(node, timed_out(), now, self._jitter())
        self.turn(live)

    def _needed_facts(self, live: Live, node: int) -> int:
        """How many facts the store has to have before the call is made. One in memory loses everything at once, so none."""
        if self._writer.is_instant:
            return 0
        match live.progress.program.codes[node].node.effect:
            case Effect.PURE:
                return 0
            case Effect.EFFECTFUL:
                return live.progress.n_recorded
            case _:
                return live.progress.n_binding

    async def _guarded(self, task: Callable[[], Awaitable[None]]) -> None:
        try:
            await task()
        except DagflowError as error:
            self._stop(error)

    def _stop(self, error: DagflowError) -> None:
        """Nothing in memory is to be trusted any more."""
        self.error = self.error or error
        self._scope.cancel()


def _direct(performer: Performer, code: Code) -> Direct | None:
    node = code.node
    if code.quick_arguments is None or not node.action:
        return None
    types = {argument.name: argument.value.type for argument in node.arguments}
    return performer.direct(node.action, types, node.type)


def _without_errors(raised: BaseException) -> BaseException:
    """Of what came up when an attempt was cancelled, the cancellation; errors that came with it are of no more interest."""
    if isinstance(raised, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", raised)
        return group.split(Exception)[1] or group
    return raised


def _unexpected(action: str, raised: Exception) -> ActionFailed:
    """The text of an exception may hold anything, secrets too; only its class is told."""
    return ActionFailed("unexpected", f"{action} raised {type(raised).__name__}", fatal=True)
