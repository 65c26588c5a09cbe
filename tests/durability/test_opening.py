"""Opening a store where the disk is full, or fails: a StoreError, nothing held, and the same process opens it once there is room."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import apsw
import attrs
import pytest
import trio

from dagflow.actions.catalog import Catalog
from dagflow.app.interpreter import Interpreter
from dagflow.app.maintenance import verify
from dagflow.errors import StoreError
from dagflow.lang.compiler import compile_text
from dagflow.store.memory import MemoryStore
from dagflow.store.sqlite.store import SqliteStore
from tests.durability.disk import Disk

FLOW = compile_text(
    """
event "go" { n: int }
flow f {
  on manual
  log(message: "begun")
  wait event "go" as g when g.n == 1 within 30d
}
""",
    Catalog.builtin().interface,
).unwrap("f")


async def go(store: SqliteStore | MemoryStore) -> None:
    """Open, send an event, start a run, and leave."""
    async with Interpreter.open("", catalog=Catalog.builtin(), store=store) as interpreter:
        await interpreter.send("go", {"n": 2})
        await interpreter.start(FLOW)


def failure(path: Path, disk: Disk) -> str:
    """Why the store cannot be opened, or ""."""
    try:
        SqliteStore.open(path, disk=disk.name).close()
    except StoreError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("code", [apsw.SQLITE_FULL, apsw.SQLITE_IOERR])
def test_a_full_disk_at_any_call_of_an_opening_is_a_store_error_and_lets_go(tmp_path: Path, code: int) -> None:
    n_failed = 0
    for at in range(300):
        path = tmp_path / f"{at}.db"
        disk = Disk(lambda _name, number, at=at: apsw.exception_for(code) if number >= at else None)
        problem = failure(path, disk)
        if not problem:
            break
        n_failed += 1
        assert str(path) in problem
        SqliteStore.open(path).close()
        assert verify(path).problems == []
    assert 10 < n_failed < 299


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(folder)], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full_is_a_store_error_and_the_same_process_goes_on(small_disk: Path) -> None:
    problems = set[str]()
    for kilobytes in range(0, 601, 8):
        for file in small_disk.iterdir():
            file.unlink()
        filler = small_disk / "filler"
        try:
            filler.write_bytes(b"x" * kilobytes * 1024)
        except OSError:
            assert kilobytes > 590
        try:
            trio.run(lambda: go(SqliteStore.open(small_disk / "runs.db")))
        except StoreError as error:
            problems.add(str(error).rpartition(":")[2])
        filler.unlink()
        trio.run(lambda: go(SqliteStore.open(small_disk / "runs.db")))
        assert verify(small_disk / "runs.db").problems == []
    assert " the disk is full; make room" in problems


def test_a_lock_that_is_not_written_stays_as_it_was(small_disk: Path) -> None:
    path = small_disk / "runs.db"
    SqliteStore.open(path).close()
    lock = small_disk / "runs.db.lock"
    lock.write_bytes(b"%10d\n" % 1)  # somebody died
    fill(small_disk)
    with pytest.raises(StoreError, match=r"full|has room"):
        SqliteStore.open(path)
    assert lock.read_bytes() == b"%10d\n" % 1
    (small_disk / "more").unlink()
    store = SqliteStore.open(path)
    assert store._lock_file.was_left
    store.close()


def fill(folder: Path) -> None:
    with (folder / "more").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


@attrs.define(eq=False)
class Failing(MemoryStore):
    """Outlives its drivers. Asked for the `at`th time it fails, and ever after, as a store that has lost its disk."""

    at: int = -1
    n_asked: int = 0

    @property
    def is_durable(self) -> bool:
        """As one on a disk: every question is asked in a thread."""
        return True

    def _check_open(self) -> None:
        self.n_asked += 1
        if 0 <= self.at < self.n_asked:
            raise StoreError("the disk is gone")

    def close(self) -> None:
        """It is the same when it is opened again."""


def test_a_store_that_fails_while_an_interpreter_opens_is_a_store_error_and_nothing_else() -> None:
    problems = list[str]()
    for at in range(400):
        store = Failing()
        trio.run(go, store)
        trio.run(go, store)
        store.at = store.n_asked + at
        try:
            trio.run(go, store)
        except StoreError as error:
            problems.append(str(error))
        if store.n_asked < store.at:
            break
    assert problems == ["the disk is gone"] * len(problems)
    assert len(problems) > 10
