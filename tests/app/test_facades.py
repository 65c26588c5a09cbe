"""`dagflow.asyncio` and `dagflow.blocking`: the interpreter from programs on another event loop, or on none."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import threading
import types
from pathlib import Path

import pytest
import trio

import dagflow
from dagflow import Catalog, Flow, RunStatus, StoreError, UsageError, blocking
from dagflow import asyncio as on_asyncio

TEXT = """
event "ev" { id: string }
flow f(id: string) -> string {
  on manual
  a = slow(id: id)
  ev = wait event "ev" as e when e.id == id within 1h else { fail "late" }
  b = plain(id: ev.id)
  return "${a} ${b}"
}
"""
tenant = contextvars.ContextVar("tenant", default="")


class Host:
    """Actions of an asyncio program."""

    def __init__(self) -> None:
        self.catalog = Catalog()
        self.loops: list[object] = []
        self.began = threading.Event()
        self.was_cancelled = threading.Event()

        @self.catalog.action("slow", effect="idempotent")
        async def slow(id: str) -> str:  # noqa: A002
            self.loops.append(asyncio.get_running_loop())
            await asyncio.to_thread(str)  # anything of this loop
            return f"hello {id}"

        @self.catalog.action("plain", effect="pure")
        def plain(id: str) -> str:  # noqa: A002
            return id.upper()

        @self.catalog.action("stuck", effect="idempotent")
        async def stuck() -> str:
            self.began.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.was_cancelled.set()
                raise
            return "never"

        @self.catalog.action("broken", effect="pure")
        async def broken() -> str:
            raise ValueError("no such thing")

    def flow(self, text: str = TEXT) -> Flow:
        return dagflow.compile(text, catalog=self.catalog).unwrap()


def test_a_run_from_asyncio_with_an_action_on_its_loop(tmp_path: Path) -> None:
    host = Host()

    async def main() -> None:
        async with on_asyncio.Interpreter.open(tmp_path / "runs.db", catalog=host.catalog) as interpreter:
            run = await interpreter.start(host.flow(), {"id": "x"}, id="one")
            async for state in run.watch():
                if state.status is RunStatus.SLEEPING:
                    break
            assert (await interpreter.start(host.flow(), {"id": "x"}, id="one")).id == run.id
            assert await interpreter.send("ev", {"id": "x"}, id="e1") == 1
            assert (await run.wait()).output == "hello x X"
            assert (await run.result()).status is RunStatus.SUCCEEDED
            assert [row.id for row in await interpreter.runs()] == [run.id]
            assert (await interpreter.result(run.id)).output == "hello x X"
            assert (await interpreter.history(run.id))[0].kind == "run_started"
            assert host.loops == [asyncio.get_running_loop()]
        with pytest.raises(UsageError, match="was closed"):
            await interpreter.runs()

    asyncio.run(main())


def test_runs_go_on_where_another_facade_left_them(tmp_path: Path) -> None:
    host = Host()
    path = tmp_path / "runs.db"

    async def begin() -> str:
        async with on_asyncio.Interpreter.open(path, catalog=host.catalog) as interpreter:
            return (await interpreter.start(host.flow(), {"id": "x"})).id

    run_id = asyncio.run(begin())

    async def finish() -> None:
        async with on_asyncio.Interpreter.open(path, catalog=host.catalog) as interpreter:
            run = await interpreter.get_run(run_id)
            await interpreter.send("ev", {"id": "x"})
            assert [state.status async for state in run.watch()][-1] is RunStatus.SUCCEEDED

    asyncio.run(finish())
    with blocking.Interpreter.open(path, catalog=host.catalog) as interpreter:
        assert interpreter.result(run_id).output == "hello x X"


def test_cancelling_a_task_cancels_its_call_and_not_the_run() -> None:
    host = Host()

    async def main() -> None:
        async with on_asyncio.Interpreter.open(":memory:", catalog=host.catalog) as interpreter:
            run = await interpreter.start(host.flow(), {"id": "x"})
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(run.wait(), 0.05)
            assert await interpreter.send("ev", {"id": "x"}) == 1
            assert (await run.wait()).status is RunStatus.SUCCEEDED

    asyncio.run(main())


def test_cancelling_a_run_cancels_its_asyncio_task() -> None:
    host = Host()

    async def main() -> None:
        async with on_asyncio.Interpreter.open(":memory:", catalog=host.catalog) as interpreter:
            run = await interpreter.start(host.flow("flow g { on manual\n stuck() }"))
            await asyncio.to_thread(host.began.wait, 10)
            assert (await run.cancel()).status is RunStatus.CANCELLED
            assert host.was_cancelled.is_set()

    asyncio.run(main())


def test_an_exception_of_an_asyncio_action_fails_its_step() -> None:
    host = Host()

    async def main() -> None:
        async with on_asyncio.Interpreter.open(":memory:", catalog=host.catalog) as interpreter:
            result = await (await interpreter.start(host.flow("flow g { on manual\n broken() }"))).wait()
            assert (result.failures[0].code, result.failures[0].message) == ("exception.value_error", "no such thing")

    asyncio.run(main())


def test_context_variables_of_the_caller_reach_its_call() -> None:
    seen: list[str] = []

    class Noting(dagflow.VirtualClock):
        def now(self) -> int:
            seen.append(tenant.get())
            return super().now()

    async def main() -> None:
        async with on_asyncio.Interpreter.open(":memory:", catalog=Host().catalog, clock=Noting()) as interpreter:
            tenant.set("acme")
            seen.clear()
            await interpreter.send("ev", {"id": "x"})
            assert "acme" in seen

    asyncio.run(main())


def test_a_run_from_a_script(tmp_path: Path) -> None:
    host = Host()
    flow = host.flow("flow g(id: string) -> string { on manual\n b = plain(id: id)\n return b }")
    with blocking.Interpreter.open(tmp_path / "runs.db", catalog=host.catalog) as interpreter:
        run = interpreter.start(flow, {"id": "x"})
        assert run.wait().output == "X"
        assert [state.status for state in run.watch()][-1] is RunStatus.SUCCEEDED
        assert interpreter.statistics() is not None
        assert interpreter.blocked == {}
        assert interpreter.unfinished() == []
        found = []
        threads = [
            threading.Thread(target=lambda: found.append(interpreter.start(flow, {"id": "y"}).wait().output)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == ["Y"] * 4
    with pytest.raises(UsageError, match="was closed"):
        interpreter.runs()


def test_errors_cross_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "not.db").write_text("something else entirely, and long enough to be no database")
    with pytest.raises(StoreError), blocking.Interpreter.open(tmp_path / "not.db", catalog=Catalog()):
        pytest.fail("opened")
    with (
        pytest.raises(UsageError, match="concurrency"),
        blocking.Interpreter.open(":memory:", catalog=Catalog(), concurrency=0),
    ):
        pytest.fail("opened")
    with (
        blocking.Interpreter.open(":memory:", catalog=Catalog()) as interpreter,
        pytest.raises(UsageError, match="no run"),
    ):
        interpreter.get_run("f" * 32)
    with pytest.raises(ZeroDivisionError), blocking.Interpreter.open(":memory:", catalog=Catalog()):
        1 / 0  # noqa: B018


def test_the_wrong_facade_says_which_one_is_right() -> None:
    async def main() -> None:
        with (
            pytest.raises(UsageError, match=r"use `dagflow.asyncio`"),
            blocking.Interpreter.open(":memory:", catalog=Catalog()),
        ):
            pytest.fail("opened")

    asyncio.run(main())

    async def under_trio() -> None:
        with pytest.raises(UsageError, match="inside a running asyncio event loop"):
            async with on_asyncio.Interpreter.open(":memory:", catalog=Catalog()):
                pytest.fail("opened")

    trio.run(under_trio)

    async def elsewhere() -> None:
        async with on_asyncio.Interpreter.open(":memory:", catalog=Catalog()) as interpreter:

            async def call() -> None:
                with pytest.raises(UsageError, match=r"use `dagflow` in trio, and `dagflow.blocking` without a loop"):
                    await interpreter.runs()

            await asyncio.to_thread(trio.run, call)

    asyncio.run(elsewhere())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_is_refused() -> None:
    with blocking.Interpreter.open(":memory:", catalog=Catalog()) as interpreter:
        process = os.fork()
        if process == 0:  # pragma: no cover - the child
            try:
                interpreter.runs()
            except UsageError:
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 7


def test_many_calls_one_after_another() -> None:
    host = Host()
    flow = host.flow("flow g(id: string) -> string { on manual\n return id }")
    with blocking.Interpreter.open(":memory:", catalog=host.catalog) as interpreter:
        assert [interpreter.start(flow, {"id": str(n)}).wait().output for n in range(200)] == [str(n) for n in range(200)]


SERVED = """
event "lead" { id: string }
flow greet(id: string) -> string {
  on event "lead"
  x = plain(id: id)
  return x
}
"""


def test_a_service_from_asyncio(tmp_path: Path) -> None:
    host = Host()

    async def main() -> None:
        path = tmp_path / "runs.db"
        async with on_asyncio.Service.open(path, catalog=host.catalog, concurrency=4) as service:
            version = await service.publish(SERVED, author="ada")
            assert (await service.flows())[0].number == version.number == 1
            delivery = await service.send("lead", {"id": "x"}, id="e1")
            (outcome,) = delivery.outcomes
            run = await service.get_run(outcome.run)
            assert (await run.wait()).output == "X"
            started = await service.start("greet", {"id": "y"}, id="s1")
            assert (await (await service.get_run(started.run)).wait()).output == "Y"
            assert {row.id for row in await service.runs()} == {outcome.run, started.run}
            assert (await service.requests("greet"))[0].id.startswith("start:")
            again = await service.rerun(started.run)
            assert (await (await service.get_run(again.run)).wait()).output == "Y"
            assert (await service.pause("greet")).state == "paused"
            assert (await service.start("greet", {"id": "z"}, id="s2")).run == ""
            assert (await service.withdraw("greet", "start:s2")).stage == "dropped"
            assert (await service.resume("greet")).state == "active"
            assert await service.find_run("0" * 32) is None
            assert (await service.result(outcome.run)).output == "X"
            assert (await service.history(outcome.run))[0].kind == "run_started"
            assert (await service.flow_of(outcome.run)).name == "greet"
            assert (await service.cancel_run(outcome.run)).status is RunStatus.SUCCEEDED
            assert await service.cancel("greet") == 0
            await service.publish(SERVED.replace("return x", 'return "${x}!"'))
            assert (await service.diff("greet", 1)).after == 2
            assert len(await service.versions("greet")) == 2
            assert (await service.retire("greet")).state == "retired"
            acme = service.tenant("acme")
            assert (acme.name, await acme.flows()) == ("acme", [])
            assert (await service.interpreter.statistics()).runs_in_memory == 0
            assert service.source_problems == {}
            assert not service.is_draining
            with pytest.raises(UsageError, match="there is no source to read"):
                await service.refresh()
        with pytest.raises(UsageError, match="was closed"):
            await service.flows()

    asyncio.run(main())


def test_a_service_from_a_script(tmp_path: Path) -> None:
    host = Host()
    path = tmp_path / "runs.db"
    with blocking.Service.open(path, catalog=host.catalog) as service:
        service.publish(SERVED)
        (outcome,) = service.send("lead", {"id": "x"}).outcomes
        assert service.get_run(outcome.run).wait().output == "X"
        acme = service.tenant("acme")
        acme.publish(SERVED)
        started = acme.start("greet", {"id": "y"})
        assert acme.get_run(started.run).wait().output == "Y"
        assert [row.id for row in service.runs()] == [outcome.run]
        assert service.interpreter.result(started.run).output == "Y"
    with pytest.raises(UsageError, match="was closed"):
        service.flows()


METHODS = {
    "Interpreter": (dagflow.Interpreter, {"cancel_soon", "deliver", "parts"}),
    # For the web application beside a service.
    "Service": (dagflow.Service, {"compiler_limits", "interface", "redactor"}),
    "Tenant": (dagflow.Tenant, {"compiler_limits", "interface", "redactor"}),
    "Run": (dagflow.Run, set[str]()),
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("facade", [on_asyncio, blocking], ids=["asyncio", "blocking"])
def test_a_facade_has_every_method_with_the_same_parameters(name: str, facade: types.ModuleType) -> None:
    inner, inside = METHODS[name]
    outer = getattr(facade, name)
    for method, function in inspect.getmembers(inner):
        if method.startswith("_") or method in inside or method == "open":
            continue
        assert hasattr(outer, method), method
        if inspect.isfunction(function):
            found = inspect.signature(getattr(outer, method)).parameters
            wanted = inspect.signature(function).parameters
            assert {each: (value.kind, value.default) for each, value in found.items()} == {
                each: (value.kind, value.default) for each, value in wanted.items()
            }, method
