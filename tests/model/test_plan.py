"""A flow as numbers: what the engine walks. What no compiler makes is refused."""

from __future__ import annotations

import attrs
import pytest

from dagflow.errors import DagflowBug
from dagflow.model.flow import Edge, EdgeKind, Flow, GateRef, Join, JoinKind, Node, Race, Scope
from dagflow.model.plan import NO_NODE, build_plan
from dagflow.model.status import RunStatus
from tests.engine.flows import action, catch, flow_of, gate
from tests.lang.golden import check, prelude

INTERFACE = prelude()


def compiled(body: str) -> Flow:
    return check(f"flow f(lead: Lead) {{\n{body}\n}}", INTERFACE).unwrap()


def step(name: str, more: str = "") -> str:
    return f'{name} = log(message: "{name}") {more}\n'


def test_numbers_are_declared_order() -> None:
    plan = build_plan(compiled(step("a") + "filter q: lead.score > 1\n" + step("b", "after a")))
    assert plan.ids == ("a", "q", "b")
    assert plan.gates[2] == 1
    assert plan.gates[0] == NO_NODE
    assert plan.join_sources == ((), (), (0,))
    assert plan.n_nodes == 3


def test_early_joins_are_counted_apart() -> None:
    body = f"parallel {{ {step('a')}{step('b')}{step('c')} }}\n{step('d', 'after any(a, b)')}{step('e', 'after 2 of (a, b, c)')}{step('g', 'after settled(a)')}"
    plan = build_plan(compiled(body))
    assert plan.join_counts[3:] == (1, 2, 0)
    assert plan.joiners[0] == (3, 4)


def test_scopes_and_who_catches() -> None:
    plan = build_plan(compiled(f"do g {{ {step('a', 'on error { wait 1s }')} }} on error {{ wait 2s }}\n{step('b')}"))
    numbers = {scope: number for number, scope in enumerate(scope.catch for scope in plan.scopes)}
    assert len(numbers) == 3
    assert plan.ids[max(numbers)] in {"a.catch", "g.catch"}


def test_a_node_of_an_inner_scope_is_caught_further_out_as_well() -> None:
    plan = build_plan(compiled(f"do g {{ do h {{ {step('a')} }} on error {{ wait 1s }} }} on error {{ wait 2s }}"))
    assert len(plan.watched_by[plan.ids.index("a")]) == 2


def test_the_root_handler_is_caught_by_nobody() -> None:
    flow = check(f"flow f {{ {step('a')} }} on error {{ {step('b')} }}", INTERFACE).unwrap()
    plan = build_plan(flow)
    assert [plan.watched_by[plan.ids.index(node)] for node in ("a", "b")] == [(0,), ()]


def test_a_node_may_wait_for_a_gate_and_for_others_and_for_a_scope() -> None:
    body = (
        f"parallel {{ {step('a')}{step('b')} }}\nfilter q: lead.score > 1\n{step('c', 'after any(a, b)')}"
        f"do g {{ {step('d')}{step('e', 'on error { wait 1s }')} }} on error {{ wait 2s }}\n{step('h', 'after g')}"
    )
    assert build_plan(compiled(body)).n_nodes > 8


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (flow_of(action("a"), action("a"), scopes=[Scope("", None, None)]), "two nodes of one id"),
        (flow_of(action("a", scope="nowhere"), scopes=[Scope("", None, None)]), "refers to 'nowhere'"),
        (flow_of(action("a"), edges=[("ghost", "a")], scopes=[Scope("", None, None)]), "refers to 'ghost'"),
        (flow_of(action("a", gate=GateRef("ghost", 1)), scopes=[Scope("", None, None)]), "refers to 'ghost'"),
        (flow_of(action("a", join=Join(JoinKind.ANY, ("ghost",))), scopes=[Scope("", None, None)]), "refers to 'ghost'"),
        (flow_of(action("a"), action("b"), edges=[("a", "b"), ("b", "a")], scopes=[Scope("", None, None)]), "wait for each other"),
        (
            flow_of(
                action("a", join=Join(JoinKind.ANY, ("b",))), action("b", join=Join(JoinKind.ANY, ("a",))),
                scopes=[Scope("", None, None)],
            ),
            "wait for each other",
        ),
        (
            flow_of(
                action("a", scope="s"), catch("s.catch", "s"), edges=[("s.catch", "a")],
                scopes=[Scope("", None, None), Scope("s", "", "s.catch")],
            ),
            "wait for each other",
        ),
    ],
)  # fmt: skip
def test_what_no_compiler_makes(flow: Flow, message: str) -> None:
    with pytest.raises(DagflowBug, match=message):
        build_plan(flow)


def test_a_race_names_a_node_for_each_branch() -> None:
    flow = compiled(f"parallel first 1 {{ {step('a')}{step('b')} }}")
    (race,) = flow.races
    assert race.branches == (("a",), ("b",))
    assert build_plan(flow).ids[2] == race.decider
    with pytest.raises(DagflowBug, match="has 1 branches and asks for 2"):
        build_plan(attrs.evolve(flow, races=(Race(race.decider, (("a",),)),)))
    with pytest.raises(DagflowBug, match="asks for 0"):
        build_plan(attrs.evolve(flow, races=(Race("a", (("a",),)),)))


def test_a_flow_finds_its_nodes() -> None:
    flow = flow_of(action("a"), gate("q", True), edges=[("a", "q")])
    node: Node = flow.node("q")
    assert node.id == "q"
    with pytest.raises(KeyError):
        flow.node("nobody")
    assert flow.edges == (Edge("a", "q", (EdgeKind.SEQ,)),)


@pytest.mark.parametrize("status", list(RunStatus))
def test_ended_runs(status: RunStatus) -> None:
    assert status.is_terminal == (
        status in {RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.FAILED_DIRTY, RunStatus.CANCELLED}
    )


def test_the_catch_of_an_empty_block_waits_for_what_stands_before_it() -> None:
    plan = build_plan(compiled(f"{step('a')}do g {{ }} on error {{ wait 2s }}"))
    assert plan.n_waits[plan.ids.index("g.catch")] == 2
