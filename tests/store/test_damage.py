from __future__ import annotations

import random
import shutil
from pathlib import Path

import apsw
import pytest

from dagflow.errors import StoreError, WriteRefused
from dagflow.store import open_store
from tests.store.contract import DIGEST, FLOW, add, create, facts, run_row, sent


def test_no_damage_is_computed_with(closed, tmp_path):
    path, run = closed
    whole = path.read_bytes()
    rng = random.Random(20260101)
    expected = list(facts(40))
    outcomes = {"same": 0, "refused": 0}
    for number in range(150):
        damaged = bytearray(whole)
        at = rng.randrange(len(damaged))
        damaged[at] ^= 1 << rng.randrange(8)
        if number % 10 == 0:
            damaged = damaged[: rng.randrange(len(damaged))]
        place = tmp_path / f"damaged{number}.db"
        place.write_bytes(damaged)
        try:
            store = open_store(place)
        except StoreError:
            outcomes["refused"] += 1
            continue
        try:
            # Of many at once it is told of none what is not as it was written.
            assert store.histories([run]) in ({}, {run: expected})
            row = store.run(run)
            if row is not None and row.problem:
                outcomes["refused"] += 1
                continue
            history = store.history(run)
            flow = store.flow(DIGEST)
        except StoreError:
            outcomes["refused"] += 1
        else:
            # A run that cannot be found is what a damaged index can do; what is found is as it was written.
            assert (row is None and history == []) or history == expected
            assert flow in {FLOW, None}
            outcomes["same"] += 1
        finally:
            store.close()
    assert min(outcomes.values()) > 10


def test_an_unclean_stop_is_looked_over(closed, tmp_path):
    path, run = closed
    store = open_store(path)
    store.write([add(run, 40, facts(1, 40))])
    copy = tmp_path / "copy" / "runs.db"
    copy.parent.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    store.close()
    again = open_store(copy)
    assert len(again.history(run)) == 41
    again.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE history SET payload = x'31' WHERE seq = 3",
        "UPDATE history SET seq = 99 WHERE seq = 3",
        "DELETE FROM history WHERE seq = 3",
        "UPDATE history SET payload = x'5b5d0a' WHERE seq = 4",
        "UPDATE history SET attempt = 35 WHERE seq = 4",
        "DELETE FROM history WHERE seq = 4",
        "UPDATE history SET at = 39 WHERE seq > 99",
        "DELETE FROM history WHERE seq > 99",
        "UPDATE flow SET body = x'31'",
    ],
)
def test_a_changed_row_is_noticed(closed, statement):
    path, run = closed
    connection = apsw.Connection(str(path))
    connection.execute(statement)
    connection.close()
    store = open_store(path)
    with pytest.raises(StoreError, match="is damaged"):
        store.history(run), store.run(run), store.flow(DIGEST)
    store.close()


def test_a_row_older_than_its_history_is_noticed(path):
    """As a disk leaves it that did not write one page: every checksum of the row is right."""
    store = open_store(path)
    row = run_row()
    create(store, row, FLOW, facts(1))
    store.close()
    connection = apsw.Connection(str(path))
    older = connection.execute("SELECT status, ended_at, due_at, checksum FROM run").fetchall()[0]
    connection.close()
    store = open_store(path)
    store.write([add(row.id, 1, facts(3, 1), status="sleeping", due_at=5)])
    store.close()
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE run SET status = ?, ended_at = ?, due_at = ?, checksum = ?", older)
    connection.close()
    store = open_store(path)
    assert store.histories([row.id]) == {}
    with pytest.raises(StoreError, match="the length of the history of run"):
        store.history(row.id)
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "status = 'failed'",
        "status = 'lost'",
        "flow = 'other'",
        "due_at = 7",
        "digest = 'x'",
        "created_at = 1",
        "flow = CAST(x'ff' AS TEXT)",
        "status = CAST(x'ff' AS TEXT)",
    ],
)
def test_a_damaged_row_is_listed_with_its_problem_beside_the_others(path, change):
    store = open_store(path)
    rows = [run_row(number * 10**9, status="sleeping", due_at=5) for number in (1, 2, 3)]
    for row in rows:
        create(store, row, FLOW, facts(1))
    store.close()
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(f"UPDATE run SET {change} WHERE key = 2")
    connection.close()
    store = open_store(path)
    for found in (store.runs(), [found for row in rows if (found := store.run(row.id))]):
        assert {row.id: bool(row.problem) for row in found} == {row.id: row is rows[1] for row in rows}
    assert [row.id for row in store.sleeping(after=(-1, "")) if not row.problem] == [rows[0].id, rows[2].id]
    store.close()


@pytest.mark.parametrize("change", ["payload = x'31'", "name = 'z'", "id = CAST(unhex(printf('%02x', 250 + number)) AS TEXT)"])
def test_a_damaged_event_is_given_to_nobody_and_told_of(path, change):
    store = open_store(path)
    store.send([sent(number) for number in range(1, 6)])
    store.close()
    connection = apsw.Connection(str(path))
    connection.execute(f"UPDATE event SET {change} WHERE number IN (2, 3)")
    connection.close()
    store = open_store(path)
    assert [event.number for event in store.events(after=0)] == [1, 4, 5]
    assert [event.number for event in store.events(after=0, limit=2)] == [1, 4]
    assert [event.number for event in store.events(after=0, limit=2, names={"x/y"})] == [1, 4]
    assert [f"the event number {number} is not what was written" for number in (2, 3)] == store.problems()
    store.close()


def test_the_log_is_moved_into_the_file_when_it_grows(path, monkeypatch):
    monkeypatch.setattr("dagflow.store.sqlite.connection.CHECKPOINT_PAGES", 20)
    monkeypatch.setattr("dagflow.store.sqlite.connection.RESTART_PAGES", 40)
    store = open_store(path)
    row = run_row()
    create(store, row, FLOW, ())
    for first in range(0, 5_000, 500):
        store.write([add(row.id, first, facts(500, first))])
    assert store.path.stat().st_size > 100_000
    assert Path(f"{path}-wal").stat().st_size < 400_000
    store.close()
    assert not Path(f"{path}-wal").exists()


def test_a_lock_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "runs.db.lock").mkdir()
    with pytest.raises(StoreError, match="cannot make the lock file"):
        open_store(tmp_path / "runs.db")


def test_a_file_that_cannot_be_made_is_told(tmp_path):
    with pytest.raises(StoreError, match="cannot open"):
        open_store(tmp_path / ("x" * 300))
    for path in ("", "a\0b"):
        with pytest.raises(StoreError, match="is no path"):
            open_store(path)


def test_an_interruption_rolls_back_and_the_store_goes_on(path):
    store = open_store(path)
    row = run_row()
    create(store, row, FLOW, facts(1))

    with pytest.raises(KeyboardInterrupt):
        store.write([add(row.id, 1, Interrupted(facts(3, 1)))])
    assert store.history(row.id) == list(facts(1))
    store.write([add(row.id, 1, facts(1, 1))])
    store.close()


class Interrupted(tuple):
    """Records, until somebody presses a key."""

    __slots__ = ()

    def __iter__(self):
        yield self[0]
        raise KeyboardInterrupt


def test_a_text_that_is_no_text_is_damage(closed):
    path, run = closed
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE history SET node = CAST(x'ff' AS TEXT) WHERE seq = 3")
    connection.close()
    store = open_store(path)
    with pytest.raises(StoreError, match="no UTF-8"):
        store.history(run)
    store.close()


def test_a_damaged_log_gives_whole_appends_or_an_error(path, tmp_path):
    store = open_store(path)
    row = run_row()
    create(store, row, FLOW, facts(4))
    for first in range(4, 40, 4):
        store.write([add(row.id, first, facts(4, first), due_at=first + 4)])
    log = Path(f"{path}-wal").read_bytes()
    base = path.read_bytes()
    store.close()
    rng = random.Random(20260102)
    lengths: set[int] = set()
    for number in range(60):
        damaged = bytearray(log)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        place = tmp_path / f"log{number}.db"
        place.write_bytes(base)
        Path(f"{place}-wal").write_bytes(damaged[: rng.randrange(len(log))] if number % 5 == 0 else damaged)
        try:
            again = open_store(place)
        except StoreError:
            continue
        found, history = again.run(row.id), again.history(row.id)
        again.close()
        lengths.add(len(history))
        assert history == list(facts(len(history)))
        assert len(history) % 4 == 0
        assert (found is None) == (history == [])
        assert found is None or found.due_at in {None, len(history)}
    assert len(lengths) > 3


@pytest.mark.parametrize("n_runs", [1, 2])
def test_a_length_that_changed_on_the_disk_refuses_what_builds_on_it(tmp_path, n_runs):
    path = tmp_path / "runs.db"
    store = open_store(path)
    rows = [run_row(at) for at in range(1, n_runs + 1)]
    for row in rows:
        create(store, row, FLOW, facts(1))
    other = apsw.Connection(str(path))
    # As long as the next write would leave it.
    other.execute("UPDATE history SET at = 2 WHERE kind = 'length' AND run = (SELECT key FROM run WHERE id = ?)", (rows[0].id,))
    other.close()
    with pytest.raises(WriteRefused, match="read its history again"):
        store.write([add(row.id, 1, facts(1, 1)) for row in rows])
    assert [len(store.history(row.id)) for row in rows[1:]] == [1] * (n_runs - 1)
    store.close()
