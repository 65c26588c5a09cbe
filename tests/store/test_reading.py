"""Stores that are open for reading only, beside whoever writes."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dagflow.errors import StoreError
from dagflow.ids import FlowDigest, RunId
from dagflow.model.status import RunStatus
from dagflow.store.api import Append, Record, RunRow
from dagflow.store.open import open_reading, open_store
from tests.store.contract import create

RUN = RunId("0" * 31 + "1")
ROW = RunRow(id=RUN, flow="f", digest=FlowDigest("d"), status=RunStatus.RUNNING, created_at=5)
BEGUN = [Record("run_started", 5, payload=b"{}")]
MORE = Append(run=RUN, first=1, records=(Record("run_ended", 7),), status=RunStatus.SUCCEEDED, ended_at=7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def test_a_reader_sees_what_is_committed_while_the_writer_goes_on(path: Path) -> None:
    writer = open_store(path)
    reader = open_reading(path)
    assert reader.runs() == []
    create(writer, ROW, b"flow", BEGUN)
    assert reader.runs() == [ROW]
    assert reader.flow(FlowDigest("d")) == b"flow"
    assert reader.history(RUN) == BEGUN
    writer.write([MORE])
    assert reader.history(RUN) == [*BEGUN, *MORE.records]
    reader.close()
    create(writer, ROW.__class__(id=RunId("2"), flow="f", digest=ROW.digest, status=ROW.status, created_at=6), b"flow", BEGUN)
    writer.close()


def test_a_reader_does_not_keep_a_writer_out_nor_the_other_way_round(path: Path) -> None:
    open_store(path).close()
    first, second = open_reading(path), open_reading(path)
    writer = open_store(path)
    create(writer, ROW, b"flow", BEGUN)
    assert first.run(RUN) == second.run(RUN) == ROW
    for store in (first, writer, second):
        store.close()


def test_a_reader_reads_what_a_dead_writer_left_in_its_log(path: Path) -> None:
    writer = open_store(path)
    create(writer, ROW, b"flow", BEGUN)
    copy = path.with_name("copy.db")
    for suffix in ("", "-wal"):  # as a process leaves them that is killed
        Path(f"{copy}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    writer.close()
    reader = open_reading(copy)
    assert reader.history(RUN) == BEGUN
    reader.close()
    again = open_store(copy)
    assert again.history(RUN) == BEGUN
    again.close()


def test_writing_is_refused(path: Path) -> None:
    open_store(path).close()
    reader = open_reading(path)
    for write in (lambda: create(reader, ROW, b"", BEGUN), lambda: reader.write([MORE])):
        with pytest.raises(StoreError, match="is open for reading only"):
            write()
    assert reader.runs() == []
    reader.close()
    reader.close()
    with pytest.raises(StoreError, match="is closed"):
        reader.runs()


def test_no_store_is_made(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        open_reading(path)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"this is no database" * 100])
def test_what_is_no_store(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError):
        open_reading(path)
    assert path.read_bytes() == content


def test_a_store_of_a_newer_dagflow(path: Path) -> None:
    open_store(path).close()
    connection = apsw.Connection(str(path))
    version = connection.execute("PRAGMA user_version").fetchall()[0][0]
    connection.execute(f"PRAGMA user_version = {int(str(version)) + 1}")
    connection.close()
    with pytest.raises(StoreError, match="newer"):
        open_reading(path)


def test_a_database_of_somebody_else(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StoreError):
        open_reading(path)
