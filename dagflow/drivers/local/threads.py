"""Threads for plain functions of actions, which cannot be stopped: endless ones are counted, and use up no room."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

import attrs
import trio

from dagflow.drivers.local import run_logger


@attrs.define(eq=False)
class _Call:
    """A function in a thread, as both sides see it; the lock decides who was first."""

    lock: threading.Lock = attrs.field(factory=threading.Lock)
    is_begun: bool = False
    is_over: bool = False
    is_left: bool = False


@attrs.define(eq=False)
class Threads:
    """Runs blocking functions of actions, at most `limit` at once. One whose attempt is stopped is left behind in its thread.

    As long as that goes on, another thread takes its place; so at most `limit` others are lost to such functions before calls have to
    wait for room.

    Attributes:
        limit: how many calls there is room for.
        n_in_use: calls under way whose attempt is open.
        n_abandoned: functions that continue although their attempt was stopped.
    """

    limit: int
    n_in_use: int = 0
    n_abandoned: int = 0
    _n_extra: int = 0
    _limiter: trio.CapacityLimiter = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._limiter = trio.CapacityLimiter(self.limit)

    def __call__(self, function: Callable[[], object], /) -> Awaitable[object]:
        """Run it."""
        return self._run(function)

    @property
    def most_abandoned(self) -> int:
        """So many functions may go on for ever before there is less room for others."""
        return self.limit

    async def _run(self, function: Callable[[], object]) -> object:
        call, token = _Call(), trio.lowlevel.current_trio_token()

        def called() -> object:
            with call.lock:
                if call.is_left:
                    return None
                call.is_begun = True
            try:
                return function()
            finally:
                with call.lock:
                    call.is_over = True
                    is_left = call.is_left
                if is_left:
                    with suppress(trio.RunFinishedError):
                        token.run_sync_soon(self._came_back)

        self.n_in_use += 1
        try:
            return await trio.to_thread.run_sync(called, abandon_on_cancel=True, limiter=self._limiter)
        finally:
            self.n_in_use -= 1
            with call.lock:
                call.is_left = True
                is_abandoned = call.is_begun and not call.is_over
            if is_abandoned:
                self._abandon()

    def _abandon(self) -> None:
        self.n_abandoned += 1
        if self._n_extra < self.most_abandoned:
            self._n_extra += 1
            self._limiter.total_tokens += 1
        run_logger.thread_left_behind(self.n_abandoned, self.most_abandoned)

    def _came_back(self) -> None:
        self.n_abandoned -= 1
        if self._n_extra > self.n_abandoned:
            self._n_extra -= 1
            self._limiter.total_tokens -= 1
