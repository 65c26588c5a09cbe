"""One run never harms another: each poison beside good runs, live and reopened, in memory and in a file."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import trio

import dagflow
from dagflow import Interpreter, RunStatus
from dagflow.store.api import Store
from dagflow.store.open import open_reading, open_store
from dagflow.store.verify import verify_store
from tests.app.poison import CORPUS, Poison
from tests.app.stand_ins import Lasting

GOOD = """
event "go" { n: int }

flow good(n: int) -> int {
  on manual
  first = whole(n: n)
  went  = wait event "go" within 1d
  last  = whole(n: first + (went.?n ?? 0))
  return last
}
"""
N_GOOD = 20

catalog = dagflow.Catalog.builtin()


@catalog.action("whole", effect="idempotent")
async def whole(n: int) -> int:
    """Return the number."""
    return n


@catalog.action("refuse", effect="pure")
async def refuse() -> list[str]:
    """Fail."""
    raise dagflow.Fatal("refused")


FLOW = dagflow.compile(GOOD, catalog=catalog).unwrap()


async def until_over(interpreter: Interpreter, run_id: str) -> dagflow.RunResult:
    """How a run ends. It has ten seconds, most of which no poison needs."""
    with trio.fail_after(10):
        try:
            run = await interpreter.get_run(run_id)
        except dagflow.UsageError:
            return await interpreter.result(run_id)
        return await run.wait()


@pytest.mark.early
@pytest.mark.parametrize("kind", ["memory", "file", pytest.param("postgres", marks=pytest.mark.slow)])
async def test_a_poison_harms_no_other_run(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    lasting = Lasting()
    path = request.getfixturevalue("postgres").url() if kind == "postgres" else str(tmp_path / "runs.db")

    def opened() -> Store:
        return lasting if kind == "memory" else open_store(path)

    poisoned: dict[str, str] = {}
    async with Interpreter.open(path, catalog=catalog, store=opened()) as interpreter:
        good = [(await interpreter.start(FLOW, {"n": n})).id for n in range(N_GOOD)]
        for poison in CORPUS:
            flow = dagflow.compile(poison.text, catalog=catalog).unwrap("f")
            begun = time.process_time()
            run = await interpreter.start(flow, poison.input)
            poisoned[poison.name] = run.id
            with trio.fail_after(10):
                await run.wait()
            assert time.process_time() - begun < 2, poison.name
            await check_end(interpreter, poison, run.id)
        assert interpreter.blocked == {}
    for _ in range(3):
        async with Interpreter.open(path, catalog=catalog, store=opened()) as interpreter:
            assert interpreter.blocked == {}
            for poison in CORPUS:
                await check_end(interpreter, poison, poisoned[poison.name])
    async with Interpreter.open(path, catalog=catalog, store=opened()) as interpreter:
        assert await interpreter.send("go", {"n": 100}) == N_GOOD
        for n, run_id in enumerate(good):
            result = await until_over(interpreter, run_id)
            assert (result.status, result.output) == (RunStatus.SUCCEEDED, n + 100)
    if kind != "memory":
        store = open_reading(path)
        try:
            assert verify_store(store) == []
        finally:
            store.close()


async def check_end(interpreter: Interpreter, poison: Poison, run_id: str) -> None:
    result = await until_over(interpreter, run_id)
    codes = {failure.code for failure in result.failures}
    expected = RunStatus.SUCCEEDED if poison.code is None else RunStatus.FAILED
    assert (poison.name, result.status, codes) == (poison.name, expected, {poison.code} - {None})
