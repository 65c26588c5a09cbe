"""A folder to work in, with a flow or two; the command line as a function and as a process."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import pytest

from dagflow.cli.main import main

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"
LEAD = {"lead": {"name": "Ada", "email": "ada@example.org", "owner": "sam@example.org", "status": "proposal_created"}}
EVENT = "crm/lead_status.changed"

#: Actions that leave a line in the file `ledger`.
HOST = '''
import dagflow

catalog = dagflow.Catalog.builtin()
flaky = 0

@catalog.action("note", effect="effectful")
def note(text: str) -> str:
    """Write a line down."""
    with open("ledger", "a") as ledger:
        ledger.write(text + "\\n")
    return text.upper()

@catalog.action("broken", effect="idempotent")
def broken() -> str:
    raise dagflow.Fatal("the door is \\x1b[31mshut\\x07", code="shut")

@catalog.action("flaky", effect="idempotent")
def flaky_() -> int:
    global flaky
    flaky += 1
    if flaky < 3:
        raise ConnectionError
    return flaky
'''


@attrs.frozen
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return json.loads(self.out)


Dagflow = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The examples, copied to an empty folder that is the current one."""
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("DAGFLOW_")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def dagflow(folder: Path, capsys: pytest.CaptureFixture[str]) -> Dagflow:
    """The command line in this process."""

    def call(*arguments: str) -> Said:
        code = main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert "\x1b" not in out + err
        return Said(code, out, err)

    return call


@pytest.fixture
def flow(folder: Path) -> Callable[[str], str]:
    """Writes a file `f.flow`, with the host's actions beside it in `host.py`."""

    def write(text: str) -> str:
        (folder / "host.py").write_text(HOST)
        (folder / "f.flow").write_text(text)
        return "f.flow"

    return write


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dagflow", *arguments]


def process(folder: Path, *arguments: str, input: str | None = None, timeout: float = 30) -> Said:  # noqa: A002
    """The command line in a process of its own."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        input=input,
        timeout=timeout,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAGFLOW_") and name != "COLUMNS"}
    return {**kept, "PYTHONPATH": str(REPOSITORY), **more}


@pytest.fixture
def typed_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a text where standard input is read from."""

    def put(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return put


def statuses(nodes: Sequence[dict[str, object]]) -> dict[object, object]:
    return {node["id"]: node["status"] for node in nodes}
