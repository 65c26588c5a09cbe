"""The worker under supervisord: killed, it comes back and goes on; stopped, it drains."""

from __future__ import annotations

import configparser
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dagflow import Client
from tests.examples.processes import ROOT, Application

FOLDER = ROOT / "examples" / "supervised_worker"


@pytest.mark.slow
def test_a_killed_worker_goes_on_and_a_stopped_one_drains(tmp_path: Path) -> None:
    application = Application.of("supervised_worker", tmp_path)
    client = Client(tmp_path / "runs.db", patience=20)
    supervisord = application.process("supervisord", "-c", str(application.code / "supervisord.conf"), until="driving")
    with supervisord as process, stopped(process):
        assert process.stdout is not None
        application.do(str(application.code / "enqueue.py"), "january", "0.5")
        assert process.stdout.readline() == "rendering january\n"
        killed = client.ping()
        os.kill(killed, signal.SIGKILL)
        run = client.runs()[0].id
        assert client.wait(run, seconds=20).output == reports(tmp_path, "january")[0]
        assert client.ping() != killed
        # A run goes on before the worker answers calls.
        assert {process.stdout.readline(), process.stdout.readline()} == {"driving\n", "rendering january\n"}

        application.do(str(application.code / "enqueue.py"), "february", "0.5")
        assert process.stdout.readline() == "rendering february\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stdout.read() == ""
    (february,) = reports(tmp_path, "february")
    # What the worker waited for is in the store, so the next one does not call it again.
    assert [each.output for each in client.result(client.runs()[0].id).nodes if each.id == "file"] == [february]
    assert len(client.runs()) == 2


@contextmanager
def stopped(supervisord: subprocess.Popen[str]) -> Iterator[None]:
    """In any case: a worker of a supervisor that is killed would live on, in a group of its own."""
    try:
        yield
    finally:
        supervisord.terminate()
        supervisord.wait(60)


def reports(folder: Path, name: str) -> list[str]:
    return [path.name for path in (folder / "reports").glob(f"{name}-*")]


def test_supervisors_wait_longer_than_the_worker_drains() -> None:
    found = re.search(r"drain_seconds=(\d+)", (FOLDER / "worker.py").read_text())
    assert found is not None
    unit, conf = configparser.ConfigParser(), configparser.ConfigParser(interpolation=None)
    unit.read(FOLDER / "worker.service")
    conf.read(FOLDER / "supervisord.conf")
    assert int(unit["Service"]["TimeoutStopSec"]) > int(found[1])
    assert int(conf["program:worker"]["stopwaitsecs"].split(";")[0]) > int(found[1])
    assert unit["Service"]["ExecStart"].endswith("python worker.py")
