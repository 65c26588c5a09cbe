"""The part of a store that is the same in every database: it reads rows, and writes those that are written one at a time.

A database adds its connections and transactions, and how it writes many runs at once.
"""

from __future__ import annotations

import abc
from collections.abc import Collection, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from typing import ClassVar

import attrs
import orjson

from dagflow.errors import StoreError
from dagflow.ids import FlowDigest, RunId
from dagflow.store.api import Append, Blocked, CrashSuspect, Creation, DriverState, Record, RunRow, SentEvent, WaitRow
from dagflow.store.rows import blobs, crash_ledger, retention, start_ids, waits
from dagflow.store.rows import blocked_runs as blocked
from dagflow.store.rows import runs as run_rows
from dagflow.store.rows.service_tables import ServiceTables
from dagflow.store.rows.values import Execute, Row, Value, first_of
from dagflow.store.service_rows import Looked, RequestRow


class RowStore(ServiceTables, abc.ABC):
    """See `store.api.Store`."""

    #: The histories of the runs in a JSON array of ids, without those longer than a number; each in its order.
    _SELECT_HISTORIES: ClassVar[str]

    @property
    def is_durable(self) -> bool:
        """See `Store.is_durable`."""
        return True

    @abc.abstractmethod
    def write(
        self,
        appends: Sequence[Append] = (),
        creations: Sequence[Creation] = (),
        requests: Sequence[RequestRow] = (),
        looked: Looked | None = None,
    ) -> None:
        """See `Store.write`."""
        ...

    @abc.abstractmethod
    def send(self, events: Sequence[SentEvent]) -> None:
        """See `Store.send`."""
        ...

    @abc.abstractmethod
    def close(self) -> None:
        """See `Store.close`."""
        ...

    # ---- reading

    def events(
        self, *, after: int, limit: int = 1000, names: Collection[str] | None = None, tenant: str = ""
    ) -> list[SentEvent]:
        """See `Store.events`."""
        events: list[SentEvent] = []
        while len(events) < limit:
            n_wanted = limit - len(events)
            found = self._events(after, n_wanted, names, tenant)
            # A damaged one is omitted; `problems` reports it.
            events += [event for row in found if (event := run_rows.read_event(row)) is not None]
            if len(found) < n_wanted:
                break
            after = int(str(found[-1][0]))
        return events

    def _events(self, after: int, limit: int, names: Collection[str] | None, tenant: str) -> list[Row]:
        if names is None:
            return self._read_texts(run_rows.EVENT_COLUMNS, run_rows.SELECT_EVENTS, after, limit)
        # Name by name, since that is how the index is ordered.
        query = run_rows.SELECT_NAMED_EVENTS
        named = (self._read_texts(run_rows.EVENT_COLUMNS, query, tenant, name, after, limit) for name in set(names))
        return list(islice(merge(*named), limit))

    def last_event(self) -> int:
        """See `Store.last_event`."""
        number = first_of(self._read(run_rows.SELECT_LAST_EVENT))
        return number if isinstance(number, int) else 0

    def has_event(self, tenant: str, event_id: str) -> bool:
        """See `Store.has_event`."""
        return bool(self._read(run_rows.SELECT_EVENT_ID, tenant, event_id))

    def history(self, run: RunId) -> list[Record]:
        """See `Store.history`."""
        found = self._read(run_rows.SELECT_HISTORY, run)
        try:
            return run_rows.read_history(self._place, run, found, lambda name: blobs.read(self._read(blobs.SELECT, name), name))
        except StoreError:
            if self._read(run_rows.SELECT_KEY, run):
                raise
            return []  # removed while it was read, with the payloads stored by their hash

    def histories(self, runs: Sequence[RunId]) -> dict[RunId, list[Record]]:
        """See `Store.histories`."""
        try:
            found = self._read(self._SELECT_HISTORIES, orjson.dumps(list(runs)).decode(), run_rows.MOST_QUICKLY)
        except StoreError:
            # `history` of the damaged run reports the problem.
            return {}
        return run_rows.read_histories(found)

    def run(self, run: RunId) -> RunRow | None:
        """See `Store.run`."""
        found = self._rows(run_rows.SELECT_RUN, run)
        return found[0] if found else None

    def runs(
        self,
        *,
        unfinished: bool = False,
        limit: int = 100,
        before: RunId | None = None,
        parent: str = "",
        tenant: str | None = None,
    ) -> list[RunRow]:
        """See `Store.runs`."""
        if parent:
            return self._rows(run_rows.SELECT_PARTS, parent, before or "", unfinished, max(0, limit))
        if tenant is not None:
            query = run_rows.SELECT_UNFINISHED_OF_TENANT if unfinished else run_rows.SELECT_OF_TENANT
            return self._rows(query, tenant, before or run_rows.AFTER_ALL, max(0, limit))
        query = run_rows.SELECT_UNFINISHED if unfinished else run_rows.SELECT_RUNS
        return self._rows(query, before or run_rows.AFTER_ALL, max(0, limit))

    def awake(self, *, limit: int = 100, before: RunId | None = None) -> list[RunRow]:
        """See `Store.awake`."""
        return self._rows(run_rows.SELECT_AWAKE, before or run_rows.AFTER_ALL, max(0, limit))

    def sleeping(self, *, after: tuple[int, str], limit: int = 100) -> list[RunRow]:
        """See `Store.sleeping`."""
        return self._rows(run_rows.SELECT_SLEEPING, *after, max(0, limit))

    def n_sleeping(self) -> int:
        """See `Store.n_sleeping`."""
        count = first_of(self._read(run_rows.COUNT_SLEEPING))
        return count if isinstance(count, int) else 0

    def waiting(self, wait: WaitRow, *, after: str = "", limit: int = 100, is_any: bool = False) -> list[RunRow]:
        """See `Store.waiting`."""
        if is_any:
            return self._rows(run_rows.SELECT_WAITING_ANYHOW, wait.tenant, wait.event, after, max(0, limit))
        return self._rows(run_rows.SELECT_WAITING_EXACTLY, wait.tenant, wait.event, wait.path, wait.key, after, max(0, limit))

    def awaited(self) -> dict[tuple[str, str], frozenset[str]]:
        """See `Store.awaited`."""
        paths: dict[tuple[str, str], set[str]] = {}
        for tenant, event, path in self._read(waits.SELECT_AWAITED):
            paths.setdefault((str(tenant), str(event)), set()).add(str(path))
        return {place: frozenset(found) for place, found in paths.items()}

    def delivered_up_to(self) -> int:
        """See `Store.delivered_up_to`."""
        return waits.read_handed_out(self._read(waits.SELECT_HANDED_OUT))

    def named(self, tenant: str, start_id: str) -> tuple[RunId, bytes] | None:
        """See `Store.named`."""
        return start_ids.read(self._read(start_ids.SELECT, tenant, start_id))

    def flow(self, digest: FlowDigest) -> bytes | None:
        """See `Store.flow`."""
        return run_rows.read_flow(self._place, digest, self._read(run_rows.SELECT_FLOW, digest))

    def driving(self) -> DriverState:
        """See `Store.driving`."""
        recorded = crash_ledger.read_driving(self._read(crash_ledger.SELECT_DRIVING)) or DriverState()
        # A driver that could not say so any more, since the store failed, has still let go of it.
        return recorded if self._was_left else attrs.evolve(recorded, is_open=False)

    def suspects(self) -> list[CrashSuspect]:
        """See `Store.suspects`."""
        found = map(crash_ledger.read_suspect, self._read(crash_ledger.SELECT_SUSPECTS))
        return [suspect for suspect in found if suspect is not None]

    def blocked(self) -> list[Blocked]:
        """See `Store.blocked`."""
        return [blocked.read(row) for row in self._read(blocked.SELECT)]

    def problems(self) -> list[str]:
        """See `Store.problems`."""
        return retention.problems_of(partial(self._read_texts, run_rows.EVENT_COLUMNS))

    # ---- writing

    def note_handed_out(self, number: int) -> None:
        """See `Store.note_handed_out`."""
        self._transact(lambda execute: waits.note_handed_out(execute, number))

    def note_driving(self, driving: DriverState, suspects: Sequence[CrashSuspect] = ()) -> None:
        """See `Store.note_driving`."""

        def work(execute: Execute) -> None:
            crash_ledger.write_driving(execute, driving)
            crash_ledger.write_suspects(execute, suspects)

        self._transact(work)

    def note_blocked(self, runs: Sequence[Blocked]) -> None:
        """See `Store.note_blocked`."""
        self._transact(lambda execute: blocked.write(execute, runs))

    def prune(self, before: int) -> bool:
        """See `Store.prune`."""
        return self._transact(lambda execute: retention.prune_slice(execute, before))

    def remove(self, run: RunId) -> bool:
        """See `Store.remove`."""
        return self._transact(lambda execute: retention.remove(execute, run))

    # ---- what a database adds

    @property
    @abc.abstractmethod
    def _place(self) -> str:
        """Where the rows are, for messages."""
        ...

    @property
    @abc.abstractmethod
    def _was_left(self) -> bool:
        """Whether the driver before this one never closed the store."""
        ...

    def _rows(self, query: str, *values: Value) -> list[RunRow]:
        return [run_rows.read_row(row) for row in self._read_texts(run_rows.RUN_COLUMNS, query, *values)]

    def _read_texts(self, columns: str, query: str, *values: Value) -> list[Row]:
        """As `_read`, of rows with these columns; a row whose texts are damaged stops no other from being read."""
        del columns
        return self._read(query, *values)
