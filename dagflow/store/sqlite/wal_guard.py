"""Check that the log beside a file is the one it had.

A commit is in the log first, and in the file only later. So a file whose process died means nothing without its log: its contents
may be long out of date. SQLite takes a log that is not there, or whose header is damaged, for an empty one, and a damaged frame for the end.

So the file itself says whether it needs its log (`log.is_needed`): that is set, and moved into the file, before anything else is written, and
taken back by the last write before it is closed. How many frames were committed is in the lock file. What that says may be older than the
log, after a power cut, and never newer, since each commit is flushed before it is noted.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw
import attrs

from dagflow.errors import StoreError
from dagflow.store.failpoints import Failpoint, hit
from dagflow.store.sqlite import connection as connections
from dagflow.store.sqlite.connection import execute, first_of, open_as_it_is, open_reader
from dagflow.store.sqlite.lock import FileLock, LogMark, read_log_mark
from dagflow.store.sqlite.migrations import check_newest, refuse_foreign

_IS_NEEDED: Final = "SELECT is_needed FROM log"
_SET_NEEDED: Final = "UPDATE log SET is_needed = ?1 WHERE is_needed != ?1"
#: sqlite.org/fileformat2.html, "WAL Header": magic number, format, page size, number of the log, two salts, two checksums.
_HEADER_BYTES: Final = 32
_MAGIC: Final = (0x377F0682, 0x377F0683)
_WHICH: Final = slice(12, 24)
_ALL_BITS: Final = 0xFFFFFFFF
_MISSING: Final = "is missing or damaged"
_ANOTHER: Final = "is another one than it had"


def log_of(path: Path) -> Path:
    """The log of a store."""
    return path.with_name(path.name + "-wal")


def lock_of(path: Path) -> Path:
    """The lock file of a store."""
    return path.with_name(path.name + ".lock")


def check_log(path: Path, lock_file: FileLock, *, is_lossy: bool = False) -> None:
    """Refuse a file whose log is not the one it had, before anything is touched; with `is_lossy` do without that log.

    Raises:
        StoreError: the log is missing, damaged, or another one.
    """
    which = _which(log_of(path))
    if which is None:
        if not is_lossy and not _is_spent(path, lock_file.log) and _is_needed_by(path):
            raise _lost(path, _MISSING)
        lock_file.forget_log()
    elif lock_file.log is not None and _is_another(which, lock_file.log):
        if not is_lossy:
            raise _lost(path, _ANOTHER)
        lock_file.forget_log()


def check_frames(path: Path, connection: apsw.Connection, known: LogMark | None) -> None:
    """Refuse a log that ends too early.

    Raises:
        StoreError: some commits are missing.
    """
    if known is None:
        return
    frames, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
    if frames < known.frames and _which(log_of(path)) == known.header:
        raise _lost(path, f"is damaged: {known.frames} pages were committed to it, and {frames} can be read")


def open_sound_reader(path: Path, *, is_still: bool = False) -> apsw.Connection:
    """A connection that can only read, to a file that is whole; with `is_still` all is read as of one instant.

    Raises:
        StoreError: the file is not a store, of another schema, or lacks the commits of its log.
        apsw.Error: it cannot be read.
    """
    refuse_foreign(path)
    known = read_log_mark(lock_of(path))
    which = _which(log_of(path))
    if known is not None and which is not None and _is_another(which, known):
        _report(path, known, _lost(path, _ANOTHER))
    connection = open_reader(path)
    try:
        try:
            execute(connection, "SELECT count(*) FROM sqlite_schema")
            check_frames(path, connection, known)
        except StoreError as error:
            _report(path, known, error)
        check_newest(connection, str(path))
        # Nobody can remove a log while this connection is open: one that is not there now was not there before.
        if not _is_spent(path, known) and first_of(connection, _IS_NEEDED) == 1:
            _check_there(path)
        if is_still:
            execute(connection, "BEGIN")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_there(path: Path) -> None:
    if _which(log_of(path)) is None:
        raise _lost(path, _MISSING)


def _report(path: Path, known: LogMark | None, error: StoreError) -> None:
    """Raise it, unless the lock file has changed: the writer may have closed the store meanwhile."""
    if read_log_mark(lock_of(path)) == known:
        raise error


@attrs.define(eq=False)
class OpenLog:
    """The log of a store that is open for writing, and the records about it in other files.

    Attributes:
        pages: of the log, as of the last commit.
    """

    path: Path
    _writer: apsw.Connection
    _lock_file: FileLock
    pages: int = attrs.field(default=0, init=False)
    _descriptor: int = attrs.field(default=-1, init=False)
    #: The last header of the log, and how many pages it had then. SQLite begins the log anew after a checkpoint only.
    _header: bytes = attrs.field(default=b"", init=False)
    _noted: int = attrs.field(default=0, init=False)
    _may_restart: bool = attrs.field(default=True, init=False)
    _is_spent: bool = attrs.field(default=False, init=False)

    def open(self) -> None:
        """From now on the file needs its log, and says so. Raises apsw.Error."""
        self._writer.set_wal_hook(self._count)
        self._set_needed(1)
        moved = self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._descriptor = os.open(log_of(self.path), os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        self.pages, _ = self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
        self.note()
        self._note_moved(*moved)

    def note(self) -> None:
        """A transaction was committed."""
        if self._may_restart or self.pages <= self._noted:
            os.lseek(self._descriptor, _WHICH.start, os.SEEK_SET)
            header = os.read(self._descriptor, _WHICH.stop - _WHICH.start)
            if header != self._header:
                self._header, self._may_restart = header, False
        self._noted, self._is_spent = self.pages, False
        self._lock_file.note(self._header, self.pages)

    def checkpoint(self) -> None:
        """Move the log into the file when it has grown; a reader in the way only puts it off.

        The log is never cut back to nothing: as long as the file says that it needs one, there is one.
        """
        if self.pages < connections.CHECKPOINT_PAGES:
            return
        is_long = self.pages > connections.RESTART_PAGES
        mode = apsw.SQLITE_CHECKPOINT_RESTART if is_long else apsw.SQLITE_CHECKPOINT_PASSIVE
        hit(Failpoint.CHECKPOINTING)
        try:
            moved = self._writer.wal_checkpoint(mode=mode)
        except apsw.BusyError:
            self._may_restart = True
            return
        self._note_moved(*moved)
        hit(Failpoint.CHECKPOINTING)

    def _note_moved(self, n_frames: int, n_moved: int) -> None:
        """A checkpoint is over. Once the file has all that is in the log, the next commit may begin the log anew."""
        self._may_restart = True
        if n_frames == n_moved:
            self._is_spent = True
            self._lock_file.note(self._header, 0)

    @property
    def mark(self) -> LogMark | None:
        """How much of the log is needed, as far as that was noted."""
        return LogMark(self._header, 0 if self._is_spent else self._noted) if self._header else self._lock_file.log

    def finish(self) -> None:
        """All that was committed is going to be in the file. Raises apsw.Error: not now."""
        self._set_needed(0)
        self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def close(self) -> None:
        """Let go of the log; safe to call twice."""
        if self._descriptor >= 0:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def _set_needed(self, is_needed: int) -> None:
        execute(self._writer, "BEGIN IMMEDIATE")
        try:
            execute(self._writer, _SET_NEEDED, (is_needed,))
            execute(self._writer, "COMMIT")
        except apsw.Error:
            if self._writer.in_transaction:
                execute(self._writer, "ROLLBACK")
            raise

    def _count(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self.pages = pages
        return apsw.SQLITE_OK


def _lost(path: Path, what: str) -> StoreError:
    return StoreError(
        f"{path} was not closed, and its log {log_of(path)} {what}: the last commits are nowhere else; put the log back, "
        "or run `dagflow store salvage` to continue without them"
    )


def _is_needed_by(path: Path) -> bool:
    if path.stat().st_size == 0:
        return False
    connection = open_as_it_is(path)
    try:
        return first_of(connection, _IS_NEEDED) == 1
    except apsw.Error:
        return False  # no such table yet, or damage, which opening it will find
    finally:
        connection.close()


def _which(log: Path) -> bytes | None:
    """What tells this log from others; None if there is none, or none that SQLite would take."""
    try:
        with log.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        return None
    if len(header) < _HEADER_BYTES:
        return None
    (magic,) = struct.unpack(">I", header[:4])
    words = struct.unpack(">6I" if magic & 1 else "<6I", header[:24])
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _ALL_BITS
        second = (second + odd + first) & _ALL_BITS
    is_sound = magic in _MAGIC and struct.unpack(">2I", header[24:]) == (first, second)
    return header[_WHICH] if is_sound else None


def _is_spent(path: Path, known: LogMark | None) -> bool:
    """Whether the log has a broken header and nothing that the file lacks: SQLite failed while it began the log anew."""
    return known is not None and not known.frames and log_of(path).exists()


def _is_another(which: bytes, known: LogMark) -> bool:
    """Whether this log is neither the known one nor one that began after it; logs of a file are counted."""
    return which != known.header and not 0 < (int.from_bytes(which[:4]) - int.from_bytes(known.header[:4])) % 2**32 < 2**31
