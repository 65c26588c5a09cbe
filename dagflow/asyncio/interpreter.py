"""The interpreter for asyncio programs."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import Unpack

import attrs

import dagflow
from dagflow.actions.catalog import Catalog
from dagflow.app.open_options import InterpreterOptions
from dagflow.app.rerunning import RerunPlan
from dagflow.asyncio.calls import Calls, on_loop, opened, watch
from dagflow.asyncio.run import Run
from dagflow.drivers.local.statistics import Statistics
from dagflow.errors import DagflowError
from dagflow.execution.bindings import Origin
from dagflow.execution.results import RunResult
from dagflow.ids import RunId
from dagflow.model.flow import Flow
from dagflow.store.api import Record, RunRow


@attrs.define(eq=False)
class Interpreter:
    """Runs flows for an asyncio program; made by `Interpreter.open`. The methods are those of `dagflow.Interpreter`.

    Attributes:
        resumed: the runs that were in progress when the store was opened.
    """

    _inner: dagflow.Interpreter
    _calls: Calls
    resumed: tuple[Run, ...]

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: str | os.PathLike[str], *, catalog: Catalog, **options: Unpack[InterpreterOptions]
    ) -> AsyncGenerator[Interpreter]:
        """Open a store, resume its unfinished runs, and drive runs until the block ends.

        Args:
            path: of the store's file; `":memory:"` stores nothing.
            catalog: the actions; async ones run on the event loop that calls this.
            options: as of `dagflow.Interpreter.open`.

        Raises:
            StoreError: the store cannot be opened, or failed while it was open.
            UsageError: an option is invalid.
        """
        async with opened(partial(dagflow.Interpreter.open, path, catalog=on_loop(catalog), **options)) as calls:
            yield facade_of(calls.bridge.inner, calls)

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

    async def rerun(self, run_id: str, *, id: str | None = None, from_step: str | None = None) -> Run:  # noqa: A002
        """Start a run with the flow and the input of another one. See `dagflow.Interpreter.rerun`."""
        return Run(await self._calls(self._inner.rerun, run_id, id=id, from_step=from_step), self._calls)

    async def plan_rerun(self, run_id: str, from_step: str) -> RerunPlan:
        """Return the plan of a rerun from a step. See `dagflow.Interpreter.plan_rerun`."""
        return await self._calls(self._inner.plan_rerun, run_id, from_step)

    async def delete(self, run_id: str) -> None:
        """Delete a run that has ended. See `dagflow.Interpreter.delete`."""
        await self._calls(self._inner.delete, run_id)

    async def retry(self, run_id: str, *, steps: Collection[str] = (), by: str = "") -> Run:
        """Go on with a run that failed. See `dagflow.Interpreter.retry`."""
        return Run(await self._calls(self._inner.retry, run_id, steps=steps, by=by), self._calls)

    async def skip(self, run_id: str, step: str, result: object = None, *, by: str = "") -> Run:
        """Give a step its result. See `dagflow.Interpreter.skip`."""
        return Run(await self._calls(self._inner.skip, run_id, step, result, by=by), self._calls)

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
        self,
        *,
        unfinished: bool = False,
        limit: int = 100,
        before: RunId | None = None,
        parent: str = "",
        tenant: str | None = None,
    ) -> list[RunRow]:
        """Return the runs in the store, newest first. See `dagflow.Interpreter.runs`."""
        return await self._calls(
            self._inner.runs, unfinished=unfinished, limit=limit, before=before, parent=parent, tenant=tenant
        )

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
        return watch(self._calls, self._inner.watch(run_id))


def facade_of(inner: dagflow.Interpreter, calls: Calls) -> Interpreter:
    """The facade of an open interpreter."""
    return Interpreter(inner, calls, tuple(Run(run, calls) for run in inner.resumed))
