"""Memory stays where it was beside a run that blocks, and a suspended run takes next to none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_short_soak(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.soak", "1.2", "--suspended", "4000", "20000", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a suspended run" in done.stdout
