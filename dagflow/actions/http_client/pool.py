"""Connections that are kept between calls, as long as an interpreter is open.

Theory. Only the bare connection is kept: no header, cookie, credential or answer goes from one call to another. A connection is
kept under what it was made for: the policy that let it be made, scheme, host and port, with the address at its other end. A call
checks its host's addresses anew, as if nothing were kept, and is given only a connection that ends at one of them. So a name that
has moved cannot be reached where it was, and none where it may not be.

Looking a name up costs as much as the request itself, so what the resolver said is remembered for a moment; never what was made of
it: every call checks the addresses it is given, and connects to those, whoever looked them up.

Servers close what is idle without a word, and a request may cross with that on its way. Hence the time is short, shorter still
for what may not be sent twice, and a connection on which anything at all has come in meanwhile is not used.
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
#: How often those are looked for whose time is over.
SWEEP_SECONDS: Final = 1.0
#: For so long, and of so many names, it is remembered where they lead.
NAME_SECONDS: Final = 2.0
MAX_NAMES: Final = 512


class PooledConnection(Protocol):
    """A connection between two exchanges."""

    @property
    def peer(self) -> str:
        """The address at its other end."""
        ...

    def is_quiet(self) -> bool:
        """Whether it is open, as far as one can tell, and nothing came in that was not asked for."""
        ...

    async def aclose(self) -> None:
        """Close it at once. Has done so even if it is cancelled."""
        ...


@attrs.frozen
class Server:
    """What a connection is for. `policy`: the one that let it be made, None where the operator chose the address."""

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
    """Where names led a moment ago. Instants are seconds on the event loop's clock."""

    #: The longest known first.
    _known: OrderedDict[str, tuple[float, tuple[str, ...]]] = attrs.field(
        factory=OrderedDict[str, tuple[float, tuple[str, ...]]]
    )

    def get(self, host: str, now: float) -> tuple[str, ...] | None:
        """Its addresses, unchecked; None if they are not known, or not any more."""
        until, addresses = self._known.get(host, (-math.inf, ()))
        return addresses if now < until else None

    def put(self, host: str, addresses: tuple[str, ...], now: float) -> None:
        """Remember what the resolver just said."""
        self.forget(host)
        self._known[host] = now + NAME_SECONDS, addresses
        if len(self._known) > MAX_NAMES:
            self._known.popitem(last=False)

    def forget(self, host: str) -> None:
        """Nobody was there."""
        self._known.pop(host, None)


@attrs.define(eq=False)
class Connections:
    """The idle connections of one interpreter. Instants are seconds on the event loop's clock.

    Attributes:
        is_kept: whether somebody sees to it that what is idle is closed; otherwise nothing is kept.
        names: where names led, while connections are kept.
        tls: made for the first connection that needs one, since reading all certificates takes its time.
    """

    is_kept: bool = False
    names: Names = attrs.field(factory=Names)
    tls: ssl.SSLContext | None = None
    #: The longest idle first.
    _idle: OrderedDict[PooledConnection, _Idle] = attrs.field(factory=OrderedDict[PooledConnection, _Idle])
    _by_server: dict[Server, list[_Idle]] = attrs.field(factory=dict[Server, list[_Idle]])
    #: Wakes who sweeps: where nothing is kept, nobody looks.
    _on_first: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._idle)

    async def take(
        self, server: Server, addresses: Collection[str], now: float, most_idle: float = math.inf
    ) -> PooledConnection | None:
        """A connection to one of `addresses` that was idle for less than `most_idle` seconds; the caller's from now on."""
        while (found := self._latest(server, addresses)) is not None and found.since > now - most_idle:
            self._remove(found)
            if now < found.until and found.connection.is_quiet():
                return found.connection
            await found.connection.aclose()
        return None

    async def keep(self, server: Server, connection: PooledConnection, now: float, seconds: float) -> None:
        """Keep a connection for at most so long, or close it: it is nobody's but ours from now on."""
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
        """Keep connections until cancelled, close those whose time is over or that their servers closed, and all at the end."""
        import anyio  # noqa: PLC0415 - whoever only compiles flows does without

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
        # First out of reach, then closed: others run in between.
        for idle in all_idle:
            self._remove(idle)
        for idle in all_idle:
            await idle.connection.aclose()

    def _latest(self, server: Server, addresses: Collection[str]) -> _Idle | None:
        """The one that was used last: the others become superfluous, and their time runs out."""
        return next((idle for idle in reversed(self._by_server.get(server, ())) if idle.connection.peer in addresses), None)

    def _remove(self, idle: _Idle) -> None:
        del self._idle[idle.connection]
        of_server = self._by_server[idle.server]
        of_server.remove(idle)
        if not of_server:
            del self._by_server[idle.server]
