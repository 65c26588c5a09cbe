"""Run trio in a thread of its own, so that programs on another event loop, or on none, can call it."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar, cast

import attrs
import trio

from dagflow.app.exception_groups import sole
from dagflow.errors import UsageError

_Inner = TypeVar("_Inner")

#: Called once, in the thread of trio, with the value or the error of a call.
Done = Callable[[Any, BaseException | None], None]


@attrs.define(eq=False)
class _Call:
    """A call under way. Its scope is there once the call has begun."""

    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)


@attrs.define(eq=False)
class Bridge(Generic[_Inner]):
    """A thread that runs trio, with one async context manager open in it.

    Attributes:
        inner: the value of the context manager, once `start` has returned.
    """

    _open: Callable[[], AbstractAsyncContextManager[_Inner]]
    _inner: _Inner | None = None
    _thread: threading.Thread | None = None
    _token: trio.lowlevel.TrioToken | None = None
    _nursery: trio.Nursery | None = None
    _stop: trio.Event = attrs.field(factory=trio.Event)
    _ready: threading.Event = attrs.field(factory=threading.Event)
    _is_over: bool = False
    _error: BaseException | None = None

    @property
    def inner(self) -> _Inner:
        """The value of the context manager."""
        if self._inner is None:
            raise UsageError("the interpreter is not open")
        return self._inner

    def start(self) -> None:
        """Start the thread and wait until the context manager is open. Raises as that does."""
        self._thread = threading.Thread(target=contextvars.copy_context().run, args=(self._run,), name="dagflow", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._inner is None and self._error is not None:
            self._thread.join()
            raise self._error

    def close(self) -> None:
        """Leave the context manager, and wait for the end of the thread. Raises as leaving does. Safe to call twice."""
        if self._token is not None:
            self._soon(self._stop.set)
        if self._thread is not None:
            self._thread.join()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def submit(self, call: Callable[[], Awaitable[object]], done: Done) -> Callable[[], None]:
        """Begin a call in trio, with the caller's context variables.

        Returns:
            A function that cancels the call; `done` is called in any case.

        Raises:
            UsageError: the context manager is closed.
        """
        made, context = _Call(), contextvars.copy_context()

        def begin() -> None:
            nursery = self._nursery
            if nursery is None:
                done(None, _closed())
            else:
                context.run(nursery.start_soon, _carry_out, call, done, made)

        if not self._soon(begin):
            raise _closed()

        def cancel() -> None:
            self._soon(made.scope.cancel)

        return cancel

    def _soon(self, function: Callable[[], object]) -> bool:
        """Have trio call a function; False if it has ended."""
        if self._token is None or self._is_over:
            return False
        try:
            self._token.run_sync_soon(function)
        except trio.RunFinishedError:
            return False
        return True

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self._error = _only(error)
        finally:
            self._is_over = True
            self._ready.set()

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as nursery:
            async with self._open() as inner:
                self._inner, self._nursery = inner, nursery
                self._ready.set()
                await self._stop.wait()
            # Calls that wait for a run have had their outcome by now; others are cancelled.
            self._nursery = None
            await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()


async def _carry_out(call: Callable[[], Awaitable[object]], done: Done, made: _Call) -> None:
    try:
        with made.scope:
            value = await call()
            done(value, None)
            return
        done(None, _closed())
    except trio.Cancelled:
        done(None, _closed())
        raise
    except BaseException as error:  # noqa: BLE001 - the caller's to handle
        done(None, _only(error))


def _closed() -> UsageError:
    return UsageError("the interpreter was closed; open it again")


def _only(error: BaseException) -> BaseException:
    """The error itself, where trio has wrapped a single one."""
    return sole(cast("BaseExceptionGroup[BaseException]", error)) if isinstance(error, BaseExceptionGroup) else error
