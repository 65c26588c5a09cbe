"""The action `slack`: a message to a channel, by an incoming webhook, with a bot's token, or into the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import attrs
import httpx
import orjson

from dagflow.actions.bounded import TooLarge, read_bounded
from dagflow.actions.failures import ActionFailed, Fatal, RetryAfter
from dagflow.actions.outbox import Outbox
from dagflow.actions.secrets import Redactor
from dagflow.actions.settings import Settings

if TYPE_CHECKING:
    from dagflow.actions.registry import Catalog

_MAX_ANSWER: Final = 64 * 1024
_OUTBOX_FILE: Final = "slack.jsonl"


@attrs.frozen
class SlackMessage:
    """What became of a message. `ts`: Slack's id of it within its channel; empty where Slack tells none."""

    flow_name: ClassVar[str] = ""
    ok: bool
    ts: str


def add_slack(catalog: Catalog, settings: Settings) -> None:
    """Add `slack` to a catalogue."""

    @catalog.action("slack", effect="effectful")
    async def post_to_slack(channel: str, text: str) -> SlackMessage:
        """Post a message to a Slack channel."""
        if not settings.sends_slack:
            Outbox(settings.outbox).add_line(_OUTBOX_FILE, {"channel": channel, "text": text})
            return SlackMessage(ok=True, ts="")
        redactor = Redactor()
        redactor.add("slack_token", settings.slack_token)
        redactor.add("slack_webhook_url", settings.slack_webhook_url)
        return await _post(settings, channel, text, redactor)


async def _post(settings: Settings, channel: str, text: str, redactor: Redactor) -> SlackMessage:
    message = {"channel": channel, "text": text}
    url, headers = settings.slack_webhook_url, {"Accept-Encoding": "identity"}
    if settings.slack_token:
        url = f"{settings.slack_api_url}/chat.postMessage"
        headers |= {"Authorization": f"Bearer {settings.slack_token}"}
    failure: ActionFailed
    try:
        async with (
            httpx.AsyncClient(timeout=settings.timeout_seconds, trust_env=False) as client,
            client.stream("POST", url, json=message, headers=headers) as response,
        ):
            body = await read_bounded(response, _MAX_ANSWER)
            return _answer(response, body, is_webhook=not settings.slack_token)
    except TooLarge:
        failure = ActionFailed("slack.bad_answer", "Slack's answer is far too long")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        failure = ActionFailed("slack.unreachable", redactor.text(f"Slack cannot be reached: {type(error).__name__} {error}"))
    raise failure


def _answer(response: httpx.Response, body: bytes, *, is_webhook: bool) -> SlackMessage:
    if response.status_code == 429:
        raise RetryAfter(_retry_after(response), "Slack asks to wait", code="slack.rate_limited")
    answer = body[:200].decode("utf-8", "replace")
    if response.status_code >= 500:
        raise ActionFailed(f"slack.{response.status_code}", f"Slack answered {response.status_code}: {answer}")
    if response.status_code != 200:
        raise Fatal(f"Slack answered {response.status_code}: {answer}", code=f"slack.{response.status_code}")
    if is_webhook:
        return SlackMessage(ok=True, ts="")
    try:
        result = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ActionFailed("slack.bad_answer", f"Slack's answer is not JSON: {answer}") from None
    if not isinstance(result, dict) or result.get("ok") is not True:
        error = str(result.get("error", "unknown")) if isinstance(result, dict) else "unknown"
        raise Fatal(f"Slack refused the message: {error[:100]}", code=f"slack.{_word(error)}")
    return SlackMessage(ok=True, ts=str(result.get("ts", "")))


def _retry_after(response: httpx.Response) -> float:
    """Slack gives seconds; anything odd counts as a minute, anything huge as an hour."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), 3_600.0) if text.isascii() and text.isdigit() and len(text) < 9 else 60.0


def _word(text: str) -> str:
    return "".join(char for char in text[:40] if char.isascii() and (char.isalnum() or char == "_")) or "unknown"
