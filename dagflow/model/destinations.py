"""Destinations of secrets: actions by name, servers by pattern; and the events that a flow may emit.

A pattern is a host, `api.example.com`, or all below one, `*.example.com`, or `*`; with `:8443` where the port is not the usual one, and `:*` for
any. It is reached by https alone, unless the pattern itself begins with `http://`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import attrs

from dagflow.model.urls import parse_url

_HOST: Final = re.compile(r"\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\]", re.ASCII)
_PORTS: Final = {"http": 80, "https": 443}
#: A name of an event with `*` for any text.
_EVENT: Final = re.compile(r"[^\s\x00-\x1f]{1,200}")


@attrs.frozen
class HostPattern:
    """Servers: `host` with an optional `*` in front; `scheme` is `https`, or `http` on request; `port` 0 is any."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> HostPattern:
        """Read a pattern.

        Raises:
            ValueError: it is none.
        """
        wanted = "a host must be like `api.example.com`, `*.example.com`, `api.example.com:8443` or `http://intranet.example`"
        scheme, separator, rest = text.strip().lower().partition("://")
        if not separator:
            scheme, rest = "https", scheme
        host, colon, port = rest.rpartition(":") if re.search(r":(\d+|\*)\Z", rest, re.ASCII) else (rest, "", "")
        number = 0 if port == "*" else int(port[:6]) if colon else _PORTS.get(scheme, -1)
        if scheme not in _PORTS or _HOST.fullmatch(host) is None or number > 65_535 or (number == 0 and port != "*"):
            raise ValueError(f"{wanted}; got `{text[:100]}`")
        return cls(scheme, host, number)

    def __str__(self) -> str:
        scheme = "" if self.scheme == "https" else f"{self.scheme}://"
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port or '*'}"
        return f"{scheme}{self.host}{port}"

    def admits(self, address: str) -> bool:
        """Whether it is one of them: a URL, or a bare host, for which only the name counts."""
        scheme, host, port = _parts(address)
        if scheme and (scheme != self.scheme or self.port not in {0, port}):
            return False
        if self.host.startswith("*"):
            return host.endswith(self.host[1:]) and len(host) > len(self.host[1:])
        return bool(host) and host == self.host.strip("[]")


@attrs.frozen
class SecretSpec:
    """The bindings of a secret, without its content.

    Attributes:
        hosts: servers it may be sent to by an action that a flow tells where to go.
        actions: the only ones that may receive it; any, if this and `hosts` are empty.
    """

    hosts: tuple[HostPattern, ...] = ()
    actions: tuple[str, ...] = ()

    @classmethod
    def of(cls, hosts: Sequence[str], actions: Sequence[str]) -> SecretSpec:
        """From patterns and names. Raises ValueError: one is none."""
        return cls(tuple(map(HostPattern.parse, hosts)), tuple(actions))

    def refusal(self, action: str, *, takes_address: bool, address: str | None) -> str | None:
        """The reason why an action must not receive it, or None.

        Args:
            action: its name.
            takes_address: whether the flow tells it where to go.
            address: where it goes, None as long as that is not known.
        """
        if self.actions and action not in self.actions:
            return f"is for {_listed(self.actions)} and not for `{action}`"
        if not takes_address:
            if self.hosts and not self.actions:
                return f"is bound to servers, and nothing says where `{action}` goes"
            return None
        if not self.hosts:
            return f"is bound to no server, and `{action}` goes wherever a flow says"
        if address is None or any(pattern.admits(address) for pattern in self.hosts):
            return None
        scheme, host, _ = _parts(address)
        if scheme == "http" and any(pattern.admits(f"https://{host}") for pattern in self.hosts):
            return f"is sent to {host} by https only"
        return f"may not be sent to {host[:100] or 'an address without a host'}"


def _parts(address: str) -> tuple[str, str, int]:
    """Scheme, host and port; of a bare host the host alone."""
    text = address.strip()
    if "://" not in text:
        return "", text.lower().rstrip("."), 0
    try:
        url = parse_url(text)
    except ValueError:
        return "invalid", "", 0
    return url.scheme, url.host.rstrip("."), url.port


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def check_event_pattern(text: str) -> None:
    """Hold a text to be a name of an event, in which `*` stands for any text. Raises ValueError."""
    if _EVENT.fullmatch(text) is None:
        raise ValueError(f"an event pattern must be 1 to 200 characters without spaces, such as `order/*`; got `{text[:100]}`")


def is_event_allowed(name: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns is true of the name."""
    return any(re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) for pattern in patterns)
