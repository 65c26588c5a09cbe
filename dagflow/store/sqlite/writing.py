"""Writes runs, their histories and their other rows into SQLite.

A run's row, its waits and the like are written one at a time. What nearly every write has, the new rows of histories and their lengths, goes
through one statement for all runs of a transaction, which takes about half the time of one for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple, TypeAlias, cast

import apsw
import attrs

from dagflow.ids import RunId
from dagflow.store.api import Append, Creation, Record, SentEvent, WaitRow
from dagflow.store.rows import listeners, runs, start_ids, waits
from dagflow.store.rows import requests as request_rows
from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.values import Row, Value
from dagflow.store.service_rows import Looked, RequestRow
from dagflow.store.sqlite.connection import execute, execute_all, first_of

_INSERT_RUN: Final = f"INSERT INTO run ({runs.RUN_COLUMNS}) VALUES ({', '.join('?' * 11)}) ON CONFLICT (id) DO NOTHING"  # noqa: S608 - all are constants
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


class KnownRun(NamedTuple):
    """A run that has not ended: its key, what its row says and the checksum of that, its length, and whether a request may have it."""

    key: Value
    changing: runs.Changing
    row_sum: Value
    length: Value
    is_requested: bool


#: By their ids, so that nothing needs to be read before a run is written again.
Known: TypeAlias = dict[RunId, KnownRun]
_MOST_KNOWN: Final = 20_000


@attrs.define(eq=False)
class _Histories:
    """The new rows of histories in one transaction, and their lengths.

    Attributes:
        rows: of `_INSERT_RECORD`. changes: of `_CHANGE_RUN`. lengths: of `_SET_LENGTH`, beside the event they come from.
    """

    rows: list[Row] = attrs.field(factory=list)
    changes: list[Row] = attrs.field(factory=list)
    lengths: list[Row] = attrs.field(factory=list)
    appends: list[Append] = attrs.field(factory=list)

    def flush(self, connection: apsw.Connection) -> None:
        """Write all. Raises StoreError if a history has not the length that its new rows build on."""
        execute_all(connection, _CHANGE_RUN, self.changes)
        before = connection.total_changes()
        execute_all(connection, _SET_LENGTH, self.lengths)
        if connection.total_changes() - before != len(self.lengths):
            self._refuse(connection)
        execute_all(connection, _INSERT_RECORD, self.rows)

    def _refuse(self, connection: apsw.Connection) -> None:
        """A length on the disk is not what this store wrote. Refuse the batch, naming a run; the driver then writes one run at a time."""
        for added, (length, *_) in zip(self.appends, self.lengths, strict=True):
            found = first_of(connection, runs.SELECT_LENGTH, (added.run,))
            if found != length:
                raise runs.misplaced(added.run, added.first, found)
        # Somebody else wrote the length that this write would have left.
        one = self.appends[0]
        raise runs.misplaced(one.run, one.first, self.lengths[0][0])


def insert_runs(connection: apsw.Connection, creations: Sequence[Creation], known: Known) -> None:
    """Begin runs. Raises StoreError if an id is in use."""
    digests: set[str] = set()
    histories = _Histories()
    for creation in creations:
        digest = creation.row.digest
        if digest not in digests:
            digests.add(digest)
            execute(connection, runs.INSERT_FLOW, (digest, creation.flow, checksum(creation.flow, digest)))
        _insert_run(connection, creation, known, histories)
    histories.flush(connection)


def _insert_run(connection: apsw.Connection, creation: Creation, known: Known, histories: _Histories) -> None:
    row = creation.row
    values = runs.creation_values(creation)
    before = connection.total_changes()
    execute(connection, _INSERT_RUN, values)
    if connection.total_changes() == before:
        raise runs.taken(row.id)
    key = connection.last_insert_rowid()
    if row.ended_at is None:
        run = KnownRun(
            key, (str(row.status), row.ended_at, row.due_at), values[-1], len(creation.records), creation.request is not None
        )
        _note(known, row.id, run)
    histories.rows.append((key, *runs.length_values(row.id, len(creation.records), values[-1])))
    _add_records(connection, key, row.id, 0, creation.records, histories)
    insert_events(connection, creation.events)
    if creation.waits:
        _insert_waits(connection, key, row.id, creation.waits)
    if creation.name is not None:
        execute(connection, _INSERT_START, (*start_ids.values_of(row, creation.name), key))
    if creation.request is not None:
        write_requests(connection, [creation.request], None)
        if row.ended_at is not None:
            execute(connection, _END_REQUEST, (row.id,))


def append(connection: apsw.Connection, appends: Sequence[Append], known: Known) -> None:
    """Add events of their histories and sent events to runs, and change their rows. Raises StoreError if a history has not the length they build on."""
    histories = _Histories()
    for added in appends:
        run = _changed(connection, added, known, histories)
        _add_records(connection, run.key, added.run, added.first, added.records, histories)
        insert_events(connection, added.events)
        if added.waits is not None:
            execute(connection, _CLEAR_WAITS, (run.key,))
            _insert_waits(connection, run.key, added.run, added.waits)
        if added.ended_at is not None and run.is_requested:
            execute(connection, _END_REQUEST, (added.run,))
    histories.flush(connection)


def _changed(connection: apsw.Connection, added: Append, known: Known, histories: _Histories) -> KnownRun:
    """Change the length of a history, and the row of its run if that says other than before; returns the run as it is from then on."""
    run = known.get(added.run) or _found(connection, added)
    if added.first != run.length:
        raise runs.misplaced(added.run, added.first, run.length)
    changing = (str(added.status), added.ended_at, added.due_at)
    length, row_sum = added.first + len(added.records), run.row_sum
    if changing != run.changing:
        values = runs.changing_values(added.run, changing)
        histories.changes.append((*values, run.key))
        row_sum = values[-1]
    run = KnownRun(run.key, changing, row_sum, length, run.is_requested)
    histories.appends.append(added)
    histories.lengths.append((length, runs.length_sum(added.run, length, row_sum), run.key, added.first))
    if added.ended_at is None:
        _note(known, added.run, run)
    else:
        known.pop(added.run, None)
    return run


def _found(connection: apsw.Connection, added: Append) -> KnownRun:
    rows = execute(connection, _SELECT_RUN, (added.run,))
    if not rows:
        raise runs.misplaced(added.run, added.first, None)
    key, status, ended_at, due_at, row_sum = rows[0]
    length = first_of(connection, runs.SELECT_LENGTH, (added.run,))
    return KnownRun(key, cast("runs.Changing", (status, ended_at, due_at)), row_sum, length, is_requested=True)


def _note(known: Known, run: RunId, row: KnownRun) -> None:
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[run] = row


def _add_records(
    connection: apsw.Connection, key: Value, run: str, first: int, records: Sequence[Record], histories: _Histories
) -> None:
    rows, bodies = runs.record_values(run, first, records)
    for name, body in bodies.items():
        execute(connection, _INSERT_BODY, (name, body))
        execute(connection, _USE_BODY, (key, name))
    histories.rows += [(key, *row) for row in rows]


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
