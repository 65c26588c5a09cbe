"""The rows about published flows: every version, with its author and its manifest."""

from __future__ import annotations

from typing import Final

from dagflow.errors import WriteRefused
from dagflow.ids import FlowDigest
from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.values import Execute, Read, Row
from dagflow.store.service_rows import PublishedRow

_COLUMNS: Final = "tenant, flow, number, digest, state, at, author, comment, manifest, text, checksum"
_INSERT: Final = f"INSERT INTO published ({_COLUMNS}) VALUES ({', '.join('?' * 11)})"  # noqa: S608 - all are constants
_HAS: Final = "SELECT 1 FROM published WHERE tenant = ? AND flow = ? AND number = ?"
_SET_STATE: Final = """
    UPDATE published SET state = ?3 WHERE tenant = ?1 AND flow = ?2
    AND number = (SELECT max(number) FROM published WHERE tenant = ?1 AND flow = ?2)"""
SELECT_VERSIONS: Final = f"SELECT {_COLUMNS} FROM published WHERE tenant = ? AND flow = ? ORDER BY number DESC"  # noqa: S608
SELECT_NEWEST: Final = f"{SELECT_VERSIONS} LIMIT 1"
SELECT_NEWEST_OF_ALL: Final = f"""
    SELECT {_COLUMNS} FROM published AS one
    WHERE tenant = ?
    AND number = (SELECT max(number) FROM published AS other WHERE other.tenant = one.tenant AND other.flow = one.flow)
    ORDER BY flow"""  # noqa: S608
_ALL: Final = f"SELECT {_COLUMNS} FROM published"  # noqa: S608


def insert(execute: Execute, row: PublishedRow) -> None:
    """Keep a version; its flow has to be there. Raises WriteRefused if there is one of that number."""
    if execute(_HAS, (row.tenant, row.flow, row.number)):
        raise WriteRefused(f"flow {row.flow!r} has a version {row.number} already")
    head = (row.tenant, row.flow, row.number, row.digest, row.state)
    values = (*head, row.at, row.author, row.comment, row.manifest, row.text)
    execute(_INSERT, (*values, _sum(values)))


def note_state(execute: Execute, tenant: str, flow: str, state: str) -> None:
    """Keep the state of a flow."""
    execute(_SET_STATE, (tenant, flow, state))


def read(row: Row) -> PublishedRow:
    """Return a version. If it is damaged, its state is `damaged`: it may not start runs; other versions may."""
    tenant, flow, number, digest, state, at, author, comment, manifest, text, stored = row
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
        tenant=str(tenant),
    )


def problems_of(read_rows: Read) -> list[str]:
    """Return the problems of these rows; `read_rows` runs a query."""
    return [
        f"version {row[2]!r} of the published flow {row[1]!r} is damaged"
        for row in read_rows(_ALL)
        if row[-1] != _sum(row[:-1])
    ]


def _sum(values: Row) -> int:
    """Of all but the state, which changes."""
    tenant, flow, number, digest, _, at, author, comment, manifest, text = values
    return checksum(manifest if isinstance(manifest, bytes) else None, tenant, flow, number, digest, at, author, comment, text)
