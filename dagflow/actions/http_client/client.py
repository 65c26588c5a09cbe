"""One HTTP request and its answer, bounded in size and time, over a pooled or a new connection. No proxies, no redirects."""

from __future__ import annotations

import math
import ssl
from collections.abc import Sequence
from typing import Final, Literal, cast

import anyio
import attrs
import certifi
import h11
from anyio.abc import SocketStream
from anyio.streams.tls import TLSStream

from dagflow.actions.http_client.connection import Answer, BadAnswer, Connection, Deadline, NoAnswer, TooMuchRead
from dagflow.actions.http_client.dial import AddressRefused, Unreachable, checked_addresses, connected
from dagflow.actions.http_client.egress_policy import AddressPolicy
from dagflow.actions.http_client.pool import FRESH_SECONDS, Connections, Server
from dagflow.model.urls import ParsedUrl

#: Methods that may be sent again, if the connection ended before an answer came: they change nothing.
_REPEATABLE: Final = frozenset({"GET", "HEAD"})


@attrs.frozen
class Request:
    """A request.

    Attributes:
        headers: names in lower case, without those that frame the message.
        secret_header: the one among them that carries a secret, or "".
    """

    method: str
    url: ParsedUrl
    headers: dict[str, str] = attrs.field(repr=False)
    content: bytes = attrs.field(default=b"", repr=False)
    secret_header: str = ""


class ExchangeFailed(Exception):  # noqa: N818 - data for the action that asked
    """There is no usable answer.

    Attributes:
        kind: the failure, as the end of its code.
        message: names the server, never the contents of the request.
    """

    def __init__(
        self, kind: Literal["address_refused", "answer_too_large", "bad_answer", "timeout", "unreachable"], message: str
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message

    @property
    def is_final(self) -> bool:
        """Whether another attempt would have the same end."""
        return self.kind in {"address_refused", "answer_too_large"}


@attrs.frozen(kw_only=True)
class Bounds:
    """The bounds of an exchange.

    Attributes:
        seconds: for each of looking up, connecting, sending, and every read.
        until: for everything, on the event loop's clock.
        max_bytes: of the answer's body.
        keep_seconds: how long the connection stays open for the next request; 0 closes it immediately.
    """

    seconds: float
    max_bytes: int
    keep_seconds: float
    until: float = math.inf


async def send_request(request: Request, policy: AddressPolicy | None, *, connections: Connections, bounds: Bounds) -> Answer:
    """Send a request and read the whole answer.

    A pooled connection that its server had closed is replaced if the request only reads; any other request is sent once.

    Args:
        request: what to send.
        policy: which addresses may be reached; None means all.
        connections: the pool to take a connection from and to return this one to.
        bounds: the bounds of the exchange.

    Raises:
        ExchangeFailed: there is no usable answer.
    """
    host = request.url.host
    try:
        with anyio.CancelScope() as scope:
            return await _exchange(request, policy, connections, bounds, Deadline(scope, bounds.seconds, bounds.until))
    except AddressRefused as error:
        raise ExchangeFailed("address_refused", str(error)) from None
    except TooMuchRead:
        raise ExchangeFailed("answer_too_large", f"the head of the answer of {host} is too long") from None
    except (BadAnswer, h11.ProtocolError) as error:
        raise ExchangeFailed("bad_answer", f"{host} does not speak HTTP properly: {error}") from None
    except NoAnswer as error:
        raise ExchangeFailed("unreachable" if error.is_reset else "bad_answer", f"{host} failed: {error}") from None
    except (Unreachable, anyio.BrokenResourceError, OSError) as error:
        raise ExchangeFailed("unreachable", f"{host} cannot be reached: {str(error) or type(error).__name__}") from None
    if anyio.current_time() >= bounds.until:
        raise ExchangeFailed("timeout", f"{host} took longer than a request may take in all")
    raise ExchangeFailed("timeout", f"{host} did not answer in {bounds.seconds:g} seconds")


async def _exchange(
    request: Request, policy: AddressPolicy | None, connections: Connections, bounds: Bounds, pace: Deadline
) -> Answer:
    url = request.url
    server = Server(policy, url.scheme, url.host, url.port)
    pace.step()
    # For a pooled connection too: the name as it resolves now, and the policy of this call, decide about its address.
    addresses = await checked_addresses(url.host, server.port, policy, connections.names if connections.is_kept else None)
    is_repeatable = request.method in _REPEATABLE
    kept = await connections.take(server, addresses, anyio.current_time(), math.inf if is_repeatable else FRESH_SECONDS)
    if kept is not None:
        try:
            return await _ask(cast("Connection", kept), server, request, connections, bounds, pace)
        except NoAnswer:
            if not is_repeatable:
                raise
    pace.step()
    try:
        connection = await _connected(server, addresses, connections)
    except BaseException:
        connections.names.forget(url.host)
        raise
    return await _ask(connection, server, request, connections, bounds, pace)


async def _ask(
    connection: Connection, server: Server, request: Request, connections: Connections, bounds: Bounds, pace: Deadline
) -> Answer:
    try:
        answer = await connection.ask(_head(request, connections), request.content, bounds.max_bytes, pace)
    except BaseException:
        await connection.aclose()
        raise
    pace.end()
    seconds = min(bounds.keep_seconds, _offered(answer)) if connection.renew() else 0.0
    await connections.keep(server, connection, anyio.current_time(), seconds)
    return answer


async def _connected(server: Server, addresses: Sequence[str], connections: Connections) -> Connection:
    stream = await connected(addresses, server.port)
    try:
        return Connection(stream if server.scheme == "http" else await _encrypted(stream, server.host, connections))
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise


async def _encrypted(stream: SocketStream, host: str, connections: Connections) -> TLSStream:
    if connections.tls is None:
        connections.tls = await anyio.to_thread.run_sync(_tls_context)
    try:
        # Without the closing message of TLS, which most servers omit too: HTTP itself marks the end of an answer.
        return await TLSStream.wrap(stream, hostname=host, ssl_context=connections.tls, standard_compatible=False)
    except anyio.EndOfStream:
        raise Unreachable("it closed the connection before it was encrypted") from None
    except ValueError as error:
        raise Unreachable(str(error)) from None


def _tls_context() -> ssl.SSLContext:
    """A context that trusts the certificates of the system and of Mozilla."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


def _head(request: Request, connections: Connections) -> h11.Request:
    # Compressed answers are not requested: decompression could turn one byte into a thousand.
    framing = [(b"host", request.url.netloc.encode("ascii")), (b"accept-encoding", b"identity")]
    if not connections.is_kept:
        framing.append((b"connection", b"close"))
    if request.content or request.method in {"POST", "PUT", "PATCH"}:
        framing.append((b"content-length", str(len(request.content)).encode("ascii")))
    headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in request.headers.items()]
    return h11.Request(method=request.method, target=request.url.target.encode("ascii"), headers=[*framing, *headers])


def _offered(answer: Answer) -> float:
    """How long the server promises to keep an idle connection, less a second for requests on their way."""
    for part in answer.headers.get("keep-alive", "").split(","):
        name, _, value = part.strip().partition("=")
        if name.strip().lower() == "timeout" and value.isascii() and value.isdigit():
            return float(value[:9]) - 1
    return math.inf
