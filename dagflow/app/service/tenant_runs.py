"""The runs of one tenant, each looked up among those of the tenant alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial

import attrs
import trio

from dagflow.actions.secrets import Redactor
from dagflow.app.catalogs import ActionCatalog, Redacts
from dagflow.app.entry_checks import checked_run, checked_text
from dagflow.app.interpreter import Interpreter
from dagflow.app.outcomes import Changes, FeedPlace
from dagflow.app.redaction import secrets_of
from dagflow.app.rerunning import RerunPlan, planned
from dagflow.app.run_handle import Run
from dagflow.app.service.policies import Policies
from dagflow.app.service.routing import Router
from dagflow.app.stored_runs import read_start
from dagflow.clock import Clock
from dagflow.errors import NotFound
from dagflow.execution.instance import RunInstance
from dagflow.execution.results import RunResult
from dagflow.ids import FlowDigest, RunId
from dagflow.lang.limits import Limits
from dagflow.model.action import Interface
from dagflow.model.flow import Flow
from dagflow.store.api import Record, RunRow, Store
from dagflow.webhooks import Scheme


@attrs.define(eq=False)
class Parts:
    """What all tenants of a service share. `publishing`: held while a flow changes."""

    interpreter: Interpreter
    catalog: ActionCatalog
    store: Store
    clock: Clock
    router: Router
    webhooks: Mapping[str, Scheme]
    policies: Policies
    publishing: trio.Lock = attrs.field(factory=trio.Lock)


@attrs.define(eq=False)
class TenantRuns:
    """The part of a `Tenant` about its runs.

    Attributes:
        name: of the tenant.
    """

    name: str
    _parts: Parts

    @property
    def interface(self) -> Interface:
        """What the catalog declares for flows."""
        return self._parts.catalog.interface

    @property
    def compiler_limits(self) -> Limits | None:
        """The limits for texts of the tenant; None for those of the language."""
        return self._parts.policies.compiler_limits(self.name)

    async def runs(
        self, *, unfinished: bool = False, limit: int = 100, before: RunId | None = None, parent: str = ""
    ) -> list[RunRow]:
        """Return the runs of the tenant, the newest first, as `Interpreter.runs` does. Raises UsageError, StoreError."""
        if parent:
            await self._row(parent)
        return await self._parts.interpreter.runs(
            unfinished=unfinished, limit=limit, before=before, parent=parent, tenant=self.name
        )

    async def find_run(self, run_id: str) -> RunRow | None:
        """The row of a run; None if the tenant has none of that id. Raises UsageError: no run has such an id; StoreError."""
        row = await trio.to_thread.run_sync(self._parts.store.run, checked_run(run_id))
        return row if row is not None and row.tenant == self.name else None

    async def get_run(self, run_id: str) -> Run:
        """Return the handle of a run, which may have ended. Raises UsageError: there is no such run, or it cannot go on; StoreError."""
        return await self._parts.interpreter.get_run((await self._row(run_id)).id)

    async def result(self, run_id: str) -> RunResult:
        """How a run stands, or how it ended, from the store. Raises UsageError: there is no such run; StoreError."""
        return await self._parts.interpreter.result((await self._row(run_id)).id)

    async def history(self, run_id: str) -> list[Record]:
        """Return the events of a run's history, in order. Raises UsageError: there is no such run; StoreError."""
        return await self._parts.interpreter.history((await self._row(run_id)).id)

    async def cancel_run(self, run_id: str) -> RunResult:
        """Cancel a run and wait until it has ended. Raises as `Interpreter.cancel`."""
        return await self._parts.interpreter.cancel((await self._row(run_id)).id)

    async def delete_run(self, run_id: str) -> None:
        """Delete a run that has ended. Raises as `Interpreter.delete`."""
        await self._parts.interpreter.delete((await self._row(run_id)).id)

    async def retry(self, run_id: str, *, steps: Collection[str] = (), by: str = "") -> Run:
        """Go on with a run that failed, beside all others: it does not count again for settings such as `concurrency`, and `cancel` of its flow leaves it.

        Args and exceptions as of `Interpreter.retry`.
        """
        return await self._parts.interpreter.retry((await self._row(run_id)).id, steps=steps, by=by)

    async def skip(self, run_id: str, step: str, result: object = None, *, by: str = "") -> Run:
        """Give a step its result, as `Interpreter.skip` does; a run that failed goes on by that, as `retry` says."""
        return await self._parts.interpreter.skip((await self._row(run_id)).id, step, result, by=by)

    async def flow_of(self, run_id: str) -> Flow:
        """The flow that a run is pinned to. Raises UsageError: there is no such run; StoreError."""
        return await self._load((await self._row(run_id)).digest)

    async def changes(self, after: FeedPlace | None = None, *, seconds: float = 30.0) -> Changes:
        """Follow the runs of the tenant: wait for the changes behind a place.

        Args:
            after: `place` of the last answer; None to begin now, which returns at once and without changes.
            seconds: how long to wait at most; then there are no changes.
        """
        return await self._parts.router.feed.changes(self.name, after, seconds)

    def redactor(self, flow: Flow) -> Redactor:
        """Return the redactor for the secrets of a flow, as far as the catalog and the policy of the tenant know their contents."""
        names, catalog = secrets_of(flow), self._parts.catalog
        redactor = catalog.redactor(names) if isinstance(catalog, Redacts) else Redactor()
        for name in names:
            content = (self._parts.policies.of(self.name).secrets or {}).get(name, "")
            with suppress(Exception):  # a host's source may fail, and then no output has its content
                redactor.add(name, content if isinstance(content, str) else content())
        return redactor

    async def _row(self, run_id: str) -> RunRow:
        row = await self.find_run(run_id)
        if row is None:
            raise NotFound(f"no run {run_id}; `runs()` lists the runs")
        return row

    async def _load(self, digest: FlowDigest) -> Flow:
        _, loader, _ = self._parts.interpreter.parts
        return (await trio.to_thread.run_sync(loader.programs.load, self._parts.store, digest)).program.flow

    async def _earlier(self, run_id: str) -> RunInstance:
        """A run with the flow and the input that it began with. Raises UsageError: there is none, or it is a child run; StoreError."""
        _, loader, _ = self._parts.interpreter.parts
        read = partial(read_start, self._parts.store, loader.programs, (await self._row(run_id)).id)
        return (await trio.to_thread.run_sync(read))[1]

    async def _planned(self, earlier: RunInstance, digest: FlowDigest, step: str) -> RerunPlan:
        """The plan of a rerun from a step by the version of that digest. Raises as `rerunning.planned`; StoreError."""
        _, loader, _ = self._parts.interpreter.parts
        step = checked_text(step, "the id of a step")

        def read() -> RerunPlan:
            return planned(loader.programs.load(self._parts.store, digest).program, earlier, step)[1]

        return await trio.to_thread.run_sync(read)
