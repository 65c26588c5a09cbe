"""A webhook that is not what its sender signed starts nothing."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Mapping

import pytest

from dagflow import Service
from dagflow.webhooks import GitHub, Hmac, Scheme, Slack, StandardWebhooks, Stripe, WebhookRefused
from tests.app.host import START, Host
from tests.service.world import Hand
from tests.threats.signing import BODY, KEY, github, shop, slack, standard, stripe

SECOND = 10**9
AT = START // SECOND
#: Ten thousand in all.
N_EACH = 2_000

Sign = Callable[[str, bytes, int], dict[str, str]]


def of_shop(secrets: str) -> Scheme:
    return Hmac(secrets, header="X-Shop", prefix="v=", algorithm="sha512", encoding="base64")


SCHEMES: list[tuple[Callable[[str], Scheme], Sign, bool]] = [
    (StandardWebhooks, standard, True),
    (GitHub, github, False),
    (Stripe, stripe, True),
    (Slack, slack, True),
    (of_shop, shop, False),
]


def altered_body(body: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(body))
    return chance.choice(
        [
            body[:place] + bytes([body[place] ^ (1 << chance.randrange(8))]) + body[place + 1 :],
            body[:place],
            body[:place] + bytes([chance.randrange(256)]) + body[place:],
            body + chance.choice([b" ", b"\0", b"\n", body]),
            body.replace(b"5", b"5000"),
        ]
    )


def altered_text(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    # A hexadecimal digit may be written in two ways, and blanks around a header are no part of it.
    other = chance.choice([each for each in "0123456789ghijkxyz=,." if each.lower() != text[place].lower()])
    wide = "".join(chr(ord(each) + 0xFEE0) if each.isdigit() else each for each in text)
    return chance.choice(
        [
            text[:place] + other + text[place + 1 :],
            text[:place],
            text[place + 1 :],
            "",
            wide,
            text[::-1],
            text.partition("=")[2],
            text[: len(text) // 2],
        ]
    )


def forged(sign: Sign, chance: random.Random, *, is_timed: bool) -> tuple[dict[str, str], bytes]:
    """A webhook that differs from a signed one in one respect, in a part that the signature protects."""
    headers = sign(KEY, BODY, AT)
    match chance.choice(["body", "header", "missing", "secret", "old", "other"]):
        case "body":
            return headers, altered_body(BODY, chance)
        case "header":
            name = chance.choice([*headers])
            return headers | {name: altered_text(headers[name], chance)}, BODY
        case "missing":
            del headers[chance.choice([*headers])]
            return headers, BODY
        case "secret":
            return sign(base64.b64encode(chance.randbytes(12)).decode(), BODY, AT), BODY
        case "old" if is_timed:
            return sign(KEY, BODY, AT + chance.choice([-1, 1]) * chance.randrange(301, 10**6)), BODY
        case _:
            # The headers of one webhook with the body of another.
            return sign(KEY, altered_body(BODY, chance), AT), BODY


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize(("scheme", "sign", "is_timed"), SCHEMES)
def test_no_forged_webhook_is_accepted(scheme: Callable[[str], Scheme], sign: Sign, is_timed: bool) -> None:
    chance = random.Random(35)
    checking = scheme(KEY)
    checking.verify(lowered(sign(KEY, BODY, AT)), BODY, START)
    untouched = sign(KEY, BODY, AT), BODY
    n_refused = 0
    for _ in range(N_EACH):
        headers, body = forged(sign, chance, is_timed=is_timed)
        if (headers, body) == untouched:
            continue
        with pytest.raises(WebhookRefused):
            checking.verify(lowered(headers), body, START)
        n_refused += 1
    assert n_refused > N_EACH * 0.9


async def test_a_forged_webhook_starts_nothing_and_leaves_nothing() -> None:
    host, chance = Host(), random.Random(36)
    flow = 'flow paid(id: string) -> string {\n  on webhook "pay" as p with (id: string(p.id))\n  return mail(to: id)\n}'
    flow = flow.replace("  return mail(to: id)", "  sent = mail(to: id)\n  return sent")
    async with Service.open(":memory:", catalog=host.catalog, clock=Hand(), webhooks={"pay": Stripe(KEY)}) as service:
        await service.publish(flow)
        for _ in range(60):
            headers, body = forged(stripe, chance, is_timed=True)
            if (headers, body) != (stripe(KEY, BODY, AT), BODY):
                with pytest.raises(WebhookRefused):
                    await service.webhook("pay", lowered(headers), body)
        assert await service.runs() == []
        assert await service.requests("paid") == []
        assert len((await service.webhook("pay", lowered(stripe(KEY, BODY, AT)), BODY)).runs) == 1
