"""SIGTERM and Ctrl-C: the first one drains, the second one ends at once."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import trio

from dagflow.app.interpreter import Interpreter

_NAMES: Final = {signal.SIGTERM: "SIGTERM", signal.SIGINT: "Ctrl-C"}
#: Time that the first signal leaves to calls under way.
DRAIN_SECONDS: Final = 30.0
#: Time before the command reports that it waits.
_SILENT_SECONDS: Final = 0.2


async def until_stopped(
    interpreter: Interpreter,
    body: Callable[[Interpreter], Awaitable[int]],
    announce: Callable[[str], None] | None = None,
) -> tuple[int | None, int]:
    """Run the body until it ends or a signal stops it. Returns the number of that signal or None, and the result of the body.

    `announce` writes that calls are under way; without it a line on standard error does.
    """
    code, stopped_by = 0, None

    async def heed(task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        nonlocal stopped_by
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            task_status.started()
            stopped_by = await anext(signals)
            async with trio.open_nursery() as draining:
                draining.start_soon(_hurry, signals, draining.cancel_scope)
                await _drain(interpreter, _NAMES[signal.Signals(stopped_by)], announce or _print)
                draining.cancel_scope.cancel()
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        if threading.current_thread() is threading.main_thread():  # Python delivers signals to no other thread
            await nursery.start(heed)
        code = await body(interpreter)
        nursery.cancel_scope.cancel()
    return stopped_by, code


def _print(text: str) -> None:
    print(text, file=sys.stderr)


async def _drain(interpreter: Interpreter, name: str, announce: Callable[[str], None]) -> None:
    if not await interpreter.drain(_SILENT_SECONDS):
        announce(f"\nstopping: calls under way have {DRAIN_SECONDS:g} s to end; {name} again stops at once")
        await interpreter.drain(DRAIN_SECONDS)


async def _hurry(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    await anext(signals)
    scope.cancel()
