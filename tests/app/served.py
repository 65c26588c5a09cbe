"""A service, or an interpreter, in a thread of this process: for tests of those that call it from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import trio

import dagflow
from dagflow import Catalog, Interpreter, Service

_Value = TypeVar("_Value")


class Served:
    """Drives the runs of a store until the block is left."""

    def __init__(self, store: Path | str, *, catalog: Catalog | None = None, is_service: bool = True, **options: Any) -> None:
        self.store = store
        self._options = options
        self._catalog = catalog or Catalog.builtin()
        self._is_service = is_service
        self._thread = threading.Thread(target=lambda: trio.run(self._main))
        self._is_open = threading.Event()
        self._token: trio.lowlevel.TrioToken
        self._leave: trio.Event
        self.interpreter: Interpreter

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_open.wait(30)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._token.run_sync_soon(self._leave.set)
        self._thread.join(30)
        assert not self._thread.is_alive()

    async def _main(self) -> None:
        self._token, self._leave = trio.lowlevel.current_trio_token(), trio.Event()
        if self._is_service:
            async with Service.open(self.store, catalog=self._catalog, drain_seconds=0, **self._options) as service:
                await self._serve(service.interpreter)
        else:
            async with Interpreter.open(self.store, catalog=self._catalog, drain_seconds=0) as interpreter:
                await self._serve(interpreter)

    async def _serve(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self._is_open.set()
        await self._leave.wait()

    def call(self, function: Callable[[], _Value]) -> _Value:
        """Call a function in the thread of the service."""

        async def go() -> _Value:
            return function()

        return trio.from_thread.run(go, trio_token=self._token)

    def start(self, text: str, flow: str, value: Mapping[str, object]) -> str:
        """Start a run without a client; returns its id."""

        async def go() -> str:
            return (await self.interpreter.start(dagflow.compile(text, catalog=self._catalog).unwrap(flow), value)).id

        return trio.from_thread.run(go, trio_token=self._token)

    @property
    def n_waiting(self) -> int:
        """How many calls of clients are under way."""
        return self.call(lambda: sum(name in task.name for task in _tasks() for name in ("_run_handler", "RowServer._perform")))

    def until(self, holds: Callable[[], bool]) -> None:
        """Look again until something holds; each look waits for the service's thread."""
        while not holds():
            pass


def _tasks() -> list[trio.lowlevel.Task]:
    root = trio.lowlevel.current_root_task()
    found = [] if root is None else [root]
    for task in found:
        for nursery in task.child_nurseries:
            found += nursery.child_tasks
    return found
