"""The files around a database: who may read them, where they may lie, and who has them open."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import attrs

from dagflow.errors import StoreError, StoreInUse

#: File systems on which locks or shared memory do not hold what SQLite needs; see sqlite.org/howtocorrupt.html.
_REMOTE_FILE_SYSTEMS: Final = frozenset({"afs", "cifs", "fuse", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"})
_MOUNTS: Final = Path("/proc/self/mountinfo")


#: The contents of a lock file: its owner, and how much of the log there was. A file with other contents is left unchanged.
_CONTENT: Final = re.compile(rb"\0*|(?P<process>[0-9 ]{1,10})(?: (?P<header>[0-9a-f]{24}) (?P<frames>[0-9 ]{1,10}))?\n")
#: In place of a process: the lock is free, and no owner died with it.
_NO_PROCESS: Final = b" " * 10
_FRAMES: Final = b"%10d\n"
#: Follows no link, does not block, is not inherited.
_SAFELY: Final = sum({getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")})
#: How often to look again for a lock file that is replaced while it is being acquired.
_MOST_TRIES: Final = 5


@attrs.frozen
class LogMark:
    """How far the log had come: what its header says about which log it is, and how many frames of it were committed.

    No frames: all that it had is in the file itself.
    """

    header: bytes
    frames: int


@attrs.define(eq=False)
class FileLock:
    """A lock on a file, held as long as this process lives or until `release`. The file says who holds it, or died holding it.

    Attributes:
        was_left: whether the one who held it before never released it.
        log: how much of the log that one is known to have committed, if it said so.
    """

    path: Path
    was_left: bool = attrs.field(default=False, init=False)
    log: LogMark | None = attrs.field(default=None, init=False)
    _found: bytes = attrs.field(default=b"", init=False)
    #: The log that was noted last, and the contents of the file as far as they say which log that is.
    _header: bytes = attrs.field(default=b"", init=False)
    _head: bytes = attrs.field(default=b"", init=False)
    _descriptor: int = attrs.field(default=-1, init=False)

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            StoreError: another process, or another opening in this one, has it; the file cannot be made; or it is no lock file.
        """
        descriptor = self._locked()
        try:
            self._found = os.read(descriptor, 100)
            self.log = _log_mark(self.path, self._found)
            self.was_left = bool(self._found) and not self._found.startswith(_NO_PROCESS)
            # In place: on a full disk none of it is lost.
            self._put(descriptor, _content(self.log))
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, OSError):
                raise StoreError(f"cannot write the lock file {self.path}: {error.strerror}; make room") from error
            raise
        self._descriptor = descriptor

    def note(self, header: bytes, frames: int) -> None:
        """Record how much of the log is committed, for the next opening after a crash; in the cache of the system is enough."""
        if header != self._header:
            self._header, self._head = header, _content(LogMark(header, 0))[: -len(_FRAMES % 0)]
        with suppress(OSError):  # the last record is lower, and still true
            _write_first(self._descriptor, self._head + _FRAMES % frames)

    def forget_log(self) -> None:
        """There is a new log, to which nothing that was noted applies. Raises OSError."""
        if self.log is not None:
            self.log = None
            self._found = _content(None)
            self._put(self._descriptor, self._found)

    def release(self, *, is_clean: bool = True, log: LogMark | None = None) -> None:
        """Give it back; safe to call twice. The file stays, since removing it would let two hold it.

        With `is_clean` false its contents stay: the process that died is still the last one that had the store open.
        `log`: how much of the log is needed still, where closing could not move it into the file.
        """
        if self._descriptor >= 0:
            content = b"" if log is None else _content(log, _NO_PROCESS)
            with suppress(OSError):
                self._put(self._descriptor, content if is_clean else self._found)
            os.close(self._descriptor)
            self._descriptor = -1

    def _locked(self) -> int:
        """The lock file, locked; and still the one of that name, since a lock on a removed file excludes no other process."""
        for _ in range(_MOST_TRIES):
            try:
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | _SAFELY, 0o600)
            except OSError as error:
                why = "it is a link; remove it" if error.errno == errno.ELOOP else error.strerror
                raise StoreError(f"cannot make the lock file {self.path}: {why}") from error
            try:
                _lock_now(descriptor)
            except OSError:
                holder = _CONTENT.fullmatch(os.read(descriptor, 100))
                os.close(descriptor)
                raise self._taken(b"" if holder is None else holder["process"] or b"") from None
            held = os.fstat(descriptor)
            with suppress(OSError):
                if stat.S_ISREG(held.st_mode) and os.path.samestat(held, os.lstat(self.path)):
                    return descriptor
            os.close(descriptor)
        raise StoreError(f"the lock file {self.path} is no file, or is replaced again and again; remove it")

    def _taken(self, holder: bytes) -> StoreError:
        number = holder.decode("ascii").strip()
        return in_use(self.path.with_suffix(""), f"process {number}" if number else "another process")

    @staticmethod
    def _put(descriptor: int, content: bytes) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, content)
        os.ftruncate(descriptor, len(content))


def in_use(path: Path, who: str) -> StoreInUse:
    """Return the error to raise if another process has the store open."""
    return StoreInUse(
        f"{path} is open in {who}; one process at a time can run its flows; call that one with `dagflow.Client`, or stop it, which loses nothing"
    )


def read_log_mark(path: Path) -> LogMark | None:
    """Return what the lock file of that path records of the log, for a reader that does not want the lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _SAFELY)
    except OSError:
        return None
    try:
        return _log_mark(path, os.read(descriptor, 100))
    except (OSError, StoreError):
        return None
    finally:
        os.close(descriptor)


def _log_mark(path: Path, content: bytes) -> LogMark | None:
    """Raises StoreError: this is no lock file of ours."""
    found = _CONTENT.fullmatch(content)
    if found is None:
        raise StoreError(f"{path} is no lock file of dagflow; it is left as it is: move it away")
    return None if found["header"] is None else LogMark(bytes.fromhex(found["header"].decode()), int(found["frames"]))


def _content(log: LogMark | None, process: bytes = b"") -> bytes:
    """Return the contents of the lock file; of fixed length, so that new contents overwrite the old ones."""
    process = process or b"%10d" % os.getpid()
    if log is None:
        return b"%s\n" % process
    return b"%s %s " % (process, log.header.hex().encode()) + _FRAMES % log.frames


def _write_first(descriptor: int, content: bytes) -> None:
    """Write over the first bytes; in one call where there is one, since this is done for every commit."""
    if sys.platform == "win32":
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, content)
    else:
        os.pwrite(descriptor, content, 0)


def _lock_now(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - only there

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415 - only there

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def make_private_file(path: Path) -> None:
    """Make the file, readable only by its owner, if there is none; SQLite uses its mode for the files beside it.

    One that is there is not even opened: closing it would take the locks away that SQLite has on it in this process.

    Raises:
        StoreError: the folder is not there, or not ours to write; or there is something else of that name.
    """
    try:
        if not path.parent.is_dir():
            raise StoreError(f"there is no folder {path.parent} to keep {path.name} in; make it first")
        if path.is_dir():
            raise StoreError(f"{path} is a folder; give the path of a file")
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        if not path.is_file():
            raise StoreError(f"{path} is no file; give the path of one")
    except OSError as error:
        raise StoreError(f"cannot open {path}: {error.strerror}") from error


def refuse_remote(path: Path, mounts: Path = _MOUNTS) -> None:
    """Refuse a place on a network file system.

    `mounts` is the system's list of mounts; without one the file system is unknown, and accepted.

    Raises:
        StoreError: `path` lies on NFS, SMB or a FUSE file system.
    """
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return
    best, kind = "", ""
    for line in lines:
        # proc(5): id parent major:minor root mount-point options … - type source super-options
        left, _, right = line.partition(" - ")
        fields, types = left.split(" "), right.split(" ")
        if len(fields) < 5:
            continue
        point = fields[4].replace("\\040", " ")
        is_inside = path.is_relative_to(point)
        if is_inside and len(point) >= len(best):
            best, kind = point, types[0]
    if kind in _REMOTE_FILE_SYSTEMS or kind.startswith("fuse."):
        raise StoreError(f"{path} lies on a {kind} file system, which can lose or mix up writes; use a local disk")
