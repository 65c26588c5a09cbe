"""Webhooks: who signed them, and what they start."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping

import pytest

from dagflow import Service, UsageError
from dagflow.admission.requests import Stage
from dagflow.webhooks import GitHub, Hmac, Scheme, Slack, StandardWebhooks, Stripe, Unsigned, WebhookRefused
from tests.app.host import START, Host
from tests.service.world import Hand, finished
from tests.threats import signing
from tests.threats.signing import BODY, KEY, slack

SECOND = 10**9


def standard(secret: str, body: bytes, at: int) -> dict[str, str]:
    """With a signature of another version before the one that counts, as while a secret is rotated."""
    headers = signing.standard(secret, body, at)
    return headers | {"Webhook-Signature": f"v1a,x {headers['Webhook-Signature']}"}


def github(secret: str, body: bytes, at: int) -> dict[str, str]:
    return {**signing.github(secret, body, at), "X-GitHub-Delivery": "d1"}


def stripe(secret: str, body: bytes, at: int) -> dict[str, str]:
    signature = signing.stripe(secret, body, at)["Stripe-Signature"]
    return {"Stripe-Signature": signature.replace(",v1=", ",v1=00,v1=") + ",v0=1"}


def shop(secret: str, body: bytes, at: int) -> dict[str, str]:
    return {**signing.shop(secret, body, at), "X-Shop-Id": "s1"}


def of_shop(secrets: object) -> Scheme:
    return Hmac(secrets, header="X-Shop", prefix="v=", algorithm="sha512", encoding="base64", id_header="X-Shop-Id")  # type: ignore[arg-type]


SCHEMES: list[tuple[Callable[..., Scheme], Callable[[str, bytes, int], dict[str, str]], str, bool]] = [
    (StandardWebhooks, standard, "msg_1", True),
    (GitHub, github, "d1", False),
    (Stripe, stripe, "evt_1", True),
    (Slack, slack, "Ev1", True),
    (of_shop, shop, "s1", False),
]


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize(("scheme", "sign", "sender_id", "is_timed"), SCHEMES)
def test_each_scheme(
    scheme: Callable[..., Scheme], sign: Callable[[str, bytes, int], dict[str, str]], sender_id: str, is_timed: bool
) -> None:
    at = START // SECOND
    other = base64.b64encode(b"another key").decode()
    headers = lowered(sign(KEY, BODY, at))
    assert scheme(KEY).verify(headers, BODY, START) == sender_id
    assert scheme((other, KEY)).verify(headers, BODY, START + 300 * SECOND) == sender_id
    for wrong in (lambda: scheme(other).verify(headers, BODY, START), lambda: scheme(KEY).verify(headers, BODY + b" ", START)):
        with pytest.raises(WebhookRefused, match="not signed with any of the secrets"):
            wrong()
    with pytest.raises(WebhookRefused, match="must have the header"):
        scheme(KEY).verify({}, BODY, START)
    for late in (START + 301 * SECOND, START - 301 * SECOND):
        if is_timed:
            with pytest.raises(WebhookRefused, match="more than 300 seconds"):
                scheme(KEY).verify(headers, BODY, late)
        else:
            assert scheme(KEY).verify(headers, BODY, late) == sender_id
    with pytest.raises(UsageError, match="must have a secret"):
        scheme("")
    assert KEY not in repr(scheme(KEY))


def test_what_is_in_headers_never_breaks_a_scheme() -> None:
    for scheme, sign, _, _ in SCHEMES:
        for junk in ("", "é", "v1,", "t=,v1=", "sha256=\ud800", "9" * 400):
            headers = dict.fromkeys(lowered(sign(KEY, BODY, 1)), junk)
            with pytest.raises(WebhookRefused):
                scheme(KEY).verify(headers, BODY, START)
    assert len(hashlib.sha256(BODY).hexdigest()) == 64


FLOWS = """
type Payment { id: string, amount: int }
flow paid(id: string) -> string {
  on webhook "stripe" as p: Payment when p.amount > 1 with (id: p.id)
  sent = mail(to: id)
  return sent
}
flow any -> string {
  on webhook "open" as body
  sent = mail(to: string(body.n))
  return sent
}
"""


async def test_a_webhook_starts_flows_once_and_is_kept_as_it_came() -> None:
    host, hand = Host(), Hand()
    schemes = {"stripe": Stripe("whsec"), "open": Unsigned()}
    async with Service.open(":memory:", catalog=host.catalog, clock=hand, webhooks=schemes) as service:
        await service.publish(FLOWS, name="paid")
        version = await service.publish(FLOWS, name="any")
        assert version.manifest.webhooks == ("open",)
        headers = stripe("whsec", BODY, START // SECOND)
        first = await service.webhook("stripe", headers, BODY)
        assert [each.stage for each in first.outcomes] == [Stage.RUNNING]
        assert (await service.webhook("stripe", headers, BODY)).is_duplicate
        for n in (1, 2):
            assert len((await service.webhook("open", {}, f'{{"n": {n}}}'.encode())).runs) == 1
        await finished(service)
    assert host.calls == ["mail evt_1", "mail 1", "mail 2"]


async def test_what_is_no_webhook_starts_nothing() -> None:
    host = Host()
    forger = 'event "webhook/open" { raw: string }\nflow forge() -> int {\n  emit "webhook/open" (raw: "{}")\n  return 1\n}'
    async with Service.open(":memory:", catalog=host.catalog, webhooks={"open": Unsigned()}) as service:
        await service.publish(FLOWS, name="any")
        with pytest.raises(WebhookRefused, match="no scheme is bound to the webhook 'stripe'"):
            await service.webhook("stripe", {}, b"{}")
        with pytest.raises(UsageError, match="must be JSON in UTF-8") as failed:
            await service.webhook("open", {}, b'{"n": ')
        assert not isinstance(failed.value, WebhookRefused)  # its sender is known
        with pytest.raises(UsageError, match="must not begin with `webhook/`"):
            await service.send("webhook/open", {"raw": '{"n": 1}'})
        await service.publish(forger)
        await service.start("forge")
        await finished(service)
        answer = await service.webhook("open", {}, b'{"type": "url_verification", "challenge": "abc"}')
        assert (answer.answer, answer.outcomes) == ("abc", ())
        assert await service.requests("any") == []
    assert host.calls == []
