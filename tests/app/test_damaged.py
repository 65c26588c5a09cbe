"""A damaged row blocks its run, says so, and harms no other; `salvage` sets it aside."""

from __future__ import annotations

import json
from pathlib import Path

import apsw
import pytest

from dagflow.app.archive import Archive
from dagflow.app.interpreter import Interpreter
from dagflow.app.maintenance import salvage, verify
from dagflow.errors import StoreError
from dagflow.ids import RunId
from dagflow.model.status import RunStatus
from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.runs import LENGTH_SEQ, length_sum
from tests.app.host import START, Host
from tests.app.test_sleepers import ASKING, HOUR, NAP, Frozen, asleep

#: By what is damaged of run number 2, the statements.
DAMAGES = {
    "its row": ["UPDATE run SET due_at = due_at + 1 WHERE key = 2"],
    "its status": ["UPDATE run SET status = 'x' WHERE key = 2"],
    "its row, while it runs": ["UPDATE run SET status = 'running' WHERE key = 2"],
    "a text of its row": ["UPDATE run SET flow = CAST(x'ff' AS TEXT) WHERE key = 2"],
    "a fact": ["UPDATE history SET payload = x'31' WHERE run = 2"],
    "a text of a fact": ["UPDATE history SET node = CAST(x'ff' AS TEXT) WHERE run = 2"],
    "its history is gone": ["DELETE FROM history WHERE run = 2"],
    "its flow": ["UPDATE flow SET body = x'31' WHERE digest = (SELECT digest FROM run WHERE key = 2)"],
    "an event": ["UPDATE event SET payload = x'31' WHERE number = 1"],
    "who was driven": ["UPDATE driving SET since = 'x'"],
    "who is suspected": ["INSERT INTO suspect VALUES ('x', 2, 0, 0, 1)"],
    "what it waits for": ["UPDATE wait SET checksum = 1"],
}
HARMLESS = {"an event", "who was driven", "who is suspected", "what it waits for"}


async def three_runs(path: Path) -> list[RunId]:
    """Three suspended runs, the second of a flow of its own; and an event that nobody waits for."""
    host = Host()
    async with Interpreter.open(path, catalog=host.catalog, clock=Frozen()) as interpreter:
        runs = [
            (await interpreter.start(host.flow(NAP), {"to": "a"})).id,
            (await interpreter.start(host.flow(ASKING), {"lead": "b"})).id,
            (await interpreter.start(host.flow(NAP), {"to": "c"})).id,
        ]
        await asleep(interpreter, 3)
        await interpreter.send("approved", {"lead": "nobody", "by": "x"})
    return runs


def harm(path: Path, statements: list[str]) -> None:
    connection = apsw.Connection(str(path))
    for statement in statements:
        connection.execute(statement).fetchall()
    connection.close()


@pytest.mark.parametrize("what", DAMAGES)
async def test_a_damaged_row_blocks_its_run_and_no_other(tmp_path: Path, what: str) -> None:
    path, host = tmp_path / "runs.db", Host()
    good, bad, other = await three_runs(path)
    harm(path, DAMAGES[what])
    assert verify(path).problems
    for _ in range(2):  # and again, when it is opened again
        async with Interpreter.open(path, catalog=host.catalog, clock=Frozen(START + HOUR)) as interpreter:
            for run_id in (good, other):
                live = [run for run in await interpreter.unfinished() if run.id == run_id]
                result = await live[0].wait() if live else await interpreter.result(run_id)
                assert result.status is RunStatus.SUCCEEDED
            new = await interpreter.start(host.flow(NAP), {"to": "new"})
            assert {row.id for row in await interpreter.runs()} >= {good, bad, other, new.id}
            if what not in HARMLESS:
                with pytest.raises(StoreError):
                    await interpreter.cancel(bad)
    with Archive.open(path) as archive:
        archive.in_progress()
        problems = {row.id: row.problem for row in archive.runs()}
        assert bool(problems[bad]) == ("its row" in what or "its status" in what or what == "a text of its row")

    done = salvage(path)
    assert set(done.runs) == (set() if what in HARMLESS else {bad})
    # Who was driven is written anew whenever the store is opened.
    assert bool(done.others) == (what in HARMLESS - {"who was driven"})
    assert verify(path).problems == []
    if done.file is not None:
        assert done.file.stat().st_mode & 0o777 == 0o600
        lines = [json.loads(line) for line in done.file.read_text().splitlines()]
        assert [line["run"][0][0] for line in lines if "run" in line] == list(done.runs)
    async with Interpreter.open(path, catalog=host.catalog, clock=Frozen(START + HOUR)) as interpreter:
        assert (bad in {row.id for row in await interpreter.runs()}) == (what in HARMLESS)
        assert await interpreter.send("approved", {"lead": "b", "by": "y"}) == (what in HARMLESS)
    assert salvage(path).file is None


async def test_a_number_that_is_none_in_a_fact_blocks_its_run_alone(tmp_path: Path) -> None:
    """Checksums are as they should be: only folding the history tells."""
    path, host = tmp_path / "runs.db", Host()
    good, bad, other = await three_runs(path)
    connection = apsw.Connection(str(path))
    values = ("sleeping", None, None)
    length = connection.execute("SELECT max(at) FROM history WHERE run = 2 AND seq = ?", (LENGTH_SEQ,)).get
    row_sum = checksum(None, bad, *values)
    connection.execute("UPDATE run SET due_at = NULL, checksum = ? WHERE key = 2", (row_sum,)).fetchall()
    payload = b'{"code": "x", "message": "", "is_fatal": false, "retry_after_ns": 1.5e9, "jitter": 0.5}'
    fact = (payload, bad, length, START, "attempt_failed", "mail", 1)
    connection.execute("INSERT INTO history VALUES (2, ?, ?, ?, ?, ?, ?, ?)", (*fact[2:], payload, checksum(*fact))).fetchall()
    connection.execute(
        "UPDATE history SET at = at + 1, checksum = ? WHERE run = 2 AND seq = ?",
        (length_sum(bad, length + 1, row_sum), LENGTH_SEQ),
    ).fetchall()
    connection.close()
    async with Interpreter.open(path, catalog=host.catalog, clock=Frozen(START + HOUR)) as interpreter:
        for run_id in (good, other):
            live = [run for run in await interpreter.unfinished() if run.id == run_id]
            result = await live[0].wait() if live else await interpreter.result(run_id)
            assert result.status is RunStatus.SUCCEEDED
    assert set(salvage(path).runs) == {bad}
    assert verify(path).problems == []


async def test_salvage_goes_on_without_a_log_that_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    await three_runs(path)
    harm(path, ["UPDATE log SET is_needed = 1"])
    with pytest.raises(StoreError, match="store salvage"):
        verify(path)
    assert salvage(path).runs == {}
    assert (verify(path).problems, verify(path).n_runs) == ([], 3)
