"""Worlds to try the examples in."""

from __future__ import annotations

from pathlib import Path

import pytest

import dagflow
from tests.examples.world import EXAMPLES, World, module


@pytest.fixture
def world(tmp_path: Path) -> World:
    settings = dagflow.Settings(outbox=tmp_path / "outbox", templates=EXAMPLES / "templates")
    return World(tmp_path, dagflow.Catalog.builtin(settings))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("DAGFLOW_OUTBOX", str(tmp_path / "outbox"))
    shop = module("shop")
    return World(tmp_path, shop.catalog, shop)
