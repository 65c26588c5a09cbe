"""Open the store of a path."""

from __future__ import annotations

import os

from dagflow.errors import StoreError
from dagflow.store.api import Store
from dagflow.store.memory import MemoryStore
from dagflow.store.sqlite.store import SqliteStore

#: The path that keeps nothing.
MEMORY = ":memory:"


def open_store(path: str | os.PathLike[str]) -> Store:
    """Open the store at `path`: a SQLite file, made if there is none, or nothing but memory for `:memory:`.

    Raises:
        StoreError: see `SqliteStore.open`.
    """
    name = os.fspath(path)
    if not name or "\0" in name:
        raise StoreError(f"{name!r} is no path; give the path of a file, or `:memory:`")
    return MemoryStore() if name == MEMORY else SqliteStore.open(name)


def open_reading(path: str | os.PathLike[str], *, is_still: bool = False) -> Store:
    """Open the store at `path` for reading only, beside its writer; with `is_still` all is read as of one instant.

    Raises:
        StoreError: there is no store, or it cannot be read.
    """
    return SqliteStore.open_reading(path, is_still=is_still)
