"""The fast path to an action and the general one have the same outcome, whatever flows pass and functions return."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal, TypedDict

import attrs
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

import dagflow
from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.actions.fast_path import FastAction
from dagflow.actions.performer import CatalogPerformer
from dagflow.drivers.local.runners import Runners
from dagflow.model.types import BOOL, DOUBLE, INT, JSON, STRING, TIMESTAMP, EnumType, ListType, ScalarType, SecretType, Type
from dagflow.model.wire import codec as wire


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Point:
    x: int
    name: str
    is_far: bool = False
    note: str | None = None


@attrs.frozen
class Aliased:
    _hidden: int


@attrs.frozen
class Child(Point):
    y: int = 0


@dataclasses.dataclass
class Order:
    to: dagflow.Email
    total: float
    points: list[Point]
    state: Literal["open", "paid"]
    colour: Colour
    last: Point | None
    notes: Any


class Row(TypedDict):
    id: str
    counts: dict[str, int]


class Loose(TypedDict, total=False):
    id: str


RESULTS: dict[str, Any] = {
    "nothing": None,
    "flag": bool,
    "number": int,
    "float": float,
    "text": str,
    "email": dagflow.Email,
    "maybe": int | None,
    "json": Any,
    "list": list[str],
    "lists": list[list[int]],
    "deep lists": list[list[list[int]]],
    "map": dict[str, float],
    "numbered": dict[int, int],
    "any list": list,
    "any map": dict,
    "set": set[int],
    "tuple": tuple[int, ...],
    "instant": datetime,
    "colour": Colour,
    "choice": Literal["a", "b"],
    "point": Point,
    "alias": Aliased,
    "order": Order,
    "orders": list[Order],
    "row": Row,
    "loose": Loose,
}

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        [
            "é",
            "\ud800",
            "a@x.org",
            "a",
            "open",
            "x" * 1_001,
            "x" * 70_000,
            "x" * 1_100_000,
            b"x",
            Colour.RED,
            Point(1, "a"),
            Child(1, "b"),
            datetime(2026, 1, 1, tzinfo=UTC),
            2**63 - 1,
            2**63,
        ]
    )
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["x", "id", "name", "\ud800", Colour.RED, 1, None, True]), inner, max_size=3)
    ),
    max_leaves=6,
)
POINTS = st.builds(Point, st.integers(0, 3), st.text(max_size=3)) | st.builds(Point, LEAVES, LEAVES, LEAVES, LEAVES)
ORDERS = st.builds(
    Order,
    st.sampled_from(["a@x.org", "a"]),
    st.floats(),
    st.lists(POINTS, max_size=2),
    st.sampled_from(["open", "paid", "other"]),
    st.sampled_from([Colour.RED, "red", "green"]),
    st.none() | POINTS,
    TREES,
)


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def doubling(depth: int) -> object:
    value: object = ["x" * 500]
    for _ in range(depth):
        value = [value, value]
    return value


def endless() -> object:
    value: list[object] = []
    value.append(value)
    return value


VALUES = (
    TREES
    | POINTS
    | ORDERS
    | st.lists(ORDERS, max_size=2)
    | st.builds(Aliased, LEAVES)
    | st.fixed_dictionaries({"x": st.integers(0, 3), "name": st.text(max_size=3)})
    | st.fixed_dictionaries({"id": st.text(max_size=3), "counts": st.dictionaries(st.text(max_size=3), st.integers(0, 9))})
    | st.sampled_from(
        [
            nested(32),
            nested(33),
            nested(64),
            nested(65),
            doubling(30),
            endless(),
            ["x"] * 1_001,
            list(range(5_000)),
            {str(n): 1.5 for n in range(1_500)},
            {n: n for n in range(3)},
            {1, 2},
            math.inf,
            -0.0,
        ]
    )
)


async def returned(**_: object) -> object:
    raise AssertionError("it is not called here")


def performer_of(annotation: object, function: Callable[..., Any] = returned) -> CatalogPerformer:
    catalog = dagflow.Catalog()

    async def action(n: int) -> object:
        return await function(n=n)

    action.__annotations__["return"] = annotation
    catalog.action("act")(action)
    return catalog.performer(Runners(1))


def type_of(annotation: object) -> Type:
    catalog = dagflow.Catalog()

    async def action() -> object: ...

    action.__annotations__["return"] = annotation
    catalog.action("act")(action)
    return catalog.interface.actions["act"].result


def outcome(function: Callable[[], object], direct: FastAction | None = None) -> object:
    """On the fast path the driver asks for the explanation."""
    try:
        return "returned", repr(function())
    except ActionFailed as error:
        failure = error if direct is None else direct.explain(error)
        return failure.code, failure.message, failure.fatal


@pytest.mark.parametrize("name", RESULTS)
@settings(max_examples=15, deadline=None)
@given(value=VALUES)
def test_a_result_is_the_same_on_both_paths(name: str, value: object) -> None:
    check_result(name, value)


@pytest.mark.slow
@pytest.mark.parametrize("name", RESULTS)
@settings(max_examples=150, deadline=None)
@given(value=VALUES)
def test_many_results_are_the_same_on_both_paths(name: str, value: object) -> None:
    check_result(name, value)


def check_result(name: str, value: object) -> None:
    async def function(**_: object) -> object:
        return value

    performer = performer_of(RESULTS[name], function)
    direct = performer.direct("act", {"n": INT}, type_of(RESULTS[name]))
    assert direct is not None
    kept = direct.keep(value)
    call = Invocation(action="act", arguments={"n": 1}, effect_key="k", attempt=1, run="r", node="n")
    generally = outcome(lambda: trio.run(performer.perform, call))
    if kept is None:
        assert outcome(lambda: trio.run(direct.keep_any, value), direct) == generally
    else:
        assert ("returned", repr(kept[0])) == generally
        if kept[1] is not None:
            assert wire.dumps(kept[0], type_of(RESULTS[name])) == kept[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nothing", None),
        ("flag", True),
        ("number", 7),
        ("float", 1.5),
        ("text", "done"),
        ("email", "a@x.org"),
        ("maybe", None),
        ("json", {"id": "m1", "ok": True, "parts": [{"n": 1.5}, None]}),
        ("list", ["a", "é"]),
        ("lists", [[1, 2], []]),
        ("map", {"a": 1.5}),
        ("any list", [{"a": 1}]),
        ("any map", {"a": [1]}),
        ("tuple", (1, 2)),
        ("colour", Colour.RED),
        ("choice", "a"),
        ("point", Point(1, "a")),
        ("order", Order(dagflow.Email("a@x.org"), 1.5, [Point(1, "a")], "open", Colour.RED, None, {"x": 1})),
        ("row", {"id": "r", "counts": {"a": 1}}),
    ],
)
def test_what_most_actions_return_takes_the_fast_path(name: str, value: object) -> None:
    direct = performer_of(RESULTS[name]).direct("act", {"n": INT}, type_of(RESULTS[name]))
    assert direct is not None
    assert direct.keep(value) is not None


def test_a_result_is_a_copy_which_the_host_cannot_change() -> None:
    value: dict[str, Any] = {"list": [1]}
    for annotation in (Any, dict, dict[str, list[int]]):
        direct = performer_of(annotation).direct("act", {"n": INT}, type_of(annotation))
        assert direct is not None
        kept = direct.keep(value)
        assert kept is not None
        value["list"].append(2)
        assert kept[0] != value


# ---- arguments

TAKEN: dict[str, Any] = {
    "flag": bool,
    "number": int,
    "float": float,
    "text": str,
    "email": dagflow.Email,
    "colour": Colour,
    "choice": Literal["a", "b"],
    "one or two": Literal[1, 2],
    "maybe": str | None,
    "list": list[str],
    "map": dict[str, Any],
    "set": set[str],
    "json": Any,
    "point": Point,
    "instant": datetime,
}
PASSED: list[tuple[object, Type]] = [
    (True, BOOL),
    (7, INT),
    (1, INT),
    (1.5, DOUBLE),
    ("a", STRING),
    ("red", STRING),
    ("a@x.org", STRING),
    ("a@x.org", ScalarType("Email")),
    ("a", EnumType("", ("a", "b"))),
    ("red", EnumType("Colour", ("red", "blue"))),
    (["a", "b"], ListType(STRING)),
    ({"x": 1, "name": "a"}, JSON),
    ({"x": 1, "nam": "a"}, JSON),
    (None, JSON),
    (["a", 1], JSON),
    (dagflow.Timestamp.from_datetime(datetime(2026, 1, 1, tzinfo=UTC)), TIMESTAMP),
]


@pytest.mark.parametrize("has_default", [False, True])
@pytest.mark.parametrize("name", TAKEN)
def test_a_function_receives_the_same_on_both_paths(name: str, has_default: bool) -> None:
    received: list[object] = []
    catalog = dagflow.Catalog()
    defaults = {"number": 3, "list": ["x"], "json": {"a": [1]}, "maybe": None, "colour": Colour.BLUE, "float": 2.5}
    has_default = has_default and name in defaults

    async def action(value: Any, key: dagflow.EffectKey) -> None:
        assert key == "k"
        received.append(value)

    async def with_default(key: dagflow.EffectKey, value: Any = defaults.get(name)) -> None:  # noqa: B008 - an action's default
        await action(value, key)

    for each in (action, with_default):
        each.__annotations__["value"] = TAKEN[name]
    catalog.action("act")(with_default if has_default else action)
    performer = catalog.performer(Runners(1))
    type_ = catalog.interface.actions["act"].result
    passed: list[tuple[dict[str, object], dict[str, Type]]] = [({"value": value}, {"value": given}) for value, given in PASSED]
    for arguments, types in [({}, {}), *passed] if has_default else passed:
        direct = performer.direct("act", types, type_)
        assert direct is not None
        assert direct.key_names == ("key",)
        call = Invocation(action="act", arguments=arguments, effect_key="k", attempt=1, run="r", node="n")
        outcomes: list[object] = []
        for made, path in (
            (partial(trio.run, performer.perform, call), None),
            (partial(trio.run, called, direct, arguments), direct),
        ):
            received.clear()
            outcomes.append((outcome(made, path), repr(received), [type(each) for each in received]))
        assert outcomes[0] == outcomes[1]


async def called(direct: FastAction, arguments: dict[str, object]) -> object:
    return await direct.function(**arguments, key="k")


def test_an_argument_is_a_copy_which_the_function_may_change() -> None:
    catalog = dagflow.Catalog()

    @catalog.action("act")
    async def act(names: list[str], data: Any = {"a": []}) -> None:  # noqa: B006 - what is tested
        assert data == {"a": []}
        names.append("mine")
        data["a"].append("mine")

    performer = catalog.performer(Runners(1))
    direct = performer.direct("act", {"names": ListType(STRING)}, catalog.interface.actions["act"].result)
    assert direct is not None
    names = ["a"]
    for _ in range(2):
        trio.run(lambda: direct.function(names=names))
    assert names == ["a"]


def test_what_needs_more_takes_the_general_path() -> None:
    catalog = dagflow.Catalog()

    @catalog.action("told")
    async def told(invocation: Invocation) -> None: ...

    @catalog.action("secret")
    async def secret(n: int, token: dagflow.Secret) -> None: ...

    @catalog.action("plain")
    async def plain(n: int, m: int) -> None: ...

    performer, nothing = catalog.performer(Runners(1)), type_of(None)
    assert performer.direct("told", {}, nothing) is None
    assert performer.direct("secret", {"n": INT, "token": SecretType(STRING)}, nothing) is None
    assert performer.direct("unknown", {}, nothing) is None
    # As after a change of the host's: the flow was compiled for another signature.
    assert performer.direct("plain", {"n": INT}, nothing) is None
    assert performer.direct("plain", {"n": INT, "m": INT, "o": INT}, nothing) is None
    assert performer.direct("plain", {"n": INT, "m": INT}, STRING) is None
    assert performer.direct("plain", {"n": INT, "m": INT}, nothing) is not None


def test_a_failure_is_explained_as_on_the_general_path() -> None:
    direct = performer_of(int).direct("act", {"n": INT}, INT)
    assert direct is not None
    failure = direct.explain(ConnectionError("away\nfor a while"))
    assert (failure.code, failure.message) == ("exception.connection_error", "away for a while")
    assert direct.explain(dagflow.Fatal("no", code="gone")).fatal
