"""Connection pool: connections that stay open between calls, as long as an interpreter is open.

Theory. Only the bare connection is pooled: no header, cookie, credential or answer goes from one call to another. The key of a
connection is the policy that allowed it, scheme, host and port, with the address at its other end. Each call checks its host's
addresses anew, as without a pool, and gets only a connection to one of them. So a call never reaches the old address of a
name that has moved, nor an address that its policy refuses.

A look-up of a name costs as much as the request itself, so the resolver's result is cached for a moment; the checks are not:
every call checks the addresses anew and connects to those, even if another call looked them up.

Servers close idle connections without notice, and a request may cross with that on its way. Hence the time is short, and even
shorter for requests that may not be sent twice. A connection on which any input has arrived meanwhile is not used.
"""

from __future__ import annotations

import math
import ssl
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Final, Protocol

import attrs

from dagflow.actions.http_client.egress_policy import AddressPolicy

#: Idle connections, in all and to one server (scheme, host and port).
MAX_IDLE: Final = 256
MAX_IDLE_PER_SERVER: Final = 64
#: A request that may not be sent twice takes a connection only if it was idle for less than this.
FRESH_SECONDS: Final = 1.0
#: The interval between searches for connections whose time is over.
SWEEP_SECONDS: Final = 1.0
#: How long, and for how many names, the addresses are cached.
NAME_SECONDS: Final = 2.0
MAX_NAMES: Final = 512


class PooledConnection(Protocol):
    """A connection between two exchanges."""

    @property
    def peer(self) -> str:
        """The address at its other end."""
        ...

    def is_quiet(self) -> bool:
        """Whether it is open, as far as the socket shows, and no unexpected input has arrived."""
        ...

    async def aclose(self) -> None:
        """Close it immediately. It is closed even if this call is cancelled."""
        ...


@attrs.frozen
class Server:
    """The key of a connection. `policy`: the one that allowed it, None if the operator chose the address."""

    policy: AddressPolicy | None
    scheme: str
    host: str
    port: int


@attrs.frozen(eq=False)
class _Idle:
    server: Server
    connection: PooledConnection
    since: float
    until: float


@attrs.define(eq=False)
class Names:
    """A short-lived cache of addresses by name. Instants are seconds on the event loop's clock."""

    #: The oldest first.
    _known: OrderedDict[str, tuple[float, tuple[str, ...]]] = attrs.field(
        factory=OrderedDict[str, tuple[float, tuple[str, ...]]]
    )

    def get(self, host: str, now: float) -> tuple[str, ...] | None:
        """Its addresses, unchecked; None if they are unknown or expired."""
        until, addresses = self._known.get(host, (-math.inf, ()))
        return addresses if now < until else None

    def put(self, host: str, addresses: tuple[str, ...], now: float) -> None:
        """Cache a result of the resolver."""
        self.forget(host)
        self._known[host] = now + NAME_SECONDS, addresses
        if len(self._known) > MAX_NAMES:
            self._known.popitem(last=False)

    def forget(self, host: str) -> None:
        """Drop a name, none of whose addresses answered."""
        self._known.pop(host, None)


@attrs.define(eq=False)
class Connections:
    """The idle connections of one interpreter. Instants are seconds on the event loop's clock.

    Attributes:
        is_kept: whether `serve` is running and closes idle connections; otherwise none is pooled.
        names: the cache of addresses, used while connections are pooled.
        tls: made for the first connection that needs it, since reading all certificates is slow.
    """

    is_kept: bool = False
    names: Names = attrs.field(factory=Names)
    tls: ssl.SSLContext | None = None
    #: The longest idle first.
    _idle: OrderedDict[PooledConnection, _Idle] = attrs.field(factory=OrderedDict[PooledConnection, _Idle])
    _by_server: dict[Server, list[_Idle]] = attrs.field(factory=dict[Server, list[_Idle]])
    #: Wakes `serve`, which waits while no connection is idle.
    _on_first: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._idle)

    async def take(
        self, server: Server, addresses: Collection[str], now: float, most_idle: float = math.inf
    ) -> PooledConnection | None:
        """Return a connection to one of `addresses` that was idle for less than `most_idle` seconds; the caller owns it."""
        while (found := self._latest(server, addresses)) is not None and found.since > now - most_idle:
            self._remove(found)
            if now < found.until and found.connection.is_quiet():
                return found.connection
            await found.connection.aclose()
        return None

    async def keep(self, server: Server, connection: PooledConnection, now: float, seconds: float) -> None:
        """Pool a connection for at most `seconds`, or close it; the pool owns it from now on."""
        of_server = self._by_server.get(server, ())
        if not self.is_kept or seconds <= 0 or len(of_server) >= MAX_IDLE_PER_SERVER:
            await connection.aclose()
            return
        surplus = next(iter(self._idle.values())) if len(self._idle) >= MAX_IDLE else None
        if surplus is not None:
            self._remove(surplus)
        idle = self._idle[connection] = _Idle(server, connection, now, now + seconds)
        self._by_server.setdefault(server, []).append(idle)
        if len(self._idle) == 1:
            self._on_first()
        if surplus is not None:
            await surplus.connection.aclose()

    async def serve(self) -> None:
        """Pool connections until cancelled; close expired ones, ones that their servers closed, and all at the end."""
        import anyio  # noqa: PLC0415 - a program that only compiles flows does not need it

        self.is_kept = True
        try:
            while True:
                if not self._idle:
                    first = anyio.Event()
                    self._on_first = first.set
                    await first.wait()
                await anyio.sleep(SWEEP_SECONDS)
                await self._sweep(anyio.current_time())
        finally:
            self.is_kept = False
            with anyio.CancelScope(shield=True):
                await self._close(list(self._idle.values()))

    async def _sweep(self, now: float) -> None:
        await self._close([idle for idle in self._idle.values() if now >= idle.until or not idle.connection.is_quiet()])

    async def _close(self, all_idle: list[_Idle]) -> None:
        # First remove all, then close them: other tasks run in between.
        for idle in all_idle:
            self._remove(idle)
        for idle in all_idle:
            await idle.connection.aclose()

    def _latest(self, server: Server, addresses: Collection[str]) -> _Idle | None:
        """The most recently used one: the others become superfluous and expire."""
        return next((idle for idle in reversed(self._by_server.get(server, ())) if idle.connection.peer in addresses), None)

    def _remove(self, idle: _Idle) -> None:
        del self._idle[idle.connection]
        of_server = self._by_server[idle.server]
        of_server.remove(idle)
        if not of_server:
            del self._by_server[idle.server]
