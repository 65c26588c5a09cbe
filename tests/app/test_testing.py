"""Tests in the language: what they see, what mocks do, what a failure says, and what a crash must not change."""

from __future__ import annotations

import pytest

import dagflow
from dagflow.app.simulation.coverage import Coverage
from dagflow.app.simulation.test_runner import run_test
from dagflow.app.simulation.test_stage import TestOutcome
from dagflow.execution.program import prepare

HEAD = """
type Lead { name: string, email: Email, vip: bool = false }
event "crm/lead.won" { name: string }
event "crm/lead.lost" { name: string, why: string = "unknown" }
action crm.find(name: string, limit: int = 3) -> {id: int, names: list<string>, owner: Email?} pure
action crm.keep(id: int) idempotent
action crm.forget(id: int) idempotent
"""

FLOW = """
flow f(lead: Lead) -> {id: int}? {
  filter wanted: lead.name != "nobody"
  found = crm.find(name: lead.name) retry 2 every 10s timeout 1m
  kept = crm.keep(id: found.id) undo crm.forget(id: found.id)
  emit "crm/lead.won" (name: lead.name)
  won = wait event "crm/lead.lost" as l when l.name == lead.name within 2d else { stop "nobody lost it" }
  return {"id": found.id}
}
"""

GIVEN = 'given (lead: {"name": "Ada", "email": "ada@example.org"})'


def outcomes(text: str, *, is_chaotic: bool = False) -> list[TestOutcome]:
    compilation = dagflow.compile(HEAD + text, filename="f.flow")
    assert not compilation.has_errors, compilation.render()
    return [
        run_test(each, prepare(compilation.flows[each.flow]), compilation.interface, is_chaotic=is_chaotic)
        for each in compilation.tests
    ]


def outcome(items: str, flow: str = FLOW, *, is_chaotic: bool = False) -> TestOutcome:
    (found,) = outcomes(f'{flow}\ntest "t" for f {{\n{items}\n}}\n', is_chaotic=is_chaotic)
    return found


def holds(items: str, flow: str = FLOW) -> None:
    found = outcome(items, flow, is_chaotic=True)
    assert found.has_passed, (found.error, [(each.expectation.condition.text, each.got, each.error) for each in found.unmet])
    assert found.n_crashes > 1


class TestWhatIsSeen:
    def test_a_run_that_ends_by_itself(self) -> None:
        holds(f"""
          {GIVEN}
          expect run.status == "succeeded" && run.reason == "nobody lost it" && run.elapsed == 2d && !run.returned
          expect won.cancelled && !won.ran && won.at == 0s
          expect found.ran && !found.failed && !found.pruned && !found.cancelled && found.attempts == 1
          expect found.input.name == "Ada" && found.output.id == 0 && found.output.names == [] && !found.output.owner.hasValue()
          expect wanted.ran && wanted.output
          expect emitted("crm/lead.won") == emitted("crm/lead.won") && emitted("crm/lead.won")[0].name == "Ada"
          expect emitted("crm/lead.lost").size() == 0
          expect calls("crm.keep").size() == 1 && calls("crm.keep")[0].id == 0 && calls("crm.keep")[0].at == 0s
        """)

    def test_an_event_is_sent_and_fills_in_its_defaults(self) -> None:
        holds(f"""
          {GIVEN}
          at 1h send "crm/lead.lost" (name: "another")
          at 1d send "crm/lead.lost" (name: "Ada")
          at 12h expect run.status == "sleeping" && !won.ran && !won.cancelled && run.elapsed == 12h
          at 1d expect won.ran
          at 9d expect run.status == "succeeded"
          expect won.output.why == "unknown" && run.output.id == 0 && run.elapsed == 1d
        """)

    def test_a_condition_that_says_no(self) -> None:
        holds("""
          given (lead: {"name": "nobody", "email": "n@example.org"})
          expect !wanted.output && wanted.ran && found.pruned && kept.pruned && won.pruned && found.attempts == 0
          expect calls("crm.find") == [] && !run.returned
        """)

    def test_cancelling_undoes(self) -> None:
        holds(f"""
          {GIVEN}
          mock crm.find returns {{"id": 7, "names": []}}
          at 1d cancel
          expect run.status == "cancelled" && calls("crm.forget").map(call, call.id) == [7] && run.elapsed == 1d
        """)

    def test_loops_calls_and_runs_of_their_own(self) -> None:
        flow = (
            """
        flow f(names: list<string>) -> int {
          rows = for name in names max 9 collect errors {
            filter name != "skip"
            found = crm.find(name: name)
            for other in found.output max 3 { kept = crm.keep(id: other) }
            yield found.id
          }
          size = g(n: size(rows.ok))
          later = start g(n: 1)
          return size
        } flow g(n: int) -> int { kept_one = crm.keep(id: n) return n }
        """.replace("found.output", "[found.id, found.id + 1]")
            .replace("} flow", "}\nflow")
            .replace(") return", ")\n return")
        )
        holds(
            """
            given (names: ["a", "skip", "bad"])
            mock crm.find(name: "bad") fails "gone"
            mock found returns {"id": 5, "names": [name]}
            expect found.map(each, each.ran) == [true, false, false] && found[1].pruned && found[2].failed
            expect found[2].failure.code == "gone" && found[2].input.name == "bad"
            expect kept[0].map(each, each.input.id) == [5, 6] && kept[1] == []
            expect calls("crm.keep").map(call, call.id) == [5, 6, 1] && run.output == 1
            expect size.input.n == 1 && later.output.run_id != "" && later.input.n == 1 && rows.output.failed[0].error.code == "gone"
            """,
            flow,
        )


class TestMocks:
    def test_failures_come_first(self) -> None:
        holds(f"""
          {GIVEN}
          mock crm.find takes 2s returns {{"id": size(name) + limit, "names": [name]}} fails "busy" times 1 fails "away" times 1
          expect found.attempts == 3 && found.output.id == 6 && kept.at == 26s
          expect calls("crm.find").map(call, call.at) == [2s, 14s, 26s]
        """)

    def test_a_step_that_fails_for_good(self) -> None:
        holds(f"""
          {GIVEN}
          mock found fails "gone"
          expect run.status == "failed" && run.failure.code == "gone" && run.failure.step == "found" && found.failed
          expect found.failure.message == "found fails in this test" && kept.pruned && found.attempts == 3
        """)

    def test_a_call_that_takes_too_long(self) -> None:
        holds(f"""
          {GIVEN}
          mock crm.find takes 2m
          expect found.failure.code == "timeout" && run.elapsed == 3m + 20s
        """)

    def test_the_first_that_fits_counts(self) -> None:
        holds(f"""
          {GIVEN}
          mock crm.find(name: "Bob") returns {{"id": 1, "names": []}}
          mock crm.find(name: "A" + "da") returns {{"id": 2, "names": []}}
          mock crm.find returns {{"id": 3, "names": []}}
          expect found.output.id == 2
        """)

    def test_a_value_that_cannot_be_computed_is_told(self) -> None:
        found = outcome(f'{GIVEN}\nmock crm.find returns {{"id": 1 / (limit - 3), "names": []}}\nexpect found.ran')
        assert found.result is not None
        assert found.result.failures[0].code == "bad_mock"

    def test_made_up_values_are_of_their_type(self) -> None:
        flow = """
        action every.thing() -> {a: bool, b: int, c: uint, d: double, e: string, f: bytes, g: timestamp, h: duration, i: json,
          j: list<int>, k: map<string, int>, l: "x" | "y", m: Email, n: Url, o: int?, p: {q: string}} pure
        flow f { it = every.thing() }
        """
        holds(
            """
            expect !it.output.a && it.output.b == 0 && it.output.c == 0u && it.output.d == 0.0 && it.output.e == "every.thing.e"
            expect it.output.f == b"" && it.output.h == 0s && it.output.j == [] && it.output.l == "x" && size(it.output.k) == 0
            expect it.output.m == "somebody@example.org" && it.output.n == "https://example.org/" && it.output.p.q == "every.thing.p.q"
            """,
            flow,
        )


class TestFailures:
    def test_what_was_expected_and_what_came(self) -> None:
        found = outcome(f'{GIVEN}\nexpect found.output.id == 7 || calls("crm.keep").size() > 1\nexpect found.ran')
        (unmet,) = found.unmet
        assert unmet.expectation.condition.text == 'found.output.id == 7 || calls("crm.keep").size() > 1'
        assert unmet.got == {
            "found.output.id": 0,
            'calls("crm.keep").size()': 1,
            'calls("crm.keep")': unmet.got['calls("crm.keep")'],
        }

    @pytest.mark.parametrize(
        ("expectation", "why"),
        [
            ("kept.input.id == 1", "`kept` is pruned"),
            ("run.output.id == 1", "the run is succeeded"),
            ('found.failure.code == "x"', "`found` is pruned"),
            ("1 / kept.attempts == 1", "zero"),
        ],
    )
    def test_what_is_not_there_is_told(self, expectation: str, why: str) -> None:
        found = outcome(f'given (lead: {{"name": "nobody", "email": "n@example.org"}})\nexpect {expectation}')
        assert why in found.unmet[0].error

    def test_a_moment_in_between(self) -> None:
        found = outcome(f"{GIVEN}\nat 1d expect won.cancelled\nat 3d expect won.cancelled")
        assert [each.expectation.at_ns for each in found.unmet] == [86_400 * 10**9]

    def test_what_is_given_has_to_be_a_value(self) -> None:
        broken = outcome(
            'given (to: Email("nobody" + "here"))\nexpect run.returned', "flow f(to: Email) { crm.keep(id: size(to)) }"
        )
        assert "cannot be computed" in broken.error
        assert not broken.has_passed
        assert broken.result is None

    def test_a_condition_in_a_condition(self) -> None:
        found = outcome(f"{GIVEN}\nexpect found.ran ? !(kept.attempts == 1) : wanted.output")
        assert found.unmet[0].got == {"found.ran": True}

    def test_a_value_that_only_the_run_finds_wrong(self) -> None:
        found = outcome(
            'given (n: 1, extra: {"a": 1})\nexpect run.returned',
            "flow f(n: int, extra: json) { crm.keep(id: n / 0 + extra.a) }",
        )
        assert found.result is not None
        assert found.result.failures[0].code == "divide_by_zero"

    def test_an_end_that_depends_on_how_long_it_takes(self) -> None:
        flow = """
        flow f -> bool {
          found = crm.find(name: "a")
          let begun = now
          return begun == run.started_at + 2s
        }
        """
        items = "mock crm.find takes 2s\nexpect run.output && run.elapsed == 2s"
        assert outcome(items, flow).has_passed


def test_a_wait_of_two_days_takes_no_time() -> None:
    (found,) = outcomes('flow f { wait 2d }\ntest "t" for f { expect run.elapsed == 2d }')
    assert found.has_passed


class TestCoverage:
    FLOW = (
        """
    flow f(n: int) {
      if big: n > 5 {
        a = crm.keep(id: n) default null
      } else {
        b = crm.find(name: "x") default {"id": 1, "names": []}
      }
      do both { c = crm.keep(id: 1) } on error as e { d = crm.forget(id: 1) }
      w = wait event "crm/lead.won" as e when e.name == "x" within 1d
      for i in [1, 2] max 3 { filter i > 1 e = crm.keep(id: i) }
      g(n: n)
    } flow g(n: int) { filter n > 0 }
    """.replace(" default null", "")
        .replace("} flow", "}\nflow")
        .replace("i > 1 e", "i > 1\n e")
    )

    def missing(self, *tests: str) -> set[str]:
        blocks = "\n".join(f'test "{n}" for f {{ {text} }}' for n, text in enumerate(tests))
        compilation = dagflow.compile(HEAD + self.FLOW + "\n" + blocks)
        assert not compilation.has_errors, compilation.render()
        coverage = Coverage.of(compilation.flows.values())
        for each in compilation.tests:
            found = run_test(each, prepare(compilation.flows[each.flow]), compilation.interface)
            assert found.simulation is not None
            coverage.note(found.simulation)
        return {f"{goal.node.partition('.')[0]} {goal.aspect}" for goal in coverage.missing}

    def test_nothing_is_seen_without_tests(self) -> None:
        assert {
            "big no",
            "big yes",
            "a ran",
            "b default",
            "both failure",
            "w in time",
            "w timed out",
            "e ran",
        } <= self.missing()

    def test_all_of_it(self) -> None:
        small = 'given (n: 0)\n mock b fails "x"\n mock c fails "y"\n expect d.ran'
        assert self.missing(small) == {"big yes", "a ran", "w in time", "filter yes"}
        big = 'given (n: 9)\n at 1h send "crm/lead.won" (name: "x")\n expect a.ran'
        assert self.missing(small, big) == set()
