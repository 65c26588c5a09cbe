"""Nothing but diagnostics, whatever the input; see `tests/lang/fuzz`. What was found once is kept here."""

from __future__ import annotations

import os

import pytest

from dagflow import diagnostic
from dagflow.lang.syntax import parser
from dagflow.lang.syntax.recovery.context import Context, Repair, Skip
from tests.lang.fuzz.__main__ import run_in_processes
from tests.lang.fuzz.deriving import ENDLESS, grammar
from tests.lang.fuzz.inputs import Input, make_input
from tests.lang.fuzz.measuring import run
from tests.lang.fuzz.subject import exercise

#: Each was a fault: an exception, a fix outside of the text, mendings without end.
FOUND = [
    Input("flow", 'flow f(lead: Lead) {\n ait event "crm/lead.changed" as e when d\n}\n'),
    Input(
        "flow",
        'flow f(order: Order) {\n switch order.extra {\n case true { stop }\n case 1< { a = log(message: "x") }\n }\n}\n',
    ),
    Input("flow", "{&"),
    Input("flow", 'flow f(lead: Lead) {\n  a = wait event "\n hin 1d\n}\n'),
    Input("flow", 'flow f(order: Order) {\n  star log(message: "x")\n}\n'),
    Input("flow", "flow f { let x = (a &"),
    Input("flow", "type D { x: json = int }\nflow f { stop }\n"),
    Input("flow", "flow f(x: json = string) { stop }\n"),
    Input("flow", 'flow f {\n  on cron "0 9 31 FEB-APR/2,FEB *"\n  on cron "0 9 31 FEB *"\n  on cron "0 9 * * FRI-'),
    Input("flow", "flow f(order: Order) {\n  a = pay.charge(order_id: order.id, amount: 1.0) whe whe) whe"),
    Input("flow", 'flow f(lead: Lead) {\n  log(message: "a") timeout 3s timeo'),
]
#: Readings that undid each other's mendings: thousands of rounds for a dozen tokens.
CIRCLES = [
    'imeout = log(message: "x")\n}\n',
    "flow= f(lead",
    "type  = list(>\n",
    'floa = log(message: "x")\n  retry = log(message: "y")\n',
]


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.text[:20])
def test_found_once(found: Input) -> None:
    exercise(found)


@pytest.mark.parametrize("text", CIRCLES)
def test_mending_comes_to_an_end(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    n_explained = 0

    def counting(context: Context) -> Repair | Skip:
        nonlocal n_explained
        n_explained += 1
        return explain(context)

    explain = parser.explain
    monkeypatch.setattr(parser, "explain", counting)
    exercise(Input("flow", text))
    assert n_explained <= 40  # of the text, and of the text with its fixes applied


def test_suggestions_cost_little_whatever_the_names_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A schedule in an unknown zone was compared with six hundred names, letter by letter."""
    n_compared = 0

    def counting(left: str, right: str, limit: int) -> int:
        nonlocal n_compared
        n_compared += 1
        return aligned(left, right, limit)

    aligned = diagnostic._aligned
    monkeypatch.setattr(diagnostic, "_aligned", counting)
    assert diagnostic.nearest("b" + "x" * 10 + "b", [f"a{'x' * 10}{i:03}" for i in range(1_000)]) is not None
    assert n_compared <= 40
    assert diagnostic.nearest("x" * 41, ["x" * 40]) is None
    with diagnostic.few_suggestions(2):
        assert [diagnostic.nearest("lgo", ["log"]) for _ in range(3)] == ["log", "log", None]


def test_an_input_is_found_again_by_its_number() -> None:
    assert [make_input(7, n) for n in range(50)] == [make_input(7, n) for n in range(50)]


def test_the_grammar_is_derived_whole() -> None:
    """Every rule has a derivation that ends, and every terminal a text."""
    assert all(depth < ENDLESS for options in grammar().rules.values() for _, depth in options)
    used = {symbol.name for options in grammar().rules.values() for option, _ in options for symbol in option}
    assert used <= set(grammar().rules) | set(grammar().terminals)


@pytest.mark.early
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, 20_000, 4_000))  # parts, so that two processes share them
def test_twenty_thousand_inputs(first: int) -> None:
    report = run(1, range(first, first + 4_000))
    assert not report.faults, report
    assert report.count == 4_000


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(4 * 3_600)
def test_a_million_inputs() -> None:
    report = run_in_processes(2, range(1_000_000), os.cpu_count() or 1)
    assert not report.faults, report
    assert report.count == 1_000_000
