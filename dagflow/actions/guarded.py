"""The connections the actions make: resolved once, checked, made to the address that was checked, and read only so far."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from typing import Any, cast

import anyio
import httpcore

from dagflow.actions.addresses import AddressPolicy


class AddressRefused(Exception):  # noqa: N818 - a decision, caught by the action
    """A connection that may not be made."""


class TooMuchRead(Exception):  # noqa: N818 - a decision, caught by the action
    """A server sent more than was wanted."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections that `policy` allows, and no others; no Unix sockets.

    `policy` is None where the operator chose the address. A connection is read for at most `max_bytes`.
    """

    def __init__(self, policy: AddressPolicy | None, max_bytes: int) -> None:
        self._policy = policy
        self._max_bytes = max_bytes
        # httpcore has a stand-in of that name for when anyio is missing, which is all that some type checkers see.
        self._inner = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to `host`.

        Raises:
            AddressRefused: one of its addresses is refused.
            httpcore.ConnectError: it has no address, or none of them answers.
        """
        addresses = await self._resolve(host, port, timeout)
        refusal = None if self._policy is None else self._policy.refusal(host, port, addresses)
        if refusal is not None:
            raise AddressRefused(refusal)
        last: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                stream = await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                last = error
            else:
                return _BoundedStream(stream, self._max_bytes)
        raise last

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's signature
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Refused.

        Raises:
            AddressRefused: always.
        """
        raise AddressRefused(f"{path} is a file, not a server")

    async def sleep(self, seconds: float) -> None:
        """Wait, for httpcore's own retries, of which none are asked for."""
        await self._inner.sleep(seconds)

    async def _resolve(self, host: str, port: int, limit: float | None) -> list[str]:
        try:
            with anyio.fail_after(limit):
                found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"the name {host} could not be looked up in time") from None
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host} is not known ({error})") from None
        return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class _BoundedStream(httpcore.AsyncNetworkStream):
    """A stream that raises `TooMuchRead` where it has given enough.

    The limit is here and not in the loop that reads the body, since leaving that loop early leaves httpcore's generators open.
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream, max_bytes: int) -> None:
        self._inner = inner
        self._left = max_bytes

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        data = await self._inner.read(max_bytes, timeout)
        self._left -= len(data)
        if self._left < 0:
            raise TooMuchRead
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        return _BoundedStream(await self._inner.start_tls(ssl_context, server_hostname, timeout), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
