"""kill -9 at every named point from a retry or a skip on: what was done is done once, and every run ends as it has to."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
import trio

from dagflow.actions.catalog import Catalog
from dagflow.actions.failures import Fatal
from dagflow.actions.markers import EffectKey
from dagflow.app.archive import Archive
from dagflow.app.interpreter import Interpreter
from dagflow.app.maintenance import verify
from dagflow.lang.compiler import compile_text
from dagflow.model.status import RunStatus
from dagflow.store.failpoints import Failpoint, watch
from dagflow.store.open import open_reading

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

TEXT = """
event "told" { n: int }

flow other(n: int) {
  on manual
  work(name: "other")
}

flow order(n: int) -> string? {
  on manual
  a = work(name: "a")
  if n > 1 { wait 300d }
  b = work(name: "b")
  return b
} on error {
  emit "told" (n: 1)
  start other(n: n)
  work(name: "c")
}
"""


@attrs.define
class Case:
    """What an operator asks for, what the run says then, and the books.

    Attributes:
        input: of the run; with 2 it waits, else `b` fails.
        is_broken: whether `b` fails from then on.
        mark: the kind of the record of what is asked for; it is asked for again if the history lacks one.
        done: calls by name. n_told: events of the `on error`, and runs that it starts.
    """

    input: int
    is_broken: bool
    mark: str
    status: RunStatus
    output: str | None
    done: dict[str, int]
    n_told: int


CASES = {
    "retried": Case(1, False, "run_retry_requested", RunStatus.SUCCEEDED, "b", {"a": 1, "b": 2, "c": 1, "other": 1}, 1),
    "fails again": Case(1, True, "run_retry_requested", RunStatus.FAILED, None, {"a": 1, "b": 2, "c": 2, "other": 2}, 2),
    "skipped": Case(1, True, "step_skipped", RunStatus.SUCCEEDED, "x", {"a": 1, "b": 1, "c": 1, "other": 1}, 1),
    "wait skipped": Case(2, False, "step_skipped", RunStatus.SUCCEEDED, "b", {"a": 1, "b": 1}, 0),
}


def catalog_for(folder: Path) -> Catalog:
    catalog = Catalog()

    @catalog.action("work", effect="idempotent")
    async def work(name: str, key: EffectKey) -> str:
        with (folder / "ledger").open("a") as ledger:
            ledger.write(f"{name} {key}\n")
        if name == "b" and (folder / "broken").exists():
            raise Fatal("it is broken", code="broken")
        return name

    return catalog


async def begun(folder: Path, case: Case) -> None:
    """A run that failed, or waits."""
    catalog = catalog_for(folder)
    flow = compile_text(TEXT, catalog.interface).unwrap("order")
    async with Interpreter.open(folder / "s.db", catalog=catalog) as interpreter:
        run = await interpreter.start(flow, {"n": case.input})
        if case.input == 1:
            await run.wait()
        await interpreter.rest()


async def asked(folder: Path, case: Case, arm: Callable[[], None] = lambda: None) -> None:
    """Ask, unless the history says that this was done, and let the run end."""
    async with Interpreter.open(folder / "s.db", catalog=catalog_for(folder)) as interpreter:
        run = next(row.id for row in await interpreter.runs() if row.flow == "order")
        arm()
        if case.mark not in [record.kind for record in await interpreter.history(run)]:
            if case.mark == "run_retry_requested":
                await interpreter.retry(run)
            elif case.input == 1:
                await interpreter.skip(run, "b", "x")
            else:
                (step,) = [each.id for each in (await interpreter.result(run)).nodes if each.due_at]
                await interpreter.skip(run, step)
        await (await interpreter.get_run(run)).wait()
        await interpreter.rest()


def is_killed(folder: Path, case: Case, at: int) -> bool:
    """Whether a process that asks dies at this point, counted from the asking on."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            counts = iter(range(10_000))

            def see(_point: Failpoint) -> None:
                if next(counts) == at:
                    os.kill(os.getpid(), signal.SIGKILL)

            trio.run(lambda: asked(folder, case, lambda: watch(see)))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or not os.WEXITSTATUS(status)
    return os.WIFSIGNALED(status)


def every_kill(folder: Path, case: Case) -> Iterator[Path]:
    """The folder as each kill left it."""
    before = folder / "before"
    before.mkdir()
    (before / "broken").touch()
    trio.run(begun, before, case)
    if not case.is_broken:
        (before / "broken").unlink()
    for at in range(10_000):
        copy = folder / str(at)
        shutil.copytree(before, copy)
        if not is_killed(copy, case, at):
            assert at > 5, "there were points to be killed at"
            return
        yield copy


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name != "fails again" else ()) for name in CASES]
)
def test_a_kill_at_every_point_changes_nothing(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    for folder in every_kill(tmp_path, case):
        trio.run(asked, folder, case)
        with Archive.open(folder / "s.db") as archive:
            rows = archive.runs()
            (order,) = [row for row in rows if row.flow == "order"]
            _, result = archive.result(order.id)
        assert (result.status, result.output) == (case.status, case.output)
        calls = [line.split() for line in (folder / "ledger").read_text().splitlines()]
        # The last attempt before a kill may be made again, with its key.
        keys = Counter(name for name, _ in {(name, key) for name, key in calls})
        assert keys == {**case.done, "b": 1}, "b has one key, whoever asks for another attempt"
        assert len([row for row in rows if row.flow == "other"]) == case.n_told
        store = open_reading(folder / "s.db")
        assert [event.name for event in store.events(after=0)] == ["told"] * case.n_told
        assert [record.kind for record in store.history(order.id)].count(case.mark) == 1
        store.close()
        assert verify(folder / "s.db").problems == []
