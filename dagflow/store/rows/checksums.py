"""Checksums beside every row, so that damage is detected."""

from __future__ import annotations

import zlib

from dagflow.store.api import RunRow
from dagflow.store.rows.values import Value


def row_checksum(row: RunRow) -> int:
    """Of what never changes about a run."""
    parts = (row.parent,) if row.parent else ()
    return checksum(None, row.id, row.tenant, row.flow, row.digest, row.created_at, *parts)


def checksum(body: bytes | None, *values: Value) -> int:
    """CRC-32 of a body and what belongs to it; `repr` keeps neighbours and types apart, and is spared the long part."""
    return zlib.crc32(body or b"", zlib.crc32(repr((body is None, values)).encode("utf-8", "surrogatepass")))
