"""Match the conditions of waits against one event.

Each condition is evaluated once, since the values that a wait reads do not change once it is reached. So conditions can be
evaluated one after another, with other tasks in between; which wait gets the event is decided afterwards in one go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from dagflow.execution.evaluate import Unevaluable
from dagflow.execution.mailbox import Arrival, arrival_of, encoded
from dagflow.execution.run_state import RunState
from dagflow.model.wire.codec import WireError
from dagflow.store.api import SentEvent

if TYPE_CHECKING:
    from dagflow.execution.program import Program

#: Stands for the payload of an event that a wait cannot read.
_MISFIT: Final = object()


@attrs.define(eq=False)
class Matches:
    """The matches of waits for an event, each evaluated at most once."""

    event: SentEvent
    _arrival: Arrival | None = None
    _encoded: bytes | None = None
    _said: dict[tuple[RunState, int], bool | Unevaluable] = attrs.field(
        factory=dict[tuple["RunState", int], "bool | Unevaluable"]
    )
    #: The payload of the event, as the waits of a program read it.
    _payloads: dict[tuple[Program, int], object] = attrs.field(factory=dict)

    @property
    def arrival(self) -> Arrival:
        """The event as runs see it."""
        if self._arrival is None:
            self._arrival = arrival_of(self.event)
        return self._arrival

    @property
    def encoded(self) -> bytes:
        """Return its form in a history."""
        if self._encoded is None:
            self._encoded = encoded(self.arrival)
        return self._encoded

    def has(self, progress: RunState, node: int) -> bool:
        """Whether the wait has been evaluated."""
        return (progress, node) in self._said

    def of(self, progress: RunState, node: int) -> bool:
        """Whether the wait's condition is true of the event. Raises Unevaluable: it has no value."""
        place = progress, node
        said = self._said.get(place)
        if said is None:
            said = self._said[place] = self._asked(progress, node)
        if isinstance(said, Unevaluable):
            raise Unevaluable(said.code, said.message)
        return said

    def _asked(self, progress: RunState, node: int) -> bool | Unevaluable:
        payload = self._payload(progress, node)
        try:
            return payload is not _MISFIT and progress.mailbox.accepts(node, payload)
        except Unevaluable as problem:
            return problem

    def _payload(self, progress: RunState, node: int) -> object:
        place = progress.program, node
        if place not in self._payloads:
            try:
                self._payloads[place] = progress.mailbox.payload(node, self.arrival)
            except WireError:
                self._payloads[place] = _MISFIT
        return self._payloads[place]
