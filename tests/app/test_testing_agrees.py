"""Tests in the language and production agree: in the order of what is due at one instant, in pauses, and after a crash."""

from __future__ import annotations

import pytest
import trio

import dagflow
from dagflow.app.interpreter import Interpreter
from dagflow.clock import VirtualClock
from tests.app.host import START, Host
from tests.app.test_testing import holds, outcome, outcomes

EVENTS = """
event "e" { n: int }
flow f() -> list<int> {
  parallel {
    a = wait event "e" as x within 1h
    b = wait event "e" as x within 1h
  }
  c = wait event "e" as x within 1h
  d = wait event "e" as x within 1h
  return [?a.?n, ?b.?n, ?c.?n, ?d.?n]
}
"""
TIMERS = "\n".join(
    ["flow f(n: int) {", "  parallel {"]
    + [
        f'    do {{\n      wait {"1h" if n % 2 else "59m"}\n      wait {"1m" if n % 2 == 0 else "0s"}\n      m{n} = mail(to: "{n}")\n    }}'
        for n in range(6)
    ]
    + ["  }", "}"]
)
PAUSES = """
flow f(n: int) -> int {
  x = flaky(n: n) retry 4 every 30s
  y = flaky(n: n + 100) retry 4 every 1m
  return x + y
}
"""


def lived(flow_text: str, given: object, sends: int = 0, head: str = "") -> tuple[Host, dagflow.RunResult]:
    """How a run goes in production, but for its clock."""

    async def go() -> tuple[Host, dagflow.RunResult]:
        host = Host()
        flow = dagflow.compile(head + flow_text, catalog=host.catalog).unwrap()
        async with Interpreter.open(":memory:", catalog=host.catalog, clock=VirtualClock(START)) as interpreter:
            run = await interpreter.start(flow, given)
            for n in range(sends):
                await interpreter.send("e", {"n": n + 1})
            return host, await run.wait()

    return trio.run(go)


@pytest.mark.parametrize("at", ["0s", "1m"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_what_is_sent_at_one_instant_comes_in_the_order_of_the_text(at: str, count: int) -> None:
    sends = "\n".join(f'at {at} send "e" (n: {n + 1})' for n in range(count))
    _, live = lived(EVENTS, {}, count)
    assert live.output == list(range(1, count + 1))
    holds(f"given ()\n{sends}\nexpect run.output == {live.output}", EVENTS)


def test_timers_of_one_instant_fire_in_the_order_they_were_set() -> None:
    host, _ = lived(TIMERS, {"n": 1})
    order = [call.removeprefix("mail ") for call in host.calls if call.startswith("mail ")]
    assert sorted(order) == list("012345")
    wanted = "[" + ", ".join(f'"{each}"' for each in order) + "]"
    text = f'action mail(to: string) -> string effectful\n{TIMERS}\ntest "t" for f {{\ngiven (n: 1)\nexpect calls("mail").map(m, m.to) == {wanted}\n}}'
    (found,) = [each for each in outcomes(text) if each.test.name == "t"]
    assert found.has_passed, [each.got for each in found.unmet]


def test_a_pause_between_attempts_is_as_long_as_it_says() -> None:
    holds(
        """
        given (n: 1)
        mock x fails "busy" times 3 returns 1
        mock y fails "busy" times 2 returns 2
        expect run.output == 3 && y.at == 90s && run.elapsed == 90s + 2m
        """,
        "action flaky(n: int) -> int idempotent\n" + PAUSES,
    )


class TestCancelling:
    FLOW = """
    event "go" { id: string }
    event "stop" { id: string, n: int }
    event "stop/all" {}
    flow f(id: string) {
      cancel on event "stop" as s when s.id == id && s.n > 1 && run.id != ""
      cancel on event "stop/all"
      x = wait event "go" as g when g.id == run.id within 5d
      y = wait event "stop" as s when s.id == id within 5d
      wait 10d
    }
    """

    def test_cancel_on_cancels_where_its_condition_is_true(self) -> None:
        holds(
            """
            given (id: "1")
            at 1d send "stop" (id: "1", n: 1)
            at 2d send "stop" (id: "2", n: 2)
            at 3d send "stop" (id: "1", n: 2)
            at 4d send "go" (id: run.id)
            expect run.status == "cancelled" && run.elapsed == 3d && !x.ran
            """,
            self.FLOW,
        )

    def test_without_a_condition_every_such_event_cancels(self) -> None:
        holds('given (id: "1")\nat 1d send "stop/all" ()\nexpect run.status == "cancelled" && run.elapsed == 1d', self.FLOW)

    def test_an_event_that_cancels_reaches_no_wait(self) -> None:
        holds(
            """
            given (id: "1")
            at 1d send "go" (id: run.id)
            at 2d send "stop" (id: "1", n: 2)
            expect run.status == "cancelled" && run.elapsed == 2d && x.ran && !y.ran
            """,
            self.FLOW,
        )

    def test_a_run_cancels_itself_by_what_it_emits(self) -> None:
        flow = self.FLOW.replace("wait 10d", 'emit "stop/all" ()\n wait 10d')
        holds('given (id: "1")\nexpect run.status == "cancelled" && run.elapsed == 10d', flow)

    def test_a_condition_without_a_value_is_told(self) -> None:
        found = outcome(
            'given (id: "1")\nat 1d send "stop" (id: "1", n: 0)\nexpect x.ran', self.FLOW.replace("s.n > 1", "1 / s.n > 1")
        )
        assert "cannot be computed" in found.error

    @pytest.mark.parametrize("is_first", [True, False])
    def test_a_cancellation_stands_in_the_order_of_the_text(self, is_first: bool) -> None:
        lines = ['at 1d send "go" (id: run.id)', "at 1d cancel"]
        if is_first:
            lines.reverse()
        expected = "!x.ran" if is_first else "x.ran"
        holds("\n".join(['given (id: "1")', *lines, f'expect run.status == "cancelled" && {expected}']), self.FLOW)


class TestTheRun:
    def test_its_id_can_be_sent(self) -> None:
        flow = """
        event "answer" { to: string, since: timestamp, of: string }
        flow f -> bool {
          asked = crm.find(name: run.id)
          got = wait event "answer" as a when a.to == run.id within 1h
          return got.hasValue() && got.?since == optional.of(run.started_at) && got.?of == optional.of(run.flow)
        }
        """
        holds(
            """
            at 1m send "answer" (to: "another", since: now, of: "f")
            at 2m send "answer" (to: run.id, since: run.started_at, of: run.flow)
            expect run.output && run.elapsed == 2m && calls("crm.find")[0].name == run.id && asked.ran
            """,
            flow,
        )


class TestTurns:
    FLOW = """
    flow f(names: list<string>) -> list<int> {
      ids = for name in names max 10 {
        found = crm.find(name: name) retry 3 every 10s
        yield found.id
      }
      last = crm.find(name: "last") on error { kept = crm.keep(id: 1) }
      return ids
    }
    """
    GIVEN = 'given (names: ["a", "b", "c"])'

    def test_calls_are_answered_in_turn_and_the_last_answer_stays(self) -> None:
        holds(
            f"""
            {self.GIVEN}
            mock crm.find returns {{"id": 1, "names": []}} then returns {{"id": 2, "names": []}} takes 2s then fails "gone" takes 1s
            expect calls("crm.find").map(c, c.at) == [0s, 2s, 3s, 14s] && run.status == "failed"
            """,
            self.FLOW.replace("retry 3", "retry 1"),
        )

    def test_the_first_call_fails_and_the_second_does_not(self) -> None:
        holds(
            f"""
            {self.GIVEN}
            mock crm.find fails "busy" then returns {{"id": 7, "names": []}}
            expect run.output == [7, 7, 7] && calls("crm.find").size() == 5 && run.elapsed == 10s
            """,
            self.FLOW,
        )

    def test_each_answer_has_failures_of_its_own(self) -> None:
        holds(
            f"""
            {self.GIVEN}
            mock crm.find fails "busy" times 2 returns {{"id": 1, "names": []}} then returns {{"id": 2, "names": []}}
              then fails "x" times 1 returns {{"id": 3, "names": []}} then fails "end"
            expect run.output == [1, 2, 3] && kept.ran && calls("crm.find").size() == 7
            """,
            self.FLOW,
        )

    def test_a_step_has_turns_of_its_own(self) -> None:
        holds(
            f"""
            {self.GIVEN}
            mock last fails "gone" then returns {{"id": 0, "names": []}}
            mock crm.find(name: "b") returns {{"id": 4, "names": []}}
            mock crm.find takes 1s then returns {{"id": 5, "names": []}}
            expect run.output == [0, 4, 5] && kept.ran
            """,
            self.FLOW,
        )


class TestCrashes:
    RACE = """
    flow f -> string {
      parallel first 1 {
        do {
          a = crm.find(name: "a")
          b = crm.find(name: "b")
        }
        c = crm.find(name: "c")
      }
      return b.hasValue() ? "b" : "c"
    }
    """

    @pytest.mark.parametrize(
        ("flow", "items"),
        [
            (RACE, 'mock c takes 5s\nmock crm.find takes 3s\nexpect run.output == "c" && !b.ran'),
            (
                """
                flow f -> bool {
                  parallel {
                    found = crm.find(name: "a")
                    crm.keep(id: 1)
                  }
                  let begun = now
                  return begun == run.started_at + 2s
                }
                """,
                "mock crm.find takes 2s\nmock crm.keep takes 1s\nexpect run.output",
            ),
            (
                """
                event "in/time" { n: int }
                flow f -> bool {
                  parallel {
                    crm.keep(id: 1)
                    do {
                      x = crm.find(name: "x")
                      y = wait event "in/time" as e within 1m
                    }
                  }
                  return y.hasValue()
                }
                """,
                'mock crm.keep takes 2s\nmock x takes 3s\nat 64s send "in/time" (n: 1)\nexpect !run.output && !y.ran',
            ),
        ],
        ids=["a race", "what time it is", "an event and a timer"],
    )
    def test_that_something_else_comes_first_is_right(self, flow: str, items: str) -> None:
        found = outcome(items, flow, is_chaotic=True)
        assert found.has_passed, (found.error, found.unmet)
        assert found.n_overtaken > 0

    def test_an_end_that_no_slower_call_explains_is_found(self) -> None:
        """What may have been done is not done again, as asked for; so the run fails after a crash, and only then."""
        flow = "flow f -> int {\n pay = charge(n: 1) on unknown fail\n return pay\n}\naction charge(n: int) -> int effectful"
        found = outcome('mock charge takes 1s returns 3\nexpect run.status == "succeeded"', flow, is_chaotic=True)
        assert found.error.startswith("after a crash at point")
        assert "failed" in found.error
        assert not found.has_passed
        assert [each.after is not None for each in found.unmet] == [True]
