"""A client for asyncio programs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping

import dagflow
from dagflow.admission.requests import Stage
from dagflow.app.outcomes import Changes, Delivery, DueSchedule, FeedPlace, Outcome, Version
from dagflow.app.rerunning import RerunPlan
from dagflow.app.service.version_diff import VersionDiff
from dagflow.execution.results import RunResult
from dagflow.store.api import Record, RunRow
from dagflow.store.service_rows import RequestRow


class Client:
    """A client of the process that drives a store; see `dagflow.Client`, whose methods these are. Each call runs in a thread.

    Attributes:
        inner: the client that blocks.
    """

    inner: dagflow.Client

    def __init__(
        self, store: str | os.PathLike[str], *, tenant: str = "", seconds: float = 30.0, patience: float = 0.0
    ) -> None:
        """Make a client. The arguments are those of `dagflow.Client`."""
        self.inner = dagflow.Client(store, tenant=tenant, seconds=seconds, patience=patience)

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

    async def diff(self, flow: str, before: int, after: int | None = None) -> VersionDiff:
        """Compare two versions of a flow. See `dagflow.Client.diff`."""
        return await asyncio.to_thread(self.inner.diff, flow, before, after)

    async def schedules(self) -> tuple[DueSchedule, ...]:
        """Return the schedules of the published flows. See `dagflow.Client.schedules`."""
        return await asyncio.to_thread(self.inner.schedules)

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

    async def rerun(self, run: str, *, id: str | None = None, from_step: str | None = None) -> Outcome:  # noqa: A002
        """Ask for a run with the input of another one. See `dagflow.Client.rerun`."""
        return await asyncio.to_thread(self.inner.rerun, run, id=id, from_step=from_step)

    async def plan_rerun(self, run: str, from_step: str) -> RerunPlan:
        """Return the plan of a rerun from a step. See `dagflow.Client.plan_rerun`."""
        return await asyncio.to_thread(self.inner.plan_rerun, run, from_step)

    async def withdraw(self, flow: str, request: str) -> Outcome:
        """Drop a request that has no run. See `dagflow.Client.withdraw`."""
        return await asyncio.to_thread(self.inner.withdraw, flow, request)

    async def cancel(self, flow: str) -> int:
        """Cancel everything of a flow. See `dagflow.Client.cancel`."""
        return await asyncio.to_thread(self.inner.cancel, flow)

    async def requests(
        self, flow: str, *, stages: Collection[Stage] = (), limit: int = 100, before: tuple[int, int, str] | None = None
    ) -> tuple[RequestRow, ...]:
        """Return the requests of a flow. See `dagflow.Client.requests`."""
        return await asyncio.to_thread(self.inner.requests, flow, stages=stages, limit=limit, before=before)

    async def webhook(self, name: str, headers: Mapping[str, str], body: bytes, *, is_own: bool = False) -> Delivery:
        """Take a webhook. See `dagflow.Client.webhook`."""
        return await asyncio.to_thread(self.inner.webhook, name, headers, body, is_own=is_own)

    async def changes(self, after: FeedPlace | None = None, *, seconds: float = 30.0) -> Changes:
        """Follow the runs of the tenant. See `dagflow.Client.changes`. It holds a thread."""
        return await asyncio.to_thread(self.inner.changes, after, seconds=seconds)

    async def cancel_run(self, run: str) -> RunResult:
        """Cancel a run. See `dagflow.Client.cancel_run`."""
        return await asyncio.to_thread(self.inner.cancel_run, run)

    async def delete_run(self, run: str) -> None:
        """Delete a run that has ended. See `dagflow.Client.delete_run`."""
        await asyncio.to_thread(self.inner.delete_run, run)

    async def retry(self, run: str, *, steps: Collection[str] = (), by: str = "") -> RunResult:
        """Go on with a run that failed. See `dagflow.Client.retry`."""
        return await asyncio.to_thread(self.inner.retry, run, steps=steps, by=by)

    async def skip(self, run: str, step: str, result: object = None, *, by: str = "") -> RunResult:
        """Give a step its result. See `dagflow.Client.skip`."""
        return await asyncio.to_thread(self.inner.skip, run, step, result, by=by)

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
