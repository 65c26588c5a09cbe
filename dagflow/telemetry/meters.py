"""The metrics of an interpreter: one table, which OpenTelemetry and Prometheus share. No label has the id of a run or a tenant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import attrs

from dagflow.drivers.local.observer import Gauges

#: Seconds, from a quick function to a day of waiting.
_SHORT: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LONG: Final = (0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0, 604800.0)


@attrs.frozen
class Meter:
    """A counter or a histogram.

    Attributes:
        name: in Prometheus; that in OpenTelemetry follows from it.
        about: what it counts or measures.
        labels: their names.
        buckets: of a histogram, in seconds; a counter has none.
    """

    name: str
    about: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def kind(self) -> Literal["counter", "histogram"]:
        """Which of the two."""
        return "histogram" if self.buckets else "counter"

    @property
    def otel_name(self) -> str:
        """The name in OpenTelemetry, which keeps the unit apart: `dagflow.runs` for `dagflow_runs_total`."""
        return otel_name(self.name)


@attrs.frozen
class Gauge:
    """A number that a reader asks for. `read`: from the gauges of an interpreter."""

    name: str
    about: str
    read: Callable[[Gauges], float]

    @property
    def otel_name(self) -> str:
        """The name in OpenTelemetry."""
        return otel_name(self.name)


def otel_name(name: str) -> str:
    """Return the name of a metric in OpenTelemetry."""
    return "dagflow." + name.removeprefix("dagflow_").removesuffix("_total").removesuffix("_seconds")


RUNS_STARTED: Final = Meter("dagflow_runs_started_total", "Runs that began.", ("flow", "trigger"))
RUNS: Final = Meter("dagflow_runs_total", "Runs that ended.", ("flow", "status"))
RUN_SECONDS: Final = Meter("dagflow_run_duration_seconds", "From the beginning to the end of a run.", ("flow", "status"), _LONG)
STEPS: Final = Meter("dagflow_steps_total", "Steps whose last attempt ended.", ("action", "outcome"))
STEP_SECONDS: Final = Meter(
    "dagflow_step_duration_seconds", "From the instant a step could begin to the end of its last attempt.", ("action",), _LONG
)
ATTEMPTS: Final = Meter("dagflow_attempts_total", "Attempts that ended.", ("action", "outcome"))
ATTEMPT_SECONDS: Final = Meter("dagflow_attempt_duration_seconds", "Calls of actions.", ("action",), _SHORT)
QUEUE_SECONDS: Final = Meter(
    "dagflow_attempt_queue_seconds", "From the instant an attempt could begin to its call.", ("action",), _SHORT
)
RETRIES: Final = Meter("dagflow_retries_total", "Failed attempts that another one follows.", ("action", "code"))
EVENTS: Final = Meter("dagflow_events_total", "Events that were stored.", ("source",))
EVENT_SECONDS: Final = Meter(
    "dagflow_event_to_start_seconds", "From the arrival of an event until all waits had it and its runs begin.", (), _SHORT
)
SCHEDULE_SECONDS: Final = Meter(
    "dagflow_schedule_lag_seconds", "From the instant a slot of a schedule was due until it asked for its run.", (), _LONG
)
DROPPED: Final = Meter("dagflow_dropped_total", "Requests that never get a run.", ("flow", "reason"))
COMMIT_SECONDS: Final = Meter("dagflow_store_commit_seconds", "Transactions of the store.", (), _SHORT)
STALL_SECONDS: Final = Meter(
    "dagflow_loop_stall_seconds", "Turns of the event loop above 50 ms, in which nothing else could run.", (), _SHORT
)

METERS: Final = (
    RUNS_STARTED,
    RUNS,
    RUN_SECONDS,
    STEPS,
    STEP_SECONDS,
    ATTEMPTS,
    ATTEMPT_SECONDS,
    QUEUE_SECONDS,
    RETRIES,
    EVENTS,
    EVENT_SECONDS,
    SCHEDULE_SECONDS,
    DROPPED,
    COMMIT_SECONDS,
    STALL_SECONDS,
)

GAUGES: Final = (
    Gauge("dagflow_runs_in_memory", "Runs that are driven now, parts of runs among them.", lambda now: now.runs_in_memory),
    Gauge("dagflow_calls_under_way", "Attempts whose action is being called.", lambda now: now.calls_under_way),
    Gauge("dagflow_calls_waiting", "Steps that wait for a free worker.", lambda now: now.calls_waiting),
    Gauge("dagflow_threads_in_use", "Plain functions under way.", lambda now: now.threads_in_use),
    Gauge(
        "dagflow_threads_abandoned",
        "Plain functions that go on although their attempt was stopped.",
        lambda now: now.threads_abandoned,
    ),
    Gauge("dagflow_events_waiting", "Stored events that have not been handed out.", lambda now: now.events_waiting),
    Gauge("dagflow_oldest_event_seconds", "The age of the oldest of them.", lambda now: now.oldest_event_seconds),
    Gauge("dagflow_requests_waiting", "Requests that have no run yet.", lambda now: now.requests_waiting),
    Gauge("dagflow_oldest_waiting_seconds", "The age of the oldest of them.", lambda now: now.oldest_request_seconds),
)
