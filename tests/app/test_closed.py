"""A closed interpreter: every handle and every method says so, and nothing waits for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
import trio.testing

import dagflow
from dagflow import Catalog, Flow, Interpreter, Run, RunStatus, UsageError

CLOSED = "the interpreter was closed"
#: Suspended at once, since its wait is long; in memory, since its wait is short.
FLOWS = {"suspended": "flow f { on manual\n wait 1h\n}", "in memory": "flow f { on manual\n wait 200ms\n}"}


@pytest.fixture(params=FLOWS, ids=str)
def flow(request: pytest.FixtureRequest) -> Flow:
    return dagflow.compile(FLOWS[request.param], catalog=Catalog()).unwrap()


async def at_rest(run: Run) -> Run:
    """The run, once it waits."""
    async for standing in run.watch():
        if standing.status is RunStatus.SLEEPING:
            break
    return run


async def last(run: Run) -> object:
    return [each async for each in run.watch()]


@pytest.mark.parametrize("call", [Run.wait, Run.cancel, last], ids=["wait", "cancel", "watch"])
async def test_a_handle_of_a_closed_interpreter(flow: Flow, call: Callable[[Run], Awaitable[object]], tmp_path: Path) -> None:
    async with Interpreter.open(tmp_path / "runs.db", catalog=Catalog()) as interpreter:
        run = await at_rest(await interpreter.start(flow))
    with trio.fail_after(10), pytest.raises(UsageError, match=CLOSED):
        await call(run)
    assert run.result().status is RunStatus.SLEEPING


async def test_a_task_that_waits_when_the_interpreter_closes(flow: Flow, tmp_path: Path) -> None:
    async def wait(run: Run) -> None:
        with pytest.raises(UsageError, match=CLOSED):
            await run.wait()

    opened = Interpreter.open(tmp_path / "runs.db", catalog=Catalog())
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery, opened as interpreter:
            run = await at_rest(await interpreter.start(flow))
            nursery.start_soon(wait, run)
            await trio.testing.wait_all_tasks_blocked()


@pytest.mark.parametrize("id_", [None, "one"])
async def test_nothing_starts_in_a_closed_interpreter(flow: Flow, id_: str | None, tmp_path: Path) -> None:
    async with Interpreter.open(tmp_path / "runs.db", catalog=Catalog()) as interpreter:
        pass
    with trio.fail_after(10), pytest.raises(UsageError, match=CLOSED):
        await interpreter.start(flow, id=id_)


async def test_every_other_method_of_a_closed_interpreter(flow: Flow, tmp_path: Path) -> None:
    async with Interpreter.open(tmp_path / "runs.db", catalog=Catalog()) as interpreter:
        run = await at_rest(await interpreter.start(flow))
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "send": lambda: interpreter.send("a/b", {}),
        "get_run": lambda: interpreter.get_run(run.id),
        "unfinished": interpreter.unfinished,
        "cancel": lambda: interpreter.cancel(run.id),
        "runs": interpreter.runs,
        "result": lambda: interpreter.result(run.id),
        "history": lambda: interpreter.history(run.id),
        "statistics": interpreter.statistics,
        "prune": lambda: interpreter.prune(0),
    }
    for call in calls.values():
        with trio.fail_after(10), pytest.raises(UsageError, match=CLOSED):
            await call()


def test_without_trio() -> None:
    import asyncio  # noqa: PLC0415 - the loop that is refused

    async def main() -> None:
        async with Interpreter.open(":memory:", catalog=Catalog()):
            pytest.fail("opened")

    with pytest.raises(UsageError, match="must run inside trio"):
        asyncio.run(main())


def test_a_text_is_no_flow() -> None:
    with pytest.raises(UsageError, match=r"`flow` must be a compiled flow; got str. Compile the text"):
        dagflow.run("flow f {}")  # type: ignore[arg-type]


def test_a_text_has_to_be_one() -> None:
    with pytest.raises(UsageError, match="`text` must be a string; got NoneType"):
        dagflow.compile(None)  # type: ignore[arg-type]


def test_a_virtual_clock_begins_now() -> None:
    before = dagflow.SystemClock().now()
    assert before <= dagflow.VirtualClock().now() <= dagflow.SystemClock().now()
