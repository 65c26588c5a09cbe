"""Pack the history events of one commit into few rows; store large payloads once.

A row of the history costs some microseconds of its own: its checksum, its place in the tree, its values one by one through the
database's interface. Events come together, two and more in one commit, so those of one commit share a row: of the kind
`facts`, with their number in place of an attempt, at the place and the instant of the first of them. Its payload is a line of JSON
that says of each event its instant after that of the first, its kind, its node, its attempt and the length of its payload; behind it are
the payloads, one after the other.

The store keeps a large payload beside the history, by its hash, so that a thousand runs with the same input share it. Of such an event
the line says how many bytes of the payload are in the row, before the others, and the hash of the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

import attrs
import orjson

from dagflow.store.api import Record
from dagflow.store.codec.events import Entries

#: The kind of such a row; no event has it.
PACK: Final = "facts"
#: Larger payloads are stored by their hash.
LARGE: Final = 16 * 1024
#: A row holds so many events at most, and so many bytes of payloads, or one event; so removing rows in slices stays quick.
_MOST_FACTS: Final = 256
_MOST_BYTES: Final = LARGE
#: The payload of a run's start has the input behind this; the part before it differs for each run.
_INPUT: Final = b'"input":'
_INPUT_BY: Final = 1_024

#: A history event or a pack of them: number, instant, kind, node, attempt, payload.
Packet: TypeAlias = tuple[int, int, str, str, int, bytes | None]
#: The large payloads, by their SHA-256.
Bodies: TypeAlias = dict[bytes, bytes]

_Part: TypeAlias = tuple[int, str, str, int, bytes | None]
#: The fields of a history event in the first line of a row.
_Line: TypeAlias = tuple[int, str, str, int, int | tuple[int, str] | None]


@attrs.define(eq=False)
class Packed:
    """Events as rows, and what these name by its hash. Rows begin with the number of their first event."""

    rows: list[Packet] = attrs.field(factory=list)
    bodies: Bodies = attrs.field(factory=dict)
    _head: list[_Line] = attrs.field(factory=list)
    _inside: list[bytes] = attrs.field(factory=list)

    def _put_aside(self, payload: bytes) -> tuple[int, str]:
        """Store a large payload by its hash, except the part before the input of a run."""
        place = payload.find(_INPUT, 0, _INPUT_BY)
        n_inside = 0 if place < 0 else place + len(_INPUT)
        body = payload[n_inside:]
        name = name_of(body)
        self.bodies[name] = body
        self._inside.append(payload[:n_inside])
        return n_inside, name.hex()

    def add(self, seq: int, records: Iterable[_Part]) -> None:
        """Pack these history events, the first of which has that number."""
        first_at = n_bytes = 0
        for at, kind, node, attempt, payload in records:
            head = self._head
            size = 0 if payload is None else len(payload)
            if head and (len(head) >= _MOST_FACTS or n_bytes + size > _MOST_BYTES):
                seq = self._close(seq, first_at)
                head, n_bytes = self._head, 0
            if not head:
                first_at = at
            if payload is None:
                head.append((at - first_at, kind, node, attempt, None))
                continue
            n_bytes += size
            if size > LARGE:
                head.append((at - first_at, kind, node, attempt, self._put_aside(payload)))
            else:
                head.append((at - first_at, kind, node, attempt, size))
                self._inside.append(payload)
        if self._head:
            self._close(seq, first_at)

    def _close(self, seq: int, at: int) -> int:
        """The row is full, or there is no more. Returns the number of the next event."""
        (_, kind, node, attempt, length), *others = head = self._head
        if others or isinstance(length, tuple):
            payload = b"\n".join((orjson.dumps(head), b"".join(self._inside)))
            self.rows.append((seq, at, PACK, "", len(head), payload))
        else:
            self.rows.append((seq, at, kind, node, attempt, None if length is None else self._inside[0]))
        self._head, self._inside = [], []
        return seq + len(head)


def packed(first: int, records: Sequence[Record]) -> Packed:
    """The rows for these history events, the first of which has that number."""
    parts = list(records.parts() if isinstance(records, Entries) else map(_part, records))
    found = Packed()
    if len(parts) <= _MOST_FACTS and sum([len(part[4] or b"") for part in parts]) <= _MOST_BYTES:
        # As `add` does it, for what most commits have: a few events that share a row.
        found.rows += [_row(first, parts)] if parts else []
    else:
        found.add(first, parts)
    return found


def _row(first: int, parts: list[_Part]) -> Packet:
    at, kind, node, attempt, payload = parts[0]
    if len(parts) == 1:
        return first, at, kind, node, attempt, payload
    head = [(part[0] - at, part[1], part[2], part[3], None if part[4] is None else len(part[4])) for part in parts]
    inside = b"".join([part[4] for part in parts if part[4] is not None])
    return first, at, PACK, "", len(parts), b"\n".join((orjson.dumps(head), inside))


def unpacked(row: Packet, body_of: Callable[[bytes], bytes]) -> list[Record]:
    """Unpack a row; `body_of` finds a payload by its hash. Raises ValueError or TypeError if `packed` cannot have made it."""
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
        raise ValueError(f"a row of {attempt} events has {len(records)}, and {len(inside)} bytes where {place} are told of")
    return records


def name_of(body: bytes) -> bytes:
    """Return the hash by which a large payload is stored."""
    return hashlib.sha256(body).digest()


def _part(record: Record) -> _Part:
    return record.at, record.kind, record.node, record.attempt, record.payload
