"""Types that hosts have: as signatures, as arguments and results of actions, and as values that a program passes and gets."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import attrs
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dagflow
from dagflow import Catalog, Interpreter, UsageError, VirtualClock
from dagflow.actions.failures import ActionFailed
from dagflow.actions.host_values import as_json
from dagflow.lang.exporters.declarations import interface_text
from dagflow.model.wire.codec import WireError, decode
from tests.actions.calls import call

UTC = dt.UTC


class Status(enum.StrEnum):
    NEW = "new"
    PAID = "paid"


@dataclasses.dataclass(frozen=True)
class Address:
    street: str
    since: dt.date = dt.date(2020, 1, 1)
    tags: list[str] = dataclasses.field(default_factory=list)


class Money(NamedTuple):
    amount: Decimal
    currency: str = "EUR"


class Customer(pydantic.BaseModel):
    """A customer."""

    id: uuid.UUID
    full_name: str = pydantic.Field(alias="fullName", min_length=1)
    address: Address | None = None
    seen: set[str] = pydantic.Field(default_factory=set)


class Line(TypedDict):
    sku: str
    price: Money
    note: NotRequired[str]


@attrs.frozen
class Order:
    id: int
    customer: Customer
    lines: list[Line]
    due: dt.datetime
    at: dt.time | None = None
    status: Status = Status.NEW
    extra: Any = None


class Card(pydantic.BaseModel):
    kind: Literal["card"] = "card"
    number: str
    note: str | None = None


@dataclasses.dataclass
class Transfer:
    iban: str
    kind: Literal["transfer", "sepa"] = "transfer"
    note: str | None = None


Payment = Card | Transfer
Tagged = Annotated[Card | Transfer, pydantic.Field(discriminator="kind")]

ID = uuid.UUID("6f1c2b9e-0c5b-4a53-8f4f-0a4b2f1d9c11")
CUSTOMER = Customer(id=ID, fullName="Ada", address=Address("Main St 1", dt.date(2026, 2, 1), ["a"]), seen={"b", "a"})
DUE = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))
ORDER = Order(
    7, CUSTOMER, [{"sku": "x", "price": Money(Decimal("12.50"))}], DUE, dt.time(9, 30), Status.PAID, {"at": DUE, "odd": {3, 1}}
)
ORDER_JSON = {
    "id": 7,
    "customer": {
        "id": str(ID),
        "fullName": "Ada",
        "address": {"street": "Main St 1", "since": "2026-02-01", "tags": ["a"]},
        "seen": ["a", "b"],
    },
    "lines": [{"sku": "x", "price": {"amount": "12.50", "currency": "EUR"}}],
    "due": "2026-03-01T08:30:00Z",
    "at": "09:30:00",
    "status": "paid",
    "extra": {"at": "2026-03-01T08:30:00Z", "odd": [1, 3]},
}


def echo_of(annotation: Any) -> tuple[Catalog, list[object]]:
    """A catalogue with an action that returns its argument, and what the action got."""
    catalog, got = Catalog(), list[object]()

    def echo(value: object) -> object:
        got.append(value)
        return value

    echo.__annotations__ = {"value": annotation, "return": annotation}
    catalog.action("echo", effect="pure")(echo)
    return catalog, got


def signature_of(annotation: Any) -> str:
    catalog, _ = echo_of(annotation)
    return str(catalog.interface.actions["echo"].params[0].type)


# ---- signatures


@pytest.mark.parametrize(
    ("annotation", "signature"),
    [
        (Decimal, "decimal"),
        (uuid.UUID, "Uuid"),
        (dt.date, "Date"),
        (dt.time, "Time"),
        (set[int], "list<int>"),
        (frozenset[Status], "list<Status>"),
        (tuple[int, int], "list<int>"),
        (Literal[1, 2], "int"),
        (Literal["a", "b", None], '"a" | "b"?'),  # noqa: PYI061
        (Literal[Status.NEW], '"new"'),
        (Money, "Money"),
        (Address, "Address"),
        (Line, "Line"),
        (Customer, "Customer"),
        (Payment, '{kind: "card" | "transfer" | "sepa", number: string?, note: string?, iban: string?}'),
        (Tagged, '{kind: "card" | "transfer" | "sepa", number: string?, note: string?, iban: string?}'),
        (Payment | None, '{kind: "card" | "transfer" | "sepa", number: string?, note: string?, iban: string?}?'),
    ],
)
def test_types_of_hosts_have_a_type_in_the_language(annotation: Any, signature: str) -> None:
    assert signature_of(annotation) == signature


def test_an_interface_file_of_such_types_reads_as_the_same_signatures() -> None:
    catalog, _ = echo_of(Order)
    text = interface_text(catalog.interface)
    assert "  amount: decimal" in text
    assert "type Customer {\n  id: Uuid,\n  fullName: string,\n  address: Address?,\n  seen: list<string> = []\n}" in text
    again = dagflow.compile(text, filename="host.flow")
    assert not again.has_errors, again.render()
    assert again.interface.actions["echo"] == catalog.interface.actions["echo"]


def test_a_flow_makes_such_a_text_with_a_literal_or_a_conversion() -> None:
    catalog = Catalog()
    got: list[object] = []

    @catalog.action("pay", effect="pure")
    def pay(amount: Decimal, on: dt.date) -> Decimal:
        got.append((amount, on))
        return amount * 2

    text = 'flow f(amount: string) -> decimal { on manual\n x = pay(amount: decimal(amount), on: "2026-02-01")\n return x }'
    flow = dagflow.compile(text, catalog=catalog).unwrap()
    assert dagflow.run(flow, {"amount": "0.10"}, catalog=catalog).output == Decimal("0.20")
    assert got == [(Decimal("0.10"), dt.date(2026, 2, 1))]
    wrong = dagflow.compile(text.replace("2026-02-01", "2026-02-30"), catalog=catalog)
    assert 'expected a date such as "2026-12-31"' in wrong.render()


# ---- arguments and results


@pytest.mark.parametrize(
    ("annotation", "value", "stored"),
    [
        (Decimal, Decimal("12.50"), "12.50"),
        (uuid.UUID, ID, str(ID)),
        (dt.date, dt.date(2026, 2, 1), "2026-02-01"),
        (dt.time, dt.time(9, 30, 5), "09:30:05"),
        (set[int], {10, 9, 1}, [1, 9, 10]),
        (frozenset[Status], frozenset({Status.PAID, Status.NEW}), ["new", "paid"]),
        (tuple[int, int], (1, 2), [1, 2]),
        (tuple[Money, ...], (Money(Decimal(1)),), [{"amount": "1", "currency": "EUR"}]),
        (Literal[1, 2], 2, 2),
        (Money, Money(Decimal("1E+3"), "USD"), {"amount": "1000", "currency": "USD"}),
        (Address, ORDER.customer.address, ORDER_JSON["customer"]["address"]),  # type: ignore[index]
        (Line, ORDER.lines[0], ORDER_JSON["lines"][0]),  # type: ignore[index]
        (Customer, CUSTOMER, ORDER_JSON["customer"]),
        (Payment, Card(number="4711"), {"kind": "card", "number": "4711"}),
        (Payment, Transfer("DE1", "sepa"), {"kind": "sepa", "iban": "DE1"}),
        (dict[str, set[int]], {"a": {2, 1}}, {"a": [1, 2]}),
    ],
)
async def test_values_cross_as_what_they_are(annotation: Any, value: object, stored: object) -> None:
    catalog, got = echo_of(annotation)
    given = decode(stored, catalog.interface.actions["echo"].params[0].type)
    assert without_none(await call(catalog, "echo", value=given)) == without_none(given)
    assert got == [value]
    assert type(got[0]) is type(value)


async def test_a_whole_order_crosses() -> None:
    catalog, got = echo_of(Order)
    spec = catalog.interface.actions["echo"].params[0].type
    stored = dagflow.model.wire.codec.decode(ORDER_JSON, spec)
    await call(catalog, "echo", value=stored)
    assert got == [attrs.evolve(ORDER, extra=ORDER_JSON["extra"], due=DUE.astimezone(UTC))]


def without_none(value: object) -> object:
    """Absent fields, which are None or are left out, are one thing."""
    if isinstance(value, dict):
        return {name: without_none(member) for name, member in value.items() if member is not None}
    return value


@pytest.mark.parametrize(
    ("annotation", "stored", "message"),
    [
        (Customer, {"id": str(ID), "fullName": ""}, "echo, argument `value`: 1 validation error for Customer fullName"),
        (Payment, {"kind": "card", "iban": "x"}, 'echo, argument `value`: `number` is required where `kind` is "card"'),
        (tuple[int, int], [1], "echo, argument `value`: expected 2 elements; got 1"),
        (Literal[1, 2], 3, "echo, argument `value`: expected one of 1, 2; got 3"),
        (Decimal, "ten", "echo: /value: expected a Decimal, found a text"),
        (uuid.UUID, "x", 'echo: /value: expected a UUID such as "6f1c2b9e-0c5b-4a53-8f4f-0a4b2f1d9c11"'),
        (dt.date, "20260201", 'echo: /value: expected a date such as "2026-12-31"'),
        (dt.time, "25:00", 'echo: /value: expected a time of day such as "09:30"'),
    ],
)
async def test_an_argument_that_does_not_fit_is_fatal_and_says_why(annotation: Any, stored: object, message: str) -> None:
    catalog, got = echo_of(annotation)
    with pytest.raises(ActionFailed) as caught:
        await call(catalog, "echo", value=stored)
    assert (caught.value.code, caught.value.fatal) == ("bad_arguments", True)
    assert caught.value.message.startswith(message)
    assert got == []


@pytest.mark.parametrize(
    ("annotation", "result", "message"),
    [
        (
            dt.datetime,
            dt.datetime(2026, 1, 1),  # noqa: DTZ001
            "a must return timestamp: expected a Timestamp, found a datetime with no time zone",
        ),
        (dt.date, dt.datetime(2026, 1, 1, tzinfo=UTC), "a must return Date: expected a text, found a datetime"),
        (dt.time, dt.time(1, tzinfo=UTC), "a must return Time: expected a text, found a time"),
        (Decimal, Decimal("NaN"), "a must return decimal: a decimal number must be finite and have at most 34 digits"),
        (
            Customer,
            CUSTOMER.model_copy(update={"full_name": 5}),
            "a must return Customer: /fullName: expected a text, found the number 5",
        ),
        (set[int], {"x"}, "a must return list<int>: /0: expected a whole number, found a text"),
        (Payment, {"kind": "cash"}, 'a must return {kind: "card"'),
    ],
)
async def test_a_result_that_does_not_fit_names_the_place(annotation: Any, result: object, message: str) -> None:
    catalog = Catalog()

    def action() -> object:
        return result

    action.__annotations__["return"] = annotation
    catalog.action("a", effect="pure")(action)
    with pytest.raises(ActionFailed) as caught:
        await call(catalog, "a")
    assert caught.value.code == "bad_result"
    assert caught.value.message.startswith(message)


# ---- what has no type


class Node(pydantic.BaseModel):
    inner: list[Node]


@dataclasses.dataclass
class Plain:
    kind: str


@dataclasses.dataclass
class Same:
    kind: Literal["card"]


@dataclasses.dataclass
class Clash:
    kind: Literal["clash"]
    number: int


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Path, "`Path` has no type in flows; use `str`"),
        (complex, "`complex` has no type in flows; use a class with two numbers"),
        (Callable[[], int], "a function is no value of a flow; use `Inject[…]` for what the host owns"),
        (pydantic.SecretStr, "`SecretStr` has no type in flows; use `dagflow.Secret`"),
        (set, "`set` has no type in flows; write the type of its elements, `set[…]`"),
        (tuple[int, str], "a tuple has elements of one type; use a NamedTuple or a dataclass"),
        (int | str, "of unions there are only `X | None`, and classes that a Literal field tells apart"),
        (
            Card | Plain,
            "its classes must be told apart: add a field such as `kind: Literal[…]` to each class, with a value of its own",
        ),
        (Card | Same, "its classes must be told apart: add a field such as `kind: Literal[…]` to each class"),
        (Card | Clash, "its classes must be told apart: `number` has the types int and string; rename one of the fields"),
        (Node, "class Node, field `inner`: `Node` has no type in flows; a record cannot contain itself"),
        (Literal[1, "a"], "a Literal has texts only, or whole numbers only"),
        (object(), "has no type in flows; use bool, int, float, str"),
    ],
)
def test_what_has_no_type_names_function_parameter_type_and_what_to_use(annotation: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        signature_of(annotation)
    assert str(caught.value).startswith("action `echo` (echo_of.<locals>.echo), parameter `value`")
    assert message in str(caught.value)


# ---- values that a program passes


def test_json_is_returned_as_it_is() -> None:
    value = {"a": [1, 2.5, None, True, {"b": "x"}]}
    assert as_json(value) is value


def test_a_whole_order_is_json() -> None:
    made = as_json({"order": ORDER})
    assert without_none(made) == {"order": ORDER_JSON}


@given(
    st.recursive(
        st.one_of(
            st.integers(), st.text(), st.decimals(-(10**9), 10**9, places=3), st.uuids(), st.dates(), st.times(),
            st.datetimes(timezones=st.just(UTC)), st.binary(), st.sampled_from(Status), st.frozensets(st.integers()),
        ),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner), st.tuples(inner, inner)),
    )
)  # fmt: skip
def test_what_is_made_is_json_and_made_once(value: object) -> None:
    made = as_json(value)
    assert as_json(made) is made


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"due": dt.datetime(2026, 1, 1)}, "/due: a datetime with no time zone; give it one, such as `tzinfo=datetime.UTC`"),  # noqa: DTZ001
        ([dt.time(1, tzinfo=UTC)], "/0: a time of day with a time zone; pass a datetime, or a time without one"),
        ({"sum": Decimal("1e40")}, "/sum: a decimal number must be finite and have at most 34 digits"),
        (dt.timedelta(days=400_000), "400000 days, 0:00:00 is longer than about 292 years"),
    ],
)
def test_a_value_that_has_no_json_names_its_place(value: object, message: str) -> None:
    with pytest.raises(WireError) as caught:
        as_json(value)
    assert str(caught.value) == message


@pytest.mark.slow
def test_a_value_that_contains_itself_or_multiplies_is_refused_in_time() -> None:
    endless: list[object] = [{1}]
    endless.append(endless)
    with pytest.raises(WireError, match=r"nested deeper|too many parts"):
        dagflow.model.wire.codec.decode(as_json(endless), dagflow.model.types.JSON)
    huge: object = (1, 2)
    for _ in range(40):
        huge = (huge, huge)
    with pytest.raises(WireError, match="too many parts"):
        as_json(huge)


TEXT = """
flow f(order: Order, due: timestamp) -> Order {
  on manual
  paid = wait event "order.paid" as e when e.order.id == order.id within 1d else { fail "late" }
  x = echo(value: paid.order)
  return x
}
"""


@attrs.frozen
class Paid:
    order: Order


async def test_start_and_send_take_what_the_host_has_and_results_come_back_as_it() -> None:
    catalog, _ = echo_of(Order)
    catalog.event("order.paid", Paid)
    flow = dagflow.compile(TEXT, catalog=catalog).unwrap()
    async with Interpreter.open(":memory:", catalog=catalog, clock=VirtualClock()) as interpreter:
        with pytest.raises(WireError, match=r"/due: a datetime with no time zone"):
            await interpreter.start(flow, {"order": ORDER, "due": dt.datetime(2026, 1, 1)})  # noqa: DTZ001
        run = await interpreter.start(flow, {"order": ORDER, "due": DUE})
        assert await interpreter.send("order.paid", Paid(ORDER)) == 1
        result = await run.wait()
    order = result.output_as(Order)
    assert order == attrs.evolve(ORDER, extra=ORDER_JSON["extra"], due=DUE.astimezone(UTC))
    assert result.node("x").output_as(Order) == order
    with pytest.raises(WireError, match=r"/lines: expected a whole number|expected a whole number"):
        result.output_as(int)
    with pytest.raises(UsageError, match=r"the output of f: `complex` has no type in flows"):
        result.output_as(complex)


def test_events_are_declared_by_any_class_with_fields() -> None:
    for payload in (Order, Customer, Address, Money, Line):
        catalog = Catalog()
        catalog.event("it.happened", payload)
        text = 'flow f { on event "it.happened" as e\n log2(x: e.nowhere) }'
        catalog.action("log2", effect="pure")(_log)
        found = dagflow.compile(text, catalog=catalog)
        assert found.has_errors
        assert "nowhere" in found.render()
    with pytest.raises(UsageError, match=r"its payload must be a class with fields; got `int`"):
        Catalog().event("x", int)


def _log(x: str) -> None: ...


def test_mapping_is_a_map() -> None:
    assert signature_of(Mapping[str, int]) == "map<string, int>"
