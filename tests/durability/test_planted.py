"""A harness that never catches anything proves nothing: each planted bug is seen by the test that is there for it (G50)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.durability.planting import FLAG, PLANTS

ROOT = Path(__file__).parents[2]
#: These take a second or two; the others are for the slow tier.
QUICK = {"key per attempt", "effect before intent", "json without depth"}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in PLANTS])
def test_a_planted_bug_is_seen(name):
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "tests.durability.planting", "-p", "no:cacheprovider"]
    environment = os.environ | {FLAG: name, "PYTHONPATH": str(ROOT), "CI": "1"}
    done = subprocess.run([*command, PLANTS[name][1]], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    # 1 says that tests ran and that some failed; anything else that nothing ran, or all is well.
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout
