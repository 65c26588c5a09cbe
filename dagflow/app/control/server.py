"""Answer the calls of other processes, as long as this one drives the runs of a store.

Only processes of the same user, and of root, are answered: the socket has mode 0600, and the kernel names the peer.
"""

from __future__ import annotations

import inspect
import logging
import os
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import trio

from dagflow.app.control.address import is_supported, reachable, socket_of
from dagflow.app.control.messages import MAX_LINE, Call, decode_call, encode_error, encode_result
from dagflow.errors import DagflowBug, DagflowError, NotServed, UsageError
from dagflow.store.open import is_url

#: Performs a call for a tenant, with the arguments that the client named.
Handler: TypeAlias = Callable[..., Awaitable[object]]
#: How long a client may take to send its call.
_SECONDS: Final = 10.0
#: Calls that end with their client; all others go on without it.
_ABANDONED: Final = frozenset({"wait"})
_logger = logging.getLogger("dagflow.control")


@asynccontextmanager
async def listening(store: str | os.PathLike[str] | None, handlers: Mapping[str, Handler]) -> AsyncGenerator[None]:
    """Answer calls inside the block. Without a store in a file, or where its directory allows no socket, there is nothing to answer.

    Args:
        store: the path of the store whose lock this process holds.
        handlers: by the name of the call; each takes the tenant first.
    """
    listener = None if store is None or is_url(store) or not is_supported() else _listener(socket_of(store))
    if listener is None or store is None:
        yield
        return
    server = _Server(handlers)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(trio.serve_listeners, server.answer, [listener]))
            try:
                yield
            finally:
                nursery.cancel_scope.cancel()
    finally:
        socket_of(store).unlink(missing_ok=True)


def _listener(path: Path) -> trio.SocketListener | None:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)  # of a process that was killed; the lock says that nobody listens there
        with reachable(path) as address:
            bound.bind(address)
        path.chmod(0o600)
        bound.listen(64)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        _logger.warning("other processes cannot reach this one: no socket at %s: %s", path, error.strerror or error)
        return None
    return trio.SocketListener(trio.socket.from_stdlib_socket(bound))


class _Server:
    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers

    async def answer(self, stream: trio.SocketStream) -> None:
        """Answer one call, whatever comes in."""
        async with stream:
            if not _is_ours(stream):
                return
            try:
                line = await self._answered(stream)
            except trio.Cancelled:
                line = encode_error(NotServed("the process that drives the runs has stopped; try again"))
                with trio.move_on_after(1) as scope:
                    scope.shield = True
                    await _send(stream, line)
                raise
            await _send(stream, line)

    async def _answered(self, stream: trio.SocketStream) -> bytes:
        try:
            call = decode_call(await _line(stream))
            if call.name not in _ABANDONED:
                return encode_result(await self._performed(call))
            return await self._unless_gone(stream, call)
        except DagflowError as error:
            return encode_error(error)
        except Exception as error:
            _logger.exception("a call failed")
            return encode_error(
                DagflowBug(f"the call failed in the process that drives the runs: {type(error).__name__}; see its log")
            )

    async def _performed(self, call: Call) -> object:
        handler = self._handlers.get(call.name)
        if handler is None:
            raise UsageError(f"`{call.name}` needs a service; this process drives runs without one")
        try:
            inspect.signature(handler).bind(call.tenant, **call.arguments)
        except TypeError as error:
            raise UsageError(f"the arguments of `{call.name}` do not fit: {error}") from None
        return await handler(call.tenant, **call.arguments)

    async def _unless_gone(self, stream: trio.SocketStream, call: Call) -> bytes:
        found: list[bytes] = []

        async def watch() -> None:
            """The client sends nothing more, so anything that comes is its end."""
            with suppress(trio.BrokenResourceError):
                await stream.receive_some(1)
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            try:
                found.append(encode_result(await self._performed(call)))
            except DagflowError as error:
                found.append(encode_error(error))
            nursery.cancel_scope.cancel()
        return found[0] if found else b""


def _is_ours(stream: trio.SocketStream) -> bool:
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    _, user, _ = struct.unpack("3i", stream.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return user in (os.getuid(), 0)


async def _line(stream: trio.SocketStream) -> bytes:
    found = bytearray()
    with trio.move_on_after(_SECONDS):
        while not found.endswith(b"\n"):
            part = await stream.receive_some(65_536)
            found += part
            if not part:
                raise UsageError("a call must end with a line feed")
            if len(found) > MAX_LINE:
                raise UsageError(f"a call must have at most {MAX_LINE} bytes")
        return bytes(found)
    raise UsageError(f"a call must come in within {_SECONDS:g} s")


async def _send(stream: trio.SocketStream, line: bytes) -> None:
    try:
        await stream.send_all(line)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return  # the client is gone
