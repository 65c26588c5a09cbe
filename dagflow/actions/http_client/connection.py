"""One HTTP/1.1 connection: one request and its answer after the other, bounded in bytes and in time.

h11 implements the protocol. httpcore, which is based on it too, costs more than twice as much per request, and its pool
examines all its connections for each request. Nor does it tell whether any part of an answer had arrived, which decides whether
a request may be sent again.
"""

from __future__ import annotations

import math
import select
import socket
import ssl
from typing import Final, TypeAlias

import anyio
import attrs
import h11
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute

#: On top of a body's limit, for headers and the framing of chunks.
_FRAMING: Final = 256 * 1024
_MAX_HEADERS: Final = 100 * 1024
_CHUNK: Final = 64 * 1024

_Event: TypeAlias = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]


@attrs.frozen
class Answer:
    """An answer. `headers`: names in lower case, repeated ones joined with `, `. `is_cut`: `content` is only a part."""

    status: int
    headers: dict[str, str]
    content: bytes = attrs.field(repr=False)
    is_cut: bool = False


class NoAnswer(Exception):  # noqa: N818 - a fact about the world, caught by the exchange
    """The connection ended before any part of an answer came. `is_reset`: the end was not orderly."""

    def __init__(self, is_reset: bool) -> None:
        super().__init__("it closed the connection without an answer")
        self.is_reset = is_reset


class BadAnswer(Exception):  # noqa: N818
    """An answer that cannot be used."""


class TooMuchRead(Exception):  # noqa: N818
    """A server sends more than the limit."""


@attrs.frozen
class Deadline:
    """The deadlines of an exchange.

    Attributes:
        scope: around it; cancelled at the deadline.
        seconds: for each step.
        until: for everything, on the event loop's clock.
    """

    scope: anyio.CancelScope
    seconds: float
    until: float

    def step(self) -> None:
        """Begin the next step."""
        self.scope.deadline = min(self.until, anyio.current_time() + self.seconds)

    def end(self) -> None:
        """Remove the deadline: the answer is complete, and the remaining steps must not lose it."""
        self.scope.deadline = math.inf


class Connection:
    """A connection to a server at the address `peer`."""

    def __init__(self, stream: ByteStream) -> None:
        ask = stream.extra
        self.peer = str(ask(SocketAttribute.remote_address)[0])
        self._stream = stream
        self._socket = ask(SocketAttribute.raw_socket)
        self._tls = ask(TLSAttribute.ssl_object, None)
        self._http = h11.Connection(h11.CLIENT, _MAX_HEADERS)
        self._n_read = 0
        self._is_spent = False

    async def ask(self, request: h11.Request, content: bytes, max_bytes: int, pace: Deadline) -> Answer:
        """Send a request and read the whole answer; after any failure, the connection must be closed.

        Raises:
            NoAnswer: nothing came back.
            BadAnswer, h11.ProtocolError: the answer is no proper HTTP.
            TooMuchRead: the part before the body is longer than any server needs.
            OSError, anyio.BrokenResourceError: the connection broke.
        """
        self._n_read = 0
        await self._send(request, content, pace)
        event = await self._event(max_bytes, pace)
        while isinstance(event, h11.InformationalResponse):
            event = await self._event(max_bytes, pace)
        if not isinstance(event, h11.Response):  # pragma: no cover - h11 returns nothing else before one
            raise BadAnswer(f"{event} came before the answer")
        parts, is_cut = await self._body(max_bytes, pace)
        return Answer(event.status_code, _headers(event), b"".join(parts)[:max_bytes], is_cut)

    async def _body(self, max_bytes: int, pace: Deadline) -> tuple[list[bytes], bool]:
        """The body as far as it is read, and whether there is more. The answer has come, so a long body is no failure."""
        parts: list[bytes] = []
        n_bytes = 0
        try:
            while isinstance(part := await self._event(max_bytes, pace), h11.Data):
                parts.append(part.data)
                n_bytes += len(part.data)
                if n_bytes > max_bytes:
                    return parts, True
        except TooMuchRead:
            return parts, True
        return parts, False

    def renew(self) -> bool:
        """Prepare for the next request after an answer; return whether that is possible."""
        http = self._http
        # Bytes after the answer would be read as the next one.
        is_clean = not self._is_spent and http.trailing_data == (b"", False)
        if not is_clean or http.our_state is not h11.DONE or http.their_state is not h11.DONE:
            return False
        http.start_next_cycle()
        return True

    def is_quiet(self) -> bool:
        """See `connections.PooledConnection`."""
        if _is_readable(self._socket):
            return False
        return self._tls is None or _is_drained(self._tls)

    async def aclose(self) -> None:
        """See `connections.PooledConnection`."""
        await anyio.aclose_forcefully(self._stream)

    async def _send(self, request: h11.Request, content: bytes, pace: Deadline) -> None:
        """Send everything at once: a server can answer no head without its body."""
        http = self._http
        data = http.send(request) or b""
        if content:
            data += http.send(h11.Data(data=content)) or b""
        data += http.send(h11.EndOfMessage()) or b""
        pace.step()
        try:
            await self._stream.send(data)
        except anyio.BrokenResourceError:
            # A server may answer and close before it has read everything.
            self._is_spent = True

    async def _event(self, max_bytes: int, pace: Deadline) -> _Event:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            pace.step()
            self._http.receive_data(await self._received(max_bytes))
        return event

    async def _received(self, max_bytes: int) -> bytes:
        try:
            data = await self._stream.receive(_CHUNK)
        except anyio.EndOfStream:
            data = b""
        except anyio.BrokenResourceError:
            if self._n_read:
                raise
            raise NoAnswer(is_reset=True) from None
        self._n_read += len(data)
        if not self._n_read:
            raise NoAnswer(is_reset=False)
        if self._n_read > max_bytes + _FRAMING:
            raise TooMuchRead
        return data


def _headers(event: h11.Response) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in event.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _is_readable(sock: socket.socket) -> bool:
    """Whether input is waiting, which may be the end; without waiting for it."""
    if not hasattr(select, "poll"):  # pragma: no cover - Windows
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _is_drained(tls: ssl.SSLObject) -> bool:
    """Whether the TLS layer has no input left from the last answer, which the socket does not show."""
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return True
    except ssl.SSLError:
        return False
    return False
