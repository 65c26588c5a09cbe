"""Turns what an observer sees into numbers; subclasses keep them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

import attrs

from dagflow.drivers.local.observer import (
    CallEnd,
    CallOutcome,
    ObservedAttempt,
    ObservedCall,
    ObservedEvent,
    ObservedRun,
    Observer,
)
from dagflow.telemetry import meters
from dagflow.telemetry.meters import Meter

#: Authors name flows and codes. So many values of a label are told apart, and all others count as `other`.
MOST_VALUES: Final = 1_000
OTHER: Final = "other"


class Measuring(Observer, ABC):
    """Counts and measures. Subclasses keep the numbers, by `count` and `measure`."""

    def __init__(self) -> None:
        self._flows: set[str] = set()
        self._codes: set[str] = set()

    @abstractmethod
    def count(self, meter: Meter, *labels: str) -> None:
        """Add 1 to a counter."""

    @abstractmethod
    def measure(self, meter: Meter, seconds: float, *labels: str) -> None:
        """Add a value to a histogram."""

    def run_began(self, run: ObservedRun) -> None:
        """See `Observer`."""
        self.count(meters.RUNS_STARTED, _bounded(self._flows, run.flow), run.kind)

    def run_ended(self, run: ObservedRun, status: str, at: int) -> None:
        """See `Observer`."""
        flow = _bounded(self._flows, run.flow)
        self.count(meters.RUNS, flow, status)
        self.measure(meters.RUN_SECONDS, _seconds(run.started_at, at), flow, status)

    def call_began(self, attempt: ObservedAttempt) -> ObservedCall:
        """See `Observer`."""
        self.measure(meters.QUEUE_SECONDS, _seconds(attempt.wanted_at, attempt.began_at), attempt.action)
        return _MeasuredCall(self, attempt)

    def call_ended(self, attempt: ObservedAttempt, end: CallEnd) -> None:
        """An attempt has ended."""
        action = attempt.action
        self.count(meters.ATTEMPTS, action, end.outcome)
        self.measure(meters.ATTEMPT_SECONDS, _seconds(attempt.began_at, end.at), action)
        if end.retry_at is not None:
            self.count(meters.RETRIES, action, _bounded(self._codes, end.code))
        elif end.outcome is not CallOutcome.ABANDONED:
            self.count(meters.STEPS, action, end.outcome)
            self.measure(meters.STEP_SECONDS, _seconds(attempt.ready_at, end.at), action)

    def event_stored(self, event: ObservedEvent) -> None:
        """See `Observer`."""
        self.count(meters.EVENTS, "flow" if event.run else "outside")

    def event_handed_out(self, event: ObservedEvent, at: int) -> None:
        """See `Observer`."""
        self.measure(meters.EVENT_SECONDS, _seconds(event.at, at))

    def request_dropped(self, flow: str, reason: str) -> None:
        """See `Observer`."""
        self.count(meters.DROPPED, _bounded(self._flows, flow), reason)

    def slot_asked(self, flow: str, seconds: float) -> None:
        """See `Observer`."""
        del flow
        self.measure(meters.SCHEDULE_SECONDS, seconds)

    def committed(self, seconds: float) -> None:
        """See `Observer`."""
        self.measure(meters.COMMIT_SECONDS, seconds)

    def loop_blocked(self, seconds: float) -> None:
        """See `Observer`."""
        self.measure(meters.STALL_SECONDS, seconds)


@attrs.frozen(eq=False)
class _MeasuredCall(ObservedCall):
    _measuring: Measuring
    _attempt: ObservedAttempt

    def ended(self, end: CallEnd) -> None:
        self._measuring.call_ended(self._attempt, end)


def _bounded(known: set[str], value: str) -> str:
    if value in known:
        return value
    if len(known) >= MOST_VALUES:
        return OTHER
    known.add(value)
    return value


def _seconds(since: int, until: int) -> float:
    return max(0, until - since) / 1e9
