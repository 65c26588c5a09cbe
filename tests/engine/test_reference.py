"""What is pruned, and everything else, is what the plain reading of the language says, after every single fact."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow.drivers.simulated.simulator import DEFAULT_START, Script, Send, simulate
from dagflow.engine import invariants
from dagflow.engine.machine import Machine
from dagflow.model.flow import Flow, NodeKind
from dagflow.store.codec.events import from_record
from tests.drivers.harness import failing
from tests.engine.flows import SECOND, flows, program_of
from tests.engine.reference import Reference


@st.composite
def any_scripts(draw: st.DrawFn, flow: Flow) -> dict[str, Script]:
    scripts = {}
    for node in flow.nodes:
        if node.kind is NodeKind.ACTION:
            failure = failing(draw(st.sampled_from(["oops", "rare"])), fatal=draw(st.integers(0, 4)) == 0)
            failures = (failure,) * draw(st.sampled_from([0, 0, 0, 1, 2, 3]))
            scripts[node.id] = Script(result=1, takes_ns=draw(st.integers(0, 3)) * SECOND, failures=failures)
    return scripts


def sends() -> st.SearchStrategy[list[Send]]:
    """Events at instants of their own, some of them twice."""
    return st.lists(
        st.builds(
            Send,
            at=st.integers(0, 60).map(lambda n: DEFAULT_START + n * SECOND // 5 + 3),
            event=st.sampled_from(["x/y", "x/z"]),
            payload=st.sampled_from([1, 2, "no number"]),
            id=st.sampled_from(["", "", "a", "b"]),
        ),
        max_size=5,
        unique_by=lambda send: send.at,
    )


@pytest.mark.early
@settings(max_examples=500, deadline=None)
@given(st.data())
def test_every_fact_is_read_as_the_language_says(data: st.DataObject) -> None:
    flow = data.draw(flows(14))
    program = program_of(flow)
    crash_at = data.draw(st.sets(st.integers(0, 30), max_size=3))
    cancel_at = data.draw(st.sampled_from([None, None, DEFAULT_START, DEFAULT_START + 2 * SECOND]))
    simulated = simulate(
        program,
        actions=data.draw(any_scripts(flow)),
        seed=data.draw(st.integers(0, 99)),
        crash_at=crash_at,
        cancel_at=cancel_at,
        sends=data.draw(sends()),
    )
    machine, reference = Machine(program.plan), Reference(flow)
    for record in simulated.history:
        event = from_record(record, program.plan).event
        machine.handle(event)
        reference.take(event)
        state = machine.state
        assert {name: str(status) for name, status in zip(reference.names, state.status, strict=True)} == reference.status
        reasons = {name: str(r) for name, r in zip(reference.names, state.reasons, strict=True) if r is not None}
        assert reasons == reference.reason
        invariants.check(state)
    assert machine.state == simulated.progress.machine.state
