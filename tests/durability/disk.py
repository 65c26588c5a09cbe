"""A disk that writes down what is done to it, so that a power cut at any moment can be made up afterwards; and one that fails when told.

What a power cut leaves. A disk keeps what was written before the last flush of that file that was answered. Of what came
after, each sector of 512 bytes holds any of the states it went through, on its own: so writes are lost, torn and in another
order. The length of the file is any that it had since, and a file that was never flushed may not be there at all. That a file
was made or removed is kept once its folder was flushed, which SQLite does with the first flush of a new log or journal.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw
import attrs

SECTOR: Final = 512
_numbers = itertools.count()

#: What may fail: a call by its name, given its number among all calls so far, from 0.
Fault = Callable[[str, int], apsw.Error | None]


@attrs.frozen
class Write:
    """Bytes put into a file; a truncation is one without bytes, at its new length."""

    offset: int
    body: bytes | None


@attrs.frozen
class Operation:
    """Something done to a file, by its name: a Write, or the words "sync", "sync folder" and "delete"; or what a caller was told, by no name."""

    file: str
    what: Write | str | int


@attrs.define(eq=False)
class Recording:
    """What was done, in order; `images` is what was on the disk before."""

    images: dict[str, bytes] = attrs.field(factory=dict)
    operations: list[Operation] = attrs.field(factory=list)

    def acknowledge(self, number: int) -> None:
        """The caller has just been told that its write `number` is kept."""
        self.operations.append(Operation("", number))

    def cut(self, at: int, dice: random.Random) -> tuple[dict[str, bytes], int]:
        """What a power cut before operation `at` leaves, and the last number that had been acknowledged by then (-1: none)."""
        files = {name: _File(bytearray(body)) for name, body in self.images.items()}
        acknowledged = -1
        for operation in self.operations[:at]:
            if isinstance(operation.what, int):
                acknowledged = operation.what
                continue
            file = files.setdefault(operation.file, _File(None))
            if operation.what in ("sync", "sync folder"):
                file.flush()
            if operation.what == "sync folder":
                for each in files.values():
                    each.forget_removed()
            elif operation.what == "delete":
                file.unsynced.append(None)
            elif isinstance(operation.what, Write):
                file.unsynced.append(operation.what)
        manner = dice.choice(("all", "none", "writes", "sectors", "sectors"))
        left = {name: file.left(manner, dice) for name, file in files.items()}
        return {name: body for name, body in left.items() if body is not None}, acknowledged


@attrs.define(eq=False)
class _File:
    """`synced` is what is surely there, None for no file; a None among `unsynced` is a deletion."""

    synced: bytearray | None
    unsynced: list[Write | None] = attrs.field(factory=list)

    def flush(self) -> None:
        for write in self.unsynced:
            self.synced = _applied(self.synced, write)
        self.unsynced = []

    def forget_removed(self) -> None:
        if None in self.unsynced:
            last = len(self.unsynced) - self.unsynced[::-1].index(None)
            self.synced, self.unsynced = None, self.unsynced[last:]

    def left(self, manner: str, dice: random.Random) -> bytes | None:
        body = None if self.synced is None else bytearray(self.synced)
        for write in self.unsynced:
            if manner == "none" or (manner == "writes" and dice.random() < 0.5):
                continue
            if manner != "sectors" or write is None or write.body is None:
                if manner != "sectors" or dice.random() < 0.5:
                    body = _applied(body, write)
                continue
            for part in _sectors(write):
                if dice.random() < 0.5:
                    body = _applied(body, part)
        return None if body is None else bytes(body)


def _applied(body: bytearray | None, write: Write | None) -> bytearray | None:
    if write is None:
        return None
    body = bytearray() if body is None else body
    end = write.offset + len(write.body or b"")
    if len(body) < end:
        body.extend(bytes(end - len(body)))
    if write.body is None:
        del body[write.offset :]
    else:
        body[write.offset : end] = write.body
    return body


def _sectors(write: Write) -> list[Write]:
    body, offset = write.body or b"", write.offset
    starts = [offset, *range((offset // SECTOR + 1) * SECTOR, offset + len(body), SECTOR)]
    ends = [*starts[1:], offset + len(body)]
    return [Write(start, body[start - offset : end - offset]) for start, end in zip(starts, ends, strict=True)]


class Disk(apsw.VFS):
    """The disk of this machine under another name. `fault` may make a call fail; a failing write is done by half."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.name = f"recording{next(_numbers)}"
        self.recording = Recording()
        self.fault = fault
        self.n_calls = 0
        super().__init__(self.name, "")

    def xOpen(self, name, flags):
        return _Handle(self, name, flags)

    def xDelete(self, filename, syncdir):
        self.call("delete")
        super().xDelete(filename, syncdir)
        self.note(filename, "delete")
        if syncdir:
            self.note(filename, "sync folder")

    def excepthook(self, *_ignored):
        """What SQLite chose to pass over is not ours to report."""

    def note(self, path: str, what: Write | str) -> None:
        self.recording.operations.append(Operation(Path(path).name, what))

    def call(self, name: str) -> None:
        problem = self.problem(name)
        if problem is not None:
            raise problem

    def problem(self, name: str) -> apsw.Error | None:
        number, self.n_calls = self.n_calls, self.n_calls + 1
        return None if self.fault is None else self.fault(name, number)


class _Handle(apsw.VFSFile):
    def __init__(self, disk: Disk, name, flags):
        self.disk = disk
        self.path = name if isinstance(name, str) or name is None else name.filename()
        is_log = flags[0] & (apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL)
        self.is_new = bool(is_log and self.path and not Path(self.path).exists())
        super().__init__("", name, flags)

    def xWrite(self, data, offset):
        problem = self.disk.problem("write")
        if problem is not None:
            data = bytes(data)[: len(data) // 2]
        super().xWrite(data, offset)
        self.disk.note(self.path or "", Write(offset, bytes(data)))
        if problem is not None:
            raise problem

    def xTruncate(self, newsize):
        self.disk.call("truncate")
        super().xTruncate(newsize)
        self.disk.note(self.path or "", Write(newsize, None))

    def xSync(self, flags):
        self.disk.call("sync")
        super().xSync(flags)
        self.disk.note(self.path or "", "sync folder" if self.is_new else "sync")
        self.is_new = False

    def excepthook(self, *_ignored):
        """What SQLite chose to pass over is not ours to report."""
