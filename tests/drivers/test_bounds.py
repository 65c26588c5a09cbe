"""No run comes to more than the bounds of its flow say."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dagflow.drivers.simulated.simulator import DEFAULT_START, Script, Simulation, simulate
from dagflow.lang.bounds.bounds import STEPS, Bounds, bounds
from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface
from dagflow.model.flow import Expression, GateRef, Node, NodeKind, Scope
from dagflow.model.status import NodeStatus, RunStatus
from tests.app.familytext import family_texts
from tests.drivers.harness import failing
from tests.engine.flows import SECOND, action, catch, flow_of, flows, gate, program_of

#: Less than any time limit of the flows, so that every call lasts as long.
TAKES = SECOND // 2


def check(simulation: Simulation, bound: Bounds) -> None:
    result = simulation.result
    ran = [node for node in result.nodes if node.status in {NodeStatus.SUCCEEDED, NodeStatus.FAILED, NodeStatus.CANCELLED}]
    assert sum(node.kind in STEPS for node in ran) <= bound.steps.value
    assert len({call.invocation.effect_key for call in simulation.calls}) <= bound.steps.value
    assert at_once([call.at for call in simulation.calls]) <= bound.parallel
    assert sum(node.kind is NodeKind.EMIT for node in ran) <= bound.events_sent.value
    assert len(simulation.started) <= bound.runs_started.value
    if result.status is RunStatus.SUCCEEDED:
        ended = max((node.ended_at for node in ran if node.ended_at is not None), default=DEFAULT_START)
        assert ended - DEFAULT_START <= bound.waiting_ns + bound.n_open * TAKES
        assert ended - DEFAULT_START <= bound.duration_ns


def at_once(instants: Iterable[int]) -> int:
    """How many calls of the same length ran at the same time."""
    found = sorted(instants)
    return max((sum(first <= other < first + TAKES for other in found) for first in found), default=0)


def compiled(node: Node) -> Node:
    """A wait of the test's own making with its length as the compiler writes it."""
    match node.expression:
        case Expression(core=("nanos", int(nanos))):
            return attrs.evolve(node, expression=attrs.evolve(node.expression, core=("duration", nanos)))
        case _:
            return node


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_flows_of_every_shape_stay_within(data: st.DataObject) -> None:
    flow = attrs.evolve(data.draw(flows(10, with_now=False)), timeout_ns=24 * 3_600 * SECOND)
    bound = bounds(attrs.evolve(flow, nodes=tuple(compiled(node) for node in flow.nodes)))
    assert bound.parallel <= bound.steps.value
    scripts = {
        node.id: Script(
            result=data.draw(st.integers(-9, 9)), takes_ns=TAKES, failures=(failing("oops"),) * data.draw(st.sampled_from([0, 0, 1, 3]))
        )
        for node in flow.nodes
        if node.kind is NodeKind.ACTION
    }  # fmt: skip
    check(simulate(program_of(flow), actions=scripts, jitter=lambda: 1.0), bound)


@settings(max_examples=60, deadline=None)
@given(family_texts(waits=True), st.integers(0, 60), st.lists(st.integers(0, 9), max_size=4), st.sampled_from([0, 0, 1, 2]))
def test_loops_and_calls_stay_within(text: str, a: int, xs: list[int], n_failures: int) -> None:
    compilation = compile_text(text, Interface())
    assume(not compilation.has_errors)
    flow = compilation.flows["f"]
    script = Script(result=lambda invocation: invocation.attempt + a, takes_ns=TAKES)
    act = attrs.evolve(script, failures=(failing("oops"),) * n_failures)
    check(simulate(flow, {"a": a, "xs": xs}, actions={"act": act, "back": script, "look": script}), bounds(flow))


def test_what_a_failed_block_takes_out_waits_for_nothing() -> None:
    """`c` is over as soon as the block fails, though it would have come after `a`, which still runs beside the handler."""
    nodes = [
        action("a"),
        gate("g", ("boom",), scope="block"),
        action("c", scope="block", gate=GateRef("g", 1)),
        catch("block.catch", "block"),
        action("h", gate=GateRef("block.catch", 1)),
    ]
    edges = [("a", "c"), ("g", "c"), ("c", "block.catch"), ("block.catch", "h")]
    flow = flow_of(*nodes, edges=edges, scopes=(Scope("block", "", "block.catch"), Scope("", None, None)))
    made = simulate(program_of(flow), actions={n: Script(result=1, takes_ns=TAKES) for n in "ach"}, jitter=lambda: 1.0)
    assert at_once([call.at for call in made.calls]) == 2
    check(made, bounds(flow))
