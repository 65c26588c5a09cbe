"""`dagflow serve`: the application by itself, and the whole process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest

from dagflow import Service
from dagflow.cli.http_api import MAX_BODY, HttpApi
from dagflow.cli.main import main
from dagflow.webhooks import Unsigned
from tests.app.host import Host
from tests.service.world import LEADS, finished

ROOT = Path(__file__).parents[2]
JSON = {"content-type": "application/json"}


@attrs.define
class Client:
    """Calls an application without a server."""

    api: HttpApi

    async def call(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, Any]:
        sent: list[Any] = []
        chunks = [body[at : at + 1000] for at in range(0, len(body), 1000)] or [b""]

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message: object) -> None:
            sent.append(message)

        raw = [(name.encode(), value.encode()) for name, value in (JSON if headers is None else headers).items()]
        await self.api({"type": "http", "method": method, "path": path, "headers": raw}, receive, send)  # type: ignore[arg-type]
        return sent[0]["status"], orjson.loads(sent[1]["body"])

    async def post(self, path: str, value: object, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        return await self.call("POST", path, orjson.dumps(value), headers)


async def test_events_start_runs_that_can_be_looked_at() -> None:
    host = Host()
    async with Service.open(":memory:", catalog=host.catalog) as service:
        await service.publish(LEADS, author="ann")
        client = Client(HttpApi(service, host.catalog))
        event = {"name": "lead/new", "payload": {"id": "a"}, "id": "e1"}
        status, found = await client.post("/events", event)
        (request,) = found["requests"]
        assert (status, found["duplicate"], request["stage"]) == (200, False, "running")
        assert (await client.post("/events", event))[1]["duplicate"] is True
        await finished(service)
        status, run = await client.call("GET", f"/runs/{request['run']}")
        assert (status, run["status"], run["output"]) == (200, "succeeded", "sent to a")
        assert [each["run"] for each in (await client.call("GET", "/runs"))[1]["runs"]] == [request["run"]]
        (flow,) = (await client.call("GET", "/flows"))[1]["flows"]
        assert (flow["flow"], flow["version"], flow["author"], flow["state"]) == ("welcome", 1, "ann", "active")
        assert (await client.call("POST", f"/runs/{request['run']}/cancel"))[1]["status"] == "succeeded"


async def test_cloud_events_in_both_modes_are_told_apart_by_source_and_id() -> None:
    host = Host()
    async with Service.open(":memory:", catalog=host.catalog) as service:
        await service.publish(LEADS)
        client = Client(HttpApi(service, host.catalog))
        event = {"specversion": "1.0", "type": "lead/new", "source": "/crm", "id": "1", "data": {"id": "a"}}
        first = await client.post("/events", event, {"content-type": "application/cloudevents+json"})
        assert (first[0], len(first[1]["requests"])) == (200, 1)
        headers = {**JSON, "ce-specversion": "1.0", "ce-type": "lead/new", "ce-source": "/crm", "ce-id": "1"}
        assert (await client.post("/events", {"id": "a"}, headers))[1]["duplicate"] is True
        other = await client.post("/events", {"id": "b"}, headers | {"ce-source": "/shop"})
        assert len(other[1]["requests"]) == 1
        assert (await client.post("/events", {"specversion": "1.0", "id": "1"}))[0] == 400


async def test_what_cannot_be_answered_says_why() -> None:
    host = Host()
    async with Service.open(":memory:", catalog=host.catalog, webhooks={"open": Unsigned()}) as service:
        await service.publish(LEADS)
        client = Client(HttpApi(service, host.catalog, token="t0p"))
        bearer = {**JSON, "authorization": "Bearer t0p"}
        errors = [
            (await client.call("GET", "/flows"), 401, "unauthorized"),
            (await client.call("GET", "/flows", headers={"authorization": "Bearer t0"}), 401, "unauthorized"),
            (await client.call("GET", "/nowhere", headers=bearer), 404, "not_found"),
            (await client.call("GET", "/runs/none", headers=bearer), 404, "not_found"),
            (await client.call("GET", "/events", headers=bearer), 405, "method_not_allowed"),
            (await client.call("POST", "/events", b"{}", {**bearer, "content-type": "text/plain"}), 415, "not_json"),
            (await client.call("POST", "/events", b" " * (MAX_BODY + 1), bearer), 413, "too_large"),
            (await client.call("POST", "/events", b"{", bearer), 400, "bad_json"),
            (await client.post("/events", [1], bearer), 400, "bad_request"),
            (await client.post("/events", {"name": 5}, bearer), 400, "bad_request"),
            (await client.post("/events", {"name": "x", "payload": "text"}, bearer), 422, "does_not_fit"),
            (await client.post("/webhooks/other", {}), 401, "webhook_refused"),
        ]
        for (status, found), wanted, code in errors:
            assert (status, found["error"]["code"]) == (wanted, code), found
            assert "Traceback" not in found["error"]["message"]
        for path in ("/healthz", "/readyz"):
            assert (await client.call("GET", path))[0] == 200
        assert (await client.post("/webhooks/open", {}))[0] == 200
        await service.interpreter.drain(0)
        assert (await client.call("GET", "/readyz"))[0] == 503


def get(url: str, value: object = None) -> Any:
    body = None if value is None else orjson.dumps(value)
    request = urllib.request.Request(url, data=body, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return orjson.loads(answer.read())


@pytest.mark.early
def test_a_process_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    (tmp_path / "a.flow").write_text(
        'event "lead/new" { id: string }\nflow hello(id: string) -> string {\n  on event "lead/new"\n  log(message: id)\n  return id\n}\n'
    )
    command = [
        sys.executable,
        "-m",
        "dagflow",
        "serve",
        "a.flow",
        "--store",
        "runs.db",
        "--listen",
        "127.0.0.1:0",
        "--no-token",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == "published hello, version 1\n"
            url = process.stderr.readline().strip().removeprefix("listening on ")
            (request,) = get(f"{url}/events", {"name": "lead/new", "payload": {"id": "a"}})["requests"]
            assert request["stage"] == "running"
            with pytest.raises(urllib.error.HTTPError) as refused:
                get(f"{url}/nowhere")
            refused.value.close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--listen", "8321"], "`--listen` must be HOST:PORT"),
        (["--listen", "0.0.0.0:1", "--no-token"], "`--no-token` must go with a loopback address"),
        ([], "set DAGFLOW_TOKEN to the token"),
        (["--no-token", "--webhook", "x=paypal:KEY"], "`--webhook` must be NAME=SCHEME:VARIABLE"),
        (["--no-token", "--webhook", "x=stripe:NO_SUCH_KEY"], "set NO_SUCH_KEY to the secret of the webhook 'x'"),
    ],
)
def test_options_that_do_not_go(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGFLOW_TOKEN", raising=False)
    assert main(["serve", *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
