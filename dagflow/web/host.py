"""The state of the application, and the declarations of the host."""

from __future__ import annotations

from typing import Final

from dagflow.app.documents.actions import action_data
from dagflow.app.documents.types import Json
from dagflow.lang.exporters.json_schema import schemas_of
from dagflow.web.access import Permission
from dagflow.web.call import Call
from dagflow.web.documents import ActionsDocument, StatusDocument
from dagflow.web.operations import Operations

HOST: Final = Operations()


@HOST.add("GET", "/healthz", Permission.PUBLIC, answer=StatusDocument)
async def is_alive(call: Call) -> StatusDocument:  # noqa: ARG001 - of every handler
    """Say that the application answers."""
    return {"status": "ok"}


@HOST.add("GET", "/readyz", Permission.PUBLIC, answer=StatusDocument)
async def is_ready(call: Call) -> StatusDocument:
    """Say whether runs can begin; 503 while the service stops or no process drives the store."""
    await call.backend.check_ready()
    return {"status": "ok"}


@HOST.add("GET", "/actions", Permission.READ, answer=ActionsDocument)
async def list_actions(call: Call) -> ActionsDocument:
    """List the actions that flows can call."""
    specs = sorted(call.backend.interface.actions.values(), key=lambda spec: spec.name)
    return {"actions": [action_data(spec) for spec in specs]}


@HOST.add("GET", "/schemas", Permission.READ, answer=dict[str, Json])
async def list_schemas(call: Call) -> object:
    """Return the JSON Schemas of the events and the actions that the host declares."""
    interface = call.backend.interface
    return schemas_of((), interface.events, interface.actions)
