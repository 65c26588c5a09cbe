"""The machine, fact by fact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.engine import events as e
from dagflow.engine.commands import EndRun, Evaluate, SetTimer, StartAttempt, UseDefault
from dagflow.engine.retries import delay_ns
from dagflow.model.flow import GateRef, Join, JoinKind, NodeKind, RetryPolicy, Scope
from dagflow.model.status import NodeStatus, PruneReason, RunStatus
from tests.engine.flows import HOUR, action, catch, expr, gate, let, simple, wait
from tests.engine.play import LIFETIME, play


def test_a_sequence() -> None:
    run = play(action("a"), let("b", 1), action("c"), edges=[("a", "b"), ("b", "c")])
    assert run.start() == [StartAttempt(0, 1)]
    assert run.succeed("a") == [Evaluate(1)]
    assert run.take(e.ValueComputed, "b") == [StartAttempt(2, 1)]
    assert run.succeed("c") == [EndRun(RunStatus.SUCCEEDED)]
    assert run.take(e.RunEnded, "", RunStatus.SUCCEEDED) == []
    assert run.machine.outstanding() == []


def test_ready_nodes_come_in_declared_order() -> None:
    run = play(action("a"), *(action(f"n{i}") for i in range(9)), edges=[("a", f"n{i}") for i in reversed(range(9))])
    run.start()
    assert run.succeed("a") == [StartAttempt(n, 1) for n in range(1, 10)]


def test_an_empty_flow_ends_at_once() -> None:
    assert play().start() == [EndRun(RunStatus.SUCCEEDED)]


def test_a_shut_gate_prunes_what_is_under_it_and_under_gates_under_it() -> None:
    run = play(
        gate("g", 0),
        gate("h", 0, gate=GateRef("g", 1)),
        action("under", gate=GateRef("h", 1)),
        action("otherwise", gate=GateRef("g", 0)),
        action("later"),
        edges=[("under", "later"), ("otherwise", "later")],
    )
    assert run.start() == [Evaluate(0)]
    assert run.take(e.GateDecided, "g", 0) == [StartAttempt(3, 1)]
    assert run.reason("h") == run.reason("under") == PruneReason.GATE
    assert run.succeed("otherwise") == [StartAttempt(4, 1)]


def test_joins() -> None:
    sources = ("a", "b", "c")
    run = play(
        *(action(name) for name in sources),
        action("all", join=Join(JoinKind.ALL, sources)),
        action("any", join=Join(JoinKind.ANY, sources)),
        action("two", join=Join(JoinKind.N_OF, sources, 2)),
        action("settled", join=Join(JoinKind.SETTLED, sources)),
        action("impossible", join=Join(JoinKind.N_OF, sources, 4)),
        catch("s.catch", "s"),
        scopes=[Scope("s", "", "s.catch"), Scope("", None, None)],
    )
    run.start()
    assert run.reason("impossible") == PruneReason.JOIN
    assert run.succeed("b") == [StartAttempt(4, 1)]
    assert run.machine.state.unseen == {4: (0, 2)}
    assert run.succeed("a") == [StartAttempt(5, 1)]
    assert run.succeed("c") == [StartAttempt(3, 1), StartAttempt(6, 1)]
    assert run.machine.state.unseen == {4: (0, 2), 5: (2,)}


def test_joins_that_cannot_hold() -> None:
    sources = ("a", "b", "c")
    run = play(
        *(gate(f"{name}.when", 0) for name in sources),
        *(action(name, gate=GateRef(f"{name}.when", 1)) for name in sources),
        action("all", join=Join(JoinKind.ALL, sources)),
        action("any", join=Join(JoinKind.ANY, sources)),
        action("two", join=Join(JoinKind.N_OF, sources, 2)),
        action("settled", join=Join(JoinKind.SETTLED, sources)),
    )
    run.start()
    run.take(e.GateDecided, "a.when", 0)
    assert run.reason("two") is None
    run.take(e.GateDecided, "b.when", 0)
    assert run.reason("two") == PruneReason.JOIN, "one is left, two are wanted"
    assert run.reason("any") is None
    assert run.take(e.GateDecided, "c.when", 0) == [StartAttempt(9, 1)]
    assert run.reason("any") == run.reason("all") == PruneReason.JOIN


def test_all_is_all() -> None:
    run = play(
        gate("g", 0),
        action("a", gate=GateRef("g", 1)),
        action("b"),
        action("all", join=Join(JoinKind.ALL, ("a", "b"))),
    )
    run.start()
    run.take(e.GateDecided, "g", 0)
    assert run.reason("all") is None
    run.succeed("b")
    assert run.reason("all") == PruneReason.JOIN


def test_an_early_join_still_waits_for_its_gate_and_for_what_it_does_not_name() -> None:
    run = play(
        gate("g", 0),
        action("a"),
        action("b"),
        action("slow"),
        action("n", gate=GateRef("g", 1), join=Join(JoinKind.ANY, ("g", "a", "b"))),
        edges=[("b", "n"), ("slow", "n")],
    )
    run.start()
    assert run.succeed("a") == []
    assert run.succeed("slow") == []
    assert run.take(e.GateDecided, "g", 1) == [StartAttempt(4, 1)]
    assert run.machine.state.unseen == {4: (2,)}


def test_an_early_join_counts_once() -> None:
    run = play(
        action("a"),
        action("b"),
        action("slow"),
        action("n", join=Join(JoinKind.ANY, ("a", "b"))),
        edges=[("slow", "n")],
    )
    run.start()
    assert run.succeed("a") == []
    assert run.succeed("b") == []
    assert run.succeed("slow") == [StartAttempt(3, 1)]


def test_groups_pass_and_waits_wait() -> None:
    run = play(wait("w", 5), simple("g", NodeKind.GROUP), simple("m", NodeKind.EMIT), edges=[("w", "g"), ("g", "m")])
    run.start()
    assert run.take(e.TimerSet, "w", 6) == [SetTimer(0, 6)]
    assert run.machine.outstanding() == [LIFETIME, SetTimer(0, 6)]
    assert run.take(e.TimerFired, "w", at=6) == [Evaluate(2)]
    assert run.status("g") == NodeStatus.SUCCEEDED
    assert run.take(e.EventEmitted, "m") == [EndRun(RunStatus.SUCCEEDED)]
    assert run.machine.outstanding() == [EndRun(RunStatus.SUCCEEDED)]


class TestRetries:
    def test_until_there_are_none_left(self) -> None:
        run = play(action("a", retry=RetryPolicy(max_attempts=3, initial_interval_ns=10, backoff=3.0)))
        run.start()
        assert run.fail("a", jitter=0.5) == [SetTimer(0, 1 + 7)]
        assert run.status("a") == NodeStatus.WAITING
        assert run.take(e.TimerFired, "a", at=8) == [StartAttempt(0, 2)]
        assert run.machine.outstanding() == [LIFETIME, StartAttempt(0, 2)]
        assert run.fail("a", jitter=0.0) == [SetTimer(0, 8 + 15)]
        run.take(e.TimerFired, "a", at=23)
        assert run.fail("a") == [EndRun(RunStatus.FAILED)]
        assert run.machine.state.ready_at == [1]
        assert run.machine.state.wanted_at == run.machine.state.settled_at == [23]

    @pytest.mark.parametrize(
        "more",
        [{"is_fatal": True}, {"code": "other"}, {"retry_after_ns": 20}],
        ids=["fatal", "a code that is not worth it", "due when it is given up"],
    )
    def test_some_failures_are_final(self, more: dict[str, object]) -> None:
        run = play(action("a", retry=RetryPolicy(max_attempts=3, initial_interval_ns=1, only=("oops",)), within_ns=20))
        run.start()
        assert run.fail("a", **more) == [EndRun(RunStatus.FAILED)]  # type: ignore[arg-type]

    def test_the_action_may_say_when(self) -> None:
        run = play(action("a", retry=RetryPolicy(max_attempts=3, only=("oops",)), within_ns=HOUR))
        run.start()
        assert run.fail("a", retry_after_ns=77) == [SetTimer(0, 78)]

    def test_time_limits(self) -> None:
        run = play(
            action("a", retry=RetryPolicy(max_attempts=3, initial_interval_ns=2), within_ns=20, timeout_ns=9),
            action("b", within_ns=20),
            action("c", timeout_ns=5),
        )
        assert run.start() == [StartAttempt(0, 1, 9), StartAttempt(1, 1, 20), StartAttempt(2, 1, 5)]
        run.fail("a")
        again = run.take(e.TimerFired, "a", at=15)
        assert again == [StartAttempt(0, 2, 9, 21)]
        assert [command.deadline(15) for command in again if isinstance(command, StartAttempt)] == [21]
        run.fail("a", jitter=0.0)
        assert run.take(e.TimerFired, "a", at=17) == [StartAttempt(0, 3, 9, 21)]
        assert StartAttempt(0, 1, 5).deadline(10) == 15
        assert StartAttempt(0, 2, None, 21).deadline(15) == 21
        assert StartAttempt(0, 1).deadline(15) is None

    def test_an_interrupted_attempt_is_tried_again_and_not_counted(self) -> None:
        run = play(action("a", retry=RetryPolicy(max_attempts=2, initial_interval_ns=2)))
        run.start()
        for attempt in range(1, 5):
            run.take(e.AttemptStarted, "a", attempt)
            assert run.machine.open_attempts() == [(0, attempt)]
            assert run.take(e.AttemptInterrupted, "a", attempt) == [StartAttempt(0, attempt + 1)]
        assert run.fail("a", jitter=0.0) == [SetTimer(0, 2)]
        run.take(e.TimerFired, "a")
        assert run.fail("a") == [EndRun(RunStatus.FAILED)]

    @pytest.mark.parametrize("how", ["crash", "timeout"])
    def test_what_may_have_been_done_is_not_done_again_where_that_was_asked_for(self, how: str) -> None:
        run = play(action("a", at_most_once=True, retry=RetryPolicy(max_attempts=9)))
        run.start()
        assert [type(command) for command in run.fail("a", "busy")] == [SetTimer], "a failure that the action reports is one"
        run.take(e.TimerFired, "a")
        if how == "crash":
            run.take(e.AttemptStarted, "a", 2)
            assert run.take(e.AttemptInterrupted, "a", 2) == [EndRun(RunStatus.FAILED_DIRTY)]
        else:
            assert run.fail("a", "timeout") == [EndRun(RunStatus.FAILED_DIRTY)]
        (failure,) = run.machine.state.failures
        assert (failure.code, failure.attempt) == ("unknown_outcome", 2)

    def test_an_unknown_outcome_that_is_handled_fails_nothing(self) -> None:
        run = play(action("a", at_most_once=True, default=expr(1)))
        run.start()
        run.take(e.AttemptStarted, "a", 1)
        assert run.take(e.AttemptInterrupted, "a", 1) == [UseDefault(0)]
        assert run.take(e.DefaultUsed, "a") == [EndRun(RunStatus.SUCCEEDED)]

    @given(
        st.builds(
            RetryPolicy,
            max_attempts=st.integers(1, 20),
            initial_interval_ns=st.integers(0, 10**15),
            max_interval_ns=st.integers(0, 10**15),
            backoff=st.floats(1, 1e300),
        ),
        st.integers(1, 20),
        st.floats(0, 1, exclude_max=True),
    )
    def test_delays_are_bounded_and_spread_over_the_upper_half(self, policy: RetryPolicy, n: int, jitter: float) -> None:
        top = delay_ns(policy, n, 1.0)
        assert top // 2 <= delay_ns(policy, n, jitter) <= top <= policy.max_interval_ns
        assert delay_ns(policy, n + 1, jitter) >= delay_ns(policy, n, jitter)

    @given(st.integers(0, 10**15), st.integers(1, 20), st.floats(0, 1, exclude_max=True))
    def test_a_pause_that_is_always_the_same_is_kept_to_exactly(self, every: int, n: int, jitter: float) -> None:
        policy = RetryPolicy(max_attempts=20, initial_interval_ns=every, max_interval_ns=every, backoff=1.0)
        assert delay_ns(policy, n, jitter) == every


class TestDefaults:
    def test_it_makes_a_failure_a_success(self) -> None:
        run = play(action("a", default=expr(1)), action("b"), edges=[("a", "b")])
        run.start()
        assert run.fail("a") == [UseDefault(0)]
        assert run.machine.outstanding() == [LIFETIME, UseDefault(0)]
        assert run.take(e.DefaultUsed, "a") == [StartAttempt(1, 1)]
        assert run.status("a") == NodeStatus.SUCCEEDED
        assert run.machine.state.failures == []

    def test_arguments_that_cannot_be_evaluated_have_it_too(self) -> None:
        run = play(action("a", default=expr(1)))
        run.start()
        assert run.take(e.EvaluationFailed, "a", "boom") == [UseDefault(0)]
        run.take(e.RunCancelRequested)
        assert run.status("a") == NodeStatus.CANCELLED, "it had its turn, so it is not pruned"

    def test_it_may_fail_itself(self) -> None:
        run = play(action("a", default=expr(1)))
        run.start()
        run.fail("a")
        assert run.take(e.EvaluationFailed, "a", "boom") == [EndRun(RunStatus.FAILED)]
        assert [failure.code for failure in run.machine.state.failures] == ["boom"]

    def test_it_is_not_evaluated_once_the_run_ends(self) -> None:
        run = play(action("a", default=expr(1)), action("b"))
        run.start()
        run.fail("a")
        run.take(e.RunCancelRequested)
        assert run.status("a") == NodeStatus.CANCELLED
