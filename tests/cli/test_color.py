"""`--color`, NO_COLOR and FORCE_COLOR, for every command in the same way."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from dagflow.cli.main import main
from tests.cli.support import environment

BAD = "flow bad { on manual\n wait 2 days\n}\n"


def has_color(folder: Path, *words: str, on_terminal: bool = False, **variables: str) -> bool:
    """Whether a command prints escape sequences on standard output."""
    kept = {name: value for name, value in environment(**variables).items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    variables = {**kept, "TERM": "xterm", **variables}
    command = [sys.executable, "-m", "dagflow", *words]
    if not on_terminal:
        return (
            b"\x1b["
            in subprocess.run(command, cwd=folder, env=variables, stdout=subprocess.PIPE, timeout=60, check=False).stdout
        )
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(command, cwd=folder, env=variables, stdout=theirs) as child:
            os.close(theirs)
            printed = b""
            while part := _read(ours):
                printed += part
            child.wait(60)
    finally:
        os.close(ours)
    return b"\x1b[" in printed


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.parametrize(
    ("on_terminal", "words", "variables", "wanted"),
    [
        (True, [], {}, True),
        (True, [], {"NO_COLOR": "1"}, False),
        (True, [], {"NO_COLOR": ""}, True),
        (True, [], {"TERM": "dumb"}, False),
        (True, ["--color", "never"], {"FORCE_COLOR": "1"}, False),
        (True, ["--color", "always"], {"NO_COLOR": "1"}, True),
        (False, [], {}, False),
        (False, [], {"FORCE_COLOR": "1"}, True),
        (False, [], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (False, ["--color", "auto"], {"FORCE_COLOR": "1"}, True),
        (False, ["--color", "always"], {}, True),
        (False, ["--color", "never"], {}, False),
    ],
)
def test_when(folder: Path, on_terminal: bool, words: list[str], variables: dict[str, str], wanted: bool) -> None:
    assert has_color(folder, "explain", "E308", *words, on_terminal=on_terminal, **variables) is wanted


COMMANDS = [
    ["check", "bad.flow"],
    ["explain"],
    ["actions"],
    ["eval", "1"],
    ["graph", "lead_approval.flow", "--format", "terminal"],
    ["test", "lead_approval.flow"],
    ["dry-run", "lead_approval.flow", "--input", "@lead.json"],
    ["run", "lead_approval.flow", "--input", "@lead.json", "--fast-forward", "--quiet"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_every_command_obeys(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    (folder / "bad.flow").write_text(BAD)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    plain = {}
    for when in ("always", "never"):
        main([*words, "--color", when])
        plain[when] = capsys.readouterr().out
    main(["--color", "always", *words])
    before = capsys.readouterr().out
    assert "\x1b[" in plain["always"]
    assert "\x1b[" in before
    assert "\x1b" not in plain["never"]


def test_json_has_no_colors(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "lead_approval.flow", "--json", "--color", "always"])
    assert "\x1b" not in capsys.readouterr().out
