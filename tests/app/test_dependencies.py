"""Objects of the host reach its actions by type: from the catalog's lifespan, and from providers for each call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
import sniffio
import trio

import dagflow
from dagflow import Catalog, Inject, Invocation, RunResult, UsageError, blocking
from dagflow import asyncio as on_asyncio
from dagflow.testing import check_action

log: list[str] = []


class Pool:
    """A pool of connections that knows the event loop it was made in."""

    def __init__(self, library: str) -> None:
        self.library = library


class Clerk:
    """Whoever works for a tenant."""

    def __init__(self, tenant: str, run: str, attempt: int) -> None:
        self.tenant, self.run, self.attempt = tenant, run, attempt


class Speaks(Protocol):
    def speak(self) -> str: ...


class Parrot:
    def speak(self) -> str:
        return "hello"


@asynccontextmanager
async def lifespan() -> AsyncGenerator[dict[Any, object]]:
    log.append("opened")
    yield {Pool: Pool(sniffio.current_async_library()), Speaks: Parrot()}
    log.append("closed")


@contextmanager
def plain_lifespan() -> Generator[dict[Any, object]]:
    log.append("opened")
    yield {Pool: Pool("none")}
    log.append("closed")


def catalog_of(lifespan: Callable[[], Any] = lifespan, **options: Any) -> Catalog:
    log.clear()
    catalog = Catalog(lifespan=lifespan, **options)

    @catalog.action("ask", effect="pure")
    async def ask(word: str, pool: Inject[Pool]) -> str:
        log.append("asked")
        return f"{word} {pool.library}"

    return catalog


ASK = 'flow f -> string { on manual\n x = ask(word: "in")\n return x }'


def flow_of(catalog: Catalog, text: str = ASK) -> dagflow.Flow:
    return dagflow.compile(text, catalog=catalog).unwrap()


def result_of(catalog: Catalog, text: str = ASK) -> RunResult:
    return dagflow.run(flow_of(catalog, text), catalog=catalog)


# ---- the lifespan


def test_flows_do_not_see_what_is_injected() -> None:
    spec = catalog_of().interface.actions["ask"]
    assert [field.name for field in spec.params] == ["word"]


def test_a_lifespan_is_entered_before_the_first_run_and_left_after_the_last() -> None:
    assert result_of(catalog_of()).output == "in trio"
    assert log == ["opened", "asked", "closed"]
    assert result_of(catalog_of(runs="asyncio")).output == "in asyncio"
    assert log == ["opened", "asked", "closed"]
    assert result_of(catalog_of(plain_lifespan)).output == "in none"
    assert log == ["opened", "asked", "closed"]


def test_a_lifespan_runs_on_the_loop_of_an_asyncio_program() -> None:
    catalog = catalog_of()

    async def main() -> RunResult:
        async with on_asyncio.Interpreter.open(":memory:", catalog=catalog) as interpreter:
            return await (await interpreter.start(flow_of(catalog))).wait()

    assert asyncio.run(main()).output == "in asyncio"
    assert log == ["opened", "asked", "closed"]


async def test_a_lifespan_is_left_after_the_drain(tmp_path: Path) -> None:
    began, release = trio.Event(), trio.Event()
    catalog = catalog_of()

    @catalog.action("slow", effect="effectful")
    async def slow(pool: Inject[Pool]) -> str:
        began.set()
        await release.wait()
        log.append("slow is done")
        return pool.library

    async with dagflow.Interpreter.open(tmp_path / "runs.db", catalog=catalog) as interpreter:
        await interpreter.start(flow_of(catalog, "flow f { on manual\n slow() }"))
        await began.wait()
        release.set()
    assert log == ["opened", "slow is done", "closed"]


def test_two_interpreters_of_one_catalog_have_objects_of_their_own() -> None:
    catalog = catalog_of()
    with (
        blocking.Interpreter.open(":memory:", catalog=catalog) as first,
        blocking.Interpreter.open(":memory:", catalog=catalog) as second,
    ):
        for interpreter in (first, second):
            assert interpreter.start(flow_of(catalog)).wait().output == "in trio"
    assert sorted(log) == ["asked", "asked", "closed", "closed", "opened", "opened"]


def test_check_action_enters_the_lifespan() -> None:
    check_action(catalog_of(), "ask", {"word": "in"})
    assert log[0] == "opened"
    assert log[-1] == "closed"


@pytest.mark.parametrize(
    ("yielded", "message"),
    [
        ([Pool("x")], r"the lifespan must yield a mapping from types to objects, such as \{Pool: pool\}; got list"),
        ({Pool: Parrot()}, r"the lifespan yields a Parrot as `Pool`; yield it under its own type"),
        (
            None,
            r"action `ask` \(.*ask\), parameter `pool`: nothing provides `Pool`; yield it from the catalog's lifespan",
        ),
    ],
)
@pytest.mark.parametrize("runs", ["trio", "asyncio"])
def test_what_is_missing_or_wrong_is_an_error_when_the_interpreter_opens(yielded: object, message: str, runs: str) -> None:
    @asynccontextmanager
    async def wrong() -> AsyncGenerator[object]:
        log.append("opened")
        try:
            yield yielded
        finally:
            log.append("closed")

    with pytest.raises(UsageError, match=message):
        result_of(catalog_of(wrong, runs=runs))
    assert log == ["opened", "closed"]


@pytest.mark.parametrize("runs", ["trio", "asyncio"])
def test_an_exception_of_the_lifespan_is_that_of_opening(runs: str) -> None:
    @asynccontextmanager
    async def refuses() -> AsyncGenerator[None]:
        if runs:
            raise ConnectionError("no database")
        yield

    with pytest.raises(ConnectionError, match="no database"):
        result_of(catalog_of(refuses, runs=runs))

    @asynccontextmanager
    async def ends_badly() -> AsyncGenerator[dict[Any, object]]:
        yield {Pool: Pool("x")}
        raise ConnectionError("lost at the end")

    with pytest.raises(ConnectionError, match="lost at the end"):
        result_of(catalog_of(ends_badly, runs=runs))


def test_a_lifespan_must_be_a_function_that_returns_a_context_manager() -> None:
    with pytest.raises(UsageError, match=r"`lifespan` must be a function that returns a context manager; got int"):
        Catalog(lifespan=5)  # type: ignore[arg-type]
    with pytest.raises(
        UsageError, match=r"the lifespan must return a context manager, e\.g\. with `@asynccontextmanager`; got int"
    ):
        result_of(catalog_of(lambda: 5))


# ---- providers


def test_a_provider_makes_an_object_for_each_call() -> None:
    catalog = catalog_of()
    made: list[Clerk] = []

    @catalog.provider
    def clerk(call: Invocation, pool: Inject[Pool]) -> Clerk:
        assert pool.library == "trio"
        made.append(Clerk(call.tenant, call.run, call.attempt))
        return made[-1]

    @catalog.action("file", effect="idempotent")
    def file(clerk: Inject[Clerk], pet: Inject[Speaks], call: Invocation) -> str:
        assert clerk.run == call.run
        if call.attempt < 2:
            raise ConnectionError("busy")
        return f"{pet.speak()} {clerk.attempt}"

    result = result_of(catalog, "flow f -> string { on manual\n x = file() retry 3 from 1ms to 1ms\n return x }")
    assert result.output == "hello 2"
    assert [clerk.attempt for clerk in made] == [1, 2]


def test_an_exception_of_a_provider_fails_the_attempt() -> None:
    catalog = catalog_of()

    @catalog.provider
    def clerk() -> Clerk:
        raise LookupError("no such tenant")

    @catalog.action("file", effect="pure")
    def file(clerk: Inject[Clerk]) -> str:
        return clerk.tenant

    failure = result_of(catalog, "flow f { on manual\n file() }").failures[0]
    assert (failure.code, failure.message) == ("exception.lookup_error", "no such tenant")


def test_providers_are_checked_where_they_are_declared() -> None:
    catalog = Catalog()

    async def later() -> Clerk:
        raise AssertionError("it is never called")

    def untyped() -> None: ...

    def asks(word: str) -> Clerk:
        raise AssertionError(f"it is never called, not with {word!r} either")

    def clerk() -> Clerk:
        raise AssertionError("it is never called")

    for function, message in (
        (later, r"provider `.*later` must be a plain function; open what needs `await` in the lifespan"),
        (untyped, r"provider `.*untyped` must have a return annotation, the type that it provides"),
        (asks, r"provider `.*asks`, parameter `word`: its type must be `Invocation` or `Inject\[…\]`"),
    ):
        with pytest.raises(UsageError, match=message):
            catalog.provider(function)
    catalog.provider(clerk)
    with pytest.raises(UsageError, match=r"another provider returns this type already"):
        catalog.provider(clerk)


def test_a_provider_that_needs_itself_or_something_missing_is_an_error_when_the_interpreter_opens() -> None:
    def needs_pool(pool: Inject[Pool]) -> Clerk:
        raise AssertionError(f"it is never called, not with {pool!r} either")

    def needs_clerk(clerk: Inject[Clerk]) -> Pool:
        raise AssertionError(f"it is never called, not with {clerk!r} either")

    def file(clerk: Inject[Clerk]) -> str:
        return clerk.tenant

    catalog = Catalog()
    catalog.provider(needs_pool)
    catalog.action(file)
    with pytest.raises(UsageError, match=r"provider `.*needs_pool`, parameter `pool`: nothing provides `Pool`"):
        result_of(catalog, "flow f { on manual\n file() }")
    catalog.provider(needs_clerk)
    with pytest.raises(UsageError, match=r"`Clerk` needs itself; change provider `.*needs_pool`"):
        result_of(catalog, "flow f { on manual\n file() }")


# ---- the deadline


def test_an_invocation_has_the_deadline_of_its_attempt() -> None:
    catalog = Catalog()
    found: list[Invocation] = []

    @catalog.action("note", effect="pure")
    async def note(call: Invocation) -> None:
        found.append(call)

    clock = dagflow.VirtualClock()
    before = clock.now()
    flow = flow_of(catalog, "flow f { on manual\n note() timeout 90s\n second = note() }")
    dagflow.run(flow, catalog=catalog, clock=clock)
    deadlines = [call.deadline for call in found]
    assert sorted(deadlines, key=str) == sorted([None, dagflow.Timestamp(before + 90_000_000_000)], key=str)
