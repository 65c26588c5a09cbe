"""A prune that is interrupted anywhere leaves a store that verifies: a run is there with its child runs, or none of them is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dagflow.app.maintenance import verified, verify
from dagflow.store.open import open_store
from tests.durability.test_damage import family, sound

__all__ = ["family"]
ROOT = Path(__file__).parents[2]
KILLED = """
import os, sys
from dagflow.app.maintenance import vacuum
from dagflow.store.failpoints import Failpoint, watch
left = int(sys.argv[2])
def kill(point):
    global left
    if point in (Failpoint.COMMITTING, Failpoint.COMMITTED):
        left -= 1
        if not left:
            os.kill(os.getpid(), 9)
watch(kill)
vacuum(sys.argv[1], 2**62)
"""


def test_after_every_slice_of_a_prune_the_store_verifies(family: Path, tmp_path: Path) -> None:
    store = open_store(sound(family, tmp_path))
    n_runs = verified(store).n_runs
    seen = {n_runs}
    while store.prune(2**62):
        findings = verified(store)
        assert findings.problems == []
        seen.add(findings.n_runs)
    assert n_runs == 27
    assert seen == {27, 18, 9, 0}  # whole families: each is a run with eight child runs
    store.close()


@pytest.mark.parametrize(
    "step", [pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(600)]), 7], ids=["everywhere", "some"]
)
def test_a_prune_that_is_killed_leaves_a_store_that_verifies(family: Path, tmp_path: Path, step: int) -> None:
    path = sound(family, tmp_path)
    n_killed = 0
    for at in range(1, 1000, step):
        copy = Path(shutil.copy(path, tmp_path / f"{at}.db"))
        done = subprocess.run([sys.executable, "-c", KILLED, str(copy), str(at)], check=False, cwd=ROOT)
        findings = verify(copy)
        assert findings.problems == []
        assert findings.n_runs in {27, 18, 9, 0}
        if not done.returncode:
            break
        n_killed += 1
    assert n_killed > 30 // step
