"""Handles of suspended runs are made without holding up the event loop."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dagflow.app.interpreter import Interpreter
from dagflow.errors import UsageError
from dagflow.model.status import RunStatus
from dagflow.store.sqlite.store import SqliteStore
from tests.app.host import START, Host
from tests.app.stand_ins import Counting
from tests.app.test_sleepers import HOUR, NAP, Frozen, asleep


class Watching(Counting):
    """Writes down the threads that it is asked in."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__(store)
        self.threads = set[int]()

    def history(self, run: str) -> object:
        self.threads.add(threading.get_ident())
        return super().history(run)

    def histories(self, runs: list[str]) -> object:
        self.threads.add(threading.get_ident())
        return super().histories(runs)


async def test_histories_are_never_read_on_the_event_loop(tmp_path: Path) -> None:
    host, n_runs = Host(), 120
    async with Interpreter.open(tmp_path / "runs.db", catalog=host.catalog, clock=Frozen()) as interpreter:
        for n in range(n_runs):
            await interpreter.start(host.flow(NAP), {"to": f"{n}"})
        await asleep(interpreter, n_runs)
    store = Watching(SqliteStore.open(tmp_path / "runs.db"))
    clock = Frozen()
    async with Interpreter.open("", catalog=host.catalog, clock=clock, store=store) as interpreter:  # type: ignore[arg-type]
        store.threads.clear()
        n_before = store.n_read
        runs = await interpreter.unfinished()
        assert (len(runs), store.n_read - n_before) == (n_runs, n_runs)
        assert [run.id for run in runs] == [row.id for row in await interpreter.runs(limit=n_runs)]
        # Who holds one gets the same again, and reads nothing.
        again = await interpreter.get_run(runs[0].id)
        assert again._live is runs[0]._live
        assert store.n_read - n_before == n_runs
        del again, runs
        standing = [each.status async for each in limited(interpreter, (await interpreter.runs(limit=1))[0].id)]
        assert standing == [RunStatus.SLEEPING]
        with pytest.raises(UsageError, match="no run"):
            await interpreter.get_run("f" * 32)
        assert threading.get_ident() not in store.threads


async def limited(interpreter: Interpreter, run_id: str):
    async for each in interpreter.watch(run_id):
        yield each
        return


async def test_a_run_that_wakes_while_it_is_read_is_held_as_it_is_driven(tmp_path: Path) -> None:
    host, clock = Host(), Frozen()
    async with Interpreter.open(tmp_path / "runs.db", catalog=host.catalog, clock=clock) as interpreter:
        for n in range(30):
            await interpreter.start(host.flow(NAP), {"to": f"{n}"})
        await asleep(interpreter, 30)
    clock.at = START + HOUR
    async with Interpreter.open(tmp_path / "runs.db", catalog=host.catalog, clock=clock) as interpreter:
        for run in await interpreter.unfinished():
            assert (await run.wait()).status is RunStatus.SUCCEEDED
        for row in await interpreter.runs():
            assert (await interpreter.result(row.id)).status is RunStatus.SUCCEEDED
    assert sorted(host.calls) == sorted(f"mail {n}" for n in range(30))
