"""What is large is in the file once, however many runs have it, and goes with the last of them."""

from __future__ import annotations

import apsw
import pytest

from dagflow.app.maintenance import verify
from dagflow.errors import StoreError
from dagflow.model.status import RunStatus
from dagflow.store import open_store
from dagflow.store.api import Record
from tests.store.contract import FLOW, create, facts, run_row

LARGE = b'"' + b"x" * 300_000 + b'"'


def large(number: int) -> tuple[Record, ...]:
    start = Record("run_started", number, "", 0, b'{"trigger":{"kind":"manual","name":"n%d"},"input":%s}' % (number, LARGE))
    return (start, *facts(3), Record("attempt_succeeded", 9, "a", 1, LARGE))


@pytest.fixture
def full(path):
    """A database that was closed, with twenty runs that have the same large values."""
    store = open_store(path)
    runs = {}
    for number in range(20):
        row = run_row(status=RunStatus.SUCCEEDED, ended_at=1_000 + number)
        create(store, row, FLOW, large(number))
        runs[row.id] = list(large(number))
    store.close()
    return path, runs


def query(path, text, *values):
    connection = apsw.Connection(str(path))
    found = connection.execute(text, values).fetchall()
    connection.close()
    return found


def test_it_is_kept_once_and_read_as_it_was(full):
    path, runs = full
    assert path.stat().st_size < 3 * len(LARGE) + 200_000
    store = open_store(path)
    for run, history in runs.items():
        assert store.history(run) == history
        assert store.histories([run]) == {}, "it is told by itself"
    assert store.problems() == []
    store.close()


def test_it_goes_with_the_last_run_that_has_it(full):
    path, runs = full
    store = open_store(path)
    while store.prune(1_019):
        pass
    (left,) = (run for run in runs if store.run(run) is not None)
    assert store.history(left) == runs[left]
    assert query(path, "SELECT count(*) FROM body") == [(2,)]
    assert store.problems() == []
    while store.prune(2_000):
        pass
    assert query(path, "SELECT (SELECT count(*) FROM body), (SELECT count(*) FROM body_use)") == [(0, 0)]
    assert store.history(left) == []
    store.close()


@pytest.mark.parametrize("statement", ["UPDATE body SET body = x'31'", "DELETE FROM body", "UPDATE body SET name = body"])
def test_damage_to_it_is_noticed(full, statement):
    path, runs = full
    query(path, statement)
    store = open_store(path)
    for run in runs:
        with pytest.raises(StoreError, match=r"event \d of run .* is not what was written; restore a backup"):
            store.history(run)
    store.close()


def test_what_nobody_uses_is_told(full):
    path, _ = full
    query(path, "DELETE FROM body_use")
    assert "body number 1 is used by no run" in verify(path).problems
