"""One process a store, whatever was done to the lock file; and nothing of anybody else is touched (G12)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from dagflow.errors import StoreError
from dagflow.store.open import open_reading, open_store
from dagflow.store.sqlite.store import SqliteStore
from tests.store.contract import FLOW, create, facts, run_row

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def opened_elsewhere(path: Path) -> str:
    """What another process is told that opens the store."""
    script = f"from dagflow.store import open_store\nopen_store({str(path)!r})\nprint('opened')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    return done.stdout + done.stderr


def remove_lock(path: Path) -> Path:
    path.with_name("runs.db.lock").unlink()
    return path


def replace_lock(path: Path) -> Path:
    remove_lock(path).with_name("runs.db.lock").touch()
    return path


def link(path: Path) -> Path:
    os.link(path, path.with_name("other.db"))
    return path.with_name("other.db")


def symbolic_link(path: Path) -> Path:
    path.with_name("other.db").symlink_to(path)
    return path.with_name("other.db")


@pytest.mark.parametrize("trick", [lambda path: path, remove_lock, replace_lock, link, symbolic_link])
def test_one_process_opens_a_store_whatever_was_done_to_its_lock(path: Path, trick) -> None:
    store = open_store(path)
    row = run_row()
    create(store, row, FLOW, facts(1))
    name = trick(path)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"is open in .*process"):
            open_store(name)
        assert "is open in" in opened_elsewhere(name)
    # Whoever was refused took nothing away.
    create(store, run_row(2), FLOW, facts(2))
    with_reader = open_reading(path)
    assert len(with_reader.runs()) == 2
    with_reader.close()
    store.close()
    again = open_store(path)
    assert again.history(row.id) == list(facts(1))
    again.close()


@pytest.mark.parametrize("is_hard", [False, True])
def test_a_lock_that_is_a_link_empties_nobody_s_file(path: Path, is_hard: bool) -> None:
    precious = path.with_name("precious.txt")
    precious.write_text("years of work\n")
    lock = path.with_name("runs.db.lock")
    if is_hard:
        os.link(precious, lock)
    else:
        lock.symlink_to(precious)
    with pytest.raises(StoreError, match="is no lock file of dagflow" if is_hard else "is a link; remove it"):
        open_store(path)
    assert precious.read_text() == "years of work\n"
    lock.unlink()
    open_store(path).close()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_lock_that_is_no_file_is_refused(path: Path, make) -> None:
    make(path.with_name("runs.db.lock"))
    with pytest.raises(StoreError, match=r"lock file .*runs\.db\.lock"):
        open_store(path)


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@pytest.mark.parametrize("use", [open_store, open_reading])
def test_a_file_of_another_program_is_left_as_it_is(path: Path, mode: str, use) -> None:
    connection = apsw.Connection(str(path))
    for statement in (f"PRAGMA journal_mode = {mode}", "CREATE TABLE x (y)", "INSERT INTO x VALUES (1)"):
        connection.execute(statement).fetchall()
    connection.close()
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(StoreError, match="is a database of another program; choose another file"):
        use(path)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_a_file_of_another_program_in_its_log_is_left_as_it_is(path: Path) -> None:
    """Its file has nothing yet, so only the log tells."""
    other = apsw.Connection(str(path))
    for statement in ("PRAGMA journal_mode = WAL", "CREATE TABLE x (y)", "INSERT INTO x VALUES (1)"):
        other.execute(statement).fetchall()
    log = path.with_name("runs.db-wal")
    before = path.read_bytes(), log.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        open_store(path)
    assert (path.read_bytes(), log.read_bytes()) == before
    assert other.execute("SELECT y FROM x").fetchall() == [(1,)]
    other.close()


def test_every_file_of_a_store_is_its_owner_s_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        store = SqliteStore.open(path)
        create(store, run_row(), FLOW, facts(1))
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("runs.db", "runs.db-wal", "runs.db-shm", "runs.db.lock"), 0o600)
