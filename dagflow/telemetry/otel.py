"""Traces and metrics for OpenTelemetry, by its API alone.

The ids of a run's trace follow from the id of the run. So every process that drives the run adds to one trace, and nothing about it has
to be stored. The span of a run is written when the run ends, and a span of an attempt is open during its call alone: while a run waits, no span is open.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import attrs
from opentelemetry import context, metrics, propagate, trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags, Tracer

import dagflow
from dagflow.actions.outgoing import outgoing_headers
from dagflow.drivers.local.observer import (
    CallEnd,
    CallOutcome,
    Gauges,
    ObservedAttempt,
    ObservedCall,
    ObservedEvent,
    ObservedRun,
    Observer,
)
from dagflow.telemetry.measuring import Measuring
from dagflow.telemetry.meters import GAUGES, METERS, Meter
from dagflow.telemetry.trace_ids import next_ids, trace_of

#: Senders and earlier attempts that are remembered, for links.
_MOST_REMEMBERED: Final = 10_000
_SCOPE: Final = "dagflow"


class OtelMetrics(Measuring):
    """Reports the metrics of an interpreter to a meter provider."""

    def __init__(self, provider: metrics.MeterProvider | None) -> None:
        super().__init__()
        meter = metrics.get_meter(_SCOPE, dagflow.__version__, provider)
        self._counters = {
            each.name: meter.create_counter(each.otel_name, "1", each.about) for each in METERS if not each.buckets
        }
        self._histograms = {
            each.name: meter.create_histogram(
                each.otel_name, "s", each.about, explicit_bucket_boundaries_advisory=list(each.buckets)
            )
            for each in METERS
            if each.buckets
        }
        self._read: Callable[[], Gauges] | None = None
        for gauge in GAUGES:
            unit = "s" if gauge.name.endswith("_seconds") else "1"
            meter.create_observable_gauge(gauge.otel_name, [self._reading(gauge.read)], unit, gauge.about)

    def count(self, meter: Meter, *labels: str) -> None:
        """See `Measuring`."""
        self._counters[meter.name].add(1, _labels(meter, labels))

    def measure(self, meter: Meter, seconds: float, *labels: str) -> None:
        """See `Measuring`."""
        self._histograms[meter.name].record(seconds, _labels(meter, labels))

    def opened(self, gauges: Callable[[], Gauges]) -> None:
        """See `Observer`."""
        self._read = gauges

    def closed(self) -> None:
        """See `Observer`."""
        self._read = None

    def _reading(self, read: Callable[[Gauges], float]) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            gauges = self._read
            return [] if gauges is None else [Observation(read(gauges()))]

        return observe


def _labels(meter: Meter, values: Sequence[str]) -> dict[str, str]:
    return {f"dagflow.{name}": value for name, value in zip(meter.labels, values, strict=True)}


@attrs.define(eq=False)
class _Memory:
    """The latest span contexts, by what they belong to."""

    _kept: OrderedDict[object, SpanContext] = attrs.field(factory=OrderedDict)

    def put(self, key: object, value: SpanContext) -> None:
        if value.is_valid:
            self._kept[key] = value
            if len(self._kept) > _MOST_REMEMBERED:
                self._kept.popitem(last=False)

    def pop(self, key: object) -> SpanContext | None:
        return self._kept.pop(key, None)

    def get(self, key: object) -> SpanContext | None:
        return self._kept.get(key)


@attrs.define(eq=False)
class OpenTelemetry(Observer):
    """Reports traces to a tracer, and metrics beside them. `bound`: traces below it are sampled, as `TraceIdRatioBased` decides."""

    _tracer: Tracer
    _metrics: OtelMetrics
    _bound: int
    _sent: _Memory = attrs.field(factory=_Memory)
    _events: _Memory = attrs.field(factory=_Memory)
    _attempts: _Memory = attrs.field(factory=_Memory)

    @classmethod
    def of(
        cls, tracer_provider: trace.TracerProvider | None, meter_provider: metrics.MeterProvider | None, sample: float
    ) -> OpenTelemetry:
        """Return one for these providers, or for the global ones."""
        tracer = trace.get_tracer(_SCOPE, dagflow.__version__, tracer_provider)
        return cls(tracer, OtelMetrics(meter_provider), round(sample * (1 << 64)))

    def opened(self, gauges: Callable[[], Gauges]) -> None:
        """See `Observer`."""
        self._metrics.opened(gauges)

    def closed(self) -> None:
        """See `Observer`."""
        self._metrics.closed()

    def run_began(self, run: ObservedRun) -> None:
        """See `Observer`."""
        self._metrics.run_began(run)
        self._point(f"begin {run.flow}", SpanKind.CONSUMER, run.run, run.started_at, _of_run(run), [self._cause_of(run)])

    def run_ended(self, run: ObservedRun, status: str, at: int) -> None:
        """See `Observer`."""
        self._metrics.run_ended(run, status, at)
        if not self._is_sampled(run.run):
            return
        attributes = _of_run(run) | {"dagflow.status": status}
        with next_ids(run.run):
            span = self._tracer.start_span(
                f"run {run.flow}", Context(), SpanKind.INTERNAL, attributes, start_time=run.started_at
            )
        if status != "succeeded":
            span.set_status(Status(StatusCode.ERROR, status))
        span.end(at)

    def call_began(self, attempt: ObservedAttempt) -> ObservedCall:
        """See `Observer`."""
        measured = self._metrics.call_began(attempt)
        key = attempt.run, attempt.step
        earlier = self._attempts.pop(key)
        parent = self._context_of(attempt.run)
        span = self._tracer.start_span(
            f"attempt {attempt.step}",
            parent,
            SpanKind.INTERNAL,
            _of_attempt(attempt),
            [] if earlier is None else [Link(earlier, {"dagflow.link": "retry"})],
            attempt.began_at,
        )
        return _TracedCall(self, attempt, span, trace.set_span_in_context(span, parent), measured)

    def remember(self, attempt: ObservedAttempt, span: Span) -> None:
        """Another attempt follows this one, and links to it."""
        self._attempts.put((attempt.run, attempt.step), span.get_span_context())

    def event_sent(self, tenant: str, event_id: str) -> None:
        """See `Observer`."""
        self._sent.put((tenant, event_id), trace.get_current_span().get_span_context())

    def event_stored(self, event: ObservedEvent) -> None:
        """See `Observer`."""
        self._metrics.event_stored(event)
        sender = self._sent.pop((event.tenant, event.id))
        if event.run:
            sender = self._point(f"emit {event.name}", SpanKind.PRODUCER, event.run, event.at, _of_event(event), ())
        if sender is not None:
            self._events.put(event.number, sender)

    def event_taken(self, event: ObservedEvent, run: ObservedRun) -> None:
        """See `Observer`."""
        causes = [self._events.get(event.number)]
        self._point(f"take {event.name}", SpanKind.CONSUMER, run.run, None, _of_run(run) | _of_event(event), causes)

    def event_handed_out(self, event: ObservedEvent, at: int) -> None:
        """See `Observer`."""
        self._metrics.event_handed_out(event, at)

    def request_dropped(self, flow: str, reason: str) -> None:
        """See `Observer`."""
        self._metrics.request_dropped(flow, reason)

    def slot_asked(self, flow: str, seconds: float) -> None:
        """See `Observer`."""
        self._metrics.slot_asked(flow, seconds)

    def committed(self, seconds: float) -> None:
        """See `Observer`."""
        self._metrics.committed(seconds)

    def loop_blocked(self, seconds: float) -> None:
        """See `Observer`."""
        self._metrics.loop_blocked(seconds)

    def _cause_of(self, run: ObservedRun) -> SpanContext | None:
        if run.started_by:
            return self._root_of(run.started_by)
        if run.event:
            return self._events.get(run.event)
        # Only these begin in the task of a caller.
        return trace.get_current_span().get_span_context() if run.kind in ("manual", "event") else None

    def _is_sampled(self, run: str) -> bool:
        return trace_of(run)[0] & ((1 << 64) - 1) < self._bound

    def _root_of(self, run: str) -> SpanContext:
        trace_id, span_id = trace_of(run)
        flags = TraceFlags.SAMPLED if self._is_sampled(run) else TraceFlags.DEFAULT
        return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))

    def _context_of(self, run: str) -> Context:
        return trace.set_span_in_context(NonRecordingSpan(self._root_of(run)), Context())

    def _point(
        self,
        name: str,
        kind: SpanKind,
        run: str,
        at: int | None,
        attributes: dict[str, str | int],
        causes: Iterable[SpanContext | None],
    ) -> SpanContext:
        """A span of no length in the trace of a run, with links to what caused it."""
        links = [Link(cause) for cause in causes if cause is not None and cause.is_valid]
        span = self._tracer.start_span(name, self._context_of(run), kind, attributes, links, at)
        span.end(at)
        return span.get_span_context()


@attrs.frozen(eq=False)
class _TracedCall(ObservedCall):
    _telemetry: OpenTelemetry
    _attempt: ObservedAttempt
    _span: Span
    _context: Context
    _measured: ObservedCall

    def surround(self) -> AbstractContextManager[None]:
        return _current(self._context)

    def ended(self, end: CallEnd) -> None:
        self._measured.ended(end)
        span = self._span
        span.set_attribute("dagflow.outcome", end.outcome.value)
        if end.outcome is CallOutcome.FAILED:
            span.set_attribute("error.type", end.code)
            span.set_status(Status(StatusCode.ERROR, end.message))
        if end.retry_at is not None:
            self._telemetry.remember(self._attempt, span)
        span.end(end.at)


@contextmanager
def _current(of_span: Context) -> Generator[None]:
    """The span is the current one, and requests of actions carry its headers."""
    headers: dict[str, str] = {}
    propagate.inject(headers, of_span)
    token, given = context.attach(of_span), outgoing_headers.set(headers)
    try:
        yield
    finally:
        outgoing_headers.reset(given)
        context.detach(token)


def _of_run(run: ObservedRun) -> dict[str, str | int]:
    return {"dagflow.run.id": run.run, "dagflow.tenant": run.tenant, "dagflow.flow": run.flow, "dagflow.trigger": run.kind}


def _of_event(event: ObservedEvent) -> dict[str, str | int]:
    return {"dagflow.event": event.name, "dagflow.event.number": event.number}


def _of_attempt(attempt: ObservedAttempt) -> dict[str, str | int]:
    return {
        "dagflow.run.id": attempt.run,
        "dagflow.tenant": attempt.tenant,
        "dagflow.flow": attempt.flow,
        "dagflow.step": attempt.step,
        "dagflow.action": attempt.action,
        "dagflow.attempt": attempt.attempt,
    }
