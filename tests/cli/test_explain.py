"""`explain`, and the line of `check` that points to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagflow.lang.explanations import all_codes, explanation
from tests.cli.support import Dagflow


@pytest.mark.parametrize("code", all_codes())
def test_a_page_has_all_there_is(dagflow: Dagflow, code: str) -> None:
    said = dagflow("explain", code)
    page = explanation(code)
    assert page is not None
    assert said.code == 0
    assert said.out.startswith(f"{code}  {page.title}\n\n")
    assert " ".join(said.out.split()).count(page.rule) == 1
    for text in (page.wrong, page.right):
        shown = "".join(f"    {line}\n" if line else "\n" for line in text.splitlines())
        assert shown in said.out
    assert ("Wrong:" in said.out) == bool(page.wrong)
    assert all(line == line.rstrip() for line in said.out.splitlines())


def test_all_codes_are_listed(dagflow: Dagflow) -> None:
    said = dagflow("explain")
    assert said.code == 0
    assert [line[:6] for line in said.out.splitlines()] == [f"{code}  " for code in all_codes()]


def test_several_at_once(dagflow: Dagflow) -> None:
    assert dagflow("explain", "E308", "W402").out == f"{dagflow('explain', 'E308').out}\n{dagflow('explain', 'W402').out}"


@pytest.mark.parametrize("spelt", ["e308", "[E308]"])
def test_a_code_as_people_write_it(dagflow: Dagflow, spelt: str) -> None:
    assert dagflow("explain", spelt).out == dagflow("explain", "E308").out


@pytest.mark.parametrize(("code", "meant"), [("E38", "E308"), ("W9011", "W901"), ("EE01", "E101")])
def test_a_code_that_is_none(dagflow: Dagflow, code: str, meant: str) -> None:
    said = dagflow("explain", "E308", code)
    assert (said.code, said.out) == (2, "")
    assert f"unknown code {code}; did you mean {meant}?" in said.err


def test_nothing_like_a_code(dagflow: Dagflow) -> None:
    said = dagflow("explain", "what\x1b[31m")
    assert said.code == 2
    assert "did you mean" not in said.err
    assert "`dagflow explain` lists all codes" in said.err


class TestCheckPointsToIt:
    def check(self, dagflow: Dagflow, folder: Path, text: str, *arguments: str) -> list[str]:
        (folder / "a.flow").write_text(text)
        return dagflow("check", "a.flow", *arguments).out.splitlines()

    def test_an_error(self, dagflow: Dagflow, folder: Path) -> None:
        lines = self.check(dagflow, folder, "flow f { on manual\n log(mesage: 1)\n}\n")
        assert lines[-1] == "for details, run `dagflow explain E306`"

    def test_each_code_once(self, dagflow: Dagflow, folder: Path) -> None:
        text = "flow f { on manual\n a = nothing()\n b = nothing()\n log(mesage: 1)\n wait 2 days\n filter 1\n}\n"
        assert self.check(dagflow, folder, text)[-1] == "for details, run `dagflow explain E201 E306 E103 E307`"

    def test_over_several_files(self, dagflow: Dagflow, folder: Path) -> None:
        (folder / "b.flow").write_text("flow f { wait 2 days\n}\n")
        out = self.check(dagflow, folder, "flow f { nothing()\n}\n", "b.flow")
        assert out[-1] == "for details, run `dagflow explain E201 E103`"
        assert len([line for line in out if "explain" in line]) == 1

    def test_not_for_warnings(self, dagflow: Dagflow, folder: Path) -> None:
        lines = self.check(dagflow, folder, "flow f { on manual\n let a = 1\n log(message: '')\n}\n")
        assert lines[-1] == "a.flow: ok: f (1 warning)"
