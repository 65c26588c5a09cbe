from __future__ import annotations

import random
import shutil
from pathlib import Path

import apsw
import pytest

from dagflow.errors import StoreError
from dagflow.store import open_store
from tests.store.contract import DIGEST, FLOW, add, create, facts, run_row


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
        "UPDATE run SET length = 39",
        "UPDATE run SET status = 'failed'",
        "UPDATE run SET flow = 'other'",
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


def test_the_log_is_moved_into_the_file_when_it_grows(path, monkeypatch):
    monkeypatch.setattr("dagflow.store.sqlite.CHECKPOINT_PAGES", 20)
    monkeypatch.setattr("dagflow.store.sqlite.TRUNCATE_PAGES", 40)
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
