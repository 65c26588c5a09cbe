"""Type checkers accept the calls of a host, and report those that are wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HOST = Path(__file__).with_name("typed_host.py")
ROOT = Path(__file__).parents[2]
WRONG = {number for number, line in enumerate(HOST.read_text(encoding="utf-8").splitlines(), 1) if line.endswith("# wrong")}


@pytest.mark.slow
def test_mypy_agrees(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    options = ["--strict", "--cache-dir", str(tmp_path), "--follow-imports", "silent", "--no-error-summary"]
    said = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(HOST)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert {int(line) for line in re.findall(r"typed_host\.py:(\d+): error", said.stdout)} == WRONG, said.stdout


@pytest.mark.slow
def test_basedpyright_agrees(tmp_path: Path) -> None:
    pytest.importorskip("basedpyright")
    project = tmp_path / "pyrightconfig.json"
    project.write_text(
        json.dumps({"include": [str(HOST)], "extraPaths": [str(ROOT)], "typeCheckingMode": "standard"}), encoding="utf-8"
    )
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(project)]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False).stdout)
    found = [each for each in said["generalDiagnostics"] if each["severity"] == "error"]
    assert {each["range"]["start"]["line"] + 1 for each in found} == WRONG, found
