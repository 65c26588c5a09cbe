"""The ASGI application of a web process: Django, and dagflow's routes under `/automations/api`."""

from __future__ import annotations

import os
from importlib import import_module
from types import SimpleNamespace

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
django = get_asgi_application()  # first of all: models cannot be imported before

from django.conf import settings  # noqa: E402
from django.contrib.auth import aget_user  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.routing import Mount  # noqa: E402

from dagflow import Client  # noqa: E402
from dagflow.web import Principal, app  # noqa: E402
from shop.automations import catalog  # noqa: E402

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore


async def principal_of(request: Request) -> Principal | None:
    """The team of the user who is logged in is the tenant; the automations themselves are changed by the views."""
    session = SessionStore(request.cookies.get(settings.SESSION_COOKIE_NAME))
    user = await aget_user(SimpleNamespace(session=session))
    team = await user.groups.afirst() if user.is_authenticated else None
    return Principal(team.name, "operator", key=user.username) if team else None


automations = app(Client(settings.DAGFLOW_STORE), authorize=principal_of, catalog=catalog)
application = Starlette(routes=[Mount("/automations/api", automations), Mount("/", django)])
