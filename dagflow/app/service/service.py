"""The live service: publishes flows of tenants, and starts their runs when a trigger fires."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, Unpack

import attrs
import trio

from dagflow.app.catalogs import ActionCatalog
from dagflow.app.control.server import listening
from dagflow.app.entry_checks import check_in_trio, checked_text
from dagflow.app.exception_groups import sole
from dagflow.app.interpreter import Interpreter
from dagflow.app.open_options import DrivingOptions
from dagflow.app.service.calls import service_calls
from dagflow.app.service.gates import Gates
from dagflow.app.service.opening import catch_up
from dagflow.app.service.policies import Policies, PolicySource, TenantCatalog
from dagflow.app.service.retention import check_kept, keep_for
from dagflow.app.service.routing import Router
from dagflow.app.service.sources import FlowSource, Refresh, Sourcing, check_seconds
from dagflow.app.service.tenant import Tenant
from dagflow.app.service.tenant_runs import Parts
from dagflow.app.store_opening import opened as open_when_free
from dagflow.clock import Clock, SystemClock
from dagflow.errors import UsageError
from dagflow.store.api import Store
from dagflow.webhooks import Scheme

#: How long opening waits for the first look at the source.
_FIRST_LOOK_SECONDS: Final = 10.0


@attrs.define(eq=False)
class Service(Tenant):
    """Published flows, and the runs that start by themselves; made by `Service.open`.

    A service is the tenant "", for hosts that have no tenants; `tenant` returns the others, and none of them is "".
    """

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: str | os.PathLike[str],
        *,
        catalog: ActionCatalog,
        clock: Clock | None = None,
        store: Store | None = None,
        webhooks: Mapping[str, Scheme] | None = None,
        is_reachable: bool = True,
        takeover: bool = False,
        policies: PolicySource | None = None,
        source: FlowSource | None = None,
        refresh_seconds: float | None = 60.0,
        keep_seconds: float | None = None,
        **options: Unpack[DrivingOptions],
    ) -> AsyncGenerator[Service]:
        """Open a store, resume its runs, its requests and missed events, and serve until the block is left.

        Args:
            path, catalog, clock, store, takeover: as of `Interpreter.open`.
            webhooks: who signs each webhook that is accepted, by its name; see `dagflow.webhooks`.
            is_reachable: as of `Interpreter.open`.
            policies: the permissions of tenants, by name, as a mapping or a function; a tenant without one does not exist. By default every
                tenant may do all that the catalog offers, with the secrets of the catalog.
            source: where flows come from, beside those that are published here.
            refresh_seconds: the pause between two looks at the source; None leaves it to `refresh`. The block begins after the first look,
                unless that fails or takes more than ten seconds.
            keep_seconds: how long runs and requests are kept once they have ended, and events; None keeps them all.
            options: the others of `Interpreter.open`.

        Raises:
            StoreError: the store cannot be opened, or failed while it was open; `StoreInUse`: another process drives it.
            UsageError: as `Interpreter.open`.
        """
        check_in_trio()
        check_seconds(refresh_seconds)
        check_kept(keep_seconds)
        governed, clock = Policies(policies), clock or SystemClock()
        catalog = catalog if policies is None else TenantCatalog(catalog, governed)
        opened = store if store is not None else await open_when_free(path, takeover=takeover)
        place = path if is_reachable and store is None and opened.is_durable else None
        try:
            async with Interpreter.open(path, catalog=catalog, clock=clock, store=opened, **options) as interpreter:
                driver, loader, starter = interpreter.parts
                router = Router(Gates(opened, clock, driver, loader, starter, interpreter.cancel_soon))
                driver.attach(router)
                parts = Parts(interpreter, catalog, opened, clock, router, webhooks or {}, governed)
                service = cls("", parts, None if source is None else Sourcing(source, parts))
                await catch_up(router, opened)
                calls = service_calls(service, service.tenant, interpreter)
                answering, has_looked = listening(place, opened, calls, lambda: service.is_draining), trio.Event()
                try:
                    async with _beside(service._jobs(refresh_seconds, keep_seconds, has_looked), has_looked), answering:
                        yield service
                finally:
                    router.is_closing = True
                    driver.look_up()
        finally:
            # If an option is refused, the interpreter has not taken the store over.
            opened.close()

    _sourcing: Sourcing | None = None

    def _jobs(
        self, refresh_seconds: float | None, keep_seconds: float | None, has_looked: trio.Event
    ) -> list[Callable[[], Awaitable[None]]]:
        """The work that is done beside the runs. `has_looked` is set once the source was looked at, or at once if it is not."""
        jobs: list[Callable[[], Awaitable[None]]] = []
        if self._sourcing is not None and refresh_seconds is not None:
            jobs.append(partial(self._sourcing.poll, refresh_seconds, has_looked))
        else:
            has_looked.set()
        if keep_seconds is not None:
            jobs.append(partial(keep_for, self.interpreter, self._parts.clock, keep_seconds))
        return jobs

    async def refresh(self) -> Refresh:
        """Read the source of flows now, and publish the flows that have changed; a flow with an error stops no other.

        Raises:
            UsageError: the service was opened without a source.
            StoreError: the store failed.
            Exception: the source failed; its own exception.
        """
        if self._sourcing is None:
            raise UsageError("there is no source to read; give `source` to `Service.open`")
        return await self._sourcing.refresh()

    @property
    def source_problems(self) -> dict[tuple[str, str], str]:
        """By tenant and name, the flows of the source that are not published as they are there, and why."""
        return {} if self._sourcing is None else dict(self._sourcing.problems)

    @property
    def interpreter(self) -> Interpreter:
        """Drives the runs of all tenants; for looking at them, and for everything about one of them."""
        return self._parts.interpreter

    def tenant(self, name: str) -> Tenant:
        """Return a tenant, which exists as soon as it is named.

        Args:
            name: of the tenant, as the host's credentials have it; 1 to 200 characters.

        Raises:
            UsageError: the name is no such text, or the host has no policy for this tenant. An empty name is refused, so that a missing
                one never stands for the tenant "".
        """
        self._parts.policies.of(checked_text(name, "the name of a tenant"))
        return Tenant(name, self._parts)

    @property
    def is_draining(self) -> bool:
        """Whether nothing begins any more."""
        return self.interpreter.parts[0].is_draining


@asynccontextmanager
async def _beside(jobs: Sequence[Callable[[], Awaitable[None]]], has_looked: trio.Event) -> AsyncGenerator[None]:
    """Do these jobs while the block runs.

    The block begins once the source was looked at, so that a client that comes at once finds its flows; a source that does not answer delays
    it by ten seconds.
    """
    try:
        async with trio.open_nursery() as nursery:
            for job in jobs:
                nursery.start_soon(job)
            with trio.move_on_after(_FIRST_LOOK_SECONDS):
                await has_looked.wait()
            yield
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        only = sole(group)
        raise only from only.__cause__
