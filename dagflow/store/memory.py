"""A store that keeps nothing: for tests, one-shot runs and `:memory:`. It answers as the durable ones do."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import attrs

from dagflow.errors import StoreError
from dagflow.ids import FlowDigest, RunId
from dagflow.store.api import Append, Record, RunRow


@attrs.define(eq=False)
class MemoryStore:
    """See `store.api.Store`. May be called from any thread."""

    _rows: dict[RunId, RunRow] = attrs.field(factory=dict, init=False)
    #: What has become of the rows since; they are put together when somebody asks, which is seldom.
    _changes: dict[RunId, Append] = attrs.field(factory=dict, init=False)
    _histories: dict[RunId, list[Record]] = attrs.field(factory=dict, init=False)
    _flows: dict[FlowDigest, bytes] = attrs.field(factory=dict, init=False)
    _is_closed: bool = attrs.field(default=False, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def create(self, row: RunRow, flow: bytes, records: Sequence[Record]) -> None:
        """See `Store.create`."""
        with self._lock:
            self._check_open()
            if row.id in self._rows:
                raise StoreError(f"run {row.id} is there already; every run needs an id of its own")
            self._flows.setdefault(row.digest, flow)
            self._rows[row.id] = row
            self._histories[row.id] = list(records)

    def append(self, appends: Sequence[Append]) -> None:
        """See `Store.append`."""
        with self._lock:
            self._check_open()
            self._check_positions(appends)
            for append in appends:
                self._histories[append.run].extend(append.records)
                self._changes[append.run] = append

    def history(self, run: RunId) -> list[Record]:
        """See `Store.history`."""
        with self._lock:
            self._check_open()
            return list(self._histories.get(run, ()))

    def run(self, run: RunId) -> RunRow | None:
        """See `Store.run`."""
        with self._lock:
            self._check_open()
            row = self._rows.get(run)
            return None if row is None else self._current(row)

    def runs(self, *, unfinished: bool = False, limit: int = 100, before: RunId | None = None) -> list[RunRow]:
        """See `Store.runs`."""
        with self._lock:
            self._check_open()
            rows = sorted(map(self._current, self._rows.values()), key=lambda row: row.id, reverse=True)
        wanted = [row for row in rows if (before is None or row.id < before) and not (unfinished and row.status.is_terminal)]
        return wanted[: max(0, limit)]

    def flow(self, digest: FlowDigest) -> bytes | None:
        """See `Store.flow`."""
        with self._lock:
            self._check_open()
            return self._flows.get(digest)

    def close(self) -> None:
        """See `Store.close`."""
        with self._lock:
            self._is_closed = True

    def _current(self, row: RunRow) -> RunRow:
        last = self._changes.get(row.id)
        return row if last is None else attrs.evolve(row, status=last.status, ended_at=last.ended_at, due_at=last.due_at)

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreError("the store is closed; open it again")

    def _check_positions(self, appends: Sequence[Append]) -> None:
        """All positions first, so that a wrong one leaves everything as it was."""
        lengths: dict[RunId, int] = {}
        for append in appends:
            if append.run not in self._histories:
                raise StoreError(f"there is no run {append.run} to add facts to")
            length = lengths.get(append.run, len(self._histories[append.run]))
            if append.first != length:
                raise StoreError(f"run {append.run} has {length} facts, not {append.first}; read its history again")
            lengths[append.run] = length + len(append.records)
