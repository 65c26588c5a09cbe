"""Calls of a service that runs in the same trio loop as the application."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs
import trio

from dagflow.admission.requests import Stage
from dagflow.app.outcomes import Changes, Delivery, DueSchedule, FeedPlace, Outcome, Version
from dagflow.app.redaction import shown_result
from dagflow.app.rerunning import RerunPlan
from dagflow.app.service.service import Service
from dagflow.app.service.tenant import Tenant
from dagflow.app.service.version_diff import VersionDiff
from dagflow.errors import NotFound
from dagflow.execution.results import RunResult
from dagflow.ids import RunId
from dagflow.lang.limits import Limits
from dagflow.model.action import Interface
from dagflow.model.flow import Flow
from dagflow.store.api import Record, RunRow
from dagflow.store.service_rows import RequestRow
from dagflow.web.problems import Problem


@attrs.frozen(eq=False)
class ServiceBackend:
    """See `Backend`."""

    service: Service
    interface: Interface

    def tenant(self, name: str) -> ServiceCalls:
        """See `Backend`."""
        if not trio.lowlevel.in_trio_run():
            raise Problem(
                503,
                "wrong_loop",
                "the application calls its service in trio, and this server runs on another event loop",
                help="serve it with a server for trio, such as Hypercorn with `-k trio`, or make it of a `dagflow.Client`",
            )
        return ServiceCalls(self.service.tenant(name) if name else self.service)

    async def check_ready(self) -> None:
        """See `Backend`."""
        if self.service.is_draining:
            raise Problem(503, "draining", "the service is stopping and begins nothing", help="ask again when it is open")


@attrs.frozen(eq=False)
class ServiceCalls:
    """See `TenantCalls`."""

    tenant: Tenant

    @property
    def limits(self) -> Limits | None:
        """See `TenantCalls`."""
        return self.tenant.compiler_limits

    async def publish(self, text: str, *, name: str | None, author: str, comment: str) -> Version:
        """See `TenantCalls`."""
        return await self.tenant.publish(text, name=name, author=author, comment=comment)

    async def flows(self) -> Collection[Version]:
        """See `TenantCalls`."""
        return await self.tenant.flows()

    async def versions(self, flow: str) -> Collection[Version]:
        """See `TenantCalls`."""
        return await self.tenant.versions(flow)

    async def diff(self, flow: str, before: int, after: int | None) -> VersionDiff:
        """See `TenantCalls`."""
        return await self.tenant.diff(flow, before, after)

    async def schedules(self) -> Collection[DueSchedule]:
        """See `TenantCalls`."""
        return await self.tenant.schedules()

    async def pause(self, flow: str) -> Version:
        """See `TenantCalls`."""
        return await self.tenant.pause(flow)

    async def resume(self, flow: str) -> Version:
        """See `TenantCalls`."""
        return await self.tenant.resume(flow)

    async def retire(self, flow: str) -> Version:
        """See `TenantCalls`."""
        return await self.tenant.retire(flow)

    async def send(self, event: str, payload: object, *, id: str | None) -> Delivery:  # noqa: A002 - the word of the API
        """See `TenantCalls`."""
        return await self.tenant.send(event, payload, id=id)

    async def webhook(self, name: str, headers: Mapping[str, str], body: bytes, *, is_own: bool) -> Delivery:
        """See `TenantCalls`."""
        return await self.tenant.webhook(name, headers, body, is_own=is_own)

    async def start(self, flow: str, input: object, *, id: str | None, at: int | None) -> Outcome:  # noqa: A002 - likewise
        """See `TenantCalls`."""
        return await self.tenant.start(flow, input, id=id, at=at)

    async def rerun(self, run: str, *, id: str | None, from_step: str | None) -> Outcome:  # noqa: A002 - likewise
        """See `TenantCalls`."""
        return await self.tenant.rerun(run, id=id, from_step=from_step)

    async def plan_rerun(self, run: str, from_step: str) -> RerunPlan:
        """See `TenantCalls`."""
        return await self.tenant.plan_rerun(run, from_step)

    async def requests(
        self, flow: str, *, stages: Collection[Stage], limit: int, before: tuple[int, int, str] | None
    ) -> Collection[RequestRow]:
        """See `TenantCalls`."""
        return await self.tenant.requests(flow, stages=stages, limit=limit, before=before)

    async def withdraw(self, flow: str, request: str) -> Outcome:
        """See `TenantCalls`."""
        return await self.tenant.withdraw(flow, request)

    async def cancel(self, flow: str) -> int:
        """See `TenantCalls`."""
        return await self.tenant.cancel(flow)

    async def runs(self, *, unfinished: bool, limit: int, before: str | None, parent: str) -> Collection[RunRow]:
        """See `TenantCalls`."""
        older = None if before is None else RunId(before)
        return await self.tenant.runs(unfinished=unfinished, limit=limit, before=older, parent=parent)

    async def row(self, run: str) -> RunRow:
        """See `TenantCalls`."""
        found = await self.tenant.find_run(run)
        if found is None:
            raise NotFound(f"no run {run[:80]}; `GET /runs` lists the runs")
        return found

    async def shown(self, run: str) -> tuple[Flow, RunResult]:
        """See `TenantCalls`."""
        flow = await self.tenant.flow_of(run)
        return flow, shown_result(await self.tenant.result(run), self.tenant.redactor(flow))

    async def history(self, run: str) -> list[Record]:
        """See `TenantCalls`."""
        return await self.tenant.history(run)

    async def redacted(self, run: str, values: list[object]) -> list[object]:
        """See `TenantCalls`."""
        redactor = self.tenant.redactor(await self.tenant.flow_of(run))
        return [redactor.value(value) for value in values] if redactor.is_needed else values

    async def wait(self, run: str, seconds: float) -> None:
        """See `TenantCalls`."""
        row = await self.row(run)
        if row.status.is_terminal:
            return
        handle = await self.tenant.get_run(run)
        with trio.move_on_after(seconds):
            await handle.wait()

    async def cancel_run(self, run: str) -> None:
        """See `TenantCalls`."""
        await self.tenant.cancel_run(run)

    async def delete_run(self, run: str) -> None:
        """See `TenantCalls`."""
        await self.tenant.delete_run(run)

    async def retry(self, run: str, steps: Collection[str], by: str) -> None:
        """See `TenantCalls`."""
        await self.tenant.retry(run, steps=steps, by=by)

    async def skip(self, run: str, step: str, result: object, by: str) -> None:
        """See `TenantCalls`."""
        await self.tenant.skip(run, step, result, by=by)

    async def resume_run(self, run: str) -> None:
        """See `TenantCalls`."""
        await self.tenant.get_run(run)

    async def changes(self, after: FeedPlace | None, seconds: float) -> Changes:
        """See `TenantCalls`."""
        return await self.tenant.changes(after, seconds=seconds)
