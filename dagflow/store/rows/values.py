"""The values of rows, and how statements reach a database.

Statements have SQLite's placeholders, `?` or `?1`; the Postgres store turns them into its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

#: The values of a row, the same in every database: integers have 64 bits.
Value: TypeAlias = "int | float | str | bytes | None"
Row: TypeAlias = tuple[Value, ...]


class Execute(Protocol):
    """Runs a statement inside of a transaction, and returns all its rows."""

    def __call__(self, query: str, values: Sequence[Value] = (), /) -> list[Row]: ...


class Read(Protocol):
    """Runs a query, and returns all its rows."""

    def __call__(self, query: str, *values: Value) -> list[Row]: ...


def first_of(rows: Sequence[Row]) -> Value:
    """The first value of the first row; None if there is no row."""
    return rows[0][0] if rows else None
