"""Every code has a page, and what the page shows is true."""

from __future__ import annotations

import pytest

import dagflow
from dagflow.lang.compiler import compile_text
from dagflow.lang.explanations import Explanation, all_codes, explanation
from dagflow.lang.importers.detect import import_json
from tests.lang.golden import CASES, restricted
from tests.lang.test_golden import ELSEWHERE, codes_in_sources

INTERFACE = restricted(dagflow.Catalog.builtin().interface)
JSON = {"E110", "E111", "E208", "N601", "N602"}
#: They are about files too large to show, and about runs.
SIZES = {"E116", "E503", "W701", "N101"}
#: They are about several files.
FILES = {"E207", "E212", "E213"}


def page(code: str) -> Explanation:
    found = explanation(code)
    assert found is not None
    return found


def codes_said(code: str, text: str) -> list[str]:
    if code in JSON:
        return [diagnostic.code for diagnostic in import_json(text)[1]]
    return [diagnostic.code for diagnostic in compile_text(text, INTERFACE).diagnostics]


def test_every_code_has_a_page_and_no_other() -> None:
    assert set(all_codes()) == codes_in_sources()
    assert set(all_codes()) == {path.stem for path in CASES.glob("[EWN][1-9][0-9][0-9].flowtest")} | ELSEWHERE
    assert list(all_codes()) == sorted(all_codes())
    assert explanation("E999") is None


@pytest.mark.parametrize("code", all_codes())
def test_a_page_is_whole(code: str) -> None:
    it = page(code)
    assert it.code == code
    assert it.title
    assert not it.title.endswith(".")
    assert len(f"{code}  {it.title}") <= 80
    assert it.rule.endswith(".")
    assert 2 <= it.rule.replace("?", ".").replace(":", ".").count(". ") + 1 <= 8
    assert bool(it.wrong) == bool(it.right) == (code not in SIZES | FILES)
    assert all(len(line) <= 100 and line == line.rstrip() for line in (it.wrong + it.right).splitlines())


@pytest.mark.parametrize("code", [code for code in all_codes() if code not in SIZES | FILES])
def test_the_examples_show_it(code: str) -> None:
    it = page(code)
    # Where a page is about schedules or webhooks, a note says that they wait for a service.
    assert set(codes_said(code, it.wrong)) == {code}
    assert set(codes_said(code, it.right)) == set()
