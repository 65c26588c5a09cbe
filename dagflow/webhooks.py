"""Verification of webhooks: the signature schemes of senders, each with the secrets that a sender shares with the host.

The host binds a scheme to the name of a webhook, see `Service.open`. A scheme accepts two secrets while one replaces the other.
Comparison takes the same time for every wrong signature. A signature with a timestamp is valid for five minutes around it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Final, Literal, Protocol, cast

import attrs
import orjson

from dagflow.errors import UsageError

#: The greatest difference between the timestamp of a signature and the clock, in seconds.
FRESH_SECONDS: Final = 300
_SECOND: Final = 1_000_000_000


class WebhookRefused(UsageError):  # noqa: N818 - the outcome for the webhook
    """A webhook is refused: its name is unknown, or its signature is wrong or too old."""


class Scheme(Protocol):
    """The signature scheme of a sender."""

    def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> str:
        """Check a webhook.

        Args:
            headers: by their names in lower case.
            body: as it came.
            now: nanoseconds since 1970 UTC.

        Returns:
            The sender's id of this webhook, the same when it is sent again; "" if it has none.

        Raises:
            WebhookRefused: it is not signed with any of the secrets, or not lately.
        """
        ...


def _secrets(given: str | Iterable[str]) -> tuple[str, ...]:
    secrets = (given,) if isinstance(given, str) else tuple(given)
    if not secrets or not all(secrets):
        raise UsageError("a webhook's scheme must have a secret of at least one character; use `Unsigned()` for none")
    return secrets


@attrs.frozen
class StandardWebhooks:
    """standardwebhooks.com: `webhook-id`, `webhook-timestamp`, `webhook-signature`; secrets begin with `whsec_`."""

    secrets: tuple[str, ...] = attrs.field(converter=_secrets, repr=False)

    def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> str:
        """See `Scheme`."""
        webhook_id, at = _header(headers, "webhook-id"), _header(headers, "webhook-timestamp")
        _check_fresh(at, now)
        given = [part[3:] for part in _header(headers, "webhook-signature").split() if part.startswith("v1,")]
        content = f"{webhook_id}.{at}.".encode() + body
        expected = [base64.b64encode(_hmac(_decoded(secret), content)).decode() for secret in self.secrets]
        _check_any(given, expected)
        return webhook_id


@attrs.frozen
class GitHub:
    """`X-Hub-Signature-256`. It carries no time, and its delivery id is not signed."""

    secrets: tuple[str, ...] = attrs.field(converter=_secrets, repr=False)

    def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> str:  # noqa: ARG002 - see `Scheme`
        """See `Scheme`."""
        given = _without(_header(headers, "x-hub-signature-256"), "sha256=")
        _check_any([given], [_hmac(secret.encode(), body).hex() for secret in self.secrets])
        return headers.get("x-github-delivery", "")


@attrs.frozen
class Stripe:
    """`Stripe-Signature: t=…,v1=…`; the id is that of the event in the body."""

    secrets: tuple[str, ...] = attrs.field(converter=_secrets, repr=False)

    def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> str:
        """See `Scheme`."""
        parts = [part.strip().partition("=") for part in _header(headers, "stripe-signature").split(",")]
        at = next((value for name, _, value in parts if name == "t"), "")
        _check_fresh(at, now)
        content = at.encode() + b"." + body
        given = [value for name, _, value in parts if name == "v1"]
        _check_any(given, [_hmac(secret.encode(), content).hex() for secret in self.secrets])
        return _field_of(body, "id")


@attrs.frozen
class Slack:
    """`X-Slack-Signature: v0=…` and `X-Slack-Request-Timestamp`; the id is that of the event in the body."""

    secrets: tuple[str, ...] = attrs.field(converter=_secrets, repr=False)

    def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> str:
        """See `Scheme`."""
        at = _header(headers, "x-slack-request-timestamp")
        _check_fresh(at, now)
        content = b"v0:" + at.encode() + b":" + body
        given = _without(_header(headers, "x-slack-signature"), "v0=")
        _check_any([given], [_hmac(secret.encode(), content).hex() for secret in self.secrets])
        return _field_of(body, "event_id")


@attrs.frozen
class Hmac:
    """Any sender whose signature is an HMAC of the body alone. It carries no time.

    Attributes:
        header: the header with the signature. prefix: the text before the signature there, such as `sha256=`.
        algorithm, encoding: of the signature.
        id_header: the header with the sender's id of the webhook, or "".
    """

    secrets: tuple[str, ...] = attrs.field(converter=_secrets, repr=False)
    header: str = attrs.field(kw_only=True)
    prefix: str = attrs.field(default="", kw_only=True)
    algorithm: Literal["sha256", "sha512", "sha1"] = attrs.field(default="sha256", kw_only=True)
    encoding: Literal["hex", "base64"] = attrs.field(default="hex", kw_only=True)
    id_header: str = attrs.field(default="", kw_only=True)

    def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> str:  # noqa: ARG002 - see `Scheme`
        """See `Scheme`."""
        digests = [hmac.new(secret.encode(), body, self.algorithm).digest() for secret in self.secrets]
        expected = [each.hex() if self.encoding == "hex" else base64.b64encode(each).decode() for each in digests]
        _check_any([_without(_header(headers, self.header.lower()), self.prefix)], expected)
        return headers.get(self.id_header.lower(), "") if self.id_header else ""


@attrs.frozen
class Unsigned:
    """No signature: anyone who knows the address may send. For tests, and behind a proxy that verifies senders."""

    def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> str:  # noqa: ARG002 - see `Scheme`
        """See `Scheme`."""
        return headers.get("webhook-id", "")


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise WebhookRefused(f"the webhook must have the header `{name}`; got none")
    return value


def _check_fresh(at: str, now: int) -> None:
    if not at.isascii() or not at.isdigit() or len(at) > 12:
        raise WebhookRefused("the time of a webhook must be whole seconds since 1970")
    if abs(int(at) - now // _SECOND) > FRESH_SECONDS:
        raise WebhookRefused(
            f"the webhook was signed more than {FRESH_SECONDS} seconds ago, or is of the future; check the clocks"
        )


def _without(header: str, prefix: str) -> str:
    if not header.startswith(prefix):
        raise _wrong()
    return header.removeprefix(prefix)


def _check_any(given: Iterable[str], expected: Iterable[str]) -> None:
    wanted = [each.encode() for each in expected]
    # All of them are compared, so that time tells nothing.
    found = [hmac.compare_digest(one.encode("utf-8", "replace"), each) for one in given for each in wanted]
    if not any(found):
        raise _wrong()


def _wrong() -> WebhookRefused:
    return WebhookRefused("the webhook is not signed with any of the secrets; check the one bound to its name")


def _hmac(secret: bytes, content: bytes) -> bytes:
    return hmac.new(secret, content, hashlib.sha256).digest()


def _decoded(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("a secret of Standard Webhooks must be `whsec_` and base64") from None


def _field_of(body: bytes, name: str) -> str:
    try:
        value = cast("object", orjson.loads(body))
    except orjson.JSONDecodeError:
        return ""
    found = cast("dict[str, object]", value).get(name, "") if isinstance(value, dict) else ""
    return found if isinstance(found, str) else ""
