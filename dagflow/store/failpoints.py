"""Places where a crash is worth trying, by name. Each does nothing, unless a test installs a watcher.

They are where the order of two things matters: before and after a commit, between an effect and its record, in a recovery.
"""

from __future__ import annotations

import enum
from collections.abc import Callable


class Failpoint(enum.StrEnum):
    """Where; `P3`, in the middle of an effect, is in the actions, which a test brings along."""

    WRITING = "P1"
    EFFECT_BEGINS = "P2"
    EFFECT = "P3"
    EFFECT_DONE = "P4"
    COMMITTING = "P5"
    COMMITTED = "P6"
    PUBLISHED = "P7"
    TIMER_DUE = "P8"
    EVENT_KEPT = "P9"
    RECOVERING = "P10"
    CHECKPOINTING = "P11"
    MIGRATING = "P12"


class Crash(BaseException):
    """The exception with which a watcher crashes a process that is only simulated; see `drivers.simulator`."""


#: Where nothing may cost anything, ask whether there are any before saying that a point was reached.
watchers: list[Callable[[Failpoint], None]] = []


def hit(point: Failpoint) -> None:
    """Say that the code has come to a point."""
    for watcher in watchers:
        watcher(point)


def watch(watcher: Callable[[Failpoint], None] | None) -> None:
    """Have this called at every point, or nothing any more; for tests. It may end the process, or raise."""
    watchers[:] = [] if watcher is None else [watcher]
