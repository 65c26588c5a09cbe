"""From the events of the store, in their order, to requests for runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping
from typing import Final, cast

import attrs
import orjson

from dagflow.admission.requests import Stage
from dagflow.app.service.crons import Crons
from dagflow.app.service.feed import Feed
from dagflow.app.service.gates import DAMAGED, RETIRED, Gate, Gates
from dagflow.app.service.listening import Listening
from dagflow.app.service.manifests import WEBHOOK
from dagflow.drivers.local.batch import Decision, Sending
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.errors import DagflowError, StoreError
from dagflow.execution.bindings import Origin
from dagflow.execution.cancelling import is_withdrawn_by
from dagflow.execution.evaluate import as_record
from dagflow.execution.program import Program
from dagflow.execution.triggers import input_for, webhook_input
from dagflow.ids import RunId
from dagflow.store.api import Append, SentEvent
from dagflow.store.service_rows import Looked, PublishedRow, RequestRow

#: Flows that start one another by events, at most.
MOST_HOPS: Final = 16
#: Write the trigger offset after so many events without anything else to write.
_NOTED_EVERY: Final = 256


@attrs.define(eq=False)
class Router:
    """The implementation of `drivers.local.admitting.Admitting`: which runs an event starts.

    Attributes:
        is_open: the store is loaded. Until then ends are queued.
        is_caught_up: all missed events have been handled. Until then events are queued in `early`, in their order.
        is_closing: the trigger offset is written whenever it has changed.
    """

    gates: Gates
    is_open: bool = False
    is_caught_up: bool = False
    is_closing: bool = False
    ended_early: set[RunId] = attrs.field(factory=set)
    early: deque[tuple[SentEvent, Sending | None]] = attrs.field(factory=deque)
    #: Requests that were in the store when it was opened, from events that are handled again.
    known: set[tuple[str, str, str]] = attrs.field(factory=set)
    feed: Feed = attrs.field(factory=Feed)
    n_looked: int = 0
    n_noted: int = 0
    crons: Crons = attrs.field(init=False)
    _listening: Listening = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.crons = Crons(self.gates)
        self._listening = Listening(self.gates.store)

    def put(self, version: PublishedRow, state: str, due_at: int | None) -> Gate:
        """A version that has been published takes over from the one before. `due_at`: when its schedules are due next."""
        before = self.gates.gates.get((version.tenant, version.flow))
        events = set[str]() if before is None else set(before.listens_to)
        gate = self.gates.put(version, state)
        for event in events | gate.listens_to:
            self._listening.forget(gate.tenant, event)
        self.crons.put(gate.place, due_at)
        return gate

    # ---- Admitting

    @property
    def next_due(self) -> int | None:
        """See `Admitting`."""
        if not self.is_open:
            return None
        dues = (self.crons.next_due, self.gates.next_due)
        return min((due for due in dues if due is not None), default=None)

    def waiting_requests(self) -> tuple[int, int | None]:
        """See `Admitting`."""
        return self.gates.waiting()

    def fire(self, now: int) -> None:
        """See `Admitting`."""
        if self.is_open and self._may_decide():
            self.crons.fire(now)
            self.gates.fire(now)

    def ended(self, live: LoadedRun) -> None:
        """See `Admitting`."""
        if not self.is_open:
            self.ended_early.add(live.run)
        elif self._may_decide():
            self.gates.ended(live)

    def refused(self, live: LoadedRun, reason: DagflowError) -> None:
        """See `Admitting`."""
        self.gates.refused(live, reason)

    def look(self, event: SentEvent, sending: Sending | None) -> Generator[None]:
        """See `Admitting`."""
        if not self.is_caught_up:
            self.early.append((event, sending))
            return
        yield from self.consider(event, None if sending is None else sending.decisions)

    def written(self, live: LoadedRun, append: Append) -> None:
        """See `Admitting`."""
        self.feed.put(live, append)

    def looked(self, is_written_anyway: bool) -> Looked | None:
        """See `Admitting`."""
        n_new = self.n_looked - self.n_noted
        is_new = n_new > 0 or bool(self.crons.moved)
        if not self.is_open or not is_new or not (is_written_anyway or self.is_closing or n_new >= _NOTED_EVERY):
            return None
        self.n_noted = self.n_looked
        return Looked(event=self.n_looked, schedules=self.crons.take_moved())

    # ---- events

    def consider(self, event: SentEvent, decisions: list[Decision] | None) -> Generator[None]:
        """Request the runs that an event starts, if it is behind the trigger offset; yields where other tasks may run."""
        if event.number <= self.n_looked or not self._may_decide():
            return
        for gate in list(self.gates.cancellers.get((event.tenant, event.name), ())):
            self._withdraw(gate, event)
        for name in self._listening.flows(event):
            if not self._may_decide():
                break
            listener = self.gates.find(event.tenant, name)
            if listener is None or event.name not in listener.listens_to:
                continue  # another version was published while others had their turn
            decision = self._ask(listener, event)
            if decision is not None and decisions is not None:
                decisions.append(decision)
            if not self.gates.driver.time_slice.is_short():
                yield
        if self._may_decide():
            self.n_looked = max(self.n_looked, event.number)
            if self.n_looked - self.n_noted >= _NOTED_EVERY:
                self.gates.driver.look_up()

    def _withdraw(self, gate: Gate, event: SentEvent) -> None:
        """Drop the requests that have no run and that the event cancels; runs hear of it themselves."""
        gates = self.gates
        for row in list(gate.rows.values()):
            if Stage(row.stage).is_open and row.at <= event.at:
                program = gates.loader.programs.load(gates.store, row.digest).program
                value = as_record(program.input_codec.decode(cast("object", orjson.loads(row.input))))
                if is_withdrawn_by(program, value, event):
                    gates.withdraw(gate, row.id)

    def _ask(self, gate: Gate, event: SentEvent) -> Decision | None:
        request_id = f"event:{event.number}"
        if gate.state in (RETIRED, DAMAGED) or (gate.tenant, gate.name, request_id) in self.known:
            return None
        gates, origin = self.gates, _origin_of(event)
        reason = ""
        try:
            prepared, _ = gate.load(gates.loader, gates.store, gates.clock.now())
            value = _input_of(prepared.program, event)
            if value is None:
                return None
            if event.hops <= MOST_HOPS:
                return gates.ask(gate, request_id, value, origin, event=event.number, at=event.at)
            reason = f"hops: {event.hops} flows started one another by events; the limit is {MOST_HOPS}"
        except StoreError:
            raise
        except DagflowError as error:
            reason = f"invalid: {error}"
        row = RequestRow(
            tenant=gate.tenant,
            flow=gate.name,
            id=request_id,
            digest=gate.version.digest,
            at=event.at,
            stage=Stage.DROPPED,
            kind=origin.kind,
            name=origin.name,
            event=event.number,
            hops=event.hops,
        )
        return gates.refuse(row, reason)

    def _may_decide(self) -> bool:
        """Once the interpreter drains no run begins: all later events are handled when it is opened again."""
        if self.gates.driver.is_draining:
            self.gates.is_frozen = True
        return not self.gates.is_frozen


def _is_webhook(event: SentEvent) -> bool:
    """An event that a flow emits is no webhook, whatever its name: it has no signature."""
    return event.name.startswith(WEBHOOK) and not event.run


def _origin_of(event: SentEvent) -> Origin:
    if _is_webhook(event):
        return Origin(kind="webhook", name=event.name.removeprefix(WEBHOOK))
    return Origin(kind="event", name=event.name, hops=event.hops)


def _input_of(program: Program, event: SentEvent) -> Mapping[str, object] | None:
    payload = cast("dict[str, object]", orjson.loads(event.payload))
    if _is_webhook(event):
        body = cast("object", orjson.loads(str(payload["raw"])))
        return webhook_input(program, event.name.removeprefix(WEBHOOK), body, event.at)
    if event.name.startswith(WEBHOOK):
        return None
    return input_for(program, event.name, payload, event.at)
