"""The driver for one process: trio, one store, as many runs as there are.

The order that makes a crash harmless: an intent is committed, the effect happens, its outcome is committed, and only then
do dependents touch the world or anybody hear of it. Memory runs ahead of the store meanwhile, by facts that are on their
way; if they do not arrive, memory is thrown away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import trio

from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.clock import Clock
from dagflow.drivers.live import Live
from dagflow.drivers.perform import Performer, timed_out
from dagflow.drivers.pool import Pool
from dagflow.drivers.timers import Timers
from dagflow.drivers.writer import Writer
from dagflow.engine.commands import SetTimer, StartAttempt
from dagflow.errors import DagflowError, UsageError
from dagflow.ids import RunId
from dagflow.model.action import Effect
from dagflow.store.api import Store


@attrs.frozen
class _Item:
    live: Live
    command: StartAttempt


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
    _pool: Pool[_Item] = attrs.field(init=False)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    def __attrs_post_init__(self) -> None:
        self._timers = Timers(self._clock, self._fire, self._is_calm)
        self._writer = Writer.of(self._store, self._timers.may_be_calm)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Drive until cancelled or until the store fails; then every run that has not ended is given up, see `error`."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    self._pool = Pool(nursery, self._attempt, self._concurrency, self._timers.may_be_calm)
                    nursery.start_soon(self._guarded, self._timers.run)
                    nursery.start_soon(self._guarded, self._writer.run)
                    task_status.started()
        finally:
            if self.error is None:
                with trio.CancelScope(shield=True):
                    await self._guarded(self._writer.drain)
            reason = self.error or UsageError("the interpreter was closed before the run ended; open it again to go on")
            for live in list(self.lives.values()):
                live.give_up(reason)

    def take(self, live: Live) -> None:
        """Drive this run, from where it stands."""
        self.lives[live.run] = live
        live.on_ended = self._forget
        self._turn(live)

    def cancel(self, live: Live) -> None:
        """Ask the run to end; it does when everything that runs has stopped."""
        live.progress.cancel(self._now(live))
        self._turn(live)

    def _now(self, live: Live) -> int:
        """The clock's time, but never before the run's last fact."""
        return max(self._clock.now(), live.progress.machine.state.now)

    def _is_calm(self) -> bool:
        return self._pool.is_idle and self._writer.is_idle

    def _turn(self, live: Live) -> None:
        """After something happened to the run: see to what it wishes, and to its facts."""
        progress = live.progress
        while progress.cancels:
            live.scopes[progress.cancels.popleft().node].cancel()
        while progress.timers:
            self._timers.add(live, progress.timers.popleft())
        while progress.starts:
            self._pool.put(_Item(live, progress.starts.popleft()))
        self._writer.mark(live)

    def _forget(self, live: Live) -> None:
        del self.lives[live.run]

    def _fire(self, live: Live, timer: SetTimer) -> None:
        live.progress.fire(timer, self._now(live))
        self._turn(live)

    async def _attempt(self, item: _Item) -> None:
        try:
            await self._attempt_unguarded(item.live, item.command)
        except DagflowError as error:
            self._stop(error)

    async def _attempt_unguarded(self, live: Live, command: StartAttempt) -> None:
        progress, node = live.progress, command.node
        now = self._now(live)
        invocation = progress.begin_attempt(command, now)
        if invocation is None:
            self._turn(live)
            return
        scope = live.scopes[node] = trio.CancelScope()
        deadline = command.deadline(now)
        if deadline is not None:
            scope.deadline = trio.current_time() + max(0, deadline - now) / 1e9
        needed = _needed_facts(live, node)
        self._turn(live)
        value: object = None
        failure: ActionFailed | None = None
        with scope:
            await live.wait_committed(needed)
            try:
                value = await self._performer.perform(invocation)
            except ActionFailed as raised:
                failure = raised
            except DagflowError as raised:
                failure = ActionFailed("usage", str(raised), fatal=True)
            except Exception as raised:  # noqa: BLE001 - whatever a host's code does, the run hears of it
                failure = _unexpected(invocation, raised)
        del live.scopes[node]
        now = self._now(live)
        if not scope.cancelled_caught and failure is None:
            progress.succeed(node, value, now, self._jitter())
        elif failure is not None:
            progress.fail(node, failure, now, self._jitter())
        elif progress.is_cancelling(node):
            progress.cancelled(node, now)
        else:
            progress.fail(node, timed_out(), now, self._jitter())
        self._turn(live)

    async def _guarded(self, task: Callable[[], Awaitable[None]]) -> None:
        try:
            await task()
        except DagflowError as error:
            self._stop(error)

    def _stop(self, error: DagflowError) -> None:
        """Nothing in memory is to be trusted any more."""
        self.error = self.error or error
        self._scope.cancel()


def _needed_facts(live: Live, node: int) -> int:
    """How many facts the store has to have before the call is made."""
    match live.progress.program.codes[node].node.effect:
        case Effect.PURE:
            return 0
        case Effect.EFFECTFUL:
            return live.progress.n_recorded
        case _:
            return live.progress.n_binding


def _unexpected(invocation: Invocation, raised: Exception) -> ActionFailed:
    """The text of an exception may hold anything, secrets too; only its class is told."""
    return ActionFailed("unexpected", f"{invocation.action} raised {type(raised).__name__}", fatal=True)
