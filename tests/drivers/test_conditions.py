"""A condition made of free JSON is a bool when the flow runs, or fails; an event carries what it declares, or is not emitted."""

from __future__ import annotations

import pytest

from dagflow.drivers.simulated.simulator import DEFAULT_START, Send, simulate
from dagflow.errors import EvaluationError
from dagflow.execution.program import prepare
from dagflow.execution.triggers import input_for
from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface
from dagflow.model.status import RunStatus
from tests.engine.flows import SECOND

HEAD = """
event "asked" { ok: json }
event "placed" { order: {id: int, note: string?}, at: int = 0 }
"""

#: How a condition is written of `p.ok`, and what the flow returns where it is true.
CONDITIONS = {
    "filter": 'filter p.ok else { return "no" }\nreturn "yes"',
    "if": 'if p.ok { return "yes" }\nreturn "no"',
    "else if": 'if false { return "odd" } else if p.ok { return "yes" }\nreturn "no"',
    "when": 'let a = "yes"\ndo { emit "asked" (ok: a) when p.ok }\nreturn a',
    "wait": 'wait event "asked" as e when e.ok within 1m else { return "no" }\nreturn "yes"',
    "wait, of the run": 'wait event "asked" when p.ok within 1m else { return "no" }\nreturn "yes"',
    "in a loop": 'r = for x in [1] max 1 { filter p.ok\nyield x }\nif size(r) == 1 { return "yes" }\nreturn "no"',
}

BAD = ["true", 1, 0, None, "", [], {}, 1.0]


def outcome(body: str, value: object) -> object:
    flow = compile_text(f"{HEAD}flow f(p: json) -> string {{\non manual\n{body}\n}}", Interface()).unwrap()
    result = simulate(
        prepare(flow), {"p": {"ok": value}}, sends=[Send(at=DEFAULT_START + SECOND, event="asked", payload={"ok": value})]
    ).result
    return result.output if result.status is RunStatus.SUCCEEDED else [failure.code for failure in result.failures]


@pytest.mark.parametrize("body", CONDITIONS.values(), ids=CONDITIONS)
def test_json_that_is_no_bool_is_never_taken_for_false(body: str) -> None:
    assert outcome(body, value=True) == "yes"
    assert outcome(body, value=False) == ("yes" if "when p.ok }" in body else "no")
    for value in BAD:
        codes = outcome(body, value)
        assert isinstance(codes, list), value
        assert "type_mismatch" in codes, value


@pytest.mark.parametrize("value", BAD, ids=repr)
def test_a_trigger_whose_condition_is_no_bool_fails(value: object) -> None:
    flow = compile_text(f'{HEAD}flow f {{\non event "asked" as e when e.ok\n}}', Interface()).unwrap()
    with pytest.raises(EvaluationError, match="a bool is needed here") as failed:
        input_for(prepare(flow), "asked", {"ok": value}, 0)
    assert failed.value.code == "type_mismatch"
    assert input_for(prepare(flow), "asked", {"ok": False}, 0) is None


@pytest.mark.parametrize("order", [{"id": 1}, {"id": 1, "note": "x"}, {"id": 1, "note": None}])
def test_json_that_is_what_the_event_declares_is_emitted(order: object) -> None:
    flow = compile_text(f'{HEAD}flow f(b: json) {{\non manual\nemit "placed" (order: b)\n}}', Interface()).unwrap()
    done = simulate(prepare(flow), {"b": order})
    assert done.result.status is RunStatus.SUCCEEDED
    assert [event.name for event in done.emitted] == ["placed"]


@pytest.mark.parametrize("order", [{"id": "1"}, {}, None, [], {"id": 1, "note": 2}, {"id": 1.5}])
def test_json_that_is_not_what_the_event_declares_fails_the_emit(order: object) -> None:
    flow = compile_text(f'{HEAD}flow f(b: json) {{\non manual\nemit "placed" (order: b)\n}}', Interface()).unwrap()
    done = simulate(prepare(flow), {"b": order})
    assert done.result.status is RunStatus.FAILED
    assert [failure.code for failure in done.result.failures] == ["bad_value"]
    assert done.emitted == ()
    assert "the event 'placed' must carry what it declares" in done.result.failures[0].message
