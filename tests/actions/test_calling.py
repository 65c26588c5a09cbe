from __future__ import annotations

import base64
import pickle
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote

import attrs
import pytest
import trio

from dagflow.actions import ActionFailed, Catalog, EffectKey, EnvironmentSecrets, Fatal, Invocation, RetryAfter, Secret
from dagflow.errors import UsageError
from dagflow.model.values import Duration, Timestamp, UInt
from dagflow.model.values import Secret as Handle
from tests.actions.calls import KEY, call
from tests.actions.test_registry import Address, Lead, Status

THREE = UInt(3)


@attrs.frozen
class Basket:
    items: list[str] = attrs.field(factory=lambda: ["none"])


CANARY = "c4n4ry/=&\"é' s3cret"


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(secrets=EnvironmentSecrets({"DAGFLOW_SECRET_API_TOKEN": CANARY, "DAGFLOW_SECRET_PIN": "7"}))


async def failure(catalog: Catalog, action: str, **arguments: object) -> ActionFailed:
    with pytest.raises(ActionFailed) as caught:
        await call(catalog, action, **arguments)
    return caught.value


async def test_values_arrive_as_annotated_and_results_are_stored_form(catalog):
    @catalog.action("f")
    async def f(
        lead: Lead, at: datetime, wait: timedelta, many: tuple[int, ...], by: dict[str, Address]
    ) -> dict[str, Lead | None]:
        assert (type(lead), type(lead.status), at.tzinfo) == (Lead, Status, UTC)
        assert wait == timedelta(seconds=5)
        assert many == (1, 2)
        assert by == {"x": Address("Rue")}
        return {"a": attrs.evolve(lead, status=Status.WON), "b": None}

    lead = {"id": 7, "email": "ann@example.com", "address": {"street": "Main"}}
    result = await call(
        catalog, "f", lead=lead, at=Timestamp(0), wait=Duration(5 * 10**9), many=[1, 2], by={"x": {"street": "Rue"}}
    )
    whole = {"status": "won", "tags": [], "owner": None, "score": 0.5, "address": {"street": "Main", "city": "Paris"}}
    assert result == {"a": lead | whole, "b": None}


async def test_times_come_back_as_ours(catalog):
    @catalog.action("f")
    def f(at: datetime, wait: timedelta | None = None) -> tuple[timedelta, ...]:
        assert wait is None
        return (at - datetime(1970, 1, 1, tzinfo=UTC),)

    @catalog.action("g")
    def g() -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC)

    assert await call(catalog, "f", at=Timestamp(3_000)) == [Duration(3_000)]
    assert await call(catalog, "g") == Timestamp(0)


async def test_defaults_are_filled_in(catalog):
    @catalog.action("f")
    def f(a: int = 1, b: Literal["x", "y"] = "y", c: str | None = None, d: UInt = THREE) -> str:
        return f"{a} {b} {c} {d!r}"

    assert await call(catalog, "f") == "1 y None UInt(3)"
    assert await call(catalog, "f", a=2, c="z") == "2 y z UInt(3)"


async def test_what_is_asked_for_is_filled_in(catalog):
    @catalog.action("f")
    def f(key: EffectKey, invocation: Invocation) -> list[str]:
        return [key, invocation.node, str(invocation.attempt)]

    assert await call(catalog, "f") == [KEY, "step", "1"]


async def test_plain_functions_run_in_a_thread_and_async_ones_here(catalog):
    @catalog.action("plain")
    def plain() -> int:
        return threading.get_ident()

    @catalog.action("here")
    async def here() -> int:
        await trio.lowlevel.checkpoint()
        return threading.get_ident()

    assert await call(catalog, "plain") != threading.get_ident()
    assert await call(catalog, "here") == threading.get_ident()


async def test_a_blocked_function_is_left_behind_when_cancelled(catalog):
    release = threading.Event()

    @catalog.action("block")
    def block() -> None:
        release.wait(30)

    with trio.move_on_after(0.05) as scope:
        await call(catalog, "block")
    assert scope.cancelled_caught
    release.set()


async def test_a_wrong_result_is_fatal_and_names_the_place(catalog):
    @catalog.action("f")
    def f(n: int) -> list[Lead]:
        address = Address(street=5) if n == 1 else "none"  # type: ignore[arg-type]
        return [Lead(id=1, email="ann@example.com", address=address)]  # type: ignore[arg-type]

    first, second = await failure(catalog, "f", n=1), await failure(catalog, "f", n=2)
    assert (first.code, first.fatal) == ("bad_result", True)
    assert "/0/address/street: expected a text, found the number 5" in first.message
    assert "/0/address: expected an object of type Address, found a text" in second.message


@pytest.mark.parametrize("result", [{1, 2}, object(), float("nan"), 2**64, "\ud800", datetime(2026, 1, 1)])  # noqa: DTZ001
async def test_what_is_no_value_is_a_wrong_result(catalog, result):
    @catalog.action("f")
    def f() -> object:
        return result

    assert (await failure(catalog, "f")).code == "bad_result"


async def test_a_result_is_of_bounded_size(catalog):
    @catalog.action("f")
    def f() -> str:
        return "x" * (1024 * 1024)

    assert (await failure(catalog, "f")).code == "result_too_large"


async def test_a_plain_function_that_gives_a_coroutine_is_told_so(catalog):
    async def inner() -> int:
        return 1

    @catalog.action("f")
    def f() -> int:
        return inner()  # type: ignore[return-value]

    assert "define it with `async def`" in (await failure(catalog, "f")).message


async def test_wrong_arguments_and_names_are_fatal(catalog):
    @catalog.action("f")
    def f(n: int) -> int:
        return n

    wrong = await failure(catalog, "f", n="x")
    assert (wrong.code, wrong.message, wrong.fatal) == ("bad_arguments", "f: /n: expected a whole number, found a text", True)
    unknown = await failure(catalog, "g")
    assert (unknown.code, unknown.message) == ("no_such_action", "there is no action `g`; there are: f")


class HTTPServerError(Exception):
    pass


class MuteError(Exception):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("raised", "code", "fatal", "delay"),
    [
        (ValueError("x"), "exception.value_error", False, None),
        (HTTPServerError("x"), "exception.http_server_error", False, None),
        (MuteError("x"), "exception.mute_error", False, None),
        (KeyError(), "exception.key_error", False, None),
        (Fatal("x"), "fatal", True, None),
        (Fatal("x", code="gone"), "gone", True, None),
        (RetryAfter(1.5, "x"), "busy", False, 1_500_000_000),
        (RetryAfter(timedelta(minutes=1)), "busy", False, 60_000_000_000),
        (RetryAfter(Duration(-5)), "busy", False, 0),
        (RetryAfter(timedelta(days=-1)), "busy", False, 0),
        (RetryAfter(-1e300), "busy", False, 0),
        (RetryAfter(-(10**30)), "busy", False, 0),
        (ActionFailed("x", "a.b", retry_after_ns=-5), "a.b", False, 0),
        (ActionFailed("x", "a.b", fatal=True), "a.b", True, None),
        (ActionFailed("x", "a.b", retry_after_ns=3), "a.b", False, 3),
    ],
)
async def test_every_exception_becomes_a_failure(catalog, raised, code, fatal, delay):
    @catalog.action("f")
    async def f() -> None:
        raise raised

    found = await failure(catalog, "f")
    assert (found.code, found.fatal, found.retry_after_ns) == (code, fatal, delay)
    assert found.message
    assert found.__cause__ is raised


async def test_messages_are_one_bounded_line(catalog):
    @catalog.action("f")
    async def f() -> None:
        raise ValueError("a\nb\x1b[31m\u2028" + "x" * 5_000)

    message = (await failure(catalog, "f")).message
    assert message.isprintable()
    assert len(message) == 1_000


async def test_secrets_are_revealed_to_the_call_alone(catalog):
    seen = []

    @catalog.action("f")
    async def f(token: Secret, other: Secret | None = None) -> str:
        seen.append((token, other))
        return "done"

    assert await call(catalog, "f", token=Handle("api_token")) == "done"
    assert seen == [(CANARY, None)]
    missing = await failure(catalog, "f", token=Handle("nope"))
    assert (missing.code, missing.fatal) == ("no_such_secret", True)
    assert missing.message == "there is no secret `nope`; set the environment variable DAGFLOW_SECRET_NOPE"
    assert (await failure(catalog, "f", token="text")).code == "bad_arguments"


SPELLINGS = [
    CANARY,
    repr(CANARY),
    quote(CANARY),
    quote(CANARY, safe=""),
    base64.b64encode(CANARY.encode()).decode(),
    CANARY.encode().hex(),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("kind", [ValueError, Fatal, RetryAfter, ActionFailed])
async def test_no_spelling_of_a_secret_leaves_in_a_failure(catalog, spelling, kind):
    @catalog.action("f")
    async def f(token: Secret) -> None:
        text = "x" * 990 + f"before {spelling} after"
        raise kind(1, text) if kind is RetryAfter else kind("code", text) if kind is ActionFailed else kind(text)

    found = await failure(catalog, "f", token=Handle("api_token"))
    shown = repr(found) + str(found) + repr(found.args) + repr(found.__cause__) + repr(found.__context__)
    assert not any(canary in shown for canary in SPELLINGS)
    assert "c4n4ry" not in shown


async def test_a_result_is_data_whatever_secret_is_in_it(catalog):
    @catalog.action("f")
    async def f(token: Secret) -> dict:
        return {"echo": [f"Bearer {token}", 1], token: None}

    result = await call(catalog, "f", token=Handle("api_token"))
    assert result == {"echo": [f"Bearer {CANARY}", 1], CANARY: None}


async def test_a_short_secret_is_taken_out_of_messages_where_it_stands_by_itself(catalog):
    @catalog.action("f")
    async def f(pin: Secret) -> None:
        raise ValueError(f"pin {pin} of 1774 is wrong, (7)")

    assert (await failure(catalog, "f", pin=Handle("pin"))).message == "pin [secret pin] of 1774 is wrong, ([secret pin])"


async def test_a_secret_that_is_bound_to_actions_is_for_no_other(catalog):
    for name in ("crm.login", "pay.login"):

        @catalog.action(name)
        async def login(token: Secret) -> str:
            return token

    catalog.secret("crm", "s3cret-content", actions=["crm.login"])
    catalog.secret("placed", lambda: "s3cret-content", hosts=["api.example.com"])
    assert await call(catalog, "crm.login", token=Handle("crm")) == "s3cret-content"
    found = await failure(catalog, "pay.login", token=Handle("crm"))
    assert (found.code, found.fatal) == ("secret_refused", True)
    assert "the secret `crm` is for `crm.login` and not for `pay.login`" in found.message
    # A host that names servers wants to know where it goes.
    assert "nothing says where `pay.login` goes" in (await failure(catalog, "pay.login", token=Handle("placed"))).message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a b",), "got `a b`"),
        (("x", None, ["ftp://a.example"]), "secret `x`: a host must be like `api.example.com`"),
        (("x", None, ["a.example:99999"]), "a host must be like"),
        (("x", None, ["a.*.example"]), "a host must be like"),
        (("x", None, "a.example"), "`hosts` and `actions` must be lists of texts"),
        (("x", None, [], ["a-b"]), "`a-b` cannot name an action"),
        (("twice",), "the secret `twice` is already bound"),
    ],
)
def test_what_binds_a_secret_is_checked(catalog, arguments, message):
    catalog.secret("twice")
    named = dict(zip(("name", "value", "hosts", "actions"), arguments, strict=False))
    with pytest.raises(UsageError, match=re.escape(message)):
        catalog.secret(**named)


def test_an_environment_that_binds_a_secret_to_nonsense_is_told_so():
    catalog = Catalog(secrets=EnvironmentSecrets({"DAGFLOW_SECRET_A_HOSTS": "a.example, b c"}))
    with pytest.raises(UsageError, match=r"DAGFLOW_SECRET_A_HOSTS: a host must be like .*; got `b c`"):
        _ = catalog.interface


async def test_log_writes_a_line(caplog):
    catalog = Catalog.builtin()
    caplog.set_level("INFO")
    assert await call(catalog, "log", message="100 %s", data={"a": 1}) is None
    record = caplog.records[-1]
    assert (record.getMessage(), record.run, record.step, record.attempt, record.data) == (
        "100 %s",
        "r" * 32,
        "step",
        1,
        {"a": 1},
    )


@pytest.mark.parametrize(
    "error", [Fatal("x", code="c"), RetryAfter(2, "x"), ActionFailed("x", "c", fatal=True, retry_after_ns=3)]
)
def test_failures_survive_pickling(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), vars(again)) == (type(error), vars(error))


async def test_a_flow_may_leave_out_what_is_optional_in_an_optional(catalog):
    @catalog.action("f")
    def f(a: int | None = None, at: datetime | None = None) -> timedelta | None:
        return None if a is None or at is None else timedelta(seconds=a)

    assert await call(catalog, "f") is None
    assert await call(catalog, "f", a=1, at=Timestamp(0)) == Duration(10**9)


async def test_a_default_is_new_for_every_call(catalog):
    @catalog.action("f")
    async def f(words: list[str] = ["a"], by: dict[str, Any] = {"k": 1}, inner: Basket = Basket(["x"])) -> Basket:  # noqa: B006
        words.append("b")
        by["more"] = True
        inner.items.append(str(len(words) + len(by)))
        return inner

    for _ in range(2):
        result = await call(catalog, "f")
        assert result == {"items": ["x", "4"]}
        assert isinstance(result, dict)
        result["items"].append("kept by nobody")
