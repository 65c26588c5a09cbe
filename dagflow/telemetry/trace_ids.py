"""Ids of traces and spans that follow from the id of a run, so that every process that drives the run adds to the same trace."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from dagflow.ids import new_call_id

#: The ids of the span that is made next in this context.
_next: Final[ContextVar[tuple[int, int] | None]] = ContextVar("dagflow_next_span", default=None)
_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8


def trace_id(run: str) -> str:
    """Return the id of the trace of a run, or of a run that is part of it: 32 hexadecimal digits."""
    return f"{trace_of(run)[0]:032x}"


def trace_of(run: str) -> tuple[int, int]:
    """The id of the trace, and of its first span. A hash, since the digits of a run's id are not evenly spread, on which samplers rely."""
    digest = hashlib.sha256(run.partition("/")[0].encode()).digest()
    first = int.from_bytes(digest[:_TRACE_BYTES], "big")
    return first, int.from_bytes(digest[_TRACE_BYTES : _TRACE_BYTES + _SPAN_BYTES], "big")


@contextmanager
def next_ids(run: str) -> Generator[None]:
    """The span that is made inside of the block is the first one of the run's trace, if the tracer's provider has `RunIds`."""
    token = _next.set(trace_of(run))
    try:
        yield
    finally:
        _next.reset(token)


class RunIds:
    """An id generator for `TracerProvider(id_generator=RunIds())` of the OpenTelemetry SDK.

    With it the span of a run is the root of the run's trace. Ids of all other spans are random.
    """

    def generate_trace_id(self) -> int:
        """Return 128 bits, not 0."""
        ids = _next.get()
        return int(new_call_id(), 16) or 1 if ids is None else ids[0]

    def generate_span_id(self) -> int:
        """Return 64 bits, not 0."""
        ids = _next.get()
        return int(new_call_id()[:16], 16) or 1 if ids is None else ids[1]

    def is_trace_id_random(self) -> bool:
        """Return False: that of a run is a hash."""
        return False
