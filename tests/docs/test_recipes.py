"""Every recipe is in the one style, has no warning, and its tests see both sides of every gate, crashed anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

import dagflow
from dagflow.actions.catalog import Catalog
from dagflow.app.simulation.coverage import Coverage
from dagflow.app.simulation.test_runner import run_test
from dagflow.execution.program import prepare
from dagflow.lang.compiler import Compilation
from docs.building.documents import ROOT

RECIPES = sorted((ROOT / "docs" / "recipes").glob("*.flow"))
FLOWS = [pytest.param(path, id=path.stem) for path in RECIPES]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return dagflow.Catalog.builtin()


def _compiled(path: Path, catalog: Catalog) -> Compilation:
    return dagflow.compile(path.read_text(encoding="utf-8"), catalog=catalog, filename=path.name)


@pytest.mark.parametrize("path", FLOWS)
def test_nothing_is_to_be_said_of_it(path: Path, catalog: Catalog) -> None:
    compilation = _compiled(path, catalog)
    # Schedules and webhooks are for the program around; the page says so.
    assert compilation.diagnostics == (), compilation.render()
    text = path.read_text(encoding="utf-8")
    assert dagflow.format(text) == text


@pytest.mark.parametrize("path", FLOWS)
def test_its_tests_see_all_of_it(path: Path, catalog: Catalog) -> None:
    compilation = _compiled(path, catalog)
    coverage = Coverage.of(compilation.flows.values())
    for test in compilation.tests:
        outcome = run_test(test, prepare(compilation.flows[test.flow]), compilation.interface, is_chaotic=True)
        assert outcome.has_passed, f"{test.name}: {outcome.error or outcome.unmet}"
        assert outcome.n_crashes
        assert outcome.simulation is not None
        coverage.note(outcome.simulation)
    assert not coverage.missing


def test_the_page_shows_every_recipe() -> None:
    page = (ROOT / "docs" / "recipes" / "index.md").read_text(encoding="utf-8")
    for path in RECIPES:
        assert f'--8<-- "docs/recipes/{path.name}"' in page
