"""No answer has the content of a secret: not a run, not its history, not a stream, not a list of waits."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

import dagflow
from dagflow import Client, Service, TenantPolicy
from dagflow.web import app
from tests.app.served import Served
from tests.web.calling import JSON, Browser, by_header

CANARY = "c4n4ry-of-the-t0ken"
TENANT_CANARY = "c4n4ry-of-the-t3nant"
FLOW = """flow leak() -> string {
  on manual
  plain = echo(token: secrets.api_token)
  held = wait event "go" within 1d
  return plain
}
event "go" { id: string }
"""


def catalog() -> dagflow.Catalog:
    found = dagflow.Catalog.builtin()
    found.secret("api_token", CANARY, actions=["echo"])

    @found.action("echo")
    def echo(token: dagflow.Secret) -> str:
        """A careless action."""
        return f"your token is {token}"

    return found


@asynccontextmanager
async def beside(_: Path) -> AsyncGenerator[Browser]:
    async with Service.open(":memory:", catalog=catalog()) as service:
        yield Browser(app(service, authorize=by_header))


@asynccontextmanager
async def elsewhere(folder: Path) -> AsyncGenerator[Browser]:
    with Served(folder / "runs.db", catalog=catalog()) as served:
        yield Browser(app(Client(served.store), authorize=by_header, catalog=catalog()))


async def answers(browser: Browser, tenant: str) -> list[Any]:
    """Everything that can be read of a run that has used a secret."""
    browser.headers = {"x-role": "admin", "x-tenant": tenant}
    await browser.post("/flows", {"text": FLOW})
    run = (await browser.post("/flows/leak/start")).value["run"]
    async with browser.stream(f"/runs/{run}/stream") as stream:
        streamed = [await stream.next()]
        while streamed[-1] is not None and streamed[-1]["data"].get("node") != "held":
            streamed.append(await stream.next())
    await browser.post("/events", {"name": "go", "payload": {"id": "a"}}, JSON)
    found = [(await browser.get(f"/runs/{run}{part}")).value for part in ("/wait", "", "/history", "/graph")]
    assert found[0]["status"] == "succeeded"
    return [*streamed, *found]


@pytest.mark.parametrize("opened", [beside, elsewhere], ids=["service", "client"])
async def test_no_answer_has_the_content_of_a_secret(tmp_path: Path, opened: Any) -> None:
    async with opened(tmp_path) as browser:
        found = orjson.dumps(await answers(browser, "")).decode()
    assert "[secret api_token]" in found
    assert CANARY not in found


async def test_the_secrets_of_a_tenant_are_not_shown_either() -> None:
    policies = {"acme": TenantPolicy(secrets={"api_token": lambda: TENANT_CANARY})}
    async with Service.open(":memory:", catalog=catalog(), policies=policies) as service:
        found = orjson.dumps(await answers(Browser(app(service, authorize=by_header)), "acme")).decode()
    assert "[secret api_token]" in found
    assert TENANT_CANARY not in found
