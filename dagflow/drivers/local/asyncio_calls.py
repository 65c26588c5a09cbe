"""Async functions of actions on an asyncio loop: that of the host, or one in a thread that the interpreter owns."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final

import attrs
import trio

#: How long closing waits for a host's functions in the loop's thread, which may ignore their cancellation.
_CLOSING_SECONDS: Final = 10.0


async def call_on(loop: asyncio.AbstractEventLoop, function: Callable[[], Awaitable[object]]) -> object:
    """Run an async function as a task of an asyncio loop in another thread, with the caller's context variables.

    If the call is cancelled, so is the task; a task that ends with a result all the same returns that.
    """
    call = _LoopCall(function)
    loop.call_soon_threadsafe(call.begin, loop)
    try:
        await call.is_over.wait()
    except trio.Cancelled:
        loop.call_soon_threadsafe(call.cancel)
        with trio.CancelScope(shield=True):
            await call.is_over.wait()
        if call.was_cancelled:
            raise
    if call.was_cancelled:
        # A library that the action uses cancelled its task: one more way to fail.
        raise asyncio.CancelledError("the task of the action was cancelled from within")
    if call.error is not None:
        raise call.error
    return call.value


@attrs.define(eq=False)
class _LoopCall:
    """A call as both threads see it."""

    _function: Callable[[], Awaitable[object]]
    value: object = None
    error: BaseException | None = None
    was_cancelled: bool = False
    is_over: trio.Event = attrs.field(factory=trio.Event)
    _token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)
    _context: contextvars.Context = attrs.field(factory=contextvars.copy_context)
    _task: asyncio.Task[None] | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Create the task. In the loop's thread, as everything below."""
        self._task = loop.create_task(self._carry_out(), context=self._context)
        self._task.add_done_callback(self._end)

    def cancel(self) -> None:
        """Cancel the task."""
        if self._task is not None:
            self._task.cancel()

    async def _carry_out(self) -> None:
        try:
            self.value = await self._function()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - a SystemExit of an action must not end the host's loop
            self.error = error

    def _end(self, task: asyncio.Task[None]) -> None:
        self.was_cancelled = task.cancelled()
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self.is_over.set)


@asynccontextmanager
async def held_on(
    loop: asyncio.AbstractEventLoop, manager: Callable[[], AbstractAsyncContextManager[Any]]
) -> AsyncGenerator[Any]:
    """Keep an async context manager open on an asyncio loop in another thread. One task enters and leaves it."""
    token, is_open = trio.lowlevel.current_trio_token(), trio.Event()
    opened: list[tuple[Any, asyncio.Event]] = []

    async def hold() -> None:
        stop = asyncio.Event()
        async with manager() as value:
            opened.append((value, stop))
            token.run_sync_soon(is_open.set)
            await stop.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call_on, loop, hold)
        await is_open.wait()
        value, stop = opened[0]
        try:
            yield value
        finally:
            loop.call_soon_threadsafe(stop.set)


@attrs.define(eq=False)
class AsyncioThread:
    """An asyncio loop in a thread of its own, begun when it is first needed."""

    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _stop: asyncio.Event | None = None

    async def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, which runs."""
        if self._loop is None:
            is_running = threading.Event()
            self._thread = threading.Thread(target=self._run, args=(is_running,), name="dagflow asyncio", daemon=True)
            self._thread.start()
            # A few milliseconds at most, once: waiting in place keeps two callers from starting two threads.
            is_running.wait()
        if self._loop is None:  # pragma: no cover - the thread sets it before it says that it runs
            raise RuntimeError("the asyncio loop did not start")
        return self._loop

    def _run(self, is_running: threading.Event) -> None:
        async def main() -> None:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            is_running.set()
            await self._stop.wait()

        # Cancels the tasks that are left, and waits for threads of the loop.
        asyncio.run(main())

    async def close(self) -> None:
        """End the loop and its thread, if they have begun."""
        if self._loop is None or self._thread is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        await trio.to_thread.run_sync(self._thread.join, _CLOSING_SECONDS)
        self._loop = self._thread = self._stop = None
