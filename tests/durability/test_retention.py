"""What is removed is what ended before, with all that belongs to it and nothing else, whatever a crash leaves half done (G48)."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow.app.interpreter import Interpreter
from dagflow.ids import RunId
from dagflow.model.status import RunStatus
from dagflow.store.api import Store
from dagflow.store.memory import MemoryStore
from dagflow.store.sqlite.store import SqliteStore
from dagflow.store.verify import every_run, verify_store
from tests.durability.world import World
from tests.store.contract import add, create, facts, run_row, sent

#: Of a run: when it begins, when it ends if it does, how many parts it has, and how many facts.
RUNS = st.lists(
    st.tuples(st.integers(1, 60), st.none() | st.integers(1, 60), st.integers(0, 3), st.integers(0, 1200)), max_size=6
)


def fill(store: Store, runs: list[tuple[int, int | None, int, int]], ids: list[RunId]) -> None:
    for (began, lasted, n_parts, n_facts), run in zip(runs, ids, strict=True):
        create(store, run_row(began, id=run), b"%d" % began, facts(n_facts))
        ended = None if lasted is None else began + lasted
        parts = [RunId(f"{run}/x[{n}]") for n in range(n_parts)]
        for part in parts:
            create(store, run_row(began, id=part, parent=run), b"", facts(2))
        if ended is not None:
            store.write([add(part, 2, (), status=RunStatus.SUCCEEDED, ended_at=ended) for part in parts])
            store.write([add(run, n_facts, (), status=RunStatus.SUCCEEDED, ended_at=ended)])


def content(store: Store) -> object:
    rows = list(every_run(store))
    return rows, [store.history(row.id) for row in rows], store.events(after=0), [store.flow(row.digest) for row in rows]


def test_runs_go_on_while_old_ones_are_removed(tmp_path):
    """Whoever asks sees a run whole, or not at all."""
    world, store = World(3), SqliteStore.open(tmp_path / "runs.db")
    far_away = 2**62

    async def go() -> None:
        async with Interpreter.open("", catalog=world.catalog, store=store) as interpreter:
            async with trio.open_nursery() as nursery:
                for _ in range(30):
                    run = await interpreter.start(world.flow, {"n": 0})
                    nursery.start_soon(run.wait)
                    nursery.start_soon(interpreter.prune, far_away)
                    assert verify_store(store) == []
            await interpreter.prune(far_away)
            assert await interpreter.runs() == []

    trio.run(go)
    attempts = Counter(call[:2] for call in world.calls)
    assert len(attempts) == 30 * 10
    assert set(attempts.values()) == {1}


@settings(max_examples=25, deadline=None)
@given(RUNS, st.lists(st.integers(1, 120), max_size=5, unique=True).map(sorted), st.integers(0, 130), st.integers(0, 12))
def test_two_stores_keep_the_same(runs, events, before, n_slices):
    """One removes at once. The other is stopped after some slices, looked at, opened again, and goes on."""
    ids = [RunId(f"{number:032x}") for number in range(len(runs))]
    memory = MemoryStore()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.db"
        store = SqliteStore.open(path)
        for each in (memory, store):
            fill(each, runs, ids)
            if events:
                each.send([sent(at) for at in events])
        unfinished = {row.id: store.history(row.id) for row in store.runs(unfinished=True)}
        for _ in range(n_slices):
            store.prune(before)
            assert verify_store(store) == []
        store.close()
        store = SqliteStore.open(path)
        assert {run: store.history(run) for run in unfinished} == unfinished
        while store.prune(before):
            pass
        memory.prune(before)
        assert content(store) == content(memory)
        assert verify_store(store) == []
        assert all(row.ended_at is None or row.ended_at >= before for row in every_run(store))
        assert store._read("SELECT count(*) FROM run WHERE parent = '~'") == [(0,)]
        assert store._read("PRAGMA freelist_count") == [(0,)]
        store.close()
