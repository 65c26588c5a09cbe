"""`parallel first n` in the machine, fact by fact."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dagflow.engine import events as e
from dagflow.engine import invariants
from dagflow.engine.commands import CancelAttempt, StartAttempt
from dagflow.errors import DagflowBug
from dagflow.model.flow import Flow, GateRef, Join, JoinKind, Node, NodeKind, Race, RetryPolicy, Scope
from dagflow.model.plan import build_plan
from dagflow.model.status import NodeStatus, PruneReason
from tests.engine.flows import SECOND, action, catch, flow_of, gate, simple
from tests.engine.play import Play


def race_of(*branches: tuple[Node, ...], count: int = 1, sources: tuple[str, ...] = ()) -> Flow:
    """Branches as sequences, and a step `after` behind the end."""
    sources = sources or tuple(branch[-1].id for branch in branches)
    nodes = [node for branch in branches for node in branch]
    edges = [(one.id, other.id) for branch in branches for one, other in pairwise(branch)]
    edges += [(node.id, "end") for node in nodes]
    return flow_of(
        *nodes,
        simple("first", NodeKind.RACE, join=Join(JoinKind.N_OF, sources, count)),
        simple("end", NodeKind.GROUP, join=Join(JoinKind.ALL, ("first",))),
        action("after"),
        edges=[*edges, ("end", "after")],
        races=[Race("first", tuple(tuple(node.id for node in branch) for branch in branches))],
    )


def test_the_first_one_done_stops_the_others_and_what_follows_waits_until_they_have() -> None:
    run = Play.of(race_of((action("a"), action("a2")), (action("b"), action("b2")), (action("c"),)))
    run.start()
    run.take(e.AttemptStarted, "b", 1)
    run.succeed("a")
    run.take(e.AttemptStarted, "c", 1)
    assert run.succeed("a2") == [CancelAttempt(2, 1), CancelAttempt(4, 1)]
    assert (run.status("b2"), run.reason("b2")) == (NodeStatus.PRUNED, PruneReason.RACE_LOST)
    assert run.take(e.AttemptCancelled, "b", 1) == []
    # What has happened has happened: its effect is kept, and so is its value.
    assert run.take(e.AttemptSucceeded, "c", 1) == [StartAttempt(7, 1)]
    assert run.status("c") is NodeStatus.SUCCEEDED


def test_a_loser_that_waits_for_its_next_attempt_is_cancelled() -> None:
    run = Play.of(race_of((action("a"),), (action("b", retry=RetryPolicy(max_attempts=2)),)))
    run.start()
    run.fail("b")
    run.succeed("a")
    assert run.status("b") is NodeStatus.CANCELLED


def test_too_few_branches_done() -> None:
    """What follows runs as behind every `parallel`; only what is `after` the race is pruned."""
    flow = race_of((gate("g", 0), action("a", gate=GateRef("g", 1))), (action("b"),), count=2)
    run = Play.of(flow)
    run.start()
    run.take(e.GateDecided, "g", 0)
    assert (run.status("first"), run.reason("first")) == (NodeStatus.PRUNED, PruneReason.JOIN)
    assert run.status("end") is NodeStatus.PENDING
    assert run.succeed("b") == [StartAttempt(5, 1)]
    assert (run.status("end"), run.reason("end")) == (NodeStatus.PRUNED, PruneReason.JOIN)


def test_all_that_are_done_by_the_same_fact_are_done_in_time() -> None:
    """And what the same fact had made ready is not wished for any more."""
    run = Play.of(
        flow_of(
            action("a"),
            simple("m", NodeKind.GROUP),
            simple("n", NodeKind.GROUP),
            action("late"),
            simple("first", NodeKind.RACE, join=Join(JoinKind.N_OF, ("m", "n", "late"), 1)),
            edges=[("a", "m"), ("a", "n"), ("a", "late")],
            races=[Race("first", (("a", "m"), ("a", "n"), ("late",)))],
        )
    )
    run.start()
    assert [command for command in run.succeed("a") if isinstance(command, StartAttempt)] == []
    assert run.status("m") is run.status("n") is NodeStatus.SUCCEEDED
    assert run.reason("late") is PruneReason.RACE_LOST


def test_a_race_in_a_race_is_decided_first() -> None:
    run = Play.of(
        flow_of(
            action("a"),
            action("b"),
            simple("inner", NodeKind.RACE, join=Join(JoinKind.N_OF, ("a", "b"), 1)),
            action("c"),
            simple("outer", NodeKind.RACE, join=Join(JoinKind.N_OF, ("a", "c"), 1)),
            races=[Race("inner", (("a",), ("b",))), Race("outer", (("a", "b", "inner"), ("c",)))],
        )
    )
    run.start()
    run.succeed("a")
    assert [run.status(name) for name in ("inner", "outer")] == [NodeStatus.SUCCEEDED] * 2
    assert [run.reason(name) for name in ("b", "c")] == [PruneReason.RACE_LOST] * 2


def test_a_failure_nobody_in_the_race_handles_takes_the_race_down() -> None:
    flow = flow_of(
        action("a", scope="s"),
        action("b", scope="s"),
        simple("first", NodeKind.RACE, join=Join(JoinKind.N_OF, ("a", "b"), 1), scope="s"),
        catch("s.catch", "s"),
        scopes=[Scope("", None, None), Scope("s", "", "s.catch")],
        races=[Race("first", (("a",), ("b",)))],
    )
    run = Play.of(flow)
    run.start()
    run.fail("a")
    assert run.reason("b") is run.reason("first") is PruneReason.SCOPE_FAILED
    assert run.status("s.catch") is NodeStatus.SUCCEEDED


def test_the_second_opinion_on_races() -> None:
    for status, match in (
        ([NodeStatus.SUCCEEDED, NodeStatus.READY, NodeStatus.SUCCEEDED], "goes on though its race is lost"),
        ([NodeStatus.READY, NodeStatus.READY, NodeStatus.SUCCEEDED], "won by too few"),
    ):
        run = Play.of(
            flow_of(
                action("a"),
                action("b"),
                simple("first", NodeKind.RACE, join=Join(JoinKind.N_OF, ("a", "b"), 1)),
                races=[Race("first", (("a",), ("b",)))],
            )
        )
        run.start()
        run.machine.state.status = status
        with pytest.raises(DagflowBug, match=match):
            invariants.check(run.machine.state)


def test_a_plan_of_a_race_that_does_not_fit() -> None:
    flow = flow_of(
        action("a", timeout_ns=SECOND),
        simple("first", NodeKind.RACE, join=Join(JoinKind.N_OF, ("a",), 1)),
        races=[Race("first", (("a",), ("a",)))],
    )
    with pytest.raises(DagflowBug, match="2 branches and asks for 1"):
        build_plan(flow)
