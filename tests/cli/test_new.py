"""`dagflow new` on a terminal: it asks, and what it writes checks and passes its tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from dagflow.app.flow_templates import starters
from tests.cli.support import Dagflow, command, environment

pty = pytest.importorskip("pty", reason="a terminal of its own needs Unix")


def answered(folder: Path, answers: Sequence[str], *arguments: str) -> tuple[int, str]:
    """What a person sees who answers so; the exit code, and all that the terminal showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("new", *arguments),
        cwd=folder,
        env=environment(TERM="dumb"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        close_fds=True,
    )
    os.close(theirs)
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other side has been closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return process.wait(timeout=30), shown.decode().replace("\r\n", "\n")


def test_name_and_template_are_asked_for(folder: Path, dagflow: Dagflow) -> None:
    code, shown = answered(folder, ["Greet People", "greet_people", "nothing", "2"])
    assert code == 0, shown
    assert "Name of the flow? [my_flow] " in shown
    assert "must consist of lower-case letters" in shown
    assert "  2  approval    ask for approval" in shown
    assert f"enter a number from 1 to {len(starters())}" in shown
    assert "wrote greet_people.flow; try `dagflow test greet_people.flow`" in shown
    assert dagflow("check", "--strict", "greet_people.flow").code == 0
    said = dagflow("test", "--chaos", "--coverage", "greet_people.flow")
    assert said.code == 0
    assert "never" not in said.out


def test_whoever_says_nothing_gets_the_first(folder: Path, dagflow: Dagflow) -> None:
    code, _ = answered(folder, ["", ""])
    assert code == 0
    assert dagflow("test", "my_flow.flow").code == 0


def test_who_never_answers_is_told_how_to_say_it(folder: Path) -> None:
    code, shown = answered(folder, ["A B"] * 5)
    assert (code, "use `dagflow new NAME`" in shown) == (2, True)
    code, shown = answered(folder, ["9"] * 5, "good")
    assert (code, "use --template NAME" in shown) == (2, True)
    assert not (folder / "good.flow").exists()


@pytest.mark.parametrize("template", [each.name for each in starters()])
def test_every_template_is_seen_whole_by_its_tests(dagflow: Dagflow, template: str) -> None:
    assert dagflow("new", "mine", "--template", template).code == 0
    assert dagflow("check", "--strict", "mine.flow").code == 0
    assert dagflow("fmt", "--check", "mine.flow").code == 0
    said = dagflow("test", "--chaos", "--coverage", "mine.flow")
    assert said.code == 0
    assert "never" not in said.out
