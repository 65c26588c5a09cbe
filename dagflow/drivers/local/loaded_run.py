"""One run in the hands of the local driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs
import trio

from dagflow.actions.failures import Invocation
from dagflow.drivers.local.fair_queue import Share
from dagflow.drivers.local.observed_calls import Calls
from dagflow.drivers.local.worker_pool import Worker
from dagflow.engine.commands import StartAttempt
from dagflow.errors import DagflowError
from dagflow.execution.children import Spawn
from dagflow.execution.fast_path import FastStep
from dagflow.execution.instance import RunInstance
from dagflow.execution.results import RunResult, result_of
from dagflow.ids import FlowDigest, RunId
from dagflow.store.api import StartName
from dagflow.store.service_rows import RequestRow


@attrs.frozen
class Pinned:
    """The flow that a run keeps, encoded, with its digest; for a child run, that of the root run."""

    digest: FlowDigest
    flow: bytes


@attrs.define(eq=False)
class Call:
    """An attempt that is started or queued.

    Attributes:
        command: the command; its time begins with the call.
        quick: the fast path to the action, for which `arguments` is all it needs; else there is an `invocation`.
        arguments: None as long as it is not begun.
        worker: the worker that makes the call, once there is one.
        is_counted: whether it counts as open for its flow and its run.
        observed: the call as observers see it, if there are any and it has begun.
    """

    live: LoadedRun
    command: StartAttempt
    quick: FastStep | None
    arguments: Mapping[str, object] | None = None
    invocation: Invocation | None = None
    worker: Worker | None = None
    is_over: bool = False
    is_counted: bool = False
    observed: Calls | None = None


@attrs.define(eq=False)
class LoadedRun:
    """A run and the tasks that wait for it.

    Attributes:
        is_new: whether the store does not have the run yet.
        parent, spawn: for a child run, its parent and the command it comes from.
        n_committed: how many of its events the store has.
        calls: the open attempts, by node.
        quicks: per node, the fast path to its action, if there is one.
        has_ended: set once the end is in the store, or never will be; then see `broken`.
        broken: why the driver stopped before the run ended.
        on_ended: called when `has_ended` is set by the end itself.
        on_rest: called when the store has everything and nothing of it is under way.
        is_asleep: the run is suspended, and the store says when to activate it.
        n_timers: how many entries the timers have of it.
        share: the owner of its calls, if not all can be made at once.
        name: what its caller calls the start, if anything.
        request: the request that gets this run, until the store has both.
        n_changes: how many commits it had here.
        started_by: the id of the run whose `start` made it, or "".
    """

    progress: RunInstance
    pinned: Pinned
    is_new: bool = False
    n_committed: int = 0
    parent: LoadedRun | None = None
    spawn: Spawn | None = None
    calls: dict[int, Call] = attrs.field(factory=dict)
    fast_steps: Sequence[FastStep | None] = ()
    has_ended: trio.Event = attrs.field(factory=trio.Event)
    broken: DagflowError | None = None
    on_ended: Callable[[LoadedRun], None] | None = None
    on_rest: Callable[[LoadedRun], None] | None = None
    is_asleep: bool = False
    n_timers: int = 0
    share: Share = attrs.field(init=False)
    name: StartName | None = None
    request: RequestRow | None = None
    n_changes: int = 0
    started_by: str = ""
    _waiting: list[tuple[int, trio.Event]] = attrs.field(factory=list)
    _ready_calls: list[tuple[int, Call, Callable[[Call], None]]] = attrs.field(factory=list)
    _changed: trio.Event = attrs.field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        tenant = self.progress.tenant
        own = Share(tenant, f"{tenant}\n{self.pinned.digest}", self.run)
        self.share = own if self.parent is None else self.parent.share

    @property
    def run(self) -> RunId:
        """Its id."""
        return self.progress.run

    @property
    def whole(self) -> LoadedRun:
        """The run it is a part of in the end, perhaps itself."""
        live = self
        while live.parent is not None:
            live = live.parent
        return live

    async def wait_committed(self, n_facts: int) -> None:
        """Wait until the store has that many of its events, or never will; then see `broken`."""
        if self.n_committed < n_facts and self.broken is None:
            event = trio.Event()
            self._waiting.append((n_facts, event))
            await event.wait()

    def when_committed(self, n_facts: int, call: Call, then: Callable[[Call], None]) -> None:
        """Call `then` with the call once the store has that many events, and those that earlier calls wait for."""
        self._ready_calls.append((n_facts, call, then))

    async def wait_ended(self) -> RunResult:
        """Wait until the end is in the store. Raises what stopped the driver, if that came first."""
        await self.has_ended.wait()
        if self.broken is not None:
            raise self.broken
        return result_of(self.progress)

    def watch(self) -> Watch:
        """How the run stands, now and after every commit, until it has ended."""
        return Watch(self)

    async def wait_changed(self, n_changes: int | None = None) -> None:
        """Wait until the next commit, or the end; not at all if there are more than `n_changes` commits by now."""
        if n_changes is not None and self.n_changes > n_changes:
            return
        if not self.has_ended.is_set():
            if self._changed.is_set():
                self._changed = trio.Event()
            await self._changed.wait()

    def committed(self, n_facts: int) -> None:
        """The store has that many events now."""
        self.n_committed = n_facts
        self.is_new = False
        self.request = None
        if self._waiting:
            for needed, event in self._waiting:
                if needed <= n_facts:
                    event.set()
            self._waiting = [(needed, event) for needed, event in self._waiting if needed > n_facts]
        ready = self._ready_calls
        if ready and ready[0][0] <= n_facts:
            n_ready = next((n for n, (needed, _, _) in enumerate(ready) if needed > n_facts), len(ready))
            self._ready_calls = ready[n_ready:]
            for _, call, then in ready[:n_ready]:
                then(call)
        self.n_changes += 1
        self._changed.set()
        if n_facts == self.progress.n_recorded:
            if self.progress.is_ended:
                self.has_ended.set()
                if self.on_ended is not None:
                    self.on_ended(self)
            elif self.on_rest is not None and not self.progress.machine.state.n_active:
                self.on_rest(self)

    def release_calls(self) -> None:
        """The run is set aside: no call of it waits for a commit any more."""
        ready, self._ready_calls = self._ready_calls, []
        for _, call, then in ready:
            then(call)

    def give_up(self, reason: DagflowError) -> None:
        """The driver stops; the run does not go on here."""
        if not self.has_ended.is_set():
            self.broken = reason
            self.has_ended.set()
            for _, event in self._waiting:
                event.set()
            self._changed.set()


@attrs.define(eq=False)
class Watch:
    """An iterator over how a run stands; not a generator, so that leaving it early leaves nothing behind."""

    _live: LoadedRun
    #: The commits of the state that was returned last. Others may come before the next one is asked for.
    _n_seen: int | None = None
    _is_over: bool = False

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> RunResult:
        if self._is_over:
            raise StopAsyncIteration
        if self._n_seen is not None:
            await self._live.wait_changed(self._n_seen)
        self._n_seen = self._live.n_changes
        if not self._live.has_ended.is_set():
            return result_of(self._live.progress)
        self._is_over = True
        return await self._live.wait_ended()
