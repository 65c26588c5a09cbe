"""The application inside others: FastAPI under asyncio, and beside Django in one ASGI application."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import fastapi
import httpx

import dagflow.asyncio
from dagflow import Catalog, Client
from dagflow.web import app
from tests.app.served import Served
from tests.web.calling import by_header

ROOT = Path(__file__).parents[2]
DJANGO = """
import anyio, httpx, sys
import django
from django.conf import settings
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path
from starlette.applications import Starlette
from starlette.routing import Mount
from dagflow import Client
from dagflow.web import Principal, app

def login(request):
    request.session["team"] = "red"
    return HttpResponse("hello")

urlpatterns = [path("login", login)]
settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="x" * 50, ALLOWED_HOSTS=["*"], MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)
django_app = get_asgi_application()

async def principal_of(request):
    team = await SessionStore(request.cookies.get("sessionid")).aget("team")
    return Principal(team, "viewer") if team else None

application = Starlette(routes=[Mount("/automations/api", app(Client(sys.argv[1]), authorize=principal_of)), Mount("/", django_app)])

async def main():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://shop.test") as browser:
        print((await browser.get("/automations/api/flows")).status_code)
        print((await browser.get("/login")).text)
        print((await browser.get("/automations/api/flows")).json())

anyio.run(main)
"""


def test_fastapi_mounts_it(tmp_path: Path) -> None:
    api = fastapi.FastAPI()

    @api.get("/")
    def index() -> str:
        return "shop"

    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://shop.test") as browser:
            assert (await browser.get("/")).json() == "shop"
            headers = {"x-role": "viewer", "x-tenant": "red"}
            assert (await browser.get("/automations/api/flows", headers=headers)).json() == {"flows": []}
            refused = await browser.get("/automations/api/flows")
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
            assert (await browser.get("/automations/api/nowhere")).json()["code"] == "not_found"

    with Served(tmp_path / "runs.db") as served:
        api.mount("/automations/api", app(Client(served.store), authorize=by_header))
        anyio.run(main, backend="asyncio")


FLOW = """
event "order/paid" { id: string }
flow ship(id: string) -> string {
  on event "order/paid"
  sent = deliver(id: id)
  return sent
}
"""


def test_one_fastapi_process_drives_its_flows_and_mounts_the_application(tmp_path: Path) -> None:
    catalog, loops = Catalog(), list[object]()

    @catalog.action(name="deliver", effect="idempotent")
    async def deliver(id: str) -> str:  # noqa: A002 - the name in flows
        loops.append(asyncio.get_running_loop())
        return f"delivered {id}"

    @asynccontextmanager
    async def lifespan(api: fastapi.FastAPI) -> AsyncGenerator[None]:
        async with dagflow.asyncio.Service.open(tmp_path / "runs.db", catalog=catalog) as service:
            api.mount("/automations/api", app(service, authorize=by_header))
            yield

    api = fastapi.FastAPI(lifespan=lifespan)

    async def main() -> None:
        transport = httpx.ASGITransport(api)
        headers = {"x-role": "admin", "x-tenant": "red"}
        base = "http://shop.test/automations/api"
        async with lifespan(api), httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as browser:
            assert (await browser.get("/readyz")).json() == {"status": "ok"}
            assert (await browser.post("/flows", json={"text": FLOW})).json()["version"] == 1
            sent = await browser.post("/events", json={"name": "order/paid", "payload": {"id": "A-1"}})
            run = sent.json()["requests"][0]["run"]
            ended = (await browser.get(f"/runs/{run}/wait?seconds=10")).json()
            assert (ended["status"], ended["output"]) == ("succeeded", "delivered A-1")
            assert (await browser.get(f"/runs/{run}", headers={"x-tenant": "blue"})).status_code == 404
            assert (await browser.get("/flows/nowhere")).json()["code"] == "not_found"
            checked = await browser.post("/editor/check", json={"text": FLOW.replace("id: id", "di: id"), "document": "a"})
            assert [each["code"] for each in checked.json()["diagnostics"] if each["severity"] == "error"] == ["E306"]
        assert loops == [asyncio.get_running_loop()]

    asyncio.run(main())


def test_django_stands_beside_it(tmp_path: Path) -> None:
    with Served(tmp_path / "runs.db") as served:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", DJANGO, str(served.store)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.stdout.splitlines() == ["401", "hello", "{'flows': []}"], done.stderr
