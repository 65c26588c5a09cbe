"""A process that serves is killed at random: no event is lost, and none starts a run twice."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dagflow.store import Store, open_store
from tests.app.kill_harness import place_of
from tests.postgres_server import Server

ROOT = Path(__file__).parents[2]
MANY = 10_000_000


def child(folder: Path, n_events: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-m", "tests.service.kill_child", str(folder), str(n_events)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(folder: Path, seed: int) -> None:
    process = child(folder, MANY)
    try:
        assert first_line(process) == "ready"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(random.Random(seed).uniform(0.0, 0.25))
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def check_newest(store: Store, n: int) -> None:
    """Each request had a run or was replaced before it had one, and of each key the last one succeeded."""
    rows = store.requests("", "newest", limit=MANY)
    assert len(rows) == n
    assert {row.stage for row in rows} <= {"ended", "superseded"}
    statuses = {run.id: run.status for run in store.runs(limit=MANY)}
    assert {statuses[row.run].value for row in rows if row.run} <= {"succeeded", "cancelled"}
    last = sorted(rows, key=lambda row: row.event)[-3:]
    assert [statuses[row.run].value for row in last if row.run] == ["succeeded"] * len(last)


def check(folder: Path, n_kills: int) -> None:
    for seed in range(n_kills):
        kill(folder, seed)
    acked = (folder / "acked").read_text().split()
    # One more may be in the store, unacknowledged: it is sent again under its id.
    process = child(folder, len(acked) + 1)
    try:
        assert [first_line(process), first_line(process)] == ["ready", "done"]
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    store = open_store(place_of(folder))
    try:
        assert store.problems() == []
        for flow in ("take", "follow"):
            rows = store.requests("", flow, limit=MANY)
            assert Counter(row.stage for row in rows) == {"ended": len(acked) + 1}
            assert len({row.run for row in rows}) == len(rows)
        n_runs = sum(run.flow != "newest" for run in store.runs(limit=MANY))
        check_newest(store, len(acked) + 1)
    finally:
        store.close()
    assert n_runs == 2 * (len(acked) + 1)
    effects = {tuple(line.split()) for line in (folder / "effects").read_text().splitlines()}
    per_event = Counter(n for n, _ in effects)
    assert set(per_event.values()) == {1}, "an event had its effect in two runs"
    assert len(per_event) == 2 * (len(acked) + 1)
    assert not (folder / "violations").exists()


@pytest.mark.early
def test_no_event_is_lost_and_none_starts_twice(tmp_path: Path) -> None:
    check(tmp_path, 4)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_event_is_lost_in_many_kills_on_postgres(tmp_path: Path, postgres: Server) -> None:
    (tmp_path / "url").write_text(postgres.url())
    check(tmp_path, 60)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_event_is_lost_in_many_kills(tmp_path: Path) -> None:
    check(tmp_path, 60)
