"""Rows with a text that is no text: SQLite keeps whatever bytes a damaged file has."""

from __future__ import annotations

import re
from typing import Final

from dagflow.errors import StoreError
from dagflow.store.rows import runs
from dagflow.store.rows.values import Row

_TEXTS: Final = "id|tenant|flow|digest|parent|status|name|run"


class NotText(StoreError):  # noqa: N818 - names the problem
    """A text of a row is no UTF-8."""


def in_bytes(query: str) -> str:
    """The same query, with its texts as bytes: for rows of which one is no text."""
    for columns in (runs.RUN_COLUMNS, runs.OF_RUN, runs.EVENT_COLUMNS):
        cast_columns = re.sub(rf"\b((?:run\.)?(?:{_TEXTS}))\b", r"CAST(\1 AS BLOB)", columns)
        query = query.replace(f"SELECT {columns} ", f"SELECT {cast_columns} ")
    return query


def as_texts(row: Row, columns: str) -> Row:
    """A row that was read by such a query, with its texts as far as they are."""
    names = columns.split(", ")
    return tuple(
        value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) and name in _TEXTS.split("|") else value
        for value, name in zip(row, names, strict=True)
    )
