"""Answer the calls of other processes, as long as this one drives the runs of a store.

A socket answers only processes of the same user, and of root: it has mode 0600, and the kernel names the peer.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import trio

from dagflow.app.control.address import is_supported, reachable, socket_of
from dagflow.app.control.messages import ABANDONED, MAX_LINE, Call, decode_call, encode_error
from dagflow.app.control.performing import Handler, line_of, performed
from dagflow.app.control.rows import RowServer
from dagflow.errors import DagflowError, NotServed, UsageError
from dagflow.store.api import Store
from dagflow.store.inbox import HasInbox

#: How long a client may take to send its call.
_SECONDS: Final = 10.0
_logger = logging.getLogger("dagflow.control")


@asynccontextmanager
async def listening(
    place: str | os.PathLike[str] | None, store: Store, handlers: Mapping[str, Handler], is_draining: Callable[[], bool]
) -> AsyncGenerator[None]:
    """Answer calls inside the block: through the store, if clients can leave calls there, or through a socket beside its file.

    Args:
        place: the path of the store whose lock this process holds; None to answer no calls.
        store: the store itself.
        handlers: by the name of the call; each takes the tenant first.
        is_draining: whether this process begins nothing any more.
    """
    if place is not None and isinstance(store, HasInbox):
        async with _serving(RowServer(store.open_inbox(), handlers, is_draining).serve):
            yield
        return
    listener = None if place is None or not is_supported() else _listener(socket_of(place))
    if listener is None or place is None:
        yield
        return
    try:
        async with _serving(partial(trio.serve_listeners, _Server(handlers).answer, [listener])):
            yield
    finally:
        socket_of(place).unlink(missing_ok=True)


@asynccontextmanager
async def _serving(serve: Callable[[], Awaitable[object]]) -> AsyncGenerator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        try:
            yield
        finally:
            nursery.cancel_scope.cancel()


def _listener(path: Path) -> trio.SocketListener | None:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)  # of a process that was killed; the lock says that no process listens there
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
        except DagflowError as error:
            return encode_error(error)
        if call.name not in ABANDONED:
            return await line_of(lambda: performed(self._handlers, call))
        return await self._unless_gone(stream, call)

    async def _unless_gone(self, stream: trio.SocketStream, call: Call) -> bytes:
        found: list[bytes] = []

        async def watch() -> None:
            """The client sends nothing more, so anything that comes is its end."""
            with suppress(trio.BrokenResourceError):
                await stream.receive_some(1)
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            found.append(await line_of(lambda: performed(self._handlers, call)))
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
