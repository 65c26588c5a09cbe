"""The connections `http.request` makes: resolved once, checked, and made to the address that was checked."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

import anyio
import httpcore

from dagflow.actions.addresses import AddressPolicy


class AddressRefused(Exception):  # noqa: N818 - a decision, caught by the action
    """A connection that may not be made."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections that `policy` allows, and no others; no proxies, no Unix sockets."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._inner = httpcore.AnyIOBackend()

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
        refusal = self._policy.refusal(host, port, addresses)
        if refusal is not None:
            raise AddressRefused(refusal)
        last: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                last = error
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
