"""The service for programs without an event loop."""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
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
from dagflow.blocking.calls import Calls, opened
from dagflow.blocking.interpreter import Interpreter, facade_of
from dagflow.blocking.run import Run
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

    def publish(
        self, source: str | Compilation | Flow, *, name: str | None = None, author: str = "", comment: str = ""
    ) -> Version:
        """Publish a flow. See `dagflow.Tenant.publish`."""
        return self._calls(self._inner.publish, source, name=name, author=author, comment=comment)

    def pause(self, flow: str) -> Version:
        """Begin no more runs of a flow. See `dagflow.Tenant.pause`."""
        return self._calls(self._inner.pause, flow)

    def resume(self, flow: str) -> Version:
        """Go on with a paused flow. See `dagflow.Tenant.resume`."""
        return self._calls(self._inner.resume, flow)

    def retire(self, flow: str) -> Version:
        """Accept no more requests for a flow. See `dagflow.Tenant.retire`."""
        return self._calls(self._inner.retire, flow)

    def flows(self) -> list[Version]:
        """Return the newest version of each published flow. See `dagflow.Tenant.flows`."""
        return self._calls(self._inner.flows)

    def versions(self, flow: str) -> list[Version]:
        """Return all versions of a flow, the newest first. See `dagflow.Tenant.versions`."""
        return self._calls(self._inner.versions, flow)

    def diff(self, flow: str, before: int, after: int | None = None) -> VersionDiff:
        """Compare two versions of a flow. See `dagflow.Tenant.diff`."""
        return self._calls(self._inner.diff, flow, before, after)

    def send(self, event: str, payload: object, *, id: str | None = None) -> Delivery:  # noqa: A002
        """Send an event. See `dagflow.Tenant.send`."""
        return self._calls(self._inner.send, event, payload, id=id)

    def webhook(self, name: str, headers: Mapping[str, str], body: bytes, *, is_own: bool = False) -> Delivery:
        """Take a webhook. See `dagflow.Tenant.webhook`."""
        return self._calls(self._inner.webhook, name, headers, body, is_own=is_own)

    def start(self, flow: str, input: object = None, *, id: str | None = None, at: int | None = None) -> Outcome:  # noqa: A002
        """Ask for a run of a published flow. See `dagflow.Tenant.start`."""
        return self._calls(self._inner.start, flow, input, id=id, at=at)

    def rerun(self, run_id: str, *, id: str | None = None, from_step: str | None = None) -> Outcome:  # noqa: A002
        """Ask for a run with the input of another one. See `dagflow.Tenant.rerun`."""
        return self._calls(self._inner.rerun, run_id, id=id, from_step=from_step)

    def plan_rerun(self, run_id: str, from_step: str) -> RerunPlan:
        """Return the plan of a rerun from a step. See `dagflow.Tenant.plan_rerun`."""
        return self._calls(self._inner.plan_rerun, run_id, from_step)

    def requests(
        self, flow: str, *, stages: Collection[Stage] = (), limit: int = 100, before: tuple[int, int, str] | None = None
    ) -> list[RequestRow]:
        """Return requests for runs of a flow, the newest first. See `dagflow.Tenant.requests`."""
        return self._calls(self._inner.requests, flow, stages=stages, limit=limit, before=before)

    def schedules(self) -> list[DueSchedule]:
        """Return the schedules of all published flows. See `dagflow.Tenant.schedules`."""
        return self._calls(self._inner.schedules)

    def changes(self, after: FeedPlace | None = None, *, seconds: float = 30.0) -> Changes:
        """Wait for changes of the tenant's runs. See `dagflow.Tenant.changes`."""
        return self._calls(self._inner.changes, after, seconds=seconds)

    def withdraw(self, flow: str, request_id: str) -> Outcome:
        """Drop a request that has no run. See `dagflow.Tenant.withdraw`."""
        return self._calls(self._inner.withdraw, flow, request_id)

    def cancel(self, flow: str) -> int:
        """Cancel everything that a flow has under way. See `dagflow.Tenant.cancel`."""
        return self._calls(self._inner.cancel, flow)

    def runs(
        self, *, unfinished: bool = False, limit: int = 100, before: RunId | None = None, parent: str = ""
    ) -> list[RunRow]:
        """Return the runs of the tenant, the newest first. See `dagflow.Tenant.runs`."""
        return self._calls(self._inner.runs, unfinished=unfinished, limit=limit, before=before, parent=parent)

    def find_run(self, run_id: str) -> RunRow | None:
        """Return the row of a run, or None. See `dagflow.Tenant.find_run`."""
        return self._calls(self._inner.find_run, run_id)

    def get_run(self, run_id: str) -> Run:
        """Return a run. See `dagflow.Tenant.get_run`."""
        return Run(self._calls(self._inner.get_run, run_id), self._calls)

    def result(self, run_id: str) -> RunResult:
        """Return the state of a run from the store. See `dagflow.Tenant.result`."""
        return self._calls(self._inner.result, run_id)

    def history(self, run_id: str) -> list[Record]:
        """Return the events of a run's history. See `dagflow.Tenant.history`."""
        return self._calls(self._inner.history, run_id)

    def cancel_run(self, run_id: str) -> RunResult:
        """Cancel a run and wait until it has ended. See `dagflow.Tenant.cancel_run`."""
        return self._calls(self._inner.cancel_run, run_id)

    def delete_run(self, run_id: str) -> None:
        """Delete a run that has ended. See `dagflow.Tenant.delete_run`."""
        self._calls(self._inner.delete_run, run_id)

    def retry(self, run_id: str, *, steps: Collection[str] = (), by: str = "") -> Run:
        """Go on with a run that failed. See `dagflow.Tenant.retry`."""
        return Run(self._calls(self._inner.retry, run_id, steps=steps, by=by), self._calls)

    def skip(self, run_id: str, step: str, result: object = None, *, by: str = "") -> Run:
        """Give a step its result. See `dagflow.Tenant.skip`."""
        return Run(self._calls(self._inner.skip, run_id, step, result, by=by), self._calls)

    def flow_of(self, run_id: str) -> Flow:
        """Return the flow that a run is pinned to. See `dagflow.Tenant.flow_of`."""
        return self._calls(self._inner.flow_of, run_id)


@attrs.define(eq=False)
class Service(Tenant):
    """Published flows, and the runs that start by themselves; made by `Service.open`. The methods are those of `dagflow.Service`."""

    _service: dagflow.Service

    @classmethod
    @contextmanager
    def open(cls, path: str | os.PathLike[str], *, catalog: Catalog, **options: Unpack[ServiceOptions]) -> Generator[Service]:
        """Open a store, resume its runs, its requests and missed events, and serve until the block ends.

        Args:
            path, catalog: as of `Interpreter.open`.
            options: as of `dagflow.Service.open`.

        Raises:
            StoreInUse: another process drives the store.
            StoreError: the store cannot be opened, or failed while it was open.
            UsageError: an option is invalid, or an event loop runs in this thread.
        """
        with opened(partial(dagflow.Service.open, path, catalog=catalog, **options)) as calls:
            service: dagflow.Service = calls.bridge.inner
            yield cls(service, calls, service)

    def refresh(self) -> Refresh:
        """Read the source of flows now. See `dagflow.Service.refresh`."""
        return self._calls(self._service.refresh)

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
