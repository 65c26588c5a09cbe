"""The interface of every store, and its rows.

A store is synchronous and knows nothing of flows: it keeps histories of records, and rows that only help to find runs.

Runs, events, published flows and requests belong to a tenant, named by the field `tenant` of their rows; "" is the tenant of a host
that has no others. An id of an event or a start, and the name of a flow, is unique for its tenant only, so a lookup by one takes the
tenant first. Ids of runs are unique in the store: a caller that acts for a tenant compares the tenant of the row. Encoded flows
and large payloads are immutable and stored by their hash, once for all tenants; no caller can ask for one by a hash of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import attrs

from dagflow.ids import FlowDigest, RunId
from dagflow.model.status import RunStatus
from dagflow.store.service_rows import Looked, RequestRow, ServiceStore


@attrs.frozen
class Record:
    """One event of a run's history. Its number is its position, from 0.

    Attributes:
        kind: the name of the event's class in `engine.events`, in snake case.
        at: nanoseconds since 1970 UTC.
        node: a node's id, or "" for events of the run.
        attempt: from 1; 0 where none.
        payload: JSON, or None.
    """

    kind: str
    at: int
    node: str = ""
    attempt: int = 0
    payload: bytes | None = None


@attrs.frozen(kw_only=True)
class RunRow:
    """A row of a list of runs. Instants in nanoseconds.

    Attributes:
        tenant: of the run; that of the parent for a child run.
        ended_at: when it ended; None exactly as long as its status is not terminal.
        due_at: when a suspended run must be activated, else None.
        parent: the run that this one is a part of, or "".
        blocked: why the run cannot be driven, or ""; the interpreter and the archive fill it in.
        problem: why nothing of the rest can be relied on and the run is blocked, or "".
    """

    id: RunId
    flow: str
    digest: FlowDigest
    status: RunStatus
    created_at: int
    ended_at: int | None = None
    due_at: int | None = None
    parent: str = ""
    tenant: str = ""
    blocked: str = ""
    problem: str = ""


@attrs.frozen(kw_only=True)
class SentEvent:
    """An event for the waits of runs.

    Attributes:
        number: of the events of this store, from 1; runs have them in this order.
        id: the store keeps one event for each id of a tenant.
        tenant: of the event; only flows and runs of the same tenant may take it.
        at: when it came, nanoseconds since 1970 UTC.
        payload: JSON.
        run: the run that emitted it, or "" for one from outside.
        hops: how many flows started one another by events up to this one.
    """

    number: int
    id: str
    name: str
    at: int
    payload: bytes
    run: str = ""
    hops: int = 0
    tenant: str = ""


@attrs.frozen
class WaitRow:
    """A subscription: an event that a suspended run waits for, so that the event finds the run.

    Attributes:
        event: its name.
        path: where in the payload the correlation key is, as a JSON array of names; or "".
        key: the required value there, see `model.keys`; or "". With both empty every event of that name is checked.
        tenant: of the run.
    """

    event: str
    path: str = ""
    key: str = ""
    tenant: str = ""


@attrs.frozen(kw_only=True)
class Append:
    """History events to append to one run, with the run's new row.

    Attributes:
        first: the position of the first record; has to be the length of the history so far, else nothing is written.
        ended_at: when it ended; None exactly as long as the status is not terminal.
        events: the events that the run emitted by these.
        waits: its subscriptions from now on; None if they are unchanged, or irrelevant since the run is not suspended.
    """

    run: RunId
    first: int
    records: Sequence[Record]
    status: RunStatus
    ended_at: int | None = None
    due_at: int | None = None
    events: tuple[SentEvent, ...] = ()
    waits: tuple[WaitRow, ...] | None = None


@attrs.frozen
class StartName:
    """A caller's name for a start.

    Attributes:
        id: one for each run of a tenant, as long as the run is there.
        content: a hash of the flow and input of the start.
    """

    id: str
    content: bytes


@attrs.frozen(kw_only=True)
class Creation:
    """A run to begin, with its first events. `flow`: encoded; stored under `row.digest` if it is not there yet. `name`: if it has one.

    `request`: the request that gets the run, written with it.
    """

    row: RunRow
    flow: bytes
    records: Sequence[Record]
    events: tuple[SentEvent, ...] = ()
    waits: tuple[WaitRow, ...] = ()
    name: StartName | None = None
    request: RequestRow | None = None


@attrs.frozen(kw_only=True)
class DriverState:
    """Whose runs were on their way when the store was last heard of; so that it is known after a crash who may have caused it.

    Attributes:
        is_open: a driver has begun and has not stopped in order.
        is_whole: it drove every unfinished run; otherwise only those being tried, and those with ids greater than `since`.
    """

    is_open: bool = False
    is_whole: bool = False
    since: str = ""


@attrs.frozen(kw_only=True)
class CrashSuspect:
    """A run that was on its way when the process crashed.

    Attributes:
        n_crashes: in a row, without any outcome of the run in between; with 0 it is a suspect no more.
        n_outcomes: events of its history that were more than beginnings, at the last crash.
        is_tried: it is being tried, apart from other suspects.
        is_held: it waits until other suspects were tried, and so is to blame for nothing.
    """

    run: RunId
    n_crashes: int
    n_outcomes: int = 0
    is_tried: bool = False
    is_held: bool = False


@attrs.frozen(kw_only=True)
class Blocked:
    """A run that could not be driven any further, while others could.

    Attributes:
        at: when that was noticed, nanoseconds since 1970 UTC.
        reason: why, in one sentence; "" once it is blocked no more.
        trace: the traceback of the error behind it, or "".
    """

    run: RunId
    at: int
    reason: str
    trace: str = ""


class Store(ServiceStore, Protocol):
    """A store of histories. Every method may raise `StoreError`; after one from `write` the outcome is unknown:
    reopen and read before going on. `WriteRefused` is the exception: nothing was written, and the store can still be used.
    """

    @property
    def is_durable(self) -> bool:
        """Whether its rows survive the process. A store that is not durable answers from memory, without waiting for anything."""
        ...

    def send(self, events: Sequence[SentEvent]) -> None:
        """Store events from outside, all or none; none if one of their ids is there already."""
        ...

    def events(
        self, *, after: int, limit: int = 1000, names: Collection[str] | None = None, tenant: str = ""
    ) -> list[SentEvent]:
        """The events with greater numbers, in order: of all tenants; with `names` those of `tenant` that have one of these names."""
        ...

    def last_event(self) -> int:
        """The number of the last event; 0 if there is none."""
        ...

    def has_event(self, tenant: str, event_id: str) -> bool:
        """Whether the store has an event of that tenant and id."""
        ...

    def write(
        self,
        appends: Sequence[Append] = (),
        creations: Sequence[Creation] = (),
        requests: Sequence[RequestRow] = (),
        looked: Looked | None = None,
    ) -> None:
        """Begin runs, add events to others, and keep requests as `note_requests` does, all or none.

        When it returns it survives a power cut (if the store is durable). The end of a run is the end of its request.
        """
        ...

    def history(self, run: RunId) -> list[Record]:
        """Return all history events of a run in order; empty if there is no such run."""
        ...

    def histories(self, runs: Sequence[RunId]) -> dict[RunId, list[Record]]:
        """Return the histories of several runs in one query, without those that take long.

        Runs that are missing, damaged or too long are omitted; call `history` for those.
        """
        ...

    def run(self, run: RunId) -> RunRow | None:
        """The row of a run."""
        ...

    def runs(
        self,
        *,
        unfinished: bool = False,
        limit: int = 100,
        before: RunId | None = None,
        parent: str = "",
        tenant: str | None = None,
    ) -> list[RunRow]:
        """Rows, the newest first, older than `before`; with `unfinished` only of runs that have not ended.

        They are the child runs of `parent`, in the order in which they began; or the runs without a parent, of `tenant` or of all tenants.
        """
        ...

    def awake(self, *, limit: int = 100, before: RunId | None = None) -> list[RunRow]:
        """Rows of the runs that are queued or running and part of no other, the newest first, older than `before`."""
        ...

    def sleeping(self, *, after: tuple[int, str], limit: int = 100) -> list[RunRow]:
        """Rows of the runs that sleep and are part of no other, in the order of when they are due and of their ids, behind that."""
        ...

    def n_sleeping(self) -> int:
        """How many runs sleep and are part of no other."""
        ...

    def waiting(self, wait: WaitRow, *, after: str = "", limit: int = 100, is_any: bool = False) -> list[RunRow]:
        """Rows of the runs that said they wait for this, in the order in which they began, behind the run `after`.

        They may not sleep any more. With `is_any` every path and key will do.
        """
        ...

    def awaited(self) -> dict[tuple[str, str], frozenset[str]]:
        """The events that any run said it waits for, by tenant and name, with the paths to what tells them apart."""
        ...

    def delivered_up_to(self) -> int:
        """The number of the last event that every run that wanted it is known to have; 0 if there is none."""
        ...

    def note_handed_out(self, number: int) -> None:
        """Keep that number."""
        ...

    def named(self, tenant: str, start_id: str) -> tuple[RunId, bytes] | None:
        """Return the run of a tenant that was started under that name, and the hash of its flow and input."""
        ...

    def flow(self, digest: FlowDigest) -> bytes | None:
        """The encoded flow of that digest."""
        ...

    def driving(self) -> DriverState:
        """Return the state that the last driver recorded."""
        ...

    def suspects(self) -> list[CrashSuspect]:
        """The runs that are suspected to crash the process, by their ids."""
        ...

    def note_driving(self, driving: DriverState, suspects: Sequence[CrashSuspect] = ()) -> None:
        """Record the state of a driver, and these suspects; suspects without crashes that are not tried are removed."""
        ...

    def blocked(self) -> list[Blocked]:
        """The runs that the last driver could not drive, by their ids."""
        ...

    def note_blocked(self, runs: Sequence[Blocked]) -> None:
        """Keep why these runs are blocked, or forget it where there is no reason any more."""
        ...

    def prune(self, before: int) -> bool:
        """Remove a little unreferenced data that ended before that timestamp: runs with their child runs, events, flows.

        Returns:
            Whether there may be more. Each call is one short transaction, so that others can write in between.
        """
        ...

    def remove(self, run: RunId) -> bool:
        """Remove a run that has ended and has no parent, with its child runs, so that no reader finds it; `prune` frees the space.

        Returns:
            Whether there was such a run.
        """
        ...

    def problems(self) -> list[str]:
        """Return the problems of the files and between their rows; a reader may ask beside a writer. Histories are not checked."""
        ...

    def close(self) -> None:
        """Close; safe to call twice."""
        ...
