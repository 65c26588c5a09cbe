"""`Interpreter` and `Client` for asyncio programs: FastAPI, Litestar, aiohttp, and plain `asyncio.run`.

    from dagflow.asyncio import Interpreter

    async with Interpreter.open("runs.db", catalog=catalog) as interpreter:
        run = await interpreter.start(flow, {"customer": customer})
        result = await run.wait()

The interpreter itself runs in a thread of its own. **Async actions of the catalog run on your event loop**, so they may use asyncpg, SQLAlchemy, redis
or any other asyncio library. Plain functions run in threads, as always. Cancelling a task cancels its call, not the run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final, TypeVar

import attrs

import dagflow
from dagflow.actions.catalog import Catalog
from dagflow.app.outcomes import Delivery, Outcome, Version
from dagflow.bridge import Bridge
from dagflow.drivers.local.statistics import Statistics
from dagflow.errors import DagflowError, UsageError
from dagflow.execution.bindings import Origin
from dagflow.execution.results import RunResult
from dagflow.ids import RunId
from dagflow.model.flow import Flow
from dagflow.store.api import Record, RunRow

_Value = TypeVar("_Value")
_END: Final = object()


@attrs.define(eq=False)
class _Calls:
    """Calls from one asyncio loop into the bridge."""

    bridge: Bridge[dagflow.Interpreter]

    async def __call__(self, function: Callable[..., Awaitable[_Value]], /, *args: Any, **options: Any) -> _Value:
        """Call a function in trio and await its result."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Value] = loop.create_future()

        def settle(value: _Value, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)

        def done(value: Any, error: BaseException | None) -> None:
            with suppress(RuntimeError):  # the loop is closed, so no caller waits
                loop.call_soon_threadsafe(settle, value, error)

        cancel = self.bridge.submit(partial(function, *args, **options), done)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            cancel()
            with suppress(Exception):
                await future
            raise


@attrs.define(eq=False, repr=False)
class Run:
    """A run of an open interpreter; see `dagflow.Run`."""

    _run: dagflow.Run
    _calls: _Calls

    @property
    def id(self) -> RunId:
        """Its id, which sorts by the time the run began."""
        return self._run.id

    @property
    def flow(self) -> str:
        """The name of its flow."""
        return self._run.flow

    async def result(self) -> RunResult:
        """Return the current state of the run."""

        async def read() -> RunResult:
            return self._run.result()

        return await self._calls(read)

    async def wait(self) -> RunResult:
        """Wait until the run has ended and its end is in the store.

        Raises:
            StoreError: the store failed.
            UsageError: the interpreter was closed first.
        """
        return await self._calls(self._run.wait)

    def watch(self) -> AsyncIterator[RunResult]:
        """Iterate over the states of the run: now, after each commit, and at its end. Raises as `wait`."""
        return _watch(self._calls, self._run.watch())

    async def cancel(self) -> RunResult:
        """Cancel the run and wait until it has ended. Raises as `wait`, and UsageError while the interpreter drains."""
        return await self._calls(self._run.cancel)

    def __repr__(self) -> str:
        return repr(self._run)


@attrs.define(eq=False)
class Interpreter:
    """Runs flows for an asyncio program; made by `Interpreter.open`. The methods are those of `dagflow.Interpreter`.

    Attributes:
        resumed: the runs that were in progress when the store was opened.
    """

    _calls: _Calls
    resumed: tuple[Run, ...]

    @classmethod
    @asynccontextmanager
    async def open(cls, path: str | os.PathLike[str], *, catalog: Catalog, **options: Any) -> AsyncGenerator[Interpreter]:
        """Open a store, resume its unfinished runs, and drive runs until the block ends.

        Args:
            path: of the store's file; `":memory:"` stores nothing.
            catalog: the actions; async ones run on the event loop that calls this.
            options: as of `dagflow.Interpreter.open`.

        Raises:
            StoreError: the store cannot be opened, or failed while it was open.
            UsageError: an option is invalid.
        """
        bridge = Bridge(partial(dagflow.Interpreter.open, path, catalog=_on_loop(catalog), **options))
        await asyncio.to_thread(bridge.start)
        try:
            calls = _Calls(bridge)
            yield cls(calls, tuple(Run(run, calls) for run in bridge.inner.resumed))
        finally:
            await asyncio.shield(asyncio.to_thread(bridge.close))

    @property
    def _inner(self) -> dagflow.Interpreter:
        return self._calls.bridge.inner

    @property
    def blocked(self) -> dict[RunId, DagflowError]:
        """The runs that cannot be driven, by id, with the reason."""
        return dict(self._inner.blocked)

    async def start(
        self,
        flow: Flow,
        input: object = None,  # noqa: A002 - the word of the API
        *,
        trigger: Origin | None = None,
        id: str | None = None,  # noqa: A002
    ) -> Run:
        """Start a run. See `dagflow.Interpreter.start`."""
        return Run(await self._calls(self._inner.start, flow, input, trigger=trigger, id=id), self._calls)

    async def rerun(self, run_id: str, *, id: str | None = None) -> Run:  # noqa: A002
        """Start a run with the flow and the input of another one. See `dagflow.Interpreter.rerun`."""
        return Run(await self._calls(self._inner.rerun, run_id, id=id), self._calls)

    async def trigger(self, flow: Flow, event: str, payload: object, *, id: str | None = None) -> Run | None:  # noqa: A002
        """Start a run as an event would. See `dagflow.Interpreter.trigger`."""
        run = await self._calls(self._inner.trigger, flow, event, payload, id=id)
        return None if run is None else Run(run, self._calls)

    async def send(self, event: str, payload: object, id: str | None = None) -> int:  # noqa: A002
        """Send an event to waiting runs; returns how many received it. See `dagflow.Interpreter.send`."""
        return await self._calls(self._inner.send, event, payload, id)

    async def get_run(self, run_id: str) -> Run:
        """Return a run. See `dagflow.Interpreter.get_run`."""
        return Run(await self._calls(self._inner.get_run, run_id), self._calls)

    async def unfinished(self, limit: int = 1_000) -> list[Run]:
        """Return the unfinished runs, newest first. See `dagflow.Interpreter.unfinished`."""
        return [Run(run, self._calls) for run in await self._calls(self._inner.unfinished, limit)]

    async def cancel(self, run_id: str) -> RunResult:
        """Cancel a run and wait until it has ended. See `dagflow.Interpreter.cancel`."""
        return await self._calls(self._inner.cancel, run_id)

    async def rest(self) -> None:
        """Wait until every run has ended or only waits. See `dagflow.Interpreter.rest`."""
        await self._calls(self._inner.rest)

    async def drain(self, seconds: float = float("inf")) -> bool:
        """Begin nothing new, and wait for the calls under way. See `dagflow.Interpreter.drain`."""
        return await self._calls(self._inner.drain, seconds)

    async def runs(
        self, *, unfinished: bool = False, limit: int = 100, before: RunId | None = None, parent: str = ""
    ) -> list[RunRow]:
        """Return the runs in the store, newest first. See `dagflow.Interpreter.runs`."""
        return await self._calls(self._inner.runs, unfinished=unfinished, limit=limit, before=before, parent=parent)

    async def result(self, run_id: str) -> RunResult:
        """Return the state of a run from the store. See `dagflow.Interpreter.result`."""
        return await self._calls(self._inner.result, run_id)

    async def history(self, run_id: str) -> list[Record]:
        """Return the events of a run's history. See `dagflow.Interpreter.history`."""
        return await self._calls(self._inner.history, run_id)

    async def statistics(self) -> Statistics:
        """Return a snapshot of the load. See `dagflow.Interpreter.statistics`."""
        return await self._calls(self._inner.statistics)

    async def prune(self, before: int) -> None:
        """Remove runs that ended before that instant. See `dagflow.Interpreter.prune`."""
        await self._calls(self._inner.prune, before)

    def watch(self, run_id: str) -> AsyncIterator[RunResult]:
        """Iterate over the states of an unfinished run. Raises as `get_run` and `Run.wait`."""
        return _watch(self._calls, self._inner.watch(run_id))


async def _watch(calls: _Calls, states: AsyncIterator[RunResult]) -> AsyncIterator[RunResult]:
    async def step() -> object:
        return await anext(states, _END)

    while True:
        found = await calls(step)
        if not isinstance(found, RunResult):
            return
        yield found


def _on_loop(catalog: Catalog) -> Catalog:
    """The catalog, with its async functions called on the event loop that runs here."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise UsageError("`dagflow.asyncio` must be used inside a running asyncio event loop") from None
    return catalog.on_loop(loop)


class Client:
    """A client of the process that drives a store; see `dagflow.Client`, whose methods these are. Each call runs in a thread.

    Attributes:
        inner: the client that blocks.
    """

    inner: dagflow.Client

    def __init__(self, store: str | os.PathLike[str], *, tenant: str = "", seconds: float = 30.0) -> None:
        """Make a client. The arguments are those of `dagflow.Client`."""
        self.inner = dagflow.Client(store, tenant=tenant, seconds=seconds)

    async def publish(self, text: str, *, name: str | None = None, author: str = "", comment: str = "") -> Version:
        """Publish a flow. See `dagflow.Client.publish`."""
        return await asyncio.to_thread(self.inner.publish, text, name=name, author=author, comment=comment)

    async def flows(self) -> tuple[Version, ...]:
        """Return the published flows. See `dagflow.Client.flows`."""
        return await asyncio.to_thread(self.inner.flows)

    async def versions(self, flow: str) -> tuple[Version, ...]:
        """Return the versions of a flow. See `dagflow.Client.versions`."""
        return await asyncio.to_thread(self.inner.versions, flow)

    async def pause(self, flow: str) -> Version:
        """Pause a flow. See `dagflow.Client.pause`."""
        return await asyncio.to_thread(self.inner.pause, flow)

    async def resume(self, flow: str) -> Version:
        """Resume a flow. See `dagflow.Client.resume`."""
        return await asyncio.to_thread(self.inner.resume, flow)

    async def retire(self, flow: str) -> Version:
        """Retire a flow. See `dagflow.Client.retire`."""
        return await asyncio.to_thread(self.inner.retire, flow)

    async def send(self, event: str, payload: object = None, *, id: str | None = None) -> Delivery:  # noqa: A002
        """Send an event. See `dagflow.Client.send`."""
        return await asyncio.to_thread(self.inner.send, event, payload, id=id)

    async def start(
        self,
        flow: str,
        input: object = None,  # noqa: A002 - the word of the API
        *,
        id: str | None = None,  # noqa: A002
        at: int | None = None,
    ) -> Outcome:
        """Ask for a run. See `dagflow.Client.start`."""
        return await asyncio.to_thread(self.inner.start, flow, input, id=id, at=at)

    async def rerun(self, run: str, *, id: str | None = None) -> Outcome:  # noqa: A002
        """Ask for a run with the input of another one. See `dagflow.Client.rerun`."""
        return await asyncio.to_thread(self.inner.rerun, run, id=id)

    async def withdraw(self, flow: str, request: str) -> Outcome:
        """Drop a request that has no run. See `dagflow.Client.withdraw`."""
        return await asyncio.to_thread(self.inner.withdraw, flow, request)

    async def cancel(self, flow: str) -> int:
        """Cancel everything of a flow. See `dagflow.Client.cancel`."""
        return await asyncio.to_thread(self.inner.cancel, flow)

    async def cancel_run(self, run: str) -> RunResult:
        """Cancel a run. See `dagflow.Client.cancel_run`."""
        return await asyncio.to_thread(self.inner.cancel_run, run)

    async def wait(self, run: str, *, seconds: float | None = None) -> RunResult:
        """Wait until a run has ended. See `dagflow.Client.wait`. It holds a thread, so use `seconds` where many wait."""
        return await asyncio.to_thread(self.inner.wait, run, seconds=seconds)

    async def runs(self, *, unfinished: bool = False, limit: int = 100, before: str | None = None) -> list[RunRow]:
        """Return the runs. See `dagflow.Client.runs`."""
        return await asyncio.to_thread(self.inner.runs, unfinished=unfinished, limit=limit, before=before)

    async def result(self, run: str) -> RunResult:
        """Return how a run stands. See `dagflow.Client.result`."""
        return await asyncio.to_thread(self.inner.result, run)

    async def history(self, run: str) -> list[Record]:
        """Return the events of a run's history. See `dagflow.Client.history`."""
        return await asyncio.to_thread(self.inner.history, run)

    async def ping(self) -> int:
        """Return the id of the process that drives the store. See `dagflow.Client.ping`."""
        return await asyncio.to_thread(self.inner.ping)

    async def prune(self, before: int) -> None:
        """Remove runs that ended before that instant. See `dagflow.Client.prune`."""
        await asyncio.to_thread(self.inner.prune, before)

    async def resume_run(self, run: str) -> None:
        """Try a blocked run again. See `dagflow.Client.resume_run`."""
        await asyncio.to_thread(self.inner.resume_run, run)
