"""The action `slack`: a message to a channel, by an incoming webhook, with a bot's token, or into the outbox."""

from __future__ import annotations

from typing import ClassVar, Final

import attrs
import orjson

from dagflow.actions.builtin.outbox import Outbox
from dagflow.actions.builtin.registrar import ActionRegistrar
from dagflow.actions.builtin.settings import Settings
from dagflow.actions.failures import ActionFailed, Fatal, RetryAfter
from dagflow.actions.http_client.client import Bounds, ExchangeFailed, Request, send_request
from dagflow.actions.http_client.connection import Answer
from dagflow.actions.http_client.pool import Connections
from dagflow.actions.secrets import Redactor
from dagflow.model.typeguards import is_object
from dagflow.model.urls import parse_url

_MAX_ANSWER: Final = 64 * 1024
_OUTBOX_FILE: Final = "slack.jsonl"


@attrs.frozen
class SlackMessage:
    """The outcome of a message. `ts`: Slack's id of it within its channel; empty if Slack returns none."""

    flow_name: ClassVar[str] = ""
    ok: bool
    ts: str


def add_slack(catalog: ActionRegistrar, settings: Settings) -> None:
    """Add `slack` to a catalogue."""

    @catalog.action("slack", effect="effectful", runs="trio")
    async def post_to_slack(channel: str, text: str, connections: Connections) -> SlackMessage:
        """Post a message to a Slack channel."""
        if not settings.sends_slack:
            Outbox(settings.outbox).add_line(_OUTBOX_FILE, {"channel": channel, "text": text})
            return SlackMessage(ok=True, ts="")
        redactor = Redactor()
        redactor.add("slack_token", settings.slack_token)
        redactor.add("slack_webhook_url", settings.slack_webhook_url)
        return await _post(settings, channel, text, connections, redactor)


async def _post(settings: Settings, channel: str, text: str, connections: Connections, redactor: Redactor) -> SlackMessage:
    url = settings.slack_webhook_url
    headers = {"user-agent": "dagflow", "content-type": "application/json; charset=utf-8"}
    if settings.slack_token:
        url = f"{settings.slack_api_url}/chat.postMessage"
        headers["authorization"] = f"Bearer {settings.slack_token}"
    request = Request("POST", parse_url(url), headers, orjson.dumps({"channel": channel, "text": text}))
    bounds = Bounds(seconds=settings.timeout_seconds, max_bytes=_MAX_ANSWER, keep_seconds=settings.keep_seconds)
    try:
        # No address policy: the operator chose the address.
        answer = await send_request(request, None, connections=connections, bounds=bounds)
    except ExchangeFailed as error:
        raise ActionFailed(redactor.text(error.message), f"slack.{error.kind}") from None
    return _message(answer, is_webhook=not settings.slack_token)


def _message(response: Answer, *, is_webhook: bool) -> SlackMessage:
    body = response.content
    if response.status == 429:
        raise RetryAfter(_retry_after(response), "Slack asks to wait", code="slack.rate_limited")
    answer = body[:200].decode("utf-8", "replace")
    if response.status >= 500:
        raise ActionFailed(f"Slack answered {response.status}: {answer}", f"slack.{response.status}")
    if response.status != 200:
        raise Fatal(f"Slack answered {response.status}: {answer}", code=f"slack.{response.status}")
    if is_webhook:
        return SlackMessage(ok=True, ts="")
    if response.is_cut:
        raise ActionFailed(f"Slack's answer is longer than {_MAX_ANSWER} bytes", "slack.answer_too_large")
    try:
        result: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ActionFailed(f"Slack's answer is not JSON: {answer}", "slack.bad_answer") from None
    if not is_object(result) or result.get("ok") is not True:
        error = str(result.get("error", "unknown")) if is_object(result) else "unknown"
        raise Fatal(f"Slack refused the message: {error[:100]}", code=f"slack.{_word(error)}")
    return SlackMessage(ok=True, ts=str(result.get("ts", "")))


def _retry_after(response: Answer) -> float:
    """The delay that Slack asks for, in seconds: an hour at most, a minute for a malformed value."""
    text = response.headers.get("retry-after", "")
    return min(float(text), 3_600.0) if text.isascii() and text.isdigit() and len(text) < 9 else 60.0


def _word(text: str) -> str:
    return "".join(char for char in text[:40] if char.isascii() and (char.isalnum() or char == "_")) or "unknown"
