"""Facts that are written together, as few rows.

A row of the history costs some microseconds of its own: its checksum, its place in the tree, its values one by one through the
database's interface. Facts come together, two and more in one commit, so those of one commit share a row: of the kind
`facts`, with their number in place of an attempt, at the place and the instant of the first of them. Its payload is a line of JSON
that says of each fact its instant after that of the first, its kind, its node, its attempt and the length of its payload; behind it are
the payloads, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import orjson

from dagflow.store.api import Record
from dagflow.store.facts import Facts

#: The kind of such a row; no fact has it.
PACK: Final = "facts"
#: A row holds so many facts at most, and so many bytes of payloads, or one fact; so removing rows in slices stays quick.
_MOST_FACTS: Final = 256
_MOST_BYTES: Final = 16 * 1024

#: A fact or a pack of them: number, instant, kind, node, attempt, payload.
Row: TypeAlias = tuple[int, int, str, str, int, bytes | None]


def packed(first: int, records: Sequence[Record]) -> list[Row]:
    """The rows for these facts, the first of which has that number."""
    parts = list(_parts(records))
    rows: list[Row] = []
    begun = n_bytes = 0
    for n, part in enumerate(parts):
        payload = part[4]
        size = 0 if payload is None else len(payload)
        if n > begun and (n - begun >= _MOST_FACTS or n_bytes + size > _MOST_BYTES):
            rows.append(_row(first + begun, parts[begun:n]))
            begun, n_bytes = n, 0
        n_bytes += size
    if parts:
        rows.append(_row(first + begun, parts[begun:]))
    return rows


def unpacked(row: Row) -> list[Record]:
    """The facts of a row. Raises ValueError if it is not a row that `packed` makes."""
    _, at, kind, node, attempt, payload = row
    if kind != PACK:
        return [Record(kind, at, node, attempt, payload)]
    head, _, bodies = (payload or b"").partition(b"\n")
    records: list[Record] = []
    place = 0
    for later, of_kind, of_node, of_attempt, length in orjson.loads(head):
        body = None if length is None else bodies[place : place + length]
        place += length or 0
        records.append(Record(of_kind, at + later, of_node, of_attempt, body))
    if place != len(bodies) or len(records) != attempt:
        raise ValueError(f"a row of {attempt} facts has {len(records)}, and {len(bodies)} bytes where {place} are told of")
    return records


_Part: TypeAlias = tuple[int, str, str, int, bytes | None]


def _parts(records: Sequence[Record]) -> Iterable[_Part]:
    if isinstance(records, Facts):
        return records.parts()
    return ((record.at, record.kind, record.node, record.attempt, record.payload) for record in records)


def _row(seq: int, parts: Sequence[_Part]) -> Row:
    if len(parts) == 1:
        ((at, kind, node, attempt, payload),) = parts
        return seq, at, kind, node, attempt, payload
    begun = parts[0][0]
    head = [
        (at - begun, kind, node, attempt, None if payload is None else len(payload))
        for at, kind, node, attempt, payload in parts
    ]
    bodies = [payload for *_, payload in parts if payload is not None]
    return seq, begun, PACK, "", len(parts), b"\n".join((orjson.dumps(head), b"".join(bodies)))
