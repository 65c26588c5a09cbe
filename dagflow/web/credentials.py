"""Credentials in requests: a static token, API keys, and signed tokens."""

from __future__ import annotations

import hmac
from typing import Final

import attrs
from starlette.requests import Request

from dagflow.web.access import Principal, Role
from dagflow.web.keys import KeyFile
from dagflow.web.tokens import Tokens

_SCHEME: Final = "bearer "


def bearer(request: Request) -> str:
    """Return the credential in the header `Authorization: Bearer …`, or ""."""
    header = request.headers.get("authorization", "")
    return header[len(_SCHEME) :].strip() if header[: len(_SCHEME)].lower() == _SCHEME else ""


@attrs.frozen
class Credentials:
    """An `Authorize` for an application that stands by itself.

    Attributes:
        token: its holder may do everything as the tenant "".
        keys, tokens: those that are accepted.
        is_open: whether a request without a credential may do everything as the tenant "".
    """

    token: str | None = attrs.field(default=None, repr=False)
    keys: KeyFile | None = None
    tokens: Tokens | None = None
    is_open: bool = False

    def __call__(self, request: Request) -> Principal | None:
        """Return the principal of a request. Raises UsageError: the file of keys cannot be read."""
        given = bearer(request)
        if not given:
            return Principal("", Role.ADMIN) if self.is_open and "authorization" not in request.headers else None
        if self.token is not None and hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode()):
            return Principal("", Role.ADMIN, key="token")
        found = None if self.tokens is None else self.tokens.principal(given)
        return found or (None if self.keys is None else self.keys.principal(given))
