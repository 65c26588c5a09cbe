"""A run that cannot be driven is blocked by itself: others end, it is shown with its reason, and is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
import trio.lowlevel

import dagflow
from dagflow import Interpreter, RunBlocked, RunStatus
from dagflow.app.archive import Archive
from dagflow.errors import StoreError, WriteRefused
from dagflow.ids import RunId
from dagflow.store.api import Append, Creation, Record
from tests.app.host import Host
from tests.app.stand_ins import Lasting

TEXT = """
event "go" { n: int }

flow f(n: int) -> int {
  on manual
  first = double(n: n)
  wait event "go" within 1d
  last = double(n: first)
  return last
}
"""


@attrs.define(eq=False)
class Refusing(Lasting):
    """Refuses one value: whatever run writes a step of that name."""

    step: str | None = None

    def write(self, appends: Sequence[Append] = (), creations: Sequence[Creation] = ()) -> None:
        for each in (*appends, *creations):
            if any(record.node == self.step for record in each.records):
                raise WriteRefused(f"no record about {self.step!r} is kept here")
        super().write(appends, creations)


@attrs.define(eq=False)
class Garbled(Lasting):
    """Has nonsense in the history of one run, which no checksum notices."""

    kind: str
    payload: bytes | None
    run_id: str = ""

    def history(self, run: RunId) -> list[Record]:
        return [self._garbled(run, record) for record in super().history(run)]

    def histories(self, runs: Sequence[RunId]) -> dict[RunId, list[Record]]:
        return {run: self.history(run) for run in runs}

    def _garbled(self, run: RunId, record: Record) -> Record:
        is_bad = run == self.run_id and record.kind == self.kind
        return attrs.evolve(record, payload=self.payload) if is_bad else record


@pytest.fixture
def host() -> Host:
    return Host()


async def test_a_value_that_the_store_refuses_blocks_that_run_alone(host: Host) -> None:
    store = Refusing(step="secret_step")
    bad = host.flow("flow bad(n: int) -> int { on manual\n a = held(n: n)\n secret_step = double(n: a)\n return secret_step }")
    good = host.flow("flow good(n: int) -> int { on manual\n x = double(n: n)\n return x }")
    async with Interpreter.open(":memory:", catalog=host.catalog, store=store) as interpreter:
        runs = [await interpreter.start(good, {"n": n}) for n in range(5)]
        blocked = await interpreter.start(bad, {"n": 1})
        runs += [await interpreter.start(good, {"n": n}) for n in range(5)]
        host.gate.set()
        with pytest.raises(RunBlocked, match="no record about 'secret_step' is kept here") as raised:
            await blocked.wait()
        assert raised.value.run == blocked.id
        assert [(await run.wait()).status for run in runs] == [RunStatus.SUCCEEDED] * 10
        assert list(interpreter.blocked) == [blocked.id]
        # What the store has is what it had before; the row says why it does not go on.
        rows = {row.id: row for row in await interpreter.runs()}
        assert rows[RunId(blocked.id)].status is RunStatus.RUNNING
        assert "no record about" in rows[RunId(blocked.id)].blocked
        assert not any(row.blocked for row in rows.values() if row.id != blocked.id)
    store.step = None
    async with Interpreter.open(":memory:", catalog=host.catalog, store=store) as interpreter:
        assert (await (await interpreter.get_run(blocked.id)).wait()).output == 2
        assert not any(row.blocked for row in await interpreter.runs())


async def test_a_start_whose_first_record_is_refused_is_refused_to_its_caller(host: Host) -> None:
    store = Refusing(step="")  # the start of a run names no step
    flow = host.flow("flow good(n: int) -> int { on manual\n x = double(n: n)\n return x }")
    async with Interpreter.open(":memory:", catalog=host.catalog, store=store) as interpreter:
        with pytest.raises(RunBlocked, match="is blocked: no record about ''"):
            await interpreter.start(flow, {"n": 1})
        store.step = "x"
        assert await interpreter.runs() == []


async def test_a_child_that_is_refused_blocks_its_whole_family(host: Host) -> None:
    store = Refusing(step="inside")
    family = host.flow(
        "flow inner(n: int) -> int { on manual\n a = held(n: n)\n inside = double(n: a)\n return inside }\n"
        "flow outer() -> list<int> { on manual\n all = for n in [1, 2, 3] max 5 {\n  x = inner(n: n)\n  yield x\n }\n return all }",
        "outer",
    )
    async with Interpreter.open(":memory:", catalog=host.catalog, store=store) as interpreter:
        run = await interpreter.start(family)
        host.gate.set()
        with pytest.raises(RunBlocked):
            await run.wait()
        assert list(interpreter.blocked) == [run.id]
        store.step = None
        other = await interpreter.start(family)
        assert (await other.wait()).output == [2, 4, 6]
    async with Interpreter.open(":memory:", catalog=host.catalog, store=store) as interpreter:
        assert (await (await interpreter.get_run(run.id)).wait()).output == [2, 4, 6]


GARBLED = {
    "a timer of another type": ("timer_set", b'{"due": "soon"}'),
    "a result of another type": ("attempt_succeeded", b'"text"'),
    "no input": ("run_started", b"{}"),
    "nothing": ("attempt_succeeded", None),
}


@pytest.mark.parametrize("is_sent", [False, True])
@pytest.mark.parametrize(("kind", "payload"), GARBLED.values(), ids=GARBLED)
async def test_a_history_that_cannot_be_read_blocks_that_run_alone(
    host: Host, kind: str, payload: bytes | None, is_sent: bool
) -> None:
    store = Garbled(kind, payload)
    flow = host.flow(TEXT)
    async with Interpreter.open(":memory:", catalog=host.catalog, store=store) as interpreter:
        runs = [await interpreter.start(flow, {"n": n}) for n in range(3)]
        for run in runs:
            async for result in run.watch():
                if result.status is RunStatus.SLEEPING:
                    break
    store.run_id = bad = runs[1].id
    async with Interpreter.open(":memory:", catalog=host.catalog, store=store) as interpreter:
        if is_sent:
            assert await interpreter.send("go", {"n": 1}) == 2
            assert bad in interpreter.blocked
            for run in (runs[0], runs[2]):
                while not (await interpreter.result(run.id)).status.is_terminal:
                    await trio.lowlevel.checkpoint()
        with pytest.raises((RunBlocked, StoreError)):
            await interpreter.cancel(bad)
        with pytest.raises((RunBlocked, StoreError)):
            await interpreter.result(bad)
        assert (await interpreter.cancel(runs[2].id)).status in {RunStatus.CANCELLED, RunStatus.SUCCEEDED}
    store.run_id = ""
    async with Interpreter.open(":memory:", catalog=host.catalog, store=store) as interpreter:
        # What was sent while the run could not be read is not lost for it.
        if not is_sent:
            assert await interpreter.send("go", {"n": 1}) == 2
        while not (result := await interpreter.result(bad)).status.is_terminal:
            await trio.lowlevel.checkpoint()
        assert result.output == 4
        assert interpreter.blocked == {}


async def test_the_reason_and_the_traceback_are_in_the_store(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    flow = host.flow("flow good(n: int) -> int { on manual\n x = held(n: n)\n return x }")
    async with Interpreter.open(path, catalog=host.catalog, drain_seconds=0) as interpreter:
        run = await interpreter.start(flow, {"n": 1})
        await host.began.wait()
    async with Interpreter.open(path, catalog=dagflow.Catalog()) as interpreter:
        assert "calls `held`, which the catalog does not have" in str(interpreter.blocked[RunId(run.id)])
    with Archive.open(path) as archive:
        (row,) = archive.runs()
        blocked = archive.blocked(RunId(run.id))
    assert "which the catalog does not have; register it" in row.blocked
    assert blocked is not None
    assert "UsageError" in blocked.trace
    host.gate.set()
    async with Interpreter.open(path, catalog=host.catalog) as interpreter:
        assert (await (await interpreter.get_run(run.id)).wait()).output == 1
    with Archive.open(path) as archive:
        assert archive.blocked(RunId(run.id)) is None
        assert [row.blocked for row in archive.runs()] == [""]


async def test_a_blocked_run_can_be_cancelled(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    flow = host.flow("flow good(n: int) -> int { on manual\n x = held(n: n)\n return x }")
    async with Interpreter.open(path, catalog=host.catalog, drain_seconds=0) as interpreter:
        run = await interpreter.start(flow, {"n": 1})
        await host.began.wait()
    async with Interpreter.open(path, catalog=dagflow.Catalog()) as interpreter:
        assert (await interpreter.cancel(run.id)).status is RunStatus.CANCELLED
        assert interpreter.blocked == {}
        assert [row.blocked for row in await interpreter.runs()] == [""]


async def test_a_store_that_fails_still_stops_the_interpreter(host: Host) -> None:
    @attrs.define(eq=False)
    class Failing(Lasting):
        is_failing: bool = False

        def write(self, appends: Sequence[Append] = (), creations: Sequence[Creation] = ()) -> None:
            if self.is_failing:
                raise OSError("the disk is gone")
            super().write(appends, creations)

    store = Failing()
    flow = host.flow("flow good(n: int) -> int { on manual\n x = double(n: n)\n return x }")
    with pytest.raises(StoreError, match="the store failed: OSError: the disk is gone"):  # noqa: PT012 - leaving the block raises
        async with Interpreter.open(":memory:", catalog=host.catalog, store=store) as interpreter:
            store.is_failing = True
            await interpreter.start(flow, {"n": 1})
