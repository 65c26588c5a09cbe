"""From text to end: what is compiled runs alike under both drivers, and after crashes."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dagflow.drivers.simulated.simulator import Script, simulate
from dagflow.engine import invariants
from dagflow.engine.machine import Machine
from dagflow.execution.program import prepare
from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface
from dagflow.model.flow import Flow, NodeKind
from dagflow.store.codec.events import from_record
from dagflow.store.codec.flow import decode_flow, encode_flow
from tests.app.flowtext import flow_texts
from tests.drivers.harness import RUN, failing, run_local
from tests.drivers.test_crash import check_ledger, essence
from tests.drivers.test_equal import apart, said, scripts_for
from tests.engine.flows import SECOND
from tests.engine.reference import Reference
from tests.engine.test_reference import sends

#: What the scripts and the texts can bring about: actions that fail, `fail`, `10 / 0`, attempts and runs that take too long.
KNOWN_CODES = {"oops", "failed", "divide_by_zero", "timeout", "run_timeout"}
INPUTS = st.fixed_dictionaries({"a": st.integers(-3, 9), "b": st.booleans()})


def compiled(text: str) -> Flow:
    compilation = compile_text(text, Interface())
    assume(not compilation.has_errors)
    return compilation.unwrap()


@pytest.mark.early
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_both_drivers_and_the_reference_agree(data: st.DataObject) -> None:
    flow = apart(compiled(data.draw(flow_texts())))
    program = prepare(flow)
    scripts = data.draw(scripts_for(flow))
    given_input = data.draw(INPUTS)
    sent = [attrs.evolve(send, event="asked", payload={"n": len(send.id)}) for send in data.draw(sends())]
    simulated = simulate(program, given_input, actions=scripts, jitter=lambda: 0.5, sends=sent)
    is_held = data.draw(st.booleans())
    result, progress, store = run_local(
        program, scripts, input_value=given_input, sends=sent, is_held=is_held, is_quick=data.draw(st.booleans())
    )
    assert said(result) == said(simulated.result)
    assert {failure.code for failure in result.failures} <= KNOWN_CODES, "what is checked cannot go wrong in other ways"
    for history, end in ((simulated.history, simulated.progress), (store.history(RUN), progress)):
        machine, reference = Machine(program.plan), Reference(flow)
        for record in history:
            event = from_record(record, program.plan).event
            machine.handle(event)
            reference.take(event)
            assert [str(status) for status in machine.state.status] == list(reference.status.values())
            invariants.check(machine.state)
        assert machine.state == end.machine.state


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_crash_anywhere_changes_nothing(data: st.DataObject) -> None:
    text = data.draw(flow_texts(8, is_timed=False))
    flow = compiled(text)
    assume("fail" not in text and "/" not in text)
    actions = [node for node in flow.nodes if node.kind is NodeKind.ACTION]
    scripts = {
        node.id: Script(
            result=1, takes_ns=SECOND, failures=(failing(),) * data.draw(st.integers(0, node.retry.max_attempts - 1))
        )
        for node in actions
    }
    # As a resumed run has it: the flow from the store.
    program = prepare(decode_flow(encode_flow(flow)))
    given_input = data.draw(INPUTS)
    calm = simulate(program, given_input, actions=scripts)
    for point in range(calm.n_points):
        crashed = simulate(program, given_input, actions=scripts, crash_at={point})
        assert essence(crashed.result) == essence(calm.result)
        check_ledger(program, crashed)
