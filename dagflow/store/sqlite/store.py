"""Histories in one SQLite file.

One connection writes and checkpoints, under a lock, in `BEGIN IMMEDIATE` transactions; a second one reads. A COMMIT that
fails may still have happened: after any error of SQLite in a write this store answers nothing more, so that callers do not rely on a
state that may be wrong. Close it, open it again, read.

Every row carries a checksum, so that damage is noticed and never computed with. The set of SQL texts is closed: they are
all in this package and in `store.rows`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeVar

import apsw
import attrs

from dagflow.errors import StoreError, WriteRefused
from dagflow.ids import RunId
from dagflow.store.api import Append, Creation, SentEvent
from dagflow.store.failpoints import Failpoint, hit
from dagflow.store.rows.row_store import RowStore
from dagflow.store.rows.runs import LENGTH_SEQ
from dagflow.store.rows.values import Execute, Row, Value
from dagflow.store.service_rows import Looked, RequestRow
from dagflow.store.sqlite import salvage as salvaging
from dagflow.store.sqlite import writing
from dagflow.store.sqlite.connection import (
    check_intact,
    checkpoint_on_close,
    claim,
    close_quietly,
    execute,
    has_log,
    open_reader,
    open_writer,
    reason_of,
    remove_free_pages,
)
from dagflow.store.sqlite.lock import FileLock, LogMark, make_private_file, refuse_remote
from dagflow.store.sqlite.migrations import migrate, refuse_foreign
from dagflow.store.sqlite.texts import NotText, as_texts, in_bytes
from dagflow.store.sqlite.wal_guard import OpenLog, check_frames, check_log, lock_of, log_of, open_sound_reader

_Result = TypeVar("_Result")


@attrs.define(eq=False)
class SqliteStore(RowStore):
    """See `store.api.Store`. May be called from any thread; made by `SqliteStore.open`."""

    # CROSS, so that SQLite looks up what is asked for, and never the other way round.
    _SELECT_HISTORIES: ClassVar[str] = f"""
        SELECT run.id, run.checksum, seq, at, kind, node, attempt, payload, history.checksum
        FROM json_each(?) AS asked CROSS JOIN run ON run.id = asked.value CROSS JOIN history ON history.run = run.key
        WHERE (SELECT last.at FROM history AS last WHERE last.run = run.key AND last.seq = {LENGTH_SEQ}) <= ?"""  # noqa: S608

    path: Path
    _lock_file: FileLock
    _writer: apsw.Connection
    _reader: apsw.Connection
    #: Both None where it is open for reading only.
    _log: OpenLog | None = None
    _claim: apsw.VFSFile | None = None
    _process: int = attrs.field(factory=os.getpid, init=False)
    #: Why nothing is answered any more, or "".
    _refusal: str = attrs.field(default="", init=False)
    #: As of the transaction under way; nothing is known any more once one is rolled back.
    _known: writing.Known = attrs.field(factory=dict, init=False)
    _write_lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _read_lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, disk: str = "", is_lossy: bool = False) -> SqliteStore:
        """Open the file, made if there is none, and bring it to the newest schema.

        After an unclean stop the whole file is checked first. `disk` is the name of the SQLite VFS that writes go
        through; tests have one that fails, and one that forgets. With `is_lossy` a file is opened that lacks its log.

        Raises:
            StoreError: it is open elsewhere, damaged, not ours, of a newer dagflow, without its log, or in a place that cannot keep it.
        """
        place = Path(os.path.realpath(path))
        refuse_remote(place)
        make_private_file(place)
        lock_file = FileLock(lock_of(place))
        try:
            refuse_foreign(place)
            lock_file.acquire()
            return cls._open_locked(place, lock_file, disk, is_lossy=is_lossy)
        except BaseException as error:
            lock_file.release(is_clean=False)
            if isinstance(error, UnicodeDecodeError):
                raise StoreError(f"{place} is damaged: a text in it is no UTF-8; restore a backup") from None
            if isinstance(error, apsw.Error):
                raise StoreError(f"cannot open {place}: {reason_of(error)}") from error
            if isinstance(error, OSError):
                raise StoreError(f"cannot open {place}: {error.strerror}") from error
            raise

    @classmethod
    def open_reading(cls, path: str | os.PathLike[str], *, is_still: bool = False) -> SqliteStore:
        """Open the file for reading only; another process may be writing to it. With `is_still` all is read as of one instant.

        Raises:
            StoreError: there is no such file, or it is none of ours, damaged, without its log, or of another dagflow.
        """
        place = Path(os.path.realpath(path))
        if not place.is_file():
            raise StoreError(f"there is no store {path}; running a flow makes one")
        refuse_remote(place)
        try:
            reader = open_sound_reader(place, is_still=is_still)
            return cls(place, FileLock(lock_of(place)), reader, reader)
        except apsw.Error as error:
            raise StoreError(f"cannot open {place}: {reason_of(error)}") from error

    @classmethod
    def _open_locked(cls, place: Path, lock_file: FileLock, disk: str, *, is_lossy: bool) -> SqliteStore:
        log = log_of(place)
        was_clean = not log.exists() or log.stat().st_size == 0
        with ExitStack() as undoing:
            claimed = claim(place) if has_log(place) else None  # with another name its log may be elsewhere
            undoing.callback(lambda: None if claimed is None else claimed.xClose())
            check_log(place, lock_file, is_lossy=is_lossy)
            writer = open_writer(place, disk)
            undoing.callback(close_quietly, writer)
            claimed = claimed or claim(place)
            if not was_clean:
                check_frames(place, writer, None if is_lossy else lock_file.log)
                check_intact(writer, place)
            migrate(writer, str(place))
            open_log = OpenLog(place, writer, lock_file)
            undoing.callback(open_log.close)
            open_log.open()
            reader = open_reader(place)
            undoing.pop_all()
        return cls(place, lock_file, writer, reader, open_log, claimed)

    def write(
        self,
        appends: Sequence[Append] = (),
        creations: Sequence[Creation] = (),
        requests: Sequence[RequestRow] = (),
        looked: Looked | None = None,
    ) -> None:
        """See `Store.write`."""
        if not (appends or creations or requests or looked):
            return

        def work(connection: apsw.Connection) -> None:
            writing.insert_runs(connection, creations, self._known)
            writing.append(connection, appends, self._known)
            writing.write_requests(connection, requests, looked)

        self._commit(work)

    def send(self, events: Sequence[SentEvent]) -> None:
        """See `Store.send`."""
        self._commit(lambda connection: writing.insert_events(connection, events))

    def prune(self, before: int) -> bool:
        """See `Store.prune`."""
        if super().prune(before):
            return True
        return self._commit(remove_free_pages)

    def problems(self) -> list[str]:
        """See `Store.problems`."""
        return [str(row[0]) for row in self._read("PRAGMA integrity_check(20)") if row[0] != "ok"] + super().problems()

    def salvage(self, runs: Collection[RunId], keep: Callable[[dict[str, object]], None]) -> list[str]:
        """Give `keep` what there is of these runs and of whatever belongs to no run, and remove it; returns what that was, in words.

        In one transaction, which `keep` undoes by raising.
        """
        return self._commit(lambda connection: salvaging.salvage(connection, runs, keep))

    def close(self) -> None:
        """See `Store.close`."""
        with self._write_lock, self._read_lock:
            if self._process == os.getpid() and self._log is not None:  # a fork's copy is not ours to close
                needed = self._finish(self._log)
                if self._claim is not None:
                    self._claim.xClose()
                    self._claim = None
                # Closing moves the log into the file; where that fails the log stays, and with it everything committed.
                close_quietly(self._reader)
                close_quietly(self._writer)
                self._lock_file.release(log=needed)
            elif self._process == os.getpid():
                self._reader.close()
            self._refusal = self._refusal or "the store is closed; open it again"

    def _finish(self, log: OpenLog) -> LogMark | None:
        """The last write, after which the file does without its log; where that cannot be, the log stays, and is returned."""
        needed = log.mark
        if self._claim is None:
            return None
        with suppress(apsw.Error):
            if not self._refusal:
                log.finish()
                checkpoint_on_close(self._writer, is_on=True)
                needed = None
        log.close()
        return needed

    def _commit(self, work: Callable[[apsw.Connection], _Result]) -> _Result:
        """Do the work in one write transaction, which is rolled back if it raises."""
        with self._write_lock:
            self._check_usable()
            if self._log is None:
                raise StoreError(f"{self.path} is open for reading only")
            connection = self._writer
            try:
                execute(connection, "BEGIN IMMEDIATE")
                done = work(connection)
                hit(Failpoint.COMMITTING)
                execute(connection, "COMMIT")
                hit(Failpoint.COMMITTED)
                self._log.note()
                self._log.checkpoint()
            except StoreError:
                # Refused before COMMIT: the outcome is known.
                self._roll_back()
                raise
            except (apsw.TooBigError, apsw.ConstraintError, OverflowError, UnicodeError) as error:
                self._roll_back()  # one value was refused, nothing was committed
                raise WriteRefused(f"{self.path} cannot keep this value: {error}") from error
            except apsw.Error as error:
                self._refusal = f"a write to {self.path} failed ({reason_of(error)}) and its outcome is unknown; open it again"
                self._roll_back()
                raise StoreError(self._refusal) from error
            except BaseException:
                self._roll_back()
                raise
            return done

    def _transact(self, work: Callable[[Execute], _Result]) -> _Result:
        return self._commit(lambda connection: work(partial(execute, connection)))

    def _write_requests(self, requested: Sequence[RequestRow], looked: Looked | None) -> None:
        self._commit(lambda connection: writing.write_requests(connection, requested, looked))

    @property
    def _place(self) -> str:
        return str(self.path)

    @property
    def _was_left(self) -> bool:
        return self._lock_file.was_left

    def _roll_back(self) -> None:
        self._known.clear()
        try:
            if self._writer.in_transaction:
                execute(self._writer, "ROLLBACK")
        except apsw.Error as error:
            self._refusal = f"{self.path} cannot even roll back ({reason_of(error)}); open it again"

    def _read_texts(self, columns: str, query: str, *values: Value) -> list[Row]:
        try:
            return self._read(query, *values)
        except NotText:
            return [as_texts(row, columns) for row in self._read(in_bytes(query), *values)]

    def _read(self, query: str, *values: Value) -> list[Row]:
        with self._read_lock:
            self._check_usable()
            try:
                return execute(self._reader, query, values)
            except UnicodeDecodeError:
                raise NotText(f"{self.path} is damaged: a text in it is no UTF-8; restore a backup") from None
            except apsw.Error as error:
                raise StoreError(f"cannot read {self.path}: {reason_of(error)}") from error

    def _check_usable(self) -> None:
        if self._refusal:
            raise StoreError(self._refusal)
        if self._process != os.getpid():
            raise StoreError(f"{self.path} was opened before a fork; open it in the process that uses it")
