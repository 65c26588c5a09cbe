"""Large payloads, stored once by their hash, with the runs that use them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dagflow.store.rows.packing import name_of
from dagflow.store.rows.values import Execute, Read, Row, Value

SELECT: Final = "SELECT body FROM body WHERE name = ?"
#: Bodies that one slice removes; some have a megabyte.
_SLICE: Final = 20
_LET_GO: Final = """
    DELETE FROM body_use WHERE run = ?1 AND body IN (SELECT body FROM body_use WHERE run = ?1 LIMIT ?2) RETURNING body"""
_FORGET: Final = "DELETE FROM body WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM body_use WHERE body = ?1)"
_UNUSED: Final = """
    SELECT key FROM body WHERE NOT EXISTS (SELECT 1 FROM body_use WHERE body_use.body = body.key) LIMIT 5"""


def read(found: Sequence[Row], name: bytes) -> bytes:
    """Return the body found by that name. Raises ValueError if it is damaged."""
    body = found[0][0] if found else None
    if not isinstance(body, bytes) or name_of(body) != name:
        raise ValueError(f"the body {name.hex()} is not what was written")
    return body


def remove_slice(execute: Execute, run: Value) -> bool:
    """Release some bodies of the run with this key, and remove those without another user; return whether there may be more."""
    let_go = execute(_LET_GO, (run, _SLICE))
    for row in let_go:
        execute(_FORGET, row)
    return len(let_go) == _SLICE


def problems_of(read_rows: Read) -> list[str]:
    """Return the unused bodies; `read_rows` runs a query."""
    return [f"body number {row[0]!r} is used by no run" for row in read_rows(_UNUSED)]
