"""Actions run where they are declared to run: in trio, in asyncio, in threads and in processes, whatever drives the interpreter."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

import pytest
import trio

import dagflow
from dagflow import Catalog, RunResult, RunStatus, UsageError, blocking
from dagflow import asyncio as on_asyncio
from dagflow.testing import check_action
from tests.app import colours

ROOT = Path(__file__).parents[2]


def flow_of(catalog: Catalog, call: str, rest: str = "") -> dagflow.Flow:
    text = f"flow f -> json {{ on manual\n x = {call} {rest}\n return x }}"
    return dagflow.compile(text, catalog=catalog).unwrap()


def result_of(call: str, rest: str = "", catalog: Catalog | None = None) -> RunResult:
    catalog = catalog or colours.catalog_of()
    return dagflow.run(flow_of(catalog, call, rest), catalog=catalog)


def code_of(result: RunResult) -> tuple[str, str]:
    return result.failures[0].code, result.failures[0].message


# ---- where a function runs


@pytest.mark.parametrize(
    ("call", "in_trio", "in_asyncio"),
    [
        ("library()", "trio", "asyncio"),
        ("library_of_trio()", "trio", "trio"),
        ("library_of_asyncio()", "asyncio", "asyncio"),
    ],
)
def test_an_async_action_runs_on_the_loop_of_its_host_unless_it_says_otherwise(
    call: str, in_trio: str, in_asyncio: str
) -> None:
    catalog = colours.catalog_of()
    assert result_of(call).output == in_trio
    with blocking.Interpreter.open(":memory:", catalog=catalog) as interpreter:
        assert interpreter.start(flow_of(catalog, call)).wait().output == in_trio

    async def main() -> object:
        async with on_asyncio.Interpreter.open(":memory:", catalog=catalog) as interpreter:
            return (await (await interpreter.start(flow_of(catalog, call))).wait()).output

    assert asyncio.run(main()) == in_asyncio


def test_a_catalog_says_where_all_its_async_actions_run() -> None:
    assert result_of("library()", catalog=colours.catalog_of("asyncio")).output == "asyncio"
    with pytest.raises(UsageError, match=r'`runs` of a catalog must be "trio" or "asyncio"; got .thread.'):
        colours.catalog_of("thread")


def test_context_variables_of_the_program_reach_actions_of_every_colour_but_processes() -> None:
    catalog = colours.catalog_of()
    colours.request.set("r-7")
    for call in ("in_thread()", "on_loop()", "on_trio()"):
        assert result_of(call).output == "r-7"
        with blocking.Interpreter.open(":memory:", catalog=catalog) as interpreter:
            assert interpreter.start(flow_of(catalog, call)).wait().output == "r-7"


# ---- asyncio


def test_an_action_that_exits_fails_and_leaves_the_loop_of_the_host_alone() -> None:
    catalog = colours.catalog_of()

    async def main() -> RunResult:
        async with on_asyncio.Interpreter.open(":memory:", catalog=catalog) as interpreter:
            assert (await (await interpreter.start(flow_of(catalog, "leaves()"))).wait()).status is RunStatus.FAILED
            return await (await interpreter.start(flow_of(catalog, "on_loop()"))).wait()

    assert asyncio.run(main()).status is RunStatus.SUCCEEDED


def test_a_timeout_cancels_an_asyncio_action_and_what_it_does_meanwhile_counts() -> None:
    catalog, ends = Catalog(), list[str]()

    @catalog.action("stuck", effect="pure", runs="asyncio")
    async def stuck() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("left")
        return "never"

    @catalog.action("stubborn", effect="pure", runs="asyncio")
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "done all the same"
        return "never"

    @catalog.action("cancels", effect="pure", runs="asyncio")
    async def cancels() -> str:
        raise asyncio.CancelledError

    assert code_of(result_of("stuck()", "timeout 50ms", catalog))[0] == "timeout"
    assert ends == ["left"]
    assert result_of("stubborn()", "timeout 50ms", catalog).output == "done all the same"
    assert code_of(result_of("cancels()", "", catalog))[0] == "exception.cancelled_error"


async def test_closing_ends_the_loop_that_the_interpreter_owns() -> None:
    catalog = colours.catalog_of()
    async with dagflow.Interpreter.open(":memory:", catalog=catalog) as interpreter:
        await (await interpreter.start(flow_of(catalog, "on_loop()"))).wait()
        assert "dagflow asyncio" in {thread.name for thread in threading.enumerate()}
    assert "dagflow asyncio" not in {thread.name for thread in threading.enumerate()}


# ---- the wrong loop


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("lost_in_trio()", 'lost_in_trio runs in trio, and its code needs asyncio; declare it with `runs="asyncio"`'),
        ("lost_in_asyncio()", 'lost_in_asyncio runs in asyncio, and its code needs trio; declare it with `runs="trio"`'),
    ],
)
def test_code_in_the_wrong_loop_fails_with_the_word_to_write(call: str, message: str) -> None:
    assert code_of(result_of(call, "retry 3 from 1ms to 1ms")) == ("wrong_loop", message)


def test_a_bare_yield_of_asyncio_fails_its_step_alone() -> None:
    catalog = Catalog()

    class Turn:
        def __await__(self) -> Generator[None]:
            yield  # as `asyncio.sleep(0)` does

    @catalog.action("a", effect="pure")
    async def action() -> str:
        await Turn()
        return "x"

    assert code_of(result_of("a()", "", catalog))[0] == "wrong_loop"


def test_a_thread_that_needs_a_loop_says_so() -> None:
    catalog = Catalog()

    @catalog.action("a", effect="pure")
    def action() -> str:
        return str(asyncio.get_running_loop())

    assert code_of(result_of("a()", "", catalog)) == (
        "wrong_loop",
        'a runs in a thread without an event loop, and its code needs asyncio; make it `async` and declare it with `runs="asyncio"`',
    )


def test_an_object_of_another_asyncio_loop_is_sent_to_the_lifespan() -> None:
    catalog = Catalog(runs="asyncio")
    lock = asyncio.Lock()

    async def hold() -> None:
        await lock.acquire()

        async def want() -> None:
            await asyncio.wait_for(lock.acquire(), 0.01)

        with pytest.raises(TimeoutError):
            await want()

    asyncio.run(hold())

    @catalog.action("a", effect="pure")
    async def action() -> str:
        await lock.acquire()
        return "x"

    assert code_of(result_of("a()", "", catalog)) == (
        "wrong_loop",
        "a uses an object that was made in another event loop; make it in the catalog's `lifespan`",
    )


# ---- processes


async def test_a_process_is_kept_for_the_next_call_and_killed_when_a_timeout_is_over(tmp_path: Path) -> None:
    catalog = colours.catalog_of()
    mark = tmp_path / "pid"
    async with dagflow.Interpreter.open(":memory:", catalog=catalog, concurrency=1) as interpreter:

        async def output_of(call: str, rest: str = "") -> RunResult:
            return await (await interpreter.start(flow_of(catalog, call, rest))).wait()

        first = (await output_of("pid()")).output
        assert first != os.getpid()
        assert (await output_of("pid()")).output == first
        stopped = await output_of(f'compute_for_ever(mark: "{mark}")', "timeout 1s")
        assert code_of(stopped)[0] == "timeout"
        assert int(mark.read_text()) == first
        with pytest.raises(ProcessLookupError):
            os.kill(int(mark.read_text()), 0)
        last = (await output_of("pid()")).output
        assert last not in {first, os.getpid()}
    with pytest.raises(ProcessLookupError):
        os.kill(int(str(last)), 0)


async def test_closing_kills_a_process_that_still_computes(tmp_path: Path) -> None:
    catalog, mark = colours.catalog_of(), tmp_path / "pid"
    async with dagflow.Interpreter.open(":memory:", catalog=catalog) as interpreter:
        await interpreter.start(flow_of(catalog, f'compute_for_ever(mark: "{mark}")'))
        await trio.to_thread.run_sync(wait_for, lambda: mark.exists() and mark.read_text() != "")
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


SCRIPT = """
import sys
import dagflow.blocking
from tests.app import colours

catalog = colours.catalog_of()
flow = dagflow.compile(sys.argv[1], catalog=catalog).unwrap()
if len(sys.argv) < 4 or __name__ == "__main__":
    with dagflow.blocking.Interpreter.open(sys.argv[2], catalog=catalog) as interpreter:
        print(interpreter.start(flow).wait().failures[0].message)
"""


def run_script(tmp_path: Path, call: str, *more: str) -> subprocess.Popen[str]:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    text = f"flow f {{ on manual\n {call} }}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [sys.executable, str(script), text, str(tmp_path / "runs.db"), *more], env=environment, text=True, **pipes
    )


@pytest.mark.slow
def test_a_process_ends_with_the_program_that_was_killed(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    program = run_script(tmp_path, f'compute_for_ever(mark: "{mark}")', "guarded")
    wait_for(lambda: mark.exists() and mark.read_text() != "")
    program.kill()
    program.communicate()
    wait_for(lambda: not is_alive(int(mark.read_text())))


@pytest.mark.slow
def test_a_script_without_a_guard_is_told_to_have_one(tmp_path: Path) -> None:
    said, _ = run_script(tmp_path, "pid()").communicate(timeout=60)
    assert said.strip() == (
        "the process of the action ended with the exit code 1; if the program is a script, begin its main part with"
        ' `if __name__ == "__main__":`'
    )


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return False


def test_failures_cross_from_a_process_whatever_they_are() -> None:
    assert code_of(result_of("fail()", "retry 3 from 1ms to 1ms")) == ("range", "out of range")
    odd = result_of("raise_odd()")
    assert code_of(odd) == ("exception.odd_error", "odd")
    assert "raise OddError" in odd.failures[0].traceback
    assert code_of(result_of("die()")) == ("process_ended", "the process of the action ended with the exit code 3")
    code, message = code_of(result_of("unpicklable()"))
    assert code == "bad_result"
    assert "the result cannot be sent to another process" in message
    code, message = code_of(result_of("unreadable()"))
    assert code == "bad_result"
    assert message.startswith("the result cannot be read from another process: invalid literal")


def test_check_action_calls_a_process_too() -> None:
    with pytest.raises(AssertionError, match=r"fail.*range: out of range"):
        check_action(colours.catalog_of(), "fail", {})


def test_a_function_that_no_other_process_can_import_is_refused_where_it_is_declared() -> None:
    catalog = Catalog()

    def local() -> int:
        return 1

    with pytest.raises(
        UsageError, match=r"action `a` \(.*local\): `runs=\"process\"` needs a function at the top of its module"
    ):
        catalog.action("a", runs="process")(local)


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ("thread", r'`runs="thread"` needs a plain function; got an `async` one'),
        ("process", r'`runs="process"` needs a plain function; got an `async` one'),
        ("moon", r'`runs` must be one of "trio", "asyncio", "thread", "process"; got \'moon\''),
    ],
)
def test_a_colour_that_does_not_fit_is_refused(runs: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Catalog().action("a", runs=runs)(colours.library)  # type: ignore[call-overload]


def test_a_plain_function_that_is_declared_async_returns_an_awaitable_or_fails() -> None:
    catalog = Catalog()

    def wrapped() -> str:
        return colours.on_trio()  # type: ignore[return-value]

    catalog.action("wrapped", effect="pure", runs="trio")(wrapped)
    catalog.action("plain", effect="pure", runs="trio")(colours.in_thread)
    assert result_of("wrapped()", "", catalog).status is RunStatus.SUCCEEDED
    assert code_of(result_of("plain()", "", catalog)) == (
        "bad_result",
        "an async function must return an awaitable; got str. Define it with `async def`",
    )


# ---- draining


async def test_draining_waits_for_effectful_calls_of_every_colour(tmp_path: Path) -> None:
    catalog, done = Catalog(), list[str]()
    began = trio.Event()
    release = threading.Event()
    token = trio.lowlevel.current_trio_token()

    @catalog.action("thread", effect="effectful")
    def in_thread() -> str:
        release.wait(10)
        done.append("thread")
        return "x"

    @catalog.action("asyncio", effect="effectful", runs="asyncio")
    async def in_asyncio() -> str:
        token.run_sync_soon(began.set)
        await asyncio.to_thread(release.wait, 10)
        done.append("asyncio")
        return "x"

    text = "flow f { on manual\n parallel {\n a = thread()\n b = asyncio()\n }\n }"
    flow = dagflow.compile(text, catalog=catalog).unwrap()
    async with dagflow.Interpreter.open(tmp_path / "runs.db", catalog=catalog) as interpreter:
        await interpreter.start(flow)
        await began.wait()
        release.set()
    assert sorted(done) == ["asyncio", "thread"]


# ---- callables


def test_callables_of_every_kind_are_actions() -> None:
    catalog, greeter = Catalog(), colours.Greeter("hello")
    assert catalog.action(colours.greet) is colours.greet
    catalog.action("by.method", effect="pure")(greeter.greet)
    catalog.action("by.object", effect="pure")(greeter)
    catalog.action("by.later", effect="pure")(greeter.greet_later)
    catalog.action("by.partial", effect="pure")(partial(colours.greet, "good day", mark="?"))
    specs = catalog.interface.actions
    assert [field.name for field in specs["greet"].params] == ["word", "name", "mark"]
    assert [field.name for field in specs["by.partial"].params] == ["name"]
    assert specs["by.method"].doc == "Greet by a method."
    assert specs["by.object"].doc == "Greet by the object itself."
    for call, said in (
        ('greet(word: "hi", name: "A")', "hi A!"),
        ('by.method(name: "A")', "hello A"),
        ('by.object(name: "A")', "hello, A"),
        ('by.later(name: "A")', "hello A later"),
        ('by.partial(name: "A")', "good day A?"),
    ):
        assert result_of(call, "", catalog).output == said


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: 1, r"<lambda>` has no name of its own; write `catalog\.action\(\"name\"\)"),
        (partial(colours.greet, "a"), r"`greet` has no name of its own"),
        (colours.Greeter, r"an action must be a function; got a class\. Pass a method of it, or an object with `__call__`"),
        (5, r"must be called with the name of the action; got int"),
    ],
)
def test_what_cannot_be_an_action_says_why(function: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Catalog().action(function)  # type: ignore[call-overload]


def test_a_generator_is_no_action() -> None:
    def several() -> list[int]:
        yield 1  # type: ignore[misc]

    with pytest.raises(UsageError, match=r"an action must return one value; got a generator\. Return a list"):
        Catalog().action("a")(several)
    with pytest.raises(
        UsageError, match=r"parameter `self` has no annotation; register the method of an object, `object\.method`"
    ):
        Catalog().action("a")(colours.Greeter.greet)
    with pytest.raises(UsageError, match=r"an action must be a function; got int"):
        Catalog().action("a")(5)  # type: ignore[type-var]
