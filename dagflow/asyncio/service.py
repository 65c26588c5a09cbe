"""The service for asyncio programs."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Unpack

import attrs

import dagflow
from dagflow.actions.catalog import Catalog
from dagflow.admission.requests import Stage
from dagflow.app.outcomes import Changes, Delivery, DueSchedule, FeedPlace, Outcome, Version
from dagflow.app.rerunning import RerunPlan
from dagflow.app.service.service_options import ServiceOptions
from dagflow.app.service.sources import Refresh
from dagflow.app.service.version_diff import VersionDiff
from dagflow.asyncio.calls import Calls, on_loop, opened, source_on_loop
from dagflow.asyncio.interpreter import Interpreter, facade_of
from dagflow.asyncio.run import Run
from dagflow.execution.results import RunResult
from dagflow.ids import RunId
from dagflow.lang.compiler import Compilation
from dagflow.model.flow import Flow
from dagflow.store.api import Record, RunRow
from dagflow.store.service_rows import RequestRow


@attrs.define(eq=False)
class Tenant:
    """The flows, requests, events and runs of one tenant. The methods are those of `dagflow.Tenant`."""

    _inner: dagflow.Tenant
    _calls: Calls

    @property
    def name(self) -> str:
        """The name of the tenant."""
        return self._inner.name

    async def publish(
        self, source: str | Compilation | Flow, *, name: str | None = None, author: str = "", comment: str = ""
    ) -> Version:
        """Publish a flow. See `dagflow.Tenant.publish`."""
        return await self._calls(self._inner.publish, source, name=name, author=author, comment=comment)

    async def pause(self, flow: str) -> Version:
        """Begin no more runs of a flow. See `dagflow.Tenant.pause`."""
        return await self._calls(self._inner.pause, flow)

    async def resume(self, flow: str) -> Version:
        """Go on with a paused flow. See `dagflow.Tenant.resume`."""
        return await self._calls(self._inner.resume, flow)

    async def retire(self, flow: str) -> Version:
        """Accept no more requests for a flow. See `dagflow.Tenant.retire`."""
        return await self._calls(self._inner.retire, flow)

    async def flows(self) -> list[Version]:
        """Return the newest version of each published flow. See `dagflow.Tenant.flows`."""
        return await self._calls(self._inner.flows)

    async def versions(self, flow: str) -> list[Version]:
        """Return all versions of a flow, the newest first. See `dagflow.Tenant.versions`."""
        return await self._calls(self._inner.versions, flow)

    async def diff(self, flow: str, before: int, after: int | None = None) -> VersionDiff:
        """Compare two versions of a flow. See `dagflow.Tenant.diff`."""
        return await self._calls(self._inner.diff, flow, before, after)

    async def send(self, event: str, payload: object, *, id: str | None = None) -> Delivery:  # noqa: A002
        """Send an event. See `dagflow.Tenant.send`."""
        return await self._calls(self._inner.send, event, payload, id=id)

    async def webhook(self, name: str, headers: Mapping[str, str], body: bytes, *, is_own: bool = False) -> Delivery:
        """Take a webhook. See `dagflow.Tenant.webhook`."""
        return await self._calls(self._inner.webhook, name, headers, body, is_own=is_own)

    async def start(self, flow: str, input: object = None, *, id: str | None = None, at: int | None = None) -> Outcome:  # noqa: A002
        """Ask for a run of a published flow. See `dagflow.Tenant.start`."""
        return await self._calls(self._inner.start, flow, input, id=id, at=at)

    async def rerun(self, run_id: str, *, id: str | None = None, from_step: str | None = None) -> Outcome:  # noqa: A002
        """Ask for a run with the input of another one. See `dagflow.Tenant.rerun`."""
        return await self._calls(self._inner.rerun, run_id, id=id, from_step=from_step)

    async def plan_rerun(self, run_id: str, from_step: str) -> RerunPlan:
        """Return the plan of a rerun from a step. See `dagflow.Tenant.plan_rerun`."""
        return await self._calls(self._inner.plan_rerun, run_id, from_step)

    async def requests(
        self, flow: str, *, stages: Collection[Stage] = (), limit: int = 100, before: tuple[int, int, str] | None = None
    ) -> list[RequestRow]:
        """Return requests for runs of a flow, the newest first. See `dagflow.Tenant.requests`."""
        return await self._calls(self._inner.requests, flow, stages=stages, limit=limit, before=before)

    async def schedules(self) -> list[DueSchedule]:
        """Return the schedules of all published flows. See `dagflow.Tenant.schedules`."""
        return await self._calls(self._inner.schedules)

    async def changes(self, after: FeedPlace | None = None, *, seconds: float = 30.0) -> Changes:
        """Wait for changes of the tenant's runs. See `dagflow.Tenant.changes`."""
        return await self._calls(self._inner.changes, after, seconds=seconds)

    async def withdraw(self, flow: str, request_id: str) -> Outcome:
        """Drop a request that has no run. See `dagflow.Tenant.withdraw`."""
        return await self._calls(self._inner.withdraw, flow, request_id)

    async def cancel(self, flow: str) -> int:
        """Cancel everything that a flow has under way. See `dagflow.Tenant.cancel`."""
        return await self._calls(self._inner.cancel, flow)

    async def runs(
        self, *, unfinished: bool = False, limit: int = 100, before: RunId | None = None, parent: str = ""
    ) -> list[RunRow]:
        """Return the runs of the tenant, the newest first. See `dagflow.Tenant.runs`."""
        return await self._calls(self._inner.runs, unfinished=unfinished, limit=limit, before=before, parent=parent)

    async def find_run(self, run_id: str) -> RunRow | None:
        """Return the row of a run, or None. See `dagflow.Tenant.find_run`."""
        return await self._calls(self._inner.find_run, run_id)

    async def get_run(self, run_id: str) -> Run:
        """Return a run. See `dagflow.Tenant.get_run`."""
        return Run(await self._calls(self._inner.get_run, run_id), self._calls)

    async def result(self, run_id: str) -> RunResult:
        """Return the state of a run from the store. See `dagflow.Tenant.result`."""
        return await self._calls(self._inner.result, run_id)

    async def history(self, run_id: str) -> list[Record]:
        """Return the events of a run's history. See `dagflow.Tenant.history`."""
        return await self._calls(self._inner.history, run_id)

    async def cancel_run(self, run_id: str) -> RunResult:
        """Cancel a run and wait until it has ended. See `dagflow.Tenant.cancel_run`."""
        return await self._calls(self._inner.cancel_run, run_id)

    async def delete_run(self, run_id: str) -> None:
        """Delete a run that has ended. See `dagflow.Tenant.delete_run`."""
        await self._calls(self._inner.delete_run, run_id)

    async def retry(self, run_id: str, *, steps: Collection[str] = (), by: str = "") -> Run:
        """Go on with a run that failed. See `dagflow.Tenant.retry`."""
        return Run(await self._calls(self._inner.retry, run_id, steps=steps, by=by), self._calls)

    async def skip(self, run_id: str, step: str, result: object = None, *, by: str = "") -> Run:
        """Give a step its result. See `dagflow.Tenant.skip`."""
        return Run(await self._calls(self._inner.skip, run_id, step, result, by=by), self._calls)

    async def flow_of(self, run_id: str) -> Flow:
        """Return the flow that a run is pinned to. See `dagflow.Tenant.flow_of`."""
        return await self._calls(self._inner.flow_of, run_id)


@attrs.define(eq=False)
class Service(Tenant):
    """Published flows, and the runs that start by themselves; made by `Service.open`. The methods are those of `dagflow.Service`."""

    _service: dagflow.Service

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: str | os.PathLike[str], *, catalog: Catalog, **options: Unpack[ServiceOptions]
    ) -> AsyncGenerator[Service]:
        """Open a store, resume its runs, its requests and missed events, and serve until the block ends.

        Args:
            path, catalog: as of `Interpreter.open`.
            options: as of `dagflow.Service.open`.

        Raises:
            StoreInUse: another process drives the store.
            StoreError: the store cannot be opened, or failed while it was open.
            UsageError: an option is invalid.
        """
        options["source"] = source_on_loop(options.get("source"))
        async with opened(partial(dagflow.Service.open, path, catalog=on_loop(catalog), **options)) as calls:
            service: dagflow.Service = calls.bridge.inner
            yield cls(service, calls, service)

    async def refresh(self) -> Refresh:
        """Read the source of flows now. See `dagflow.Service.refresh`."""
        return await self._calls(self._service.refresh)

    @property
    def source_problems(self) -> dict[tuple[str, str], str]:
        """The flows of the source that are not published as they are there. See `dagflow.Service.source_problems`."""
        return self._service.source_problems

    @property
    def interpreter(self) -> Interpreter:
        """Drives the runs of all tenants; for looking at them, and for everything about one of them."""
        return facade_of(self._service.interpreter, self._calls)

    def tenant(self, name: str) -> Tenant:
        """Return a tenant. See `dagflow.Service.tenant`."""
        return Tenant(self._service.tenant(name), self._calls)

    @property
    def is_draining(self) -> bool:
        """Whether nothing begins any more."""
        return self._service.is_draining


def parts_of(service: Service) -> tuple[dagflow.Service, Calls]:
    """The service in trio, and the calls into it."""
    return service._service, service._calls  # noqa: SLF001 - of this module
