"""Group commit: one writer at a time, one transaction for all that has gathered while the last one was under way.

A store that fails to write leaves the outcome unknown. There is no going on from memory then: `run` raises, the driver
stops, and what is true is read again when the store is opened again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs
import trio

from dagflow.drivers.live import Creation, Live
from dagflow.store.api import Append, RunRow, SentEvent, Store
from dagflow.store.memory import MemoryStore

_Value = TypeVar("_Value")

#: Runs in one transaction, at most.
_MAX_BATCH = 256


@attrs.define(eq=False)
class Sending:
    """An event from outside, on its way.

    Attributes:
        is_over: set once it is in the store and has been handed out, or never will be.
        is_kept: whether it is in the store. n_reached: the runs that took it.
    """

    event: SentEvent
    is_over: trio.Event = attrs.field(factory=trio.Event)
    is_kept: bool = False
    n_reached: int = 0


@attrs.frozen
class _Write:
    """`row` and `flow` only for a run the store does not have yet."""

    live: Live
    append: Append
    row: RunRow | None
    flow: bytes

    def acknowledge(self) -> None:
        self.live.committed(self.append.first + len(self.append.records))


@attrs.define(eq=False)
class Writer:
    """The only one who writes to the store while a driver runs.

    Attributes:
        is_instant: writing blocks nobody, so `mark` does it at once.
        on_idle: called when the store has everything.
        on_event: called with each event once it is in the store, in the order of their numbers.
        n_events: the number of the last event, also of one that is not in the store yet.
    """

    store: Store
    on_idle: Callable[[], None]
    is_instant: bool
    on_event: Callable[[SentEvent, Sending | None], None] = attrs.field(default=lambda _event, _sending: None)
    n_events: int = 0
    _sendings: list[Sending] = attrs.field(factory=list)
    _dirty: dict[Live, None] = attrs.field(factory=dict)
    _wake: trio.Event = attrs.field(factory=trio.Event)
    _is_writing: bool = False
    _limiter: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))

    @classmethod
    def of(cls, store: Store, on_idle: Callable[[], None]) -> Writer:
        """The writer for a store."""
        return cls(store, on_idle, isinstance(store, MemoryStore))

    @property
    def is_idle(self) -> bool:
        """Whether the store has everything."""
        return not self._dirty and not self._sendings and not self._is_writing

    def mark(self, live: Live) -> None:
        """The run may have new facts."""
        if self.is_instant:
            write = self._taken(live)
            if write is not None:
                _perform(self.store, [], [write])
                self._acknowledge([], [write])
        else:
            self._dirty[live] = None
            self._wake.set()

    def send(self, sending: Sending) -> None:
        """Keep an event from outside; it gets its number here."""
        self.n_events += 1
        sending.event = attrs.evolve(sending.event, number=self.n_events)
        if self.is_instant:
            _perform(self.store, [sending.event], [])
            self._acknowledge([sending], [])
        else:
            self._sendings.append(sending)
            self._wake.set()

    async def reading(self, read: Callable[[], _Value]) -> _Value:
        """What the store answers; asked in a thread if that may block. Raises StoreError."""
        if self.is_instant:
            return read()
        return await trio.to_thread.run_sync(read)

    async def run(self) -> None:
        """Write what is marked, for ever. Raises StoreError, after which nothing in memory is to be trusted."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            await self.drain()

    async def drain(self) -> None:
        """Write what is marked now."""
        while self._dirty or self._sendings:
            sendings, self._sendings = self._sendings, []
            batch = list(self._dirty)[:_MAX_BATCH]
            for live in batch:
                del self._dirty[live]
            writes = [write for write in map(self._taken, batch) if write is not None]
            if not writes and not sendings:
                continue
            self._is_writing = True
            # Shielded: facts once taken have to be written, or the next ones would leave a gap.
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(
                    _perform, self.store, [sending.event for sending in sendings], writes, limiter=self._limiter
                )
            self._is_writing = False
            self._acknowledge(sendings, writes)
        self.on_idle()

    def _taken(self, live: Live) -> _Write | None:
        append = live.progress.take_append()
        if append is None:
            return None
        if append.events:
            numbered = tuple(attrs.evolve(event, number=self.n_events + i) for i, event in enumerate(append.events, 1))
            self.n_events += len(numbered)
            append = attrs.evolve(append, events=numbered)
        creation = live.creation
        row = None if creation is None else _row(live, creation, append)
        return _Write(live, append, row, b"" if creation is None else creation.flow)

    def _acknowledge(self, sendings: list[Sending], writes: list[_Write]) -> None:
        for write in writes:
            write.acknowledge()
        for sending in sendings:
            sending.is_kept = True
            self.on_event(sending.event, sending)
        for write in writes:
            for event in write.append.events:
                self.on_event(event, None)


def _row(live: Live, creation: Creation, append: Append) -> RunRow:
    return RunRow(
        id=live.run,
        flow=live.progress.program.flow.name,
        digest=creation.digest,
        status=append.status,
        created_at=creation.created_at,
        ended_at=append.ended_at,
        due_at=append.due_at,
    )


def _perform(store: Store, sent: list[SentEvent], writes: list[_Write]) -> None:
    if sent:
        store.send(sent)
    for write in writes:
        if write.row is not None:
            store.create(write.row, write.flow, write.append.records, write.append.events)
    appends = [write.append for write in writes if write.row is None]
    if appends:
        store.append(appends)
