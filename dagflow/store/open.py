"""Which store a path means."""

from __future__ import annotations

import os

from dagflow.store.api import Store
from dagflow.store.memory import MemoryStore
from dagflow.store.sqlite import SqliteStore

#: The path that keeps nothing.
MEMORY = ":memory:"


def open_store(path: str | os.PathLike[str]) -> Store:
    """Open the store at `path`: a SQLite file, made if there is none, or nothing but memory for `:memory:`.

    Raises:
        StoreError: see `SqliteStore.open`.
    """
    return MemoryStore() if os.fspath(path) == MEMORY else SqliteStore.open(path)
