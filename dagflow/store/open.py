"""Open the store of a path, or of a URL."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from dagflow.errors import StoreError
from dagflow.store.api import Store
from dagflow.store.memory import MemoryStore
from dagflow.store.postgres.address import address_of
from dagflow.store.rows.row_store import RowStore
from dagflow.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from dagflow.store.postgres.store import PostgresStore

#: The path that keeps nothing.
MEMORY = ":memory:"
#: How the URL of a Postgres database begins.
_POSTGRES: Final = ("postgresql://", "postgres://")


def is_url(path: str | os.PathLike[str]) -> bool:
    """Whether the store is in a database of a server, and in no file."""
    return os.fspath(path).startswith(_POSTGRES)


def shown(path: str | os.PathLike[str]) -> str:
    """The path or URL for people: without a password. Raises StoreError: see `address_of`."""
    return address_of(os.fspath(path)).shown if is_url(path) else os.fspath(path)


def schema_of(url: str | os.PathLike[str]) -> str:
    """The schema of a store in a Postgres database. Raises StoreError: see `address_of`."""
    return address_of(os.fspath(url)).schema


def open_store(path: str | os.PathLike[str]) -> Store:
    """Open the store at `path`: a SQLite file or a schema of a Postgres database, made if there is none, or nothing but memory for `:memory:`.

    Raises:
        StoreInUse: another process drives it.
        StoreError: see `SqliteStore.open` and `PostgresStore.open`.
    """
    name = os.fspath(path)
    if is_url(name):
        return _postgres().open(name)
    if not name or "\0" in name:
        raise StoreError(f"{name!r} is no path; give the path of a file, a postgresql:// URL, or `:memory:`")
    return MemoryStore() if name == MEMORY else SqliteStore.open(name)


def open_reading(path: str | os.PathLike[str], *, is_still: bool = False) -> RowStore:
    """Open the store at `path` for reading only, beside its writer; with `is_still` all is read as of one instant.

    Raises:
        StoreError: there is no store, or it cannot be read.
    """
    name = os.fspath(path)
    return (
        _postgres().open_reading(name, is_still=is_still) if is_url(name) else SqliteStore.open_reading(path, is_still=is_still)
    )


def exchange(url: str, call: str, tenant: str, name: str, arguments: str, seconds: float | None) -> bytes:
    """Leave a call in the inbox of a Postgres store, and return the line of its answer. See `store.postgres.calling.exchange`."""
    _postgres()
    from dagflow.store.postgres import calling  # noqa: PLC0415 - likewise

    return calling.exchange(url, call, tenant, name, arguments, seconds)


def ask_in(connection: object, url: str, tenant: str, name: str, arguments: str) -> None:
    """Leave a call inside a transaction of the caller. See `store.postgres.asking.ask_in`."""
    _postgres()
    from dagflow.store.postgres import asking  # noqa: PLC0415 - likewise

    asking.ask_in(connection, url, tenant, name, arguments)


def _postgres() -> type[PostgresStore]:
    try:
        from dagflow.store.postgres.store import PostgresStore  # noqa: PLC0415 - only where one is used
    except ImportError as error:
        raise StoreError(f"a Postgres store needs psycopg: `pip install 'dagflow[postgres]'` ({error})") from None
    return PostgresStore
