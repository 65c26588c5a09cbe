"""Damage is noticed, never computed with (G11); `store verify`, `backup` and `vacuum`, beside a driver too (G48, G49)."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import apsw
import pytest
import trio

from dagflow.app.maintenance import backup, vacuum, verified, verify
from dagflow.app.program_cache import Programs
from dagflow.app.stored_runs import restored
from dagflow.errors import DagflowError, StoreError
from dagflow.execution.results import result_of
from dagflow.store.api import Store
from dagflow.store.open import open_reading, open_store
from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.runs import length_sum
from dagflow.store.sqlite.store import SqliteStore
from dagflow.store.verify import every_run
from tests.app.kill_harness import FLOW as FAMILY
from tests.app.kill_harness import catalog_for, live
from tests.durability.world import World
from tests.store.contract import FLOW, create, facts, run_row

#: What a process leaves that dies: the lock file says how much of the log was committed.
NAMES = ("runs.db", "runs.db-wal", "runs.db.lock")


@pytest.fixture(scope="module")
def family(tmp_path_factory) -> Path:
    """Three runs with loops, calls, races, events and undoing, all ended; in the file, and some of it in the log."""
    folder = tmp_path_factory.mktemp("family")
    assert "parallel first" in FAMILY
    trio.run(live, folder, catalog_for(folder / "ledger"))
    store = SqliteStore.open(folder / "runs.db")
    create(store, run_row(1), FLOW, ())
    copy = folder / "copy"
    copy.mkdir()
    for name in NAMES:
        shutil.copy(folder / name, copy / name)
    store.close()
    return copy


def results(store: Store) -> dict[str, object]:
    """How every run stands, as anybody would read it; an error where it is refused."""
    found: dict[str, object] = {}
    programs = Programs()
    for row in every_run(store):
        try:
            found[row.id] = result_of(restored(store, programs, row.id))
        except DagflowError:
            found[row.id] = DagflowError
    return found


def spoilt(body: bytes, dice: random.Random) -> bytes:
    if dice.random() < 0.15:
        return body[: dice.randrange(len(body))]
    changed = bytearray(body)
    for _ in range(dice.choice((1, 1, 1, 8))):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def damage(family: Path, folder: Path, n_times: int) -> dict[str, int]:
    files = {name: (family / name).read_bytes() for name in NAMES}
    expected = results_of(put(folder / "sound", files))
    assert len(expected) > 20
    outcomes = {"correct": 0, "refused": 0, "error": 0, "gone, and verify says so": 0}
    dice = random.Random(20260104)
    for number in range(n_times):
        name = dice.choice(("runs.db", "runs.db-wal"))
        # Some logs are removed; others are cut, so that there is no trace in what is left.
        body = None if name == "runs.db-wal" and dice.random() < 0.1 else spoilt(files[name], dice)
        place = put(folder / str(number), {**files, name: body})
        outcomes[outcome(place, expected)] += 1
        shutil.rmtree(place.parent)
    return outcomes


def outcome(place: Path, expected: dict[str, object]) -> str:
    try:
        store = open_store(place)
    except StoreError:
        return "refused"
    try:
        problems = verified(store).problems
        found = results(store)
    except StoreError:
        return "error"
    finally:
        store.close()
    wrong = {run: result for run, result in found.items() if result is not DagflowError and result != expected.get(run)}
    assert not wrong, "a wrong result that nobody noticed"
    if any(result is DagflowError and expected.get(run) is not DagflowError for run, result in found.items()):
        assert problems
        return "error"
    if len(found) < len(expected):
        assert problems, "committed runs are gone and nobody says so"
        return "gone, and verify says so"
    return "correct"


def results_of(place: Path) -> dict[str, object]:
    store = open_store(place)
    found = results(store)
    store.close()
    return found


def put(folder: Path, files: Mapping[str, bytes | None]) -> Path:
    folder.mkdir()
    for name, body in files.items():
        if body is not None:
            (folder / name).write_bytes(body)
    return folder / "runs.db"


@pytest.mark.parametrize(
    "n_times", [60, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)])]
)
def test_damage_is_noticed(family, tmp_path, n_times):
    outcomes = damage(family, tmp_path, n_times)
    assert outcomes["correct"] > n_times // 20
    assert outcomes["refused"] + outcomes["error"] > n_times // 5, outcomes


def sound(family: Path, tmp_path: Path) -> Path:
    """The family without what was only put in to have a log."""
    path = put(tmp_path / "sound", {name: (family / name).read_bytes() for name in NAMES})
    open_store(path).close()
    connection = apsw.Connection(str(path))
    connection.execute("DELETE FROM history WHERE run IN (SELECT key FROM run WHERE flow = 'lead')")
    connection.execute("DELETE FROM run WHERE flow = 'lead'")
    connection.execute("DELETE FROM flow WHERE digest NOT IN (SELECT digest FROM run)")
    connection.close()
    return path


def test_what_is_sound_verifies(family, tmp_path):
    findings = verify(sound(family, tmp_path))
    assert findings.problems == []
    assert (findings.n_runs, findings.n_events) == (27, 3)
    assert findings.n_facts > 200


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "DELETE FROM history WHERE (run, seq) IN (SELECT run, max(seq) FROM history WHERE seq < 999 GROUP BY run)",
            "events and should have",
        ),
        ("DELETE FROM history WHERE seq > 999", "the length of the history of run"),
        ("DELETE FROM run WHERE parent = '' AND key = 1", "is part of a run that is not there"),
        ("DELETE FROM run WHERE key = (SELECT max(key) FROM run WHERE parent != '')", "which is not there"),
        ("DELETE FROM event WHERE number = 3", None),
        ("DELETE FROM flow", "a flow that is not there"),
        ("UPDATE suspect SET n_crashes = 0", None),
        ("INSERT INTO suspect VALUES ('x', 2, 0, 0, 1)", "is not what was written"),
        ("INSERT OR REPLACE INTO driving VALUES (1, 1, 0, '', 1)", "is not what was written"),
    ],
)
def test_what_does_not_fit_together_is_found(family, tmp_path, statement, problem):
    path = sound(family, tmp_path)
    connection = apsw.Connection(str(path))
    connection.execute(statement)
    connection.close()
    problems = verify(path).problems
    assert any(problem in each for each in problems) if problem else not problems, problems


def test_a_row_that_says_other_than_its_history_is_found(family, tmp_path):
    path = sound(family, tmp_path)
    store = open_store(path)
    row = store.runs()[0]
    store.close()
    connection = apsw.Connection(str(path))
    of_run = "run = (SELECT key FROM run WHERE id = ?1)"
    last = connection.execute(f"SELECT max(seq) FROM history WHERE {of_run} AND seq < 999", (row.id,)).get
    connection.execute(f"DELETE FROM history WHERE {of_run} AND seq = ?2", (row.id, last))
    store = open_store(path)
    # With checksums as they should be: only the fold can tell.
    row_sum = checksum(None, row.id, str(row.status), row.ended_at, row.due_at)
    connection.execute(
        f"UPDATE history SET at = ?2, checksum = ?3 WHERE {of_run} AND seq > 999",
        (row.id, last, length_sum(row.id, last, row_sum)),
    )
    store.close()
    connection.close()
    assert any("its history running" in problem for problem in verify(path).problems)


def test_a_copy_made_under_load_is_sound(tmp_path):
    world, path, copies = World(4), tmp_path / "runs.db", []
    store = SqliteStore.open(path)

    def copy() -> None:
        if len(world.calls) % 40 == 20:
            copies.append(tmp_path / f"copy{len(copies)}.db")
            backup(path, copies[-1])

    world.on_call = copy
    trio.run(lambda: world.go(store, 20))
    assert len(copies) > 5
    for each in copies:
        assert verify(each).problems == []
        trio.run(lambda each=each: world.go(SqliteStore.open(each), 20))
        assert {row.status for row in open_store(each).runs(limit=100)} == {"succeeded"}
    assert (tmp_path / "copy0.db").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.partial"))


def test_verifying_beside_a_writer_sees_one_instant(tmp_path):
    world, path, found = World(4), tmp_path / "runs.db", []
    store = SqliteStore.open(path)

    def look() -> None:
        if len(world.calls) % 25 == 20:
            threads.append(threading.Thread(target=lambda: found.append(verify(path))))
            threads[-1].start()

    threads: list[threading.Thread] = []
    world.on_call = look
    trio.run(lambda: world.go(store, 20))
    for thread in threads:
        thread.join(60)
    assert len(found) > 8
    assert [findings.problems for findings in found] == [[]] * len(found)
    assert len({findings.n_facts for findings in found}) > 2


def test_a_copy_takes_nobody_s_name(tmp_path):
    path = tmp_path / "runs.db"
    with pytest.raises(StoreError, match="no store"):
        backup(path, tmp_path / "copy.db")
    open_store(path).close()
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(StoreError, match="already exists"):
        backup(path, tmp_path / "copy.db")
    with pytest.raises(StoreError, match="cannot write"):
        backup(path, tmp_path / "none" / "copy.db")
    (tmp_path / "text").write_text("no database, but long enough to be looked at as if it were one" * 100)
    with pytest.raises(StoreError, match="not a database"):
        backup(tmp_path / "text", tmp_path / "other.db")
    assert not (tmp_path / "other.db").exists()


def test_vacuum_gives_room_back_and_leaves_the_rest(family, tmp_path):
    path = sound(family, tmp_path)
    store = open_store(path)
    rows = store.runs()
    newest = max(row.ended_at or 0 for row in rows)
    store.close()
    size = path.stat().st_size
    vacuum(path, newest)
    found = verify(path)
    assert found.problems == []
    assert found.n_runs == 9
    assert 1 <= found.n_events < 3
    vacuum(path, newest + 1)
    assert verify(path).n_runs == 0
    assert path.stat().st_size < size
    with pytest.raises(StoreError, match="no store"):
        vacuum(tmp_path / "none.db", 1)
    store = open_store(path)
    with pytest.raises(StoreError, match="is open in process"):
        vacuum(path, 1)
    store.close()


def slices(path: Path, before: int) -> list[float]:
    store = open_store(path)
    took = [0.0]
    more = True
    while more:
        began = time.perf_counter()
        more = store.prune(before)
        took.append(time.perf_counter() - began)
    store.close()
    return took


@pytest.mark.slow
def test_no_slice_stops_the_writer_for_long(tmp_path):
    """One run with 200,000 facts, one with 5,000 parts, and 5,000 small ones. The longest slice: 50 ms, but for one in a hundred
    that a busy machine may make wait."""
    store = open_store(tmp_path / "runs.db")
    whole = run_row(1, status="succeeded", ended_at=2)
    create(store, whole, FLOW, facts(200_000))
    for number in range(5000):
        create(store, run_row(3, id=f"{whole.id}/x[{number}]", parent=whole.id, status="succeeded", ended_at=4), FLOW, facts(5))
        create(store, run_row(5, status="succeeded", ended_at=6), FLOW, facts(5))
    store.close()
    took = sorted(slices(tmp_path / "runs.db", 100))
    assert len(took) > 5000
    assert took[len(took) * 99 // 100] < 0.05, took[-20:]
    reader = open_reading(tmp_path / "runs.db")
    assert reader.runs() == []
    assert reader.problems() == []
    reader.close()
