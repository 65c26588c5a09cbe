"""Makers of observers; each imports its library when it is called."""

from __future__ import annotations

from typing import Any

from dagflow.drivers.local.observer import Observer
from dagflow.errors import UsageError


def open_telemetry(*, tracer_provider: Any = None, meter_provider: Any = None, sample: float = 1.0) -> Observer:
    """Return an observer that reports traces and metrics to OpenTelemetry.

    A run is a trace, an attempt is a span, and no span is open while a run waits. Without providers it uses the global ones.

    Args:
        tracer_provider: an `opentelemetry.trace.TracerProvider`, best with `id_generator=RunIds()`.
        meter_provider: an `opentelemetry.metrics.MeterProvider`.
        sample: the share of runs that are traced, from 0 to 1; the id of a run decides, so all its processes agree.

    Raises:
        UsageError: the extra `otel` is not installed, or `sample` is not from 0 to 1.
    """
    if not 0 <= sample <= 1:
        raise UsageError(f"`sample` must be from 0 to 1; got {sample!r}")
    try:
        from dagflow.telemetry.otel import OpenTelemetry  # noqa: PLC0415 - only its users need the library
    except ImportError:
        raise UsageError("`open_telemetry` needs a library: `pip install 'dagflow[otel]'`") from None
    return OpenTelemetry.of(tracer_provider, meter_provider, sample)


def prometheus(registry: Any = None) -> Observer:
    """Return an observer that keeps the metrics in a `prometheus_client.CollectorRegistry`, the default one if none is given.

    One registry takes one interpreter at a time.

    Raises:
        UsageError: the extra `prometheus` is not installed, or the registry has these metrics already.
    """
    try:
        from dagflow.telemetry.registry import PrometheusMetrics  # noqa: PLC0415 - only its users need the library
    except ImportError:
        raise UsageError("`prometheus` needs a library: `pip install 'dagflow[prometheus]'`") from None
    return PrometheusMetrics.of(registry)
