"""`dagflow top`: the runs of a store by flow."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dagflow.app.archive import Archive
from dagflow.app.overview import FlowLoad, overview_of
from dagflow.model.status import RunStatus
from dagflow.store import open_store
from dagflow.store.api import Blocked
from dagflow.testing.store_rows import FLOW, create, run_row
from tests.cli.support import Dagflow

SECOND = 10**9
DAY = 86_400 * SECOND


@pytest.fixture
def filled(folder: Path) -> Path:
    """A store with runs of three flows, one of which is blocked."""
    path = folder / "dagflow.db"
    store = open_store(path)
    stuck = run_row(8 * SECOND, flow="busy", status=RunStatus.RUNNING)
    for row in (
        run_row(1 * SECOND, flow="busy", status=RunStatus.RUNNING),
        run_row(2 * SECOND, flow="busy", status=RunStatus.RUNNING),
        run_row(3 * SECOND, flow="busy", status=RunStatus.SLEEPING, due_at=9 * DAY),
        run_row(4 * SECOND, flow="busy", status=RunStatus.SLEEPING, due_at=7 * DAY, tenant="acme"),
        run_row(5 * SECOND, flow="done", status=RunStatus.FAILED, ended_at=6 * SECOND),
        run_row(6 * SECOND, flow="done", status=RunStatus.SUCCEEDED, ended_at=7 * SECOND),
        stuck,
    ):
        create(store, row, FLOW, ())
    store.note_blocked([Blocked(run=stuck.id, at=9 * SECOND, reason="the catalog lacks an action")])
    store.close()
    return path


def test_runs_are_counted_by_flow_and_status(filled: Path) -> None:
    with Archive.open(str(filled)) as archive:
        found = overview_of(archive, process=7, now=10 * SECOND, n_recent=2)
        of_tenant = overview_of(archive, process=None, now=10 * SECOND, n_recent=9, tenant="acme")
    assert list(found.flows) == [
        FlowLoad(flow="busy", running=2, sleeping=2, blocked=1, oldest_at=1 * SECOND, due_at=7 * DAY),
        FlowLoad(flow="done", ended=2, failed=1),
    ]
    assert [row.created_at for row in found.recent] == [8 * SECOND, 6 * SECOND]
    assert found.is_whole
    assert list(of_tenant.flows) == [FlowLoad(flow="busy", sleeping=1, due_at=7 * DAY)]


def test_it_is_printed_once_where_no_terminal_is(dagflow: Dagflow, filled: Path) -> None:
    said = dagflow("top", "--limit", "1")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith("dagflow.db, ")
    assert lines[0].endswith(" UTC: no process drives its runs")
    assert lines[2].split() == ["flow", "running", "sleeping", "blocked", "failed", "ended", "oldest", "next", "due"]
    assert lines[3].split()[:6] == ["busy", "2", "2", "1", "0", "0"]
    assert lines[4].split() == ["done", "0", "0", "0", "1", "2"]
    assert [line.split()[1] for line in lines if line.startswith("0")] == ["busy"]


def test_as_json(dagflow: Dagflow, filled: Path) -> None:
    document = dagflow("top", "--json", "--limit", "3").json
    assert (document["process"], document["is_whole"], len(document["runs"])) == (None, True, 3)
    assert [(each["flow"], each["blocked"], each["failed"]) for each in document["flows"]] == [("busy", 1, 0), ("done", 0, 1)]


def test_an_empty_store_and_none(dagflow: Dagflow, folder: Path) -> None:
    said = dagflow("top")
    assert (said.code, said.err.strip()) == (2, "dagflow: there is no store dagflow.db; running a flow makes one")
    open_store(folder / "dagflow.db").close()
    assert dagflow("top").out.splitlines()[1] == "no runs yet"


def test_only_the_busiest_flows_are_listed(dagflow: Dagflow, folder: Path) -> None:
    store = open_store(folder / "dagflow.db")
    for number in range(20):
        for at in range(number + 1):
            create(store, run_row((100 * number + at) * SECOND, flow=f"f{number}"), FLOW, ())
    store.close()
    lines = dagflow("top", "--once").out.splitlines()
    assert [line.split()[0] for line in lines[3:18]] == [f"f{number}" for number in range(19, 4, -1)]
    assert lines[18] == "5 more flows"
    assert len(dagflow("top", "--json").json["flows"]) == 20


def test_a_terminal_shows_changes_until_ctrl_c(filled: Path) -> None:
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "dagflow", "top", "--every", "1", "--store", str(filled)]
    with subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(terminal)
        seen = b""
        while b"busy" not in seen:
            seen += os.read(screen, 65_536)
        store = open_store(filled)
        create(store, run_row(20 * SECOND, flow="later", status=RunStatus.RUNNING), FLOW, ())
        store.close()
        while b"later" not in seen:
            seen += os.read(screen, 65_536)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    os.close(screen)
