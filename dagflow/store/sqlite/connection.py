"""SQLite connections with every setting that durability and safety rest on, each checked, none assumed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, cast
from urllib.parse import quote

import apsw

from dagflow.errors import StoreError
from dagflow.store.rows.values import Row, Value
from dagflow.store.sqlite.lock import in_use

#: From 3.7.0 up to this one, SQLite's WAL could be damaged by two connections that write or checkpoint at once.
MIN_SQLITE: Final = (3, 51, 3)
#: Longest text or blob SQLite will touch.
MAX_LENGTH: Final = 16 * 1024 * 1024
#: The WAL is checkpointed at so many pages (1 MiB), and beyond the second number (64 MiB) readers are waited for, so that it begins anew.
CHECKPOINT_PAGES: Final = 250
RESTART_PAGES: Final = 16_384

#: Free pages that one slice of a clean-up removes.
_SLICE_PAGES: Final = 200
#: The header of a file, and that of its first page.
_HEADER_BYTES: Final = 108
_FLAGS: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOFOLLOW
_SETTINGS: Final = (
    ("PRAGMA busy_timeout = 5000", "PRAGMA busy_timeout", 5000),
    ("PRAGMA foreign_keys = ON", "PRAGMA foreign_keys", 1),
    ("PRAGMA mmap_size = 0", "", 0),
    ("PRAGMA temp_store = MEMORY", "PRAGMA temp_store", 2),
    ("PRAGMA cell_size_check = ON", "PRAGMA cell_size_check", 1),
    ("PRAGMA trusted_schema = OFF", "PRAGMA trusted_schema", 0),
    ("PRAGMA secure_delete = FAST", "PRAGMA secure_delete", 2),
    ("PRAGMA journal_size_limit = 67108864", "", 0),
)


def execute(connection: apsw.Connection, query: str, values: Sequence[Value] = ()) -> list[Row]:
    """Run a statement to its end and return all its rows."""
    # apsw's own type has blobs of a kind that some type checkers do not know.
    return cast("list[Row]", connection.execute(query, values).fetchall())  # pyright: ignore[reportUnknownMemberType]


def execute_all(connection: apsw.Connection, query: str, rows: Sequence[Row]) -> None:
    """Run a statement that has no result once for each row of values."""
    if rows:
        connection.executemany(query, rows)  # pyright: ignore[reportUnknownMemberType]


def first_of(connection: apsw.Connection, query: str, values: Sequence[Value] = ()) -> Value:
    """The first value of the first row of a query, None where there is none. The rest of the query is run too."""
    rows = execute(connection, query, values)
    return rows[0][0] if rows else None


def open_writer(path: Path, disk: str = "") -> apsw.Connection:
    """The one connection that writes and checkpoints. `disk`: the SQLite VFS to go through, the usual one if empty.

    Raises:
        StoreError: this SQLite, or this disk, cannot make commits durable.
        apsw.Error: not a database, no permission and the like.
    """
    refuse_old_sqlite(apsw.sqlite_lib_version())
    connection = apsw.Connection(str(path), flags=_FLAGS, vfs=disk or None)
    _protect(connection)
    # The log is removed when the store is closed in order, and never because a connection was closed.
    checkpoint_on_close(connection, is_on=False)
    execute(connection, "PRAGMA auto_vacuum = INCREMENTAL")  # holds only if there is no table yet
    mode = first_of(connection, "PRAGMA journal_mode = WAL")
    if mode != "wal":
        raise StoreError(f"{path} cannot be kept with a write-ahead log (SQLite says {mode!r}); use a local disk")
    _set(connection, "PRAGMA synchronous = FULL", "PRAGMA synchronous", 2)
    execute(connection, "PRAGMA wal_autocheckpoint = 0")
    return connection


def checkpoint_on_close(connection: apsw.Connection, *, is_on: bool) -> None:
    """Whether closing the last connection moves the log into the file, and removes it."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(not is_on))


def claim(path: Path) -> apsw.VFSFile:
    """Hold the lock of the database itself that only one can have, beside any number of connections; until `xClose`.

    A lock file can be removed, and a database can have two names. This lock goes with the file.

    Raises:
        StoreError: another process has it.
    """
    file = apsw.VFSFile("", str(path), [apsw.SQLITE_OPEN_MAIN_DB | _FLAGS, 0])
    try:
        file.xLock(apsw.SQLITE_LOCK_SHARED)
        file.xLock(apsw.SQLITE_LOCK_RESERVED)
    except apsw.BusyError:
        file.xClose()
        raise in_use(path, "another process, though not by this lock file") from None
    except BaseException:
        file.xClose()
        raise
    return file


def header_of(path: Path) -> bytes:
    """The beginning of a file; empty if it is. Read by SQLite, since closing a file takes away the locks that it has on it.

    Raises:
        apsw.Error: it cannot be read.
    """
    file = apsw.VFSFile("", str(path), [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_NOFOLLOW, 0])
    try:
        size = file.xFileSize()
        return file.xRead(min(size, _HEADER_BYTES), 0) if size else b""
    finally:
        file.xClose()


def has_log(path: Path) -> bool:
    """Whether a file already has a write-ahead log, and no rest of its state before that. Raises apsw.Error.

    A journal remains if the change was interrupted. Opening the file rolls it back, unless another connection has a lock.
    """
    return header_of(path)[18:20] == b"\2\2" and not path.with_name(path.name + "-journal").exists()


def open_as_it_is(path: Path) -> apsw.Connection:
    """A connection to the file alone, which neither locks nor makes anything; it does not see the contents of a log."""
    where = f"file:{quote(str(path))}?immutable=1"
    return apsw.Connection(where, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


def open_reader(path: Path) -> apsw.Connection:
    """A connection that can only read.

    Raises:
        apsw.Error: not a database, no permission and the like.
    """
    connection = apsw.Connection(str(path), flags=_FLAGS)
    _protect(connection)
    checkpoint_on_close(connection, is_on=False)
    execute(connection, "PRAGMA wal_autocheckpoint = 0")
    _set(connection, "PRAGMA query_only = ON", "PRAGMA query_only", 1)
    return connection


def refuse_old_sqlite(version: str) -> None:
    """Refuse a SQLite that can damage its own log.

    Raises:
        StoreError: `version` is older than 3.51.3.
    """
    if tuple(int(part) for part in version.split(".")[:3]) < MIN_SQLITE:
        wanted = ".".join(map(str, MIN_SQLITE))
        raise StoreError(f"SQLite {version} can lose data (its WAL-reset fault); install apsw with SQLite {wanted} or newer")


def check_intact(connection: apsw.Connection, path: Path) -> None:
    """Look the whole file over.

    Raises:
        StoreError: it is damaged.
    """
    problems = [str(row[0]) for row in execute(connection, "PRAGMA quick_check(5)")]
    if problems != ["ok"]:
        raise StoreError(f"{path} is damaged ({'; '.join(problems)}); restore a backup")


def _protect(connection: apsw.Connection) -> None:
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.limit(apsw.SQLITE_LIMIT_LENGTH, MAX_LENGTH)
    connection.limit(apsw.SQLITE_LIMIT_EXPR_DEPTH, 100)
    connection.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)
    for statement, question, wanted in _SETTINGS:
        _set(connection, statement, question, wanted)


def _set(connection: apsw.Connection, statement: str, question: str, wanted: int) -> None:
    execute(connection, statement)
    if question and first_of(connection, question) != wanted:
        raise StoreError(f"this SQLite does not take `{statement}`; install apsw from its wheel")


def remove_free_pages(connection: apsw.Connection) -> bool:
    """Give some free pages back to the disk; return whether there were any. Inside of a transaction."""
    if not first_of(connection, "PRAGMA freelist_count"):
        return False
    execute(connection, f"PRAGMA incremental_vacuum({_SLICE_PAGES:d})")
    return True


def close_quietly(connection: apsw.Connection) -> None:
    """Close it; where that fails nothing can be done about it."""
    with suppress(apsw.Error):
        connection.close()


def reason_of(error: apsw.Error) -> str:
    """Return the problem, and how to solve it."""
    match error:
        case apsw.FullError():
            return "the disk is full; make room"
        case apsw.NotADBError():
            return "it is not a database; choose another file"
        case apsw.CorruptError():
            return "it is damaged; restore a backup"
        case apsw.ReadOnlyError() | apsw.CantOpenError() | apsw.PermissionsError():
            return f"it cannot be written ({error}); check the rights of the file and its folder"
        case apsw.IOError():
            return f"{error}; check that the disk is sound and has room"
        case _:
            return str(error) or type(error).__name__
