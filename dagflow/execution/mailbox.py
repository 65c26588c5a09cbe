"""The events that came for one run, and which wait gets which.

An event goes to one wait of a run and its parts at most: to the one that has waited longest and whose condition is true of it. One that
came before such a wait was reached stays in the run's history for it, and the wait finds it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias, cast

import attrs
import orjson

from dagflow.engine.machine import Machine
from dagflow.errors import StoreError
from dagflow.execution.bindings import Bindings
from dagflow.execution.evaluate import holds
from dagflow.execution.program import Program
from dagflow.ids import RunId
from dagflow.model.status import NodeStatus
from dagflow.model.wire.codec import WireError
from dagflow.store.api import SentEvent


class PutOff(Exception):  # noqa: N818 - not an error: others have their turn first
    """There is more to look at than there is time for now."""


#: Of a wait: the run, and the id of the node.
Place: TypeAlias = tuple[str, str]


class Claims(Protocol):
    """Which wait of a family took which event; `run_state.EventClaims` is one."""

    given: dict[int, Place]

    def is_free(self, number: int, place: Place) -> bool:
        """Whether the wait may take the event."""
        ...


@attrs.frozen
class Arrival:
    """An event that came. `at`: when it was sent. `payload`: as JSON values."""

    number: int
    name: str
    at: int
    payload: object


@attrs.define(eq=False)
class Mailbox:
    """The events of one run that were written into its history, in that order.

    Attributes:
        n_seen: the number of the last event of the store that needs no looking at any more.
        keys: by wait, before and after it is reached, the key that it requires of an event, see `correlating`; evaluated once.
    """

    _run: RunId
    _program: Program
    _machine: Machine
    _values: Bindings
    _claims: Claims | None
    arrivals: list[Arrival] = attrs.field(factory=list)
    n_seen: int = 0
    keys: dict[tuple[int, bool], str | None] = attrs.field(factory=dict)
    #: By a wait that is still looking, how many of these are known not to be for it.
    _n_refused: dict[int, int] = attrs.field(factory=dict)

    def is_wanted(self, name: str) -> bool:
        """Whether a wait for such events has not settled."""
        status = self._machine.state.status
        return any(not status[node].is_settled for node in self._program.waits.get(name, ()))

    def awaited_later(self, name: str) -> Iterator[int]:
        """Return the waits for such events that have not been reached, so that the mailbox must keep one for them."""
        status = self._machine.state.status
        return (n for n in self._program.waits.get(name, ()) if status[n] in (NodeStatus.PENDING, NodeStatus.READY))

    def waiting(self, arrival: Arrival) -> list[int]:
        """The nodes that wait for events of this name, unless it came too late for them."""
        state, waits = self._machine.state, self._program.waits.get(arrival.name, ())
        return [node for node in state.waiting if node in waits and arrival.at <= state.due[node]]

    def find(self, node: int, has_time: Callable[[], bool] | None = None) -> int | None:
        """The first event kept that the wait is for. Raises Unevaluable.

        Raises PutOff where there is no time to look at them all; the next call goes on from there.
        """
        name, taken = self._program.codes[node].node.event, self._machine.state.taken
        place = self._run, self._program.plan.ids[node]
        for index in range(self._n_refused.pop(node, 0), len(self.arrivals)):
            arrival = self.arrivals[index]
            if arrival.name != name or index in taken:
                continue
            if (self._claims is None or self._claims.is_free(arrival.number, place)) and self._is_for(node, arrival):
                return index
            if has_time is not None and not has_time():
                # A delivered event is not taken back, and the values that a condition reads do not change.
                self._n_refused[node] = index + 1
                raise PutOff
        return None

    def _is_for(self, node: int, arrival: Arrival) -> bool:
        try:
            return self.accepts(node, self.payload(node, arrival))
        except WireError:
            return False

    def accepts(self, node: int, payload: object) -> bool:
        """Whether the wait's condition is true of an event's payload. Raises Unevaluable: it has no value."""
        code = self._program.codes[node]
        if code.expression is None:
            return True
        bindings = self._values.of(node)
        if code.node.binding:
            bindings = {**bindings, code.node.binding: payload}
        return holds(code.expression, bindings)

    def payload(self, node: int, arrival: Arrival) -> object:
        """Return the event's payload, as the wait reads it. Raises WireError: it is not of the type the flow declares."""
        return self._program.codes[node].codec.open.decode(arrival.payload)

    def taken(self, node: int, number: int) -> object:
        """Return the event of a wait, by the number in the history. Raises StoreError if there is no such event, or not for it."""
        try:
            arrival = self.arrivals[number]
            if self._claims is not None:
                self._claims.given[arrival.number] = (self._run, self._program.plan.ids[node])
            return self.payload(node, arrival)
        except (IndexError, WireError) as error:
            raise StoreError(f"a history has a wait that took the event {number}, which is not there for it") from error

    def look_again(self) -> None:
        """Waits may be reached again, and read other values by then."""
        self.keys.clear()
        self._n_refused.clear()

    def keep(self, value: bytes) -> None:
        """Take an event from the history. Raises StoreError if it is damaged."""
        try:
            arrival = Arrival(**orjson.loads(value))
        except (ValueError, TypeError) as error:
            raise StoreError("a history has a damaged event of the kind 'event_arrived'") from error
        self.arrivals.append(arrival)
        self.n_seen = max(self.n_seen, arrival.number)


def arrival_of(event: SentEvent) -> Arrival:
    """The event as a run sees it."""
    return Arrival(event.number, event.name, event.at, cast("object", orjson.loads(event.payload)))


def encoded(arrival: Arrival) -> bytes:
    """Return its form in the history."""
    return orjson.dumps(attrs.asdict(arrival))
