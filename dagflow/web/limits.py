"""Limits of the application, and the rate of each credential."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import attrs

from dagflow.clock import stopwatch
from dagflow.errors import UsageError
from dagflow.web.problems import Problem

#: Credentials whose rate is remembered, at most; an older one begins anew with a full bucket.
_MOST_KEYS: Final = 10_000


def _positive(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if value <= 0:
        raise UsageError(f"`{attribute.name}` must be greater than 0; got {value}")


@attrs.frozen(kw_only=True)
class WebLimits:
    """How much one request, and one credential, may ask for.

    Attributes:
        body: bytes of a request. batch: events in one request. page: entries in one answer.
        seconds: how long a request may take to come in. wait_seconds: how long an answer may be waited for.
        per_second: requests of one credential in a second, on average. burst: how many of them at once.
        streams: streams of server-sent events at once.
        stream_seconds: how long one may last. Its client comes back, goes on where it was, and shows its credential again.
        heartbeat_seconds: the pause after which a silent stream says that it is there.

    Raises:
        UsageError: a limit is not greater than 0.
    """

    body: int = attrs.field(default=1024 * 1024, validator=_positive)
    batch: int = attrs.field(default=1_000, validator=_positive)
    page: int = attrs.field(default=500, validator=_positive)
    seconds: float = attrs.field(default=30.0, validator=_positive)
    wait_seconds: float = attrs.field(default=60.0, validator=_positive)
    per_second: float = attrs.field(default=200.0, validator=_positive)
    burst: int = attrs.field(default=400, validator=_positive)
    streams: int = attrs.field(default=1_000, validator=_positive)
    stream_seconds: float = attrs.field(default=3_600.0, validator=_positive)
    heartbeat_seconds: float = attrs.field(default=15.0, validator=_positive)


@attrs.define(eq=False)
class Rates:
    """A bucket of tokens for each credential: it fills steadily, and a request takes one."""

    limits: WebLimits
    _buckets: OrderedDict[str, tuple[float, int]] = attrs.field(factory=OrderedDict[str, tuple[float, int]], init=False)

    def take(self, key: str) -> None:
        """Count a request. Raises Problem: the credential has made too many."""
        now, per_second, burst = stopwatch(), self.limits.per_second, self.limits.burst
        tokens, since = self._buckets.pop(key, (float(burst), now))
        tokens = min(float(burst), tokens + (now - since) / 1e9 * per_second)
        self._buckets[key] = (max(0.0, tokens - 1), now)
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        if tokens < 1:
            seconds = max(1, round((1 - tokens) / per_second + 0.5))
            raise Problem(
                429,
                "too_many",
                f"a credential may make {per_second:g} requests a second",
                help=f"wait {seconds} s and send the request again",
                headers={"retry-after": str(seconds)},
            )
