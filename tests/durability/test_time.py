"""Timers fire once, and never early, however many there are and whatever is done to the wall clock (G15, G16)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import cast

import attrs
import pytest
import trio
import trio.testing

from dagflow.app.interpreter import Interpreter
from dagflow.clock import VirtualClock
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.drivers.local.timers import Timers
from dagflow.engine.commands import SetTimer
from dagflow.errors import DagflowError
from dagflow.store.codec.events import from_record
from dagflow.store.failpoints import Failpoint, watch
from dagflow.store.memory import MemoryStore
from tests.app.host import START, Host

SECOND = 1_000_000_000
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
WAITS = """
flow f(a: int, b: int) -> int {
  on manual
  wait duration(string(a) + "s")
  parallel {
    wait duration(string(b) + "s")
    wait 1d
  }
  x = double(n: a)
  wait until timestamp("2026-01-05T00:00:00Z")
  return x
}
"""


async def run_many(n_runs: int) -> tuple[Counter[int], int]:
    """How late timers were, and how many fired."""
    host, dice, late, n_fired = Host(), random.Random(20260106), Counter[int](), 0
    flow = host.flow(WAITS)
    async with Interpreter.open(":memory:", catalog=host.catalog, clock=VirtualClock(START)) as interpreter:
        for _ in range(0, n_runs, 500):
            runs = [await interpreter.start(flow, {"a": dice.randrange(9), "b": dice.randrange(10**5)}) for _ in range(500)]
            for run in runs:
                await run.wait()
                plan = run._live.progress.program.plan
                facts = [from_record(record, plan).event for record in interpreter._store.history(run.id)]
                due = {fact.node: max(fact.due, fact.at) for fact in facts if type(fact).__name__ == "TimerSet"}
                fired = [fact for fact in facts if type(fact).__name__ == "TimerFired"]
                assert sorted(due) == sorted(fact.node for fact in fired), "one that never fired, or one that fired twice"
                late.update(fact.at - due[fact.node] for fact in fired)
                n_fired += len(fired)
    return late, n_fired


@pytest.mark.parametrize("n_runs", [1000, pytest.param(20_000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_timers_are_neither_early_nor_twice(n_runs):
    late, n_fired = trio.run(run_many, n_runs)
    assert min(late) >= 0, "early"
    assert max(late) == 0
    assert n_fired > n_runs * 2


@attrs.define(eq=False)
class Sleeper:
    """What timers know of a run: whether it still waits. One in ten has stopped waiting by the time it would be woken."""

    due: int
    is_waiting: bool = True
    is_asleep: bool = False
    n_timers: int = 0
    broken: DagflowError | None = None
    n_fired: int = 0

    @property
    def progress(self) -> Sleeper:
        return self

    def is_due(self, timer: SetTimer) -> bool:
        return self.is_waiting and timer.due == self.due


@attrs.frozen(eq=False)
class Always:
    """An owner of timers that is calm at any time and has no other runs."""

    fire: Callable[[LoadedRun, SetTimer], None]

    def is_calm(self) -> bool:
        return True

    def next_due(self) -> int | None:
        return None

    def fetch_due(self) -> None: ...

    def clock_was_set(self) -> None: ...


async def fire_all(n_timers: int) -> None:
    dice, clock = random.Random(20260107), VirtualClock(START)
    suspension = [Sleeper(START + dice.randrange(365 * DAY)) for _ in range(n_timers)]
    is_over = trio.Event()
    left = [0]

    def fire(live: LoadedRun, timer: SetTimer) -> None:
        sleeper = cast("Sleeper", live)
        assert clock.now() >= timer.due == sleeper.due, "early"
        assert clock.now() == timer.due, "late"
        sleeper.n_fired += 1
        sleeper.is_waiting = False
        if not dice.randrange(10):
            other = suspension[dice.randrange(n_timers)]
            left[0] -= other.is_waiting
            other.is_waiting = False
            timers.forget(cast("LoadedRun", other))
        left[0] -= 1
        if not left[0]:
            is_over.set()

    timers = Timers(clock, Always(fire))
    for number, sleeper in enumerate(suspension):
        timers.add(cast("LoadedRun", sleeper), SetTimer(number, sleeper.due))
    left[0] = n_timers
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        await is_over.wait()
        nursery.cancel_scope.cancel()
    counts = Counter(sleeper.n_fired for sleeper in suspension)
    assert set(counts) == {0, 1}
    assert not any(sleeper.is_waiting for sleeper in suspension), "one that never fired"
    assert counts[1] > n_timers * 0.8


@pytest.mark.parametrize("n_timers", [10_000, pytest.param(1_000_000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_a_million_timers(n_timers):
    trio.run(fire_all, n_timers)


@attrs.define(eq=False)
class Wall:
    """A wall clock that somebody sets, beside trio's, which nobody can."""

    steady: trio.testing.MockClock = attrs.field(factory=lambda: trio.testing.MockClock(autojump_threshold=0))
    offset: int = 0
    frozen_at: int | None = None

    def now(self) -> int:
        return START + self.offset + round(self.steady.current_time() * 1e9) if self.frozen_at is None else self.frozen_at

    def freeze(self) -> None:
        self.frozen_at = self.now()

    def thaw(self) -> None:
        self.frozen_at = None


class Kept(MemoryStore):
    """Outlives its interpreters."""

    def close(self) -> None:
        """It is the same when it is opened again."""


STEPS = {
    f"{sign}{name}": size * factor
    for sign, factor in (("+", 1), ("-", -1))
    for name, size in (("1s", SECOND), ("1h", HOUR), ("1d", DAY), ("10y", 3652 * DAY))
}
FLOW = 'flow f {\n on manual\n a = mail(to: "1")\n wait 2h\n b = mail(to: "2")\n}'
Then = Callable[[], Awaitable[None]]


@attrs.define(eq=False)
class Scene:
    """One run that waits for two hours, while the clock is set in `state`."""

    step: int | None
    wall: Wall = attrs.field(factory=Wall)
    store: Kept = attrs.field(factory=Kept)
    host: Host = attrs.field(factory=Host)

    def set_clock(self) -> None:
        if self.step is None:
            self.wall.freeze()
        else:
            self.wall.offset += self.step

    def set_right(self) -> None:
        self.wall.thaw()
        self.wall.offset = 0

    def facts(self, kind: str) -> list[tuple[int, bytes | None]]:
        (row,) = self.store.runs()
        return [(record.at, record.payload) for record in self.store.history(row.id) if record.kind == kind]

    def check(self) -> bool:
        """Whether the timer has fired; never before its time, never twice."""
        fired = self.facts("timer_fired")
        assert len(fired) <= 1
        assert len([call for call in self.host.calls if call == "mail 2"]) <= 1
        if not fired:
            assert "mail 2" not in self.host.calls
            return False
        (set_at,) = self.facts("timer_set")
        assert fired[0][0] >= int((set_at[1] or b"").partition(b":")[2].rstrip(b"}"))
        return True

    async def play(self, state: str) -> None:
        flow = self.host.flow(FLOW)
        if state == "idle":
            self.set_clock()
        async with Interpreter.open("", catalog=self.host.catalog, clock=self.wall, store=self.store) as interpreter:
            await interpreter.start(flow)
            await trio.sleep(600)
            if state == "waiting":
                self.set_clock()
            if state != "down":
                await self.see(state)
        if state == "down":
            self.set_clock()
            async with Interpreter.open("", catalog=self.host.catalog, clock=self.wall, store=self.store):
                await self.see(state)

    async def see(self, state: str) -> None:
        await trio.sleep(61)
        (set_at,) = self.facts("timer_set")
        due = set_at[0] + 2 * HOUR
        if state != "claiming":
            assert self.check() == (self.wall.now() >= due)
        await trio.sleep(3 * 3600)
        if self.wall.now() >= due:
            assert self.check()
        self.check()
        # A clock that was set back, or stands, is set right some day.
        self.set_right()
        if self.step is not None and self.step > 0 and state == "idle":
            self.wall.offset = self.step
        await trio.sleep(3 * 3600)
        assert self.check()
        assert self.facts("run_ended")


@pytest.mark.parametrize("state", ["idle", "waiting", "claiming", "down"])
@pytest.mark.parametrize("step", [*STEPS, "frozen"])
def test_nothing_depends_on_a_clock_that_is_set(step, state):
    scene = Scene(STEPS.get(step))
    if state == "claiming":
        watch(lambda point: scene.set_clock() if point is Failpoint.TIMER_DUE else None)
    try:
        trio.run(scene.play, state, clock=scene.wall.steady)
    finally:
        watch(None)


#: What has to come after so many seconds whatever is done to the clock, as the flow and what it is.
LENGTHS = {
    "a wait": ("wait 2s", 2),
    "a wait for an event": ('x = wait event "never" as e within 2s', 2),
    "a pause between attempts": ("x = flaky(times: 1) retry 2 every 2s", 2),
    "a wait in a loop": ("for n in [1, 2] max 2 {\n wait 1s\n }", 2),
    "waits one after the other": ("wait 2s\n wait 1m\n wait 2s", 64),
    "a time limit of the run": ("timeout 4s\n wait 1h", 4),
}


@attrs.define(eq=False)
class Setting:
    """A run that begins before a clock is set, and says after how many seconds it has ended."""

    body: str
    step: int
    #: The clock is set so long after the run has begun.
    after: float
    wall: Wall = attrs.field(factory=Wall)
    host: Host = attrs.field(factory=Host)

    async def play(self) -> float:
        flow = self.host.flow(f'event "never" {{ n: int }}\nflow f {{\n on manual\n {self.body}\n}}')
        async with Interpreter.open("", catalog=self.host.catalog, clock=self.wall, store=Kept()) as interpreter:
            began = trio.current_time()
            run = await interpreter.start(flow)
            await trio.sleep(self.after)
            self.wall.offset += self.step
            with trio.fail_after(10_000):
                await run.wait()
            return trio.current_time() - began


@pytest.mark.parametrize("what", LENGTHS)
@pytest.mark.parametrize("after", [0, 0.5, 1.5])
@pytest.mark.parametrize("step", ["-1s", "-1h", "-10y"])
def test_a_clock_that_is_set_back_delays_no_length_of_time(step: str, after: float, what: str) -> None:
    body, seconds = LENGTHS[what]
    setting = Setting(body, STEPS[step], after)
    # A step of a second is let pass where a run leaves memory.
    late = trio.run(setting.play, clock=setting.wall.steady) - seconds
    assert -0.001 < late < (1.1 if "1m" in body and step == "-1s" else 0.1)


@pytest.mark.parametrize(("step", "seconds"), [("-1s", 5), ("-1h", 3604)])
def test_an_instant_is_by_the_wall_clock(step: str, seconds: int) -> None:
    setting = Setting('wait until timestamp("2026-01-01T00:00:04Z")', STEPS[step], 0.5)
    assert trio.run(setting.play, clock=setting.wall.steady) == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("step", ["+1h", "+1d"])
def test_a_clock_that_is_set_forward_is_believed(step: str) -> None:
    """It may have been a machine that slept, whose steady clock stood still meanwhile."""
    setting = Setting("wait 5s\n wait 5s", STEPS[step], 0.5)
    assert trio.run(setting.play, clock=setting.wall.steady) <= 10


def test_what_fired_early_by_the_wall_clock_is_recorded_when_it_was_due() -> None:
    """No timer has fired before its instant, as the history has it; what follows is not before that either."""
    scene = Scene(STEPS["-1h"])

    async def play() -> None:
        async with Interpreter.open("", catalog=scene.host.catalog, clock=scene.wall, store=scene.store) as interpreter:
            run = await interpreter.start(scene.host.flow(FLOW.replace("2h", "2s")))
            scene.set_clock()
            await run.wait()

    trio.run(play, clock=scene.wall.steady)
    assert scene.check()
    (row,) = scene.store.runs()
    instants = [record.at for record in scene.store.history(row.id)]
    assert instants == sorted(instants)
