"""Statements of `store.rows` in the words of Postgres, and statements that write many rows at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, TypeAlias

from dagflow.store.rows.values import Row, Value

#: A statement and its parameters; one that writes many rows has a list for each column.
Statement: TypeAlias = tuple[str, Sequence["Value | Sequence[Value]"]]

#: What SQLite has other words for.
_WORDS: Final = (
    ("CROSS JOIN", "JOIN"),
    ("max(at, since, accepted_at)", "greatest(at, since, accepted_at)"),
)
_PLACE: Final = re.compile(r"\?(\d*)")


@cache
def in_postgres(query: str) -> str:
    """A statement of `store.rows` for Postgres; its placeholders are `$1`, `$2` and so on."""
    for word, other in _WORDS:
        query = query.replace(word, other)
    numbers = iter(range(1, 100))
    return _PLACE.sub(lambda place: f"${place[1] or next(numbers)}", query)


def rows_of(columns: str, *, first: int = 1) -> str:
    """`unnest` of parameters that are lists, one for each column, from `$first` on. `columns`: names and types, as of a table."""
    types = [column.split()[1] for column in columns.split(", ")]
    return f"unnest({', '.join(f'${n}::{type_}[]' for n, type_ in enumerate(types, first))})"


def names_of(columns: str) -> str:
    """The names of columns that are written with their types."""
    return ", ".join(column.split()[0] for column in columns.split(", "))


def insert_into(table: str, columns: str, conflict: str = "") -> str:
    """A statement that inserts many rows; `conflict` is its end."""
    return f"INSERT INTO {table} ({names_of(columns)}) SELECT * FROM {rows_of(columns)} {conflict}".rstrip()  # noqa: S608 - all are constants


def replacing(columns: str, key: str) -> str:
    """The end of a statement that replaces the rows with the same key."""
    names = [name for name in names_of(columns).split(", ") if name not in key.split(", ")]
    return f"ON CONFLICT ({key}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}"


def many(query: str, rows: Iterable[Row]) -> list[Statement]:
    """The statement that writes these rows; none if there are no rows."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return [(query, columns)] if columns else []
