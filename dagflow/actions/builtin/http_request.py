"""The action `http.request`: one request to a public server, bounded in size, time and redirects."""

from __future__ import annotations

import base64
import re
import unicodedata
from typing import Any, ClassVar, Final, Literal, TypeAlias

import anyio
import attrs
import orjson

from dagflow.actions.builtin.registrar import ActionRegistrar
from dagflow.actions.builtin.settings import Settings
from dagflow.actions.failures import ActionFailed, Fatal, RetryAfter
from dagflow.actions.http_client.bodies import read_body
from dagflow.actions.http_client.client import Bounds, ExchangeFailed, Request, send_request
from dagflow.actions.http_client.connection import Answer
from dagflow.actions.http_client.egress_policy import AddressPolicy
from dagflow.actions.http_client.pool import Connections
from dagflow.actions.markers import EffectKey, Secret, Url
from dagflow.actions.outgoing import outgoing_headers
from dagflow.model.urls import ParsedUrl, parse_url

MAX_BODY: Final = 1024 * 1024
MAX_REQUEST: Final = 1024 * 1024
MAX_REDIRECTS: Final = 5
#: For everything together, redirects included.
TOTAL_SECONDS: Final = 30.0
_MAX_HEADERS: Final = 50
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
#: Headers for framing or the connection; dagflow sets them itself.
_OURS: Final = frozenset(
    [
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
#: Headers that are not forwarded to another origin.
_PERSONAL: Final = frozenset({"authorization", "cookie", "idempotency-key"})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TRANSIENT: Final = frozenset({408, 425, 429})

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]


@attrs.frozen
class HttpResponse:
    """A server's answer.

    Attributes:
        headers: by name in lower case; repeated ones joined with `, `.
        body: the content, if it is JSON that can be stored, else null.
        text: the content, if `body` does not have it, else empty.
        body_error: why the content does not match its declared type or is incomplete; null for no error.
    """

    flow_name: ClassVar[str] = ""
    status: int
    headers: dict[str, str]
    body: Any
    text: str
    body_error: str | None = None


def add_http(catalog: ActionRegistrar, settings: Settings) -> None:
    """Add `http.request` to a catalogue."""
    policy = AddressPolicy(settings.http_allow_hosts, settings.http_allow_networks)

    @catalog.action("http.request", effect="effectful", destination="url", runs="trio")
    async def http_request(
        *,
        url: Url,
        key: EffectKey,
        connections: Connections,
        method: Method = "GET",
        headers: dict[str, str] | None = None,
        body: Any | None = None,
        token: Secret | None = None,
        token_as: str = "Bearer",  # noqa: S107 - the name of a scheme
    ) -> HttpResponse:
        """Send a request to a server and read its answer."""
        request = _request(method, url, headers or {}, body=body, token=token, token_as=token_as, key=key)
        bounds = Bounds(
            seconds=settings.timeout_seconds,
            max_bytes=MAX_BODY,
            keep_seconds=settings.keep_seconds,
            until=anyio.current_time() + TOTAL_SECONDS,
        )
        request, answer = await _follow(request, policy, connections, bounds)
        _raise_for_status(request, answer, has_secret=token is not None)
        is_expected = request.method != "HEAD" and answer.status not in {204, 205}
        found = await read_body(answer, is_expected=is_expected)
        return HttpResponse(answer.status, answer.headers, found.value, found.text, found.error)


def _request(method: str, url: str, given: dict[str, str], *, body: Any, token: str | None, token_as: str, key: str) -> Request:
    headers = {"user-agent": "dagflow", "accept": "*/*", "idempotency-key": key, **outgoing_headers.get()}
    content = b""
    if body is not None:
        content = orjson.dumps(body)
        headers["content-type"] = "application/json"
        if len(content) > MAX_REQUEST:
            raise Fatal(f"the body has {len(content)} bytes; at most {MAX_REQUEST} are sent", code="http.request_too_large")
    if len(given) > _MAX_HEADERS:
        raise Fatal(f"{len(given)} headers are given; at most {_MAX_HEADERS} are sent", code="bad_header")
    for name, value in given.items():
        _check_header(name, value)
        headers[name.lower()] = value
    secret_name = ""
    if token is not None:
        name, value = _with_token(token, token_as)
        _check_header(name, value)
        secret_name = name.lower()
        headers[secret_name] = value
    return Request(method, _parsed_url(url), headers, content, secret_name)


def _with_token(token: str, token_as: str) -> tuple[str, str]:
    """The header that carries a token: `Authorization` with a scheme, or the named header with the bare token."""
    if not token.strip():
        raise Fatal("the secret for `token` is empty", code="bad_header")
    match token_as.lower():
        case "bearer":
            return "Authorization", f"Bearer {token}"
        case "basic":
            return "Authorization", f"Basic {base64.b64encode(token.encode()).decode()}"
        case _:
            return token_as, token


def _check_header(name: str, value: str) -> None:
    if _TOKEN.fullmatch(name) is None:
        raise Fatal(f"`{name[:100]}` is not a valid header name", code="bad_header")
    if name.lower() in _OURS or name.lower().startswith("proxy-"):
        raise Fatal(f"dagflow sets the header {name}; remove it", code="bad_header")
    # Without the value, which may be confidential.
    is_line = value.isascii() and not any(unicodedata.category(char) == "Cc" for char in value) and len(value) <= 8_192
    if not is_line or value != value.strip():
        wanted = "one line of ASCII of at most 8192 characters, without blanks around it"
        raise Fatal(f"the value of the header {name} is not {wanted}", code="bad_header")


def _parsed_url(text: str) -> ParsedUrl:
    try:
        return parse_url(text)
    except ValueError as error:
        reason = str(error)
    if reason.endswith("a name or a password"):
        raise Fatal(
            "an address must not contain a name or password; use `token`, with `Basic` as `token_as` if needed", code="bad_url"
        )
    raise Fatal(f"`{text[:200]}` is no address: {reason}", code="bad_url")


async def _follow(request: Request, policy: AddressPolicy, connections: Connections, bounds: Bounds) -> tuple[Request, Answer]:
    """Return the last request and its answer. Each redirect is a request of its own with all checks; it confers
    no trust.
    """
    for _ in range(MAX_REDIRECTS + 1):
        try:
            answer = await send_request(request, policy, connections=connections, bounds=bounds)
        except ExchangeFailed as error:
            raise ActionFailed(error.message, f"http.{error.kind}", error.is_final) from None
        location = answer.headers.get("location")
        if answer.status not in _REDIRECTS or location is None:
            return request, answer
        request = _redirected(request, answer.status, location)
    raise Fatal(f"more than {MAX_REDIRECTS} redirects, the last to {request.url.host}", code="http.too_many_redirects")


def _redirected(request: Request, status: int, location: str) -> Request:
    try:
        url = request.url.join(location)
    except ValueError as error:
        raise Fatal(f"a redirect to no address: {error}", code="bad_url") from None
    headers, method, content = dict(request.headers), request.method, request.content
    if url.origin != request.url.origin:
        headers = {name: value for name, value in headers.items() if name not in _PERSONAL and name != request.secret_header}
    if status == 303 or (status in {301, 302} and method == "POST"):
        method, content = ("HEAD" if method == "HEAD" else "GET"), b""
        headers.pop("content-type", None)
    return Request(method, url, headers, content, request.secret_header)


def _raise_for_status(request: Request, answer: Answer, *, has_secret: bool) -> None:
    status = answer.status
    if status < 400:
        return
    # A server may repeat a secret that it received.
    said = "" if has_secret else answer.content[:200].decode("utf-8", "replace")
    message = f"{request.url.host} answered {status}" + (f": {said}" if said else "")
    if status in {429, 503} and (seconds := answer.headers.get("retry-after", "")).isascii() and seconds.isdigit():
        raise RetryAfter(min(float(seconds[:9]), 86_400.0), message, code=f"http.{status}")
    if status >= 500 or status in _TRANSIENT:
        raise ActionFailed(message, f"http.{status}")
    raise Fatal(message, code=f"http.{status}")
