"""A server whose every byte and close is scripted, in the test's own loop; and catalogues whose connections are kept."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
import trio.testing

from dagflow.actions import ActionFailed, Catalog, EnvironmentSecrets, Invocation, Settings
from dagflow.actions.performer import CatalogPerformer
from dagflow.drivers.local.runners import Runners
from tests.actions.calls import KEY

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#: Whether the server goes on with the connection.
Answer = Callable[["Line", str], Awaitable[bool]]


@attrs.define(eq=False)
class Line:
    """One connection, as the server sees it. `number`: how many there were before."""

    number: int
    stream: trio.abc.Stream
    requests: list[str] = attrs.field(factory=list)

    async def say(self, data: bytes) -> bool:
        await self.stream.send_all(data)
        return True

    async def request(self) -> str:
        """The next one; "" at the end of the connection."""
        received = b""
        while b"\r\n\r\n" not in received:
            data = await self.stream.receive_some(65_536)
            if not data:
                return ""
            received += data
        head, _, body = received.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        while len(body) < length:
            body += await self.stream.receive_some(65_536)
        return head.decode("latin-1") + "\r\n\r\n" + body.decode("latin-1")


@attrs.define(eq=False)
class LineServer:
    port: int
    lines: list[Line] = attrs.field(factory=list)
    #: Changes with every connection that ends.
    n_open: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def n_requests(self) -> list[int]:
        """By connection."""
        return [len(line.requests) for line in self.lines]


async def say_ok(line: Line, _request: str) -> bool:
    return await line.say(OK)


@asynccontextmanager
async def line_server(
    answer: Answer = say_ok,
    *,
    host: str = "127.0.0.1",
    wrap: Callable[[trio.abc.Stream], trio.abc.Stream] = lambda stream: stream,
) -> AsyncGenerator[LineServer]:
    (listener,) = await trio.open_tcp_listeners(0, host=host)
    server = LineServer(listener.socket.getsockname()[1])

    async def serve(stream: trio.SocketStream) -> None:
        line = Line(len(server.lines), wrap(stream))
        server.lines.append(line)
        server.n_open += 1
        try:
            while request := await line.request():
                line.requests.append(request)
                if not await answer(line, request):
                    break
        except trio.BrokenResourceError:
            pass
        finally:
            server.n_open -= 1
            await trio.aclose_forcefully(line.stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield server
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def kept(catalog: Catalog) -> AsyncGenerator[CatalogPerformer]:
    """What calls the actions of a catalogue and keeps its connections."""
    performer = catalog.performer(Runners(64))
    async with performer.open():
        await trio.testing.wait_all_tasks_blocked()
        yield performer
    assert len(performer._connections) == 0


async def perform(performer: CatalogPerformer, action: str = "http.request", **arguments: object) -> object:
    invocation = Invocation(action=action, arguments=arguments, effect_key=KEY, attempt=1, run="r" * 32, node="step")
    return await performer.perform(invocation)


async def idle(performer: CatalogPerformer, count: int) -> None:
    """Wait until a connection's end has come in, so that so many idle ones are open as far as can be seen."""
    connections = performer._connections
    # Sooner than their time is over, after which there would be none anyway.
    with trio.fail_after(3):
        while sum(one.is_quiet() for one in connections._idle) != count:
            await trio.testing.wait_all_tasks_blocked()


def catalog_with(**changes: object) -> Catalog:
    secrets = EnvironmentSecrets({"DAGFLOW_SECRET_TOKEN": "c4n4ry-t0ken", "DAGFLOW_SECRET_TOKEN_HOSTS": "http://127.0.0.1:*"})
    return Catalog.builtin(Settings(**({"http_allow_networks": (LOOPBACK,)} | changes)), secrets=secrets)  # type: ignore[arg-type]


async def failure(performer: CatalogPerformer, **arguments: object) -> ActionFailed:
    with pytest.raises(ActionFailed) as caught:
        await perform(performer, **arguments)
    return caught.value
