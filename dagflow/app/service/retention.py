"""Remove runs of a service some time after they ended."""

from __future__ import annotations

import math
from typing import Final

import trio

from dagflow.app.interpreter import Interpreter
from dagflow.clock import Clock
from dagflow.errors import UsageError

#: The pause between two looks, where runs are kept for long.
_MOST_SECONDS: Final = 600.0
#: So many looks in the time for which a run is kept, where that is short.
_LOOKS: Final = 10


def check_kept(seconds: float | None) -> None:
    """Raise UsageError unless a service can keep runs for so long."""
    if seconds is not None and not (seconds > 0 and math.isfinite(seconds)):
        raise UsageError(f"`keep_seconds` must be greater than 0, or None; got {seconds!r}")


async def keep_for(interpreter: Interpreter, clock: Clock, seconds: float) -> None:
    """Remove runs that ended longer ago than this, and all else that is as old, now and from then on. Raises StoreError."""
    while True:
        await interpreter.prune(max(0, clock.now() - int(seconds * 1e9)))
        await trio.sleep(min(_MOST_SECONDS, seconds / _LOOKS))
