"""The places where functions of a host run, and the interface of the object that runs them there."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class RunsOn(enum.StrEnum):
    """The places where functions run."""

    #: In trio's event loop, where the interpreter is.
    TRIO = "trio"
    #: In an asyncio event loop: that of the host, or one in a thread that the interpreter owns.
    ASYNCIO = "asyncio"
    #: In a worker thread.
    THREAD = "thread"
    #: In a worker process, which is killed when the call is stopped.
    PROCESS = "process"

    @property
    def is_loop(self) -> bool:
        """Whether functions there are `async`."""
        return self is RunsOn.TRIO or self is RunsOn.ASYNCIO


class Runner(Protocol):
    """Runs functions elsewhere than in trio's event loop; each call returns or raises the outcome of its function."""

    def in_thread(self, function: Callable[[], object], /) -> Awaitable[object]:
        """Run a blocking function in a thread. A cancelled call leaves the thread behind."""
        ...

    def in_process(self, function: Callable[[], object], /) -> Awaitable[object]:
        """Run a blocking function, which must be picklable, in a process. A cancelled call kills the process."""
        ...

    def on_asyncio(
        self, function: Callable[[], Awaitable[object]], loop: asyncio.AbstractEventLoop | None, /
    ) -> Awaitable[object]:
        """Run an async function in an asyncio loop; None is a loop in a thread of the runner. A cancelled call cancels its task."""
        ...

    def held_on_asyncio(
        self, manager: Callable[[], AbstractAsyncContextManager[Any]], loop: asyncio.AbstractEventLoop | None, /
    ) -> AbstractAsyncContextManager[Any]:
        """Keep an async context manager open in an asyncio loop, in one task."""
        ...
