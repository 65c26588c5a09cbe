"""The machine, fact by fact: failures caught and not, ends, plans, invariants."""

from __future__ import annotations

import pytest

from dagflow.engine import events as e
from dagflow.engine import invariants
from dagflow.engine.commands import CancelAttempt, EndRun, Evaluate, StartAttempt
from dagflow.engine.transitions import TRANSITIONS, Change
from dagflow.errors import DagflowBug
from dagflow.model.flow import Flow, GateRef, Join, JoinKind, NodeKind, RetryPolicy, Scope
from dagflow.model.plan import NO_NODE, build_plan
from dagflow.model.status import NodeStatus, PruneReason, RunStatus
from tests.engine.flows import action, catch, flow_of, gate, let, simple, wait, wait_event
from tests.engine.play import Play, play


class TestScopes:
    """`inner` in `outer` in the root, each with a handler."""

    def run(self) -> Play:
        run = play(
            action("before"),
            action("a", scope="inner"),
            action("b", scope="inner", retry=RetryPolicy(max_attempts=2)),
            action("c", scope="inner"),
            catch("inner.catch", "inner", scope="outer"),
            action("inner.handler", scope="outer", gate=GateRef("inner.catch", 1)),
            action("d", scope="outer"),
            catch("outer.catch", "outer"),
            action("outer.handler", gate=GateRef("outer.catch", 1)),
            action("after"),
            catch("root.catch", "", scope="on_error"),
            action("root.handler", scope="on_error", gate=GateRef("root.catch", 1)),
            action("root.handler2", scope="on_error", gate=GateRef("root.catch", 1)),
            edges=[
                *(("before", name) for name in "abd"),
                ("b", "c"),
                ("a", "inner.catch"),
                ("c", "inner.catch"),
                *((source, "outer.catch") for source in ("inner.catch", "inner.handler", "d")),
                ("outer.catch", "after"),
                ("outer.handler", "after"),
                ("root.handler", "root.handler2"),
            ],
            scopes=[
                Scope("", None, "root.catch"),
                Scope("outer", "", "outer.catch"),
                Scope("inner", "outer", "inner.catch"),
            ],
        )
        run.start()
        run.succeed("before")
        return run

    def test_without_a_failure_no_handler_runs(self) -> None:
        run = self.run()
        for name in ("a", "b", "c", "d"):
            commands = run.succeed(name)
        assert commands == [StartAttempt(9, 1)]
        assert run.succeed("after") == [EndRun(RunStatus.SUCCEEDED)]
        assert run.reason("inner.handler") == run.reason("root.handler") == PruneReason.GATE

    def test_a_failure_stops_its_block_and_runs_the_handler_when_all_has_stopped(self) -> None:
        run = self.run()
        run.take(e.AttemptStarted, "b", 1)
        assert run.fail("a") == [CancelAttempt(2, 1)]
        assert run.reason("c") == PruneReason.SCOPE_FAILED
        assert run.status("inner.catch") == NodeStatus.PENDING
        assert run.take(e.AttemptCancelled, "b", 1) == [StartAttempt(5, 1)]
        run.succeed("inner.handler")
        assert run.succeed("d") == [StartAttempt(9, 1)]
        assert run.succeed("after") == [EndRun(RunStatus.SUCCEEDED)]

    @pytest.mark.parametrize("answer", [e.AttemptSucceeded, e.AttemptFailed, e.AttemptInterrupted])
    def test_what_is_told_to_stop_may_end_otherwise(self, answer: type[e.Event]) -> None:
        run = self.run()
        run.take(e.AttemptStarted, "b", 1)
        run.fail("a")
        code = ("late",) if answer is e.AttemptFailed else ()
        assert run.take(answer, "b", 1, *code) == [StartAttempt(5, 1)]
        assert run.status("b") == (NodeStatus.SUCCEEDED if answer is e.AttemptSucceeded else NodeStatus.CANCELLED)
        assert len(run.machine.state.failures) == 1

    def test_a_handler_that_fails_is_caught_one_block_out(self) -> None:
        run = self.run()
        run.take(e.AttemptStarted, "b", 1)
        run.take(e.AttemptFailed, "b", 1, "x", is_fatal=True)
        assert run.fail("inner.handler") == [StartAttempt(8, 1)]
        assert run.status("a") == run.status("d") == NodeStatus.PRUNED

    def test_an_outer_failure_stops_inner_blocks(self) -> None:
        run = self.run()
        run.take(e.AttemptStarted, "a", 1)
        assert run.fail("d") == [CancelAttempt(1, 1)]
        assert run.take(e.AttemptCancelled, "a", 1) == [StartAttempt(8, 1)]
        assert run.reason("inner.catch") == PruneReason.SCOPE_FAILED

    def test_the_root_handler_runs_and_then_the_run_fails(self) -> None:
        run = self.run()
        run.fail("d")
        assert run.fail("outer.handler") == [StartAttempt(11, 1)]
        assert run.reason("after") == PruneReason.RUN_ENDED
        run.succeed("root.handler")
        assert run.succeed("root.handler2") == [EndRun(RunStatus.FAILED)]
        assert run.machine.state.scope_causes[0] == 1

    def test_a_root_handler_that_fails_ends_the_run(self) -> None:
        run = self.run()
        run.fail("d")
        run.fail("outer.handler")
        assert run.fail("root.handler") == [EndRun(RunStatus.FAILED)]
        assert run.reason("root.handler2") == PruneReason.RUN_ENDED
        assert run.machine.state.scope_causes[0] == 1

    def test_the_lifetime(self) -> None:
        run = self.run()
        assert run.take(e.RunTimedOut) == [StartAttempt(11, 1)]
        assert [failure.code for failure in run.machine.state.failures] == ["run_timeout"]
        assert run.take(e.RunTimedOut) == [EndRun(RunStatus.FAILED)]

    def test_the_lifetime_while_the_root_handler_is_being_stopped(self) -> None:
        run = self.run()
        run.take(e.RunTimedOut)
        run.take(e.AttemptStarted, "root.handler", 1)
        assert run.take(e.RunTimedOut) == [CancelAttempt(11, 1)]
        assert run.take(e.RunTimedOut) == []
        assert [cause for cause in run.machine.state.scope_causes if cause != NO_NODE] == [0, 1], "the first cause stays"
        assert run.take(e.AttemptCancelled, "root.handler", 1) == [EndRun(RunStatus.FAILED)]

    def test_cancelling_runs_no_handler(self) -> None:
        run = self.run()
        run.take(e.AttemptStarted, "a", 1)
        assert run.take(e.RunCancelRequested) == [CancelAttempt(1, 1)]
        assert run.take(e.RunCancelRequested) == []
        assert run.take(e.RunTimedOut) == []
        assert run.take(e.AttemptCancelled, "a", 1) == [EndRun(RunStatus.CANCELLED)]
        assert run.reason("root.handler") == PruneReason.RUN_ENDED

    def test_a_second_failure_while_stopping_asks_nobody_twice(self) -> None:
        run = self.run()
        run.take(e.AttemptStarted, "a", 1)
        run.take(e.AttemptStarted, "b", 1)
        assert run.take(e.AttemptFailed, "a", 1, "x") == [CancelAttempt(2, 1)]
        assert run.fail("d") == []
        assert run.take(e.AttemptCancelled, "b", 1) == [StartAttempt(8, 1)]


def test_a_scope_without_a_catch_passes_failures_on_and_an_empty_one_is_over_at_once() -> None:
    run = play(
        action("a", scope="bare"),
        catch("empty.catch", "empty"),
        scopes=[Scope("bare", "", None), Scope("empty", "", "empty.catch")],
    )
    assert run.start() == [StartAttempt(0, 1)]
    assert run.status("empty.catch") == NodeStatus.SUCCEEDED
    assert run.fail("a") == [EndRun(RunStatus.FAILED)]


@pytest.mark.parametrize("kind", [NodeKind.RETURN, NodeKind.STOP])
def test_ends_stop_everything(kind: NodeKind) -> None:
    retry = RetryPolicy(max_attempts=2)
    run = play(
        action("running"),
        action("waiting", retry=retry),
        action("again", retry=retry),
        wait("w", 5),
        simple("end", kind),
        action("never"),
        let("value", 1),
        edges=[("running", "never")],
    )
    run.start()
    run.take(e.AttemptStarted, "running", 1)
    run.fail("waiting")
    run.fail("again")
    run.take(e.TimerFired, "again")
    run.take(e.TimerSet, "w", 9)
    assert run.take(e.ValueComputed, "end") == [CancelAttempt(0, 1)]
    assert run.status("waiting") == run.status("again") == run.status("w") == NodeStatus.CANCELLED
    assert run.reason("never") == run.reason("value") == PruneReason.RUN_ENDED
    assert run.take(e.RunCancelRequested) == [], "too late"
    assert run.take(e.AttemptCancelled, "running", 1) == [EndRun(RunStatus.SUCCEEDED)]


def test_return_in_the_root_handler_does_not_save_the_run() -> None:
    run = play(
        action("a"),
        catch("c", "", scope="on_error"),
        simple("r", NodeKind.RETURN, gate=GateRef("c", 1), scope="on_error"),
        scopes=[Scope("", None, "c")],
    )
    run.start()
    assert run.fail("a") == [Evaluate(2)]
    assert run.take(e.ValueComputed, "r") == [EndRun(RunStatus.FAILED)]


def test_a_root_catch_is_no_member_of_the_root_wherever_it_is_said_to_lie() -> None:
    run = play(action("a"), catch("c", ""), scopes=[Scope("", None, "c")])
    run.start()
    assert run.succeed("a") == [EndRun(RunStatus.SUCCEEDED)]


def test_a_gate_that_failed_opens_nothing() -> None:
    run = play(
        gate("g", 0, scope="s"),
        catch("c", "s"),
        action("under", gate=GateRef("g", 0)),
        scopes=[Scope("s", "", "c")],
    )
    run.start()
    assert run.take(e.EvaluationFailed, "g", "boom") == [EndRun(RunStatus.SUCCEEDED)]
    assert run.reason("under") == PruneReason.GATE


class TestBugs:
    """Facts that cannot be are refused with the story of the node."""

    def refuse(self, run: Play, event: e.Event, match: str) -> None:
        with pytest.raises(DagflowBug, match=match):
            run.machine.handle(event)

    def test_facts_out_of_turn(self) -> None:
        run = play(action("a"), action("b"), edges=[("a", "b")])
        run.start()
        self.refuse(run, e.AttemptStarted(1, 1, 1), "cannot start attempt a node that is pending: node 'b'")
        self.refuse(run, e.AttemptStarted(1, 0, 2), "attempt 2 is out of turn")
        self.refuse(run, e.AttemptSucceeded(1, 0, 1), "attempt 1 is not the last one")
        self.refuse(run, e.DefaultUsed(1, 0), "the default is not wanted")
        self.refuse(run, e.RunEnded(1, RunStatus.SUCCEEDED), "cannot end succeeded with 2 nodes undecided")
        run.take(e.AttemptStarted, "a", 1)
        self.refuse(run, e.AttemptCancelled(1, 0, 1), "nobody asked to cancel")

    def test_settled_nodes_stay_settled(self) -> None:
        run = play(action("a"), action("b"))
        run.start()
        run.succeed("a")
        self.refuse(run, e.AttemptSucceeded(1, 0, 1), "cannot succeed a node that is succeeded")

    def test_nothing_comes_after_the_end(self) -> None:
        run = play()
        run.start()
        self.refuse(run, e.RunEnded(1, RunStatus.FAILED), "cannot end failed")
        run.take(e.RunEnded, "", RunStatus.SUCCEEDED)
        self.refuse(run, e.RunCancelRequested(1), "no event for a run that has ended succeeded")


def test_waits_for_events() -> None:
    run = play(
        wait_event("w", None, 5),
        wait_event("v", None, 5),
        action("late", gate=GateRef("w", 0)),
        action("came", gate=GateRef("v", 1)),
    )
    assert run.start() == [Evaluate(0), Evaluate(1)]
    run.take(e.TimerSet, "w", 6)
    run.take(e.TimerSet, "v", 7)
    run.take(e.EventArrived)
    assert run.take(e.TimerFired, "w", at=6) == [StartAttempt(2, 1)]
    assert run.status("w") is NodeStatus.CANCELLED
    with pytest.raises(DagflowBug, match="the event 1 of 1 is not there to be taken"):
        run.take(e.EventTaken, "v", 1)
    assert run.take(e.EventTaken, "v", 0) == [StartAttempt(3, 1)]
    with pytest.raises(DagflowBug, match="the event 0 of 1 is not there to be taken"):
        run.take(e.EventTaken, "v", 0)


def test_what_is_settled_stays_so_but_for_what_undoes() -> None:
    rows = {status: TRANSITIONS[status] for status in NodeStatus if status.is_settled and status in TRANSITIONS}
    assert rows == {NodeStatus.PRUNED: {Change.REOPEN: NodeStatus.PENDING}}


class TestPlans:
    @pytest.mark.parametrize(
        ("flow", "match"),
        [
            (flow_of(action("a"), action("a")), "two nodes of one id"),
            (flow_of(action("a"), edges=[("x", "a")]), "refers to 'x'"),
            (flow_of(action("a"), action("b"), edges=[("a", "b"), ("b", "a")]), "wait for each other"),
            (flow_of(action("a", join=Join(JoinKind.ANY, ("b",))), action("b"), edges=[("a", "b")]), "wait for each other"),
            (
                flow_of(catch("c", "s"), action("a", scope="s"), edges=[("c", "a")], scopes=[Scope("s", "", "c")]),
                "wait for each other",
            ),
        ],
    )
    def test_what_no_compiler_makes_is_refused(self, flow: Flow, match: str) -> None:
        with pytest.raises(DagflowBug, match=match):
            build_plan(flow)


class TestInvariants:
    """The second opinion sees what it is there to see."""

    def broken(self, match: str, **changes: object) -> None:
        run = play(gate("g", 0), action("a", gate=GateRef("g", 1)), action("b"), catch("c", "s"), scopes=[Scope("s", "", "c")])
        run.start()
        for name, value in changes.items():
            setattr(run.machine.state, name, value)
        with pytest.raises(DagflowBug, match=match):
            invariants.check(run.machine.state)

    def test_counts(self) -> None:
        self.broken("said to be unsettled", n_unsettled=99)
        self.broken("open members", scope_open=[0, 9, 9])
        self.broken("left over", made_ready=[1])
        self.broken("9 nodes are said to be ready or running", n_active=9)
        self.broken(r"\[0\] are said to be waiting", waiting={0: None})

    def test_reasons(self) -> None:
        s, r = NodeStatus, PruneReason
        passed = [s.READY, s.PENDING, s.PRUNED, s.SUCCEEDED]
        self.broken("exactly if there is a reason", status=passed, n_unsettled=2)
        self.broken("what was started is not pruned", status=passed, reasons=[None, None, r.GATE, None], attempts=[0, 0, 1, 0])
        self.broken("only what runs is asked to stop", is_cancelling=[True, False, False, False])

    def test_order(self) -> None:
        s = NodeStatus
        self.broken("decided too early", status=[s.READY, s.READY, s.READY, s.SUCCEEDED])
        self.broken(
            "runs though its gate is shut", status=[s.SUCCEEDED, s.READY, s.READY, s.SUCCEEDED], outcomes=[0, -1, -1, 0]
        )
        self.broken("never decided", status=[s.SUCCEEDED, s.PENDING, s.READY, s.SUCCEEDED], outcomes=[1, -1, -1, 0])

    def test_joins(self) -> None:
        run = play(action("a"), action("b", join=Join(JoinKind.ALL, ("a",))))
        run.start()
        run.machine.state.status = [NodeStatus.FAILED, NodeStatus.READY]
        with pytest.raises(DagflowBug, match="join is not satisfied"):
            invariants.check(run.machine.state)

    def test_early_joins(self) -> None:
        run = play(action("a"), action("b"), action("n", join=Join(JoinKind.ANY, ("a", "b"))))
        run.start()
        assert run.succeed("a") == [StartAttempt(2, 1)]
        run.machine.state.status[2] = NodeStatus.PENDING
        with pytest.raises(DagflowBug, match="never decided: node 'n'"):
            invariants.check(run.machine.state)

    def test_ends(self) -> None:
        s = NodeStatus
        self.broken("were never decided", ended=RunStatus.FAILED)
        self.broken("succeeded though something was never decided", ended=RunStatus.SUCCEEDED)
        self.broken("nothing is ready, running or waiting", status=[s.PENDING] * 4)
