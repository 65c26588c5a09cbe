"""A flow that is served, in virtual time: events and slots ask for runs, the admission machine of the service decides, mocks answer.

Theory. Runs of a flow meet in admission alone, and whatever a run does depends on its input, its begin, the events of the test and the
instant at which it is cancelled. So each run is simulated to its end when it begins, and again if another one replaces it. The events
that runs emit start nothing here.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

import attrs
import orjson

from dagflow.admission import events
from dagflow.admission.commands import Accept, Begin, Cancel, Claim, Command, Drop, Hold, Supersede
from dagflow.admission.machine import Admission
from dagflow.admission.requests import Held, Request, Stage
from dagflow.drivers.simulated.script import Send
from dagflow.drivers.simulated.simulator import Simulation
from dagflow.drivers.simulated.timing import Timing
from dagflow.errors import DagflowError, EvaluationError
from dagflow.execution.admission import judged
from dagflow.execution.cancelling import is_withdrawn_by
from dagflow.execution.program import Program
from dagflow.execution.triggers import cron_input, input_for
from dagflow.model.flow import TriggerKind
from dagflow.model.policies import Schedule
from dagflow.model.status import RunStatus
from dagflow.model.wire.codec import WireError
from dagflow.schedules.due import upcoming
from dagflow.store.api import SentEvent

#: What happens first of what happens at one instant. An event may be what ends a run, so it comes before the end.
_SEND, _END, _TICK, _SLOT, _LOOK = range(5)
#: Requests of one test.
_MOST_REQUESTS: Final = 10_000


class Play(Protocol):
    """Simulates one run of the flow."""

    def __call__(
        self,
        value: object,
        start: int,
        sends: Sequence[Send],
        cancel_at: int | None,
        cancel_after: int,
        crashes: Sequence[int] = (),
        like: Timing | None = None,
    ) -> Simulation:
        """Run it with that input, as JSON values, from that instant on."""
        ...


@attrs.define(eq=False)
class ServedRun:
    """A run of the flow. `sends`: the events that come after it began. `cancel_at`: when another one replaces it."""

    value: object
    start: int
    sends: tuple[Send, ...]
    play: Play
    cancel_at: int | None = None
    cancel_after: int = 0
    simulation: Simulation = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.simulation = self.played()

    def cancel(self, at: int) -> None:
        """Another run replaces this one."""
        if self.cancel_at is None:
            self.cancel_at, self.cancel_after = at, sum(send.at <= at for send in self.sends)
            self.simulation = self.played()

    def played(self, crashes: Sequence[int] = (), like: Timing | None = None) -> Simulation:
        """Simulate it once more."""
        return self.play(self.value, self.start, self.sends, self.cancel_at, self.cancel_after, crashes, like)

    @property
    def ended_at(self) -> int:
        """When it ends."""
        return self.simulation.result.ended_at or self.start


@attrs.define(eq=False)
class Served:
    """The service of one flow.

    Attributes:
        begin, horizon: slots are due after the one, and at the other at the latest.
        restarts: begin anew from rows before everything that happens, as after a crash.
        looks: called at their instants, when everything else of the instant has happened.
        n_steps: how many things have happened.
    """

    program: Program
    play: Play
    begin: int
    horizon: int
    sends: tuple[Send, ...]
    looks: Mapping[int, Callable[[Served], None]]
    restarts: bool = False
    now: int = 0
    n_steps: int = 0
    runs: dict[str, ServedRun] = attrs.field(factory=dict[str, ServedRun])
    rows: dict[str, Held] = attrs.field(factory=dict[str, Held])
    drops: Counter[str] = attrs.field(factory=Counter[str])
    _inputs: dict[str, Mapping[str, object]] = attrs.field(factory=dict[str, "Mapping[str, object]"])
    _claims: dict[str, int | None] = attrs.field(factory=dict[str, "int | None"])
    _accepted: list[tuple[str, int]] = attrs.field(factory=list[tuple[str, int]])
    _ended: set[str] = attrs.field(factory=set[str])
    _n_sent: int = 0
    _machine: Admission = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.now = self.begin
        self._machine = self._new_machine()

    def serve(self) -> None:
        """Let everything happen, to the end of the last run."""
        planned = [(each.at, _SEND, number) for number, each in enumerate(self.sends)]
        planned += [(at, _LOOK, number) for number, at in enumerate(self.looks)]
        schedules = enumerate(self.program.flow.schedules)
        slots = [(due, _SLOT, number) for number, schedule in schedules for due in self._dues(schedule)]
        heap = sorted(planned + slots)
        while True:
            moments = [heap[0]] if heap else []
            moments += [(run.ended_at, _END, 0) for id_, run in self.runs.items() if id_ not in self._ended]
            if self._machine.next_due is not None:
                moments.append((self._machine.next_due, _TICK, 0))
            if not moments:
                return
            at, kind, number = min(moments)
            self.now, self.n_steps = max(self.now, at), self.n_steps + 1
            if kind in {_SLOT, _SEND, _LOOK}:
                heapq.heappop(heap)
            if self.restarts and kind != _LOOK:
                self._restart()
            self._happen(kind, number)

    def counts(self) -> dict[str, int]:
        """What has become of the requests so far."""
        ended = [run.simulation.result.status for id_, run in self.runs.items() if id_ in self._ended]
        stages = Counter(row.stage for row in self.rows.values())
        return {
            "requested": len(self.rows) + self.drops["invalid"],
            "started": len(self.runs),
            "waiting": sum(stages[stage] for stage in Stage if stage.is_open),
            "superseded": stages[Stage.SUPERSEDED],
            "running": len(self.runs) - len(ended),
            "succeeded": ended.count(RunStatus.SUCCEEDED),
            "failed": ended.count(RunStatus.FAILED) + ended.count(RunStatus.FAILED_DIRTY),
            "cancelled": ended.count(RunStatus.CANCELLED),
        }

    # ---- what happens

    def _happen(self, kind: int, number: int) -> None:
        match kind:
            case 0:  # `_SEND`
                self._send(number)
            case 1:  # `_END`
                ends = {id_: run.ended_at for id_, run in self.runs.items() if id_ not in self._ended}
                request_id = min(ends, key=lambda id_: ends[id_])
                self._ended.add(request_id)
                self.rows[request_id] = attrs.evolve(self.rows[request_id], stage=Stage.ENDED)
                self._take(events.RunEnded(self.now, request_id))
            case 2:  # `_TICK`
                self._take(events.Ticked(self.now))
            case 3:  # `_SLOT`
                self._slot(number)
            case _:
                self.looks[list(self.looks)[number]](self)

    def _send(self, number: int) -> None:
        send, flow = self.sends[number], self.program.flow
        self._n_sent = number + 1
        event = SentEvent(
            number=number + 1, id=f"sent {number}", name=send.event, at=self.now, payload=orjson.dumps(send.payload)
        )
        for row in [row for row in self.rows.values() if row.stage.is_open]:
            if is_withdrawn_by(self.program, self._inputs[row.request.id], event):
                self._take(events.Withdrawn(self.now, row.request.id))
        if any(trigger.kind is TriggerKind.EVENT and trigger.event == send.event for trigger in flow.triggers):
            self._ask(f"event:{number + 1}", lambda: input_for(self.program, send.event, send.payload, self.now), number + 1)

    def _slot(self, number: int) -> None:
        key = self.program.flow.schedules[number].key
        self._ask(f"cron:{number}:{self.now}", lambda: cron_input(self.program, number, self.now), schedule=key)

    def _ask(
        self, request_id: str, make: Callable[[], Mapping[str, object] | None], number: int = 0, *, schedule: str = ""
    ) -> None:
        try:
            value = make()
            if value is None:
                return
            keys, priority = judged(self.program, value)
        except (EvaluationError, WireError):
            self.drops["invalid"] += 1
            return
        if len(self.rows) >= _MOST_REQUESTS:
            raise DagflowError(f"a test must ask for at most {_MOST_REQUESTS:,} runs")
        self._inputs[request_id] = value
        keys = attrs.evolve(keys, schedule=schedule)
        request = Request(id=request_id, at=self.now, number=number, keys=keys, priority=priority)
        self.rows[request_id] = Held(request=request, stage=Stage.WAITING)
        self._take(events.Arrived(self.now, request))

    # ---- admission

    def _take(self, event: events.Event) -> None:
        for command in self._machine.handle(event):
            self._perform(command)

    def _perform(self, command: Command) -> None:
        row = self.rows[command.id]
        match command:
            case Hold(_, stage, since):
                self.rows[command.id] = attrs.evolve(row, stage=stage, since=since)
            case Begin():
                self.rows[command.id] = attrs.evolve(row, stage=Stage.RUNNING, since=self.now)
                value = self.program.input_codec.encode(self._inputs[command.id])
                self.runs[command.id] = ServedRun(value, self.now, self.sends[self._n_sent :], self.play)
            case Drop(_, reason):
                self.rows[command.id] = attrs.evolve(row, stage=Stage.DROPPED, since=0)
                self.drops[reason] += 1
            case Supersede():
                self.rows[command.id] = attrs.evolve(row, stage=Stage.SUPERSEDED, since=0)
            case Claim(_, key, until):
                self._claims[key] = until
            case Accept():
                self._accepted.append((row.request.keys.rate, self.now))
            case Cancel():
                self.runs[command.id].cancel(self.now)

    def _restart(self) -> None:
        self._machine = self._new_machine()
        rows = [row for row in self.rows.values() if row.stage.is_open or row.since]
        self._machine.restore(rows, self._claims.items(), self._accepted)
        self._take(events.Ticked(self.now))

    def _new_machine(self) -> Admission:
        return Admission(self.program.flow.policies, self.program.flow.overlaps)

    # ---- schedules

    def _dues(self, schedule: Schedule) -> Iterator[int]:
        for slot in upcoming(schedule, self.begin):
            if slot.due > self.horizon:
                return
            yield slot.due
