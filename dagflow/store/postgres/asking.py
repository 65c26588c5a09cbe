"""Leave a call in the inbox inside a transaction of the caller, through the caller's own connection."""

from __future__ import annotations

import inspect
from typing import Any, Final

import psycopg

from dagflow.errors import UsageError
from dagflow.ids import new_call_id
from dagflow.store.postgres.address import address_of, channel_of

#: One statement, so that it is whole in a connection that commits each by itself too. The server notifies after the commit.
_ASK: Final = """
    WITH asked AS (INSERT INTO "{schema}".inbox (id, tenant, name, arguments) VALUES (%s, %s, %s, %s) RETURNING 1)
    SELECT pg_notify('{channel}', '') FROM asked"""
_FIT: Final = (
    "a connection or cursor of psycopg, a Connection or Session of SQLAlchemy, or the connection of Django, each to Postgres"
)


def ask_in(connection: object, url: str, tenant: str, name: str, arguments: str) -> None:
    """Leave a call that needs no answer.

    Args:
        connection: to the database of the store.
        url: of the store.
        tenant, name, arguments: see `AskedCall`.

    Raises:
        UsageError: the connection is none of those that fit, or it is asynchronous.
        StoreError: the URL does not fit.
        Exception: the statement failed; the connection's own exception.
    """
    schema = address_of(url).schema
    query = _ASK.format(schema=schema, channel=channel_of(schema))
    _run(connection, query, (new_call_id(), tenant, name, arguments))


def _run(connection: Any, query: str, values: tuple[str, ...]) -> None:
    if isinstance(connection, psycopg.Cursor):
        connection = connection.connection
    if isinstance(connection, psycopg.Connection):
        # The caller's own cursors may have other placeholders.
        psycopg.Cursor[Any](connection).execute(query.encode(), values)  # pyright: ignore[reportUnknownArgumentType]
    elif _dialect(connection):
        alchemy = connection.connection() if callable(getattr(connection, "connection", None)) else connection
        if alchemy.dialect.paramstyle == "numeric_dollar":
            for number in range(1, len(values) + 1):
                query = query.replace("%s", f"${number}", 1)
        alchemy.exec_driver_sql(query, values)
    elif getattr(connection, "vendor", "") == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(query, values)
    else:
        raise UsageError(f"`connection` must be {_FIT}; got {type(connection).__module__}.{type(connection).__qualname__}")


def _dialect(connection: Any) -> bool:
    """Whether this is a connection or a session of SQLAlchemy to Postgres that does not have to be awaited."""
    execute = getattr(connection, "execute", None)
    if execute is None or inspect.iscoroutinefunction(execute):
        return False
    bind = connection.get_bind() if hasattr(connection, "get_bind") else connection
    return getattr(getattr(bind, "dialect", None), "name", "") == "postgresql"
