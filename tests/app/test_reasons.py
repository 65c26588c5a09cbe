"""Why a step is as it is, in every state a step can be in."""

from __future__ import annotations

import pytest

import dagflow
from dagflow.actions.failures import ActionFailed
from dagflow.app.simulation.dry_run import dry_run
from dagflow.app.why import reason_for, values_in
from dagflow.drivers.simulated.simulator import DEFAULT_START, Script, Simulation, simulate
from dagflow.errors import UsageError
from dagflow.execution.instance import RunInstance

HEAD = """
event "e" { n: int }
action act(n: int = 0) -> int idempotent
action bad() idempotent
action back(n: int) idempotent
"""
SCRIPTS = {"act": Script(result=1), "back": Script(), "bad": Script(failures=(ActionFailed("it broke", "broken"),) * 30)}
SECOND = 10**9


def flow_of(body: str) -> dagflow.Flow:
    return dagflow.compile(f"{HEAD}\nflow f(n: int = 1) {{\n{body}\n}}").unwrap("f")


def because(body: str, step: str, **more: object) -> str:
    simulation = simulate(flow_of(body), {}, actions=SCRIPTS, **more)  # type: ignore[arg-type]
    return reason_for(simulation.progress, step).because


@pytest.mark.parametrize(
    ("body", "step", "said"),
    [
        ("a = act()", "a", "it ran"),
        ("a = act()\n bad() on error as e { b = act(n: 2) }\n c = act(n: 3)", "b", "it ran"),
        ("filter x: n > 3\n a = act()", "x", "it ran; outcome: no"),
        ("filter x: n > 3\n a = act()", "a", "`x` (line 8) had the outcome `no`; this step runs only on `yes`"),
        ("if n > 3 { if big: n > 9 { a = act() } }", "a", "`if n > 3` (line 8) had the outcome `no`; this step runs only on `yes`"),
        ("if n > 3 { if big: n > 9 { a = act() } }", "big", "`if n > 3` (line 8) had the outcome `no`; this step runs only on `yes`"),
        ("a = act()\n b = act(n: 1) on error as e { c = act(n: 2) }", "c", "nothing failed"),
        ("a = act() undo back(n: a)", "a.undo", "nothing failed"),
        ('stop "enough"\n a = act()', "a", 'the run ended before this step: `stop "enough"` on line 8'),
        ("x = bad()\n a = act()", "a", "the run ended before this step: `x` failed with broken"),
        ("x = bad() retry 1 every 1s", "x", "attempt 2 failed permanently with broken: it broke"),
        ("do d { x = bad()\n a = act() } on error as e { act(n: 2) }", "a", "another step of its block failed, and the `on error` took over"),
        ("parallel first 1 {\n a = act()\n do q { wait 1d\n b = act(n: 2) } }", "b", "other branches of its `parallel first` finished first"),
        ('w = wait event "e" as e within 1s\n a = act() after w', "a", "not enough of the steps it waits for succeeded: w"),
        ('w = wait event "e" as e within 1s', "w", "it was waiting and timed out"),
        ('parallel {\n x = bad()\n w = wait event "e" as e within 9d }', "w", "it was stopped before it ended"),
    ],
)  # fmt: skip
def test_at_the_end(body: str, step: str, said: str) -> None:
    assert because(body, step) == said


def test_what_there_was_nothing_of_is_not_undone() -> None:
    assert because("x = bad() undo back(n: 1)\n a = act()", "x.undo") == "there was nothing to undo"


def test_a_cancelled_run() -> None:
    said = because("wait 1d\n a = act()", "a", cancel_at=DEFAULT_START + SECOND)
    assert said == "the run ended before this step"


def test_while_it_goes_on() -> None:
    seen: dict[str, str] = {}

    def look(simulation: Simulation) -> None:
        progress: RunInstance = simulation.progress
        seen.update({step: reason_for(progress, step).because for step in ("w", "t", "a", "slow")})

    flow = flow_of('parallel {\n w = wait event "e" as e within 9d\n t = wait 2d\n slow = act(n: 9) }\n a = act()')
    scripts = {"act": Script(result=1, takes_ns=60 * SECOND)}
    simulate(flow, {}, actions=scripts, looks={DEFAULT_START + SECOND: look})
    assert seen == {
        "w": 'it is waiting for the event "e"',
        "t": "it is waiting for its timer",
        "a": "it runs after w, t, slow",
        "slow": "it is running",
    }


def test_a_step_there_is_not() -> None:
    simulation = simulate(flow_of("a = act()"), {}, actions=SCRIPTS)
    with pytest.raises(UsageError, match="has no step `b`; it has: a"):
        reason_for(simulation.progress, "b")


def test_values_of_parts() -> None:
    names = {"a": {"b": 1, "c": None}, "l": [1, 2]}
    assert values_in("a.b > 3 && !(a.x == 2) && l.exists(i, i > a.b) ? true : 1 / (a.b - 1) > 0", names) == {
        "a.b": 1,
        "l": [1, 2],
    }
    assert values_in("size(l) == 2 || l[5] == 1", names) == {"l": [1, 2]}


def test_a_result_for_what_gives_nothing() -> None:
    compilation = dagflow.compile(f"{HEAD}\nflow f {{ bad() }}")
    with pytest.raises(UsageError, match="has no result"):
        dry_run(compilation.unwrap(), compilation.interface, {}, results={"bad": 1}, start=DEFAULT_START)
