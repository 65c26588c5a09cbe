"""The OpenAPI 3.1 document, made of the operations and their types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dagflow import __version__
from dagflow.app.documents.schema import Schema, schema_of
from dagflow.web.access import GRANTS, Permission
from dagflow.web.operations import Operation
from dagflow.web.problems import MEDIA_TYPE, ProblemDocument

_PLACE: Final = "#/components/schemas/"
_NAMES: Final = re.compile(r"{(\w+)}")


def openapi(operations: Iterable[Operation]) -> Schema:
    """Return the document."""
    schemas: dict[str, Schema] = {}
    problem = schema_of(ProblemDocument, schemas, place=_PLACE)
    paths: dict[str, Schema] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas, problem)
    return {
        "openapi": "3.1.0",
        "info": {"title": "dagflow", "version": __version__, "description": "Flows, events and runs of a dagflow service."},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation, schemas: dict[str, Schema], problem: Schema) -> Schema:
    is_open = operation.permission in (Permission.PUBLIC, Permission.SIGNED)
    found: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
                for name in _NAMES.findall(operation.path)
            ),
            *(
                {"name": each.name, "in": "query", "description": each.about, "schema": _query_schema(each.kind, each.words)}
                for each in operation.query
            ),
        ],
        "responses": {
            **_answer(operation, schemas),
            "default": {"description": "a problem", "content": {MEDIA_TYPE: {"schema": problem}}},
        },
        "security": [] if is_open else [{"bearer": []}],
        "x-dagflow-roles": sorted(str(role) for role, grants in GRANTS.items() if operation.permission in grants),
    }
    if operation.is_raw:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": {}}}}
    elif operation.body is not None:
        schema = schema_of(operation.body, schemas, place=_PLACE)
        found["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": schema if kind == "application/json" else {}} for kind in operation.media},
        }
    return found


def _query_schema(kind: str, words: tuple[str, ...]) -> Schema:
    return {"enum": [str(word) for word in words]} if words else {"type": kind}


def _answer(operation: Operation, schemas: dict[str, Schema]) -> Schema:
    if operation.is_stream:
        ended = {"description": "nothing comes after the id of the last event"}
        return {"200": {"description": "server-sent events", "content": {"text/event-stream": {}}}, "204": ended}
    schema = schema_of(operation.answer, schemas, place=_PLACE)
    return {"200": {"description": "the answer", "content": {"application/json": {"schema": schema}}}}
