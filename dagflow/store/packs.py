"""Facts that are written together, as few rows; and what is large, once.

A row of the history costs some microseconds of its own: its checksum, its place in the tree, its values one by one through the
database's interface. Facts come together, two and more in one commit, so those of one commit share a row: of the kind
`facts`, with their number in place of an attempt, at the place and the instant of the first of them. Its payload is a line of JSON
that says of each fact its instant after that of the first, its kind, its node, its attempt and the length of its payload; behind it are
the payloads, one after the other.

A large payload is kept beside the history, by its hash, so that a thousand runs with the same input keep it once. Of such a fact
the line says how many bytes of the payload are in the row, before the others, and the hash of the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

import attrs
import orjson

from dagflow.store.api import Record
from dagflow.store.facts import Facts

#: The kind of such a row; no fact has it.
PACK: Final = "facts"
#: Payloads beyond this are kept by their hash.
LARGE: Final = 16 * 1024
#: A row holds so many facts at most, and so many bytes of payloads, or one fact; so removing rows in slices stays quick.
_MOST_FACTS: Final = 256
_MOST_BYTES: Final = LARGE
#: What starts a run has the input behind this; what comes before it is another for each run.
_INPUT: Final = b'"input":'
_INPUT_BY: Final = 1_024

#: A fact or a pack of them: number, instant, kind, node, attempt, payload.
Row: TypeAlias = tuple[int, int, str, str, int, bytes | None]
#: What is large, by its SHA-256.
Bodies: TypeAlias = dict[bytes, bytes]

_Part: TypeAlias = tuple[int, str, str, int, bytes | None]


@attrs.frozen
class Packed:
    """Rows, and what they name by its hash."""

    rows: list[Row]
    bodies: Bodies


def packed(first: int, records: Sequence[Record]) -> Packed:
    """The rows for these facts, the first of which has that number."""
    parts = list(_parts(records))
    found = Packed([], {})
    begun = n_bytes = 0
    for n, part in enumerate(parts):
        size = 0 if part[4] is None else len(part[4])
        if n > begun and (n - begun >= _MOST_FACTS or n_bytes + size > _MOST_BYTES):
            found.rows.append(_row(first + begun, parts[begun:n], found.bodies))
            begun, n_bytes = n, 0
        n_bytes += size
    if parts:
        found.rows.append(_row(first + begun, parts[begun:], found.bodies))
    return found


def unpacked(row: Row, body_of: Callable[[bytes], bytes]) -> list[Record]:
    """The facts of a row; `body_of` gives what is kept by its hash. Raises ValueError or TypeError if it is no row that `packed` makes."""
    _, at, kind, node, attempt, payload = row
    if kind != PACK:
        return [Record(kind, at, node, attempt, payload)]
    head, _, inside = (payload or b"").partition(b"\n")
    records: list[Record] = []
    place = 0
    for later, of_kind, of_node, of_attempt, length in orjson.loads(head):
        if length is None:
            body = None
        elif isinstance(length, int):
            body = inside[place : place + length]
            place += length
        else:
            n_inside, name = length
            body = inside[place : place + n_inside] + body_of(bytes.fromhex(name))
            place += n_inside
        records.append(Record(of_kind, at + later, of_node, of_attempt, body))
    if place != len(inside) or len(records) != attempt:
        raise ValueError(f"a row of {attempt} facts has {len(records)}, and {len(inside)} bytes where {place} are told of")
    return records


def name_of(body: bytes) -> bytes:
    """The hash a large payload is kept by."""
    return hashlib.sha256(body).digest()


def _parts(records: Sequence[Record]) -> Iterable[_Part]:
    if isinstance(records, Facts):
        return records.parts()
    return ((record.at, record.kind, record.node, record.attempt, record.payload) for record in records)


def _row(seq: int, parts: Sequence[_Part], bodies: Bodies) -> Row:
    at, kind, node, attempt, payload = parts[0]
    if len(parts) == 1 and (payload is None or len(payload) <= LARGE):
        return seq, at, kind, node, attempt, payload
    head: list[tuple[int, str, str, int, object]] = []
    inside: list[bytes] = []
    for of_at, of_kind, of_node, of_attempt, of_payload in parts:
        length: object = None
        if of_payload is not None:
            length = len(of_payload)
            if length <= LARGE:
                inside.append(of_payload)
            else:
                length = _put_aside(of_payload, inside, bodies)
        head.append((of_at - at, of_kind, of_node, of_attempt, length))
    return seq, at, PACK, "", len(parts), b"\n".join((orjson.dumps(head), b"".join(inside)))


def _put_aside(payload: bytes, inside: list[bytes], bodies: Bodies) -> tuple[int, str]:
    place = payload.find(_INPUT, 0, _INPUT_BY)
    n_inside = 0 if place < 0 else place + len(_INPUT)
    body = payload[n_inside:]
    name = name_of(body)
    bodies[name] = body
    inside.append(payload[:n_inside])
    return n_inside, name.hex()
