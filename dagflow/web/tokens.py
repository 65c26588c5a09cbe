"""Short-lived tokens that a host signs for the browsers of its users."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

import attrs
import orjson

from dagflow.clock import Clock, SystemClock
from dagflow.errors import UsageError
from dagflow.model.typeguards import is_list, is_object
from dagflow.web.access import Principal

#: Every token begins so.
PREFIX: Final = "dft_"
#: Seconds that a token may be valid for, at most.
MOST_SECONDS: Final = 86_400
_LEAST_SECRET: Final = 32
#: So that no signature made for something else is one of a token.
_CONTEXT: Final = b"dagflow token 1\n"
_SECOND: Final = 1_000_000_000


def _secrets(given: str | Iterable[str]) -> tuple[bytes, ...]:
    secrets = (given,) if isinstance(given, str) else tuple(given)
    if not secrets or any(len(each) < _LEAST_SECRET for each in secrets):
        raise UsageError(
            f"the secret of tokens must have at least {_LEAST_SECRET} characters; make one with"
            ' `python -c "import secrets; print(secrets.token_urlsafe(32))"`'
        )
    return tuple(each.encode() for each in secrets)


@attrs.frozen
class Tokens:
    """Issues tokens and verifies them. Their holder is the principal in them, until they expire.

    Attributes:
        secrets: one, or two while one replaces the other; the first one signs. At least 32 characters each.
        clock: tells when a token expires.

    Raises:
        UsageError: a secret is too short.
    """

    secrets: tuple[bytes, ...] = attrs.field(converter=_secrets, repr=False)
    clock: Clock = attrs.field(factory=SystemClock, kw_only=True)

    def issue(self, principal: Principal, *, seconds: int = 900) -> str:
        """Return a token for a principal.

        Args:
            principal: its tenant, role, flows and key.
            seconds: how long the token is valid, at most a day.

        Raises:
            UsageError: that is too long, or not at all.
        """
        if not 0 < seconds <= MOST_SECONDS:
            raise UsageError(f"a token must be valid for 1 to {MOST_SECONDS} seconds; got {seconds}")
        flows = None if principal.flows is None else sorted(principal.flows)
        expires = self.clock.now() // _SECOND + seconds
        fields = {"tenant": principal.tenant, "role": principal.role, "flows": flows, "key": principal.key, "expires": expires}
        body = _text(orjson.dumps(fields))
        return f"{PREFIX}{body}.{_text(_signature(self.secrets[0], body))}"

    def principal(self, token: str) -> Principal | None:
        """Return the principal of a token; None if no secret signed it, or it has expired."""
        body, sign, signature = token.removeprefix(PREFIX).partition(".")
        if not token.startswith(PREFIX) or not sign or not token.isascii():
            return None
        # All of them are compared, so that time tells nothing.
        matches = [hmac.compare_digest(_text(_signature(secret, body)), signature) for secret in self.secrets]
        return self._read(body) if any(matches) else None

    def _read(self, body: str) -> Principal | None:
        """Read a body that one of the secrets has signed; None if it has expired."""
        try:
            fields: object = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (binascii.Error, ValueError):
            return None
        if not is_object(fields) or not isinstance(expires := fields.get("expires"), int):
            return None
        if expires <= self.clock.now() // _SECOND:
            return None
        flows = fields.get("flows")
        names = frozenset(map(str, flows)) if is_list(flows) else None
        return Principal(str(fields["tenant"]), str(fields["role"]), names, key=str(fields["key"]))


def _signature(secret: bytes, body: str) -> bytes:
    return hmac.new(secret, _CONTEXT + body.encode(), hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
