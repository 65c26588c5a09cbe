"""The resources of an interpreter for its host: threads, processes and loops for functions, and the lifespan of the catalog."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext

from dagflow.actions.performer import HasLifespan
from dagflow.app.exception_groups import sole
from dagflow.drivers.local.runners import Runners
from dagflow.execution.performer import Performer
from dagflow.store.api import Store


@asynccontextmanager
async def host_lifespan(performer: Performer, runners: Runners, store: Store) -> AsyncGenerator[None]:
    """Around the driver: the host's objects are there before the first call, and go after the last. The store is closed in any case.

    Raises:
        UsageError: an action asks for an object that the host does not provide.
        Exception: the lifespan raised; its own exception.
    """
    try:
        async with runners.open(), performer.open() if isinstance(performer, HasLifespan) else nullcontext():
            yield
    except BaseExceptionGroup as group:
        only = sole(group)
        raise only from only.__cause__
    finally:
        store.close()
