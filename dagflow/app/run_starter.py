"""Start runs, each once for every id of a caller."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import attrs
import orjson
import trio

from dagflow.app.catching_up import catch_up_with
from dagflow.app.entry_checks import MAX_FLOW, checked_text
from dagflow.app.program_cache import Prepared
from dagflow.app.run_loader import Loader
from dagflow.clock import Clock
from dagflow.drivers.local import run_logger
from dagflow.drivers.local.driver import LocalDriver
from dagflow.drivers.local.loaded_run import LoadedRun, Pinned
from dagflow.errors import DagflowError, NotServed, RunBlocked, UsageError
from dagflow.execution.bindings import Origin
from dagflow.execution.instance import RunInstance
from dagflow.execution.run_state import Keeping
from dagflow.ids import RunId, new_run_id
from dagflow.model.types import JSON
from dagflow.model.wire import codec as wire
from dagflow.store.api import RunRow, StartName, Store
from dagflow.store.service_rows import RequestRow

_Value = TypeVar("_Value")


@attrs.define(eq=False)
class Starter:
    """Starts runs.

    Attributes:
        find: a run that has not ended and is in memory. problem: why a run is blocked, or None.
    """

    _store: Store
    _clock: Clock
    _driver: LocalDriver
    _loader: Loader
    _find: Callable[[RunId], LoadedRun | None]
    _problem: Callable[[RunId], Exception | None]
    _locks: dict[str, trio.Lock] = attrs.field(factory=dict)
    #: Runs that may not be in the store yet, since the task that waited for that was cancelled.
    _begun: dict[str, tuple[LoadedRun, Prepared, StartName]] = attrs.field(factory=dict)

    async def start(
        self,
        prepared: Prepared,
        value: Mapping[str, object],
        origin: Origin,
        id: str | None,  # noqa: A002
        rerun: tuple[Keeping, str] | None = None,
    ) -> LoadedRun:
        """Start a run, or find the one that was started under this id. Raises as `Interpreter.start`.

        `rerun`: its part of an earlier run, and the step that it begins with.
        """
        keeping = None if rerun is None else rerun[0]
        if id is None:
            return await self._committed(self._begin(prepared, value, origin, None, keeping))
        of = [] if rerun is None else [rerun[0].run, rerun[1]]
        given = orjson.dumps([origin.kind, origin.name, prepared.program.input_codec.encode(value), *of])
        name = StartName(checked_text(id, "the id of a start"), hashlib.sha256(given).digest())
        live = await self.once(prepared, name, lambda: self._begin(prepared, value, origin, name, keeping))
        if live is None:  # an unknown run always begins
            raise UsageError(f"the run {id!r} was not started; start it again")
        return live

    async def trigger(
        self,
        prepared: Prepared,
        event: str,
        payload: object,
        id: str | None,  # noqa: A002
        value_of: Callable[[], Mapping[str, object] | None],
    ) -> LoadedRun | None:
        """As `start`, with an event; None where `value_of` returns none."""

        def begin(name: StartName | None) -> LoadedRun | None:
            value = value_of()
            return None if value is None else self._begin(prepared, value, Origin(kind="event", name=event), name)

        if id is None:
            live = begin(None)
            return None if live is None else await self._committed(live)
        given = orjson.dumps(["event", event, orjson.Fragment(wire.codec(JSON).dumps(wire.decode(payload, JSON)))])
        name = StartName(checked_text(id, "the id of a start"), hashlib.sha256(given).digest())
        return await self.once(prepared, name, lambda: begin(name))

    async def once(self, prepared: Prepared, name: StartName, begin: Callable[[], LoadedRun | None]) -> LoadedRun | None:
        """Begin a run if none has this name; one at a time."""
        lock = self._locks.setdefault(name.id, trio.Lock())
        try:
            async with lock:
                begun = self._begun.get(name.id)
                if begun is None:
                    known = await self._ask(partial(self._store.named, "", name.id))
                    if known is not None:
                        return await self._again(prepared, name, *known)
                    live = begin()
                    if live is None:
                        return None
                    begun = self._begun[name.id] = live, prepared, name
                _check_same(name, begun[1].digest == prepared.digest, begun[2].content == name.content, begun[0].run)
                await self._committed(begun[0])
                self._begun.pop(name.id, None)
                return begun[0]
        finally:
            if not lock.locked():
                self._locks.pop(name.id, None)

    def _begin(
        self,
        prepared: Prepared,
        value: Mapping[str, object],
        origin: Origin,
        name: StartName | None,
        keeping: Keeping | None = None,
    ) -> LoadedRun:
        return self.begin(prepared, value, origin, self._driver.n_events, name, keeping=keeping)

    def begin(
        self,
        prepared: Prepared,
        value: Mapping[str, object],
        origin: Origin,
        n_events: int,
        name: StartName | None = None,
        *,
        request_of: Callable[[RunId], RequestRow | None] = lambda _run: None,
        tenant: str = "",
        keeping: Keeping | None = None,
    ) -> LoadedRun:
        """Begin a run that is not in the store yet.

        Args:
            prepared, value, origin: as of `start`.
            n_events: so many events of the store came before it.
            name: if it has one.
            request_of: the request that has this run, told its id before the run is driven.
            tenant: of the run.
            keeping: its part of an earlier run.

        Raises:
            UsageError: the catalog lacks an action, or the input or the flow is too large.
            NotServed: the interpreter is draining.
            RunBlocked: the run cannot be loaded.
        """
        self._loader.check_actions(prepared.program, tenant=tenant)
        if self._driver.error is not None:
            raise self._driver.error
        if self._driver.is_draining:
            raise NotServed("the interpreter is draining and begins no runs; start this one where another interpreter is open")
        now = self._clock.now()
        progress = RunInstance(prepared.program, new_run_id(now), tenant=tenant)
        progress.time_slice, progress.keeping = self._driver.time_slice, keeping
        wire.sized(prepared.encoded, MAX_FLOW, "the compiled flow")
        try:
            n_bytes = progress.begin(value, origin, now, n_events)
        except DagflowError:
            raise
        except Exception as error:
            raise RunBlocked.caused_by(progress.run, error) from error
        wire.check_size(n_bytes, what="the input" if keeping is None else "the input with the kept results")
        live = LoadedRun(progress, Pinned(prepared.digest, prepared.encoded), is_new=True, name=name)
        live.request = request_of(live.run)
        self._driver.take(live)
        run_logger.run_started(live)
        return live

    @staticmethod
    async def _committed(live: LoadedRun) -> LoadedRun:
        await live.wait_committed(1)
        if live.broken is not None:
            raise live.broken
        return live

    async def _again(self, prepared: Prepared, name: StartName, run: RunId, content: bytes) -> LoadedRun:
        """Return the run that was started under this name; drive it if it is not driven yet."""
        row = await self._ask(partial(self._store.run, run))
        if row is None:
            raise UsageError(f"run {run}, which was started as {name.id!r}, has just been removed; start it again")
        _check_same(name, row.digest == prepared.digest, content == name.content, run)
        problem = self._problem(run)
        if problem is not None:
            raise UsageError(f"run {run}, which was started as {name.id!r}, cannot go on: {problem}")
        return self._find(run) or await self._driver.suspension.holding.hold_one(run) or await self.read(row)

    async def read(self, row: RunRow) -> LoadedRun:
        """Return a run that has ended, or that was not resumed when the store was opened."""
        with self._driver.suspension.reading() as changed:
            live = await self._ask(partial(self._loader.load_caught_up, row))
            if not live.progress.is_ended:
                await catch_up_with(self._driver, self._loader, live)
        found = self._find(row.id)
        if found is not None:
            return found
        if row.id in changed:
            # Another task was first, and the read state is out of date.
            return await self._driver.suspension.holding.hold_one(row.id) or await self.read(row)
        if live.progress.is_ended:
            live.has_ended.set()
            return live
        self._loader.check_actions(live.progress.program, tenant=row.tenant)
        self._driver.take(live)
        return live

    async def _ask(self, ask: Callable[[], _Value]) -> _Value:
        return await trio.to_thread.run_sync(ask) if self._store.is_durable else ask()


def _check_same(name: StartName, is_flow: bool, is_content: bool, run: RunId) -> None:
    if not (is_flow and is_content):
        what = "input" if is_flow else "flow"
        raise UsageError(
            f"the id {name.id!r} names run {run}, which was started with another {what}; give this one an id of its own"
        )
