"""Looking at a store, also while somebody else drives it."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from dagflow.app.archive import Archive
from dagflow.app.interpreter import Interpreter
from dagflow.clock import VirtualClock
from dagflow.errors import StoreError, UsageError
from dagflow.model.status import NodeStatus, RunStatus
from tests.app.host import START, Host

FLOW = """
flow f(n: int) -> int {
  on manual
  a = double(n: n)
  b = held(n: a)
  return b + 1
}
"""


async def test_beside_the_one_who_drives(tmp_path: Path) -> None:
    host, path = Host(), tmp_path / "runs.db"
    async with Interpreter.open(path, catalog=host.catalog) as interpreter:
        run = await interpreter.start(host.flow(FLOW), {"n": 2})
        await host.began.wait()
        with Archive.open(path) as archive:
            assert [row.id for row in archive.runs(unfinished=True)] == [run.id]
            flow, result = archive.result(archive.find("last"))
            assert flow.name == "f"
            assert result.status is RunStatus.RUNNING
            assert (result.node("a").output, result.node("b").status) == (4, NodeStatus.RUNNING)
            host.gate.set()
            ended = await run.wait()
            assert archive.result(run.id)[1] == ended
            assert archive.runs(unfinished=True) == []
    with Archive.open(path) as archive:
        assert archive.result(run.id)[1] == ended


async def test_finding_runs(tmp_path: Path) -> None:
    host, path = Host(), tmp_path / "runs.db"
    host.gate.set()
    clock = VirtualClock(START)
    async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
        flow = host.flow(FLOW)
        ids = []
        for n in range(3):
            run = await interpreter.start(flow, {"n": n})
            await run.wait()
            ids.append(run.id)
            clock.advance_to(START + (n + 1) * 10**15)
    with Archive.open(path) as archive:
        assert archive.find("last") == ids[-1]
        assert [archive.find(run_id) for run_id in ids] == ids
        assert archive.find(ids[0][:-1]) == ids[0]
        assert [row.id for row in archive.runs(limit=2)] == [ids[2], ids[1]]
        with pytest.raises(UsageError, match="3 runs begin with `0`"):
            archive.find("0")
        for nothing in ("", "x", "~"):
            with pytest.raises(UsageError, match="`dagflow runs` lists them"):
                archive.find(nothing)
        with pytest.raises(UsageError, match="no run x"):
            archive.result("x")  # type: ignore[arg-type]


async def test_an_empty_store(tmp_path: Path) -> None:
    async with Interpreter.open(tmp_path / "runs.db", catalog=Host().catalog):
        await trio.lowlevel.checkpoint()
    with Archive.open(tmp_path / "runs.db") as archive:
        assert archive.runs() == []
        with pytest.raises(UsageError, match="no runs in this store yet"):
            archive.find("last")


@pytest.mark.parametrize("name", ["none.db", ".", ":memory:", ""])
def test_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="there is no store"), Archive.open(name):
        pass
    assert list(tmp_path.iterdir()) == []
