"""Group commit: one writer at a time, one transaction for all that has gathered while the last one was under way.

A store that fails to write leaves the outcome unknown. There is no going on from memory then: `run` raises, the driver
stops, and what is true is read again when the store is opened again.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio

from dagflow.drivers.live import Creation, Live
from dagflow.store.api import Append, RunRow, Store
from dagflow.store.memory import MemoryStore

#: Runs in one transaction, at most.
_MAX_BATCH = 256


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
    """

    store: Store
    on_idle: Callable[[], None]
    is_instant: bool
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
        return not self._dirty and not self._is_writing

    def mark(self, live: Live) -> None:
        """The run may have new facts."""
        if self.is_instant:
            write = _taken(live)
            if write is not None:
                _perform(self.store, [write])
                write.acknowledge()
        else:
            self._dirty[live] = None
            self._wake.set()

    async def run(self) -> None:
        """Write what is marked, for ever. Raises StoreError, after which nothing in memory is to be trusted."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            await self.drain()

    async def drain(self) -> None:
        """Write what is marked now."""
        while self._dirty:
            batch = list(self._dirty)[:_MAX_BATCH]
            for live in batch:
                del self._dirty[live]
            writes = [write for write in map(_taken, batch) if write is not None]
            if not writes:
                continue
            self._is_writing = True
            # Shielded: facts once taken have to be written, or the next ones would leave a gap.
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(_perform, self.store, writes, limiter=self._limiter)
            self._is_writing = False
            for write in writes:
                write.acknowledge()
        self.on_idle()


def _taken(live: Live) -> _Write | None:
    append = live.progress.take_append()
    if append is None:
        return None
    creation = live.creation
    row = None if creation is None else _row(live, creation, append)
    return _Write(live, append, row, b"" if creation is None else creation.flow)


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


def _perform(store: Store, writes: list[_Write]) -> None:
    for write in writes:
        if write.row is not None:
            store.create(write.row, write.flow, write.append.records)
    appends = [write.append for write in writes if write.row is None]
    if appends:
        store.append(appends)
