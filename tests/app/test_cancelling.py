"""When a run ended that was cancelled while it was suspended."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagflow.app.interpreter import Interpreter
from dagflow.app.maintenance import vacuum, verify
from dagflow.model.status import RunStatus
from tests.app.host import START, Host
from tests.app.test_sleepers import HOUR, NAP, Frozen, asleep

DAY = 24 * HOUR


@pytest.mark.parametrize("is_reopened", [False, True])
async def test_a_suspended_run_ends_when_it_is_cancelled_and_not_when_it_was_suspended(
    tmp_path: Path, is_reopened: bool
) -> None:
    host, clock, path = Host(), Frozen(), tmp_path / "runs.db"
    async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
        run_id = (await interpreter.start(host.flow(NAP), {"to": "Ann"})).id
        await asleep(interpreter, 1)
        if not is_reopened:
            clock.at = START + 40 * DAY
            await interpreter.cancel(run_id)
    clock.at = START + 40 * DAY
    # As `dagflow cancel` does: nothing else is resumed.
    async with Interpreter.open(path, catalog=host.catalog, clock=clock, resume=()) as interpreter:
        result = await interpreter.cancel(run_id)
        assert (result.status, result.ended_at) == (RunStatus.CANCELLED, START + 40 * DAY)
        assert [row.ended_at for row in await interpreter.runs()] == [START + 40 * DAY]
    vacuum(path, START + 39 * DAY)
    assert (verify(path).n_runs, verify(path).problems) == (1, [])
    vacuum(path, START + 41 * DAY)
    assert verify(path).n_runs == 0


async def test_a_clock_that_was_set_back_ends_no_run_before_it_began(tmp_path: Path) -> None:
    host, clock, path = Host(), Frozen(), tmp_path / "runs.db"
    async with Interpreter.open(path, catalog=host.catalog, clock=clock) as interpreter:
        run_id = (await interpreter.start(host.flow(NAP), {"to": "Ann"})).id
        await asleep(interpreter, 1)
    clock.at = START - DAY
    async with Interpreter.open(path, catalog=host.catalog, clock=clock, resume=()) as interpreter:
        result = await interpreter.cancel(run_id)
        assert (result.status, result.ended_at) == (RunStatus.CANCELLED, START)
        instants = [record.at for record in await interpreter.history(run_id)]
    assert instants == sorted(instants)
    assert verify(path).problems == []
