from __future__ import annotations

import gc
import warnings

import pytest
import trio
import trio.testing

import dagflow
from dagflow.model.values import Secret as Handle
from tests.actions.calls import call
from tests.actions.lines import OK, Line, catalog_with, failure, idle, kept, line_server, perform


async def test_requests_to_one_server_share_a_connection():
    async with line_server() as server, kept(catalog_with()) as performer:
        for method in ("GET", "POST", "PUT", "GET"):
            assert await perform(performer, url=server.url, method=method)
        assert server.n_requests == [4]
        assert not any("connection:" in request.lower() for request in server.lines[0].requests)


async def test_without_anybody_to_close_them_none_are_kept():
    async with line_server() as server:
        catalog = catalog_with()
        for _ in range(2):
            await call(catalog, "http.request", url=server.url)
        assert server.n_requests == [1, 1]
        assert all("connection: close" in line.requests[0].lower() for line in server.lines)


async def test_requests_at_once_have_connections_of_their_own_and_share_those_later():
    async with line_server() as server, kept(catalog_with()) as performer:
        for _ in range(2):
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(lambda: perform(performer, url=server.url))
        assert sum(server.n_requests) == 10
        assert len(server.lines) == 5


async def test_nothing_of_a_call_is_in_the_next():
    async def answer(line: Line, _request: str) -> bool:
        return await line.say(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")

    async with line_server(answer) as server, kept(catalog_with()) as performer:
        await perform(
            performer, url=server.url, token=Handle("token"), headers={"Cookie": "c=d", "X-Own": "e"}, method="POST", body=1
        )
        await perform(performer, url=server.url + "/next")
        assert server.n_requests == [2]
        head = server.lines[0].requests[1].lower()
    assert head.split("\r\n")[0] == "get /next http/1.1"
    names = {line.partition(":")[0] for line in head.split("\r\n")[1:] if line}
    assert names == {"host", "accept-encoding", "user-agent", "accept", "idempotency-key"}


async def test_a_kept_connection_is_no_way_around_the_policy():
    async with line_server() as server:
        catalog = catalog_with(http_allow_networks=(), slack_webhook_url=server.url)
        async with kept(catalog) as performer:
            await perform(performer, "slack", channel="C", text="Hi")
            assert len(performer._connections) == 1
            assert (await failure(performer, url=server.url)).code == "http.address_refused"
            await perform(performer, "slack", channel="C", text="Hi")
        assert server.n_requests == [2]


async def test_what_one_policy_let_through_is_kept_from_the_others():
    async with line_server() as server:
        catalog = catalog_with(slack_webhook_url=server.url)
        async with kept(catalog) as performer:
            await perform(performer, "slack", channel="C", text="Hi")
            await perform(performer, url=server.url)
        assert server.n_requests == [1, 1]


async def test_a_name_that_moved_is_not_reached_where_it_was(monkeypatch, mock_clock):
    where = ["127.0.0.1"]

    async def resolve(_host, _port):
        return tuple(where)

    monkeypatch.setattr("dagflow.actions.http_client.dial.resolved", resolve)
    async with line_server(host="0.0.0.0") as server, kept(catalog_with()) as performer:
        url = f"http://rebinding.example:{server.port}/"
        await perform(performer, url=url)
        where[:] = ["127.0.0.2"]
        await perform(performer, url=url)
        assert server.n_requests == [2]
        # The resolver is asked again after a moment; what is kept is not closed yet.
        mock_clock.jump(2.1)
        await perform(performer, url=url)
        assert server.n_requests == [2, 1]
        for addresses in (["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["::ffff:127.0.0.1"]):
            mock_clock.jump(2.1)
            where[:] = addresses
            assert (await failure(performer, url=url)).code == "http.address_refused"
        assert sum(server.n_requests) == 3


async def test_a_name_looked_up_for_one_policy_is_checked_by_the_other(monkeypatch):
    async def resolve(_host, _port):
        return ("127.0.0.1",)

    monkeypatch.setattr("dagflow.actions.http_client.dial.resolved", resolve)
    async with line_server() as server:
        url = f"http://hooks.example:{server.port}/"
        async with kept(catalog_with(http_allow_networks=(), slack_webhook_url=url)) as performer:
            await perform(performer, "slack", channel="C", text="Hi")
            assert (await failure(performer, url=url)).code == "http.address_refused"


async def test_a_name_is_looked_up_again_after_nobody_was_there(monkeypatch):
    answers = [("127.0.0.1",), ("127.0.0.2",)]

    async def resolve(_host, _port):
        return answers.pop(0)

    monkeypatch.setattr("dagflow.actions.http_client.dial.resolved", resolve)
    async with line_server(host="127.0.0.2") as server, kept(catalog_with()) as performer:
        url = f"http://moving.example:{server.port}/"
        assert (await failure(performer, url=url)).code == "http.unreachable"
        await perform(performer, url=url)


async def test_a_redirect_to_another_name_is_checked_and_connected_anew():
    async def answer(line: Line, request: str) -> bool:
        if request.startswith("GET /there "):
            return await line.say(OK)
        return await line.say(
            f"HTTP/1.1 302 X\r\nLocation: http://localhost:{server.port}/there\r\nContent-Length: 0\r\n\r\n".encode()
        )

    async with line_server(answer) as server, kept(catalog_with()) as performer:
        await perform(performer, url=server.url)
        assert server.n_requests == [1, 1]


@pytest.mark.parametrize(
    "said",
    [
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        OK.replace(b"\r\n\r\n", b"\r\nKeep-Alive: max=3, timeout=1\r\n\r\n"),
        OK.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
)
async def test_a_connection_is_not_used_again_after(said):
    async with line_server(lambda line, _request: line.say(said)) as server, kept(catalog_with()) as performer:
        for _ in range(2):
            result = await perform(performer, url=server.url)
            assert isinstance(result, dict)
            assert result["text"] == "hi"
        assert server.n_requests == [1, 1]


@pytest.mark.parametrize("offer", [b"timeout=5", b"timeout=soon", b"max=100"])
async def test_a_connection_is_used_again_after_an_offer_of(offer):
    said = OK.replace(b"\r\n\r\n", b"\r\nKeep-Alive: " + offer + b"\r\n\r\n")
    async with line_server(lambda line, _request: line.say(said)) as server, kept(catalog_with()) as performer:
        for _ in range(2):
            await perform(performer, url=server.url)
        assert server.n_requests == [2]


async def test_what_comes_unasked_ends_a_connection():
    async with line_server() as server, kept(catalog_with()) as performer:
        await perform(performer, url=server.url)
        await trio.testing.wait_all_tasks_blocked()
        await server.lines[0].say(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        await idle(performer, 0)
        result = await perform(performer, url=server.url)
        assert isinstance(result, dict)
        assert result["text"] == "hi"
        assert server.n_requests == [1, 1]


async def test_keeping_can_be_turned_off():
    async with line_server() as server, kept(catalog_with(keep_seconds=0.0)) as performer:
        for _ in range(2):
            await perform(performer, url=server.url)
        assert server.n_requests == [1, 1]


async def test_what_may_not_be_sent_twice_takes_only_a_fresh_connection(mock_clock):
    async with line_server() as server, kept(catalog_with(keep_seconds=60.0)) as performer:
        await perform(performer, url=server.url)
        for seconds, method, n_requests in (
            (0.9, "POST", [2]),
            (1.1, "POST", [2, 1]),
            (1.1, "DELETE", [2, 1, 1]),
            (5, "GET", [2, 1, 2]),
        ):
            mock_clock.jump(seconds)
            await perform(performer, url=server.url, method=method)
            assert server.n_requests == n_requests


async def test_connections_are_closed_when_their_time_is_over(mock_clock):
    async with line_server() as server, kept(catalog_with()) as performer:
        await perform(performer, url=server.url)
        assert (len(performer._connections), server.n_open) == (1, 1)
        mock_clock.jump(3.0)
        await trio.testing.wait_all_tasks_blocked()
        assert len(performer._connections) == 1
        mock_clock.jump(1.1)
        while server.n_open:
            await trio.testing.wait_all_tasks_blocked()
        assert len(performer._connections) == 0


async def test_a_call_that_is_given_up_closes_its_connection():
    async def silent(line: Line, _request: str) -> bool:
        assert await line.request() == ""
        return False

    async with line_server(silent) as server, kept(catalog_with()) as performer:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: perform(performer, url=server.url))
            while not (server.lines and server.lines[0].requests):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert len(performer._connections) == 0
        while server.n_open:
            await trio.lowlevel.checkpoint()


async def test_an_interpreter_keeps_connections_and_leaves_none():
    async with line_server() as server:
        catalog = catalog_with()
        steps = "\n".join(f'  s{n} = http.request(url: "{server.url}/{n}")' for n in range(2))
        flow = dagflow.compile(f"flow asks() {{\n  on manual\n{steps}\n}}\n", catalog=catalog).unwrap()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            async with dagflow.Interpreter.open(":memory:", catalog=catalog) as interpreter:
                for _ in range(3):
                    result = await (await interpreter.start(flow)).wait()
                    assert result.status is dagflow.RunStatus.SUCCEEDED
                assert sum(server.n_requests) == 6
                assert len(server.lines) <= 2
            gc.collect()
        while server.n_open:
            await trio.lowlevel.checkpoint()
