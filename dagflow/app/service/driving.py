"""Drive a store in a process of its own, until a signal stops it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Unpack

import attrs
import trio

from dagflow.app.catalogs import ActionCatalog
from dagflow.app.exception_groups import sole
from dagflow.app.service.service import Service
from dagflow.app.service.service_options import ServiceOptions
from dagflow.errors import UsageError

_DRAIN_SECONDS: Final = 30.0


def drive(
    path: str | os.PathLike[str],
    *,
    catalog: ActionCatalog,
    ready: Callable[[], object] | None = None,
    **options: Unpack[ServiceOptions],
) -> None:
    """Drive the runs of a store until SIGTERM or Ctrl-C: the main function of a worker, or of a command of Django.

    The first signal drains: nothing new begins, and calls under way have `drain_seconds` to end, 30 by default. The second one stops them
    at once. Both lose nothing. If this raises, end the process with an error, so that its supervisor starts it again.

    Args:
        path, catalog: as of `Interpreter.open`.
        ready: called once this process drives the runs; with `takeover`, that may take as long as another process does. It must not block.
        options: as of `Service.open`, such as `source`, `webhooks` and `takeover`.

    Raises:
        StoreInUse: another process drives the store.
        StoreError: the store cannot be opened, or failed.
        UsageError: an option is invalid, an event loop runs here, or this is not the main thread, which alone receives signals.
    """
    if trio.lowlevel.in_trio_run():
        raise UsageError("`drive` must be called without an event loop; inside of one, use `Service.open`")
    if threading.current_thread() is not threading.main_thread():
        raise UsageError(
            "`drive` must be called in the main thread, which receives the signals; in others, use `dagflow.blocking.Service`"
        )
    seconds = options.setdefault("drain_seconds", _DRAIN_SECONDS)
    opened = Service.open(path, catalog=catalog, **options)
    try:
        trio.run(_Driving(opened, seconds, ready).until_stopped, restrict_keyboard_interrupt_to_checkpoints=True)
    except BaseExceptionGroup as group:
        only = sole(group)
        raise only from only.__cause__


@attrs.define(eq=False)
class _Driving:
    _opened: AbstractAsyncContextManager[Service]
    _seconds: float
    _ready: Callable[[], object] | None
    _is_open: bool = False
    _stop: trio.Event = attrs.field(factory=trio.Event)
    _draining: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    async def until_stopped(self) -> None:
        """Keep the service open until a signal comes."""
        # Heeded from the beginning: waiting for another process to stop may take days.
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._heed, signals, nursery.cancel_scope)
                async with self._opened as service:
                    self._is_open = True
                    if self._ready is not None:
                        self._ready()
                    await self._stop.wait()
                    with self._draining:
                        await service.interpreter.drain(self._seconds)
                nursery.cancel_scope.cancel()

    async def _heed(self, signals: AsyncIterator[int], everything: trio.CancelScope) -> None:
        await anext(signals)
        if not self._is_open:
            everything.cancel()
        self._stop.set()
        await anext(signals)
        self._draining.cancel()
