"""`parallel first n` from text to history, and after crashes."""

from __future__ import annotations

import pytest

from dagflow.drivers.simulated.simulator import DEFAULT_START, Script, Simulation, simulate
from dagflow.model.status import NodeStatus, PruneReason, RunStatus
from tests.app.test_constructs import SECOND, flow_of, outputs, play
from tests.drivers.harness import failing
from tests.drivers.test_crash import essence

RACE = """
  parallel first 1 race {
    a = work(n: 10)
    b = work(n: 20)
    do {
      filter n > 5
      c = work(n: 30)
    }
  }
  d = work(n: (a ?? 0) + (b ?? 0) + (c ?? 0))
  e = tell(text: "won") after race
"""


def timed(**seconds: int) -> dict[str, Script]:
    return {
        name: Script(result=lambda invocation: invocation.arguments["n"], takes_ns=takes * SECOND)
        for name, takes in seconds.items()
    }


def statuses(done: Simulation, *names: str) -> list[NodeStatus]:
    return [done.result.node(name).status for name in names]


def test_the_first_one_wins_and_the_others_are_cancelled() -> None:
    done = play(RACE, **timed(a=3, b=2))
    assert statuses(done, "a", "b", "c") == [NodeStatus.CANCELLED, NodeStatus.SUCCEEDED, NodeStatus.PRUNED]
    assert done.result.node("c").reason is PruneReason.GATE
    assert outputs(done)["d"] == 20
    assert outputs(done)["e"] == "won"
    assert done.result.ended_at == DEFAULT_START + 2 * SECOND


def test_what_was_not_begun_is_pruned() -> None:
    done = play("parallel first 1 { a = work(n: 1)\n do { wait 1h\n b = work(n: 2) } }")
    assert done.result.node("b").reason is PruneReason.RACE_LOST
    assert done.result.ended_at == DEFAULT_START


def test_a_branch_that_was_filtered_out_is_not_done() -> None:
    done = play(RACE, {"n": 9}, a=Script(failures=(failing(),)), **timed(b=9, c=2))
    assert done.result.status is RunStatus.FAILED
    done = play(RACE.replace("b = work(n: 20)", "b = work(n: 20) when n > 50"), **timed(a=4))
    assert outputs(done)["d"] == 10


def test_a_branch_whose_own_handler_ran_is_not_done_and_one_with_a_default_is() -> None:
    scripts = {"a": Script(failures=(failing(),)), **timed(b=5)}
    handled = play('parallel first 1 { a = work(n: 1) on error { h = tell(text: "h") }\n b = work(n: 2) }', **scripts)
    assert statuses(handled, "a", "h", "b") == [NodeStatus.FAILED, NodeStatus.SUCCEEDED, NodeStatus.SUCCEEDED]
    default = play("parallel first 1 { a = work(n: 1) default 7\n b = work(n: 2) }", **scripts)
    assert statuses(default, "a", "b") == [NodeStatus.SUCCEEDED, NodeStatus.CANCELLED]


def test_a_race_nobody_wins_is_over_and_what_follows_runs() -> None:
    body = """
      parallel first 2 race { a = work(n: 1)\n do { filter n > 5\n b = work(n: 2) } }
      c = work(n: a ?? 0)
      d = work(n: 4) after race
    """
    done = play(body, **timed(a=3))
    assert (outputs(done)["c"], done.result.node("d").reason) == (1, PruneReason.JOIN)
    assert play(body, {"n": 6}, **timed(a=3)).result.node("d").output == 4


#: Branches beside a step of three seconds; with n = 1 none of their last statements does anything.
IDLE = {
    "a `when`": "do { x = work(n: 1)\n b = work(n: 2) when n > 5 }",
    "a `when` of the only step": "b = work(n: 2) when n > 5",
    "an `if`": "if n > 5 { b = work(n: 2) }",
    "an `if` with an empty `else`": "if n > 5 { b = work(n: 2) } else { }",
    "an `if` at the end": "do { x = work(n: 1)\n if n > 5 { b = work(n: 2) } }",
    "a `when` in the arm that is taken": "if n < 5 { b = work(n: 2) when n > 5 }",
    "a `switch`": "switch n { case 7 { b = work(n: 2) } else { } }",
    "a block": "do { x = work(n: 1)\n do { b = work(n: 2) when n > 5 } }",
    "a block that somebody waits for": """parallel {
        do inner { b = work(n: 2) when n > 5 }
        tell(text: "seldom") after inner when n > 6
      }""",
    "a block with a handler": 'do { do { b = work(n: 2) when n > 5 } on error { tell(text: "no") } }',
    "a race": "do { parallel first 1 { b = work(n: 2) when n > 5\n c = work(n: 3) when n > 5 } }",
    "a filter": "do { filter n > 5\n b = work(n: 2) }",
    "a filter at the end": "do { x = work(n: 1)\n filter n > 5 }",
    "nothing at all": "do { }",
}


@pytest.mark.parametrize("branch", IDLE)
def test_a_branch_whose_last_statement_does_nothing_does_not_win(branch: str) -> None:
    for body in (
        f"parallel first 1 {{ a = work(n: 1)\n {IDLE[branch]} }}",
        f"parallel first 1 {{ {IDLE[branch]}\n a = work(n: 1) }}",
    ):
        assert statuses(play(body, **timed(a=3)), "a") == [NodeStatus.SUCCEEDED]


@pytest.mark.parametrize("branch", [name for name in IDLE if name != "nothing at all"])
def test_the_same_branch_wins_where_it_does_something(branch: str) -> None:
    body = f"parallel first 1 {{ a = work(n: 1)\n {IDLE[branch].replace('> 5', '== 1').replace('case 7', 'case 1')} }}"
    assert statuses(play(body, **timed(a=3)), "a") == [NodeStatus.CANCELLED]


def test_where_all_branches_do_nothing_nobody_wins_and_the_flow_goes_on() -> None:
    body = """
      parallel first 1 race { if n > 5 { b = work(n: 2) }
        c = work(n: 3) when n > 5 }
      d = work(n: 4)
      e = work(n: 5) after race
    """
    assert statuses(play(body), "b", "c", "d", "e") == [NodeStatus.PRUNED] * 2 + [NodeStatus.SUCCEEDED, NodeStatus.PRUNED]


def test_races_in_races_and_with_handlers() -> None:
    body = """
      parallel first 2 outer {
        parallel first 1 { a = work(n: 1)\n b = work(n: 2) }
        parallel first 1 inner { c = work(n: 3)\n d = work(n: 4) } on error as err { t = tell(text: err.step) }
        e = work(n: 5)
      }
      return (a ?? 0) + (b ?? 0) + (c ?? 0) + (d ?? 0) + (e ?? 0)
    """
    assert play(body, **timed(a=1, b=2, c=2, d=1, e=9)).result.output == 5
    done = play(body, d=Script(failures=(failing(),)), **timed(a=1, b=2, c=2, e=9))
    assert (done.result.output, done.result.node("t").output) == (6, "d")


@pytest.mark.parametrize("n", [1, 9])
def test_after_a_crash_anywhere_the_same_one_wins(n: int) -> None:
    flow = flow_of(RACE)
    scripts = timed(a=3, b=2, c=4, d=1) | {"e": Script(result="won")}
    calm = simulate(flow, {"n": n}, actions=scripts)
    for first in range(calm.n_points):
        for second in (None, first + 1, first + 2):
            crash_at = {first} | ({second} if second else set())
            crashed = simulate(flow, {"n": n}, actions=scripts, crash_at=crash_at)
            assert essence(crashed.result) == essence(calm.result), crash_at
