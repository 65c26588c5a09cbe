"""Histories in one SQLite file.

One connection writes and checkpoints, under a lock, in `BEGIN IMMEDIATE` transactions; a second one reads. A COMMIT that
fails may still have happened: after any error of SQLite in a write this store answers nothing more, so that nobody goes on
from what may not be so. Close it, open it again, read.

Every row carries a checksum, so that damage is noticed and never computed with. The set of SQL texts is closed: they are
all in this room.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from heapq import merge
from itertools import islice
from pathlib import Path

import apsw
import attrs
import orjson

from dagflow.errors import StoreError, WriteRefused
from dagflow.ids import FlowDigest, RunId
from dagflow.store import blocked, bodies, docket, rows, upkeep, waits
from dagflow.store.api import Append, Blocked, Creation, Driving, Record, RunRow, SentEvent, Suspect, WaitRow
from dagflow.store.checksums import checksum
from dagflow.store.connections import (
    CHECKPOINT_PAGES,
    TRUNCATE_PAGES,
    Value,
    check_intact,
    execute,
    open_reader,
    open_writer,
)
from dagflow.store.files import FileLock, make_private_file, refuse_remote
from dagflow.store.migrations import check_newest, migrate
from dagflow.store.points import Point, reached


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
    #: As of the transaction under way; nothing is known any more once one is rolled back.
    _known: rows.Known = attrs.field(factory=dict, init=False)
    _write_lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _read_lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, disk: str = "") -> SqliteStore:
        """Open the file, made if there is none, and bring it to the newest schema.

        After a stop that was not clean the whole file is looked over first. `disk` is the name of the SQLite VFS that writes go
        through; tests have one that fails, and one that forgets.

        Raises:
            StoreError: it is open elsewhere, damaged, not ours, of a newer dagflow, or in a place that cannot keep it.
        """
        place = Path(os.path.realpath(path))
        refuse_remote(place)
        make_private_file(place)
        lock_file = FileLock(place.with_name(place.name + ".lock"))
        lock_file.acquire()
        try:
            return cls._open_locked(place, lock_file, disk)
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
    def open_reading(cls, path: str | os.PathLike[str], *, is_still: bool = False) -> SqliteStore:
        """Open the file for reading only; another process may be writing to it. With `is_still` all is read as of one instant.

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
            if is_still:
                execute(reader, "BEGIN")
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
    def _open_locked(cls, place: Path, lock_file: FileLock, disk: str) -> SqliteStore:
        log = place.with_name(place.name + "-wal")
        was_clean = not log.exists() or log.stat().st_size == 0
        writer = open_writer(place, disk)
        try:
            if not was_clean:
                check_intact(writer, place)
            migrate(writer, str(place))
            reader = open_reader(place)
        except BaseException:
            with suppress(apsw.Error):
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
                    execute(connection, rows.INSERT_FLOW, (digest, creation.flow, checksum(creation.flow, digest)))
                rows.insert_run(connection, creation, self._known)
            for added in appends:
                rows.append(connection, added, self._known)

    def send(self, events: Sequence[SentEvent]) -> None:
        """See `Store.send`."""
        with self._transaction() as connection:
            rows.insert_events(connection, events)

    def events(self, *, after: int, limit: int = 1000, names: Collection[str] | None = None) -> list[SentEvent]:
        """See `Store.events`."""
        if names is None:
            found = self._read(rows.SELECT_EVENTS, after, max(0, limit))
        else:
            # Name by name, since that is what the index is for.
            named = (self._read(rows.SELECT_NAMED_EVENTS, name, after, max(0, limit)) for name in set(names))
            found = list(islice(merge(*named), max(0, limit)))
        return [rows.read_event(self.path, row) for row in found]

    def last_event(self) -> int:
        """See `Store.last_event`."""
        number = self._read(rows.SELECT_LAST_EVENT)[0][0]
        return number if isinstance(number, int) else 0

    def has_event(self, event_id: str) -> bool:
        """See `Store.has_event`."""
        return bool(self._read(rows.SELECT_EVENT_ID, event_id))

    def history(self, run: RunId) -> list[Record]:
        """See `Store.history`."""
        found = self._read(rows.SELECT_HISTORY, run)
        try:
            return rows.read_history(self.path, run, found, lambda name: bodies.read(self._read(bodies.SELECT, name), name))
        except StoreError:
            if self._read(rows.SELECT_LENGTH, run):
                raise
            return []  # removed while it was read, with what is kept by its hash

    def histories(self, runs: Sequence[RunId]) -> dict[RunId, list[Record]]:
        """See `Store.histories`."""
        try:
            found = self._read(rows.SELECT_HISTORIES, orjson.dumps(list(runs)).decode(), rows.MOST_QUICKLY)
        except StoreError:
            # What it is shows when the one is read that it is about.
            return {}
        return rows.read_histories(found)

    def run(self, run: RunId) -> RunRow | None:
        """See `Store.run`."""
        found = self._read(rows.SELECT_RUN, run)
        return rows.read_row(self.path, found[0]) if found else None

    def runs(
        self, *, unfinished: bool = False, limit: int = 100, before: RunId | None = None, parent: str = ""
    ) -> list[RunRow]:
        """See `Store.runs`."""
        if parent:
            return self._rows(rows.SELECT_PARTS, parent, before or "", unfinished, max(0, limit))
        query = rows.SELECT_UNFINISHED if unfinished else rows.SELECT_RUNS
        return self._rows(query, before or rows.AFTER_ALL, max(0, limit))

    def awake(self, *, limit: int = 100, before: RunId | None = None) -> list[RunRow]:
        """See `Store.awake`."""
        return self._rows(rows.SELECT_AWAKE, before or rows.AFTER_ALL, max(0, limit))

    def sleeping(self, *, after: tuple[int, str], limit: int = 100) -> list[RunRow]:
        """See `Store.sleeping`."""
        return self._rows(rows.SELECT_SLEEPING, *after, max(0, limit))

    def n_sleeping(self) -> int:
        """See `Store.n_sleeping`."""
        ((count,),) = self._read(rows.COUNT_SLEEPING)
        return count if isinstance(count, int) else 0

    def waiting(self, wait: WaitRow, *, after: str = "", limit: int = 100, is_any: bool = False) -> list[RunRow]:
        """See `Store.waiting`."""
        if is_any:
            return self._rows(rows.SELECT_WAITING_ANYHOW, wait.event, after, max(0, limit))
        return self._rows(rows.SELECT_WAITING_EXACTLY, wait.event, wait.path, wait.key, after, max(0, limit))

    def awaited(self) -> dict[str, frozenset[str]]:
        """See `Store.awaited`."""
        paths: dict[str, set[str]] = {}
        for event, path in self._read(waits.SELECT_AWAITED):
            paths.setdefault(str(event), set()).add(str(path))
        return {event: frozenset(found) for event, found in paths.items()}

    def handed_out(self) -> int:
        """See `Store.handed_out`."""
        return waits.read_handed_out(self._read(waits.SELECT_HANDED_OUT))

    def note_handed_out(self, number: int) -> None:
        """See `Store.note_handed_out`."""
        with self._transaction() as connection:
            waits.note_handed_out(connection, number)

    def flow(self, digest: FlowDigest) -> bytes | None:
        """See `Store.flow`."""
        found = self._read(rows.SELECT_FLOW, digest)
        if not found:
            return None
        body, stored = found[0]
        if not isinstance(body, bytes) or stored != checksum(body, digest):
            raise rows.damaged(self.path, f"the flow {digest} is not what was written")
        return body

    def driving(self) -> Driving:
        """See `Store.driving`."""
        said = docket.read_driving(self.path, self._read(docket.SELECT_DRIVING))
        # A driver that could not say so any more, since the store failed, has still let go of the file.
        return said if self._lock_file.was_left else attrs.evolve(said, is_open=False)

    def suspects(self) -> list[Suspect]:
        """See `Store.suspects`."""
        return [docket.read_suspect(self.path, row) for row in self._read(docket.SELECT_SUSPECTS)]

    def note_driving(self, driving: Driving, suspects: Sequence[Suspect] = ()) -> None:
        """See `Store.note_driving`."""
        with self._transaction() as connection:
            docket.write_driving(connection, driving)
            docket.write_suspects(connection, suspects)

    def blocked(self) -> list[Blocked]:
        """See `Store.blocked`."""
        return [blocked.read(row) for row in self._read(blocked.SELECT)]

    def note_blocked(self, runs: Sequence[Blocked]) -> None:
        """See `Store.note_blocked`."""
        with self._transaction() as connection:
            blocked.write(connection, runs)

    def prune(self, before: int) -> bool:
        """See `Store.prune`."""
        with self._transaction() as connection:
            return upkeep.prune_slice(connection, before)

    def problems(self) -> list[str]:
        """See `Store.problems`."""
        return upkeep.problems_of(self._read)

    def close(self) -> None:
        """See `Store.close`."""
        with self._write_lock, self._read_lock:
            if self._process == os.getpid():  # a fork's copy is not ours to close
                for connection in (self._reader, self._writer):
                    # Closing moves the log into the file; where that fails the log stays, and with it everything committed.
                    with suppress(apsw.Error):
                        connection.close()
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
                reached(Point.COMMITTING)
                execute(connection, "COMMIT")
                reached(Point.COMMITTED)
                self._checkpoint()
            except StoreError:
                # Refused before COMMIT: the outcome is known.
                self._roll_back()
                raise
            except (apsw.TooBigError, apsw.ConstraintError, OverflowError, UnicodeError) as error:
                self._roll_back()  # one value was refused, nothing was committed
                raise WriteRefused(f"{self.path} cannot keep this value: {error}") from error
            except apsw.Error as error:
                self._refusal = f"a write to {self.path} failed ({_reason(error)}) and its outcome is unknown; open it again"
                self._roll_back()
                raise StoreError(self._refusal) from error
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        self._known.clear()
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
        reached(Point.CHECKPOINTING)
        try:
            self._writer.wal_checkpoint(mode=mode)
        except apsw.BusyError:
            return
        self._wal_pages = 0
        reached(Point.CHECKPOINTING)

    def _rows(self, query: str, *values: Value) -> list[RunRow]:
        return [rows.read_row(self.path, row) for row in self._read(query, *values)]

    def _read(self, query: str, *values: Value) -> list[tuple[Value, ...]]:
        with self._read_lock:
            self._check_usable()
            try:
                return execute(self._reader, query, values)
            except UnicodeDecodeError:
                raise rows.damaged(self.path, "a text in it is no UTF-8") from None
            except apsw.Error as error:
                raise StoreError(f"cannot read {self.path}: {_reason(error)}") from error

    def _check_usable(self) -> None:
        if self._refusal:
            raise StoreError(self._refusal)
        if self._process != os.getpid():
            raise StoreError(f"{self.path} was opened before a fork; open it in the process that uses it")


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
