"""Schedules of published flows: each slot asks for one run.

A slot that was missed, because no service ran or the clock was set forward, is made up for if it is the last one of its schedule.
Earlier ones are not. A paused flow keeps the last slot. The id of the request names the slot, so that each slot asks once.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

import attrs

from dagflow.admission.requests import Stage
from dagflow.app.service.gates import DAMAGED, PAUSED, RETIRED, Gate, Gates
from dagflow.app.service.manifests import schedules_of
from dagflow.drivers.local.batch import Decision
from dagflow.errors import DagflowError, StoreError
from dagflow.execution.bindings import Origin
from dagflow.execution.triggers import cron_input
from dagflow.schedules.due import Slot, last_missed, upcoming
from dagflow.store.service_rows import RequestRow


@attrs.frozen
class _Next:
    """The next slot of a schedule. `number`: of the schedule, among those of its flow's version."""

    gate: Gate
    version: int
    number: int
    text: str
    zone: str
    slot: Slot

    @property
    def prefix(self) -> str:
        """The prefix of the ids of all its requests."""
        return f"cron:{self.text}:"


@attrs.define(eq=False)
class Crons:
    """The schedules of all published flows."""

    gates: Gates
    _agenda: list[tuple[int, int, _Next]] = attrs.field(factory=list[tuple[int, int, _Next]])
    _counter: Callable[[], int] = attrs.field(factory=lambda: itertools.count().__next__)

    def put(self, gate: Gate, since: int) -> None:
        """From now on the slots of this version ask, those included that were due after `since`."""
        for number, (text, zone) in enumerate(schedules_of(gate.version)):
            slot = next(upcoming(text, zone, since), None)
            if slot is not None:
                self._plan(_Next(gate, gate.version.number, number, text, zone, slot))

    @property
    def next_due(self) -> int | None:
        """When the next slot is due."""
        while self._agenda and self._is_over(self._agenda[0][2]):
            heapq.heappop(self._agenda)
        return self._agenda[0][0] if self._agenda else None

    def fire(self, now: int) -> None:
        """It is that late: of each schedule with slots that are due, the last one asks."""
        while (due := self.next_due) is not None and due <= now:
            entry = heapq.heappop(self._agenda)[2]
            last = last_missed(entry.text, entry.zone, entry.slot.due - 1, now) or entry.slot
            following = next(upcoming(entry.text, entry.zone, last.due), None)
            if following is not None:
                self._plan(attrs.evolve(entry, slot=following))
            self._ask(entry, last)

    def _plan(self, entry: _Next) -> None:
        heapq.heappush(self._agenda, (entry.slot.due, self._counter(), entry))
        self.gates.driver.look_again()

    @staticmethod
    def _is_over(entry: _Next) -> bool:
        return entry.gate.version.number != entry.version or entry.gate.state in (RETIRED, DAMAGED)

    def _ask(self, entry: _Next, slot: Slot) -> Decision | None:
        gates, gate, request_id = self.gates, entry.gate, entry.prefix + slot.name
        if request_id in gate.rows or gates.store.request(gate.name, request_id) is not None:
            return None
        origin = Origin(kind="cron")
        try:
            prepared, _ = gate.load(gates.loader, gates.store, gates.clock.now())
            value = cron_input(prepared.program, entry.number, slot.due)
            if value is None:
                return None
            if gate.state == PAUSED:
                self._withdraw_earlier(entry)
            return gates.ask(gate, request_id, value, origin, at=slot.due)
        except StoreError:
            raise
        except DagflowError as error:
            row = RequestRow(
                flow=gate.name, id=request_id, digest=gate.version.digest, at=slot.due, stage=Stage.DROPPED, kind="cron"
            )
            return gates.refuse(row, f"invalid: {error}")

    def _withdraw_earlier(self, entry: _Next) -> None:
        for row in list(entry.gate.rows.values()):
            if row.id.startswith(entry.prefix) and Stage(row.stage).is_open:
                self.gates.withdraw(entry.gate, row.id)
