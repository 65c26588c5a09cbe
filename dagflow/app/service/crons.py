"""Schedules of published flows: each slot asks for one run.

`catchup` says which slots start a run that were missed, because no service ran or the clock was set forward. A paused flow keeps the
last slot, none with `catchup none`, and every one with `catchup all`. The id of the request names the slot, so that each slot asks once.

The store says of each flow when its next slot is due, in that order, so that a service reads no flow before then. That it has
moved on is written with the trigger offset; after a crash a slot may be due again, and its request is there already.
"""

from __future__ import annotations

import heapq
import itertools
from typing import Final

import attrs

from dagflow.admission.requests import Stage
from dagflow.app.outcomes import DueSchedule
from dagflow.app.service.gates import DAMAGED, PAUSED, RETIRED, Gate, Gates, Place
from dagflow.app.service.manifests import schedules_of
from dagflow.drivers.local.batch import Decision
from dagflow.errors import DagflowError, StoreError
from dagflow.execution.bindings import Origin
from dagflow.execution.triggers import cron_input
from dagflow.model.policies import Catchup, Schedule
from dagflow.schedules.due import Slot, to_ask, upcoming
from dagflow.store.service_rows import PublishedRow, RequestRow, ScheduleRow

#: Schedules read in one go.
_PAGE: Final = 500
#: Flows whose slots ask before other tasks have their turn.
_TURN: Final = 32
#: Before every schedule.
_FIRST: Final = (-1, "", "")


def next_due(version: PublishedRow, after: int) -> int | None:
    """When a version's next slot is due after that instant; None if it has none."""
    slots = (next(upcoming(schedule, after), None) for schedule in schedules_of(version))
    return min((slot.due for slot in slots if slot is not None), default=None)


def schedules_due(version: PublishedRow, after: int) -> list[DueSchedule]:
    """The schedules of a version, each with its next slot after that instant."""
    is_over = version.state == RETIRED
    found: list[DueSchedule] = []
    for each in schedules_of(version):
        slot = None if is_over else next(upcoming(each, after), None)
        due_at = None if slot is None else slot.due
        found.append(DueSchedule(flow=version.flow, cron=each.text, zone=each.zone, state=version.state, due_at=due_at))
    return found


@attrs.define(eq=False)
class Crons:
    """The schedules of all published flows.

    Attributes:
        moved: flows whose next slot is due at another instant than the store has.
    """

    gates: Gates
    moved: dict[Place, int | None] = attrs.field(factory=dict[Place, "int | None"])
    #: The schedules in memory, and the same as a heap; an entry of the heap counts as long as the other says the same.
    _due: dict[Place, int] = attrs.field(factory=dict[Place, int])
    _agenda: list[tuple[int, Place]] = attrs.field(factory=list[tuple[int, Place]])
    #: The last schedule that was read of the store; None if all were.
    _read_up_to: tuple[int, str, str] | None = _FIRST

    def open(self) -> None:
        """Read the first schedules. Raises StoreError."""
        self._read()

    def put(self, place: Place, due_at: int | None) -> None:
        """A version has been published whose next slot is due then; the store has that."""
        self.moved.pop(place, None)
        self._plan(place, due_at)

    def take_moved(self) -> tuple[ScheduleRow, ...]:
        """Return the schedules that have moved on, to be written."""
        moved, self.moved = self.moved, {}
        return tuple(ScheduleRow(flow, due_at, tenant) for (tenant, flow), due_at in moved.items())

    @property
    def next_due(self) -> int | None:
        """When the next slot is due, or more schedules have to be read."""
        agenda, read_up_to = self._agenda, self._read_up_to
        while agenda and self._due.get(agenda[0][1]) != agenda[0][0]:
            heapq.heappop(agenda)
        dues = (agenda[0][0] if agenda else None, None if read_up_to is None else read_up_to[0])
        return min((due for due in dues if due is not None), default=None)

    def fire(self, now: int) -> None:
        """It is that late: of each schedule with slots that are due, one asks; the rest of them at the next call."""
        for _ in range(_TURN):
            if self._read_up_to is not None and self._read_up_to[0] <= now:
                self._read()
                continue
            due = self.next_due
            if due is None or due > now:
                return
            place = heapq.heappop(self._agenda)[1]
            del self._due[place]
            following = self._ask_all(place, due, now)
            self.moved[place] = following
            self._plan(place, following)
        self.gates.driver.look_again()

    def _read(self) -> None:
        after = self._read_up_to
        if after is None:
            return
        rows = self.gates.store.schedules(after=after, limit=_PAGE)
        for row in rows:
            place = row.tenant, row.flow
            if place not in self._due and place not in self.moved:
                self._plan(place, row.due_at)
        self._read_up_to = (rows[-1].due_at or 0, rows[-1].tenant, rows[-1].flow) if len(rows) == _PAGE else None

    def _plan(self, place: Place, due_at: int | None) -> None:
        if due_at is None:
            self._due.pop(place, None)
        elif self._due.get(place) != due_at:
            self._due[place] = due_at
            heapq.heappush(self._agenda, (due_at, place))
            self.gates.driver.look_again()

    def _ask_all(self, place: Place, due: int, now: int) -> int | None:
        """Ask for a slot of each schedule that is due; return when the next one is, which may be in the past."""
        gate = self.gates.find(*place)
        if gate is None or gate.state in (RETIRED, DAMAGED):
            return None
        dues: list[int] = []
        for number, schedule in enumerate(schedules_of(gate.version)):
            slot, looked_up_to = to_ask(schedule, due - 1, now)
            if slot is not None:
                self._ask(gate, number, schedule, slot)
            dues += [following.due for following in itertools.islice(upcoming(schedule, looked_up_to), 1)]
        return min(dues, default=None)

    def _ask(self, gate: Gate, number: int, schedule: Schedule, slot: Slot) -> Decision | None:
        gates, prefix = self.gates, f"cron:{schedule.text}:"
        request_id = prefix + slot.name
        if request_id in gate.rows or gates.store.request(*gate.place, request_id) is not None:
            return None
        origin = Origin(kind="cron")
        try:
            prepared, _ = gate.load(gates.loader, gates.store, gates.clock.now())
            value = cron_input(prepared.program, number, slot.due)
            if value is None:
                return None
            if gate.state == PAUSED and schedule.catchup is Catchup.NONE:
                return None
            if gate.state == PAUSED and schedule.catchup is Catchup.LAST:
                self._withdraw_earlier(gate, prefix)
            gates.driver.observing.slot_asked(gate.name, gates.clock.now() - slot.due)
            return gates.ask(gate, request_id, value, origin, at=slot.due, schedule=schedule.key)
        except StoreError:
            raise
        except DagflowError as error:
            row = RequestRow(
                tenant=gate.tenant,
                flow=gate.name,
                id=request_id,
                digest=gate.version.digest,
                at=slot.due,
                stage=Stage.DROPPED,
                kind="cron",
            )
            return gates.refuse(row, f"invalid: {error}")

    def _withdraw_earlier(self, gate: Gate, prefix: str) -> None:
        for row in list(gate.rows.values()):
            if row.id.startswith(prefix) and Stage(row.stage).is_open:
                self.gates.withdraw(gate, row.id)
