"""A store that keeps nothing: for tests, one-shot runs and `:memory:`. It answers as the durable ones do."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Sequence
from itertools import islice

import attrs

from dagflow.errors import StoreError, WriteRefused
from dagflow.ids import FlowDigest, RunId
from dagflow.model.status import RunStatus
from dagflow.store.api import Append, Blocked, CrashSuspect, Creation, DriverState, Record, RunRow, SentEvent, WaitRow
from dagflow.store.memory_service import MemoryServiceRows
from dagflow.store.service_rows import Looked, RequestRow


@attrs.define(eq=False)
class MemoryStore(MemoryServiceRows):
    """See `store.api.Store`. May be called from any thread."""

    _rows: dict[RunId, RunRow] = attrs.field(factory=dict, init=False)
    #: The changes of the rows since; they are merged on demand, which is seldom.
    _changes: dict[RunId, Append] = attrs.field(factory=dict, init=False)
    #: As they came, since the records may never be read; and how many history events each has.
    _histories: dict[RunId, list[Sequence[Record]]] = attrs.field(factory=dict, init=False)
    _lengths: dict[RunId, int] = attrs.field(factory=dict, init=False)
    _events: list[SentEvent] = attrs.field(factory=list, init=False)
    #: Each with its tenant.
    _event_ids: set[tuple[str, str]] = attrs.field(factory=set, init=False)
    _driving: DriverState = attrs.field(factory=DriverState, init=False)
    _suspects: dict[RunId, CrashSuspect] = attrs.field(factory=dict, init=False)
    _blocked: dict[RunId, Blocked] = attrs.field(factory=dict, init=False)
    _waits: dict[RunId, tuple[WaitRow, ...]] = attrs.field(factory=dict, init=False)
    #: The due timestamps of suspended runs, and the same in that order.
    _asleep: dict[RunId, int] = attrs.field(factory=dict, init=False)
    _due: list[tuple[int, str]] = attrs.field(factory=list, init=False)
    _n_handed_out: int = attrs.field(default=0, init=False)
    #: By the tenant and the name of a start.
    _names: dict[tuple[str, str], tuple[RunId, bytes]] = attrs.field(factory=dict, init=False)

    @property
    def is_durable(self) -> bool:
        """See `Store.is_durable`."""
        return False

    def write(
        self,
        appends: Sequence[Append] = (),
        creations: Sequence[Creation] = (),
        requests: Sequence[RequestRow] = (),
        looked: Looked | None = None,
    ) -> None:
        """See `Store.write`."""
        with self._lock:
            self._check_open()
            self._check_new([creation.row.id for creation in creations])
            self._check_positions(appends)
            self._check_names([(new.row.tenant, new.name.id) for new in creations if new.name is not None])
            events = [event for creation in creations for event in creation.events]
            events += [event for append in appends for event in append.events]
            if events:
                self._keep_events(events)
            for creation in creations:
                self._create(creation)
            for append in appends:
                self._histories[append.run].append(append.records)
                self._lengths[append.run] += len(append.records)
                self._changes[append.run] = append
                if append.status is RunStatus.SLEEPING or append.run in self._asleep:
                    self._sleep(append.run, append.status, append.due_at)
                if append.waits is not None:
                    self._wait(append.run, append.waits)
                if append.ended_at is not None:
                    self._end_request(append.run)
            self._keep_requests(requests, looked)

    def send(self, events: Sequence[SentEvent]) -> None:
        """See `Store.send`."""
        with self._lock:
            self._check_open()
            self._keep_events(events)

    def events(
        self, *, after: int, limit: int = 1000, names: Collection[str] | None = None, tenant: str = ""
    ) -> list[SentEvent]:
        """See `Store.events`."""
        with self._lock:
            self._check_open()
            wanted = (event for event in self._events if event.number > after)
            if names is not None:
                wanted = (event for event in wanted if event.name in names and event.tenant == tenant)
            return list(islice(wanted, max(0, limit)))

    def last_event(self) -> int:
        """See `Store.last_event`."""
        with self._lock:
            self._check_open()
            return self._events[-1].number if self._events else 0

    def has_event(self, tenant: str, event_id: str) -> bool:
        """See `Store.has_event`."""
        with self._lock:
            self._check_open()
            return (tenant, event_id) in self._event_ids

    def history(self, run: RunId) -> list[Record]:
        """See `Store.history`."""
        with self._lock:
            self._check_open()
            return [record for records in self._histories.get(run, ()) for record in records]

    def histories(self, runs: Sequence[RunId]) -> dict[RunId, list[Record]]:
        """See `Store.histories`."""
        return {run: found for run in runs if (found := self.history(run))}

    def run(self, run: RunId) -> RunRow | None:
        """See `Store.run`."""
        with self._lock:
            self._check_open()
            row = self._rows.get(run)
            return None if row is None else self._current(row)

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
        with self._lock:
            self._check_open()
            rows = [
                self._current(row)
                for row in self._rows.values()
                if row.parent == parent and (parent or tenant is None or row.tenant == tenant)
            ]
        # Ids sort by time, except those of child runs, which began in the order they are stored in.
        rows = rows[::-1] if parent else sorted(rows, key=lambda row: row.id, reverse=True)
        if before is not None:
            rows = [row for row in rows if row.id < before] if not parent else _behind(rows, before)
        return [row for row in rows if not (unfinished and row.status.is_terminal)][: max(0, limit)]

    def awake(self, *, limit: int = 100, before: RunId | None = None) -> list[RunRow]:
        """See `Store.awake`."""
        rows = self.runs(unfinished=True, limit=len(self._rows), before=before)
        return [row for row in rows if row.status is not RunStatus.SLEEPING][: max(0, limit)]

    def sleeping(self, *, after: tuple[int, str], limit: int = 100) -> list[RunRow]:
        """See `Store.sleeping`."""
        with self._lock:
            self._check_open()
            first = bisect_right(self._due, after)
            return [self._current(self._rows[RunId(run)]) for _, run in self._due[first : first + max(0, limit)]]

    def n_sleeping(self) -> int:
        """See `Store.n_sleeping`."""
        with self._lock:
            self._check_open()
            return len(self._due)

    def waiting(self, wait: WaitRow, *, after: str = "", limit: int = 100, is_any: bool = False) -> list[RunRow]:
        """See `Store.waiting`."""
        with self._lock:
            self._check_open()
            runs = [
                run
                for run in self._rows
                if any(row == wait or (is_any and _is_same_event(row, wait)) for row in self._waits.get(run, ()))
            ]
            if after:
                places = {run: place for place, run in enumerate(self._rows)}
                runs = [run for run in runs if places[run] > places.get(RunId(after), -1)]
            return [self._current(self._rows[run]) for run in runs[: max(0, limit)]]

    def awaited(self) -> dict[tuple[str, str], frozenset[str]]:
        """See `Store.awaited`."""
        paths: dict[tuple[str, str], set[str]] = {}
        with self._lock:
            self._check_open()
            for rows in self._waits.values():
                for row in rows:
                    paths.setdefault((row.tenant, row.event), set()).add(row.path)
        return {place: frozenset(found) for place, found in paths.items()}

    def delivered_up_to(self) -> int:
        """See `Store.delivered_up_to`."""
        with self._lock:
            self._check_open()
            return self._n_handed_out

    def note_handed_out(self, number: int) -> None:
        """See `Store.note_handed_out`."""
        with self._lock:
            self._check_open()
            self._n_handed_out = number

    def named(self, tenant: str, start_id: str) -> tuple[RunId, bytes] | None:
        """See `Store.named`."""
        with self._lock:
            self._check_open()
            return self._names.get((tenant, start_id))

    def flow(self, digest: FlowDigest) -> bytes | None:
        """See `Store.flow`."""
        with self._lock:
            self._check_open()
            return self._flows.get(digest)

    def driving(self) -> DriverState:
        """See `Store.driving`."""
        with self._lock:
            self._check_open()
            return self._driving

    def suspects(self) -> list[CrashSuspect]:
        """See `Store.suspects`."""
        with self._lock:
            self._check_open()
            return [self._suspects[run] for run in sorted(self._suspects)]

    def note_driving(self, driving: DriverState, suspects: Sequence[CrashSuspect] = ()) -> None:
        """See `Store.note_driving`."""
        with self._lock:
            self._check_open()
            self._driving = driving
            self._suspects.update({suspect.run: suspect for suspect in suspects})
            self._suspects = {run: each for run, each in self._suspects.items() if each.n_crashes or each.is_tried}

    def blocked(self) -> list[Blocked]:
        """See `Store.blocked`."""
        with self._lock:
            self._check_open()
            return [self._blocked[run] for run in sorted(self._blocked)]

    def note_blocked(self, runs: Sequence[Blocked]) -> None:
        """See `Store.note_blocked`."""
        with self._lock:
            self._check_open()
            self._blocked |= {each.run: each for each in runs}
            self._blocked = {run: each for run, each in self._blocked.items() if each.reason}

    def prune(self, before: int) -> bool:
        """See `Store.prune`."""
        with self._lock:
            self._check_open()
            rows = [self._current(row) for row in self._rows.values()]
            old = {row.id for row in rows if row.ended_at is not None and row.ended_at < before and not row.parent}
            self._drop(old)
            left = [self._current(row) for row in self._rows.values()]
            kept_flows = {row.digest for row in left} | self._prune_requests(before)
            self._flows = {digest: self._flows[digest] for digest in kept_flows if digest in self._flows}
            limit = min([before, *(row.created_at for row in left if not row.status.is_terminal)])
            gone = {event.number for event in self._events[:-1] if event.at < limit and self._is_looked_at(event.number)}
            self._event_ids -= {(event.tenant, event.id) for event in self._events if event.number in gone}
            self._events = [event for event in self._events if event.number not in gone]
        return False

    def remove(self, run: RunId) -> bool:
        """See `Store.remove`."""
        with self._lock:
            self._check_open()
            row = self._rows.get(run)
            is_there = row is not None and not row.parent and self._current(row).ended_at is not None
            if is_there:
                self._drop({run})
        return is_there

    def problems(self) -> list[str]:
        """See `Store.problems`."""
        with self._lock:
            self._check_open()
        return []

    def close(self) -> None:
        """See `Store.close`."""
        with self._lock:
            self._is_closed = True

    def _drop(self, runs: set[RunId]) -> None:
        """Remove these runs with their child runs."""
        for run in [run for run in self._rows if run in runs or run.partition("/")[0] in runs]:
            for kept in (self._rows, self._histories, self._lengths):
                kept.pop(run)
            self._changes.pop(run, None)
            self._waits.pop(run, None)
        self._names = {name: each for name, each in self._names.items() if each[0] in self._rows}

    def _current(self, row: RunRow) -> RunRow:
        last = self._changes.get(row.id)
        return row if last is None else attrs.evolve(row, status=last.status, ended_at=last.ended_at, due_at=last.due_at)

    def _create(self, creation: Creation) -> None:
        row = creation.row
        self._flows.setdefault(row.digest, creation.flow)
        self._rows[row.id] = row
        self._histories[row.id] = [creation.records]
        self._lengths[row.id] = len(creation.records)
        if row.status is RunStatus.SLEEPING:
            self._sleep(row.id, row.status, row.due_at)
        if creation.waits:
            self._wait(row.id, creation.waits)
        if creation.name is not None:
            self._names[row.tenant, creation.name.id] = row.id, creation.name.content
        if creation.request is not None:
            self._keep_requests([creation.request])
            if row.ended_at is not None:
                self._end_request(row.id)

    def _check_names(self, names: list[tuple[str, str]]) -> None:
        known = [name for name in names if name in self._names]
        if known or len(set(names)) < len(names):
            raise StoreError(f"a run was started as {(known or names)[0][1]!r} already; an id is for one start")

    def _sleep(self, run: RunId, status: RunStatus, due_at: int | None) -> None:
        before = self._asleep.pop(run, None)
        if before is not None:
            del self._due[bisect_left(self._due, (before, run))]
        if status is RunStatus.SLEEPING and not self._rows[run].parent:
            self._asleep[run] = due_at or 0
            insort(self._due, (due_at or 0, run))

    def _wait(self, run: RunId, rows: tuple[WaitRow, ...]) -> None:
        if rows:
            self._waits[run] = rows
        else:
            self._waits.pop(run, None)

    def _check_new(self, runs: Sequence[RunId]) -> None:
        known = [run for run in runs if run in self._rows]
        if known or len(set(runs)) < len(runs):
            raise WriteRefused(f"run {(known or runs)[0]} is there already; every run needs an id of its own")

    def _keep_events(self, events: Sequence[SentEvent]) -> None:
        ids = [(event.tenant, event.id) for event in events]
        known = [place for place in ids if place in self._event_ids]
        if known or len(set(ids)) < len(ids):
            raise WriteRefused(f"the event {(known or ids)[0][1]!r} is there already; an id is for one event")
        self._events += events
        self._event_ids.update(ids)

    def _check_positions(self, appends: Sequence[Append]) -> None:
        """All positions first, so that a wrong one leaves everything as it was."""
        lengths: dict[RunId, int] = {}
        for append in appends:
            if append.run not in self._histories:
                raise WriteRefused(f"there is no run {append.run} to add events to")
            length = lengths.get(append.run, self._lengths[append.run])
            if append.first != length:
                raise WriteRefused(f"run {append.run} has {length} events, not {append.first}; read its history again")
            lengths[append.run] = length + len(append.records)


def _is_same_event(row: WaitRow, wait: WaitRow) -> bool:
    return (row.tenant, row.event) == (wait.tenant, wait.event)


def _behind(rows: list[RunRow], run: RunId) -> list[RunRow]:
    nothing: list[RunRow] = []
    return next((rows[n + 1 :] for n, row in enumerate(rows) if row.id == run), nothing)
