"""Loops, called flows and undo as they are written, from text to history, in virtual time."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dagflow.actions.failures import Invocation
from dagflow.drivers.simulated.simulator import Script, Simulation, simulate
from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface
from dagflow.model.status import NodeStatus, RunStatus
from tests.drivers.harness import failing

DECLARATIONS = """
event "made" { n: int, who: string = "me" }
action work(n: int) -> int idempotent
action back(n: int, why: string = "") idempotent
action tell(text: string)
"""


def play(text: str, given: Mapping[str, object] | None = None, **scripts: Script) -> Simulation:
    """The run of the flow `f` of a file."""
    compilation = compile_text(DECLARATIONS + text, Interface(), filename="f.flow", sources={"lib.flow": LIBRARY})
    assert not compilation.has_errors, compilation.render()

    def work(invocation: Invocation) -> object:
        return invocation.arguments["n"]

    def nothing(_: Invocation) -> object:
        return None

    return simulate(compilation.unwrap("f"), given or {}, actions={"work": work, "back": nothing, "tell": nothing} | scripts)


LIBRARY = """
action work(n: int) -> int idempotent
action back(n: int, why: string = "") idempotent
flow careful(n: int) -> int {
  done = work(n: n) undo back(n: done, why: "careful")
  return done
}
"""


class Ledger:
    """Notes what was undone, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, invocation: Invocation) -> object:
        self.lines.append(f"{invocation.arguments['why']}{invocation.arguments['n']}")


def test_items_see_what_is_around_the_loop() -> None:
    done = play(
        """
flow f(xs: list<int>) -> list<string> {
  do {
    fail "a reason"
  } on error as e {
    let base = 10
    rows = for x, i in xs max 5 parallel 2 {
      filter x != 2
      sums = for y in xs max 5 { yield x + y + base }
      yield "${i} ${x} ${size(sums)} ${sums[0]} ${e.message}"
    }
  }
  return rows
}
""",
        {"xs": [1, 2, 3]},
    )
    assert done.result.output == ["0 1 3 12 a reason", "2 3 3 14 a reason"]


def test_collected_errors_have_keys() -> None:
    done = play(
        """
flow f(xs: list<int>) -> {ok: int, failed: list<{key: string, error: {step: string, code: string, message: string, attempt: int}}>} {
  rows = for x in xs max 5 key "k${x}" collect errors {
    if x > 1 { fail "x is ${x}" } else { yield x }
  }
  return {"ok": size(rows.ok), "failed": rows.failed}
}
""",
        {"xs": [1, 2, 1 + 2]},
    )
    assert done.result.status is RunStatus.SUCCEEDED
    output = done.result.output
    assert isinstance(output, dict)
    assert output["ok"] == 1
    assert [(each["key"], each["error"]["message"]) for each in output["failed"]] == [("k2", "x is 2"), ("k3", "x is 3")]


def test_a_loop_without_yield_reads_as_its_failures() -> None:
    done = play(
        """
flow f(xs: list<int>) -> int {
  rows = for x in xs max 5 collect errors { filter x > 1
    fail "no" }
  return size(rows.failed)
}
""",
        {"xs": [1, 2, 3]},
    )
    assert done.result.output == 2


@pytest.mark.parametrize(("xs", "ended"), [([1, 2, 3], "failed"), ([1, 2], "succeeded")])
def test_more_items_than_may_be(xs: list[int], ended: str) -> None:
    done = play("flow f(xs: list<int>) {\n for x in xs max 2 { work(n: x) }\n}", {"xs": xs})
    assert done.result.status.value == ended


def test_a_flow_whose_input_comes_from_a_trigger_is_called_by_the_name_it_has_there() -> None:
    done = play(
        """
flow f(n: int) -> string {
  r = of_event(made: {"n": n})
  return r
}
flow of_event -> string {
  on event "made" as made
  return "${made.n} ${made.who}"
}
""",
        {"n": 3},
    )
    assert done.result.output == "3 me"


def test_imported_flows_are_undone_with_what_calls_them() -> None:
    ledger = Ledger()
    done = play(
        """
import "./lib.flow" as lib
flow f(xs: list<int>) {
  first = work(n: 100) undo back(n: first, why: "first")
  for x in xs max 5 {
    a = lib.careful(n: x)
    b = work(n: a * 10) undo back(n: b, why: "item")
  }
  last = lib.careful(n: 7)
  fail "after all"
} on error { tell(text: "sorry") }
""",
        {"xs": [1, 2]},
        back=ledger,
    )
    assert done.result.status is RunStatus.FAILED
    assert ledger.lines == ["careful7", "item20", "careful2", "item10", "careful1", "first100"]


def test_a_step_that_took_its_default_is_not_undone() -> None:
    ledger = Ledger()

    def work(invocation: Invocation) -> object:
        if invocation.node == "a":
            raise failing(fatal=True)
        return invocation.arguments["n"]

    play(
        """
flow f {
  on manual
  a = work(n: 1) default 5 undo back(n: a, why: "a")
  b = work(n: a) undo back(n: b, why: "b")
  fail "x"
}
""",
        work=work,
        back=ledger,
    )
    assert ledger.lines == ["b5"]


def test_a_loop_may_win_a_race() -> None:
    done = play(
        """
flow f(xs: list<int>) -> list<int>? {
  parallel first 1 {
    rows = for x in xs max 5 { wait 1s
      yield x }
    wait 1h
    do { for x in xs max 5 { wait 1d } }
  }
  return rows
}
""",
        {"xs": [1, 2]},
    )
    assert done.result.output == [1, 2]
    assert done.result.ended_at - done.result.started_at == 2_000_000_000
    statuses = {node.id: node.status for node in done.result.nodes}
    assert [status for node, status in statuses.items() if node.startswith("for.")] == [NodeStatus.CANCELLED]
