"""The site: what is made for it is whole, and it builds without a warning."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dagflow
from dagflow.lang.explanations import all_codes
from docs.building.documents import ROOT
from docs.building.pages import filled, generated, pictures, without_links_outside

RAW_FENCE = re.compile(r"<p>[^<]*```|<p>`{2}")


def test_every_code_has_a_page_and_a_row() -> None:
    pages = generated()
    for code in all_codes():
        assert pages[f"errors/{code}.md"].startswith(f"# {code}: ")
        assert f"| [{code}]({code}.md) |" in pages["errors/index.md"]


def test_pages_of_codes_show_what_is_said() -> None:
    page = generated()["errors/E302.md"]
    assert "error[E302]: this comparison can never be true" in page


def test_every_built_in_action_and_every_command_has_a_heading() -> None:
    pages = generated()
    actions = filled((ROOT / "docs" / "actions.md").read_text(encoding="utf-8"), "errors")
    for name in dagflow.Catalog.builtin().interface.actions:
        assert f"## {name}\n" in actions
    assert "DAGFLOW_SMTP_HOST" in actions
    assert "## dagflow store verify\n\n```json\n" in pages["json.md"]
    for name in ("dagflow", "dagflow check", "dagflow store verify"):
        assert f"## {name}\n\n```text\nUsage: {name} " in pages["cli.md"]


def test_what_a_page_includes_is_filled_in() -> None:
    page = filled("<!-- include grammar/SPEC.md -->", "errors")
    assert "## A first flow" in page
    assert "## Words" not in page
    assert "([E504](errors/E504.md))" in page
    assert '```flow title="lib/mail.flow"' in page
    assert re.search(r"\]\((?!#|https?:|errors/)", page) is None
    part = filled("<!-- include tests/README.md#Habits -->", "errors")
    assert part.startswith("- Test behaviour")
    assert "## Coverage" not in part
    with pytest.raises(ValueError, match="has no heading 'Nothing'"):
        filled("<!-- include tests/README.md#Nothing -->", "errors")


def test_links_to_files_that_the_site_lacks_are_text() -> None:
    page = "[a](../README.md) [b](../SECURITY.md#x) [c](embedding.md) [d](https://example.org/x.md)"
    assert without_links_outside(page, "design.md") == "a b [c](embedding.md) [d](https://example.org/x.md)"
    assert without_links_outside("[c](../embedding.md) [a](../../README.md)", "recipes/index.md") == "[c](../embedding.md) a"


def test_codes_in_code_stay_as_they_are() -> None:
    page = "E308 and `E308`\n\n```text\nE308\n```\n\n[E308](x.md) E999"
    assert filled(page, "errors") == page.replace("E308 and", "[E308](errors/E308.md) and", 1)


def test_pages_have_their_pictures() -> None:
    found = pictures()
    assert {
        "proposal.svg",
        "trial.svg",
        *(f"recipes/{path.stem}.svg" for path in (ROOT / "docs" / "recipes").glob("*.flow")),
    } == {*found}
    assert all(text.startswith("<svg ") for text in found.values())
    assert filled("<!-- picture proposal -->", "errors") == "![proposal](proposal.svg)"


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="needs `pip install -e '.[docs]'`")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    for code in all_codes():
        assert (tmp_path / "errors" / code / "index.html").is_file()
    for path in (ROOT / "docs" / "recipes").glob("*.flow"):
        assert (tmp_path / "recipes" / f"{path.stem}.svg").read_text(encoding="utf-8").startswith("<svg ")
    for page in tmp_path.rglob("*.html"):
        assert not RAW_FENCE.search(page.read_text(encoding="utf-8")), page
