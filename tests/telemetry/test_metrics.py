"""Metrics, in a registry of prometheus_client and by the SDK of OpenTelemetry: both have the same, and none names a run or a tenant."""

from __future__ import annotations

import json
import re
import sys
import threading
from pathlib import Path
from typing import Any

import orjson
import promql_parser
import pytest
import trio
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

import dagflow
from dagflow.telemetry import CallOutcome, ObservedAttempt, ObservedRun, Observer, open_telemetry, prometheus
from dagflow.telemetry.measuring import MOST_VALUES, OTHER
from dagflow.telemetry.meters import GAUGES, METERS

FLOW = """
event "go" { id: string }

flow shop(id: string) -> int {
  on event "go"
  rate 2 per 1h
  a = flaky() retry 1 every 1ms
  b = refuse() default 3
  return a + b
}
"""


def catalog() -> dagflow.Catalog:
    made, calls = dagflow.Catalog(), [0]

    @made.action(effect="idempotent")
    async def flaky() -> int:
        calls[0] += 1
        if calls[0] == 1:
            raise ConnectionError("the other side is away")
        return calls[0]

    @made.action(effect="idempotent")
    async def refuse() -> int:
        raise dagflow.Fatal("there is no such thing", code="gone")

    return made


async def serve_shop(*observers: Observer, n: int = 3) -> None:
    async with dagflow.Service.open(":memory:", catalog=catalog(), observers=observers) as service:
        tenant = service.tenant("acme")
        await tenant.publish(FLOW)
        for _ in range(n):
            await tenant.send("go", {"id": "a"})
        await service.interpreter.rest()


async def test_prometheus_has_runs_steps_attempts_and_drops() -> None:
    registry = CollectorRegistry()
    await serve_shop(prometheus(registry))

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("dagflow_runs_started_total", flow="shop", trigger="event") == 2
    assert value("dagflow_runs_total", flow="shop", status="succeeded") == 2
    assert value("dagflow_run_duration_seconds_count", flow="shop", status="succeeded") == 2
    assert value("dagflow_attempts_total", action="flaky", outcome="succeeded") == 2
    assert value("dagflow_attempts_total", action="flaky", outcome="failed") == 1
    assert value("dagflow_retries_total", action="flaky", code="exception.connection_error") == 1
    assert value("dagflow_steps_total", action="flaky", outcome="succeeded") == 2
    assert value("dagflow_steps_total", action="flaky", outcome="failed") is None
    assert value("dagflow_steps_total", action="refuse", outcome="failed") == 2
    assert value("dagflow_events_total", source="outside") == 3
    assert value("dagflow_event_to_start_seconds_count") == 3
    assert value("dagflow_dropped_total", flow="shop", reason="rate") == 1
    assert (value("dagflow_store_commit_seconds_count") or 0) > 3
    assert "acme" not in generate_latest(registry).decode()


async def test_both_libraries_have_the_same_metrics_with_the_same_labels() -> None:
    registry, reader = CollectorRegistry(), InMemoryMetricReader()
    observers = prometheus(registry), open_telemetry(meter_provider=MeterProvider([reader]))
    # What is read when somebody asks is there while the interpreter is open.
    async with dagflow.Interpreter.open(":memory:", catalog=catalog(), observers=observers):
        gauges = {metric.name for metric in collected(reader)}
        assert gauges == {gauge.otel_name for gauge in GAUGES}
        exposed = generate_latest(registry).decode()
        assert all(f"\n{gauge.name} 0.0\n" in exposed for gauge in GAUGES)
    await serve_shop(*observers)
    found = {metric.name: metric for metric in collected(reader)}
    # This service has no schedule, and blocks no loop for long.
    seldom = {"dagflow.schedule_lag", "dagflow.loop_stall"}
    for meter in METERS:
        if meter.otel_name in seldom - set(found):
            continue
        points = [*found[meter.otel_name].data.data_points]
        assert {name for point in points for name in point.attributes} == {f"dagflow.{label}" for label in meter.labels}
        for point in points:
            labels = {name.removeprefix("dagflow."): value for name, value in point.attributes.items()}
            assert not {"acme", "run", "tenant"} & {*labels, *labels.values()}
            name = f"{meter.name}_count" if meter.buckets else meter.name
            count = point.count if meter.buckets else point.value
            assert registry.get_sample_value(name, labels) == count, meter
    assert len({each.otel_name for each in (*METERS, *GAUGES)}) == len(METERS) + len(GAUGES)


def collected(reader: InMemoryMetricReader) -> list[Any]:
    data = reader.get_metrics_data()
    if data is None:
        return []
    return [metric for of in data.resource_metrics for scope in of.scope_metrics for metric in scope.metrics]


async def test_the_queue_and_stuck_threads_are_seen_from_another_thread() -> None:
    made, release, began = dagflow.Catalog(), threading.Event(), trio.Event()
    token = trio.lowlevel.current_trio_token()

    @made.action(effect="idempotent")
    def stuck() -> int:
        token.run_sync_soon(began.set)
        release.wait(60)
        return 1

    registry = CollectorRegistry()
    text = 'event "go" { id: string }\nflow f(id: string) -> int {\n  on event "go"\n  concurrency 1\n  a = stuck() timeout 1h\n  return a\n}\n'
    try:
        async with dagflow.Service.open(":memory:", catalog=made, observers=[prometheus(registry)]) as service:
            await service.publish(text)
            runs = [run for _ in range(3) for run in (await service.send("go", {"id": "a"})).runs]
            await began.wait()

            def read(name: str) -> float | None:
                return registry.get_sample_value(f"dagflow_{name}")

            seen = [
                await trio.to_thread.run_sync(read, each) for each in ("threads_in_use", "requests_waiting", "calls_under_way")
            ]
            assert seen == [1, 2, 1]
            assert (await trio.to_thread.run_sync(read, "oldest_waiting_seconds") or 0) > 0
            await service.interpreter.cancel(runs[0])
            assert await trio.to_thread.run_sync(read, "threads_abandoned") == 1
            release.set()
    finally:
        release.set()


async def test_a_slot_of_a_schedule_says_how_late_it_is() -> None:
    registry, clock = CollectorRegistry(), dagflow.VirtualClock(1_767_225_600_000_000_000)
    text = "flow f() -> int {\n  on every 1h\n  return 1\n}\n"
    observers = [prometheus(registry)]
    async with dagflow.Service.open(":memory:", catalog=catalog(), observers=observers, clock=clock) as service:
        await service.publish(text)
        while registry.get_sample_value("dagflow_schedule_lag_seconds_count") == 0:
            await trio.lowlevel.checkpoint()
    assert registry.get_sample_value("dagflow_schedule_lag_seconds_sum") == 0


async def test_a_blocked_loop_is_measured() -> None:
    made = dagflow.Catalog()

    @made.action(effect="idempotent")
    async def busy() -> int:
        until = trio.current_time() + 0.06
        while trio.current_time() < until:
            pass
        return 1

    registry = CollectorRegistry()
    flow = dagflow.compile("flow f() -> int {\n  a = busy()\n  return a\n}\n", catalog=made).unwrap()
    async with dagflow.Interpreter.open(":memory:", catalog=made, observers=[prometheus(registry)]) as interpreter:
        await (await interpreter.start(flow)).wait()
        await interpreter.rest()
    assert (registry.get_sample_value("dagflow_loop_stall_seconds_sum") or 0) >= 0.06


def test_names_of_authors_make_only_so_many_series() -> None:
    registry = CollectorRegistry()
    observer = prometheus(registry)
    for n in range(MOST_VALUES + 5):
        run = ObservedRun(run="r", tenant="", flow=f"f{n}", kind="manual", started_by="", event=0, started_at=0)
        observer.run_began(run)
    assert registry.get_sample_value("dagflow_runs_started_total", {"flow": OTHER, "trigger": "manual"}) == 5


def test_a_registry_takes_one_interpreter() -> None:
    registry = CollectorRegistry()
    prometheus(registry)
    with pytest.raises(dagflow.UsageError, match="a registry takes the metrics of one interpreter; pass another `registry=`"):
        prometheus(registry)


async def test_an_observer_that_fails_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Observer):
        def run_began(self, run: ObservedRun) -> None:
            raise ValueError("no")

        def call_began(self, attempt: ObservedAttempt) -> Any:
            raise ValueError("no")

        def committed(self, seconds: float) -> None:
            raise ValueError("no")

    registry = CollectorRegistry()
    await serve_shop(Failing(), prometheus(registry))
    assert registry.get_sample_value("dagflow_runs_total", {"flow": "shop", "status": "succeeded"}) == 2
    assert {record.name for record in caplog.records if record.exc_info} == {"dagflow.observers"}


async def test_a_call_that_is_given_up_counts_as_abandoned() -> None:
    made, began = dagflow.Catalog(), trio.Event()

    @made.action(effect="idempotent")
    async def held() -> int:
        began.set()
        await trio.sleep_forever()
        return 1

    registry = CollectorRegistry()
    flow = dagflow.compile("flow f() -> int {\n  a = held()\n  return a\n}\n", catalog=made).unwrap()
    async with dagflow.Interpreter.open(":memory:", catalog=made, observers=[prometheus(registry)]) as interpreter:
        await interpreter.start(flow)
        await began.wait()
    labels = {"action": "held", "outcome": CallOutcome.ABANDONED.value}
    assert registry.get_sample_value("dagflow_attempts_total", labels) == 1
    assert registry.get_sample_value("dagflow_steps_total", labels) is None


DASHBOARD = Path(__file__).parents[2] / "examples" / "grafana" / "dagflow.json"


def expressions() -> list[tuple[str, str]]:
    panels = orjson.loads(DASHBOARD.read_bytes())["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", ())]


def selectors(expression: Any) -> list[Any]:
    """The vector selectors of an expression, at any depth."""
    if isinstance(expression, promql_parser.VectorSelector):
        return [expression]
    parts = [getattr(expression, name, None) for name in ("expr", "vs", "vector_selector", "lhs", "rhs", "param")]
    parts += list(getattr(expression, "args", None) or ())
    return [found for part in parts if part is not None for found in selectors(part)]


@pytest.mark.parametrize(("title", "query"), expressions(), ids=[title for title, _ in expressions()])
def test_the_dashboard_asks_for_metrics_that_exist(title: str, query: str) -> None:
    known: dict[str, set[str]] = {gauge.name: set() for gauge in GAUGES}
    for meter in METERS:
        suffixes = ("_bucket", "_sum", "_count") if meter.buckets else ("",)
        known |= {f"{meter.name}{suffix}": {*meter.labels, *(["le"] if suffix == "_bucket" else [])} for suffix in suffixes}
    parsed = promql_parser.parse(query.replace("$__rate_interval", "5m"))
    found = selectors(parsed)
    assert found
    for selector in found:
        assert selector.name in known, title
        assert {matcher.name for matcher in selector.matchers.matchers} <= known[selector.name]


def test_the_dashboard_shows_every_metric() -> None:
    text = json.dumps(expressions())
    assert [each.name for each in (*METERS, *GAUGES) if each.name not in text] == []


def test_the_documents_list_every_metric_with_its_labels() -> None:
    page = (Path(__file__).parents[2] / "docs" / "observing.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(dagflow_\w+)` \| (.*?) ?\| ", page, re.MULTILINE))
    expected = {each.name: ", ".join(f"`{label}`" for label in each.labels) for each in METERS}
    assert rows == expected | {each.name: "" for each in GAUGES}


@pytest.mark.parametrize(
    ("maker", "library", "module", "extra"),
    [(open_telemetry, "opentelemetry", "otel", "otel"), (prometheus, "prometheus_client", "registry", "prometheus")],
)
def test_without_the_library_the_extra_is_named(
    maker: Any, library: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"dagflow.telemetry.{module}", raising=False)
    with pytest.raises(dagflow.UsageError, match=rf"needs a library: `pip install 'dagflow\[{extra}\]'`"):
        maker()
