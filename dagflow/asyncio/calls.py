"""Calls from an asyncio loop into trio, which runs in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import Any, Final, TypeVar, cast

import attrs

from dagflow.actions.catalog import Catalog
from dagflow.actions.host_function import is_coroutine_function
from dagflow.app.service.sources import FlowSource, SourcedFlow
from dagflow.bridge import Bridge
from dagflow.drivers.local.asyncio_calls import call_on
from dagflow.errors import UsageError
from dagflow.execution.results import RunResult

_Value = TypeVar("_Value")
_END: Final = object()


@attrs.define(eq=False)
class Calls:
    """Calls from one asyncio loop into the bridge."""

    bridge: Bridge[Any]

    async def __call__(self, function: Callable[..., Awaitable[_Value]], /, *args: Any, **options: Any) -> _Value:
        """Call a function in trio and await its result."""
        loop = running_loop()
        future: asyncio.Future[_Value] = loop.create_future()

        def settle(value: _Value, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)

        def done(value: Any, error: BaseException | None) -> None:
            with suppress(RuntimeError):  # the loop is closed, so no caller waits
                loop.call_soon_threadsafe(settle, value, error)

        cancel = self.bridge.submit(partial(function, *args, **options), done)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            cancel()
            with suppress(Exception):
                await future
            raise


@asynccontextmanager
async def opened(make: Callable[[], AbstractAsyncContextManager[Any]]) -> AsyncGenerator[Calls]:
    """Keep a context manager open in trio while the block runs. Raises as it does."""
    bridge = Bridge(make)
    await asyncio.to_thread(bridge.start)
    try:
        yield Calls(bridge)
    finally:
        await asyncio.shield(asyncio.to_thread(bridge.close))


async def watch(calls: Calls, states: AsyncIterator[RunResult]) -> AsyncIterator[RunResult]:
    """Iterate over states in trio from asyncio."""

    async def step() -> object:
        return await anext(states, _END)

    while True:
        found = await calls(step)
        if not isinstance(found, RunResult):
            return
        yield found


def on_loop(catalog: Catalog) -> Catalog:
    """The catalog, with its async functions called on the event loop that runs here."""
    return catalog.on_loop(running_loop())


def source_on_loop(source: FlowSource | None) -> FlowSource | None:
    """The source, with its async function called on the event loop that runs here."""
    if source is None or not is_coroutine_function(source.flows):
        return source
    return _SourceOnLoop(source, running_loop())


@attrs.frozen
class _SourceOnLoop:
    source: FlowSource
    loop: asyncio.AbstractEventLoop

    async def flows(self, since: int | None) -> Iterable[SourcedFlow]:
        """See `FlowSource.flows`."""

        async def read() -> Iterable[SourcedFlow]:
            found = self.source.flows(since)
            return await found if isinstance(found, Awaitable) else found

        return cast("Iterable[SourcedFlow]", await call_on(self.loop, read))


def running_loop() -> asyncio.AbstractEventLoop:
    """The asyncio loop that runs here. Raises UsageError: none does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise UsageError(
            "`dagflow.asyncio` must be used inside a running asyncio event loop; use `dagflow` in trio, and `dagflow.blocking` without a loop"
        ) from None
