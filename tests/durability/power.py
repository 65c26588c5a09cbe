"""Cuts the power under a store, again and again, and looks at what is left. Run as `python -m tests.durability.power CUTS [normal]`.

Prints how many cuts lost a write that had been acknowledged, and how many left a store that cannot be read or is not what was
written. With `normal`, SQLite is told to flush less, and losses have to show: a harness that never sees one proves nothing.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import attrs

from dagflow.errors import StoreError
from dagflow.ids import RunId
from dagflow.model.status import RunStatus
from dagflow.store.api import Append, Creation, Record, RunRow, SentEvent
from dagflow.store.sqlite import connection
from dagflow.store.sqlite.store import SqliteStore
from dagflow.store.verify import verify_store
from tests.durability.disk import Disk
from tests.store.contract import DIGEST, FLOW

#: So that the log is moved into the file, and cut back, within a few writes.
CHECKPOINT_PAGES, RESTART_PAGES = 12, 40
CUTS_A_SESSION = 25
WRITES_A_SESSION = 12


@attrs.frozen
class Figures:
    """What came of it. `seen`: how many cuts fell where."""

    n_cuts: int
    n_lost: int
    n_corrupt: int
    seen: Counter[str]


def run_id(number: int) -> RunId:
    return RunId(f"{number:032x}")


def records(number: int, first: int, n: int) -> tuple[Record, ...]:
    return tuple(Record("fact", number, f"n{at}", at, b"x" * (number * 37 % 700)) for at in range(first, first + n))


def write(store: SqliteStore, number: int) -> None:
    """Write `number`: a new run at every third, facts for the run before, an event."""
    n = 1 + number % 5
    owner = number - number % 3
    event = SentEvent(number=number + 1, id=f"e{number}", name="x", at=number, payload=b"%d" % number)
    if number == owner:
        row = RunRow(id=run_id(owner), flow="f", digest=DIGEST, status=RunStatus.RUNNING, created_at=number)
        store.write((), [Creation(row=row, flow=FLOW, records=records(number, 0, n), events=(event,))])
        return
    first = sum(1 + before % 5 for before in range(owner, number))
    store.write(
        [
            Append(
                run=run_id(owner),
                first=first,
                records=records(number, first, n),
                status=RunStatus.SLEEPING,
                due_at=number,
                events=(event,),
            )
        ]
    )


def n_written(store: SqliteStore) -> int:
    """How many writes the store has, from the first, each whole. Raises AssertionError if what it has is no beginning of them."""
    events = store.events(after=0, limit=1_000_000)
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    expected: dict[int, list[Record]] = {}
    for number in range(len(events)):
        facts = expected.setdefault(number - number % 3, [])
        facts += records(number, len(facts), 1 + number % 5)
    found = {row.id: store.history(row.id) for row in store.runs(limit=1_000_000)}
    assert found == {run_id(owner): facts for owner, facts in expected.items()}
    return len(events)


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, body in files.items():
        (folder / name).write_bytes(body)
    return folder / "runs.db"


def session(images: dict[str, bytes], n_before: int, folder: Path, *, is_full: bool, n_writes: int) -> Disk:
    """Open a store as a cut left it, write to it, and give the disk it was on."""
    disk = Disk()
    disk.recording.images = dict(images)
    store = SqliteStore.open(put(folder, images), disk=disk.name)
    if not is_full:
        store._writer.execute("PRAGMA synchronous = NORMAL")
    for number in range(n_before, n_before + n_writes):
        write(store, number)
        disk.recording.acknowledge(number)
    store.close()
    return disk


def look(files: dict[str, bytes], folder: Path) -> int:
    """How many writes are left. Raises StoreError or AssertionError for a damaged store."""
    store = SqliteStore.open(put(folder, files))
    try:
        problems = verify_store(store)
        assert not problems, problems
        return n_written(store)
    finally:
        store.close()


def cut_power(n_cuts: int, seed: int, *, is_full: bool = True) -> Figures:
    dice = random.Random(seed)
    before = connection.CHECKPOINT_PAGES, connection.RESTART_PAGES
    connection.CHECKPOINT_PAGES, connection.RESTART_PAGES = CHECKPOINT_PAGES, RESTART_PAGES  # type: ignore[misc]
    base = Path(tempfile.mkdtemp(prefix="power"))
    seen: Counter[str] = Counter()
    n_done = n_lost = n_corrupt = n_before = 0
    images: dict[str, bytes] = {}
    try:
        while n_done < n_cuts:
            disk = session(images, n_before, fresh(base), is_full=is_full, n_writes=dice.randint(1, WRITES_A_SESSION))
            found: list[tuple[dict[str, bytes], int]] = []
            for _ in range(min(CUTS_A_SESSION, n_cuts - n_done)):
                n_done += 1
                at = dice.randrange(len(disk.recording.operations) + 1)
                files, acknowledged = disk.recording.cut(at, dice)
                n_kept = max(acknowledged + 1, n_before)
                try:
                    n_left = look(files, fresh(base))
                except (StoreError, AssertionError) as problem:
                    n_corrupt += 1
                    sys.stderr.write(f"{problem}\n")
                    continue
                n_lost += n_left < n_kept
                seen["more than was acknowledged"] += n_left > n_kept
                seen["in the first opening"] += not images and acknowledged < 0
                seen["in a recovery"] += bool(images) and acknowledged < 0
                seen["with a log"] += bool(files.get("runs.db-wal"))
                found.append((files, n_left))
            # Go on from one of them, so that cuts hit recoveries too; now and then from nothing.
            images, n_before = dice.choice(found) if found and n_before < 60 else ({}, 0)
    finally:
        connection.CHECKPOINT_PAGES, connection.RESTART_PAGES = before  # type: ignore[misc]
        shutil.rmtree(base)
    return Figures(n_done, n_lost, n_corrupt, seen)


def fresh(base: Path) -> Path:
    folder = base / "now"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


if __name__ == "__main__":
    is_full = "normal" not in sys.argv
    sys.stdout.write(f"{cut_power(int(sys.argv[1]), seed=random.randrange(10**6), is_full=is_full)}\n")
