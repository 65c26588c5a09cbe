"""Group commit: one writer at a time, one transaction for all that has gathered while the last one was under way.

If recent commits were quick, the next one is made in place: the way through a thread and the event loop takes longer than a quick disk
does. A slow disk would block all other tasks, so there it is made in a thread; how slow it may be depends on whether calls are under way,
which may end meanwhile.

A store that fails to write leaves the outcome unknown. Memory is not to be trusted then: `run` raises, the driver stops, and
the true state is read when the store is opened again.

Where more is marked than one transaction takes, tenants take turns. An event from outside has its number from the commit, and no more
events are committed than can be looked at soon, so the events of a tenant wait for few of another.

A store that refuses one value is sound. Each run is then written by itself, so that the refusal blocks that run alone.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Protocol, TypeVar

import attrs
import trio

from dagflow.clock import stopwatch
from dagflow.drivers.local.batch import Batch, Note, Sending, Write, write_batch
from dagflow.drivers.local.fair_marks import FairMarks
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.drivers.local.observing import Observing
from dagflow.execution.children import Requested
from dagflow.store.api import Append, Blocked, Creation, RunRow, SentEvent, Store
from dagflow.store.failpoints import Failpoint, hit
from dagflow.store.service_rows import Looked

_Value = TypeVar("_Value")

#: Runs in one transaction, at most.
_MAX_BATCH = 256
#: Events from outside that are in the store and have not been looked at, at most; fewer where an event of another tenant may come.
_MOST_AHEAD = 256
_MOST_AHEAD_OF_TENANTS = 32
#: A commit is quick below this: about the cost of the way through a thread.
_QUICK_NS = 400_000
#: How long a commit may block the event loop where every task only waits for it.
_BEARABLE_NS = 2_000_000
#: How much one commit says about the next.
_WEIGHT = 0.1


class WriterOwner(Protocol):
    """The owner of a writer, which learns what the store has."""

    def written(self) -> None:
        """The store has everything."""
        ...

    def event_kept(self, event: SentEvent, sending: Sending | None) -> None:
        """An event is in the store; called in the order of their numbers."""
        ...

    def run_written(self, live: LoadedRun, append: Append) -> None:
        """New events of a run are in the store."""
        ...

    def bear(self, live: LoadedRun, requested: Requested) -> LoadedRun:
        """Make the run that a `start` asks for; `take` is called once it is in the store."""
        ...

    def take(self, *loaded_runs: LoadedRun) -> None:
        """Drive these runs."""
        ...

    def block(self, live: LoadedRun, error: Exception) -> None:
        """A run cannot be written; all others are."""
        ...

    def looked(self, is_written_anyway: bool) -> Looked | None:
        """Return the trigger offset, if it is to be written with everything that is marked by now."""
        ...

    def n_ahead(self) -> int:
        """How many events are in the store that have not been looked at."""
        ...

    def is_all_waiting(self) -> bool:
        """Whether every open call waits for what is marked."""
        ...


@attrs.define(eq=False)
class Writer:
    """The only writer to the store while a driver runs.

    Attributes:
        is_instant: writing does not block, and the store is lost together with the memory.
        n_events: the number of the last event, also of one that is not in the store yet.
    """

    store: Store
    _owner: WriterOwner
    _observing: Observing = attrs.field(factory=Observing)
    is_instant: bool = attrs.field(init=False)
    n_events: int = 0
    _notes: list[Note] = attrs.field(factory=list)
    _unkept: dict[Note, None] = attrs.field(factory=dict)
    _sendings: FairMarks[Sending] = attrs.field(factory=FairMarks[Sending])
    _dirty: FairMarks[LoadedRun] = attrs.field(factory=FairMarks[LoadedRun])
    _blocked: list[Blocked] = attrs.field(factory=list)
    _has_tenants: bool = False
    _wake: trio.Event = attrs.field(factory=trio.Event)
    _is_writing: bool = False
    #: The duration of a commit, as a moving mean; endless until one is measured, which is done in a thread.
    _mean_ns: float = inf
    _limiter: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))

    def __attrs_post_init__(self) -> None:
        self.is_instant = not self.store.is_durable

    @property
    def is_idle(self) -> bool:
        """Whether the store has everything."""
        return not (self._dirty or self._sendings or self._blocked or self._notes or self._is_writing)

    @property
    def has_sendings(self) -> bool:
        """Whether events from outside are to be kept."""
        return bool(self._sendings)

    def mark(self, live: LoadedRun) -> None:
        """The run may have new events."""
        if self._dirty.add(live.progress.tenant, live):
            self._wake.set()

    def forget(self, live: LoadedRun) -> None:
        """The run is blocked: its events that the store does not have are not written any more."""
        self._dirty.discard(live.progress.tenant, live)

    def note_blocked(self, blocked: Blocked) -> None:
        """Store why a run is blocked, for readers of the store."""
        self._blocked.append(blocked)
        self._wake.set()

    def note(self, note: Note) -> None:
        """Keep requests."""
        self._notes.append(note)
        self._unkept[note] = None
        self._wake.set()

    def give_up(self) -> None:
        """Writing has stopped: release all that wait for it."""
        for note in self._unkept:
            note.is_kept.set()

    def look(self) -> None:
        """`looked` has something to write down."""
        self._wake.set()

    def send(self, sending: Sending) -> None:
        """Keep an event from outside; the commit gives it a number."""
        self._sendings.add(sending.event.tenant, sending)
        self._has_tenants = self._has_tenants or bool(sending.event.tenant)
        self._wake.set()

    async def reading(self, read: Callable[[], _Value]) -> _Value:
        """Return the store's answer, from a thread if that may block. Raises StoreError."""
        if self.is_instant:
            return read()
        return await trio.to_thread.run_sync(read)

    async def run(self) -> None:
        """Write everything marked, for ever. Raises StoreError, after which memory is not to be trusted."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            await self.drain()

    async def drain(self) -> None:
        """Write everything that is marked now."""
        while self._dirty or (self._sendings and self._n_room()) or self._blocked or self._notes or self._owner.looked(False):
            batch = self._gathered()
            if batch.is_empty:
                continue
            if self.is_instant or self._is_quick(is_all=self._owner.is_all_waiting()):
                self._perform(batch)
            else:
                self._is_writing = True
                # Shielded: events once taken must be written, or the next ones would leave a gap.
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(self._perform, batch, limiter=self._limiter)
                self._is_writing = False
            self._acknowledge(batch)
        self._owner.written()

    def write_in_place(self, *, is_all: bool) -> None:
        """Write everything marked at once, if that is quick and no write is under way. Raises StoreError, as `run`.

        `is_all`: whether every open call waits for these writes; then there is more time for them.
        """
        if self._is_writing or not self._is_quick(is_all=is_all):
            return
        batch = self._gathered()
        if not batch.is_empty:
            self._perform(batch)
            self._acknowledge(batch)

    def _is_quick(self, *, is_all: bool) -> bool:
        return self._mean_ns <= (_BEARABLE_NS if is_all else _QUICK_NS)

    def _gathered(self) -> Batch:
        sendings = self._numbered()
        blocked, self._blocked = self._blocked, []
        groups: list[list[Write]] = []
        for tenant, live in self._dirty.first(_MAX_BATCH):
            # One before it may have been set aside, and this one with it.
            if self._dirty.discard(tenant, live):
                if live.parent is not None:
                    # An event that a child run took is in the history of the root run first, see `kin`.
                    groups.append(self._taken_safely(live.whole))
                groups.append(self._taken_safely(live) if live.broken is None else [])
        notes, self._notes = self._notes, []
        batch = Batch(sendings, [], blocked, notes)
        if not self._dirty:
            batch.looked = self._owner.looked(bool(groups or notes))
        for group in filter(None, groups):
            broken = group[0].live.broken
            if broken is None:
                batch.groups.append(group)
            else:
                batch.refused.append((group, broken))
        return batch

    def _n_room(self) -> int:
        return max(0, (_MOST_AHEAD_OF_TENANTS if self._has_tenants else _MOST_AHEAD) - self._owner.n_ahead())

    def _numbered(self) -> list[Sending]:
        """Take the events that are kept next, and number them."""
        found = self._sendings.first(self._n_room())
        for number, (tenant, sending) in enumerate(found, self.n_events + 1):
            self._sendings.discard(tenant, sending)
            sending.event = attrs.evolve(sending.event, number=number)
        self.n_events += len(found)
        return [sending for _, sending in found]

    def _perform(self, batch: Batch) -> None:
        begun = stopwatch()
        write_batch(self.store, batch)
        took = stopwatch() - begun
        self._observing.committed(took)
        self._mean_ns = took if self._mean_ns == inf else self._mean_ns + _WEIGHT * (took - self._mean_ns)

    def _taken_safely(self, live: LoadedRun) -> list[Write]:
        n_events = self.n_events
        try:
            return self._taken(live)
        except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
            self.n_events = n_events
            self._owner.block(live, error)
            return []

    def _taken(self, live: LoadedRun, *, is_born: bool = False) -> list[Write]:
        """Return the writes of the run, and behind them those of the runs it started: they begin in the same transaction."""
        append = live.progress.take_append()
        if append is None:
            return []
        if append.events:
            numbered = tuple(attrs.evolve(event, number=self.n_events + i) for i, event in enumerate(append.events, 1))
            self.n_events += len(numbered)
            append = attrs.evolve(append, events=numbered)
        requested = live.progress.children.take_requested()
        born = [self._owner.bear(live, each) for each in requested] if requested else ()
        writes = [Write(live, append, _creation(live, append) if live.is_new else None, is_born)]
        for each in born:
            writes += self._taken(each, is_born=True)
        return writes

    def _acknowledge(self, batch: Batch) -> None:
        for group in batch.groups:
            for write in group:
                try:
                    self._owner.run_written(write.live, write.append)
                    write.live.committed(write.append.first + len(write.append.records))
                except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
                    self._owner.block(write.live, error)
        for note in batch.notes:
            self._unkept.pop(note, None)
            note.is_kept.set()
        for group in batch.groups:
            for write in group:
                if write.is_born:
                    self._observing.run_born(write.live)
                    self._owner.take(write.live)
        for sending in batch.sendings:
            sending.is_kept = sending.refusal is None
            self._owner.event_kept(sending.event if sending.is_kept else _nothing(sending.event), sending)
        for group in batch.groups:
            for write in group:
                for event in write.append.events:
                    self._owner.event_kept(event, None)
        for group, refusal in batch.refused:
            for write in group:
                self._owner.block(write.live, refusal)
                for event in write.append.events:
                    self._owner.event_kept(_nothing(event), None)
        hit(Failpoint.PUBLISHED)


def _nothing(event: SentEvent) -> SentEvent:
    """Stands for an event that is not in the store: its number has been passed on as well, and no task waits for it."""
    return attrs.evolve(event, name="", payload=b"null")


def _creation(live: LoadedRun, append: Append) -> Creation:
    row = RunRow(
        id=live.run,
        flow=live.progress.program.flow.name,
        digest=live.pinned.digest,
        status=append.status,
        created_at=live.progress.machine.state.started_at,
        ended_at=append.ended_at,
        due_at=append.due_at,
        parent="" if live.parent is None else live.parent.run,
        tenant=live.progress.tenant,
    )
    return Creation(
        row=row,
        flow=live.pinned.flow,
        records=append.records,
        events=append.events,
        waits=append.waits or (),
        name=live.name,
        request=live.request,
    )
