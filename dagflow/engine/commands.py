"""The commands the machine returns, as imperatives. `node` is a node's number in the plan; timestamps are nanoseconds since 1970 UTC.

A command stays open until an event answers it: `Machine.outstanding` lists the open ones, for use after a restart.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from dagflow.model.status import RunStatus


@attrs.frozen
class Evaluate:
    """Compute the node's pure result: a gate's outcome, a value, a wait's duration, an event's payload."""

    node: int


@attrs.frozen
class StartAttempt:
    """Call the node's action.

    Attributes:
        timeout_ns: stop it with the code `timeout` that long after its start, or never.
        give_up_at: stop it at that instant at the latest.
    """

    node: int
    attempt: int
    timeout_ns: int | None = None
    give_up_at: int | None = None

    def deadline(self, started_at: int) -> int | None:
        """The instant an attempt started at `started_at` has to be stopped, if any."""
        if self.timeout_ns is None:
            return self.give_up_at
        deadline = started_at + self.timeout_ns
        return deadline if self.give_up_at is None else min(deadline, self.give_up_at)


@attrs.frozen
class CancelAttempt:
    """Stop the running attempt; answer with its result."""

    node: int
    attempt: int


@attrs.frozen
class StartItem:
    """Run the body of a loop for the item of this number; answer with its end."""

    node: int
    index: int


@attrs.frozen
class CancelItem:
    """Cancel the run of an item; answer with its end."""

    node: int
    index: int


@attrs.frozen
class SetTimer:
    """Say when `due` has come: `TimerFired`, or `RunTimedOut` where `node` is NONE. Forget it if the node is no longer waiting."""

    node: int
    due: int


@attrs.frozen
class UseDefault:
    """Evaluate the node's `default`."""

    node: int


@attrs.frozen
class EndRun:
    """Everything is settled: record the end."""

    status: RunStatus


Command: TypeAlias = Evaluate | StartAttempt | CancelAttempt | StartItem | CancelItem | SetTimer | UseDefault | EndRun
