"""Traces, by the SDK of OpenTelemetry: a run is one trace, in every process that drives it, and nothing is open while it waits."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode

import dagflow
from dagflow.actions import Settings
from dagflow.telemetry import RunIds, open_telemetry, trace_id
from tests.actions.servers import answer_with, http_sink

WAITING = """
event "go" { id: string }
event "done" { id: string }

flow waiting(id: string) -> string {
  on event "go"
  first = flaky(n: 2) retry 2 every 1ms
  got = wait event "done" as d when d.id == id within 1h else { stop }
  second = seen()
  return second
}
"""


@attrs.define(eq=False)
class Open(SpanProcessor):
    """Counts the spans that are open."""

    names: list[str] = attrs.field(factory=list)

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        self.names.append(span.name)

    def on_end(self, span: ReadableSpan) -> None:
        self.names.remove(span.name)


@attrs.define(eq=False)
class Traced:
    """A provider with what it exported, and a catalogue."""

    provider: TracerProvider = attrs.field(factory=lambda: TracerProvider(id_generator=RunIds()))
    exporter: InMemorySpanExporter = attrs.field(factory=InMemorySpanExporter)
    open: Open = attrs.field(factory=Open)
    catalog: dagflow.Catalog = attrs.field(factory=dagflow.Catalog.builtin)
    n_calls: int = 0

    def __attrs_post_init__(self) -> None:
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.provider.add_span_processor(self.open)

        @self.catalog.action(effect="idempotent")
        async def flaky(n: int) -> int:
            self.n_calls += 1
            if self.n_calls < n:
                raise ConnectionError("the other side is away")
            return self.n_calls

        @self.catalog.action(effect="idempotent")
        async def seen() -> str:
            await trio.lowlevel.checkpoint()
            return f"{trace.get_current_span().get_span_context().span_id:016x}"

        @self.catalog.action(effect="idempotent")
        def seen_in_thread() -> str:
            return f"{trace.get_current_span().get_span_context().span_id:016x}"

    def observer(self, **options: Any) -> Any:
        return open_telemetry(tracer_provider=self.provider, **options)

    def spans(self) -> dict[str, ReadableSpan]:
        """What was exported, by name; of several with one name the last."""
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]


def link_ids(span: ReadableSpan) -> list[int]:
    return [link.context.span_id for link in span.links]


def attributes(span: ReadableSpan) -> Mapping[str, Any]:
    assert span.attributes is not None
    return span.attributes


async def test_a_run_is_one_trace_in_two_processes_and_nothing_is_open_while_it_waits(tmp_path: Path) -> None:
    traced = Traced()
    path, tracer = tmp_path / "runs.db", traced.provider.get_tracer("host")
    async with dagflow.Service.open(path, catalog=traced.catalog, observers=[traced.observer()]) as service:
        await service.publish(WAITING)
        with tracer.start_as_current_span("request") as request:
            delivery = await service.send("go", {"id": "a"})
        (run,) = delivery.runs
        await service.interpreter.rest()
        assert traced.open.names == []
        assert {span.name for span in traced.exporter.get_finished_spans()} == {"request", "begin waiting", "attempt first"}
    first, again = traced.named("attempt first")
    assert attributes(first)["error.type"] == "exception.connection_error"
    assert first.status.status_code is StatusCode.ERROR
    assert link_ids(again) == [first.context.span_id]
    begin = traced.spans()["begin waiting"]
    assert (begin.kind, link_ids(begin)) == (SpanKind.CONSUMER, [request.get_span_context().span_id])
    # Another observer knows nothing of the first.
    async with dagflow.Service.open(path, catalog=traced.catalog, observers=[traced.observer()]) as service:
        with tracer.start_as_current_span("callback") as callback:
            await service.send("done", {"id": "a"})
        result = await (await service.interpreter.get_run(run)).wait()
    spans = traced.spans()
    assert link_ids(spans["take done"]) == [callback.get_span_context().span_id]
    assert result.output == f"{spans['attempt second'].context.span_id:016x}"
    root = spans["run waiting"]
    assert root.parent is None
    assert (root.start_time, root.end_time) == (result.started_at, result.ended_at)
    assert attributes(root)["dagflow.status"] == "succeeded"
    ours = [span for span in traced.exporter.get_finished_spans() if span.name not in {"request", "callback"}]
    assert {f"{span.context.trace_id:032x}" for span in ours} == {trace_id(run)}
    assert {span.parent.span_id for span in ours if span.parent is not None} == {root.context.span_id}
    assert all(attributes(span)["dagflow.run.id"] == run for span in ours)


CHAIN = """
event "made" { n: int }

flow source() -> int {
  emit "made" (n: 1)
  start target(n: 2)
  return 1
}

flow target(n: int) -> int {
  on event "made" as e with (n: e.n)
  return n
}
"""


async def test_runs_that_start_one_another_are_linked() -> None:
    traced = Traced()
    async with dagflow.Service.open(":memory:", catalog=traced.catalog, observers=[traced.observer()]) as service:
        compilation = dagflow.compile(CHAIN, catalog=traced.catalog)
        for name in ("source", "target"):
            await service.publish(compilation, name=name)
        outcome = await service.start("source", {})
        await service.interpreter.rest()
        runs = await service.runs()
    (emit,) = traced.named("emit made")
    (source,) = traced.named("run source")
    assert emit.kind is SpanKind.PRODUCER
    begun = {attributes(span)["dagflow.trigger"]: span for span in traced.named("begin target")}
    assert link_ids(begun["event"]) == [emit.context.span_id]
    assert link_ids(begun["flow"]) == [source.context.span_id]
    assert f"{source.context.trace_id:032x}" == trace_id(outcome.run)
    assert len({span.context.trace_id for span in traced.exporter.get_finished_spans()}) == len(runs) == 3


@pytest.mark.parametrize("action", ["seen", "seen_in_thread"])
async def test_the_attempt_is_the_current_span_of_a_host_action(action: str) -> None:
    traced = Traced()
    flow = dagflow.compile(f"flow f() -> string {{\n  a = {action}()\n  return a\n}}\n", catalog=traced.catalog).unwrap()
    async with dagflow.Interpreter.open(":memory:", catalog=traced.catalog, observers=[traced.observer()]) as interpreter:
        result = await (await interpreter.start(flow)).wait()
    assert result.output == f"{traced.spans()['attempt a'].context.span_id:016x}"


async def test_a_step_that_is_cancelled_ends_its_span() -> None:
    traced = Traced()

    @traced.catalog.action(effect="idempotent")
    async def held() -> int:
        started.set()
        await trio.sleep_forever()
        return 1

    started = trio.Event()
    flow = dagflow.compile("flow f() -> int {\n  a = held()\n  return a\n}\n", catalog=traced.catalog).unwrap()
    async with dagflow.Interpreter.open(":memory:", catalog=traced.catalog, observers=[traced.observer()]) as interpreter:
        run = await interpreter.start(flow)
        await started.wait()
        assert traced.open.names == ["attempt a"]
        await run.cancel()
    assert traced.open.names == []
    assert attributes(traced.spans()["attempt a"])["dagflow.outcome"] == "cancelled"
    assert traced.spans()["run f"].status.description == "cancelled"


async def test_a_run_is_sampled_as_a_whole_and_as_the_sampler_of_the_sdk_decides() -> None:
    ratio = 0.4
    sampler = ParentBased(TraceIdRatioBased(ratio))
    traced = Traced(TracerProvider(id_generator=RunIds(), sampler=sampler))
    flow = dagflow.compile("flow f() -> string {\n  a = seen()\n  return a\n}\n", catalog=traced.catalog).unwrap()
    async with dagflow.Interpreter.open(
        ":memory:", catalog=traced.catalog, observers=[traced.observer(sample=ratio)]
    ) as interpreter:
        runs = [await interpreter.start(flow) for _ in range(60)]
        for run in runs:
            await run.wait()
    names = {run.id: set[str]() for run in runs}
    for span in traced.exporter.get_finished_spans():
        names[str(attributes(span)["dagflow.run.id"])].add(span.name)
    whole = {"begin f", "attempt a", "run f"}
    assert all(found in (set(), whole) for found in names.values())
    bound = TraceIdRatioBased.get_bound_for_rate(ratio)
    assert [run for run, found in names.items() if found] == [
        run for run in names if int(trace_id(run), 16) & TraceIdRatioBased.TRACE_ID_LIMIT < bound
    ]


@given(st.uuids().map(lambda each: each.hex), st.text(alphabet="abc[]0#/", max_size=9))
def test_all_parts_of_a_run_have_one_trace(run: str, rest: str) -> None:
    assert trace_id(run) == trace_id(f"{run}/{rest}")
    assert len(trace_id(run)) == 32
    assert int(trace_id(run), 16)


@pytest.mark.parametrize("sample", [-0.1, 1.1])
def test_the_share_of_sampled_runs_is_a_share(sample: float) -> None:
    with pytest.raises(dagflow.UsageError, match=f"`sample` must be from 0 to 1; got {sample}"):
        open_telemetry(sample=sample)


async def test_requests_carry_the_trace_to_the_server() -> None:
    traced = Traced(catalog=dagflow.Catalog.builtin(Settings(http_allow_networks=(ipaddress.ip_network("127.0.0.0/8"),))))
    text = "flow f(url: Url) -> int {\n  a = http.request(url: url)\n  return a.status\n}\n"
    flow = dagflow.compile(text, catalog=traced.catalog).unwrap()
    with http_sink(answer_with(200, b"{}")) as sink:
        async with dagflow.Interpreter.open(":memory:", catalog=traced.catalog, observers=[traced.observer()]) as interpreter:
            run = await interpreter.start(flow, {"url": sink.url})
            assert (await run.wait()).output == 200
        async with dagflow.Interpreter.open(":memory:", catalog=traced.catalog) as interpreter:
            await (await interpreter.start(flow, {"url": sink.url})).wait()
    observed, unobserved = sink.requests
    span = traced.spans()["attempt a"]
    assert observed.headers["traceparent"] == f"00-{trace_id(run.id)}-{span.context.span_id:016x}-01"
    assert "traceparent" not in unobserved.headers
