from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NewType

import attrs
import pytest

import dagflow
from dagflow.actions import Catalog, EffectKey, Email, Invocation, Scalar, Secret, Url
from dagflow.errors import UsageError
from dagflow.lang.exporters.declarations import interface_text
from dagflow.model.action import Effect
from dagflow.model.types import RecordType
from dagflow.model.values import Duration, Timestamp, UInt
from dagflow.model.values import Secret as Handle

LeadId = NewType("LeadId", int)
FileRef = Annotated[str, Scalar("FileRef")]


class Status(enum.StrEnum):
    NEW = "new"
    WON = "won"


class Number(enum.Enum):
    ONE = 1


@attrs.frozen
class Address:
    street: str
    city: str = "Paris"


@attrs.frozen
class Lead:
    """Somebody who may buy.

    More words.
    """

    id: LeadId
    email: Email
    address: Address
    status: Status = Status.NEW
    tags: list[str] = attrs.field(factory=list)
    owner: str | None = None
    _score: float = 0.5
    seen: int = attrs.field(init=False, default=0)


@attrs.frozen
class Loop:
    inner: list[Loop]


@attrs.frozen
class Unknown:
    thing: complex


@attrs.frozen
class Dependent:
    a: int
    b: int = attrs.Factory(lambda self: self.a, takes_self=True)


def signature(function: Any) -> str:
    catalog = Catalog()
    catalog.action("f")(function)
    spec = catalog.interface.actions["f"]
    params = ", ".join(
        f"{field.name}: {field.type}" + (f" = {field.default!r}" if field.has_default else "") for field in spec.params
    )
    return f"({params}) -> {spec.result}"


def test_annotations_are_the_signature():
    def f(
        a: bool,
        b: int,
        c: float,
        d: str,
        e: bytes,
        f: datetime,
        g: timedelta,
        h: list[int],
        i: dict[str, UInt],
        j: str | None,
        k: Literal["x", "y"],
        lead: Lead,
        m: Timestamp,
        n: Duration,
        o: Email,
        p: Url,
        q: Secret,
        q2: Handle,
        r: FileRef,
        s: Any,
        t: object,
        u: list,
        v: dict,
        w: Sequence[Status],
        x: tuple[int, ...],
        y: LeadId,
        z: Annotated[int, "a note"],
        *,
        aa: dict[int, bool] | None = None,
        bb: timedelta = timedelta(days=2),
        cc: Status = Status.WON,
        dd: str | None = "x",
    ) -> None: ...

    assert signature(f) == (
        "(a: bool, b: int, c: double, d: string, e: bytes, f: timestamp, g: duration, h: list<int>, i: map<string, uint>, "
        'j: string?, k: "x" | "y", lead: Lead, m: timestamp, n: duration, o: Email, p: Url, q: Secret<string>, q2: Secret<string>, r: FileRef, '
        "s: json, t: json, u: list<json>, v: map<string, json>, w: list<Status>, x: list<int>, y: int, z: int, "
        "aa: map<int, bool>?, bb: duration = '172800s', cc: Status = 'won', dd: string? = 'x') -> null"
    )


def test_attrs_classes_become_records_known_by_name():
    catalog = Catalog()

    @catalog.action("crm.find", effect="pure")
    async def find(lead: Lead) -> list[Lead]:
        """Find it.

        At length.
        """
        return [lead]

    spec = catalog.interface.actions["crm.find"]
    assert (spec.effect, spec.takes_key, spec.doc) == (Effect.PURE, False, "Find it.")
    assert set(catalog.interface.types) == {"Lead", "Address", "Status"}
    lead = catalog.interface.types["Lead"]
    assert isinstance(lead, RecordType)
    shown = {field.name: (str(field.type), field.default if field.has_default else ...) for field in lead.fields}
    assert shown == {
        "id": ("int", ...),
        "email": ("Email", ...),
        "address": ("Address", ...),
        "status": ("Status", "new"),
        "tags": ("list<string>", []),
        "owner": ("string?", ...),
        "score": ("double", 0.5),
    }


def test_what_dagflow_fills_in_is_not_part_of_the_signature():
    def f(key: EffectKey, call: Invocation, a: int) -> int:
        return a

    assert signature(f) == "(a: int) -> int"
    catalog = Catalog()
    catalog.action("f", effect="idempotent")(f)
    assert catalog.interface.actions["f"].takes_key


def test_the_default_effect_is_the_careful_one():
    catalog = Catalog()
    catalog.action("f")(lambda_without_parameters)
    assert catalog.interface.actions["f"].effect is Effect.EFFECTFUL


def lambda_without_parameters() -> None: ...


def test_events_and_types_are_declared_by_class():
    catalog = Catalog()
    catalog.event("crm/lead.changed", Lead)
    catalog.event("crm/other", Address, doc="Moved.")
    catalog.type(Status)
    interface = catalog.interface
    assert interface.events["crm/lead.changed"].doc == "Somebody who may buy."
    assert interface.events["crm/other"].doc == "Moved."
    assert str(interface.events["crm/other"].payload) == "Address"
    assert set(interface.types) == {"Lead", "Address", "Status"}


def no_annotation(a) -> None: ...
def no_result(a: int): ...
def star(*a: int) -> None: ...
def stars(**a: int) -> None: ...
def positional(a: int, /) -> None: ...
def untypable(a: complex) -> None: ...
def bad_union(a: int | str) -> None: ...
def bad_union_with_none(a: int | str | None) -> None: ...
def bad_key(a: dict[float, int]) -> None: ...
def bad_literal(a: Literal[1, "x"]) -> None: ...
def bad_enum(a: Number) -> None: ...
def bad_scalar(a: Annotated[int, Scalar("X")]) -> None: ...
def bad_tuple(a: tuple[int, str]) -> None: ...
def bad_default(a: int = "x") -> None: ...
def loop(a: Loop) -> None: ...
def unknown(a: list[Unknown]) -> None: ...
def dependent(a: Dependent) -> None: ...
def missing(a: "Nowhere") -> None: ...  # noqa: F821, UP037
def broken(a: "1 +") -> None: ...  # noqa: F722
def result(a: int) -> set[complex]: ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (no_annotation, "parameter `a` has no annotation; add its type"),
        (no_result, "has no return annotation"),
        (star, "parameter `a`: arguments are passed by name"),
        (stars, "parameter `a`: arguments are passed by name"),
        (positional, "parameter `a`: arguments are passed by name"),
        (untypable, "parameter `a`: `complex` has no type in flows"),
        (bad_union, "of unions there are only"),
        (bad_union_with_none, "of unions there are only"),
        (bad_key, "keys are bool, int, UInt or str"),
        (bad_literal, "a Literal has texts only"),
        (bad_enum, "parameter `a`: `Number` has no type in flows; the members of an enum are texts"),
        (bad_scalar, "a scalar is made of `str`"),
        (bad_tuple, "has no type in flows"),
        (bad_default, "parameter `a`: the default 'x' is not of type int"),
        (loop, "class Loop, field `inner`: `Loop` has no type in flows; a record cannot contain itself"),
        (unknown, "parameter `a`, class Unknown, field `thing`: `complex` has no type"),
        (dependent, "field `b`: a default that depends on the object"),
        (missing, "the annotation `Nowhere` is not known in the module"),
        (broken, "an annotation cannot be evaluated"),
        (result, "result: `complex` has no type in flows"),
    ],
)
def test_what_cannot_be_typed_is_refused_with_its_place(function, message):
    with pytest.raises(UsageError) as caught:
        Catalog().action("crm.f")(function)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"action `crm.f` ({function.__name__})")


def test_names_are_checked_and_used_once():
    catalog = Catalog()
    catalog.action("f")(lambda_without_parameters)
    with pytest.raises(UsageError, match="the action `f` is already registered"):
        catalog.action("f")(lambda_without_parameters)
    for name in ("", "a b", "1a", "a.", ".a", "a..b", "é"):
        with pytest.raises(UsageError, match="the name of an action must"):
            catalog.action(name)
    with pytest.raises(UsageError, match="the effect must be `pure`, `idempotent` or `effectful`; got `transactional`"):
        catalog.action("g", effect="transactional")
    with pytest.raises(UsageError, match="`on_unknown` must be `repeat` or `fail`; got `retry`"):
        catalog.action("g", on_unknown="retry")
    catalog.event("e", Address)
    with pytest.raises(UsageError, match="the event `e` is already registered"):
        catalog.event("e", Address)
    with pytest.raises(UsageError, match="its payload must be a class with fields; got `int`"):
        catalog.event("n", int)
    with pytest.raises(UsageError, match="must be a class with fields or a string enum"):
        catalog.type(int)


def test_a_host_says_that_a_call_is_made_at_most_once() -> None:
    catalog = Catalog()

    @catalog.action("pay", on_unknown="fail")
    def pay(amount: int) -> int:
        """Pays."""
        return amount

    assert catalog.interface.actions["pay"].at_most_once
    assert "action pay(amount: int) -> int effectful on unknown fail" in interface_text(catalog.interface)
    compiled = dagflow.compile("flow f { on manual\n a = pay(amount: 1) retry 3 every 1s\n}", catalog=catalog)
    assert [each.code for each in compiled.diagnostics] == []
    assert compiled.unwrap().node("a").at_most_once


def test_two_types_need_two_names():
    catalog = Catalog()
    catalog.type(Address)
    other = attrs.make_class("Address", {"x": attrs.field(type=int)})
    with pytest.raises(UsageError, match="another type is already named `Address`"):
        catalog.type(other)
    no_type = attrs.make_class("Bare", ["x"])
    with pytest.raises(UsageError, match="field `x` has no annotation"):
        catalog.type(no_type)
