"""The metrics in a registry of prometheus_client."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from dagflow.drivers.local.observer import Gauges
from dagflow.errors import UsageError
from dagflow.telemetry.measuring import Measuring
from dagflow.telemetry.meters import GAUGES, METERS, Meter


class PrometheusMetrics(Measuring):
    """Keeps the metrics of an interpreter in a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._counters = {
            meter.name: Counter(meter.name, meter.about, meter.labels, registry=registry)
            for meter in METERS
            if not meter.buckets
        }
        self._histograms = {
            meter.name: Histogram(meter.name, meter.about, meter.labels, buckets=meter.buckets, registry=registry)
            for meter in METERS
            if meter.buckets
        }
        self._gauges = _GaugeCollector()
        registry.register(self._gauges)

    @classmethod
    def of(cls, registry: CollectorRegistry | None) -> PrometheusMetrics:
        """Return one that keeps the metrics in this registry, or in the default one. Raises UsageError: it has them already."""
        try:
            return cls(REGISTRY if registry is None else registry)
        except ValueError as error:
            raise UsageError(f"a registry takes the metrics of one interpreter; pass another `registry=` ({error})") from None

    def count(self, meter: Meter, *labels: str) -> None:
        """See `Measuring`."""
        counter = self._counters[meter.name]
        (counter.labels(*labels) if labels else counter).inc()

    def measure(self, meter: Meter, seconds: float, *labels: str) -> None:
        """See `Measuring`."""
        histogram = self._histograms[meter.name]
        (histogram.labels(*labels) if labels else histogram).observe(seconds)

    def opened(self, gauges: Callable[[], Gauges]) -> None:
        """See `Observer`."""
        self._gauges.read = gauges

    def closed(self) -> None:
        """See `Observer`."""
        self._gauges.read = None


class _GaugeCollector(Collector):
    """Reads all gauges at once, when they are scraped."""

    def __init__(self) -> None:
        self.read: Callable[[], Gauges] | None = None

    def collect(self) -> Iterable[GaugeMetricFamily]:
        read = self.read
        now = None if read is None else read()
        return [] if now is None else [GaugeMetricFamily(each.name, each.about, each.read(now)) for each in GAUGES]

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return [GaugeMetricFamily(each.name, each.about) for each in GAUGES]
