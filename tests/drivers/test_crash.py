"""A run that crashed ends as the one that did not, and what is committed never runs again."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow.drivers.simulated.simulator import Script, Simulation, simulate
from dagflow.engine import invariants
from dagflow.engine.events import AttemptStarted
from dagflow.engine.machine import Machine
from dagflow.execution.instance import RunInstance
from dagflow.execution.program import Program, prepare
from dagflow.execution.results import RunResult
from dagflow.lang.compiler import compile_text
from dagflow.model.action import Effect, Interface
from dagflow.model.flow import Flow, NodeKind, RetryPolicy
from dagflow.store.codec.events import from_record
from tests.drivers.harness import failing
from tests.engine.flows import SECOND, action, flow_of, flows, program_of, wait
from tests.engine.test_reference import sends


@st.composite
def scripts(draw: st.DrawFn, flow: Flow, *, fails: bool) -> dict[str, Script]:
    made = {}
    for node in flow.nodes:
        if node.kind is NodeKind.ACTION:
            n_failures = draw(st.sampled_from([0, 0, 1, 2, 3])) if fails else draw(st.integers(0, node.retry.max_attempts - 1))
            made[node.id] = Script(result=draw(st.integers(0, 9)), takes_ns=SECOND, failures=(failing(),) * n_failures)
    return made


def essence(result: RunResult) -> object:
    """All but instants and numbers of attempts, which a crash may change."""
    return (
        result.status,
        result.output,
        result.reason,
        [(f.node, f.code) for f in result.failures],
        [(n.id, n.status, n.reason, n.output, n.outcome) for n in result.nodes],
    )


def check(progress: RunInstance) -> None:
    invariants.check(progress.machine.state)


def check_ledger(program: Program, simulation: Simulation) -> None:
    """The outer world's record against the history: G1 to G3."""
    machine = Machine.restore(program.plan, [from_record(record, program.plan).event for record in simulation.history])
    assert machine.state == simulation.progress.machine.state
    kinds = Counter((record.kind, record.node) for record in simulation.history)
    for kind in (
        "attempt_succeeded",
        "event_emitted",
        "value_computed",
        "gate_decided",
        "default_used",
        "timer_set",
        "event_taken",
    ):
        assert all(n == 1 for (k, _), n in kinds.items() if k == kind)
    assert kinds["run_ended", ""] == 1
    calls = Counter((call.invocation.effect_key, call.invocation.node) for call in simulation.calls)
    assert len({key for key, _ in calls}) == len({node for _, node in calls})
    attempts = Counter((call.invocation.node, call.invocation.attempt) for call in simulation.calls)
    for (node, _), n in attempts.items():
        if program.flow.node(node).effect is Effect.EFFECTFUL:
            assert n == 1, "an intent was not kept before its effect"
    for node in machine.state.plan.ids:
        if kinds["attempt_succeeded", node]:
            assert any(call.invocation.node == node for call in simulation.calls)


def check_every_point(flow: Flow, made: dict[str, Script]) -> None:
    program = program_of(flow)
    calm = simulate(program, actions=made)
    for point in range(calm.n_points):
        crashed = simulate(program, actions=made, crash_at={point}, observe=check)
        assert essence(crashed.result) == essence(calm.result), point
        check_ledger(program, crashed)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_sequential_flows_end_alike_whatever_fails(data: st.DataObject) -> None:
    flow = data.draw(flows(8, is_timed=False, is_forked=False, with_now=False).filter(is_a_line))
    check_every_point(flow, data.draw(scripts(flow, fails=True)))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_forked_flows_end_alike(data: st.DataObject) -> None:
    flow = data.draw(flows(10, is_timed=False, with_now=False).filter(never_fails))
    check_every_point(flow, data.draw(scripts(flow, fails=False)))


def is_a_line(flow: Flow) -> bool:
    """An `after` lets a step start beside the one above it; then it depends on time which of them a failure stops."""
    return all(node.join is None for node in flow.nodes)


def never_fails(flow: Flow) -> bool:
    """Which branch a failure finds where depends on time."""
    return all(node.kind is NodeKind.ACTION or "boom" not in str(node.expression) for node in flow.nodes)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_all_pairs_of_crashes(data: st.DataObject) -> None:
    flow = data.draw(flows(5, is_timed=False, is_forked=False, with_now=False).filter(is_a_line))
    made = data.draw(scripts(flow, fails=True))
    program = program_of(flow)
    calm = simulate(program, actions=made)
    for first in range(calm.n_points):
        for second in range(first + 1, calm.n_points + 2):
            crashed = simulate(program, actions=made, crash_at={first, second})
            assert essence(crashed.result) == essence(calm.result), (first, second)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_flow_crashed_anywhere_keeps_its_promises(data: st.DataObject) -> None:
    flow = data.draw(flows(12))
    program = program_of(flow)
    made = data.draw(scripts(flow, fails=True))
    crash_at = data.draw(st.sets(st.integers(0, 40), max_size=4))
    crashed = simulate(
        program, actions=made, crash_at=crash_at, seed=data.draw(st.integers(0, 9)), observe=check, sends=data.draw(sends())
    )
    assert crashed.result.status.is_terminal
    check_ledger(program, crashed)


def test_failed_attempts_are_counted_over_crashes_and_interrupted_ones_are_not() -> None:
    flow = flow_of(action("a", retry=RetryPolicy(max_attempts=3), effect=Effect.EFFECTFUL))
    made = {"a": Script(result=1, failures=(failing(),) * 2)}
    calm = simulate(program_of(flow), actions=made)
    crashed = simulate(program_of(flow), actions=made, crash_at=range(1, calm.n_points, 2))
    assert crashed.result.status == "succeeded"
    assert crashed.result.node("a").attempts > calm.result.node("a").attempts == 3


AT_MOST_ONCE = """
action pay(n: int) -> int effectful on unknown fail
action send(n: int) -> int idempotent
flow f(n: int) -> int {
  on manual
  retry 3 every 1s
  a = pay(n: n)
  b = send(n: a) on unknown fail
  return b
}
"""


def test_at_most_once_begins_nothing_again_wherever_it_crashes() -> None:
    program = prepare(compile_text(AT_MOST_ONCE, Interface()).unwrap())
    made = {name: Script(result=1, takes_ns=SECOND) for name in ("a", "b")}
    n_points = simulate(program, {"n": 1}, actions=made).n_points
    ends = Counter[str]()
    for point in range(n_points):
        crashed = simulate(program, {"n": 1}, actions=made, crash_at={point})
        facts = [from_record(record, program.plan) for record in crashed.history]
        begun = Counter(fact.event.node for fact in facts if isinstance(fact.event, AttemptStarted))
        assert max(begun.values(), default=0) <= 1, "an attempt that was written down is the only one"
        assert max(Counter(call.invocation.node for call in crashed.calls).values(), default=0) <= 1
        codes = [failure.code for failure in crashed.result.failures]
        assert codes == ([] if crashed.result.status == "succeeded" else ["unknown_outcome"])
        ends[crashed.result.status] += 1
    assert ends["failed_dirty"] >= 2
    assert ends["succeeded"] >= 2
    assert ends["failed_dirty"] + ends["succeeded"] == n_points


def test_a_wait_keeps_its_due_time() -> None:
    flow = flow_of(wait("w", 5 * SECOND), action("a"), edges=[("w", "a")])
    made = {"a": Script(result=1)}
    calm = simulate(program_of(flow), actions=made)
    crashed = simulate(program_of(flow), actions=made, crash_at={1})
    assert calm.result.node("w").ended_at == crashed.result.node("w").ended_at == calm.result.started_at + 5 * SECOND


def test_now_is_the_same_after_a_crash() -> None:
    flow = flow_of(wait("w", SECOND), action("a", reads=("w",)), edges=[("w", "a")])
    program = program_of(flow)
    calm = simulate(program, actions={"a": Script(result=1, takes_ns=SECOND)})
    for point in range(calm.n_points):
        crashed = simulate(program, actions={"a": Script(result=1, takes_ns=SECOND)}, crash_at={point})
        ready = crashed.progress.machine.state.ready_at
        assert ready == calm.progress.machine.state.ready_at


@pytest.mark.parametrize("effect", [Effect.PURE, Effect.IDEMPOTENT, Effect.EFFECTFUL])
def test_an_effect_happens_at_least_once(effect: Effect) -> None:
    program = program_of(flow_of(action("a", effect=effect), action("b", effect=effect), edges=[("a", "b")]))
    made = {"a": Script(result=1), "b": Script(result=2)}
    n_points = simulate(program, actions=made).n_points
    lost = 0
    for point in range(n_points):
        crashed = simulate(program, actions=made, crash_at={point})
        lost += len(crashed.calls) - 2
        check_ledger(program, crashed)
    assert lost == 2, "once for each action a crash comes between effect and commit"
