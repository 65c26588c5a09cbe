"""Egress policy: the addresses that `http.request` may connect to.

Theory. The resolver decides about the meaning of a name, or of an odd spelling of a number (`0x7f.1`, `2130706433`, full-width
digits); a redirect or a second look-up can change it. So no text is judged: the name is resolved once, every result is checked
as the address for the socket, and the connection goes to a checked address. One bad address refuses
them all. `ipaddress.is_global` is no such check: it calls NAT64, 6to4, multicast and more global; the tables are our own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Final, TypeAlias

import attrs

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# IANA IPv4 Special-Purpose Address Registry, multicast and class E, and one cloud's internal service.
_REFUSED_V4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; Linux connects 0.0.0.0 to itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host service, a public address that is not public
        "169.254.0.0/16",  # link-local, and the metadata service of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",  # class E and broadcast
    )
)
#: Only global unicast is let through at all; that leaves out mapped, compatible, NAT64, ULA, link- and site-local, multicast …
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4, which carries any IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
#: Other services listen below 1024, and a request could pass for commands to them.
_PORTS: Final = frozenset({80, 443})
_FIRST_FREE_PORT: Final = 1_024


@attrs.frozen(eq=False)
class AddressPolicy:
    """The addresses that may be reached. `hosts` (lower case) and `networks` are the host's exceptions, on any port.

    Each policy is equal to itself only: one policy's permission means nothing to another.
    """

    hosts: Collection[str] = ()
    networks: Collection[Network] = ()

    def refusal(self, host: str, port: int, sockaddr_hosts: Collection[str]) -> str | None:
        """The reason why a connection is refused, or None if it is allowed.

        Args:
            host: the requested name. It never causes a refusal; it only shows that the operator allowed it.
            port: the requested port.
            sockaddr_hosts: every address it resolved to, as in the socket's address.
        """
        if not sockaddr_hosts:
            return f"{host} has no address"
        is_allowed_name = host.lower().rstrip(".") in self.hosts
        for text in sockaddr_hosts:
            try:
                address = ipaddress.ip_address(text.partition("%")[0])
            except ValueError:
                return f"{host} has an address of an unknown kind"
            if is_allowed_name or any(address in network for network in self.networks):
                continue
            if is_refused(address):
                return (
                    f"{host} is at {address}, a private or special address; the operator can allow it with DAGFLOW_HTTP_ALLOW"
                )
            if port not in _PORTS and port < _FIRST_FREE_PORT:
                return f"port {port} is not for HTTP; the operator can allow {host} with DAGFLOW_HTTP_ALLOW"
        return None


def is_refused(address: Address) -> bool:
    """Whether an address is private, special, multicast or a disguise of another one."""
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _REFUSED_V4)
    return address not in _GLOBAL_V6 or any(address in network for network in _REFUSED_V6)
