"""Simulate a run in virtual time: scripted actions, seeded random numbers, and a crash at any point. It needs no event loop.

Events reach the history by commits. A crash before a commit loses its events; a crash after it loses everything in memory and
every call in flight. Crashing at every point therefore covers each gap between an intent, its call and its result.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random  # noqa: TID251 - seeded by the caller: the same seed is the same run
from typing import Final, cast

import attrs
import orjson

from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.drivers.simulated.run import Happening
from dagflow.drivers.simulated.run import Simulation as Simulation  # noqa: PLC0414 - likewise
from dagflow.drivers.simulated.script import Call as Call  # noqa: PLC0414 - part of a simulation to those who make one
from dagflow.drivers.simulated.script import Script as Script  # noqa: PLC0414 - likewise
from dagflow.drivers.simulated.script import Scripts, as_script
from dagflow.drivers.simulated.script import Send as Send  # noqa: PLC0414 - likewise
from dagflow.drivers.simulated.timing import Key, Timing
from dagflow.engine.commands import StartAttempt
from dagflow.errors import DagflowBug, UsageError
from dagflow.execution.bindings import Origin
from dagflow.execution.children import Requested, Spawn
from dagflow.execution.delivery import deliver
from dagflow.execution.input import as_input
from dagflow.execution.instance import RunInstance
from dagflow.execution.program import Program, prepare
from dagflow.execution.results import result_of
from dagflow.execution.run_state import Lineage
from dagflow.ids import RunId
from dagflow.model.action import Effect
from dagflow.model.flow import Flow
from dagflow.model.status import RunStatus
from dagflow.store.api import Record, SentEvent
from dagflow.store.failpoints import Crash, Failpoint, hit

#: When simulations start unless told otherwise: 2026-01-01T00:00:00Z.
DEFAULT_START: Final = 1_767_225_600_000_000_000

#: The id of every run that is simulated.
SIMULATED_RUN: Final = RunId("0" * 32)
_MAX_FACTS: Final = 1_000_000


def simulate(
    flow: Flow | Program,
    input: object = None,  # noqa: A002 - the word of the public API
    *,
    actions: Scripts | None = None,
    seed: int | None = 0,
    crash_at: Collection[int] = (),
    cancel_at: int | None = None,
    cancel_after: int | None = None,
    sends: Sequence[Send] = (),
    trigger: Origin | None = None,
    start: int = DEFAULT_START,
    jitter: Callable[[], float] | None = None,
    observe: Callable[[RunInstance], None] | None = None,
    looks: Mapping[int, Callable[[Simulation], None]] | None = None,
    like: Timing | None = None,
    cancels: Callable[[SentEvent, RunInstance], bool] | None = None,
) -> Simulation:
    """Run a flow to its end in virtual time.

    Args:
        flow: the flow; a `Program` where many runs of one are simulated.
        input: as JSON values, as for `Interpreter.start`.
        actions: how each behaves, by node id or by action name, the node first.
        seed: chooses the jitter, and the order of events at one instant. None removes chance: at one instant
        everything happens in the order in which it began, as in production, and a retry comes after its whole interval.
        crash_at: numbers of points to crash at, from 0; see `Simulation.n_points`.
        cancel_at: the instant at which the run is cancelled.
        cancel_after: so many of the `sends` come before that, if they are for the same instant; all if not said.
        sends: events for its waits; at one instant in this order. A sent event survives a crash; of two with one id, the second is ignored.
        trigger: what started the run.
        jitter: draws the fraction that spreads a retry, instead of the seed.
        start: the instant it starts, nanoseconds since 1970 UTC.
        observe: called with the run, and with each that is part of it, between any two things that happen.
        looks: called, once, with how things stand when everything of the instant has happened; not after the run's end.
        like: the timing of another run of the flow, to keep to as far as it is known.
        cancels: whether an event cancels the run, instead of reaching its waits.

    Raises:
        WireError: the input does not fit.
        UsageError: an action has no script.
    """
    program = flow if isinstance(flow, Program) else prepare(flow)
    value = as_input(program, input)
    scripts = {name: as_script(script) for name, script in (actions or {}).items()}
    random = _whole if seed is None else Random(seed).random  # noqa: S311 - protects nothing
    world = _World(
        program, scripts, random, jitter or random, start, frozenset(crash_at), observe or _ignore, like, cancels or _never
    )
    if like is not None:
        world.timing.keep_turns(like)
    world.sends = [Happening(send.at, -1.0, 2 * i + 1, send=send) for i, send in enumerate(sends)]
    world.sends += [Happening(at, math.inf, look=look) for at, look in (looks or {}).items()]
    if cancel_at is not None:
        # Between two sends; `run` sees to it that a crash does not lose it.
        n_before = len(sends) if cancel_after is None else cancel_after
        world.cancellation = Happening(cancel_at, -1.0, 2 * n_before)
    world.run(value, trigger or Origin())
    return world.simulation()


@attrs.define(eq=False)
class _World:
    """The store, the clock and the actions of a simulated run, and the loop around it and the runs that are part of it."""

    program: Program
    scripts: dict[str, Script]
    random: Callable[[], float]
    jitter: Callable[[], float]
    now: int
    crash_at: frozenset[int]
    observe: Callable[[RunInstance], None]
    like: Timing | None
    cancels: Callable[[SentEvent, RunInstance], bool]
    timing: Timing = attrs.field(factory=Timing)
    cancellation: Happening | None = None
    progress: RunInstance = attrs.field(init=False)
    store: dict[RunId, list[Record]] = attrs.field(factory=dict)
    started: list[Requested] = attrs.field(factory=list)
    calls: list[Call] = attrs.field(factory=list)
    emitted: list[SentEvent] = attrs.field(factory=list)
    n_points: int = 0
    sends: list[Happening] = attrs.field(factory=list)
    sent: list[SentEvent] = attrs.field(factory=list)
    #: Of these, the events that runs have emitted and that are not delivered yet.
    news: list[SentEvent] = attrs.field(factory=list)
    happenings: list[Happening] = attrs.field(factory=list)
    #: The runs in memory, and the commands that children came from.
    alive: dict[RunId, RunInstance] = attrs.field(factory=dict)
    spawns: dict[RunId, Spawn] = attrs.field(factory=dict)
    n_facts: int = 0
    n_expected: int = 0

    def run(self, value: Mapping[str, object], origin: Origin) -> None:
        while True:
            self.happenings = list(self.sends)
            heapq.heapify(self.happenings)
            self.alive, self.spawns, self.news = {}, {}, []
            self.progress = self.alive[SIMULATED_RUN] = RunInstance(self.program, SIMULATED_RUN)
            if self.cancellation is not None:
                heapq.heappush(self.happenings, self.cancellation)
            try:
                if SIMULATED_RUN in self.store:
                    self._resume(self.progress)
                else:
                    self.progress.begin(value, origin, self.now)
                self._live()
            except Crash:
                self.calls = [self._after_crash(call) for call in self.calls]
                continue
            return

    def _after_crash(self, call: Call) -> Call:
        is_kept = call.fact < len(self.store.get(RunId(call.invocation.run), []))
        return call if is_kept or call.is_lost else attrs.evolve(call, is_lost=True)

    def simulation(self) -> Simulation:
        """How things stand."""
        return Simulation(
            result=result_of(self.progress),
            history=tuple(self.store[SIMULATED_RUN]),
            histories={run: tuple(records) for run, records in self.store.items()},
            started=tuple(self.started),
            calls=tuple(self.calls),
            emitted=tuple(self.emitted),
            n_points=self.n_points,
            progress=self.progress,
            timing=self.timing,
        )

    def _resume(self, progress: RunInstance) -> None:
        hit(Failpoint.RECOVERING)
        progress.restore(self.store[progress.run])
        progress.interrupt(self.now)
        self._catch_up(progress)
        hit(Failpoint.RECOVERING)

    def _catch_up(self, progress: RunInstance) -> None:
        for event in self.sent[: len(self.sent) - len(self.news)]:  # other waits may have waited longer for the new ones
            self._deliver(event, [progress])

    def _live(self) -> None:
        self._commit(self.progress)
        while not self.progress.is_ended:
            self._obey_all()
            for progress in self.alive.values():
                self.observe(progress)
            if not self.progress.is_ended:
                if not self.happenings or self.n_facts > _MAX_FACTS:
                    raise DagflowBug(f"the run of {self.program.flow.name!r} does not end")
                self._happen(heapq.heappop(self.happenings))
        self.observe(self.progress)

    def _commit(self, progress: RunInstance) -> None:
        if progress is not self.progress:  # an event that a child run took is in the history of the root run first, see `kin`
            self._commit(self.progress)
        append = progress.take_append()
        if append is not None:
            self._point(Failpoint.WRITING)
            self.store.setdefault(progress.run, []).extend(append.records)
            self.n_facts += len(append.records)
            self.started += progress.children.take_requested()
            self.emitted += append.events
            kept = [attrs.evolve(each, number=len(self.sent) + n) for n, each in enumerate(append.events, 1)]
            self.sent += kept
            self.news += kept
            self._point(Failpoint.COMMITTED)
            hit(Failpoint.PUBLISHED)

    def _point(self, point: Failpoint) -> None:
        hit(point)
        self.n_points += 1
        if self.n_points - 1 in self.crash_at:
            raise Crash

    def _obey_all(self) -> None:
        """Run until no run has commands left; one run's command may be another run's beginning or end."""
        is_calm = False
        while not is_calm:
            n_before = self.n_facts
            alive = list(self.alive.values())
            for progress in alive:
                self._obey(progress)
            while self.news:
                self._hand_out(self.news.pop(0))
            is_calm = not self._hear_of_ends() and n_before == self.n_facts and len(alive) == len(self.alive)

    def _obey(self, progress: RunInstance) -> None:
        children = progress.children
        while progress.starts or progress.cancels or progress.timers or children.spawns or children.stops:
            while progress.timers:
                timer = progress.timers.pop(0)
                happening = Happening(timer.due, *self._place((progress.run, timer.node, timer.due)), progress, timer)
                heapq.heappush(self.happenings, happening)
            if progress.starts:
                self._start(progress, progress.starts.pop(0))
            elif progress.cancels:  # last, since a call that is cancelled takes its time to end
                self._stop(progress, progress.cancels.pop(0).node)
            self._commit(progress)
            while children.spawns:
                self._spawn(progress, children.spawns.pop(0))
            while children.stops:
                stopped = self.alive.get(children.stops.pop(0))
                if stopped is not None:
                    stopped.cancel(self.now)
                    self._commit(stopped)

    def _spawn(self, parent: RunInstance, spawn: Spawn) -> None:
        child = self.alive[spawn.run] = parent.children.make(spawn)
        self.spawns[spawn.run] = spawn
        if spawn.run not in self.store:
            parent.children.begin(child, spawn, self.now)
            if child.program.waits:
                self._catch_up(child)
        else:
            self._resume(child)
            if spawn.is_undo and child.machine.state.ended is RunStatus.SUCCEEDED:
                child.undo(self.now)
        self._commit(child)
        for changed in parent.children.is_back(spawn, self.now):
            self._commit(self.alive[changed.run])

    def _hear_of_ends(self) -> bool:
        """Tell parents of children that have ended; whether there were any."""
        ended = [progress for progress in self.alive.values() if progress.is_ended and progress.lineage is not None]
        for child in ended:
            del self.alive[child.run]
            parent = self.alive[cast("Lineage", child.lineage).parent.run]
            parent.children.ended(self.spawns.pop(child.run), child, self.now, self.jitter())
            self._commit(parent)
        return bool(ended)

    def _stop(self, progress: RunInstance, node: int) -> None:
        self.happenings = [each for each in self.happenings if each.node != node or each.progress is not progress]
        heapq.heapify(self.happenings)
        progress.cancelled(node, self.now)
        self._commit(progress)

    def _start(self, progress: RunInstance, command: StartAttempt) -> None:
        node = command.node
        invocation = progress.begin_attempt(command, self.now)
        if invocation is None:
            return
        effect = progress.program.codes[node].node.effect
        n_kept = len(self.store.get(progress.run, ()))
        if effect is Effect.EFFECTFUL or (effect is not Effect.PURE and n_kept < progress.n_binding):
            self._commit(progress)
        hit(Failpoint.EFFECT_BEGINS)
        key = (progress.run, node, progress.machine.state.n_failed[node])
        done_at = self.now + self._script(key, invocation).takes_ns
        deadline = command.deadline(self.now)
        is_late = deadline is not None and deadline < done_at
        at = deadline if deadline is not None and is_late else done_at
        if self.like is not None and key in self.like.lengths:
            length, is_late = self.like.lengths[key]
            at = self.now + length
        self.timing.begin(key, self.now, at, is_late)
        happening = Happening(at, *self._place(key), progress, None, node, invocation, is_late)
        heapq.heappush(self.happenings, happening)
        hit(Failpoint.EFFECT)

    def _place(self, key: Key) -> tuple[float, int]:
        """Where something stands among what happens at one instant."""
        self.n_expected += 1
        return self.random() if self.like is None else self.like.tie(key), self.n_expected

    def _script(self, key: Key, invocation: Invocation) -> Script:
        script = self.scripts.get(invocation.node) or self.scripts.get(invocation.action)
        if script is None:
            raise UsageError(
                f"the action {invocation.action!r} has no script; give actions={{{invocation.action!r}: Script(…)}}"
            )
        found = script.of(invocation)
        return found.turns[self.timing.turn(key, id(found), len(found.turns))] if found.turns else found

    def _happen(self, happening: Happening) -> None:
        if happening.send is not None:
            self._send(happening, happening.send)
            return
        if happening.look is not None:
            self.now = max(self.now, happening.at)
            self.sends.remove(happening)
            happening.look(self.simulation())
            return
        progress = happening.progress
        if happening.timer is not None and progress is not None:
            if progress.is_due(happening.timer):
                self.now = max(self.now, happening.at)
                hit(Failpoint.TIMER_DUE)
                self.timing.happened((progress.run, happening.timer.node, happening.timer.due))
                progress.fire(happening.timer, self.now)
                self._commit(progress)
            return
        self.now = max(self.now, happening.at)
        if happening.invocation is None or progress is None:
            self.progress.cancel(self.now)
            self._commit(self.progress)
        else:
            self._answer(progress, happening.node, happening.invocation, is_late=happening.is_late)
            self._commit(progress)

    def _send(self, happening: Happening, send: Send) -> None:
        self.now = max(self.now, happening.at)
        self.sends.remove(happening)
        event_id = send.id or f"sent {happening.number}"
        if any(event.id == event_id for event in self.sent):
            return
        number = len(self.sent) + 1
        event = SentEvent(number=number, id=event_id, name=send.event, at=self.now, payload=orjson.dumps(send.payload))
        self.sent.append(event)
        self._point(Failpoint.EVENT_KEPT)
        self._hand_out(event)

    def _hand_out(self, event: SentEvent) -> None:
        self._deliver(event, alive := list(self.alive.values()))
        for progress in alive:
            self._commit(progress)

    def _deliver(self, event: SentEvent, runs: Sequence[RunInstance]) -> None:
        if self.cancels(event, self.progress):
            self.progress.cancel(self.now)
            self._commit(self.progress)
        else:
            deliver(runs, event, self.now)

    def _answer(self, progress: RunInstance, node: int, invocation: Invocation, *, is_late: bool) -> None:
        key = (progress.run, node, progress.machine.state.n_failed[node])
        script = self._script(key, invocation)
        self.timing.happened(key)
        jitter = self.jitter()
        self.calls.append(Call(invocation=invocation, at=self.now, fact=progress.n_recorded))
        hit(Failpoint.EFFECT_DONE)
        try:
            value = script.outcome(invocation, key[2], is_late=is_late)
        except ActionFailed as failure:
            progress.fail(node, failure, self.now, jitter)
        else:
            progress.succeed(node, value, self.now, jitter)


def _ignore(_progress: RunInstance) -> None:
    pass


def _never(_event: SentEvent, _progress: RunInstance) -> bool:
    return False


def _whole() -> float:
    return 1.0
