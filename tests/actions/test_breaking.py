from __future__ import annotations

import socket
import ssl
import struct
from contextlib import asynccontextmanager, suppress

import anyio
import attrs
import h11
import pytest
import trio
import trio.testing
import trustme
from anyio.abc import ByteStream, SocketAttribute

from dagflow.actions.http_client.connection import Connection, Deadline, _is_drained
from tests.actions.lines import OK, Line, catalog_with, failure, idle, kept, line_server, perform


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connection_closed_while_idle_is_replaced(method):
    async def answer(line: Line, _request: str) -> bool:
        await line.say(OK)
        return line.number > 0

    async with line_server(answer) as server, kept(catalog_with()) as performer:
        await perform(performer, url=server.url, method=method)
        await idle(performer, 0)
        await perform(performer, url=server.url, method=method)
        assert server.n_requests == [1, 1]


@pytest.mark.parametrize(
    ("method", "is_sent_again"), [("GET", True), ("HEAD", True), ("POST", False), ("PUT", False), ("DELETE", False)]
)
async def test_a_request_that_crosses_with_the_close_is_sent_again_only_if_it_asks(method, is_sent_again):
    async def answer(line: Line, _request: str) -> bool:
        if line.number == 0 and len(line.requests) == 2:
            return False  # it came in, and nothing is said
        head, _, body = OK.partition(b"\r\n\r\n")
        return await line.say(head + b"\r\n\r\n" + (b"" if method == "HEAD" else body))

    async with line_server(answer) as server, kept(catalog_with()) as performer:
        await perform(performer, url=server.url, method=method)
        if is_sent_again:
            await perform(performer, url=server.url, method=method)
            assert server.n_requests == [2, 1]
        else:
            found = await failure(performer, url=server.url, method=method)
            assert (found.code, found.fatal) == ("http.bad_answer", False)
            assert server.n_requests == [2]


async def test_a_request_of_which_part_was_answered_is_not_sent_again():
    async def answer(line: Line, _request: str) -> bool:
        await line.say(OK if len(line.requests) == 1 else b"HTTP/1.1 20")
        return len(line.requests) == 1

    async with line_server(answer) as server, kept(catalog_with()) as performer:
        await perform(performer, url=server.url)
        assert (await failure(performer, url=server.url)).code == "http.bad_answer"
        assert server.n_requests == [2]


async def test_a_new_connection_without_an_answer_is_a_failure_at_once():
    async def answer(_line: Line, _request: str) -> bool:
        return False

    async with line_server(answer) as server, kept(catalog_with()) as performer:
        assert (await failure(performer, url=server.url)).code == "http.bad_answer"
        assert server.n_requests == [1]


@asynccontextmanager
async def abrupt_server(said: bytes):
    """Reads a little, answers, and is gone, with what it has not read."""

    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some(10)
        if said:
            await stream.send_all(said)
        await trio.testing.wait_all_tasks_blocked()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await stream.aclose()

    with socket.socket() as listener:
        # So little that the request cannot be on its way as a whole.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        async with trio.open_nursery() as nursery:
            listening = trio.SocketListener(trio.socket.from_stdlib_socket(listener.dup()))
            nursery.start_soon(trio.serve_listeners, serve, [listening])
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", "http.413"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", "http.413"),
        (b"HTTP/1.1 200 OK\r\n", "http.unreachable"),
        (b"", "http.unreachable"),
    ],
)
async def test_a_server_may_answer_and_be_gone_before_it_has_read_everything(said, code):
    async with abrupt_server(said) as url, kept(catalog_with()) as performer:
        found = await failure(performer, url=url, method="POST", body="x" * 1_000_000)
        assert found.code == code
        await idle(performer, 0)


class Deaf(ByteStream):
    """Has answered, and takes nothing any more."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.received = [b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"]

    @property
    def extra_attributes(self):
        return {SocketAttribute.remote_address: lambda: ("192.0.2.1", 80), SocketAttribute.raw_socket: lambda: self.socket}

    async def send(self, item: bytes) -> None:
        raise anyio.BrokenResourceError

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        return self.received.pop()

    async def send_eof(self) -> None:
        raise anyio.BrokenResourceError

    async def aclose(self) -> None:
        self.socket.close()


async def test_an_answer_counts_though_the_request_did_not_get_through_and_is_the_last():
    connection = Connection(Deaf())
    request = h11.Request(method="POST", target="/", headers=[("host", "a"), ("content-length", "2")])
    with anyio.CancelScope() as scope:
        answer = await connection.ask(request, b"hi", 10, Deadline(scope, 1.0, anyio.current_time() + 1.0))
    assert answer.status == 413
    assert not connection.renew()
    await connection.aclose()


@attrs.define(eq=False)
class Corked(trio.abc.Stream):
    """Sends nothing while it is corked, and everything at once then."""

    stream: trio.abc.Stream
    is_corked: bool = False
    waiting: bytes = b""

    async def send_all(self, data: bytes) -> None:
        self.waiting += data
        if not self.is_corked:
            await self.uncork()

    async def uncork(self) -> bool:
        self.is_corked, data, self.waiting = False, self.waiting, b""
        await self.stream.send_all(data)
        return True

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await self.stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self.stream.aclose()


async def test_encrypted_connections_are_kept_too(tmp_path, monkeypatch):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    async def answer(line: Line, request: str) -> bool:
        if "/more" not in request:
            return await line.say(OK)
        # Two records that come in as one, so that no socket tells of the second.
        corked = line.stream.transport_stream
        corked.is_corked = True
        await line.say(OK)
        await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        return await corked.uncork()

    wrap = lambda stream: trio.SSLStream(Corked(stream), context, server_side=True, https_compatible=True)  # noqa: E731
    async with line_server(answer, wrap=wrap) as server, kept(catalog_with()) as performer:
        url = server.url.replace("http:", "https:")
        for path in ("/", "/more", "/"):
            result = await perform(performer, url=url + path)
            assert isinstance(result, dict)
            assert result["text"] == "hi"
            if path == "/more":
                await idle(performer, 0)
        assert server.n_requests == [2, 1]


def test_what_is_left_of_an_encrypted_answer_is_seen():
    """It may have come in together with the answer, and then no socket tells."""
    authority, trusting = trustme.CA(), ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("a.example").configure_cert(context)
    authority.configure_trust(trusting)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(down, up, server_hostname="a.example")
    server = context.wrap_bio(up, down, server_side=True)
    for _ in range(3):
        for side in (client, server):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    assert _is_drained(client)
    server.write(b"first")
    server.write(b"second")
    assert client.read(100) == b"first"
    assert not _is_drained(client)
    client.read(100)
    assert _is_drained(client)
    down.write_eof()
    assert not _is_drained(client)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_a_server_that_cannot_encrypt_is_unreachable(said):
    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some(1_000)
            if said:
                await stream.send_all(said)

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery, kept(catalog_with()) as performer:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        url = f"https://127.0.0.1:{listener.socket.getsockname()[1]}"
        assert (await failure(performer, url=url)).code == "http.unreachable"
        nursery.cancel_scope.cancel()
