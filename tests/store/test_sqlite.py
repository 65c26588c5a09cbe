from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from dagflow.errors import StoreError
from dagflow.ids import RunId
from dagflow.store import connections, migrations, open_store
from dagflow.store.files import refuse_remote
from tests.store.contract import DIGEST, FLOW, StoreContract, add, facts, run_row


class TestSqlite(StoreContract):
    def open(self, folder):
        return open_store(folder / "runs.db")


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def closed(path) -> tuple[Path, RunId]:
    """A database that was closed, with one run in it."""
    row = run_row()
    store = open_store(path)
    store.create(row, FLOW, facts(40))
    store.close()
    return path, row.id


def test_what_was_written_is_there_after_opening_again(closed):
    path, run = closed
    store = open_store(path)
    assert store.history(run) == list(facts(40))
    assert store.flow(DIGEST) == FLOW
    store.close()


def test_durability_is_set_and_checked(path):
    store = open_store(path)
    answers = {name: store._writer.execute(f"PRAGMA {name}").get for name in ("journal_mode", "synchronous", "mmap_size")}
    assert answers == {"journal_mode": "wal", "synchronous": 2, "mmap_size": 0}
    assert store._writer.execute("PRAGMA auto_vacuum").get == 2
    assert store._reader.execute("PRAGMA query_only").get == 1
    store.close()


def test_the_files_are_their_owner_s(path):
    before = os.umask(0)
    try:
        store = open_store(path)
        store.create(run_row(), FLOW, facts(1))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert set(modes) == {"runs.db", "runs.db-wal", "runs.db-shm", "runs.db.lock"}


def test_a_second_opening_is_refused_with_the_holder_s_number(path):
    store = open_store(path)
    with pytest.raises(StoreError, match=f"open in process {os.getpid()}"):
        open_store(path)
    link = path.with_name("link.db")
    link.symlink_to(path)
    with pytest.raises(StoreError, match=f"open in process {os.getpid()}"):
        open_store(link)
    store.close()
    open_store(path).close()


def test_other_processes_are_refused_too(path):
    store = open_store(path)
    script = f"from dagflow.store import open_store\nopen_store({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert f"StoreError: {path} is open in process {os.getpid()}" in done.stderr
    store.close()


def test_a_fork_may_not_use_it(path):
    store = open_store(path)
    store._process += 1  # what a child process sees
    with pytest.raises(StoreError, match="fork"):
        store.runs()
    with pytest.raises(StoreError, match="fork"):
        store.append([add(RunId("0"), 0, ())])
    store._process -= 1
    store.close()


def test_an_old_sqlite_is_refused():
    with pytest.raises(StoreError, match=r"SQLite 3\.51\.2 can lose data"):
        connections.refuse_old_sqlite("3.51.2")
    connections.refuse_old_sqlite("3.51.3")


@pytest.mark.parametrize(
    ("kind", "is_refused"), [("ext4", False), ("nfs4", True), ("cifs", True), ("fuse.sshfs", True), ("fuseblk", False)]
)
def test_network_file_systems_are_refused(tmp_path, kind, is_refused):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 8:1 / / rw - ext4 /dev/a rw\nodd\n2 1 0:5 / /data\\040here rw,x shared:1 - {kind} server:/x rw\n")
    place = Path("/data here/runs.db")
    if is_refused:
        with pytest.raises(StoreError, match="use a local disk"):
            refuse_remote(place, mounts)
    else:
        refuse_remote(place, mounts)
    refuse_remote(Path("/else/runs.db"), mounts)
    refuse_remote(place, tmp_path / "none")


def test_places_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(StoreError, match="no folder"):
        open_store(tmp_path / "none" / "runs.db")
    with pytest.raises(StoreError, match="is a folder"):
        open_store(tmp_path)


def test_other_files_are_refused(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to be looked at as one\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_store(text)
    other = tmp_path / "other.db"
    connection = apsw.Connection(str(other))
    connection.execute("CREATE TABLE x (y)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        open_store(other)
    assert text.read_text().startswith("not a database")


def test_a_newer_schema_is_refused(closed):
    path, _ = closed
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(StoreError, match="schema 7, this dagflow knows 2"):
        open_store(path)


def test_migrations_go_forward_one_whole_step_at_a_time(closed):
    path, run = closed
    steps = [*migrations.MIGRATIONS, ["ALTER TABLE run ADD COLUMN note TEXT"], ["CREATE TABLE half (x)", "no such statement"]]
    connection = apsw.Connection(str(path))
    with pytest.raises(apsw.SQLError):
        migrations.migrate(connection, str(path), steps)
    assert connection.execute("PRAGMA user_version").get == len(migrations.MIGRATIONS) + 1
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").get == 0
    assert connection.execute("SELECT id FROM run WHERE note IS NULL").get == run
    migrations.migrate(connection, str(path), steps[:-1])
    connection.close()


KILLED = """
import sys
from dagflow.store import open_store
from tests.store.contract import FLOW, add, facts, run_row
store = open_store(sys.argv[1])
row = run_row()
store.create(row, FLOW, facts(1))
print(row.id, flush=True)
first = 1
while True:
    store.append([add(row.id, first, facts(5, first))])
    first += 5
    print(first, flush=True)
"""


@pytest.mark.parametrize("n_acknowledged", [0, 1, 7, 40])
def test_what_was_acknowledged_outlives_a_kill(path, n_acknowledged):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    run = RunId(process.stdout.readline().strip())
    acknowledged = [int(process.stdout.readline()) for _ in range(n_acknowledged)]
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split()
    process.stdout.close()
    process.wait()
    length = max([1, *acknowledged, *map(int, rest)])
    store = open_store(path)
    history = store.history(run)
    assert len(history) >= length
    assert len(history) % 5 == 1
    assert history == list(facts(len(history)))
    store.append([add(run, len(history), facts(1))])
    store.close()


def test_a_full_database_is_an_error_of_unknown_outcome_and_loses_nothing(path):
    store = open_store(path)
    row = run_row()
    store.create(row, FLOW, facts(1))
    store._writer.execute("PRAGMA max_page_count = 14")
    with pytest.raises(StoreError, match=r"disk is full.*outcome is unknown; open it again"):
        store.append([add(row.id, 1, facts(10_000, 1))])
    for use in (store.runs, lambda: store.append([add(row.id, 1, facts(1, 1))])):
        with pytest.raises(StoreError, match="outcome is unknown"):
            use()
    store.close()
    again = open_store(path)
    assert again.history(row.id) == list(facts(1))
    again.append([add(row.id, 1, facts(10_000, 1))])
    again.close()


FULL = """
import resource, sys
from dagflow.errors import StoreError
from dagflow.store import open_store
from tests.store.contract import FLOW, add, facts, run_row
store = open_store(sys.argv[1])
row = run_row()
store.create(row, FLOW, facts(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
first = 1
try:
    while True:
        store.append([add(row.id, first, facts(5, first))])
        first += 5
except StoreError as error:
    print(row.id, first, error)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no such limit here")
def test_a_write_the_system_refuses_is_a_store_error(path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True
    )
    run, first, message = done.stdout.split(" ", 2)
    assert "outcome is unknown" in message
    store = open_store(path)
    assert len(store.history(RunId(run))) in {int(first), int(first) + 5}
    store.close()


def test_a_value_that_cannot_be_kept_is_refused_and_the_store_goes_on(path):
    store = open_store(path)
    row = run_row()
    store.create(row, FLOW, facts(1))
    for record in (
        facts(1)[0].__class__("k", 2**70),
        facts(1)[0].__class__("k", 1, "\ud800"),
        facts(1)[0].__class__("k", 1, payload=b"x" * (connections.MAX_LENGTH + 1)),
    ):
        with pytest.raises(StoreError, match="cannot keep this"):
            store.append([add(row.id, 1, (record,))])
    assert store.history(row.id) == list(facts(1))
    store.close()


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
    store.append([add(run, 40, facts(1, 40))])
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
    store.create(row, FLOW, ())
    for first in range(0, 5_000, 500):
        store.append([add(row.id, first, facts(500, first))])
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
    store.create(row, FLOW, facts(1))

    with pytest.raises(KeyboardInterrupt):
        store.append([add(row.id, 1, Interrupted(facts(3, 1)))])
    assert store.history(row.id) == list(facts(1))
    store.append([add(row.id, 1, facts(1, 1))])
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
    store.create(row, FLOW, facts(4))
    for first in range(4, 40, 4):
        store.append([add(row.id, first, facts(4, first), due_at=first + 4)])
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
