"""`dagflow fmt`."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from tests.cli.support import Dagflow

CROOKED = "flow f {\nwait   2d // long\n}\n"
STRAIGHT = "flow f {\n  wait 2d  // long\n}\n"


def test_formats_files_in_place_and_keeps_their_mode_and_mark(dagflow: Dagflow, folder: Path) -> None:
    target = folder / "a.flow"
    target.write_bytes(b"\xef\xbb\xbf" + CROOKED.encode())
    target.chmod(0o640)
    (folder / "b.flow").write_text(STRAIGHT)
    said = dagflow("fmt", "a.flow", "b.flow")
    assert (said.code, said.out, said.err) == (0, "", "formatted a.flow\n")
    assert target.read_bytes() == b"\xef\xbb\xbf" + STRAIGHT.encode()
    assert target.stat().st_mode & 0o777 == 0o640


def test_the_current_directory_is_meant_if_nothing_is_given(dagflow: Dagflow, folder: Path) -> None:
    for name in ("a.flow", "deep/er/b.flow", ".hidden/c.flow"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(CROOKED)
    assert dagflow("fmt").code == 0
    assert (folder / "deep/er/b.flow").read_text() == (folder / "a.flow").read_text() == STRAIGHT
    assert (folder / ".hidden/c.flow").read_text() == CROOKED


def test_check_names_files_and_changes_nothing(dagflow: Dagflow, folder: Path) -> None:
    (folder / "a.flow").write_text(CROOKED)
    (folder / "b.flow").write_text(STRAIGHT)
    said = dagflow("fmt", "--check", "a.flow", "b.flow")
    assert (said.code, said.out) == (1, "a.flow\n")
    assert (folder / "a.flow").read_text() == CROOKED
    assert dagflow("fmt", "--check", "b.flow").code == 0


def test_diff_shows_what_would_change(dagflow: Dagflow, folder: Path) -> None:
    (folder / "a.flow").write_text(CROOKED)
    said = dagflow("fmt", "--diff", "a.flow")
    assert said.code == 1
    assert said.out.splitlines()[:3] == ["--- a.flow", "+++ a.flow (formatted)", "@@ -1,4 +1,4 @@"]
    assert "-wait   2d // long" in said.out.splitlines()
    assert "+  wait 2d  // long" in said.out.splitlines()
    assert (folder / "a.flow").read_text() == CROOKED


def test_standard_input_goes_to_standard_output(dagflow: Dagflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(CROOKED.encode())))
    said = dagflow("fmt", "-")
    assert (said.code, said.out) == (0, STRAIGHT)


def test_what_does_not_parse_is_told_and_the_rest_is_formatted(dagflow: Dagflow, folder: Path) -> None:
    (folder / "bad.flow").write_text("flow f {\n  wait 2 days\n}\n")
    (folder / "a.flow").write_text(CROOKED)
    said = dagflow("fmt", "bad.flow", "a.flow")
    assert said.code == 1
    assert "error[E103]: unexpected word after `wait 2`" in said.err
    assert "bad.flow:2:10" in said.err
    assert (folder / "bad.flow").read_text() == "flow f {\n  wait 2 days\n}\n"
    assert (folder / "a.flow").read_text() == STRAIGHT


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.flow"], "cannot read missing.flow"),
        (["lead.json"], "lead.json is JSON"),
        (["templates"], "no .flow file in templates"),
        (["-", "-"], "standard input can be read only once"),
    ],
)
def test_wrong_use(dagflow: Dagflow, arguments: list[str], message: str) -> None:
    said = dagflow("fmt", *arguments)
    assert said.code == 2
    assert message in said.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_file_is_left_alone(dagflow: Dagflow, folder: Path) -> None:
    (folder / "a.flow").write_text(CROOKED)
    (folder / "a.flow").chmod(0o444)
    said = dagflow("fmt", "a.flow")
    assert (said.code, "read-only" in said.err) == (2, True)
