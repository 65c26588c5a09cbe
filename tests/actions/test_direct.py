"""The short way to an action gives what the long way gives, or leaves it to the long way."""

from __future__ import annotations

import enum

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

import dagflow
from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.actions.fast_path import FastAction
from dagflow.actions.performer import CatalogPerformer
from dagflow.drivers.local.runners import Runners
from dagflow.model.types import INT, STRING, ScalarType


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Failpoint:
    x: int
    name: str
    is_far: bool = False
    note: str | None = None


@attrs.frozen
class One:
    text: str


@attrs.frozen
class Aliased:
    _hidden: int


@attrs.frozen
class Child(Failpoint):
    y: int = 0


RESULTS = {
    "nothing": None,
    "flag": bool,
    "number": int,
    "text": str,
    "maybe": int | None,
    "point": Failpoint,
    "one": One,
    "alias": Aliased,
}
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.text(max_size=5)
    | st.sampled_from(
        ["é", "\ud800", "x" * 1_001, "x" * 1_100_000, 1.0, b"x", [], {}, Colour.RED, Failpoint(1, "a"), Child(1, "b")]
    )
)
MADE = (
    VALUES
    | st.builds(Failpoint, VALUES, VALUES, VALUES, VALUES)
    | st.builds(One, VALUES)
    | st.builds(Aliased, VALUES)
    | st.fixed_dictionaries({"x": VALUES, "name": VALUES})
)


def performer_of(annotation: object) -> CatalogPerformer:
    catalog = dagflow.Catalog()

    async def action(n: int, to: dagflow.Email = "a@x.org") -> object: ...  # type: ignore[assignment]

    action.__annotations__["return"] = annotation
    catalog.action("act")(action)
    return catalog.performer(Runners(1))


def direct_of(performer: CatalogPerformer, name: str = "act", **types: object) -> FastAction | None:
    bound = performer._actions[name]
    arguments = types or {"n": INT, "to": ScalarType("Email")}
    return performer.direct(name, arguments, bound.spec.result)  # type: ignore[arg-type]


def long_way(performer: CatalogPerformer, value: object) -> object:
    async def function(**_: object) -> object:
        return value

    bound = performer._actions["act"]
    roundabout = CatalogPerformer({"act": attrs.evolve(bound, function=function)}, performer._vault, performer._runner)
    call = Invocation(action="act", arguments={"n": 1}, effect_key="k", attempt=1, run="r", node="n")
    return outcome(lambda: trio.run(roundabout.perform, call))


def outcome(function: object) -> object:
    try:
        return "gave", function()  # type: ignore[operator]
    except ActionFailed as failure:
        return failure.code, failure.message, failure.fatal


@pytest.mark.parametrize("name", RESULTS)
@given(value=MADE)
def test_both_ways_agree(name: str, value: object) -> None:
    performer = performer_of(RESULTS[name])
    direct = direct_of(performer)
    assert direct is not None
    assert outcome(lambda: direct.keep(value)) == long_way(performer, value)


@pytest.mark.parametrize("annotation", [float, list[int], dict[str, int], bytes, object, dagflow.Timestamp, Colour])
def test_what_has_to_be_converted_goes_the_long_way(annotation: object) -> None:
    if annotation is Colour:
        # Texts are what an enum is kept as, so that one may go either way.
        assert direct_of(performer_of(annotation)) is not None
    else:
        assert direct_of(performer_of(annotation)) is None


@pytest.mark.parametrize("types", [{"n": STRING, "to": ScalarType("Email")}, {"n": INT}, {"n": INT, "to": STRING}, {"m": INT}])
def test_only_for_exactly_the_arguments_there_are(types: dict[str, object]) -> None:
    assert direct_of(performer_of(int), **types) is None


def test_not_for_actions_that_are_given_more_or_run_in_a_thread() -> None:
    catalog = dagflow.Catalog()

    @catalog.action("keyed")
    async def keyed(key: dagflow.EffectKey) -> None: ...

    @catalog.action("told")
    async def told(invocation: Invocation) -> None: ...

    @catalog.action("plain")
    def plain(n: int) -> None: ...

    @catalog.action("secret")
    async def secret(n: int, token: dagflow.Secret) -> None: ...

    performer = catalog.performer(Runners(1))
    for name in ("keyed", "told", "plain", "secret"):
        declared = {field.name: field.type for field in performer._actions[name].spec.params}
        assert direct_of(performer, name, **declared) is None
    assert performer.direct("unknown", {}, INT) is None


def test_what_it_raised_is_told_as_on_the_long_way() -> None:
    direct = direct_of(performer_of(int))
    assert direct is not None
    failure = direct.explain(ConnectionError("away\nfor a while"))
    assert (failure.code, failure.message) == ("exception.connection_error", "away for a while")
    assert direct.explain(dagflow.Fatal("no", code="gone")).fatal
