"""The routes of the application, beside a service and by a client in another process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import anyio
import pytest
import trio

import dagflow
import dagflow.asyncio
from dagflow import Catalog, Client, Service
from dagflow.errors import UsageError
from dagflow.web import Principal, WebLimits, app
from dagflow.webhooks import Unsigned
from tests.app.served import Served
from tests.web.calling import BATCH, JSON, LINES, Browser, by_header

FLOWS = """
event "order/paid" { id: string }
event "order/shipped" { id: string }
flow deliver(id: string) -> string {
  on event "order/paid"
  once by id
  shipped = wait event "order/shipped" as e when e.id == id within 1h
  return "delivered ${id}"
}
"""
ASK = """
flow ask(n: int) -> int {
  on manual
  on cron "0 7 * * *" in "Europe/Berlin" with (n: 1)
  on webhook "shop" as body with (n: int(body.n))
  return 10 / n
}
"""
ADMIN = {"x-role": "admin"}
Opened: TypeAlias = Callable[[], "AsyncGenerator[Browser]"]


@asynccontextmanager
async def beside(_: Path) -> AsyncGenerator[Browser]:
    async with Service.open(":memory:", catalog=Catalog.builtin(), webhooks={"shop": Unsigned()}) as service:
        yield Browser(app(service, authorize=by_header), ADMIN)


@asynccontextmanager
async def elsewhere(folder: Path) -> AsyncGenerator[Browser]:
    with Served(folder / "runs.db", webhooks={"shop": Unsigned()}) as served:
        yield Browser(app(Client(served.store), authorize=by_header), ADMIN)


@pytest.fixture(params=[beside, elsewhere], ids=["service", "client"])
async def browser(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Browser]:
    async with request.param(tmp_path) as found:
        yield found


async def test_flows_are_published_compared_and_paused(browser: Browser) -> None:
    made = await browser.post("/flows", {"text": ASK, "author": "ann", "comment": "first"})
    assert (made.status, made.value["flow"], made.value["version"], made.value["author"]) == (200, "ask", 1, "ann")
    await browser.post("/flows", {"text": ASK.replace("10 / n", "20 / n")})
    assert [each["version"] for each in (await browser.get("/flows")).value["flows"]] == [2]
    assert "20 / n" in (await browser.get("/flows/ask")).value["text"]
    assert "10 / n" in (await browser.get("/flows/ask/versions/1")).value["text"]
    assert [each["version"] for each in (await browser.get("/flows/ask/versions")).value["versions"]] == [2, 1]
    diff = (await browser.get("/flows/ask/diff?before=1")).value
    assert (diff["before"], diff["after"], "+  return 20 / n" in diff["text"]) == (1, 2, True)
    assert (await browser.get("/flows/ask/schema")).value["properties"]["n"]["type"] == "integer"
    (schedule,) = (await browser.get("/schedules")).value["schedules"]
    assert (schedule["flow"], schedule["cron"], schedule["due_at"][10:13] in ("T05", "T06")) == ("ask", "0 7 * * *", True)
    for word, state in (("pause", "paused"), ("resume", "active"), ("retire", "retired")):
        assert (await browser.post(f"/flows/ask/{word}")).value["state"] == state


async def test_a_text_with_errors_is_refused_with_their_places(browser: Browser) -> None:
    answer = await browser.post("/flows", {"text": ASK.replace("10 / n", "10 / m")})
    assert (answer.status, answer.value["code"]) == (422, "flow_invalid")
    assert answer.headers["content-type"] == "application/problem+json"
    (found,) = [each for each in answer.value["diagnostics"] if each["severity"] == "error"]
    assert (found["code"], found["start"]["line"], found["start"]["column"]) == ("E202", 6, 15)
    assert (await browser.get("/flows")).value["flows"] == []


async def test_an_event_starts_a_run_that_is_waited_for(browser: Browser) -> None:
    await browser.post("/flows", {"text": FLOWS})
    event = {"name": "order/paid", "payload": {"id": "A-1"}, "id": "e1"}
    (request,) = (await browser.post("/events", event)).value["requests"]
    assert (await browser.post("/events", event)).value["duplicate"] is True
    run = request["run"]
    asleep = (await browser.get(f"/runs/{run}/wait?seconds=0")).value
    assert asleep["ended_at"] is None
    (wait,) = await until_waiting(browser)
    assert (wait["run"], wait["step"], wait["event"]) == (run, "shipped", "order/shipped")
    await browser.post("/events", {"name": "order/shipped", "payload": {"id": "A-1"}})
    ended = (await browser.get(f"/runs/{run}/wait?seconds=20")).value
    assert (ended["status"], ended["output"]) == ("succeeded", "delivered A-1")
    assert (await browser.get(f"/runs/{run}")).value == ended
    history = (await browser.get(f"/runs/{run}/history")).value["events"]
    assert [each["number"] for each in history] == [*range(len(history))]
    assert history[-1]["kind"] == "run_ended"
    assert (await browser.get(f"/runs/{run}/history?after={len(history) - 2}")).value["events"] == history[-1:]
    kept = (await browser.get("/flows/deliver/requests")).value["requests"]
    assert [(each["id"], each["stage"], each["run"], each["kind"]) for each in kept] == [("event:1", "ended", run, "event")]


async def until_waiting(browser: Browser) -> list[dict[str, str]]:
    with anyio.fail_after(10):
        while not (found := (await browser.get("/waits")).value["waits"]):
            await anyio.lowlevel.checkpoint()
    return found  # type: ignore[no-any-return]


async def test_runs_are_listed_by_page_and_filter(browser: Browser) -> None:
    await browser.post("/flows", {"text": ASK})
    runs = [(await browser.post("/flows/ask/start", {"input": {"n": n}})).value["run"] for n in (0, 1, 2, 5)]
    for run in runs:
        assert (await browser.get(f"/runs/{run}/wait")).status == 200
    first = (await browser.get("/runs?limit=3")).value
    assert [each["run"] for each in first["runs"]] == runs[:0:-1]
    rest = (await browser.get(f"/runs?limit=3&cursor={first['next']}")).value
    assert ([each["run"] for each in rest["runs"]], rest["next"]) == (runs[:1], None)
    for query, found in (("status=failed", runs[:1]), ("flow=other", []), ("unfinished=true", []), ("flow=ask", runs[::-1])):
        assert [each["run"] for each in (await browser.get(f"/runs?{query}")).value["runs"]] == found
    again = (await browser.post(f"/runs/{runs[1]}/rerun", {"id": "r1"})).value
    assert again["run"] not in runs
    assert (await browser.post(f"/runs/{runs[1]}/rerun", {"id": "r1"})).value["run"] == again["run"]


async def test_requests_wait_and_are_withdrawn(browser: Browser) -> None:
    await browser.post("/flows", {"text": ASK})
    await browser.post("/flows/ask/pause")
    held = (await browser.post("/flows/ask/start", {"input": {"n": 1}, "id": "a/b"})).value
    assert (held["id"], held["stage"], held["run"]) == ("start:a/b", "waiting", None)
    later = (await browser.post("/flows/ask/start", {"input": {"n": 1}, "at": "2199-01-01T00:00:00+01:00"})).value
    (shown,) = (await browser.get("/flows/ask/requests?stage=delayed")).value["requests"]
    assert (shown["id"], shown["not_before"]) == (later["id"], "2198-12-31T23:00:00.000Z")
    assert (await browser.call("DELETE", "/flows/ask/requests/start:a/b")).value["reason"] == "cancelled"
    assert (await browser.post("/flows/ask/cancel")).value == {"cancelled": 1}
    assert (await browser.call("DELETE", "/flows/ask/requests/start:none")).status == 404


async def test_a_run_is_cancelled(browser: Browser) -> None:
    await browser.post("/flows", {"text": FLOWS})
    (request,) = (await browser.post("/events", {"name": "order/paid", "payload": {"id": "A"}})).value["requests"]
    assert (await browser.post(f"/runs/{request['run']}/cancel")).value["status"] == "cancelled"


async def test_a_run_that_failed_is_retried(browser: Browser) -> None:
    await browser.post("/flows", {"text": ASK})
    run = (await browser.post("/flows/ask/start", {"input": {"n": 0}})).value["run"]
    assert (await browser.get(f"/runs/{run}/wait")).value["status"] == "failed"
    assert (await browser.post(f"/runs/{run}/retry")).value["run"] == run
    assert (await browser.get(f"/runs/{run}/wait")).value["status"] == "failed"
    kinds = [each["kind"] for each in (await browser.get(f"/runs/{run}/history")).value["events"]]
    assert (kinds.count("run_retry_requested"), kinds.count("evaluation_failed")) == (1, 2)
    refused = await browser.post(f"/runs/{run}/retry", {"steps": ["none"]})
    assert (refused.status, refused.value["code"]) == (404, "not_found")


async def test_a_run_begins_with_a_step_of_another(browser: Browser) -> None:
    await browser.post("/flows", {"text": FLOWS})
    (request,) = (await browser.post("/events", {"name": "order/paid", "payload": {"id": "A"}})).value["requests"]
    run = request["run"]
    await browser.post(f"/runs/{run}/skip", {"step": "shipped", "result": {"id": "A"}})
    await browser.get(f"/runs/{run}/wait")
    plan = (await browser.get(f"/runs/{run}/rerun?from_step=shipped")).value
    assert (plan["run"], plan["again"][0]) == (run, {"step": "shipped", "why": "is the step to begin with"})
    await browser.post("/flows", {"text": FLOWS.replace("  once by id\n", "")})
    again = (await browser.post(f"/runs/{run}/rerun", {"from_step": "shipped"})).value
    assert (again["stage"], again["run"] != run) == ("running", True)
    assert (await browser.get(f"/runs/{run}/rerun?from_step=none")).status == 404
    assert (await browser.get(f"/runs/{run}/rerun")).status == 400


async def test_a_run_is_deleted(browser: Browser) -> None:
    await browser.post("/flows", {"text": ASK})
    run = (await browser.post("/flows/ask/start", {"input": {"n": 5}})).value["run"]
    await browser.get(f"/runs/{run}/wait")
    refused = await browser.call("DELETE", f"/runs/{run}", headers={"x-role": "operator"})
    assert (refused.status, refused.value["code"]) == (403, "forbidden")
    assert (await browser.call("DELETE", f"/runs/{run}")).value == {"deleted": run}
    assert (await browser.get(f"/runs/{run}")).status == 404


async def test_a_step_is_skipped(browser: Browser) -> None:
    await browser.post("/flows", {"text": FLOWS})
    (request,) = (await browser.post("/events", {"name": "order/paid", "payload": {"id": "A"}})).value["requests"]
    run = request["run"]
    bad = await browser.post(f"/runs/{run}/skip", {"step": "shipped", "result": {"id": 1}})
    assert (bad.status, bad.value["code"]) == (422, "does_not_fit")
    await browser.post(f"/runs/{run}/skip", {"step": "shipped", "result": {"id": "B"}})
    assert (await browser.get(f"/runs/{run}/wait")).value["output"] == "delivered A"
    refused = await browser.post(f"/runs/{run}/retry")
    assert (refused.status, refused.value["code"]) == (409, "not_retried")


async def test_cloud_events_lines_and_batches(browser: Browser) -> None:
    await browser.post("/flows", {"text": FLOWS})
    event = {"specversion": "1.0", "type": "order/paid", "source": "/crm", "id": "1", "data": {"id": "a"}}
    first = await browser.post("/events", event, {"content-type": "application/cloudevents+json"})
    assert (first.status, len(first.value["requests"])) == (200, 1)
    binary = {**JSON, "ce-specversion": "1.0", "ce-type": "order/paid", "ce-source": "/crm", "ce-id": "1"}
    assert (await browser.post("/events", {"id": "a"}, binary)).value["duplicate"] is True
    other = await browser.post("/events", {"id": "b"}, {**binary, "ce-source": "/shop"})
    assert len(other.value["requests"]) == 1
    results = (await browser.post("/events", [event, {**event, "id": "2", "data": "text"}, 7], BATCH)).value["results"]
    assert results[0]["delivery"]["duplicate"] is True
    assert results[1]["problem"]["code"] == results[2]["problem"]["code"] == "does_not_fit"
    lines = b'{"name": "order/paid", "payload": {"id": "c"}, "id": "l1"}\n\n{"name": 5}\n{"name": "order/paid", "id": "l3", "payload": {"id": "d"}}\n{'
    results = (await browser.call("POST", "/events", lines, LINES)).value["results"]
    assert [each["delivery"] is not None for each in results] == [True, False, True, False]
    assert [each["problem"]["code"] for each in results if each["problem"]] == ["does_not_fit", "bad_json"]


async def test_webhooks_need_a_scheme_and_no_credential(browser: Browser) -> None:
    await browser.post("/flows", {"text": ASK})
    browser.headers = {}
    (request,) = (await browser.post("/webhooks/shop", {"n": 5})).value["requests"]
    assert request["run"]
    for path in ("/webhooks/other", "/webhooks/acme/shop", "/webhooks/%20/shop"):
        answer = await browser.post(path, {})
        assert (answer.status, answer.value["code"]) == (401, "webhook_refused")


async def test_the_host_describes_itself(browser: Browser) -> None:
    assert {each["name"] for each in (await browser.get("/actions")).value["actions"]} >= {"log", "http.request"}
    assert "log" in (await browser.get("/schemas")).value["actions"]
    browser.headers = {}
    for path in ("/healthz", "/readyz"):
        assert (await browser.get(path)).value == {"status": "ok"}


async def test_a_mounted_application_has_the_same_routes(browser: Browser) -> None:
    browser.prefix = "/automations/v1"
    assert (await browser.get("/flows")).value == {"flows": []}
    unknown = await browser.get("/nowhere")
    assert (unknown.status, unknown.value["help"]) == (404, "see /automations/v1/openapi.json for the routes")
    wrong = await browser.call("DELETE", "/flows")
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET, HEAD, POST")
    assert wrong.value["detail"] == "the method must be one of GET, HEAD, POST; got DELETE"


async def test_a_signed_webhook_that_is_not_json_is_a_bad_request(browser: Browser) -> None:
    broken = await browser.call("POST", "/webhooks/shop", b'{"n": ', JSON)
    assert (broken.status, broken.value["code"]) == (400, "bad_request")
    assert broken.value["detail"].startswith("the body of a webhook must be JSON in UTF-8")
    assert "secret" not in broken.value["help"]


async def test_a_stream_of_a_run_goes_on_where_it_was(browser: Browser) -> None:
    await browser.post("/flows", {"text": FLOWS})
    (request,) = (await browser.post("/events", {"name": "order/paid", "payload": {"id": "A"}})).value["requests"]
    path = f"/runs/{request['run']}/stream"
    await until_waiting(browser)
    async with browser.stream(path) as stream:
        first = await stream.next()
        assert first is not None
        assert (first["event"], first["id"], first["data"]["kind"]) == ("event", "0", "run_started")
        await browser.post("/events", {"name": "order/shipped", "payload": {"id": "A"}})
        seen = [first]
        while (found := await stream.next()) is not None:
            seen.append(found)
    history = (await browser.get(f"/runs/{request['run']}/history")).value["events"]
    assert [each["data"] for each in seen if each["event"] == "event"] == history
    assert (seen[-1]["event"], seen[-1]["data"]["status"]) == ("end", "succeeded")
    async with browser.stream(path, {"last-event-id": "1"}) as stream:
        again = await stream.next()
        assert again is not None
        assert again["data"] == history[2]
    over = await browser.get(path, {"last-event-id": str(len(history) - 1)})
    assert (over.status, over.value) == (204, None)


async def test_a_stream_of_all_runs_goes_on_where_it_was(browser: Browser) -> None:
    await browser.post("/flows", {"text": ASK})
    async with browser.stream("/stream") as stream:
        run = (await browser.post("/flows/ask/start", {"input": {"n": 5}})).value["run"]
        found = await stream.next()
        while found is not None and found["data"]["status"] != "succeeded":
            assert (found["event"], found["data"]["run"], found["data"]["flow"]) == ("run", run, "ask")
            found = await stream.next()
    assert found is not None
    other = (await browser.post("/flows/ask/start", {"input": {"n": 2}})).value["run"]
    await browser.get(f"/runs/{other}/wait")
    async with browser.stream("/stream", {"last-event-id": found["id"]}) as stream:
        missed = await stream.next()
        assert missed is not None
        assert missed["data"]["run"] == other
    async with browser.stream("/stream?after=of-another-process-7") as stream:
        reset = await stream.next()
        assert reset is not None
        assert reset["event"] == "reset"


async def test_what_cannot_be_answered_says_what_where_and_what_to_do(browser: Browser) -> None:
    await browser.post("/flows", {"text": ASK})
    text = {"content-type": "text/plain"}
    answers = [
        (await browser.get("/nowhere"), 404, "not_found"),
        (await browser.get("/runs/none"), 404, "not_found"),
        (await browser.get("/flows/none"), 404, "not_found"),
        (await browser.get("/flows/ask/versions/9"), 404, "not_found"),
        (await browser.get("/events"), 405, "method_not_allowed"),
        (await browser.call("POST", "/events", b"{}", text), 415, "not_json"),
        (await browser.call("POST", "/flows/ask/pause", b"a=1", {"content-type": "application/x-www-form-urlencoded"}), 415, "not_json"),
        (await browser.call("POST", "/events", b" " * (1024 * 1024 + 1), JSON), 413, "too_large"),
        (await browser.call("POST", "/events", b"{", JSON), 400, "bad_json"),
        (await browser.call("POST", "/events", b"[" * 100 + b"]" * 100, JSON), 400, "bad_json"),
        (await browser.post("/events", [1]), 422, "does_not_fit"),
        (await browser.post("/events", {"name": 5}), 422, "does_not_fit"),
        (await browser.post("/events", {"name": "x", "payload": "text"}), 422, "does_not_fit"),
        (await browser.post("/events", {"name": "x", "unknown": 1}), 422, "does_not_fit"),
        (await browser.post("/flows/ask/start", {"input": {"n": "x"}}), 422, "does_not_fit"),
        (await browser.post("/flows/ask/start", {"input": {"n": 1}, "at": "tomorrow"}), 422, "does_not_fit"),
        (await browser.get("/runs?status=lost"), 400, "bad_query"),
        (await browser.get("/runs?limit=0"), 400, "bad_query"),
        (await browser.get("/runs?cursor=!"), 400, "bad_query"),
        (await browser.get("/runs?unfinished=maybe"), 400, "bad_query"),
        (await browser.get("/flows/ask/diff"), 400, "bad_query"),
        (await browser.get("/flows", {"x-role": ""}), 401, "unauthorized"),
    ]  # fmt: skip
    for answer, status, code in answers:
        assert (answer.status, answer.value["code"]) == (status, code), answer.value
        assert answer.value["type"] == f"urn:dagflow:problem:{code}"
        assert answer.value["detail"]
        assert answer.value["help"]
        assert "Traceback" not in answer.value["detail"]
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_the_application_runs_under_asyncio(tmp_path: Path) -> None:
    with Served(tmp_path / "runs.db") as served:
        browser = Browser(app(dagflow.asyncio.Client(served.store), authorize=by_header), ADMIN)

        async def main() -> None:
            await browser.post("/flows", {"text": ASK})
            run = (await browser.post("/flows/ask/start", {"input": {"n": 5}})).value["run"]
            assert (await browser.get(f"/runs/{run}/wait")).value["output"] == 2
            async with browser.stream(f"/runs/{run}/stream") as stream:
                assert (await stream.next() or {})["data"]["kind"] == "run_started"

        anyio.run(main, backend="asyncio")


async def test_a_service_on_another_loop_says_what_to_do() -> None:
    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        browser = Browser(app(service, authorize=by_header), ADMIN)
        answer = await trio.to_thread.run_sync(lambda: anyio.run(browser.get, "/flows", backend="asyncio"))
        assert (answer.status, answer.value["code"]) == (503, "wrong_loop")
        assert "dagflow.Client" in answer.value["help"]


async def test_no_process_drives_the_store(tmp_path: Path) -> None:
    browser = Browser(app(Client(tmp_path / "runs.db"), authorize=by_header), ADMIN)
    for path in ("/readyz", "/flows"):
        answer = await browser.get(path)
        assert (answer.status, answer.value["code"]) == (503, "not_served")


async def test_an_async_authorize(tmp_path: Path) -> None:
    async def authorize(request: object) -> Principal | None:
        return by_header(request)

    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        browser = Browser(app(service, authorize=authorize))
        assert (await browser.get("/flows", ADMIN)).status == 200
        assert (await browser.get("/flows")).headers["www-authenticate"] == "Bearer"


async def test_a_source_that_does_not_go(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`source` must be a Service or a Client; got int"):
        app(5, authorize=by_header)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="the client must have no tenant, since each principal has one; got 'acme'"):
        app(Client(tmp_path / "runs.db", tenant="acme"), authorize=by_header)
    with pytest.raises(UsageError, match="`body` must be greater than 0; got 0"):
        WebLimits(body=0)
    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        with pytest.raises(UsageError, match="`catalog` must be omitted where `source` is a service"):
            app(service, authorize=by_header, catalog=Catalog.builtin())
