"""Calls of the process that drives a store, by a client; under asyncio or trio, since each call runs in a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Final, TypeVar

import anyio
import anyio.to_thread
import attrs

from dagflow.actions.catalog import Catalog
from dagflow.admission.requests import Stage
from dagflow.app.archive import Archive
from dagflow.app.outcomes import Changes, Delivery, DueSchedule, FeedPlace, Outcome, Version
from dagflow.app.redaction import redactor_for, shown_result
from dagflow.app.rerunning import RerunPlan
from dagflow.app.service.version_diff import VersionDiff
from dagflow.client import Client
from dagflow.errors import NotFound, NotServed
from dagflow.execution.results import RunResult
from dagflow.ids import RunId
from dagflow.lang.limits import Limits
from dagflow.model.action import Interface
from dagflow.model.flow import Flow
from dagflow.store.api import Record, RunRow
from dagflow.store.service_rows import RequestRow
from dagflow.web.problems import Problem

_Value = TypeVar("_Value")
#: Threads for calls that wait, apart from those that do not.
_MOST_WAITING: Final = 200
#: Recent answers, for the other followers of a tenant.
_KEPT: Final = 64
#: The part of the time of a follower that the driver may take.
_PART: Final = 0.9


@attrs.define(eq=False)
class Following:
    """The followers of one tenant: one of them asks the driver, and the others read its answer."""

    lock: anyio.Lock = attrs.field(factory=anyio.Lock)
    answers: deque[tuple[FeedPlace, Changes]] = attrs.field(factory=lambda: deque(maxlen=_KEPT))

    def known(self, after: FeedPlace) -> Changes | None:
        """The answer to a follower that has come so far, if another one has had it."""
        return next((answer for place, answer in self.answers if place == after and answer.place != after), None)


@attrs.define(eq=False)
class ClientBackend:
    """See `Backend`."""

    client: Client
    catalog: Catalog
    interface: Interface
    _following: dict[str, Following] = attrs.field(factory=dict[str, Following], init=False)
    _waiting: anyio.CapacityLimiter | None = attrs.field(default=None, init=False)

    def tenant(self, name: str) -> ClientCalls:
        """See `Backend`."""
        if self._waiting is None:
            self._waiting = anyio.CapacityLimiter(_MOST_WAITING)
        following = self._following.setdefault(name, Following())
        return ClientCalls(attrs.evolve(self.client, tenant=name), self.catalog, following, self._waiting)

    async def check_ready(self) -> None:
        """See `Backend`."""
        try:
            await anyio.to_thread.run_sync(self.client.ping)
        except NotServed as error:
            raise Problem(503, "not_served", str(error)) from None


@attrs.frozen(eq=False)
class ClientCalls:
    """See `TenantCalls`."""

    client: Client
    catalog: Catalog
    following: Following
    waiting: anyio.CapacityLimiter

    @property
    def limits(self) -> Limits | None:
        """See `TenantCalls`; those of a tenant are known to the driver alone, which applies them when a text is published."""
        return None

    async def publish(self, text: str, *, name: str | None, author: str, comment: str) -> Version:
        """See `TenantCalls`."""
        return await _called(self.client.publish, text, name=name, author=author, comment=comment)

    async def flows(self) -> Collection[Version]:
        """See `TenantCalls`."""
        return await _called(self.client.flows)

    async def versions(self, flow: str) -> Collection[Version]:
        """See `TenantCalls`."""
        return await _called(self.client.versions, flow)

    async def diff(self, flow: str, before: int, after: int | None) -> VersionDiff:
        """See `TenantCalls`."""
        return await _called(self.client.diff, flow, before, after)

    async def schedules(self) -> Collection[DueSchedule]:
        """See `TenantCalls`."""
        return await _called(self.client.schedules)

    async def pause(self, flow: str) -> Version:
        """See `TenantCalls`."""
        return await _called(self.client.pause, flow)

    async def resume(self, flow: str) -> Version:
        """See `TenantCalls`."""
        return await _called(self.client.resume, flow)

    async def retire(self, flow: str) -> Version:
        """See `TenantCalls`."""
        return await _called(self.client.retire, flow)

    async def send(self, event: str, payload: object, *, id: str | None) -> Delivery:  # noqa: A002 - the word of the API
        """See `TenantCalls`."""
        return await _called(self.client.send, event, payload, id=id)

    async def webhook(self, name: str, headers: Mapping[str, str], body: bytes, *, is_own: bool) -> Delivery:
        """See `TenantCalls`."""
        return await _called(self.client.webhook, name, headers, body, is_own=is_own)

    async def start(self, flow: str, input: object, *, id: str | None, at: int | None) -> Outcome:  # noqa: A002 - likewise
        """See `TenantCalls`."""
        return await _called(self.client.start, flow, input, id=id, at=at)

    async def rerun(self, run: str, *, id: str | None, from_step: str | None) -> Outcome:  # noqa: A002 - likewise
        """See `TenantCalls`."""
        return await _called(self.client.rerun, run, id=id, from_step=from_step)

    async def plan_rerun(self, run: str, from_step: str) -> RerunPlan:
        """See `TenantCalls`."""
        return await _called(self.client.plan_rerun, run, from_step)

    async def requests(
        self, flow: str, *, stages: Collection[Stage], limit: int, before: tuple[int, int, str] | None
    ) -> Collection[RequestRow]:
        """See `TenantCalls`."""
        return await _called(self.client.requests, flow, stages=stages, limit=limit, before=before)

    async def withdraw(self, flow: str, request: str) -> Outcome:
        """See `TenantCalls`."""
        return await _called(self.client.withdraw, flow, request)

    async def cancel(self, flow: str) -> int:
        """See `TenantCalls`."""
        return await _called(self.client.cancel, flow)

    async def runs(self, *, unfinished: bool, limit: int, before: str | None, parent: str) -> Collection[RunRow]:
        """See `TenantCalls`."""

        def read(archive: Archive) -> list[RunRow]:
            if parent:
                self._row(archive, parent)
            older = None if before is None else RunId(before)
            return archive.runs(unfinished=unfinished, limit=limit, before=older, parent=parent, tenant=self.client.tenant)

        return await self._read(read)

    async def row(self, run: str) -> RunRow:
        """See `TenantCalls`."""
        return await self._read(lambda archive: self._row(archive, run))

    async def shown(self, run: str) -> tuple[Flow, RunResult]:
        """See `TenantCalls`."""

        def read(archive: Archive) -> tuple[Flow, RunResult]:
            flow, result = archive.result(self._row(archive, run).id)
            return flow, shown_result(result, redactor_for(flow, self.catalog))

        return await self._read(read)

    async def history(self, run: str) -> list[Record]:
        """See `TenantCalls`."""
        return await self._read(lambda archive: archive.history(self._row(archive, run).id))

    async def redacted(self, run: str, values: list[object]) -> list[object]:
        """See `TenantCalls`."""

        def read(archive: Archive) -> list[object]:
            flow, _ = archive.result(self._row(archive, run).id)
            redactor = redactor_for(flow, self.catalog)
            return [redactor.value(value) for value in values] if redactor.is_needed else values

        return await self._read(read)

    async def wait(self, run: str, seconds: float) -> None:
        """See `TenantCalls`."""
        row = await self.row(run)
        if row.status.is_terminal:
            return

        def wait() -> None:
            try:
                self.client.wait(run, seconds=seconds)
            except TimeoutError:
                return

        await anyio.to_thread.run_sync(wait, abandon_on_cancel=True, limiter=self.waiting)

    async def cancel_run(self, run: str) -> None:
        """See `TenantCalls`."""
        await _called(self.client.cancel_run, run)

    async def delete_run(self, run: str) -> None:
        """See `TenantCalls`."""
        await _called(self.client.delete_run, run)

    async def retry(self, run: str, steps: Collection[str], by: str) -> None:
        """See `TenantCalls`."""
        await _called(self.client.retry, run, steps=steps, by=by)

    async def skip(self, run: str, step: str, result: object, by: str) -> None:
        """See `TenantCalls`."""
        await _called(self.client.skip, run, step, result, by=by)

    async def resume_run(self, run: str) -> None:
        """See `TenantCalls`."""
        await _called(self.client.resume_run, run)

    async def changes(self, after: FeedPlace | None, seconds: float) -> Changes:
        """See `TenantCalls`."""
        if after is None:
            return await _called(self.client.changes, None, seconds=seconds)
        with anyio.move_on_after(seconds):
            async with self.following.lock:
                known = self.following.known(after)
                if known is not None:
                    return known
                # A little less, so that the driver answers before this one gives up.
                ask = partial(self.client.changes, after, seconds=seconds * _PART)
                answer = await anyio.to_thread.run_sync(ask, abandon_on_cancel=True, limiter=self.waiting)
                self.following.answers.append((after, answer))
                return answer
        return Changes(place=after)

    def _row(self, archive: Archive, run: str) -> RunRow:
        row = archive.row(RunId(run))
        if row is None or row.tenant != self.client.tenant:
            raise NotFound(f"no run {run[:80]}; `GET /runs` lists the runs")
        return row

    async def _read(self, read: Callable[[Archive], _Value]) -> _Value:
        def opened() -> _Value:
            with Archive.open(self.client.store) as archive:
                return read(archive)

        return await anyio.to_thread.run_sync(opened)


async def _called(function: Callable[..., _Value], /, *arguments: object, **options: object) -> _Value:
    return await anyio.to_thread.run_sync(partial(function, *arguments, **options))
