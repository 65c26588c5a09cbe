"""Calls from any thread into trio, which runs in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial
from typing import Any, Final, TypeVar

import attrs

from dagflow.bridge import Bridge
from dagflow.errors import UsageError
from dagflow.execution.results import RunResult

_Value = TypeVar("_Value")
_END: Final = object()


@attrs.define(eq=False)
class Calls:
    """Calls from any thread into the bridge."""

    bridge: Bridge[Any]
    process: int

    def __call__(self, function: Callable[..., Awaitable[_Value]], /, *args: Any, **options: Any) -> _Value:
        """Call a function in trio and wait for its result."""
        _refuse_loops()
        if os.getpid() != self.process:
            raise UsageError("the interpreter was opened before this process was forked; open it in the process that uses it")
        is_done, found = threading.Event(), list[tuple[Any, BaseException | None]]()

        def done(value: Any, error: BaseException | None) -> None:
            found.append((value, error))
            is_done.set()

        cancel = self.bridge.submit(partial(function, *args, **options), done)
        try:
            is_done.wait()
        except BaseException:  # such as KeyboardInterrupt
            cancel()
            raise
        value, error = found[0]
        if error is not None:
            raise error
        result: _Value = value
        return result


@contextmanager
def opened(make: Callable[[], AbstractAsyncContextManager[Any]]) -> Generator[Calls]:
    """Keep a context manager open in trio while the block runs. Raises as it does, and UsageError in an event loop."""
    _refuse_loops()
    bridge = Bridge(make)
    bridge.start()
    try:
        yield Calls(bridge, os.getpid())
    finally:
        bridge.close()


def _refuse_loops() -> None:
    """Raises UsageError: waiting here would stop an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError("`dagflow.blocking` would stop the event loop that runs here; use `dagflow.asyncio`")


def watch(calls: Calls, states: AsyncIterator[RunResult]) -> Iterator[RunResult]:
    """Iterate over states in trio from this thread."""

    async def step() -> object:
        return await anext(states, _END)

    while isinstance(found := calls(step), RunResult):
        yield found
