"""Observers of an interpreter, for `observers=` of `Interpreter.open` and `Service.open`: OpenTelemetry, Prometheus, or your own."""

from dagflow.drivers.local.observer import (
    CallEnd as CallEnd,
)
from dagflow.drivers.local.observer import (
    CallOutcome as CallOutcome,
)
from dagflow.drivers.local.observer import (
    Gauges as Gauges,
)
from dagflow.drivers.local.observer import (
    ObservedAttempt as ObservedAttempt,
)
from dagflow.drivers.local.observer import (
    ObservedCall as ObservedCall,
)
from dagflow.drivers.local.observer import (
    ObservedEvent as ObservedEvent,
)
from dagflow.drivers.local.observer import (
    ObservedRun as ObservedRun,
)
from dagflow.drivers.local.observer import (
    Observer as Observer,
)
from dagflow.telemetry.making import open_telemetry as open_telemetry
from dagflow.telemetry.making import prometheus as prometheus
from dagflow.telemetry.trace_ids import RunIds as RunIds
from dagflow.telemetry.trace_ids import trace_id as trace_id

__all__ = [
    "CallEnd",
    "CallOutcome",
    "Gauges",
    "ObservedAttempt",
    "ObservedCall",
    "ObservedEvent",
    "ObservedRun",
    "Observer",
    "RunIds",
    "open_telemetry",
    "prometheus",
    "trace_id",
]
