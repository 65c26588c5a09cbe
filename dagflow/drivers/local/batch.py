"""A batch of writes: events from outside, the records of runs, and blocked runs.

A batch is one transaction. Where the store refuses it, it is written again in parts, each a transaction of its own: a run with
the runs it starts. So only the runs that hold a value the store cannot keep are refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import trio

from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.errors import StoreError, WriteRefused
from dagflow.store.api import Append, Blocked, Creation, SentEvent, Store
from dagflow.store.failpoints import Failpoint, hit, watchers
from dagflow.store.service_rows import Looked, RequestRow


@attrs.define(eq=False)
class Sending:
    """An event from outside, on its way.

    Attributes:
        is_over: set once it is in the store and has been handed out, or never will be.
        is_kept: whether it is in the store. refusal: why the store refuses it. n_reached: the runs that took it. decisions: the requests it caused.
    """

    event: SentEvent
    is_over: trio.Event = attrs.field(factory=trio.Event)
    is_kept: bool = False
    refusal: WriteRefused | None = None
    n_reached: int = 0
    decisions: list[Decision] = attrs.field(factory=list)


@attrs.define(eq=False)
class Note:
    """Requests that get no run now, on their way to the store. `is_kept`: set once they are there."""

    rows: Sequence[RequestRow]
    is_kept: trio.Event = attrs.field(factory=trio.Event)


@attrs.define(eq=False)
class Decision:
    """The outcome of a request, as soon as it is decided. `kept_by`: what the store must have before the outcome is published."""

    row: RequestRow
    kept_by: Note | LoadedRun | None = None


@attrs.frozen
class Write:
    """The new records of one run.

    Attributes:
        creation: for a run the store does not have yet.
        is_born: a `start` has just made it, and it is not driven yet.
    """

    live: LoadedRun
    append: Append
    creation: Creation | None
    is_born: bool


@attrs.define(eq=False)
class Batch:
    """The writes of one commit.

    Attributes:
        groups: by run, its records and behind them those of the runs it starts, which begin in the same transaction.
        refused: the groups that the store refuses, and why; they are none of `groups` any more.
        notes: requests, written in one transaction with the groups. looked: the trigger offset, as of all of this.
    """

    sendings: Sequence[Sending]
    groups: list[list[Write]]
    blocked: Sequence[Blocked] = ()
    notes: Sequence[Note] = ()
    looked: Looked | None = None
    refused: list[tuple[list[Write], Exception]] = attrs.field(factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.sendings or self.groups or self.blocked or self.refused or self.notes or self.looked)


def write_batch(store: Store, batch: Batch) -> None:
    """Write a batch. Raises StoreError: the store failed, and the outcome is unknown."""
    hit(Failpoint.WRITING)
    if batch.sendings:
        _send(store, batch.sendings)
        hit(Failpoint.EVENT_KEPT)
    if batch.groups or batch.notes or batch.looked:
        if not _is_taken(store, batch.groups, batch):
            _write_apart(store, batch)
        if watchers and any(write.append.events for group in batch.groups for write in group):
            hit(Failpoint.EVENT_KEPT)
    if batch.blocked:
        store.note_blocked(batch.blocked)


def _send(store: Store, sendings: Sequence[Sending]) -> None:
    try:
        store.send([sending.event for sending in sendings])
    except WriteRefused as refusal:
        if len(sendings) == 1:
            sendings[0].refusal = refusal
            return
        for sending in sendings:
            _send(store, [sending])


def _is_taken(store: Store, groups: Sequence[Sequence[Write]], batch: Batch) -> bool:
    """Write the groups and the requests; False if something in them is refused. Raises StoreError: the store failed."""
    try:
        _write(store, groups, [row for note in batch.notes for row in note.rows], batch.looked)
    except WriteRefused:
        return False
    except StoreError:
        raise
    except Exception as error:
        # Making rows of the records failed, or else the store itself did.
        if not any(_fault_of(group) for group in groups):
            raise StoreError(f"the store failed: {type(error).__name__}: {error}") from error
        return False
    return True


def _write(
    store: Store, groups: Sequence[Sequence[Write]], requests: Sequence[RequestRow] = (), looked: Looked | None = None
) -> None:
    """In one transaction, so that no part of a run is ever in the store without the record it comes from."""
    writes = [write for group in groups for write in group]
    creations = [write.creation for write in writes if write.creation is not None]
    appends = [write.append for write in writes if write.creation is None]
    if requests or looked is not None:
        store.write(appends, creations, requests, looked)
    else:
        store.write(appends, creations)


def _write_apart(store: Store, batch: Batch) -> None:
    groups, batch.groups = batch.groups, []
    bad: set[str] = set()
    # A request holds only checked values, so these were not the cause of the refusal.
    store.note_requests([row for note in batch.notes for row in note.rows])
    for group in groups:
        # The child runs of a refused run are blocked together with it.
        whole = group[0].live.run.partition("/")[0]
        refusal: Exception | None = WriteRefused(f"run {whole} is refused") if whole in bad else _fault_of(group)
        if refusal is None:
            try:
                _write(store, [group])
            except WriteRefused as error:
                refusal = error
        if refusal is None:
            batch.groups.append(group)
        else:
            bad.add(whole)
            batch.refused.append((group, refusal))


def _fault_of(group: Sequence[Write]) -> Exception | None:
    """Return the error of making rows of the records, which the store does for all of them."""
    try:
        for write in group:
            list(write.append.records)
    except Exception as error:  # noqa: BLE001 - whatever it is, these records are its cause
        return error
    return None
