"""kill -9 at random moments: nothing is lost, nothing that was committed runs again, every run ends as it has to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres_server import Server

ROOT = Path(__file__).parents[2]


def run_harness(folder: Path, n_kills: int, within: float) -> str:
    command = [sys.executable, "-m", "tests.app.kill_harness", str(folder), str(n_kills), str(within)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.early
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_killed_five_hundred_times(tmp_path: Path) -> None:
    assert "500 kills" in run_harness(tmp_path, 500, 0.05)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_many_times_on_postgres(tmp_path: Path, postgres: Server) -> None:
    (tmp_path / "url").write_text(postgres.url())
    assert "500 kills" in run_harness(tmp_path, 500, 0.25)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_many_times(tmp_path: Path) -> None:
    assert "1000 kills" in run_harness(tmp_path, 1000, 0.1)
