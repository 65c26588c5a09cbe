"""The way to a server: resolve its name once, check every address, and connect to a checked one."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

import anyio
from anyio.abc import SocketStream

from dagflow.actions.http_client.egress_policy import AddressPolicy
from dagflow.actions.http_client.pool import Names


class AddressRefused(Exception):  # noqa: N818 - a decision, caught by the action
    """The policy refuses a connection."""


class Unreachable(Exception):  # noqa: N818 - a fact about the world, caught by the action
    """There is no connection."""


async def checked_addresses(host: str, port: int, policy: AddressPolicy | None, names: Names | None) -> Sequence[str]:
    """The addresses of a host, all of which may be reached.

    Args:
        host, port: the requested ones.
        policy: decides which addresses may be reached; None if the operator chose the host.
        names: a cache of recent look-ups, if it may be used; its addresses are checked like new ones.

    Raises:
        AddressRefused: one of them may not be reached.
        Unreachable: the name is not known.
    """
    addresses = None if names is None else names.get(host, anyio.current_time())
    if addresses is None:
        addresses = await resolved(host, port)
        if names is not None:
            names.put(host, addresses, anyio.current_time())
    refusal = None if policy is None else policy.refusal(host, port, addresses)
    if refusal is not None:
        raise AddressRefused(refusal)
    return addresses


async def resolved(host: str, port: int) -> tuple[str, ...]:
    """The addresses of a name or number from the resolver, in the form that a socket takes.

    Raises:
        Unreachable: the name is not known.
    """
    if _is_number(host):
        return (host,)
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"the name {host} is not known ({error})") from None
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


async def connected(addresses: Sequence[str], port: int) -> SocketStream:
    """A TCP connection to the first of these addresses that answers.

    Raises:
        Unreachable: none does.
    """
    last = "it has no address"
    for address in addresses:
        try:
            return await anyio.connect_tcp(address, port)
        except OSError as error:
            last = str(error.__cause__ or error)
    raise Unreachable(last)


def _is_number(host: str) -> bool:
    """Whether it is an address in its one canonical spelling; the resolver accepts many more."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return str(address) == host and "%" not in host
