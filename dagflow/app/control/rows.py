"""Answer the calls that clients leave in the inbox of a store, as long as this process drives it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs
import orjson
import trio

from dagflow.app.control.messages import ABANDONED, REPEATABLE, Call
from dagflow.app.control.performing import Handler, line_of, performed
from dagflow.clock import stopwatch
from dagflow.errors import DagflowError, NotServed, StoreError, UsageError, WriteRefused
from dagflow.model.typeguards import is_object
from dagflow.store.inbox import AskedCall, Inbox

#: The pause between two looks, where no notification comes; and after the server failed.
_LOOK_SECONDS: Final = 2.0
_FAILED_SECONDS: Final = 0.5
#: How often calls are removed whose client is gone.
_CLEAN_SECONDS: Final = 10.0
_logger = logging.getLogger("dagflow.control")


@attrs.define(eq=False)
class RowServer:
    """Takes calls, performs them beside one another, and answers those that are ready together.

    Attributes:
        is_draining: whether this process begins nothing any more; then the calls are left to the next one.
    """

    inbox: Inbox
    handlers: Mapping[str, Handler]
    is_draining: Callable[[], bool]
    _open: dict[str, trio.CancelScope] = attrs.field(factory=dict[str, trio.CancelScope], init=False)
    _queues: dict[str, deque[AskedCall]] = attrs.field(factory=dict[str, "deque[AskedCall]"], init=False)
    _ready: list[tuple[str, bytes]] = attrs.field(factory=list[tuple[str, bytes]], init=False)
    _is_ready: trio.Event = attrs.field(factory=trio.Event, init=False)

    async def serve(self) -> None:
        """Answer until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._answer)
                await self._take(nursery)
        finally:
            self.inbox.close()

    async def _take(self, nursery: trio.Nursery) -> None:
        cleaned = stopwatch()
        while True:
            try:
                calls: Sequence[AskedCall] = () if self.is_draining() else await trio.to_thread.run_sync(self.inbox.take)
                if stopwatch() - cleaned > _CLEAN_SECONDS * 1e9:
                    await self._clean()
                    cleaned = stopwatch()
            except StoreError as error:
                _logger.warning("%s; trying again", error)
                await trio.sleep(_FAILED_SECONDS)
                continue
            for call in calls:
                if call.is_awaited:
                    nursery.start_soon(self._perform, call)
                else:
                    self._queue(nursery, call)
            if not calls:
                await self._more()

    def _queue(self, nursery: trio.Nursery, call: AskedCall) -> None:
        """Perform the unawaited calls of a tenant in their order; a client that waits keeps its own order."""
        queue = self._queues.setdefault(call.tenant, deque())
        queue.append(call)
        if len(queue) == 1:
            nursery.start_soon(self._in_order, call.tenant, queue)

    async def _in_order(self, tenant: str, queue: deque[AskedCall]) -> None:
        while queue:
            await self._perform(queue[0])
            queue.popleft()
        del self._queues[tenant]

    async def _more(self) -> None:
        """Wait until more calls may be there."""
        if self.is_draining():
            await trio.sleep(_FAILED_SECONDS)
        elif (descriptor := self.inbox.readable()) is not None:
            with trio.move_on_after(_LOOK_SECONDS):
                await trio.lowlevel.wait_readable(descriptor)

    async def _clean(self) -> None:
        still = await trio.to_thread.run_sync(self.inbox.clean, list(self._open))
        for id_ in self._open.keys() - set(still):
            self._open[id_].cancel()

    async def _perform(self, call: AskedCall) -> None:
        with trio.CancelScope() as scope:
            if call.name in ABANDONED:
                self._open[call.id] = scope
            try:
                line = await line_of(lambda: self._performed(call))
            except _LeftToNext:
                return
            finally:
                self._open.pop(call.id, None)
            self._ready.append((call.id, line))
            self._is_ready.set()

    async def _performed(self, call: AskedCall) -> object:
        if call.is_repeated and call.name not in REPEATABLE:
            raise NotServed("the process that drives the runs stopped during the call; look whether it happened, and repeat it")
        try:
            return await performed(self.handlers, Call(call.name, call.tenant, _arguments(call)))
        except DagflowError as error:
            is_failed = isinstance(error, StoreError) and not isinstance(error, WriteRefused)
            if is_failed or self.is_draining():
                raise _LeftToNext from error
            if not call.is_awaited:
                _logger.warning("`%s` of tenant %r, asked in a transaction, was refused: %s", call.name, call.tenant, error)
            raise

    async def _answer(self) -> None:
        while True:
            await self._is_ready.wait()
            self._is_ready = trio.Event()
            answers, self._ready = self._ready, []
            while True:
                try:
                    await trio.to_thread.run_sync(self.inbox.answer, answers)
                    break
                except StoreError as error:
                    _logger.warning("%s; trying again", error)
                    await trio.sleep(_FAILED_SECONDS)


class _LeftToNext(BaseException):
    """A call stays for the next process, since this one cannot perform it. No `Exception`, so that no answer is made of it."""


def _arguments(call: AskedCall) -> Mapping[str, object]:
    try:
        value = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        value = None
    if not is_object(value):
        raise UsageError(f"the arguments of `{call.name}` must be a JSON object")
    return value
