"""Drain: begin no new work, wait for the work under way, then close."""

from __future__ import annotations

import logging
from typing import Final

import attrs
import trio

from dagflow.drivers.local.driver import LocalDriver
from dagflow.errors import UsageError

_log: Final = logging.getLogger("dagflow.interpreter")


@attrs.define(eq=False)
class Draining:
    """How an interpreter stops.

    Attributes:
        seconds: how long leaving the block waits for calls that must not be repeated.
    """

    _driver: LocalDriver
    seconds: float
    #: Around the driver, so that a cancellation from outside leaves it time to drain.
    _scope: trio.CancelScope = attrs.field(factory=lambda: trio.CancelScope(shield=True))

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Drive runs until `finish`."""
        with self._scope:
            await self._driver.serve(task_status=task_status)

    async def drain(self, seconds: float, *, is_all: bool = True) -> bool:
        """Begin no new work; wait up to `seconds` for the work under way, at most until the block is left. Return whether it is over."""
        self.seconds = 0
        with trio.move_on_after(seconds) as waiting:
            await self._driver.drain(is_all=is_all)
        return not waiting.cancelled_caught

    async def finish(self, *, is_kept: bool) -> None:
        """The block is left: drain, if the store is durable, and stop the driver."""
        try:
            seconds = self.seconds
            if is_kept and seconds > 0 and self._driver.error is None:
                is_over = False
                with trio.CancelScope(shield=True):
                    is_over = await self.drain(seconds, is_all=False)
                if not is_over:
                    _log.warning("effectful calls were still under way after %g s; their outcome is unknown", seconds)
        finally:
            self._scope.cancel()


def checked_seconds(seconds: object, what: str) -> float:
    """A time to wait. Raises UsageError: it is no number of 0 or more."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise UsageError(f"{what} must be seconds, 0 or more; got {seconds!r:.40}")
    return float(seconds)
