from __future__ import annotations

import re
from pathlib import Path

import pytest

import dagflow
from dagflow.lang.diagnostics import apply_fixes
from tests.lang.golden import CASES, Case, check, prelude, read
from tests.lang.golden import SOURCES as IMPORTABLE

FILES = sorted(CASES.glob("*.flowtest"))
INTERFACE = prelude()
SOURCES = Path(dagflow.__file__).parent

#: JSON input (`importers`), and files too large to show (`test_robust`, `test_capped`).
ELSEWHERE = {"E110", "E111", "E116", "E208", "W701", "N101", "N601", "N602"}


@pytest.mark.parametrize("case", [case for path in FILES for case in read(path)], ids=lambda case: case.name)
def test_says_what_is_expected(case: Case) -> None:
    assert check(case.source, INTERFACE).render() == case.expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_case_shows_its_code(path: Path) -> None:
    for case in read(path):
        code = path.stem.partition("_")[0]
        if code != "good":
            assert f"[{code}]" in case.expected, case.source


def codes_in_sources() -> set[str]:
    found: set[str] = set()
    for room in ("lang", "expr"):
        for path in (SOURCES / room).rglob("*.py"):
            found.update(re.findall(r'"([EWN][1-9]\d\d)"', path.read_text(encoding="utf-8")))
    return found


def test_every_code_has_a_case() -> None:
    assert codes_in_sources() - ELSEWHERE == {path.stem.partition("_")[0] for path in FILES} - {"good"}


@pytest.mark.parametrize("case", [case for path in FILES for case in read(path)], ids=lambda case: case.name)
def test_safe_fixes_leave_less_to_say(case: Case) -> None:
    compilation = check(case.source, INTERFACE)
    safe = [d for d in compilation.diagnostics if d.fix is not None and d.fix.is_safe and d.fix.edits]
    if not safe:
        return
    repaired = check(apply_fixes(case.source, compilation.diagnostics), INTERFACE)
    assert len(repaired.diagnostics) <= len(compilation.diagnostics) - len(safe) + 1, repaired.render()


@pytest.mark.parametrize("case", [case for path in FILES for case in read(path)], ids=lambda case: case.name)
def test_json_carries_the_same(case: Case) -> None:
    compilation = check(case.source, INTERFACE)
    for diagnostic, plain in zip(compilation.diagnostics, compilation.to_json(), strict=True):
        assert (plain["code"], plain["title"], plain["file"]) == (diagnostic.code, diagnostic.title, diagnostic.file)
        lines = (case.source if diagnostic.file == "a.flow" else IMPORTABLE[diagnostic.file]).split("\n")
        start = plain["start"]
        offset = sum(len(line) + 1 for line in lines[: start["line"] - 1]) + start["column"] - 1
        assert offset == start["offset"] == diagnostic.span.start
