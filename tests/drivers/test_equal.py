"""The two drivers are two ways to the same end."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow.drivers.simulated.simulator import Script, simulate
from dagflow.engine import invariants
from dagflow.engine.machine import Machine
from dagflow.execution.results import RunResult
from dagflow.model.flow import Flow, NodeKind
from dagflow.store.codec.events import from_record
from tests.drivers.harness import RUN, failing, run_local
from tests.engine.flows import SECOND, flows, program_of
from tests.engine.test_reference import sends


@st.composite
def scripts_for(draw: st.DrawFn, flow: Flow) -> dict[str, Script]:
    """Every call takes a time of its own, so that no two things happen at once and the order is the same everywhere."""
    scripts = {}
    for number, node in enumerate(flow.nodes):
        if node.kind is NodeKind.ACTION:
            takes = draw(st.integers(0, 3)) * SECOND + 1_000_003 * 2**number + 11
            failures = (failing("oops", fatal=draw(st.booleans())),) * draw(st.sampled_from([0, 0, 1, 2, 3]))
            scripts[node.id] = Script(result=draw(st.integers(-9, 9)), takes_ns=takes, failures=failures)
    return scripts


def apart(flow: Flow) -> Flow:
    """The flow with limits of time that no two steps share: what ends at one instant ends in the order trio's cancel scopes have."""

    def more(limit: int | None, number: int) -> int | None:
        return None if limit is None else limit + 1_000_033 * 2**number + 5

    nodes = [
        attrs.evolve(node, timeout_ns=more(node.timeout_ns, number), within_ns=more(node.within_ns, number))
        if node.kind is NodeKind.ACTION
        else node
        for number, node in enumerate(flow.nodes)
    ]
    return attrs.evolve(flow, nodes=tuple(nodes))


def said(result: RunResult) -> object:
    return (
        result.status,
        result.output,
        result.reason,
        [(f.node, f.code, f.attempt) for f in result.failures],
        [(n.id, n.status, n.reason, n.attempts, n.output, n.outcome) for n in result.nodes],
    )


class _FixedRandom:
    def random(self) -> float:
        return 0.5


@pytest.mark.early
@settings(max_examples=500, deadline=None)
@given(st.data())
def test_simulator_and_trio_give_the_same(data: st.DataObject) -> None:
    flow = apart(data.draw(flows(10, with_now=False)))
    program = program_of(flow)
    scripts = data.draw(scripts_for(flow))
    sent = data.draw(sends())
    simulated = simulate(program, actions=scripts, jitter=lambda: 0.5, sends=sent)
    ways = {"is_held": data.draw(st.booleans()), "is_quick": data.draw(st.booleans())}
    result, progress, store = run_local(program, scripts, sends=sent, **ways)
    assert said(result) == said(simulated.result)
    for history, machine in ((simulated.history, simulated.progress.machine), (store.history(RUN), progress.machine)):
        restored = Machine.restore(program.plan, [from_record(record, program.plan).event for record in history])
        assert restored.state == machine.state
        invariants.check(restored.state)
