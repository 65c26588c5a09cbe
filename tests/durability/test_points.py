"""A crash at any named point, simulated and real, changes nothing (G1 to G5); and every point is really hit."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagflow.drivers.simulated.simulator import Script, Send, Simulation, simulate
from dagflow.execution.program import Program
from dagflow.model.flow import Flow
from dagflow.store import failpoints
from dagflow.store.failpoints import Crash, Failpoint, watch
from dagflow.store.sqlite import connection
from tests.app.kill_harness import catalog_for, check, kill_one
from tests.drivers.test_crash import check as check_invariants
from tests.drivers.test_crash import check_ledger, essence, is_a_line, never_fails, scripts
from tests.engine.flows import SECOND, action, flow_of, flows, program_of, wait
from tests.engine.test_reference import sends
from tests.postgres_server import Server

#: A file has points of its own, which the simulator has none of.
IN_MEMORY = set(Failpoint) - {Failpoint.COMMITTING, Failpoint.CHECKPOINTING, Failpoint.MIGRATING}
#: Passed a few times in the life of a process.
RARE = {Failpoint.MIGRATING, Failpoint.RECOVERING, Failpoint.TIMER_DUE, Failpoint.CHECKPOINTING}
#: How often each was the place of a crash; one that never was makes the last test fail.
sometimes: Counter[Failpoint] = Counter()


@attrs.define(eq=False)
class Crasher:
    """Crashes when so many points have been passed; `seen` are those passed."""

    at: frozenset[int] = frozenset()
    seen: list[Failpoint] = attrs.field(factory=list)

    def __call__(self, point: Failpoint) -> None:
        self.seen.append(point)
        if len(self.seen) - 1 in self.at:
            sometimes[point] += 1
            raise Crash


@contextmanager
def watched(crasher: Crasher) -> Iterator[Crasher]:
    watch(crasher)
    try:
        yield crasher
    finally:
        watch(None)


def run(program: Program, made: dict[str, Script], at: frozenset[int], sent: tuple[Send, ...] = ()) -> tuple[Simulation, int]:
    with watched(Crasher(at)) as crasher:
        return simulate(program, actions=made, observe=check_invariants, sends=sent), len(crasher.seen)


def check_everywhere(flow: Flow, made: dict[str, Script], *, with_pairs: bool) -> None:
    program = program_of(flow)
    calm, n_points = run(program, made, frozenset())
    crashes = [frozenset({point}) for point in range(n_points)]
    if with_pairs:
        # The second may fall into the recovery from the first.
        crashes += [frozenset({one, two}) for one in range(n_points) for two in range(one + 1, n_points + 3)]
    for at in crashes:
        crashed, _ = run(program, made, at)
        assert essence(crashed.result) == essence(calm.result), at
        check_ledger(program, crashed)


quick = settings(max_examples=15, deadline=None)
thorough = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def many(test: Callable[[], None]) -> Callable[[], None]:
    """Not for every day."""
    return pytest.mark.slow(pytest.mark.long(pytest.mark.timeout(900)(test)))


def _lines(data: st.DataObject) -> None:
    flow = data.draw(flows(10, is_timed=False, is_forked=False, with_now=False).filter(is_a_line))
    check_everywhere(flow, data.draw(scripts(flow, fails=True)), with_pairs=False)


def _forks(data: st.DataObject) -> None:
    flow = data.draw(flows(10, is_timed=False, with_now=False).filter(never_fails))
    check_everywhere(flow, data.draw(scripts(flow, fails=False)), with_pairs=False)


def _pairs(data: st.DataObject) -> None:
    flow = data.draw(flows(8, is_timed=False, is_forked=False, with_now=False).filter(is_a_line))
    check_everywhere(flow, data.draw(scripts(flow, fails=True)), with_pairs=True)


test_crashes_at_every_point_of_lines = quick(given(st.data())(_lines))
test_crashes_at_every_point_of_forks = quick(given(st.data())(_forks))
test_crashes_at_all_pairs_of_points = settings(max_examples=4, deadline=None)(given(st.data())(_pairs))
test_crashes_at_every_point_of_a_hundred_lines = many(thorough(given(st.data())(_lines)))
test_crashes_at_every_point_of_a_hundred_forks = many(thorough(given(st.data())(_forks)))
test_crashes_at_all_pairs_in_many_flows = many(settings(thorough, max_examples=40)(given(st.data())(_pairs)))


@quick
@given(st.data())
def test_timed_flows_with_events_keep_their_promises(data: st.DataObject) -> None:
    flow = data.draw(flows(10))
    program, made = program_of(flow), data.draw(scripts(flow, fails=True))
    at = frozenset(data.draw(st.sets(st.integers(0, 120), max_size=4)))
    crashed, _ = run(program, made, at, data.draw(sends()))
    assert crashed.result.status.is_terminal
    check_ledger(program, crashed)


def test_every_point_of_the_simulator_is_hit() -> None:
    flow = flow_of(action("a"), wait("w", SECOND), action("b"), edges=[("a", "w"), ("w", "b")])
    program, made = program_of(flow), {"a": Script(result=1), "b": Script(result=2)}
    sent = (Send(at=1_767_225_600_000_000_000, event="x"),)
    _, n_points = run(program, made, frozenset(), sent)
    before = Counter(sometimes)
    for one in range(n_points):
        for two in (one + 1, one + 2):
            crashed, _ = run(program, made, frozenset({one, two}), sent)
            check_ledger(program, crashed)
    assert {point for point, n in sometimes.items() if n > before[point]} == IN_MEMORY


def killer(point: Failpoint, occurrence: int, hits: Path) -> Callable[[], None]:
    """Makes the process kill itself when it comes to the point for the nth time, and write down that it did."""
    count = [0]

    def see(hit: Failpoint) -> None:
        if hit is point:
            count[0] += 1
            if count[0] == occurrence:
                with hits.open("a") as file:
                    file.write(point + "\n")
                os.kill(os.getpid(), signal.SIGKILL)

    def begin() -> None:
        connection.CHECKPOINT_PAGES = 8  # type: ignore[misc]  # so that its log is moved often enough to be caught at it
        watch(see)

    return begin


def kill_at_points(folder: Path, n_kills: int, seed: int, points: Collection[Failpoint] = Failpoint) -> Counter[str]:
    dice, hits = random.Random(seed), folder / "hits"
    hits.touch()
    catalog = catalog_for(folder / "ledger")
    todo = [Failpoint.MIGRATING, *(point for point in Failpoint if point in points and point is not Failpoint.MIGRATING)]
    n_killed = n_tries = 0
    while n_killed < n_kills:
        point = todo[n_tries % len(todo)]
        n_tries += 1
        if point is Failpoint.MIGRATING and n_tries > 1:
            continue
        # A new store has as many migrations as the schema has steps, which is one.
        choices = (1,) if point is Failpoint.MIGRATING else (1, 1, 2, 2) if point in RARE else (1, 2, 3, 5, 8, 20)
        occurrence = dice.choice(choices)
        n_killed += kill_one(folder, catalog, 30, before=killer(point, occurrence, hits))
    while kill_one(folder, catalog, 30, is_patient=True):
        pass
    check(folder)
    return Counter(hits.read_text().split())


@pytest.mark.early
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize(
    "n_kills", [60, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)])]
)
def test_real_kills_at_every_point(tmp_path, n_kills):
    hits = kill_at_points(tmp_path, n_kills, seed=20260105)
    never = [point for point in Failpoint if not hits[point]]
    assert not never, f"{never} were never hit: {hits}"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_real_kills_at_every_point_on_postgres(tmp_path: Path, postgres: Server) -> None:
    (tmp_path / "url").write_text(postgres.url())
    # The server moves its log by itself.
    points = set(Failpoint) - {Failpoint.CHECKPOINTING}
    hits = kill_at_points(tmp_path, 200, 20260105, points)
    never = [point for point in points if not hits[point]]
    assert not never, f"{never} were never hit: {hits}"


def test_points_cost_nothing_when_nobody_watches():
    assert failpoints.watchers == []
