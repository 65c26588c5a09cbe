"""Checks before any handler sees a request: its host, its origin, its media type and its size."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

import anyio
import attrs
from starlette.requests import Request

from dagflow.model.wire.json_reader import JsonTextError, parse_json
from dagflow.web.limits import WebLimits
from dagflow.web.problems import Problem

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: Of every answer: it is data, never a page, in no frame and in no cache.
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@attrs.frozen
class Guard:
    """The checks of an application.

    Attributes:
        hosts: names that the `Host` header may have, without ports; empty for any.
        origins: origins beside the application's own whose pages may change something, such as `https://app.example.com`.
    """

    hosts: frozenset[str]
    origins: frozenset[str]
    limits: WebLimits

    def check(self, request: Request, *, is_signed: bool) -> None:
        """Check where a request comes from.

        A browser adds the origin of the page to every request that changes something; a request with a cookie and without an origin
        looks like a forged one.

        Raises:
            Problem: the host is another one, or the origin is foreign.
        """
        host = _name_of(request.headers.get("host", ""))
        if self.hosts and host not in self.hosts:
            raise Problem(403, "wrong_host", f"the host {host[:80]!r} is not one of this application", help="use its own name")
        if request.method in _SAFE or is_signed:
            return
        origin = request.headers.get("origin")
        if origin is None:
            if "cookie" in request.headers:
                raise Problem(
                    403,
                    "no_origin",
                    "a request with a cookie must have the header `Origin`",
                    help="send the origin of the page",
                )
            if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
                raise _foreign("null")
        elif origin not in self.origins and not _is_own(origin, request):
            raise _foreign(origin)

    async def body(self, request: Request, media: Collection[str]) -> bytes:
        """Read the body of a request.

        Raises:
            Problem: it is not of the media types, too large or too slow, or the client left.
        """
        self.check_media(request, media)
        return await self.raw(request)

    def check_media(self, request: Request, media: Collection[str]) -> None:
        """Raises Problem: the body is of none of these media types."""
        kind = media_type(request)
        is_json = kind == "application/json" or kind.endswith("+json")
        if kind not in media and not (is_json and "application/json" in media):
            got = kind[:80] or "no content type"
            raise Problem(
                415, "not_json", f"the body must be {' or '.join(media)}; got {got}", help="send JSON, with its content type"
            )

    async def raw(self, request: Request) -> bytes:
        """Read a body of any media type. Raises as `body`."""
        found = bytearray()
        try:
            with anyio.fail_after(self.limits.seconds):
                while True:
                    message = await request.receive()
                    if message["type"] != "http.request":
                        raise Problem(400, "bad_request", "the request ended before its body did", help="send it again")
                    found += message.get("body", b"")
                    if len(found) > self.limits.body:
                        raise _too_large(self.limits.body)
                    if not message.get("more_body", False):
                        return bytes(found)
        except TimeoutError:
            raise Problem(
                408, "too_slow", f"a request must come in within {self.limits.seconds:g} s", help="send it again"
            ) from None


def json_of(body: bytes) -> object:
    """Return the value of a body. Raises Problem: it is no JSON, or nested too deep."""
    try:
        return parse_json(body)
    except JsonTextError as error:
        raise Problem(400, "bad_json", f"the body must be JSON: {error}", help="correct the place") from None


def media_type(request: Request) -> str:
    """Return the media type of a request, in lower case and without parameters; "" if it has none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _too_large(most: int) -> Problem:
    return Problem(413, "too_large", f"a request must have at most {most} bytes", help="send less at once")


def _foreign(origin: str) -> Problem:
    return Problem(
        403,
        "foreign_origin",
        f"a page of {origin[:80]!r} may change nothing here",
        help="send the request from the application's own pages, or add the origin to `origins` of `dagflow.web.app`",
    )


def _is_own(origin: str, request: Request) -> bool:
    """Whether the origin has the host and the port that the request was sent to."""
    try:
        return bool(urlsplit(origin).netloc) and urlsplit(origin).netloc == request.headers.get("host", "")
    except ValueError:
        return False


def _name_of(host: str) -> str:
    """A host without its port, in lower case."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).strip("[]").lower()
