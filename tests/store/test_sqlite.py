from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from dagflow.errors import StoreError
from dagflow.ids import RunId
from dagflow.store import open_store
from dagflow.store.sqlite import connection as connections
from dagflow.store.sqlite import migrations
from dagflow.store.sqlite.lock import refuse_remote
from tests.store.contract import DIGEST, FLOW, StoreConformance, add, create, facts, run_row


class TestSqlite(StoreConformance):
    def open(self, folder):
        return open_store(folder / "runs.db")


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
        create(store, run_row(), FLOW, facts(1))
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
    assert f"StoreInUse: {path} is open in process {os.getpid()}" in done.stderr
    store.close()


def test_a_fork_may_not_use_it(path):
    store = open_store(path)
    store._process += 1  # what a child process sees
    with pytest.raises(StoreError, match="fork"):
        store.runs()
    with pytest.raises(StoreError, match="fork"):
        store.write([add(RunId("0"), 0, ())])
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
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(StoreError, match="schema 2, this dagflow knows 1"):
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
from tests.store.contract import FLOW, add, create, facts, run_row
store = open_store(sys.argv[1])
row = run_row()
create(store, row, FLOW, facts(1))
print(row.id, flush=True)
first = 1
while True:
    store.write([add(row.id, first, facts(5, first))])
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
    store.write([add(run, len(history), facts(1))])
    store.close()


def test_a_full_database_is_an_error_of_unknown_outcome_and_loses_nothing(path):
    store = open_store(path)
    row = run_row()
    create(store, row, FLOW, facts(1))
    store._writer.execute("PRAGMA max_page_count = 14")
    with pytest.raises(StoreError, match=r"disk is full.*outcome is unknown; open it again"):
        store.write([add(row.id, 1, facts(10_000, 1))])
    for use in (store.runs, lambda: store.write([add(row.id, 1, facts(1, 1))])):
        with pytest.raises(StoreError, match="outcome is unknown"):
            use()
    store.close()
    again = open_store(path)
    assert again.history(row.id) == list(facts(1))
    again.write([add(row.id, 1, facts(10_000, 1))])
    again.close()


FULL = """
import resource, sys
from dagflow.errors import StoreError
from dagflow.store import open_store
from tests.store.contract import FLOW, add, create, facts, run_row
store = open_store(sys.argv[1])
row = run_row()
create(store, row, FLOW, facts(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
first = 1
try:
    while True:
        store.write([add(row.id, first, facts(5, first))])
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
    create(store, row, FLOW, facts(1))
    for record in (
        facts(1)[0].__class__("k", 2**70),
        facts(1)[0].__class__("k", 1, "\ud800"),
        facts(1)[0].__class__("k", 1, payload=b"x" * (connections.MAX_LENGTH + 1)),
    ):
        with pytest.raises(StoreError, match="cannot keep this"):
            store.write([add(row.id, 1, (record,))])
    assert store.history(row.id) == list(facts(1))
    store.close()


def test_a_change_of_a_row_makes_no_table_in_memory(path):
    """As an `IN` of three in the condition of an index does, for a tenth of the time of a commit."""
    store = open_store(path)
    connection = apsw.Connection(str(path))
    (tables,) = zip(*connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'"), strict=True)
    assert {"run", "history", "request", "event"} <= {*tables}
    for table in tables:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        insert = f"EXPLAIN INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})"
        opcodes = {row[1] for row in connection.execute(insert, (None,) * len(columns))}
        assert "OpenEphemeral" not in opcodes, table
    connection.close()
    store.close()
