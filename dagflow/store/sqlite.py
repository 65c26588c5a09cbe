"""Histories in one SQLite file.

One connection writes and checkpoints, under a lock, in `BEGIN IMMEDIATE` transactions; a second one reads. A COMMIT that
fails may still have happened: after any error of SQLite in a write this store answers nothing more, so that nobody goes on
from what may not be so. Close it, open it again, read.

Every row carries a checksum, so that damage is noticed and never computed with. The set of SQL texts is closed: they are
all here, in `connections` and in `migrations`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw
import attrs

from dagflow.errors import StoreError
from dagflow.ids import FlowDigest, RunId
from dagflow.model.status import RunStatus
from dagflow.store.api import Append, Creation, Record, RunRow, SentEvent
from dagflow.store.checksums import checksum, record_checksum, seal
from dagflow.store.connections import (
    CHECKPOINT_PAGES,
    TRUNCATE_PAGES,
    Value,
    check_intact,
    execute,
    first_of,
    open_reader,
    open_writer,
)
from dagflow.store.files import FileLock, make_private_file, refuse_remote
from dagflow.store.migrations import check_newest, migrate

_INSERT_FLOW: Final = "INSERT INTO flow (digest, body, checksum) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING"
_INSERT_RUN: Final = """
    INSERT INTO run (id, flow, digest, created_at, parent, sealed, status, ended_at, due_at, length, checksum)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING key"""
_UPDATE_RUN: Final = """
    UPDATE run SET status = ?, ended_at = ?, due_at = ?, length = ?, checksum = ? WHERE id = ? AND length = ? RETURNING key"""
_INSERT_RECORD: Final = """
    INSERT INTO history (run, seq, at, kind, node, attempt, payload, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_SELECT_LENGTH: Final = "SELECT length FROM run WHERE id = ?"
_SELECT_HISTORY: Final = """
    SELECT run.length, seq, at, kind, node, attempt, payload, history.checksum
    FROM run LEFT JOIN history ON history.run = run.key WHERE run.id = ? ORDER BY seq"""
_RUN_COLUMNS: Final = "id, flow, digest, created_at, parent, sealed, status, ended_at, due_at, length, checksum"
_SELECT_RUN: Final = f"SELECT {_RUN_COLUMNS} FROM run WHERE id = ?"  # noqa: S608 - both parts are constants
_SELECT_RUNS: Final = f"SELECT {_RUN_COLUMNS} FROM run WHERE parent = '' AND id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608
_IS_UNFINISHED: Final = "status IN ('queued', 'running', 'sleeping')"
_SELECT_UNFINISHED: Final = f"""
    SELECT {_RUN_COLUMNS} FROM run WHERE parent = '' AND {_IS_UNFINISHED} AND id < ? ORDER BY id DESC LIMIT ?"""  # noqa: S608
_SELECT_PARTS: Final = f"""
    SELECT {_RUN_COLUMNS} FROM run
    WHERE parent != '' AND parent = ?1 AND (?2 = '' OR key < (SELECT key FROM run WHERE id = ?2)) AND (NOT ?3 OR {_IS_UNFINISHED})
    ORDER BY key DESC LIMIT ?4"""  # noqa: S608
_INSERT_EVENT: Final = "INSERT INTO event (number, id, name, at, payload, run, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)"
_SELECT_EVENTS: Final = """
    SELECT number, id, name, at, payload, run, checksum FROM event WHERE number > ? ORDER BY number LIMIT ?"""
_SELECT_LAST_EVENT: Final = "SELECT max(number) FROM event"
_SELECT_EVENT_ID: Final = "SELECT 1 FROM event WHERE id = ?"
_SELECT_FLOW: Final = "SELECT body, checksum FROM flow WHERE digest = ?"
#: Above every id, which are hexadecimal digits.
_AFTER_ALL: Final = "~"


@attrs.define(eq=False)
class SqliteStore:
    """See `store.api.Store`. May be called from any thread; made by `SqliteStore.open`."""

    path: Path
    _lock_file: FileLock
    _writer: apsw.Connection
    _reader: apsw.Connection
    _process: int = attrs.field(factory=os.getpid, init=False)
    _wal_pages: int = attrs.field(default=0, init=False)
    _is_reading: bool = attrs.field(default=False, init=False)
    #: Why nothing is answered any more, or "".
    _refusal: str = attrs.field(default="", init=False)
    _write_lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _read_lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> SqliteStore:
        """Open the file, made if there is none, and bring it to the newest schema.

        After a stop that was not clean the whole file is looked over first.

        Raises:
            StoreError: it is open elsewhere, damaged, not ours, of a newer dagflow, or in a place that cannot keep it.
        """
        place = Path(os.path.realpath(path))
        refuse_remote(place)
        make_private_file(place)
        lock_file = FileLock(place.with_name(place.name + ".lock"))
        lock_file.acquire()
        try:
            return cls._open_locked(place, lock_file)
        except UnicodeDecodeError:
            lock_file.release()
            raise StoreError(f"{place} is damaged: a text in it is no UTF-8; restore a backup") from None
        except apsw.Error as error:
            lock_file.release()
            raise StoreError(f"cannot open {place}: {_reason(error)}") from error
        except BaseException:
            lock_file.release()
            raise

    @classmethod
    def open_reading(cls, path: str | os.PathLike[str]) -> SqliteStore:
        """Open the file for reading only; another process may be writing to it.

        Raises:
            StoreError: there is no such file, or it is none of ours, damaged, or of another dagflow.
        """
        place = Path(os.path.realpath(path))
        if not place.is_file():
            raise StoreError(f"there is no store {path}; running a flow makes one")
        refuse_remote(place)
        reader: apsw.Connection | None = None
        try:
            reader = open_reader(place)
            check_newest(reader, str(place))
            store = cls(place, FileLock(place.with_name(place.name + ".lock")), open_reader(place), reader)
        except (apsw.Error, StoreError) as error:
            if reader is not None:
                reader.close()
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"cannot open {place}: {_reason(error)}") from error
        store._is_reading = True
        return store

    @classmethod
    def _open_locked(cls, place: Path, lock_file: FileLock) -> SqliteStore:
        log = place.with_name(place.name + "-wal")
        was_clean = not log.exists() or log.stat().st_size == 0
        writer = open_writer(place)
        try:
            if not was_clean:
                check_intact(writer, place)
            migrate(writer, str(place))
            reader = open_reader(place)
        except BaseException:
            writer.close()
            raise
        store = cls(place, lock_file, writer, reader)
        writer.set_wal_hook(store._count_pages)
        return store

    def write(self, appends: Sequence[Append] = (), creations: Sequence[Creation] = ()) -> None:
        """See `Store.write`."""
        if not appends and not creations:
            return
        with self._transaction() as connection:
            digests: set[str] = set()
            for creation in creations:
                digest = creation.row.digest
                if digest not in digests:
                    digests.add(digest)
                    execute(connection, _INSERT_FLOW, (digest, creation.flow, checksum(creation.flow, digest)))
                _insert_run(connection, creation)
            for append in appends:
                changing = (str(append.status), append.ended_at, append.due_at, append.first + len(append.records))
                values = (*changing, checksum(None, append.run, *changing), append.run, append.first)
                key = first_of(connection, _UPDATE_RUN, values)
                if key is None:
                    raise self._misplaced(connection, append)
                _insert_records(connection, key, append.run, append.first, append.records)
                _insert_events(connection, append.events)

    def send(self, events: Sequence[SentEvent]) -> None:
        """See `Store.send`."""
        with self._transaction() as connection:
            _insert_events(connection, events)

    def events(self, *, after: int, limit: int = 1000) -> list[SentEvent]:
        """See `Store.events`."""
        return [self._event(row) for row in self._read(_SELECT_EVENTS, after, max(0, limit))]

    def last_event(self) -> int:
        """See `Store.last_event`."""
        number = self._read(_SELECT_LAST_EVENT)[0][0]
        return number if isinstance(number, int) else 0

    def has_event(self, event_id: str) -> bool:
        """See `Store.has_event`."""
        return bool(self._read(_SELECT_EVENT_ID, event_id))

    def history(self, run: RunId) -> list[Record]:
        """See `Store.history`."""
        rows = self._read(_SELECT_HISTORY, run)
        if not rows or (rows[0][0] == 0 and rows[0][1] is None):
            return []
        if rows[0][0] != len(rows):
            raise self._damaged(f"run {run} has {len(rows)} facts and should have {rows[0][0]!r}")
        return [self._record(run, position, row) for position, row in enumerate(rows)]

    def run(self, run: RunId) -> RunRow | None:
        """See `Store.run`."""
        rows = self._read(_SELECT_RUN, run)
        return self._row(rows[0]) if rows else None

    def runs(
        self, *, unfinished: bool = False, limit: int = 100, before: RunId | None = None, parent: str = ""
    ) -> list[RunRow]:
        """See `Store.runs`."""
        if parent:
            return [self._row(row) for row in self._read(_SELECT_PARTS, parent, before or "", unfinished, max(0, limit))]
        query = _SELECT_UNFINISHED if unfinished else _SELECT_RUNS
        return [self._row(row) for row in self._read(query, before or _AFTER_ALL, max(0, limit))]

    def flow(self, digest: FlowDigest) -> bytes | None:
        """See `Store.flow`."""
        rows = self._read(_SELECT_FLOW, digest)
        if not rows:
            return None
        body, stored = rows[0]
        if not isinstance(body, bytes) or stored != checksum(body, digest):
            raise self._damaged(f"the flow {digest} is not what was written")
        return body

    def close(self) -> None:
        """See `Store.close`."""
        with self._write_lock, self._read_lock:
            if self._process == os.getpid():  # a fork's copy is not ours to close
                self._reader.close()
                self._writer.close()
                self._lock_file.release()
            self._refusal = self._refusal or "the store is closed; open it again"

    @contextmanager
    def _transaction(self) -> Generator[apsw.Connection]:
        """One write transaction: committed when the block ends, rolled back when it raises."""
        with self._write_lock:
            self._check_usable()
            if self._is_reading:
                raise StoreError(f"{self.path} is open for reading only")
            connection = self._writer
            try:
                execute(connection, "BEGIN IMMEDIATE")
                yield connection
                execute(connection, "COMMIT")
                self._checkpoint()
            except StoreError:
                # Refused before COMMIT: the outcome is known.
                self._roll_back()
                raise
            except (apsw.TooBigError, apsw.ConstraintError, OverflowError, UnicodeError) as error:
                self._roll_back()  # one value was refused, nothing was committed
                raise StoreError(f"cannot keep this in {self.path}: {error}") from error
            except apsw.Error as error:
                self._refusal = f"a write to {self.path} failed ({_reason(error)}) and its outcome is unknown; open it again"
                self._roll_back()
                raise StoreError(self._refusal) from error
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        try:
            if self._writer.in_transaction:
                execute(self._writer, "ROLLBACK")
        except apsw.Error as error:
            self._refusal = f"{self.path} cannot even roll back ({_reason(error)}); open it again"

    def _count_pages(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        """Move the log into the file when it has grown; a reader in the way only puts it off."""
        if self._wal_pages < CHECKPOINT_PAGES:
            return
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if self._wal_pages > TRUNCATE_PAGES else apsw.SQLITE_CHECKPOINT_PASSIVE
        try:
            self._writer.wal_checkpoint(mode=mode)
        except apsw.BusyError:
            return
        self._wal_pages = 0

    def _read(self, query: str, *values: Value) -> list[tuple[Value, ...]]:
        with self._read_lock:
            self._check_usable()
            try:
                return execute(self._reader, query, values)
            except UnicodeDecodeError:
                raise self._damaged("a text in it is no UTF-8") from None
            except apsw.Error as error:
                raise StoreError(f"cannot read {self.path}: {_reason(error)}") from error

    def _check_usable(self) -> None:
        if self._refusal:
            raise StoreError(self._refusal)
        if self._process != os.getpid():
            raise StoreError(f"{self.path} was opened before a fork; open it in the process that uses it")

    def _misplaced(self, connection: apsw.Connection, append: Append) -> StoreError:
        length = first_of(connection, _SELECT_LENGTH, (append.run,))
        if length is None:
            return StoreError(f"there is no run {append.run} to add facts to")
        return StoreError(f"run {append.run} has {length!r} facts, not {append.first}; read its history again")

    def _record(self, run: RunId, position: int, row: tuple[Value, ...]) -> Record:
        _, seq, at, kind, node, attempt, payload, stored = row
        fits = isinstance(at, int) and isinstance(kind, str) and isinstance(node, str) and isinstance(attempt, int)
        if (
            seq != position
            or not fits
            or not (payload is None or isinstance(payload, bytes))
            or stored != checksum(payload, run, position, at, kind, node, attempt)
        ):
            raise self._damaged(f"fact {position} of run {run} is not what was written")
        return Record(str(kind), int(str(at)), str(node), int(str(attempt)), payload)

    def _event(self, row: tuple[Value, ...]) -> SentEvent:
        number, event_id, name, at, payload, run, stored = row
        if not isinstance(payload, bytes) or stored != checksum(payload, number, event_id, name, at, run):
            raise self._damaged(f"the event {event_id!r} is not what was written")
        return SentEvent(
            number=int(str(number)), id=str(event_id), name=str(name), at=int(str(at)), payload=payload, run=str(run)
        )

    def _row(self, values: tuple[Value, ...]) -> RunRow:
        run, flow, digest, created_at, parent, sealed, status, ended_at, due_at, length, stored = values
        if stored != checksum(None, run, status, ended_at, due_at, length):
            raise self._damaged(f"the row of run {run!r} is not what was written")
        row = RunRow(
            id=RunId(str(run)),
            flow=str(flow),
            digest=FlowDigest(str(digest)),
            status=RunStatus(str(status)),
            created_at=int(str(created_at)),
            ended_at=ended_at if isinstance(ended_at, int) else None,
            due_at=due_at if isinstance(due_at, int) else None,
            parent=str(parent),
        )
        if sealed != seal(row):
            raise self._damaged(f"the row of run {run!r} is not what was written")
        return row

    def _damaged(self, what: str) -> StoreError:
        return StoreError(f"{self.path} is damaged: {what}; restore a backup")


def _insert_run(connection: apsw.Connection, creation: Creation) -> None:
    row = creation.row
    changing = (str(row.status), row.ended_at, row.due_at, len(creation.records))
    fixed = (row.id, row.flow, row.digest, row.created_at, row.parent, seal(row))
    key = first_of(connection, _INSERT_RUN, (*fixed, *changing, checksum(None, row.id, *changing)))
    if key is None:
        raise StoreError(f"run {row.id} is there already; every run needs an id of its own")
    _insert_records(connection, key, row.id, 0, creation.records)
    _insert_events(connection, creation.events)


def _insert_records(connection: apsw.Connection, key: Value, run: str, first: int, records: Sequence[Record]) -> None:
    connection.executemany(  # pyright: ignore[reportUnknownMemberType]
        _INSERT_RECORD,
        (
            (key, seq, record.at, record.kind, record.node, record.attempt, record.payload, record_checksum(run, seq, record))
            for seq, record in enumerate(records, first)
        ),
    )


def _insert_events(connection: apsw.Connection, events: Sequence[SentEvent]) -> None:
    for event in events:
        values = (event.number, event.id, event.name, event.at, event.payload, event.run)
        execute(connection, _INSERT_EVENT, (*values, checksum(event.payload, *values[:4], event.run)))


def _reason(error: apsw.Error) -> str:
    match error:
        case apsw.FullError():
            return "the disk is full; make room"
        case apsw.NotADBError():
            return "it is not a database; choose another file"
        case apsw.CorruptError():
            return "it is damaged; restore a backup"
        case apsw.ReadOnlyError() | apsw.CantOpenError() | apsw.PermissionsError():
            return f"it cannot be written ({error}); check the rights of the file and its folder"
        case _:
            return str(error) or type(error).__name__
