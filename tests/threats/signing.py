"""Signs webhooks as their senders do."""

from __future__ import annotations

import base64
import hmac

BODY = b'{"id": "evt_1", "event_id": "Ev1", "amount": 5}'
KEY = base64.b64encode(b"standard key").decode()


def signed(secret: bytes, content: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(secret, content, algorithm).digest()


def standard(secret: str, body: bytes, at: int) -> dict[str, str]:
    content = f"msg_1.{at}.".encode() + body
    signature = base64.b64encode(signed(base64.b64decode(secret), content)).decode()
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(at), "Webhook-Signature": f"v1,{signature}"}


def github(secret: str, body: bytes, _at: int) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + signed(secret.encode(), body).hex()}


def stripe(secret: str, body: bytes, at: int) -> dict[str, str]:
    return {"Stripe-Signature": f"t={at},v1={signed(secret.encode(), f'{at}.'.encode() + body).hex()}"}


def slack(secret: str, body: bytes, at: int) -> dict[str, str]:
    signature = signed(secret.encode(), f"v0:{at}:".encode() + body).hex()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={signature}"}


def shop(secret: str, body: bytes, _at: int) -> dict[str, str]:
    return {"X-Shop": "v=" + base64.b64encode(signed(secret.encode(), body, "sha512")).decode()}
