"""The interface that the application calls: a service in the same trio loop, or a client of the process that drives the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from dagflow.admission.requests import Stage
from dagflow.app.outcomes import Changes, Delivery, DueSchedule, FeedPlace, Outcome, Version
from dagflow.app.rerunning import RerunPlan
from dagflow.app.service.version_diff import VersionDiff
from dagflow.execution.results import RunResult
from dagflow.lang.limits import Limits
from dagflow.model.action import Interface
from dagflow.model.flow import Flow
from dagflow.store.api import Record, RunRow
from dagflow.store.service_rows import RequestRow


class TenantCalls(Protocol):
    """The calls for one tenant. Ids are looked up among those of the tenant; each call raises as that of `Service`."""

    @property
    def limits(self) -> Limits | None:
        """The limits for texts of this tenant; None for those of the language."""
        ...

    async def publish(self, text: str, *, name: str | None, author: str, comment: str) -> Version:
        """As of `Service`."""
        ...

    async def flows(self) -> Collection[Version]:
        """As of `Service`."""
        ...

    async def versions(self, flow: str) -> Collection[Version]:
        """As of `Service`."""
        ...

    async def diff(self, flow: str, before: int, after: int | None) -> VersionDiff:
        """As of `Service`."""
        ...

    async def schedules(self) -> Collection[DueSchedule]:
        """As of `Service`."""
        ...

    async def pause(self, flow: str) -> Version:
        """As of `Service`."""
        ...

    async def resume(self, flow: str) -> Version:
        """As of `Service`."""
        ...

    async def retire(self, flow: str) -> Version:
        """As of `Service`."""
        ...

    async def send(self, event: str, payload: object, *, id: str | None) -> Delivery:  # noqa: A002 - the word of the API
        """As of `Service`."""
        ...

    async def webhook(self, name: str, headers: Mapping[str, str], body: bytes, *, is_own: bool) -> Delivery:
        """As of `Service`."""
        ...

    async def start(self, flow: str, input: object, *, id: str | None, at: int | None) -> Outcome:  # noqa: A002 - likewise
        """As of `Service`."""
        ...

    async def rerun(self, run: str, *, id: str | None, from_step: str | None) -> Outcome:  # noqa: A002 - likewise
        """As of `Service`."""
        ...

    async def plan_rerun(self, run: str, from_step: str) -> RerunPlan:
        """As of `Service`."""
        ...

    async def requests(
        self, flow: str, *, stages: Collection[Stage], limit: int, before: tuple[int, int, str] | None
    ) -> Collection[RequestRow]:
        """As of `Service`."""
        ...

    async def withdraw(self, flow: str, request: str) -> Outcome:
        """As of `Service`."""
        ...

    async def cancel(self, flow: str) -> int:
        """As of `Service`."""
        ...

    async def runs(self, *, unfinished: bool, limit: int, before: str | None, parent: str) -> Collection[RunRow]:
        """As of `Service`."""
        ...

    async def row(self, run: str) -> RunRow:
        """Return the row of a run. Raises NotFound."""
        ...

    async def shown(self, run: str) -> tuple[Flow, RunResult]:
        """Return how a run stands and its flow, without contents of secrets. Raises NotFound."""
        ...

    async def history(self, run: str) -> list[Record]:
        """As of `Service`."""
        ...

    async def redacted(self, run: str, values: list[object]) -> list[object]:
        """Return JSON values of a run without contents of secrets."""
        ...

    async def wait(self, run: str, seconds: float) -> None:
        """Return once the run has ended, or the time is over. Raises NotFound."""
        ...

    async def cancel_run(self, run: str) -> None:
        """As of `Service`."""
        ...

    async def delete_run(self, run: str) -> None:
        """As of `Service`."""
        ...

    async def retry(self, run: str, steps: Collection[str], by: str) -> None:
        """As of `Service`."""
        ...

    async def skip(self, run: str, step: str, result: object, by: str) -> None:
        """As of `Service`."""
        ...

    async def resume_run(self, run: str) -> None:
        """Try a blocked run again."""
        ...

    async def changes(self, after: FeedPlace | None, seconds: float) -> Changes:
        """As of `Service`."""
        ...


class Backend(Protocol):
    """The calls for all tenants."""

    @property
    def interface(self) -> Interface:
        """The declarations of the host for flows, as they were when the application was made."""
        ...

    def tenant(self, name: str) -> TenantCalls:
        """Return the calls for a tenant. Raises UsageError: the host has no such tenant."""
        ...

    async def check_ready(self) -> None:
        """Raises Problem: runs cannot begin at the moment."""
        ...
