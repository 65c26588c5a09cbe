"""A log that is missing or damaged after a crash is told, by its name: nothing that was committed goes in silence (G11)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from dagflow.app.maintenance import backup, verify
from dagflow.errors import StoreError
from dagflow.store.open import open_reading, open_store
from dagflow.store.sqlite import connection as connections
from tests.store.contract import FLOW, create, facts, run_row

ROOT = Path(__file__).parents[2]
KILLED = """
import os, sys
from dagflow.store import open_store
from tests.store.contract import FLOW, create, facts, run_row
store = open_store(sys.argv[1])
for number in range(1, 1 + int(sys.argv[2])):
    create(store, run_row(number), FLOW, facts(2))
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A store with forty runs, whose process was killed."""
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "runs.db"), "40"], check=False, cwd=ROOT)
    return tmp_path / "runs.db"


def beside(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def n_runs(path: Path) -> int:
    reader = open_reading(path)
    rows = reader.runs(limit=10_000)
    reader.close()
    return len(rows)


def remove(path: Path) -> Path:
    beside(path).unlink()
    return path


def empty(path: Path) -> Path:
    beside(path).write_bytes(b"")
    return path


def spoil_header(path: Path) -> Path:
    body = bytearray(beside(path).read_bytes())
    body[17] ^= 4
    beside(path).write_bytes(body)
    return path


def spoil_frame(path: Path) -> Path:
    body = bytearray(beside(path).read_bytes())
    body[32 + 4120 + 500] ^= 1
    beside(path).write_bytes(body)
    return path


def cut(path: Path) -> Path:
    beside(path).write_bytes(beside(path).read_bytes()[: 32 + 4120])
    return path


def replace(path: Path) -> Path:
    """The log of another store."""
    other = path.with_name("other.db")
    subprocess.run([sys.executable, "-c", KILLED, str(other), "3"], check=False, cwd=ROOT)
    shutil.copy(beside(other), beside(path))
    return path


def copy_alone(path: Path) -> Path:
    """The file without what is beside it, as a careless backup has it."""
    folder = path.with_name("elsewhere")
    folder.mkdir()
    return Path(shutil.copy(path, folder))


@pytest.mark.parametrize("harm", [remove, empty, spoil_header, spoil_frame, cut, replace, copy_alone])
def test_a_log_that_is_missing_or_damaged_is_told_by_its_name(killed: Path, harm) -> None:
    whole = {path.name: path.read_bytes() for path in (killed, beside(killed))}
    path = harm(killed)
    for use in (open_store, open_reading, verify, lambda each: backup(each, path.with_name("copy.db"))):
        with pytest.raises(StoreError, match=r"its log .*runs\.db-wal .*put the log back, or run `dagflow store salvage`"):
            use(path)
    assert path.read_bytes() == whole["runs.db"]
    # The one thing to do: put it back.
    beside(path).write_bytes(whole["runs.db-wal"])
    store = open_store(path)
    assert len(store.runs(limit=100)) == 40
    store.close()
    assert n_runs(path) == 40


def test_a_log_that_is_as_it_was_is_read_whole(killed: Path) -> None:
    assert n_runs(killed) == 40
    store = open_store(killed)
    assert len(store.runs(limit=100)) == 40
    store.close()
    assert not beside(killed).exists()


def test_the_file_has_its_tables_before_anything_is_in_the_log_alone(tmp_path: Path) -> None:
    """So that a file that is left without its log can tell that it had one."""
    store = open_store(tmp_path / "runs.db")
    assert (tmp_path / "runs.db").stat().st_size > 30_000
    create(store, run_row(), FLOW, facts(1))
    alone = copy_alone(tmp_path / "runs.db")
    with pytest.raises(StoreError, match="was not closed, and its log"):
        open_store(alone)
    store.close()


def test_the_log_is_short(tmp_path: Path) -> None:
    """What is in the log alone is at most a MiB and one commit."""
    store = open_store(tmp_path / "runs.db")
    for number in range(1, 400):
        create(store, run_row(number), FLOW, facts(30))
    size = beside(tmp_path / "runs.db").stat().st_size
    assert size < (connections.CHECKPOINT_PAGES + 50) * 4200
    assert (tmp_path / "runs.db").stat().st_size > 500_000
    store.close()


def test_killing_at_any_write_needs_no_log_back(tmp_path: Path) -> None:
    """Nobody is told of a loss where there is none: the log begins anew many times."""
    for n in (1, 30, 31, 32, 60):
        subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / f"{n}.db"), str(n * 10)], check=False, cwd=ROOT)
        assert n_runs(tmp_path / f"{n}.db") == n * 10
        store = open_store(tmp_path / f"{n}.db")
        store.close()


def test_a_store_that_another_tool_has_closed_in_order_is_salvaged_without_loss(killed: Path) -> None:
    """It moves the log into the file and removes it, which from here looks as if the log were lost."""
    connection = apsw.Connection(str(killed))
    connection.execute("SELECT count(*) FROM run").fetchall()
    connection.close()
    assert not beside(killed).exists()
    with pytest.raises(StoreError, match="is missing or damaged"):
        open_store(killed)


@pytest.mark.parametrize("is_moved", [True, False])
def test_a_log_that_could_not_be_begun_anew_is_no_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_moved: bool
) -> None:
    """A disk that is full may take half of a new header. What the log had is in the file by then, and the lock file says so."""
    path, copy = tmp_path / "runs.db", tmp_path / "copy" / "runs.db"
    copy.parent.mkdir()
    monkeypatch.setattr(connections, "CHECKPOINT_PAGES", 1 if is_moved else 10_000)
    store = open_store(path)
    for number in range(1, 11):
        create(store, run_row(number), FLOW, facts(2))
    for name in ("", "-wal", ".lock"):
        shutil.copy(f"{path}{name}", f"{copy}{name}")
    store.close()
    spoil_header(copy)
    if is_moved:
        assert n_runs(copy) == 10
        again = open_store(copy)
        create(again, run_row(11), FLOW, facts(2))
        again.close()
        assert n_runs(copy) == 11
    else:
        for opened in (open_store, open_reading):
            with pytest.raises(StoreError, match="is missing or damaged"):
                opened(copy)
