"""The OpenAPI document has every route, and its schemas are those that bodies are checked by."""

from __future__ import annotations

from typing import Any, TypedDict

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow import Catalog, Service
from dagflow.app.documents.schema import schema_of
from dagflow.web import Permission, app
from dagflow.web.application import OPERATIONS
from dagflow.web.documents import EventBody, PublishBody, StartBody
from dagflow.web.problems import Problem
from dagflow.web.shapes import checked
from tests.web.calling import Browser, by_header


async def test_the_document_has_every_route_with_its_roles() -> None:
    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        document = (await Browser(app(service, authorize=by_header)).get("/openapi.json")).value
    assert document["openapi"] == "3.1.0"
    for operation in OPERATIONS:
        found = document["paths"][operation.path][operation.method.lower()]
        assert found["operationId"] == operation.name
        assert found["summary"]
        is_open = operation.permission in (Permission.PUBLIC, Permission.SIGNED)
        assert (found["security"] == []) == is_open
        assert ("admin" in found["x-dagflow-roles"]) != is_open
    names = [each.name for each in OPERATIONS]
    assert len(set(names)) == len(names)
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


WORDS = ["text", "name", "author", "comment", "input", "id", "at", "payload", "other"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=5,
)


@pytest.mark.parametrize("type_", [PublishBody, EventBody, StartBody])
@given(value=VALUES)
def test_a_body_is_accepted_if_its_schema_accepts_it(type_: Any, value: object) -> None:
    definitions: dict[str, Any] = {}
    schema = {**schema_of(type_, definitions), "$defs": definitions}
    fits = jsonschema.Draft202012Validator(schema).is_valid(value)
    if fits:
        assert checked(type_, value) is value
        return
    with pytest.raises(Problem) as refused:
        checked(type_, value)
    assert (refused.value.status, bool(refused.value.places)) == (422, True)


def test_two_documents_have_two_names() -> None:
    """`FlowDocument` and `Flow` would be one schema."""

    class Flow(TypedDict):
        a: int

    class FlowDocument(TypedDict):
        b: int

    definitions: dict[str, Any] = {}
    schema_of(Flow, definitions)
    with pytest.raises(TypeError, match="two documents would be called 'Flow'; rename FlowDocument"):
        schema_of(FlowDocument, definitions)
