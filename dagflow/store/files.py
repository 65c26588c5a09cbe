"""The files around a database: who may read them, where they may lie, and who has them open."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import attrs

from dagflow.errors import StoreError

#: File systems on which locks or shared memory do not hold what SQLite needs; see sqlite.org/howtocorrupt.html.
_REMOTE_FILE_SYSTEMS: Final = frozenset({"afs", "cifs", "fuse", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"})
_MOUNTS: Final = Path("/proc/self/mountinfo")


@attrs.define(eq=False)
class FileLock:
    """A lock on a file, held as long as this process lives or until `release`. The file says who holds it, or died holding it.

    Attributes:
        was_left: whether the one who held it before never released it.
    """

    path: Path
    was_left: bool = attrs.field(default=False, init=False)
    _descriptor: int = attrs.field(default=-1, init=False)

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            StoreError: another process, or another opening in this one, has it; or the file cannot be made.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise StoreError(f"cannot make the lock file {self.path}: {error.strerror}") from error
        try:
            _lock_now(descriptor)
        except OSError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() if hasattr(os, "pread") else ""
            os.close(descriptor)
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise StoreError(
                f"{self.path.with_suffix('')} is open in {who}; one process at a time can run its flows;"
                " stop that one first, which loses nothing"
            ) from None
        self.was_left = os.fstat(descriptor).st_size > 0
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
        self._descriptor = descriptor

    def release(self) -> None:
        """Give it back; safe to call twice. The file stays, since removing it would let two hold it."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


def _lock_now(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - only there

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415 - only there

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def make_private_file(path: Path) -> None:
    """Make the file, for its owner's eyes only, if there is none; SQLite gives the files beside it the same mode.

    Raises:
        StoreError: the folder is not there, or not ours to write.
    """
    try:
        if not path.parent.is_dir():
            raise StoreError(f"there is no folder {path.parent} to keep {path.name} in; make it first")
        if path.is_dir():
            raise StoreError(f"{path} is a folder; give the path of a file")
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"cannot open {path}: {error.strerror}") from error


def refuse_remote(path: Path, mounts: Path = _MOUNTS) -> None:
    """Refuse a place on a network file system.

    `mounts` is the system's list of what is mounted where; where there is none, nothing is known and nothing refused.

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
