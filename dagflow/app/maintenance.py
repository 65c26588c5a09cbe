"""Maintain a store: check that its rows are intact and consistent, copy it, and free space."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import attrs
import orjson

from dagflow.app.program_cache import Programs
from dagflow.app.run_loader import check_row
from dagflow.app.stored_runs import part_of
from dagflow.engine import invariants
from dagflow.engine.machine import Machine
from dagflow.errors import DagflowError, StoreError
from dagflow.execution.instance import RunInstance
from dagflow.ids import RunId
from dagflow.model.status import RunStatus
from dagflow.store.api import Record, RunRow, Store
from dagflow.store.codec.events import from_record
from dagflow.store.open import is_url, open_reading, open_store, schema_of, shown
from dagflow.store.sqlite.backup import back_up
from dagflow.store.sqlite.store import SqliteStore
from dagflow.store.verify import verify_store

_PAGE = 500


@attrs.define
class Findings:
    """The findings of a check of a store: its size, and all its problems."""

    n_runs: int = 0
    n_facts: int = 0
    n_events: int = 0
    problems: list[str] = attrs.field(factory=list)
    #: Those of a run and its child runs, by its id.
    by_run: dict[RunId, list[str]] = attrs.field(factory=dict)


def verify(path: str | os.PathLike[str]) -> Findings:
    """Read all of a store, fold every history, and compare the results with its rows; another process may be writing to it.

    Raises:
        StoreError: there is no store, or it cannot even be opened.
    """
    store = open_reading(path, is_still=True)
    try:
        return verified(store)
    finally:
        store.close()


def verified(store: Store) -> Findings:
    """As `verify`, of an open store."""
    findings = Findings(problems=verify_store(store))
    try:
        findings.n_events = _n_events(store)
        _Verifier(store, findings).check_all()
    except DagflowError as error:
        findings.problems.append(str(error))
    findings.problems = list(dict.fromkeys(findings.problems))
    return findings


def backup(path: str | os.PathLike[str], to: str | os.PathLike[str]) -> None:
    """Copy a SQLite store while it is in use. Raises StoreError: see `back_up`; the store is in a database of a server."""
    if is_url(path):
        raise StoreError(
            f"{shown(path)} is in a Postgres database; copy it with `pg_dump --format=custom --schema={schema_of(path)} --file={os.fspath(to)}`"
        )
    back_up(path, to)


def vacuum(path: str | os.PathLike[str], before: int) -> None:
    """Remove unreferenced data that ended before that timestamp, and free its space; Postgres frees its space by itself.

    Raises:
        StoreError: another process drives the runs of this store, or it cannot be written.
    """
    if is_url(path):
        open_reading(path).close()  # opening it for writing would make one
    elif not Path(path).is_file():
        raise _missing(path)
    store = open_store(path)
    try:
        while store.prune(before):
            pass
    finally:
        store.close()


@attrs.frozen
class Salvage:
    """The rows that were set aside: runs with the reasons, the other rows, and the file with all of them (None if there are none)."""

    runs: dict[RunId, list[str]]
    others: list[str]
    file: Path | None


def salvage(path: str | os.PathLike[str]) -> Salvage:
    """Set aside the runs that are damaged, with their child runs, so that the rest goes on; also where a log is lost.

    What there is of them goes into a new file beside the store, a JSON object a line, before it is removed.

    Raises:
        StoreError: there is no store, another process drives its runs, its pages are damaged, or the file cannot be written.
    """
    if is_url(path):
        raise StoreError(
            f"{shown(path)} is in a Postgres database, where damaged runs stay blocked and the rest goes on; restore a backup to get them back"
        )
    place = Path(path)
    if not place.is_file():
        raise _missing(path)
    store = SqliteStore.open(place, is_lossy=True)
    try:
        damaged = verified(store).by_run
        aside = _Aside(place)
        others = store.salvage(damaged, aside.keep)
    except OSError as error:
        raise StoreError(
            f"cannot write what is set aside beside {os.fspath(path)}: {error.strerror}; nothing was removed"
        ) from error
    finally:
        store.close()
    return Salvage(damaged, others, aside.path)


def _missing(path: str | os.PathLike[str]) -> StoreError:
    return StoreError(f"there is no store {os.fspath(path)}; running a flow makes one")


@attrs.define(eq=False)
class _Aside:
    """A new file beside the store, made when there is something to put into it."""

    _store: Path
    path: Path | None = None

    def keep(self, content: dict[str, object]) -> None:
        """Add a line, which is on the disk when this returns. Raises OSError."""
        number = 1
        while self.path is None:
            path = self._store.with_name(f"{self._store.name}.aside-{number}.jsonl")
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                self.path = path
            number += 1
        with self.path.open("ab") as file:
            file.write(orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE))
            file.flush()
            os.fsync(file.fileno())


def _n_events(store: Store) -> int:
    n_events = after = 0
    while events := store.events(after=after, limit=_PAGE):
        n_events, after = n_events + len(events), events[-1].number
    return n_events


@attrs.define(eq=False)
class _Verifier:
    _store: Store
    _findings: Findings
    _programs: Programs = attrs.field(factory=Programs)

    def check_all(self) -> None:
        for row in self._rows(""):
            n_before = len(self._findings.problems)
            self._check(row, None)
            if len(self._findings.problems) > n_before:
                self._findings.by_run[row.id] = self._findings.problems[n_before:]

    def _rows(self, parent: str) -> Iterator[RunRow]:
        before = None
        while rows := self._store.runs(limit=_PAGE, before=before, parent=parent):
            before = rows[-1].id
            yield from rows

    def _check(self, row: RunRow, parent: RunInstance | None) -> RunInstance | None:
        self._findings.n_runs += 1
        try:
            check_row(row)
            history = self._store.history(row.id)
            self._findings.n_facts += len(history)
            if parent is None:
                progress = RunInstance(self._programs.load(self._store, row.digest).program, row.id, tenant=row.tenant)
            else:
                progress = part_of(parent, row.id)
            progress.restore(history)
            parts = {part.id: (part, self._check(part, progress)) for part in self._rows(row.id)}
            problems = [*_row_problems(row, progress, history), *_part_problems(progress, history, parts)]
        except DagflowError as error:
            problems, progress = [str(error)], None
        self._findings.problems += [f"run {row.id}: {problem}" for problem in problems]
        return progress


def _row_problems(row: RunRow, progress: RunInstance, history: list[Record]) -> Iterator[str]:
    """The row against the fold of the history alone, without the pure work that is still to be done."""
    plan = progress.program.plan
    state = Machine.restore(plan, [from_record(record, plan).event for record in history]).state
    invariants.check(state)
    status, due = state.standing()
    if (row.status, row.due_at) != (status, due):
        yield f"its row says {row.status} due {row.due_at}, its history {status} due {due}"
    ended_at = None if state.ended is None else state.now
    if row.ended_at != ended_at:
        yield f"its row says it ended at {row.ended_at}, its history at {ended_at}"
    if row.created_at != state.started_at:
        yield f"its row says it began at {row.created_at}, its history at {state.started_at}"


def _part_problems(
    progress: RunInstance, history: list[Record], parts: Mapping[RunId, tuple[RunRow, RunInstance | None]]
) -> Iterator[str]:
    """Compare a run's record of the ends of its child runs with these runs."""
    numbers, was_undone = progress.program.plan.numbers, {run for run, (_, part) in parts.items() if _is_undone(part)}
    for record in history:
        if record.kind == "item_ended":
            end = orjson.loads(record.payload or b"{}")
            run = progress.children.run_of(numbers[record.node], end["index"])
            said = RunStatus(end["status"])
        elif record.kind == "attempt_succeeded" and progress.children.has(numbers[record.node]):
            run, said = progress.children.run_of(numbers[record.node], record.attempt), RunStatus.SUCCEEDED
        else:
            continue
        # An item that was refused before it began has no run of its own.
        known = parts.get(run)
        if known is not None and known[0].status is not said and run not in was_undone:
            yield f"it has the part {run} as {said}, which is {known[0].status}"
        if known is None and said is RunStatus.SUCCEEDED and ".undo" not in record.node:
            yield f"it has the part {run} as succeeded, which is not there"
    if progress.is_ended:
        yield from (f"it has ended, and its part {run} is {row.status}" for run, (row, _) in parts.items() if not row.ended_at)


def _is_undone(part: RunInstance | None) -> bool:
    return part is not None and part.machine.state.is_reopened
