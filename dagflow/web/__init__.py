"""An ASGI application for flows, events and runs, to be mounted in a web application of any framework, or served by itself.

from dagflow.web import Principal, app

api.mount("/automations", app(Client("runs.db"), authorize=lambda request: Principal("acme", "editor")))
"""

from dagflow.web import requirement as requirement
from dagflow.web.access import Authorize, Permission, Principal, Role
from dagflow.web.application import Application, HasClient, app
from dagflow.web.credentials import bearer
from dagflow.web.keys import ApiKey, KeyFile
from dagflow.web.limits import WebLimits
from dagflow.web.tokens import Tokens

__all__ = [
    "ApiKey",
    "Application",
    "Authorize",
    "HasClient",
    "KeyFile",
    "Permission",
    "Principal",
    "Role",
    "Tokens",
    "WebLimits",
    "app",
    "bearer",
]
