"""The rows about published flows: every version, with its author and its manifest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import apsw

from dagflow.errors import WriteRefused
from dagflow.ids import FlowDigest
from dagflow.store.service_rows import PublishedRow
from dagflow.store.sqlite.checksums import checksum
from dagflow.store.sqlite.connection import Value, execute, first_of

_COLUMNS: Final = "flow, number, digest, state, at, author, comment, manifest, text, checksum"
_INSERT: Final = f"INSERT INTO published ({_COLUMNS}) VALUES ({', '.join('?' * 10)})"  # noqa: S608 - all are constants
_HAS: Final = "SELECT 1 FROM published WHERE flow = ? AND number = ?"
_SET_STATE: Final = """
    UPDATE published SET state = ?2 WHERE flow = ?1 AND number = (SELECT max(number) FROM published WHERE flow = ?1)"""
SELECT_NEWEST: Final = f"""
    SELECT {_COLUMNS} FROM published AS one
    WHERE number = (SELECT max(number) FROM published AS other WHERE other.flow = one.flow) ORDER BY flow"""  # noqa: S608
SELECT_VERSIONS: Final = f"SELECT {_COLUMNS} FROM published WHERE flow = ? ORDER BY number DESC"  # noqa: S608
_ALL: Final = f"SELECT {_COLUMNS} FROM published"  # noqa: S608


def insert(connection: apsw.Connection, row: PublishedRow) -> None:
    """Keep a version; its flow has to be there. Raises WriteRefused if there is one of that number."""
    if first_of(connection, _HAS, (row.flow, row.number)) is not None:
        raise WriteRefused(f"flow {row.flow!r} has a version {row.number} already")
    values = (row.flow, row.number, row.digest, row.state, row.at, row.author, row.comment, row.manifest, row.text)
    execute(connection, _INSERT, (*values, _sum(values)))


def note_state(connection: apsw.Connection, flow: str, state: str) -> None:
    """Keep the state of a flow."""
    execute(connection, _SET_STATE, (flow, state))


def read(row: tuple[Value, ...]) -> PublishedRow:
    """Return a version. If it is damaged, its state is `damaged`: it may not start runs; other versions may."""
    flow, number, digest, state, at, author, comment, manifest, text, stored = row
    if stored != _sum(row[:-1]) or not isinstance(manifest, bytes):
        state, manifest = "damaged", b"{}"
    return PublishedRow(
        flow=str(flow),
        number=int(str(number)),
        digest=FlowDigest(str(digest)),
        state=str(state),
        at=int(str(at)),
        author=str(author),
        comment=str(comment),
        manifest=manifest,
        text=str(text),
    )


def problems_of(read_rows: Callable[..., list[tuple[Value, ...]]]) -> list[str]:
    """Return the problems of these rows; `read_rows` runs a query."""
    return [
        f"version {row[1]!r} of the published flow {row[0]!r} is damaged"
        for row in read_rows(_ALL)
        if row[-1] != _sum(row[:-1])
    ]


def _sum(values: tuple[Value, ...]) -> int:
    """Of all but the state, which changes."""
    flow, number, digest, _, at, author, comment, manifest, text = values
    return checksum(manifest if isinstance(manifest, bytes) else None, flow, number, digest, at, author, comment, text)
