from __future__ import annotations

import json

import pytest

from dagflow.actions import ActionFailed, Catalog, Settings
from tests.actions.calls import call
from tests.actions.servers import answer_with, http_sink

TOKEN = "xoxb-very-secret"


def catalog_with(**changes: object) -> Catalog:
    return Catalog.builtin(Settings(**changes))  # type: ignore[arg-type]


async def test_without_a_server_messages_are_json_lines(tmp_path):
    catalog = catalog_with(outbox=tmp_path / "outbox")
    result = await call(catalog, "slack", channel="C1", text='Hi\n"é"')
    await call(catalog, "slack", channel="C2", text="")
    lines = (tmp_path / "outbox" / "slack.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"channel": "C1", "text": 'Hi\n"é"'}, {"channel": "C2", "text": ""}]
    assert result == {"ok": True, "ts": ""}
    assert str(catalog.interface.actions["slack"].result) == "{ok: bool, ts: string}"


async def test_a_token_posts_by_the_web_api():
    with http_sink(answer_with(200, b'{"ok": true, "ts": "171.5"}')) as sink:
        catalog = catalog_with(slack_token=TOKEN, slack_webhook_url="http://127.0.0.1:1/", slack_api_url=sink.url + "/api")
        assert await call(catalog, "slack", channel="C1", text="Hi") == {"ok": True, "ts": "171.5"}
    (request,) = sink.requests
    assert (request.method, request.path) == ("POST", "/api/chat.postMessage")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert json.loads(request.body) == {"channel": "C1", "text": "Hi"}


async def test_a_webhook_posts_to_its_address():
    with http_sink(answer_with(200, b"ok")) as sink:
        catalog = catalog_with(slack_webhook_url=sink.url + "/services/T/B/X")
        assert await call(catalog, "slack", channel="C1", text="Hi") == {"ok": True, "ts": ""}
    assert sink.requests[0].path == "/services/T/B/X"
    assert "authorization" not in sink.requests[0].headers


@pytest.mark.parametrize(
    ("answer", "code", "fatal", "delay"),
    [
        (answer_with(429, b"", {"Retry-After": "7"}), "slack.rate_limited", False, 7_000_000_000),
        (answer_with(429, b"", {"Retry-After": "soon"}), "slack.rate_limited", False, 60_000_000_000),
        (answer_with(429, b"", {"Retry-After": "99999999"}), "slack.rate_limited", False, 3_600_000_000_000),
        (answer_with(503, b"x"), "slack.503", False, None),
        (answer_with(403, b"x"), "slack.403", True, None),
        (answer_with(200, b'{"ok": false, "error": "channel_not_found"}'), "slack.channel_not_found", True, None),
        (answer_with(200, b'{"ok": false}'), "slack.unknown", True, None),
        (answer_with(200, b"[]"), "slack.unknown", True, None),
        (answer_with(200, b"<html>"), "slack.bad_answer", False, None),
        (answer_with(200, b"x" * 70_000), "slack.answer_too_large", False, None),
        (answer_with(302, b"", {"Location": "http://127.0.0.1:1/"}), "slack.302", True, None),
        (lambda handler, _: handler.wfile.write(b"nonsense\r\n\r\n"), "slack.bad_answer", False, None),
    ],
)
async def test_what_slack_answers_decides_about_a_retry(answer, code, fatal, delay):
    with http_sink(answer) as sink:
        catalog = catalog_with(slack_token=TOKEN, slack_api_url=sink.url)
        with pytest.raises(ActionFailed) as caught:
            await call(catalog, "slack", channel="C1", text="Hi")
    assert (caught.value.code, caught.value.fatal, caught.value.retry_after_ns) == (code, fatal, delay)
    assert TOKEN not in repr(caught.value)


async def test_an_answer_without_a_length_is_bounded_too():
    def endless(handler, _request):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while True:
            handler.wfile.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")

    with http_sink(endless) as sink, pytest.raises(ActionFailed, match="longer than 65536 bytes"):
        await call(catalog_with(slack_token=TOKEN, slack_api_url=sink.url), "slack", channel="C1", text="Hi")
