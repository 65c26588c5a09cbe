"""`check --fix`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dagflow.cli.fixes import replace
from dagflow.errors import UsageError
from tests.cli.support import Dagflow, process

BAD = """flow f(to: Email, status: string) {
  filter status = "won";
  emial(template: "a", to: to)
  email(template: "b", to: to)
  wait 2 days
}
"""
FIXED = """flow f(to: Email, status: string) {
  filter status == "won"
  email(template: "a", to: to)
  b = email(template: "b", to: to)
  wait 2d
}
"""
#: There is no safe fix for this one.
STUCK = "flow f { on manual\n nothing()\n}\n"


def test_fixes_are_made_and_told(dagflow: Dagflow, folder: Path) -> None:
    (folder / "a.flow").write_text(BAD)
    said = dagflow("check", "--fix", "a.flow")
    assert (folder / "a.flow").read_text() == FIXED
    assert said.code == 0
    assert said.out.splitlines() == [
        "a.flow:2:17: fixed E102, `=` does not compare: `==`",
        "a.flow:2:25: fixed E114, `;` does not belong here: delete",
        "a.flow:3:3: fixed E201, unknown action `emial`: `email`",
        "a.flow:4:3: fixed E205, two unnamed `email` steps: `b = email(...)`",
        "a.flow:5:10: fixed E103, unexpected word after `wait 2`: `2d`",
        "a.flow: ok: f",
    ]


def test_a_second_time_there_is_nothing_to_do(dagflow: Dagflow, folder: Path) -> None:
    (folder / "a.flow").write_text(BAD)
    dagflow("check", "--fix", "a.flow")
    before = (folder / "a.flow").stat()
    assert dagflow("check", "--fix", "a.flow").out == "a.flow: ok: f\n"
    after = (folder / "a.flow").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_what_is_left_is_told(dagflow: Dagflow, folder: Path) -> None:
    (folder / "a.flow").write_text(BAD.replace("wait 2 days", "nothing()"))
    said = dagflow("check", "--fix", "a.flow")
    assert said.code == 1
    assert "unknown action `nothing`\n --> a.flow:5:3\n" in said.out
    assert said.out.endswith("a.flow: 1 error\nfor details, run `dagflow explain E201`\n")
    assert (folder / "a.flow").read_text() == FIXED.replace("wait 2d", "nothing()")


def test_without_fix_nothing_is_written(dagflow: Dagflow, folder: Path) -> None:
    (folder / "a.flow").write_text(BAD)
    assert dagflow("check", "a.flow").code == 1
    assert (folder / "a.flow").read_text() == BAD


def test_fixes_to_look_at_are_not_made(dagflow: Dagflow, folder: Path) -> None:
    text = "flow f(n: int) { on manual\n log(message: n)\n}\n"
    (folder / "a.flow").write_text(text)
    assert "fix (unsafe)" in dagflow("check", "--fix", "a.flow").out
    assert (folder / "a.flow").read_text() == text


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_byte_order_mark_are_kept(dagflow: Dagflow, folder: Path, mark: bytes, end: str) -> None:
    (folder / "a.flow").write_bytes(mark + BAD.replace("\n", end).encode())
    assert dagflow("check", "--fix", "a.flow").code == 0
    assert (folder / "a.flow").read_bytes() == mark + FIXED.replace("\n", end).encode()


def test_the_mode_is_kept_and_nothing_is_left_behind(dagflow: Dagflow, folder: Path) -> None:
    (folder / "a.flow").write_text(BAD)
    (folder / "a.flow").chmod(0o640)
    before = set(folder.iterdir())
    dagflow("check", "--fix", "a.flow")
    assert (folder / "a.flow").stat().st_mode & 0o777 == 0o640
    assert set(folder.iterdir()) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser gives files away")
def test_the_owner_is_kept(dagflow: Dagflow, folder: Path) -> None:
    (folder / "a.flow").write_text(BAD)
    os.chown(folder / "a.flow", 1234, 1235)
    dagflow("check", "--fix", "a.flow")
    after = (folder / "a.flow").stat()
    assert (after.st_uid, after.st_gid) == (1234, 1235)


def test_a_file_that_changes_meanwhile_is_left_to_who_changed_it(folder: Path) -> None:
    (folder / "a.flow").write_text("theirs")
    with pytest.raises(UsageError, match="changed while"):
        replace(Path("a.flow"), b"before", b"after")
    assert (folder / "a.flow").read_text() == "theirs"


def test_only_files_are_written(folder: Path) -> None:
    with pytest.raises(UsageError, match="not a regular file"):
        replace(folder, b"", b"after")


def test_a_link_stays_one(dagflow: Dagflow, folder: Path) -> None:
    (folder / "real.flow").write_text(BAD)
    (folder / "a.flow").symlink_to("real.flow")
    dagflow("check", "--fix", "a.flow")
    assert (folder / "a.flow").is_symlink()
    assert (folder / "real.flow").read_text() == FIXED


def test_what_cannot_be_written_is_said(dagflow: Dagflow, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.flow").write_text(BAD)
    before = set(folder.iterdir())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    said = dagflow("check", "--fix", "a.flow")
    assert (said.code, said.out) == (2, "")
    assert "cannot write a.flow: No space left on device" in said.err
    assert (folder / "a.flow").read_text() == BAD
    assert set(folder.iterdir()) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everything")
def test_a_read_only_file_is_left_alone(dagflow: Dagflow, folder: Path) -> None:
    (folder / "a.flow").write_text(BAD)
    (folder / "a.flow").chmod(0o444)
    said = dagflow("check", "--fix", "a.flow")
    assert said.code == 2
    assert "it is read-only" in said.err
    assert (folder / "a.flow").read_text() == BAD


def test_several_files(dagflow: Dagflow, folder: Path) -> None:
    (folder / "a.flow").write_text(BAD)
    (folder / "b.flow").write_text(STUCK)
    said = dagflow("check", "--fix", "a.flow", "b.flow", "approval.json")
    assert said.code == 1
    assert (folder / "a.flow").read_text() == FIXED
    assert (folder / "b.flow").read_text() == STUCK
    assert "approval.json: fixes are not available for JSON workflows\napproval.json: ok: approval\n" in said.out


def test_as_json(dagflow: Dagflow, folder: Path) -> None:
    (folder / "a.flow").write_text(BAD.replace("wait 2 days", "nothing()"))
    said = dagflow("check", "--fix", "--json", "a.flow")
    assert isinstance(said.json, dict)
    assert [each["code"] for each in said.json["diagnostics"]] == ["E201"]
    assert "a.flow:2:17: fixed E102" in said.err


class TestStandardInput:
    def test_the_text_is_printed_and_the_rest_is_said_elsewhere(
        self, dagflow: Dagflow, typed_in: Callable[[str], None]
    ) -> None:
        typed_in(BAD)
        said = dagflow("check", "--fix", "-")
        assert (said.code, said.out) == (0, FIXED)
        assert "<stdin>:2:17: fixed E102" in said.err
        assert said.err.endswith("<stdin>: ok: f\n")

    def test_also_where_nothing_changes(self, dagflow: Dagflow, typed_in: Callable[[str], None]) -> None:
        typed_in(STUCK)
        said = dagflow("check", "--fix", "-")
        assert (said.code, said.out) == (1, STUCK)
        assert "unknown action `nothing`" in said.err

    def test_the_document_has_the_fixed_text(self, dagflow: Dagflow, typed_in: Callable[[str], None]) -> None:
        typed_in(BAD)
        said = dagflow("check", "--fix", "--json", "-")
        assert said.json == {"diagnostics": [], "text": FIXED}

    def test_letters_the_terminal_does_not_have(self, folder: Path) -> None:
        text = "flow f { on manual\n // ümlaut ✓\n log(message: 'ß');\n}\n"
        (folder / "a.flow").write_text(text, encoding="utf-8")
        assert process(folder, "check", "--fix", "-", input=text).out == text.replace(";", "")
