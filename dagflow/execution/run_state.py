"""The state of one run, and its place in a family of runs.

The modules of this package read and change a run through `RunState`; `instance.RunInstance` is the one class that implements it.

A run and its child runs share a `EventClaims`: the events that came for them, and which of them took which. An event goes to one wait of the
family. A child that takes an event records that twice: first in the history of the root run, which outlasts the child in memory,
then in its own, so that its history can be replayed by itself. A crash between the two leaves an event that is assigned and not taken;
only that child may take it when it is back.

After a restart the children come back one after another. Until all of them are back, it is unknown which wait has waited longest,
so events are held and no wait times out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from weakref import ReferenceType, ref

import attrs
import orjson

from dagflow.actions.failures import ActionFailed
from dagflow.engine import events
from dagflow.engine.commands import SetTimer
from dagflow.engine.events import Event, Kept
from dagflow.engine.machine import Machine
from dagflow.errors import DagflowBug, StoreError
from dagflow.execution.bindings import Bindings, Origin
from dagflow.execution.mailbox import Mailbox, Place
from dagflow.execution.program import Program
from dagflow.execution.pure_time import PureTime
from dagflow.ids import RunId
from dagflow.store.api import SentEvent, WaitRow


@attrs.frozen
class Lineage:
    """Whose child a run is, and which one. `is_item`: of a loop; else of a call."""

    parent: RunState
    node: int
    number: int
    is_item: bool


@attrs.define(eq=False)
class EventClaims:
    """The events of a run whose parts wait for some.

    Attributes:
        given: by the number of an event, the wait that took it.
        n_absent: parts that are to be read again. held: events that came meanwhile, with the run that was to have each.
        late: timers of waits that came due meanwhile.
    """

    #: Not held, since it holds this.
    _whole: ReferenceType[RunState]
    given: dict[int, Place] = attrs.field(factory=dict)
    n_absent: int = 0
    held: list[tuple[RunState, SentEvent]] = attrs.field(factory=list)
    late: list[tuple[RunState, SetTimer]] = attrs.field(factory=list)

    def is_free(self, number: int, place: Place) -> bool:
        """Whether the wait may take the event."""
        return self.given.get(number, place) == place

    def give(self, progress: RunState, node: int, number: int, at: int) -> None:
        """The wait takes the event: record that in the history of the root run first."""
        place = place_of(progress, node)
        if self.given.get(number) == place:
            return
        self.given[number] = place
        whole = self._whole()
        if whole is None:
            raise DagflowBug("the run that these are parts of is gone")
        if whole is not progress:
            run, name = place
            value = orjson.dumps({"number": number, "run": run, "node": name})
            whole.apply_event(events.EventGiven(max(at, whole.machine.state.now)), value)

    def recall(self, value: bytes) -> None:
        """Restore the event that a child run took, from the history. Raises StoreError if it is damaged."""
        try:
            given = orjson.loads(value)
            self.given[given["number"]] = (given["run"], given["node"])
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError("a history has a damaged event of the kind 'event_given'") from error

    def hold_timer(self, progress: RunState, timer: SetTimer) -> bool:
        """Whether a wait that is due has to go on, since an event may be there for it."""
        if self.n_absent:
            self.late.append((progress, timer))
        return self.n_absent > 0

    def release_timers(self) -> list[RunState]:
        """All child runs are back: waits that are due time out; return their runs."""
        late, self.late = self.late, []
        for progress, timer in late:
            progress.timers.append(timer)
        return list(dict.fromkeys(progress for progress, _ in late))


@attrs.frozen
class Keeping:
    """What a new run has from an earlier one.

    Attributes:
        run: the earlier one.
        steps: how its nodes are settled. values: by node, in stored form, if it has one.
    """

    run: RunId
    steps: tuple[Kept, ...]
    values: Mapping[int, object]


class RunState(ABC):
    """A run, as the modules of this package see it.

    Attributes:
        lineage: set for a child run. kin: shared by all runs of a family; None where no child waits for events.
        origin, input: what started the run.
        timers: timers that the driver has not taken yet.
        n_events: so many events of the store came before the run.
        keeping: what it has from an earlier run, if anything; after a restart without the steps and values, which are where others are.
        tenant: of the run, which a child run has from its parent. It is in the run's row, not in its history.
        kept_waits: the subscriptions that the store has; None if that is not known.
        stretch: the time that pure work may take; None for as much as it wants.
    """

    program: Program
    run: RunId
    machine: Machine
    values: Bindings
    mailbox: Mailbox
    lineage: Lineage | None
    claims: EventClaims | None
    origin: Origin
    input: Mapping[str, object]
    timers: list[SetTimer]
    n_events: int
    keeping: Keeping | None
    tenant: str
    kept_waits: tuple[WaitRow, ...] | None
    time_slice: PureTime | None

    @property
    @abstractmethod
    def is_ended(self) -> bool:
        """Whether the run has ended."""

    @abstractmethod
    def begin(
        self, input_value: Mapping[str, object], origin: Origin, now: int, n_events: int = 0, due: int | None = None
    ) -> int:
        """Start the run; returns the bytes that the store keeps of its start."""

    @abstractmethod
    def know(self, input_value: Mapping[str, object], origin: Origin, started_at: int) -> None:
        """Set the origin and the input of the run."""

    @abstractmethod
    def item(self, node: int, index: int) -> Mapping[str, object]:
        """Return the values that the body of a loop reads of an item."""

    @abstractmethod
    def apply_event(self, event: Event, value: bytes | None = None) -> None:
        """Take an event from outside; dependents may act on the world only once it is committed."""

    @abstractmethod
    def succeed(self, node: int, value: object, now: int, jitter: float) -> None:
        """The running attempt of the node returned this."""

    @abstractmethod
    def fail(self, node: int, failure: ActionFailed, now: int, jitter: float, *, is_dirty: bool = False) -> None:
        """The running attempt of the node failed."""

    @abstractmethod
    def cancelled(self, node: int, now: int, *, is_made: bool = True) -> None:
        """The running attempt of the node was stopped, as commanded."""

    @abstractmethod
    def is_cancelling(self, node: int) -> bool:
        """Whether the running attempt of the node was commanded to stop."""


def claims_of(progress: RunState) -> EventClaims | None:
    """Return the claims that a new run shares with its family; None if no child run waits for events."""
    if progress.lineage is not None:
        return progress.lineage.parent.claims
    return EventClaims(ref(progress)) if progress.program.parts_wait else None


def place_of(progress: RunState, node: int) -> Place:
    """A wait, for good."""
    return progress.run, progress.program.plan.ids[node]


def rank_of(progress: RunState, node: int) -> tuple[int, ...]:
    """Where a wait stands among all of the whole: the declared order, and for items that of the list."""
    rank: tuple[int, ...] = (node,)
    lineage = progress.lineage
    while lineage is not None:
        rank = (lineage.node, lineage.number, *rank)
        lineage = lineage.parent.lineage
    return rank
