"""The pictures in the documents are those the tool makes now."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

import dagflow
from tests.pictures.support import REPOSITORY

FOLDER = REPOSITORY / "docs" / "pictures"


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pictures", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pictures_are_current() -> None:
    assert not maker().stale(), "run python docs/pictures/make.py, and look at what it makes"


def test_the_large_flow_is_as_large_as_it_is_said_to_be() -> None:
    compilation = dagflow.compile((FOLDER / "quarter_close.flow").read_text(encoding="utf-8"))
    assert not compilation.diagnostics
    assert len(compilation.unwrap().nodes) == 200


def test_the_readme_shows_pictures_that_are_there() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"docs/pictures/\w+\.svg", readme))
    assert len(shown) > 8
    assert all((REPOSITORY / name).is_file() for name in shown)
