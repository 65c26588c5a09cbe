"""A copy of a store while it is in use."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import apsw

from dagflow.errors import StoreError
from dagflow.store.sqlite.connection import check_intact, execute
from dagflow.store.sqlite.wal_guard import open_sound_reader


def back_up(path: str | os.PathLike[str], to: str | os.PathLike[str]) -> None:
    """Copy the store at `path` to the new file `to`, as it was at one instant; another process may be writing to it.

    The copy is verified before it gets its name, and is on the disk when this returns.

    Raises:
        StoreError: there is no store, or it cannot be read; there is something at `to`, or it cannot be written.
    """
    source, target = Path(os.path.realpath(path)), Path(os.path.realpath(to))
    if not source.is_file():
        raise StoreError(f"no store {path} to copy")
    if target.exists():
        raise StoreError(f"{to} already exists; choose another name for the copy")
    partial = target.with_name(f"{target.name}.partial")
    try:
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
        _copy(source, partial)
        _flush(partial)
        os.link(partial, target)  # fails if another process has made it meanwhile
        _flush(target.parent)
    except apsw.Error as error:
        raise StoreError(f"cannot copy {path} to {to}: {error}") from error
    except OSError as error:
        raise StoreError(f"cannot write {to}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _copy(source: Path, target: Path) -> None:
    reader = open_sound_reader(source)
    copy = apsw.Connection(str(target))
    try:
        with copy.backup("main", reader, "main") as backup:
            # All at once: a copy in steps would begin anew with each write beside it. The log grows meanwhile, and no writer waits.
            backup.step(-1)
        execute(copy, "PRAGMA journal_mode = DELETE")
        execute(copy, "UPDATE log SET is_needed = 0")  # all of it is in the copy
        check_intact(copy, target)
    finally:
        copy.close()
        reader.close()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
