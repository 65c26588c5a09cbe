"""Identifiers. dagflow makes all ids of durable things, in this module."""

from __future__ import annotations

import hashlib
import os
import random
from typing import NewType

#: A run: 32 lower-case hexadecimal digits, a UUID version 7 (RFC 9562), so ids sort by their time of creation. A child run has
#: the id of its parent, followed by `/step[3]` for item 3 of a loop, or `/step#1` for attempt 1 of a call.
RunId = NewType("RunId", str)
#: A node of a flow: the author's step name, or a generated name with a dot in it, which no author can write.
NodeId = NewType("NodeId", str)
#: SHA-256 of a compiled flow in canonical form, 64 hexadecimal digits.
FlowDigest = NewType("FlowDigest", str)


def new_run_id(now: int) -> RunId:
    """A fresh run id made at `now` (nanoseconds since 1970 UTC)."""
    return _version_7(now, int.from_bytes(os.urandom(8), "big"))


def derived_run_id(now: int, name: str) -> RunId:
    """The id of a run that another run begins at `now`. `name` identifies that beginning, also when it is repeated."""
    return _version_7(now, int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))


def new_call_id() -> str:
    """A fresh id for a call of a client, or for an event or a start whose caller chose none: 128 random bits in hexadecimal digits."""
    return os.urandom(16).hex()


def _version_7(now: int, chance: int) -> RunId:
    millis, rest = divmod(now, 1_000_000)
    # RFC 9562, 6.2, method 3: the 12 bits after the milliseconds are their fraction, so ids made in one millisecond sort too.
    fraction = (rest << 12) // 1_000_000
    value = (millis & (1 << 48) - 1) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | chance & (1 << 62) - 1
    return RunId(f"{value:032x}")


def new_jitter() -> float:
    """A random fraction in [0, 1), to be recorded where it is used."""
    return random.random()  # noqa: S311 - spreads retries, protects nothing
