from __future__ import annotations

from pathlib import Path

import pytest

from dagflow.ids import RunId
from dagflow.store import open_store
from tests.store.contract import FLOW, add, create, facts, run_row


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def closed(path) -> tuple[Path, RunId]:
    """A database that was closed, with one run in it: facts written together, one by itself, and others together."""
    row = run_row()
    store = open_store(path)
    create(store, row, FLOW, facts(3))
    store.write([add(row.id, 3, facts(1, 3))])
    store.write([add(row.id, 4, facts(36, 4))])
    store.close()
    return path, row.id
