"""What the compiler calls certain is there when the flow runs, whatever runs, fails or is left out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagflow.drivers.simulated.simulator import Script, simulate
from dagflow.execution.program import prepare
from dagflow.model.flow import Flow, Node, NodeKind
from tests.drivers.harness import failing
from tests.engine.flows import SECOND
from tests.lang.adventurous import bold_flows

#: All that can go wrong: actions, `fail`, the undo of a called flow, an undo that reads the result of a step whose outcome is unknown. Nothing that a checked expression could have been spared.
KNOWN_CODES = {"oops", "failed", "not_undone", "unknown_outcome"}
INPUTS = st.fixed_dictionaries(
    {
        "a": st.integers(-1, 4),
        "b": st.booleans(),
        "tier": st.sampled_from(["gold", "silver", "none"]),
        "given": st.sampled_from([None, {"n": 1}, {"n": 2, "m": 3}]),
    }
)


def all_nodes(flow: Flow) -> Iterator[Node]:
    """The nodes of a flow, of the bodies in it, and of the flows it calls."""
    for node in flow.nodes:
        yield node
        if node.loop is not None:
            yield from all_nodes(node.loop.body)
    for callee in flow.callees:
        yield from all_nodes(callee.flow)


def certain_is_certain(data: st.DataObject) -> None:
    compilation = data.draw(bold_flows())
    flow = compilation.unwrap("f")
    program = prepare(flow)
    for _ in range(4):
        scripts = {}
        for node in all_nodes(flow):
            if node.kind in {NodeKind.ACTION, NodeKind.UNDO}:
                result: object = data.draw(st.integers(0, 3))
                if node.action == "pair":
                    result = {"n": result} | ({"m": 1} if data.draw(st.booleans()) else {})
                fails = data.draw(st.sampled_from([0, 0, 0, 1, 9]))
                takes = data.draw(st.integers(0, 5)) * SECOND
                scripts[node.id] = Script(result=result, takes_ns=takes, failures=(failing(),) * fails)
        done = simulate(program, data.draw(INPUTS), actions=scripts)
        assert {failure.code for failure in done.result.failures} <= KNOWN_CODES, flow.source


bold = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
test_certain_is_certain = pytest.mark.early(settings(bold, max_examples=50)(given(st.data())(certain_is_certain)))
test_certain_is_certain_in_many_flows = pytest.mark.slow(settings(bold, max_examples=300)(given(st.data())(certain_is_certain)))
