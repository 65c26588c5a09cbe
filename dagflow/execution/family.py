"""What a run and its parts have together: the events that came for them, and which of them took which.

An event goes to one wait of the whole. What a part took is written down twice: by the part, so that its history can be replayed by
itself, and before that by the run it is a part of in the end, since that one's history outlasts the part in memory. A crash
between the two leaves an event that is given and not taken: when the part is there again, nobody else gets it.

After a restart the parts come back one after another. Until all are there nobody can tell which wait has waited longest, so
events are held, and no wait gives up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias
from weakref import ReferenceType, ref

import attrs
import orjson

from dagflow.engine import events
from dagflow.engine.commands import SetTimer
from dagflow.errors import DagflowBug, StoreError
from dagflow.store.api import SentEvent

if TYPE_CHECKING:
    from dagflow.execution.instance import Progress

#: Of a wait: the run, and the id of the node.
Place: TypeAlias = tuple[str, str]


@attrs.define(eq=False)
class Kin:
    """The events of a run whose parts wait for some.

    Attributes:
        given: by the number of an event, the wait that took it.
        n_absent: parts that are to be read again. held: events that came meanwhile, with the run that was to have each.
        late: timers of waits that came due meanwhile.
    """

    #: Not held, since it holds this.
    _whole: ReferenceType[Progress]
    given: dict[int, Place] = attrs.field(factory=dict[int, Place])
    n_absent: int = 0
    held: list[tuple[Progress, SentEvent]] = attrs.field(factory=list)
    late: list[tuple[Progress, SetTimer]] = attrs.field(factory=list)

    def is_free(self, number: int, place: Place) -> bool:
        """Whether the wait may take the event."""
        return self.given.get(number, place) == place

    def give(self, progress: Progress, node: int, number: int, at: int) -> None:
        """The wait takes the event: say so in the history of the whole first."""
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
            whole.take_fact(events.EventGiven(max(at, whole.machine.state.now)), value)

    def recall(self, value: bytes) -> None:
        """Take what a part took from the history. Raises StoreError if it is damaged."""
        try:
            given = orjson.loads(value)
            self.given[given["number"]] = (given["run"], given["node"])
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError("a history has a damaged fact of the kind 'event_given'") from error

    def hold_timer(self, progress: Progress, timer: SetTimer) -> bool:
        """Whether a wait that is due has to go on, since an event may be there for it."""
        if self.n_absent:
            self.late.append((progress, timer))
        return self.n_absent > 0

    def release_timers(self) -> list[Progress]:
        """All parts are there: waits that are due give up; returns their runs."""
        late, self.late = self.late, []
        for progress, timer in late:
            progress.timers.append(timer)
        return list(dict.fromkeys(progress for progress, _ in late))


def kin_of(progress: Progress) -> Kin | None:
    """What a new run has together with those it is a part of, or with its own parts; None where no part waits for events."""
    if progress.lineage is not None:
        return progress.lineage.parent.kin
    return Kin(ref(progress)) if progress.program.parts_wait else None


def place_of(progress: Progress, node: int) -> Place:
    """A wait, for good."""
    return progress.run, progress.program.plan.ids[node]


def rank_of(progress: Progress, node: int) -> tuple[int, ...]:
    """Where a wait stands among all of the whole: the declared order, and for items that of the list."""
    rank: tuple[int, ...] = (node,)
    lineage = progress.lineage
    while lineage is not None:
        rank = (lineage.node, lineage.number, *rank)
        lineage = lineage.parent.lineage
    return rank
