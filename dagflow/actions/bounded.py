"""Reading what another server sends, of which only so much is taken."""

from __future__ import annotations

import httpx


class TooLarge(Exception):  # noqa: N818 - caught by the actions, never seen outside
    """A body is longer than its limit."""


async def read_bounded(response: httpx.Response, limit: int) -> bytes:
    """The body of a streamed answer, as it came over the wire.

    Raises:
        TooLarge: there is more than `limit`; the rest is not read.
        httpx.HTTPError: the connection failed.
    """
    declared = response.headers.get("Content-Length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:19]) > limit:
        raise TooLarge
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise TooLarge
    return bytes(body)
