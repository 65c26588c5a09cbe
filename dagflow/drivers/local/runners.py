"""Everything that runs functions of actions outside of trio; see `dagflow.actions.runner`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs
import trio

from dagflow.drivers.local.asyncio_calls import AsyncioThread, call_on, held_on
from dagflow.drivers.local.processes import Processes
from dagflow.drivers.local.threads import Threads


@attrs.define(eq=False)
class Runners:
    """Threads, processes and an asyncio loop for at most `limit` calls at once.

    Attributes:
        threads: where plain functions run.
        processes: where plain functions run that can be killed; as many as the machine has processors.
    """

    limit: int
    threads: Threads = attrs.field(init=False)
    processes: Processes = attrs.field(init=False)
    _asyncio: AsyncioThread = attrs.field(factory=AsyncioThread)

    def __attrs_post_init__(self) -> None:
        self.threads = Threads(self.limit)
        self.processes = Processes(min(self.limit, os.cpu_count() or 1))

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Stop the processes and the loop when the block is left."""
        try:
            yield
        finally:
            with trio.CancelScope(shield=True):
                await self.processes.close()
                await self._asyncio.close()

    def in_thread(self, function: Callable[[], object], /) -> Awaitable[object]:
        """See `Runner.in_thread`."""
        return self.threads(function)

    def in_process(self, function: Callable[[], object], /) -> Awaitable[object]:
        """See `Runner.in_process`."""
        return self.processes.run(function)

    async def on_asyncio(self, function: Callable[[], Awaitable[object]], loop: asyncio.AbstractEventLoop | None, /) -> object:
        """See `Runner.on_asyncio`."""
        return await call_on(loop or await self._asyncio.loop(), function)

    @asynccontextmanager
    async def held_on_asyncio(
        self, manager: Callable[[], AbstractAsyncContextManager[Any]], loop: asyncio.AbstractEventLoop | None, /
    ) -> AsyncGenerator[Any]:
        """See `Runner.held_on_asyncio`."""
        async with held_on(loop or await self._asyncio.loop(), manager) as value:
            yield value
