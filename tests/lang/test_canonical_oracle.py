"""The shape of canonical JSON, checked beside a JSON Schema library: both refuse the same data."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow.lang.canonical.codec import to_data
from dagflow.lang.canonical.schema import SCHEMA
from dagflow.lang.canonical.validate import check_shape
from dagflow.model.wire.json_reader import locate_json
from tests.app.flowtext import flow_texts

ROOT = Path(__file__).parents[2]
PUBLISHED = json.loads((ROOT / "grammar" / "flow.schema.json").read_text())
EVERY_WORD = to_data((Path(__file__).parent / "every_word.flow").read_text())
LIBRARY = jsonschema.Draft202012Validator(PUBLISHED)
#: Values put in place of others. Texts are names, so that only their kind can be wrong: the grammar of texts is no part of the schema.
OTHERS: list[object] = [None, True, 7, -1, 1.5, "name", [], {}, ["name"], {"name": 1}]


def places(data: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """The path of every value."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


PLACES = list(places(EVERY_WORD))


def changed(path: tuple[object, ...], change: str, other: object) -> object:
    """The data with one change at a place."""
    data: Any = copy.deepcopy(EVERY_WORD)
    if not path:
        return other
    parent = data
    for key in path[:-1]:
        parent = parent[key]
    if change == "remove":
        del parent[path[-1]]
    elif change == "add" and isinstance(parent[path[-1]], dict):
        parent[path[-1]]["surplus"] = other
    else:
        parent[path[-1]] = other
    return data


def test_the_published_schema_is_the_one_that_is_checked() -> None:
    assert PUBLISHED == SCHEMA
    jsonschema.Draft202012Validator.check_schema(PUBLISHED)


def test_every_construct_fits() -> None:
    LIBRARY.validate(EVERY_WORD)
    assert check_shape(locate_json(json.dumps(EVERY_WORD)), "") == []


@settings(max_examples=10, deadline=None)
@given(flow_texts())
def test_what_is_exported_fits(text: str) -> None:
    LIBRARY.validate(to_data(text))


def both_refuse(path: tuple[object, ...], change: str, other: object) -> None:
    data = changed(path, change, other)
    found = check_shape(locate_json(json.dumps(data)), "")
    if not LIBRARY.is_valid(data):
        assert found, (path, change, other)


CHANGES = st.sampled_from(PLACES), st.sampled_from(["remove", "replace", "add"]), st.sampled_from(OTHERS)
test_what_the_library_refuses_is_refused = settings(max_examples=25, deadline=None)(given(*CHANGES)(both_refuse))
test_what_the_library_refuses_is_refused_many = pytest.mark.slow(
    settings(max_examples=250, deadline=None)(given(*CHANGES)(both_refuse))
)


@pytest.mark.parametrize("path", [("flows", 0, "surplus"), ("dagflow",)])
def test_the_library_sees_a_change(path: tuple[object, ...]) -> None:
    assert not LIBRARY.is_valid(changed(path[:1], "replace", 5))
