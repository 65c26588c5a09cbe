"""One HTTP request and its answer, over a connection of its own, bounded in size and time. No proxies, no redirects."""

from __future__ import annotations

from typing import Final, Literal

import attrs
import httpcore
import httpx

from dagflow.actions.addresses import AddressPolicy
from dagflow.actions.guarded import AddressRefused, GuardedBackend, TooMuchRead

#: On top of a body's limit, for headers and the framing of chunks.
_FRAMING: Final = 256 * 1024


@attrs.frozen
class Request:
    """What is sent. `headers`: names in lower case, without those that frame the message."""

    method: str
    url: httpx.URL
    headers: dict[str, str]
    content: bytes = attrs.field(default=b"", repr=False)


@attrs.frozen
class Answer:
    """What came back. `headers`: names in lower case, repeated ones joined with `, `."""

    status: int
    headers: dict[str, str]
    content: bytes = attrs.field(repr=False)


class ExchangeFailed(Exception):  # noqa: N818 - data for the action that asked
    """There is no answer, or none that can be used.

    Attributes:
        kind: what happened, as the end of a failure's code.
        message: names the server, never what was sent.
    """

    def __init__(
        self, kind: Literal["address_refused", "answer_too_large", "bad_answer", "timeout", "unreachable"], message: str
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message

    @property
    def is_final(self) -> bool:
        """Whether trying again would end the same."""
        return self.kind in {"address_refused", "answer_too_large"}


async def exchange(request: Request, policy: AddressPolicy | None, *, seconds: float, max_bytes: int) -> Answer:
    """Send a request and read the whole answer.

    Args:
        request: what to send.
        policy: which addresses may be reached; None means all.
        seconds: for each of connecting, sending, and every read.
        max_bytes: of the answer's body.

    Raises:
        ExchangeFailed: there is no usable answer.
    """
    host = request.url.host
    limits = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
    backend = GuardedBackend(policy, max_bytes + _FRAMING)
    try:
        async with (
            httpcore.AsyncConnectionPool(network_backend=backend, max_keepalive_connections=0) as pool,
            pool.stream(
                request.method,
                _target(request.url),
                headers=_raw_headers(request),
                content=request.content or None,
                extensions={"timeout": limits},
            ) as response,
        ):
            headers = _headers(response.headers)
            _check_framing(host, headers, max_bytes)
            content = await response.aread()
    except AddressRefused as error:
        raise ExchangeFailed("address_refused", str(error)) from None
    except TooMuchRead:
        raise _too_large(host, max_bytes) from None
    except httpcore.TimeoutException:
        raise ExchangeFailed("timeout", f"{host} did not answer in {seconds:g} seconds") from None
    except httpcore.ProtocolError as error:
        raise ExchangeFailed("bad_answer", f"{host} does not speak HTTP properly: {error}") from None
    except (httpcore.NetworkError, OSError) as error:
        raise ExchangeFailed("unreachable", f"{host} cannot be reached: {str(error) or type(error).__name__}") from None
    if len(content) > max_bytes:
        raise _too_large(host, max_bytes)
    return Answer(response.status, headers, content)


def _target(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _raw_headers(request: Request) -> list[tuple[bytes, bytes]]:
    # Packed answers are not asked for: unpacking could make a thousand bytes of one.
    framing = {b"host": request.url.netloc, b"accept-encoding": b"identity", b"connection": b"close"}
    if request.content or request.method in {"POST", "PUT", "PATCH"}:
        framing[b"content-length"] = str(len(request.content)).encode("ascii")
    return [*framing.items(), *((name.encode("ascii"), value.encode("ascii")) for name, value in request.headers.items())]


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _check_framing(host: str, headers: dict[str, str], max_bytes: int) -> None:
    if headers.get("content-encoding", "").strip().lower() not in {"", "identity"}:
        raise ExchangeFailed("bad_answer", f"{host} packed its answer although asked not to")
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:19]) > max_bytes:
        raise _too_large(host, max_bytes)


def _too_large(host: str, max_bytes: int) -> ExchangeFailed:
    return ExchangeFailed("answer_too_large", f"the answer of {host} is longer than {max_bytes} bytes")
