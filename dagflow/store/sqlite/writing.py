"""Writes runs, their histories and their other rows into SQLite, one row at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, TypeAlias, cast

import apsw

from dagflow.ids import RunId
from dagflow.store.api import Append, Creation, Record, SentEvent, WaitRow
from dagflow.store.rows import listeners, runs, start_ids, waits
from dagflow.store.rows import requests as request_rows
from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.values import Value
from dagflow.store.service_rows import Looked, RequestRow
from dagflow.store.sqlite.connection import execute, first_of

_INSERT_RUN: Final = (
    f"INSERT INTO run ({runs.RUN_COLUMNS}) VALUES ({', '.join('?' * 11)}) ON CONFLICT (id) DO NOTHING RETURNING key"  # noqa: S608 - all are constants
)
_SELECT_RUN: Final = "SELECT key, status, ended_at, due_at, checksum FROM run WHERE id = ?"
_CHANGE_RUN: Final = "UPDATE run SET status = ?, ended_at = ?, due_at = ?, checksum = ? WHERE key = ?"
_SET_LENGTH: Final = f"UPDATE history SET at = ?, checksum = ? WHERE run = ? AND seq = {runs.LENGTH_SEQ} AND at = ?"  # noqa: S608
_INSERT_RECORD: Final = """
    INSERT INTO history (run, seq, at, kind, node, attempt, payload, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_BODY: Final = "INSERT INTO body (name, body) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
_USE_BODY: Final = "INSERT INTO body_use (run, body) SELECT ?, key FROM body WHERE name = ? ON CONFLICT DO NOTHING"
_INSERT_EVENT: Final = f"INSERT INTO event ({runs.EVENT_COLUMNS}) VALUES ({', '.join('?' * 9)})"  # noqa: S608
_INSERT_WAIT: Final = (
    "INSERT INTO wait (tenant, event, path, key, checksum, run) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_CLEAR_WAITS: Final = "DELETE FROM wait WHERE run = ?"
_INSERT_START: Final = "INSERT INTO start (tenant, id, content, checksum, run) VALUES (?, ?, ?, ?, ?)"
_SET_REQUEST: Final = f"INSERT OR REPLACE INTO request ({request_rows.COLUMNS}) VALUES ({', '.join('?' * 19)})"  # noqa: S608
_END_REQUEST: Final = "UPDATE request SET stage = 'ended' WHERE run = ? AND stage = 'running'"
_SET_CLAIM: Final = "INSERT OR REPLACE INTO claim (tenant, flow, key, until, checksum) VALUES (?, ?, ?, ?, ?)"
_SET_LOOKED: Final = "INSERT OR REPLACE INTO looked (one, event, checksum) VALUES (1, ?, ?)"

#: By its id, the key of a run that has not ended, and what its row says, with the checksum.
Known: TypeAlias = dict[RunId, tuple[Value, runs.Changing, Value]]
_MOST_KNOWN: Final = 20_000


def insert_runs(connection: apsw.Connection, creations: Sequence[Creation], known: Known) -> None:
    """Begin runs. Raises StoreError if an id is in use."""
    digests: set[str] = set()
    for creation in creations:
        digest = creation.row.digest
        if digest not in digests:
            digests.add(digest)
            execute(connection, runs.INSERT_FLOW, (digest, creation.flow, checksum(creation.flow, digest)))
        _insert_run(connection, creation, known)


def _insert_run(connection: apsw.Connection, creation: Creation, known: Known) -> None:
    row = creation.row
    values = runs.creation_values(creation)
    key = first_of(connection, _INSERT_RUN, values)
    if key is None:
        raise runs.taken(row.id)
    if row.ended_at is None:
        _note(known, row.id, (key, (str(row.status), row.ended_at, row.due_at), values[-1]))
    execute(connection, _INSERT_RECORD, (key, *runs.length_values(row.id, len(creation.records), values[-1])))
    _insert_records(connection, key, row.id, 0, creation.records)
    insert_events(connection, creation.events)
    if creation.waits:
        _insert_waits(connection, key, row.id, creation.waits)
    if creation.name is not None:
        execute(connection, _INSERT_START, (*start_ids.values_of(row, creation.name), key))
    if creation.request is not None:
        write_requests(connection, [creation.request], None)
        if row.ended_at is not None:
            execute(connection, _END_REQUEST, (row.id,))


def append(connection: apsw.Connection, added: Append, known: Known) -> None:
    """Add events of its history and sent events to a run, and change its row. Raises StoreError if its history has not the length they build on."""
    key = _changed(connection, added, known)
    _insert_records(connection, key, added.run, added.first, added.records)
    insert_events(connection, added.events)
    if added.waits is not None:
        execute(connection, _CLEAR_WAITS, (key,))
        _insert_waits(connection, key, added.run, added.waits)
    if added.ended_at is not None:
        execute(connection, _END_REQUEST, (added.run,))


def _changed(connection: apsw.Connection, added: Append, known: Known) -> Value:
    """Change the length of a history, and the row of its run if that says other than before; returns the key of the run."""
    key, before, row_sum = known.get(added.run) or _found(connection, added)
    changing = (str(added.status), added.ended_at, added.due_at)
    if changing != before:
        values = runs.changing_values(added.run, changing)
        execute(connection, _CHANGE_RUN, (*values, key))
        row_sum = values[-1]
    length = added.first + len(added.records)
    execute(connection, _SET_LENGTH, (length, runs.length_sum(added.run, length, row_sum), key, added.first))
    if not connection.changes():
        raise runs.misplaced(added.run, added.first, first_of(connection, runs.SELECT_LENGTH, (added.run,)))
    if added.ended_at is None:
        _note(known, added.run, (key, changing, row_sum))
    else:
        known.pop(added.run, None)
    return key


def _found(connection: apsw.Connection, added: Append) -> tuple[Value, runs.Changing, Value]:
    rows = execute(connection, _SELECT_RUN, (added.run,))
    if not rows:
        raise runs.misplaced(added.run, added.first, None)
    key, status, ended_at, due_at, row_sum = rows[0]
    return key, cast("runs.Changing", (status, ended_at, due_at)), row_sum


def _note(known: Known, run: RunId, row: tuple[Value, runs.Changing, Value]) -> None:
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[run] = row


def _insert_records(connection: apsw.Connection, key: Value, run: str, first: int, records: Sequence[Record]) -> None:
    rows, bodies = runs.record_values(run, first, records)
    for name, body in bodies.items():
        execute(connection, _INSERT_BODY, (name, body))
        execute(connection, _USE_BODY, (key, name))
    for row in rows:
        execute(connection, _INSERT_RECORD, (key, *row))


def insert_events(connection: apsw.Connection, events: Sequence[SentEvent]) -> None:
    """Keep events."""
    for event in events:
        execute(connection, _INSERT_EVENT, runs.event_values(event))


def _insert_waits(connection: apsw.Connection, key: Value, run: str, rows: Sequence[WaitRow]) -> None:
    for row in rows:
        execute(connection, _INSERT_WAIT, (*waits.values_of(row, run), key))


def write_requests(connection: apsw.Connection, requests: Sequence[RequestRow], looked: Looked | None) -> None:
    """Keep these; see `ServiceStore.note_requests`."""
    for row in requests:
        execute(connection, _SET_REQUEST, request_rows.values_of(row))
        claim = request_rows.claim_of(row)
        if claim is not None:
            execute(connection, _SET_CLAIM, claim)
    if looked is not None:
        execute(connection, _SET_LOOKED, request_rows.looked_values(looked))
        listeners.schedule(partial(execute, connection), looked.schedules)
