"""URLs, parsed as on the web (WHATWG, by ada), by one function: the checked address is the one that is connected to."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import attrs

#: Characters that parsers disagree about. A URL with any of them is refused.
_DOUBTFUL: Final = re.compile(r"[\x00-\x20\x7f\\]")
_PORTS: Final = {"http": 80, "https": 443}
_MOST_CHARS: Final = 65_536


@attrs.frozen
class ParsedUrl:
    """An http or https URL without a user name, a password or a fragment.

    Attributes:
        text: the URL in its normal form.
        scheme: `http` or `https`.
        host: a name in ASCII, or an address without brackets.
        port: the one it names, or that of its scheme.
        netloc: host and port as the Host header has them.
        target: path and query.
    """

    text: str
    scheme: str
    host: str
    port: int
    netloc: str
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return self.scheme, self.host, self.port

    def join(self, reference: str) -> ParsedUrl:
        """Resolve a reference against this URL. Raises ValueError as `parse_url`."""
        import ada_url  # noqa: PLC0415 - loads a library that few programs need

        if len(reference) > _MOST_CHARS or _DOUBTFUL.search(reference):
            raise ValueError("it has a space, a backslash or a control character, or is too long")
        return parse_url(ada_url.join_url(self.text, reference))


@lru_cache(maxsize=512)
def parse_url(text: str) -> ParsedUrl:
    """Parse an absolute http or https URL.

    Raises:
        ValueError: the text is no such URL; with the reason.
    """
    import ada_url  # noqa: PLC0415 - loads a library that few programs need

    if len(text) > _MOST_CHARS:
        raise ValueError(f"it is longer than {_MOST_CHARS} characters")
    if _DOUBTFUL.search(text):
        raise ValueError("it has a space, a backslash or a control character")
    try:
        url = ada_url.URL(text)
    except ValueError:
        raise ValueError("it is not a URL") from None
    scheme = url.protocol.removesuffix(":")
    if scheme not in _PORTS or not url.hostname:
        raise ValueError("it is not an http or https address")
    if url.username or url.password:
        raise ValueError("it must not contain a name or a password")
    url.hash = ""
    host = url.hostname.removeprefix("[").removesuffix("]")
    return ParsedUrl(url.href, scheme, host, int(url.port or _PORTS[scheme]), url.host, f"{url.pathname}{url.search}")
