"""`dry-run`, `why` and `eval`: what would happen, why it happened, and what an expression comes to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from tests.cli.support import EVENT, LEAD, Dagflow

Json = dict[str, object]


def data(text: str) -> Json:
    return cast("Json", json.loads(text))


class TestDryRun:
    def test_what_would_run(self, dagflow: Dagflow) -> None:
        said = dagflow("dry-run", "lead_approval.flow", "--input", json.dumps(LEAD))
        assert said.code == 0
        assert "lead_approval would succeed after 2d, with 3 calls" in said.out
        assert '+0s  proposal  email(template: "proposal", to: "ada@example.org", subject: "Your proposal, Ada")' in said.out
        assert "+2d  follow_up  email(" in said.out
        assert "placeholder results used for: email, slack" in said.out

    def test_nothing_is_done(self, folder: object, dagflow: Dagflow) -> None:
        dagflow("dry-run", "lead_approval.flow", "--input", json.dumps(LEAD))
        assert not list(folder.glob("**/*.eml"))  # type: ignore[attr-defined]
        assert not list(folder.glob("*.db"))  # type: ignore[attr-defined]

    @pytest.mark.parametrize("form", [[], ["--json"]])
    def test_a_secret_shows_as_its_name(self, folder: Path, dagflow: Dagflow, form: list[str]) -> None:
        (folder / "s.flow").write_text(
            'flow f {\n  on manual\n  http.request(url: "https://a.example/", token: secrets.crm)\n}\n'
        )
        said = dagflow("dry-run", "s.flow", *form)
        assert said.code == 0, said
        assert "[secret crm]" in said.out

    def test_what_would_not_run_and_why(self, dagflow: Dagflow) -> None:
        lost = {"lead": {**LEAD["lead"], "status": "lost"}}
        said = dagflow("dry-run", "lead_approval.flow", "--event", EVENT, "--input", json.dumps(lost))
        assert said.code == 0
        assert "with 0 calls" in said.out
        assert "proposal, notify, wait 2d, follow_up: `filter lead.status == " in said.out
        assert 'lead.status was "lost"' in said.out

    def test_results_that_are_given(self, dagflow: Dagflow) -> None:
        words = ("dry-run", "order_fulfilment.flow", "--actions", "shop.py", "--input", "@order.json")
        said = dagflow(*words, "--result", 'risk={"score": 0.95}', "--result", 'pay.charge={"id": "ch", "amount": 1.0}')
        assert said.code == 1
        assert "cause: failed: fraud suspected" in said.out
        assert 'undo paid  pay.refund(charge: "ch")' in said.out
        assert "risk.score was 0.95" in said.out
        assert 'hold  stock.reserve(sku: "cup", qty: 2)' in said.out

    def test_as_data(self, dagflow: Dagflow) -> None:
        words = ("dry-run", "import_contacts.flow", "--flow", "import_contacts", "--actions", "shop.py", "--json")
        said = dagflow(
            *words, "--input", '{"file": "x"}', "--result", 'csv.read={"rows": [{"email": "a@b.org"}, {"email": "x"}]}'
        )
        found = data(said.out)
        steps = cast("list[Json]", found["steps"])
        assert [(step["child_run"], step["step"], step["input"]) for step in steps if step["calls"] == "crm.upsert"] == [
            ("rows[0]", "contact", {"email": "a@b.org", "name": ""})
        ]
        assert found["output"] == {"kept": 1, "failed": 0}

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--input", "{}"], "--input does not match"),
            (["--input", json.dumps(LEAD), "--result", "email"], "write NAME=JSON"),
            (["--input", json.dumps(LEAD), "--result", "email={"], "is not valid JSON"),
            (["--input", json.dumps(LEAD), "--result", "pager=3"], "calls no `pager`"),
            (["--input", json.dumps(LEAD), "--result", "email=3"], "does not match"),
            (["--input", json.dumps(LEAD), "--event", "no/such"], "has no trigger"),
        ],
    )
    def test_what_cannot_be(self, dagflow: Dagflow, words: list[str], said: str) -> None:
        found = dagflow("dry-run", "lead_approval.flow", *words)
        assert found.code == 2
        assert said in found.err

    def test_an_event_that_is_not_wanted(self, dagflow: Dagflow, flow: Callable[[str], str]) -> None:
        flow('event "e" { n: int }\nflow f(n: int) { on event "e" as e when e.n > 3 with (n: e.n)\n log(message: "${n}") }')
        said = dagflow("dry-run", "f.flow", "--event", "e", "--input", '{"n": 1}', "--json")
        assert (said.code, said.out) == (0, "null\n")
        assert "ignores this event" in said.err
        wanted = dagflow("dry-run", "f.flow", "--event", "e", "--input", '{"n": 4}')
        assert 'log(message: "4")' in wanted.out

    def test_emitting_failing_and_stopping(self, dagflow: Dagflow, flow: Callable[[str], str]) -> None:
        flow('event "e" { n: int }\nflow f { emit "e" (n: 1)\n wait event "e" as e when e.n > 3 within 1h\n stop "enough" }')
        said = dagflow("dry-run", "f.flow")
        assert 'emit "e"  e(n: 1)' in said.out
        assert "after 1h" in said.out


class TestWhy:
    FLOW = """flow f(n: int, tier: "a" | "b") {
  if big: n > 5 && tier == "a" {
    log(message: "big")
    filter n < 100
    late = note(text: "late")
  }
  switch tier { case "a" { x = note(text: "a") } case "b" { y = note(text: "b") } }
  bad = broken() on error as e { mended = log(message: e.code) }
  w = wait event "e" as e when e.n == n within 1s
  z = note(text: "z") after w
}
event "e" { n: int }
"""

    @pytest.fixture
    def ran(self, dagflow: Dagflow, flow: Callable[[str], str]) -> Dagflow:
        flow(self.FLOW)
        words = ("run", "f.flow", "--actions", "host.py", "--quiet", "--fast-forward")
        assert dagflow(*words, "--input", '{"n": 700, "tier": "a"}').code == 0
        return dagflow

    @pytest.mark.parametrize(
        ("step", "lines"),
        [
            (
                "late",
                [
                    "had the outcome `no`; this step runs only on `yes`",
                    "line 4 (no): filter n < 100",
                    "n was 700",
                    'tier was "a"',
                ],
            ),
            ("y", ["`switch tier` (line 7)", 'tier was "a"']),
            ("x", ["x (succeeded): it ran", "line 7: switch tier"]),
            ("bad", ["failed permanently with shut"]),
            ("mended", ["it ran", "(failure)"]),
            ("w", ["it was waiting and timed out"]),
            ("z", ["not enough of the steps it waits for succeeded: w"]),
            ("big", ["it ran; outcome: yes"]),
        ],
    )
    def test_the_reason(self, ran: Dagflow, step: str, lines: list[str]) -> None:
        said = ran("why", "last", step)
        assert said.code == 0
        for line in lines:
            assert line in said.out

    def test_as_data(self, ran: Dagflow) -> None:
        found = data(ran("why", "last", "late", "--json").out)
        assert found["status"] == "pruned"
        conditions = cast("list[Json]", found["conditions"])
        assert [(each["line"], each["outcome"], each["values"]) for each in conditions] == [
            (2, "yes", {"n": 700, "tier": "a"}),
            (4, "no", {"n": 700}),
        ]

    def test_a_step_there_is_not(self, ran: Dagflow) -> None:
        said = ran("why", "last", "nothing")
        assert said.code == 2
        assert "has no step `nothing`; it has: big" in said.err


class TestEval:
    def test_value_type_and_cost(self, dagflow: Dagflow) -> None:
        said = dagflow(
            "eval", 'lead.score > 50 && lead.tags[0] == "vip"', "--input", '{"lead": {"score": 70, "tags": ["vip"]}}'
        )
        assert said.code == 0
        lines = said.out.splitlines()
        assert lines[:2] == ["true", "type: bool"]
        assert lines[2].startswith("cost: ")
        assert lines[3:] == ["  lead.score is 70", '  lead.tags[0] is "vip"']

    @pytest.mark.parametrize(
        ("expression", "value", "type_"),
        [
            ("1 + 1", 2, "int"),
            ('"${n} of ${m}"', "1 of 2.5", "string"),
            ("when", "2026-01-01T00:00:00Z", "timestamp"),
            ("when + 2d", "2026-01-03T00:00:00Z", "timestamp"),
            ("none ?? 3", 3, "int"),
            ("to", "a@b.org", "Email"),
            ("now > when", True, "bool"),
            ("[n, n]", [1, 1], "list<int>"),
        ],
    )
    def test_as_data(self, dagflow: Dagflow, expression: str, value: object, type_: str) -> None:
        names = '{"n": 1, "m": 2.5, "when": "2026-01-01T00:00:00Z", "none": null, "to": "a@b.org"}'
        found = data(dagflow("eval", expression, "--input", names, "--json").out)
        assert (found["value"], found["type"]) == (value, type_)

    def test_what_is_wrong(self, dagflow: Dagflow) -> None:
        wrong = dagflow("eval", "lead.scor", "--input", '{"lead": {"score": 1}}')
        assert wrong.code == 1
        assert "did you mean `score`?" in wrong.err
        assert dagflow("eval", "1 +").code == 1
        assert dagflow("eval", "1 / 0").code == 1
        assert dagflow("eval", "1", "--input", "[1]").code == 2
