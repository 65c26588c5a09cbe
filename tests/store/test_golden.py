"""Stores of every released schema open, and their runs go on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import apsw
import pytest
import trio
import trio.testing

from dagflow import RunStatus, Service
from dagflow.store import open_store
from dagflow.store.sqlite.migrations import MIGRATIONS, migrate
from tests.app.host import Host
from tests.service.world import Hand, finished
from tests.store.golden.build import path_of

SCHEMAS = range(1, len(MIGRATIONS) + 1)
DAY = 86_400


def restored(folder: Path, number: int) -> Path:
    path = folder / "runs.db"
    connection = apsw.Connection(str(path))
    connection.execute(path_of(number).read_text(encoding="utf-8"))
    connection.close()
    return path


def schema_of(path: Path) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path))
    found = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").fetchall()
    connection.close()
    return found


@pytest.mark.parametrize("number", SCHEMAS)
def test_a_released_step_never_changes(tmp_path: Path, number: int) -> None:
    fresh = tmp_path / "fresh.db"
    connection = apsw.Connection(str(fresh))
    migrate(connection, str(fresh), MIGRATIONS[:number])
    connection.close()
    assert schema_of(fresh) == schema_of(restored(tmp_path, number))


@pytest.mark.parametrize("number", SCHEMAS)
async def test_runs_of_a_golden_database_go_on(tmp_path: Path, number: int) -> None:
    path, host, hand = restored(tmp_path, number), Host(), Hand()
    store = open_store(path)
    assert store.problems() == []
    store.close()
    host.gate.set()
    async with Service.open(path, catalog=host.catalog, clock=hand) as service:
        tenants = [service, service.tenant("acme"), service.tenant("zeta")]
        await finished(service)
        for tenant in tenants:
            assert [version.flow for version in await tenant.flows()] == ["ask", "count", "daily", "nap", "queue"]
            assert (await tenant.send("answer", {"id": "2", "text": "two"})).n_waits == 1
            assert (await tenant.send("lead", {"id": "4", "kind": "queue"})).dropped[0].reason == "once"
        assert (await service.send("lead", {"id": "1", "kind": "ask"}, id="ask 1 0")).is_duplicate
        with trio.fail_after(20):
            while len([call for call in host.calls if call in ("mail 3", "mail daily")]) < 6:
                hand.move(service, DAY // 4)
                await trio.testing.wait_all_tasks_blocked(0.001)
                await finished(service)
        statuses = Counter([row.status for tenant in tenants for row in await tenant.runs()])
        failed = [row.flow for row in await service.runs() if row.status is RunStatus.FAILED]
    assert host.calls.count("mail 2 two") == 3
    assert (failed, statuses[RunStatus.CANCELLED]) == (["bad"], 3)
    assert host.calls.count("mail 55") == host.calls.count("mail 4") == 3
