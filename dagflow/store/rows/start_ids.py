"""The ids that callers gave to starts, so that a start that is repeated starts nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dagflow.ids import RunId
from dagflow.store.api import RunRow, StartName
from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.values import Read, Row, Value

_ALL: Final = "SELECT run.id, start.tenant, start.id, start.content, start.checksum FROM start JOIN run ON run.key = start.run"
SELECT: Final = f"{_ALL} WHERE start.tenant = ? AND start.id = ?"


def values_of(row: RunRow, name: StartName) -> tuple[str, str, bytes, int]:
    """The name of the start of a run: its tenant, id, content and checksum."""
    return row.tenant, name.id, name.content, _sum(row.id, row.tenant, name.id, name.content)


def read(found: Sequence[Row]) -> tuple[RunId, bytes] | None:
    """The run that was started under a name, and what with."""
    if not found:
        return None
    run, _, _, content, _ = found[0]
    return RunId(str(run)), content if isinstance(content, bytes) else b""


def problems_of(read_rows: Read) -> list[str]:
    """Return the problems of these rows; `read_rows` runs a query."""
    return [
        f"the name {name!r} of the start of run {run!r} is not what was written"
        for run, tenant, name, content, stored in read_rows(_ALL)
        if stored != _sum(run, tenant, name, content)
    ]


def _sum(run: Value, tenant: Value, name: Value, content: Value) -> int:
    return checksum(content if isinstance(content, bytes) else None, tenant, name, run)
