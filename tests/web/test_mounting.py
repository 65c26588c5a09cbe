"""The application inside others: FastAPI under asyncio, and beside Django in one ASGI application."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anyio
import fastapi
import httpx

from dagflow import Client
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
