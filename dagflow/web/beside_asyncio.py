"""Calls of a service that an asyncio program holds: each crosses into the thread in which the service runs."""

from __future__ import annotations

import inspect
from functools import partial
from typing import cast

import attrs

from dagflow.app.service.service import Service
from dagflow.asyncio.calls import Calls
from dagflow.model.action import Interface
from dagflow.web.backend import TenantCalls
from dagflow.web.beside_service import ServiceBackend, ServiceCalls


@attrs.frozen(eq=False)
class AsyncioBackend:
    """See `Backend`."""

    service: Service
    interface: Interface
    calls: Calls

    def tenant(self, name: str) -> TenantCalls:
        """See `Backend`."""
        inner = ServiceCalls(self.service.tenant(name) if name else self.service)
        return cast("TenantCalls", _Crossing(inner, self.calls))

    async def check_ready(self) -> None:
        """See `Backend`."""
        await ServiceBackend(self.service, self.interface).check_ready()


@attrs.frozen(eq=False)
class _Crossing:
    """The same calls as of `inner`, made in the thread of the service."""

    inner: ServiceCalls
    calls: Calls

    def __getattr__(self, name: str) -> object:
        found: object = getattr(self.inner, name)
        return partial(self.calls, found) if inspect.iscoroutinefunction(found) else found
