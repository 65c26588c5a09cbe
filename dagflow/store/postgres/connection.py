"""Connections to Postgres with every setting that durability and safety rest on, each checked, none assumed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias, cast

import psycopg
from psycopg import errors
from psycopg.types.numeric import Int8Dumper

from dagflow.errors import StoreError
from dagflow.store.postgres.address import Address
from dagflow.store.postgres.statements import Statement
from dagflow.store.rows.values import Row

Connection: TypeAlias = "psycopg.Connection[Row]"

#: The oldest server that dagflow is tested with.
MIN_SERVER: Final = 14
#: Milliseconds, of one statement, of waiting for a lock, and between two statements of a transaction.
_TIMEOUTS: Final = {"statement_timeout": 5_000, "lock_timeout": 2_000, "idle_in_transaction_session_timeout": 10_000}
#: A dead host is noticed after about ten seconds, by the server and by us.
_KEEPALIVES: Final[dict[str, Any]] = {
    "keepalives": 1,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_SERVER_KEEPALIVES: Final = {"tcp_keepalives_idle": 4, "tcp_keepalives_interval": 2, "tcp_keepalives_count": 3}
_CONNECT_SECONDS: Final = 5
_SETTINGS: Final = """
    SELECT current_setting('server_encoding'), current_setting('synchronous_commit'), current_setting('fsync'),
        current_setting('full_page_writes'), pg_backend_pid(), pg_is_in_recovery()"""
#: A standby that was promoted has another; it may lack what the former server committed.
_TIMELINE: Final = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
#: An acknowledged commit is on the disk with these; the others of `synchronous_commit` are less.
_DURABLE: Final = ("on", "remote_apply")


def connect(address: Address, *, name: str, is_reader: bool = False, is_still: bool = False) -> Connection:
    """Connect to the server.

    Args:
        address: where.
        name: the name of the application, which the server shows to its administrator.
        is_reader: whether it can only read.
        is_still: whether it reads all as of one instant, in a transaction without a time limit.

    Raises:
        StoreError: this server cannot keep what it acknowledges, is too old, or is reached through a pooler.
        psycopg.Error: there is no connection.
    """
    settings: dict[str, object] = {
        "search_path": f'"{address.schema}"',  # a name may be a keyword
        "timezone": "UTC",
        **_TIMEOUTS,
        **_SERVER_KEEPALIVES,
        "default_transaction_isolation": "repeatable\\ read" if is_still else "read\\ committed",
    }
    if is_still:
        settings |= {"idle_in_transaction_session_timeout": 0, "statement_timeout": 0}
    connection = cast(
        "Connection",
        psycopg.connect(
            address.url,
            autocommit=True,
            cursor_factory=psycopg.RawCursor,
            application_name=name,
            connect_timeout=_CONNECT_SECONDS,
            client_encoding="utf8",
            options=" ".join(f"-c {setting}={value}" for setting, value in settings.items()),
            **_KEEPALIVES,
        ),
    )
    try:
        # Numbers have one type, whatever their size, so that a statement is prepared once.
        connection.adapters.register_dumper(int, Int8Dumper)
        _check(connection, address, is_reader=is_reader)
        if is_reader:
            # Not an option of the connection: with it no server suits `target_session_attrs=read-write`.
            execute(connection, "SET default_transaction_read_only = on")
        if is_still:
            connection.execute("BEGIN")
    except BaseException:
        close_quietly(connection)
        raise
    return connection


def _check(connection: Connection, address: Address, *, is_reader: bool) -> None:
    version = connection.info.server_version // 10_000
    if version < MIN_SERVER:
        raise StoreError(f"{address.shown} is Postgres {version}; dagflow needs {MIN_SERVER} or newer")
    row: tuple[Any, ...] = execute(connection, _SETTINGS)[0]
    encoding, commit, fsync, pages, process, is_standby = row
    if process != connection.info.backend_pid:
        raise StoreError(
            f"{address.shown} is a connection pooler, behind which no session stays with one connection; use the address of the server itself"
        )
    if encoding != "UTF8":
        raise StoreError(f"the database of {address.shown} must have the encoding UTF8; got {encoding!s}")
    if is_reader:
        return
    if is_standby:
        raise StoreError(f"{address.shown} is a standby, which takes no writes; use the address of the primary server")
    for setting, value in (("fsync", fsync), ("full_page_writes", pages)):
        if value != "on":
            raise StoreError(f"{address.shown} has {setting}={value}, so a power cut loses commits; set {setting}=on")
    if commit not in _DURABLE:
        execute(connection, "SET synchronous_commit = on")


def timeline_of(connection: Connection) -> str:
    """The timeline of a primary server."""
    return str(execute(connection, _TIMELINE)[0][0])


def execute(connection: Connection, query: str, values: Sequence[Any] = ()) -> list[Row]:
    """Run a statement to its end and return all its rows."""
    cursor = connection.execute(query.encode(), values or None, binary=True)
    return cursor.fetchall() if cursor.description else []


def execute_all(connection: Connection, statements: Sequence[Statement]) -> list[list[Row]]:
    """Run statements in one round trip, and return the rows of each."""
    with connection.pipeline():
        cursors = [connection.execute(query.encode(), values or None, binary=True) for query, values in statements]
    return [cursor.fetchall() if cursor.description else [] for cursor in cursors]


def is_lost(connection: Connection | None) -> bool:
    """Whether a connection is of no use any more; None: it could not be made."""
    return connection is None or connection.closed or connection.broken


def close_quietly(connection: Connection) -> None:
    """Close it; where that fails nothing can be done about it."""
    with suppress(psycopg.Error):
        connection.close()


def is_refusal(error: BaseException) -> bool:
    """Whether the server, or the driver before it, refuses one value; then it is sound, and nothing was committed."""
    # Of the class 54 is a text that is too long for an index.
    is_limit = isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith("54")
    return is_limit or isinstance(error, psycopg.DataError | psycopg.IntegrityError | UnicodeError | OverflowError)


def reason_of(error: Exception) -> str:
    """Return the problem, and how to solve it."""
    text = " ".join(str(error).split()) or type(error).__name__
    match error:
        case errors.DiskFull():
            return "the disk of the server is full; make room"
        case errors.InsufficientPrivilege():
            return f"{text}; grant the role CREATE on the database, and USAGE and all rights on the schema"
        case errors.InvalidPassword() | errors.InvalidAuthorizationSpecification():
            return f"{text}; check the user and the password"
        case errors.QueryCanceled():
            return f"a statement took longer than {_TIMEOUTS['statement_timeout'] // 1000} s; look for load and locks on the server"
        case errors.LockNotAvailable():
            return f"a lock was not free within {_TIMEOUTS['lock_timeout'] // 1000} s; look for open transactions on the server"
        case errors.DataCorrupted() | errors.IndexCorrupted():
            return f"{text}; the files of the server are damaged: restore a backup"
        case errors.UndefinedTable() | errors.InvalidSchemaName():
            return f"{text}; the tables of dagflow were removed or renamed: restore a backup"
        case _:
            return text
