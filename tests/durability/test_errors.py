"""After an error of the store, memory and disk agree: nothing was done that the disk does not know of, nothing is lost (G4, G9, G10)."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path

import apsw
import attrs
import pytest
import trio

from dagflow.errors import StoreError
from dagflow.model.status import RunStatus
from dagflow.store.api import Append, Creation
from dagflow.store.memory import MemoryStore
from dagflow.store.sqlite.store import SqliteStore
from tests.durability.disk import Disk
from tests.durability.world import World

#: By what fails. A failing write is done by half; with "full" the disk says so instead.
ERRORS = {"broken": apsw.SQLITE_IOERR, "full": apsw.SQLITE_FULL}


def run_with_fault(path: Path, at: int, code: int, *, is_lasting: bool) -> int:
    """Run the flow with the disk failing at call `at`, then again with a sound one, and check; gives the calls made."""

    def fault(_name: str, number: int) -> apsw.Error | None:
        return apsw.exception_for(code) if number == at or (is_lasting and number > at) else None

    disk, world, told = Disk(fault), World(is_told=at % 3 == 0), []
    problem = failure(world, path, disk, told)
    assert str(path) in problem if problem else told
    world.check_after_failure(path)
    trio.run(lambda: world.go(SqliteStore.open(path), told=told))
    world.check_at_end(path, told)
    return disk.n_calls


def failure(world: World, path: Path, disk: Disk, told: list[str], n_runs: int = 1) -> str:
    """Run until the store fails; gives its words, or "" if it does not."""
    try:
        store = SqliteStore.open(path, disk=disk.name)
        trio.run(lambda: world.go(store, n_runs, told=told))
    except StoreError as error:
        return str(error)
    return ""


def n_calls_without_fault(path: Path) -> int:
    return run_with_fault(path, 10**9, apsw.SQLITE_IOERR, is_lasting=False)


def test_a_fault_at_any_call_leaves_memory_and_disk_alike(tmp_path):
    n_calls = n_calls_without_fault(tmp_path / "whole.db")
    assert n_calls > 100
    manners = itertools.cycle(itertools.product(ERRORS.values(), (False, True)))
    for at, (code, is_lasting) in zip(range(n_calls), manners, strict=False):
        if at % 7 == 3:
            run_with_fault(tmp_path / f"{at}.db", at, code, is_lasting=is_lasting)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("code", "is_lasting"), list(itertools.product(ERRORS.values(), (False, True))))
def test_each_fault_at_every_call(tmp_path, code, is_lasting):
    n_calls = n_calls_without_fault(tmp_path / "whole.db")
    for at in range(n_calls):
        run_with_fault(tmp_path / f"{at}.db", at, code, is_lasting=is_lasting)


@attrs.define(eq=False)
class Doubtful(MemoryStore):
    """Outlives its drivers; its commit `at` fails, and happens all the same if `is_kept`."""

    at: int = -1
    is_kept: bool = False
    n_writes: int = 0

    @property
    def is_durable(self) -> bool:
        """As one on a disk: everything waits for its commits."""
        return True

    def write(self, appends: Sequence[Append] = (), creations: Sequence[Creation] = ()) -> None:
        self.n_writes += 1
        fails = self.n_writes == self.at
        if not fails or self.is_kept:
            super().write(appends, creations)
        if fails:
            raise StoreError("the outcome of this commit is unknown")

    def close(self) -> None:
        """It is the same when it is opened again."""


def doubt(at: int, *, is_kept: bool, concurrency: int, n_runs: int) -> int:
    """Run with the commit `at` in doubt, look, run again to the end, look; gives the number of commits."""
    world, store, told = World(4, concurrency), Doubtful(at=at, is_kept=is_kept), []
    try:
        trio.run(lambda: world.go(store, n_runs, told=told))
    except StoreError:
        for run, node, attempt, _ in world.calls:
            kinds = {(record.kind, record.node, record.attempt) for record in store.history(run)}
            assert node[0] == "b" or ("attempt_started", node, attempt) in kinds
            assert all(("attempt_succeeded", before) in {kind[:2] for kind in kinds} for before in world.parents(node))
        trio.run(lambda: world.go(store, n_runs, told=told))
    rows = store.runs()
    assert [row.status for row in rows] == [RunStatus.SUCCEEDED] * n_runs
    assert set(told) <= {row.id for row in rows}
    for row in rows:
        done = [record.node for record in store.history(row.id) if record.kind == "attempt_succeeded"]
        assert sorted(done) == sorted({call[1] for call in world.calls if call[0] == row.id})
    return store.n_writes


@pytest.mark.parametrize(("concurrency", "n_runs"), [(64, 1), (1, 3)])
def test_a_commit_of_unknown_outcome_is_read_again(concurrency, n_runs):
    """Several runs with little room: their attempts begin when there is room, long after all they depend on was committed."""
    n_writes = doubt(-1, is_kept=False, concurrency=concurrency, n_runs=n_runs)
    assert n_writes >= 9
    for at, is_kept in itertools.product(range(1, n_writes + 1), (False, True)):
        doubt(at, is_kept=is_kept, concurrency=concurrency, n_runs=n_runs)


@pytest.mark.parametrize("n_rounds", [12, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_a_full_disk_loses_nothing_fails_no_run_and_heals(tmp_path, n_rounds):
    path, dice, told = tmp_path / "runs.db", random.Random(20260103), []
    world, n_full = World(6), 0
    for number in range(1, n_rounds + 1):
        full_from = dice.randrange(10, 150)
        disk = Disk(lambda name, number, at=full_from: apsw.FullError() if name == "write" and number >= at else None)
        n_runs = number * 3
        problem = failure(world, path, disk, told, n_runs)
        if problem:
            n_full += 1
            assert "the disk is full; make room" in problem
            world.check_after_failure(path)
    trio.run(lambda: world.go(SqliteStore.open(path), n_rounds * 3, told=told))
    world.check_at_end(path, told, n_rounds * 3)
    assert n_full >= n_rounds // 2
