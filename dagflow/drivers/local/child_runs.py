"""The local driver's part in runs that other runs have: bringing them to life, and telling of their ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from weakref import WeakKeyDictionary

import attrs
import trio

from dagflow.drivers.local.group_commit import Writer
from dagflow.drivers.local.interface import Driver
from dagflow.drivers.local.loaded_run import LoadedRun, Pinned
from dagflow.drivers.local.time_slice import in_turns
from dagflow.execution.bindings import Origin
from dagflow.execution.children import Requested, Spawn
from dagflow.execution.delivery import giving
from dagflow.execution.instance import RunInstance
from dagflow.execution.program import Program
from dagflow.ids import RunId
from dagflow.model.status import RunStatus
from dagflow.store.codec.flow import encode_flow, flow_digest

_PAGE = 500


@attrs.define(eq=False)
class ChildRuns:
    """Makes children, and tells parents of their ends.

    Attributes:
        n_coming: children being read from the store.
    """

    _driver: Driver
    _writer: Writer
    _jitter: Callable[[], float]
    n_coming: int = 0
    _nursery: trio.Nursery = attrs.field(init=False)
    _pinned: WeakKeyDictionary[Program, Pinned] = attrs.field(factory=WeakKeyDictionary[Program, Pinned])
    _stopped: set[RunId] = attrs.field(factory=set)
    _ended: deque[LoadedRun] = attrs.field(factory=deque)
    _is_telling: bool = False

    def serve(self, nursery: trio.Nursery) -> None:
        """Read children from the store in this nursery."""
        self._nursery = nursery

    def see_to(self, live: LoadedRun) -> None:
        """Execute a run's commands about its children. The run's own events must be marked for the store before."""
        children = live.progress.children
        while children.spawns and self._driver.time_slice.is_short():
            self._spawn(live, children.spawns.pop(0))
        while children.stops:
            run = children.stops.pop(0)
            child = self._driver.loaded_runs.get(run)
            if child is None:
                self._stopped.add(run)
            else:
                self._driver.cancel(child)

    def bear(self, live: LoadedRun, requested: Requested) -> LoadedRun:
        """The run that a `start` asks for; it goes its own way once it is in the store."""
        program = live.progress.program.callees[requested.key]
        pinned = self._pinned.get(program)
        if pinned is None:
            encoded = encode_flow(program.startable)
            pinned = self._pinned[program] = Pinned(flow_digest(encoded), encoded)
        progress = RunInstance(program, requested.run, tenant=live.progress.tenant)
        origin = Origin(kind="flow", name=live.progress.program.flow.name, hops=live.progress.origin.hops)
        progress.begin(requested.input, origin, requested.at, self._writer.n_events)
        return LoadedRun(progress, pinned, is_new=True, started_by=live.run)

    def ended(self, live: LoadedRun) -> None:
        """The end of a run is in the store: tell its parent, after the runs that ended before."""
        if live.parent is None:
            return
        self._ended.append(live)
        if self._is_telling:
            # The parent's next commands may end other children at once: the loop further up handles those.
            return
        self._is_telling = True
        try:
            while self._ended:
                self._tell(self._ended.popleft())
        finally:
            self._is_telling = False

    def _tell(self, live: LoadedRun) -> None:
        parent, spawn = live.parent, live.spawn
        if parent is None or spawn is None or parent.has_ended.is_set():
            return
        now, jitter = self._driver.now(parent), self._jitter()
        self._driver.step(parent, lambda: parent.progress.children.ended(spawn, live.progress, now, jitter))

    def _spawn(self, parent: LoadedRun, spawn: Spawn) -> None:
        child = parent.progress.children.make(spawn)
        child.time_slice = self._driver.time_slice
        live = LoadedRun(child, parent.pinned, is_new=True, parent=parent, spawn=spawn)
        if spawn.is_new and not child.program.waits:
            self._begin(live, spawn)
            self._driver.take(live)
        else:
            self.n_coming += 1
            self._nursery.start_soon(self._bring, live, spawn)

    def _begin(self, live: LoadedRun, spawn: Spawn) -> None:
        parent = live.parent
        if parent is not None:
            parent.progress.children.begin(live.progress, spawn, self._driver.now(parent))

    async def _bring(self, live: LoadedRun, spawn: Spawn) -> None:
        """Go on with a child that may be in the store, or that has to look at events that came before it."""
        try:
            history = [] if spawn.is_new else await self._writer.reading(lambda: self._writer.store.history(spawn.run))
            if history:
                live.progress.restore(history)
                live.is_new, live.n_committed = False, len(history)
                live.progress.interrupt(self._driver.now(live))
            else:
                self._begin(live, spawn)
            await self._catch_up(live)
            self._go_on(live, spawn)
            await self._is_back(live, spawn)
        except Exception as error:  # noqa: BLE001 - a part of a run cannot go on, so the whole cannot; all others can
            self._driver.block(live, error)
        finally:
            self.n_coming -= 1

    def _go_on(self, live: LoadedRun, spawn: Spawn) -> None:
        progress = live.progress
        around = live.parent
        while around is not None:
            if around.broken is not None:
                # The whole was set aside while this part was being read.
                live.give_up(around.broken)
                return
            around = around.parent
        if spawn.is_undo and progress.machine.state.ended is RunStatus.SUCCEEDED:
            progress.undo(self._driver.now(live))
        if progress.is_ended and progress.n_recorded == live.n_committed:
            live.has_ended.set()
            self.ended(live)
            return
        self._driver.take(live)
        if spawn.run in self._stopped:
            self._stopped.discard(spawn.run)
            self._driver.cancel(live)

    async def _is_back(self, live: LoadedRun, spawn: Spawn) -> None:
        """The last missing child is back: deliver the held events to the waits that have waited longest."""
        parent, time_slice = live.parent, self._driver.time_slice
        if parent is None or live.broken is not None:
            return
        for some in parent.progress.children.coming_back(spawn, partial(self._driver.now, live), time_slice.is_short):
            for changed in some:
                if changed.run in self._driver.loaded_runs:
                    self._driver.step(self._driver.loaded_runs[changed.run], _nothing)
            if not time_slice.is_short():
                await trio.lowlevel.checkpoint()
            if parent.broken is not None:
                return

    async def _catch_up(self, live: LoadedRun) -> None:
        """Deliver the events that came before, up to the last one handed out when this returns.

        Those behind it are not: others may have waited longer.
        """
        mailbox, waits = live.progress.mailbox, live.progress.program.waits
        while waits and mailbox.n_seen < (until := self._driver.delivery_offset):
            read = partial(
                self._writer.store.events,
                after=mailbox.n_seen,
                limit=_PAGE,
                names=waits,
                tenant=live.progress.tenant,
            )
            sent = await self._writer.reading(read)
            for event in sent:
                if event.number <= until:
                    await in_turns(
                        giving(live.progress, event, partial(self._driver.now, live), self._driver.time_slice.is_short)
                    )
            mailbox.n_seen = max(mailbox.n_seen, min(until, sent[-1].number) if len(sent) == _PAGE else until)


def _nothing() -> None:
    """The run has changed already."""
