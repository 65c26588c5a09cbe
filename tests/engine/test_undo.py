"""The machine, fact by fact: what takes back the steps of a run."""

from __future__ import annotations

import pytest

from dagflow.engine import events as e
from dagflow.engine.commands import CancelAttempt, EndRun, Evaluate, SetTimer, StartAttempt, UseDefault
from dagflow.errors import DagflowBug
from dagflow.model.action import Effect
from dagflow.model.flow import GateRef, NodeKind, RetryPolicy, Scope
from dagflow.model.status import NodeStatus, PruneReason, RunStatus
from tests.engine.flows import action, catch, expr, simple, undo, undo_gate, wait
from tests.engine.play import Play, play

#: a, b beside c, d; undone d, then b and c, then a.
ORDER = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d.undo", "b.undo"), ("d.undo", "c.undo")]
ORDER += [("b.undo", "a.undo"), ("c.undo", "a.undo")]


def diamond(**more: object) -> Play:
    run = play(*map(action, "abcd"), action("e"), undo_gate(), *map(undo, "abcd"), edges=[*ORDER, ("d", "e")], **more)
    run.start()
    return run


def attempts(run: Play, *names: str) -> list[object]:
    return [StartAttempt(run.machine.state.plan.numbers[f"{name}.undo"], 1) for name in names]


def test_steps_are_undone_against_the_order_in_which_they_were_done() -> None:
    run = diamond()
    for name in "abcd":
        run.succeed(name)
    assert run.fail("e") == attempts(run, "d")
    assert run.succeed("d.undo") == attempts(run, "b", "c")
    assert run.succeed("c.undo") == []
    assert run.succeed("b.undo") == attempts(run, "a")
    assert run.succeed("a.undo") == [EndRun(RunStatus.FAILED)]


def test_only_what_was_done_is_undone() -> None:
    run = diamond()
    run.succeed("a")
    run.succeed("c")
    assert run.fail("b") == attempts(run, "c")
    assert run.reason("b.undo") is run.reason("d.undo") is PruneReason.NOTHING_TO_UNDO
    assert run.succeed("c.undo") == attempts(run, "a")


def test_a_run_that_succeeds_undoes_nothing() -> None:
    run = diamond()
    for name in "abcd":
        run.succeed(name)
    assert run.succeed("e") == [EndRun(RunStatus.SUCCEEDED)]
    assert run.reason("a.undo") is PruneReason.GATE


@pytest.mark.parametrize("kind", [NodeKind.STOP, NodeKind.RETURN])
def test_nor_does_one_that_ends_itself(kind: NodeKind) -> None:
    run = play(action("a"), simple("end", kind), undo_gate(), undo("a"), edges=[("a", "end")])
    run.start()
    assert run.succeed("a") == [Evaluate(1)]
    assert run.take(e.ValueComputed, "end") == [EndRun(RunStatus.SUCCEEDED)]


def test_a_run_that_is_cancelled_is_undone_once_everything_has_stopped() -> None:
    run = diamond()
    run.succeed("a")
    run.take(e.AttemptStarted, "b", 1)
    run.take(e.AttemptStarted, "c", 1)
    assert run.take(e.RunCancelRequested) == [CancelAttempt(1, 1), CancelAttempt(2, 1)]
    assert run.take(e.AttemptCancelled, "b", 1) == []
    # One was done before it could be stopped, of the other nobody knows.
    assert run.take(e.AttemptSucceeded, "c", 1) == attempts(run, "b", "c")
    assert run.take(e.RunCancelRequested) == []
    run.succeed("b.undo")
    assert run.succeed("c.undo") == attempts(run, "a")
    assert run.succeed("a.undo") == [EndRun(RunStatus.CANCELLED)]


def test_a_run_whose_time_is_over_is_undone() -> None:
    run = diamond()
    run.succeed("a")
    run.take(e.AttemptStarted, "b", 1)
    run.take(e.AttemptStarted, "c", 1)
    run.take(e.RunTimedOut)
    run.take(e.AttemptCancelled, "b", 1, False)
    # The call of one had not been made.
    assert run.take(e.AttemptCancelled, "c", 1) == attempts(run, "c")
    assert run.reason("b.undo") is PruneReason.NOTHING_TO_UNDO
    assert run.succeed("c.undo") == attempts(run, "a")
    # What undoes has no lifetime, else the run would be left half done.
    assert run.take(e.RunTimedOut) == []
    assert run.succeed("a.undo") == [EndRun(RunStatus.FAILED)]


def test_what_cannot_be_undone_is_told_and_the_rest_is_undone_all_the_same() -> None:
    run = diamond()
    for name in "abc":
        run.succeed(name)
    run.fail("d")
    assert run.fail("b.undo", "stuck") == []
    assert run.status("b.undo") is NodeStatus.FAILED
    run.succeed("c.undo")
    assert run.succeed("a.undo") == [EndRun(RunStatus.FAILED_DIRTY)]
    assert [failure.code for failure in run.machine.state.failures] == ["oops", "stuck"]


def test_an_undo_is_tried_again() -> None:
    run = play(action("a"), action("b"), undo_gate(), undo("a", retry=RetryPolicy(max_attempts=2)), edges=[("a", "b")])
    run.start()
    run.succeed("a")
    run.fail("b")
    (timer,) = run.fail("a.undo")
    assert isinstance(timer, SetTimer)
    assert run.take(e.TimerFired, "a.undo", at=timer.due) == [StartAttempt(3, 2)]
    run.take(e.AttemptStarted, "a.undo", 2)
    assert run.take(e.AttemptInterrupted, "a.undo", 2) == [StartAttempt(3, 3)]
    assert run.succeed("a.undo") == [EndRun(RunStatus.FAILED)]


def test_a_default_is_not_undone() -> None:
    run = play(action("a", default=expr(3)), action("b"), undo_gate(), undo("a"), edges=[("a", "b")])
    run.start()
    assert run.fail("a") == [UseDefault(0)]
    run.take(e.DefaultUsed, "a")
    assert run.fail("b") == [EndRun(RunStatus.FAILED)]
    assert run.reason("a.undo") is PruneReason.NOTHING_TO_UNDO


class TestUnknown:
    """Steps of which nobody knows whether they had their effect."""

    def run(self, **more: object) -> Play:
        run = play(action("a", **more), action("b"), undo_gate(), undo("a"), edges=[("a", "b")])
        run.start()
        return run

    def is_undone(self, run: Play) -> bool:
        """The run has failed, or does now; whether it undoes the step."""
        if run.machine.state.scope_causes[0] == -1:
            run.fail("b")
        return run.status("a.undo") is NodeStatus.READY

    def test_one_whose_time_was_up(self) -> None:
        run = self.run()
        run.fail("a", "timeout")
        assert self.is_undone(run)

    def test_one_that_said_it_failed(self) -> None:
        run = self.run()
        run.fail("a", "declined")
        assert not self.is_undone(run)
        assert run.reason("a.undo") is PruneReason.NOTHING_TO_UNDO

    def test_one_that_took_its_default(self) -> None:
        run = self.run(default=expr(3))
        run.fail("a", "timeout")
        run.take(e.DefaultUsed, "a")
        assert self.is_undone(run)

    @pytest.mark.parametrize(("effect", "is_undone"), [(Effect.IDEMPOTENT, False), (Effect.EFFECTFUL, True)])
    @pytest.mark.parametrize("how", ["timeout", "interrupted"])
    def test_the_last_word_counts_of_what_can_be_repeated(self, effect: Effect, is_undone: bool, how: str) -> None:
        run = self.run(effect=effect, retry=RetryPolicy(max_attempts=2))
        if how == "timeout":
            (timer,) = run.fail("a", "timeout")
            assert isinstance(timer, SetTimer)
            run.take(e.TimerFired, "a", at=timer.due)
        else:
            run.take(e.AttemptStarted, "a", 1)
            run.take(e.AttemptInterrupted, "a", 1)
        run.take(e.AttemptStarted, "a", 2)
        run.take(e.AttemptFailed, "a", 2, "declined", "", True)
        assert self.is_undone(run) is is_undone

    def test_one_that_was_interrupted_and_then_cancelled_before_its_next_attempt(self) -> None:
        run = self.run()
        run.take(e.AttemptStarted, "a", 1)
        run.take(e.AttemptInterrupted, "a", 1)
        assert run.take(e.RunCancelRequested) == attempts(run, "a")


def test_an_undo_whose_arguments_have_no_value_is_told() -> None:
    run = play(action("a"), action("b"), undo_gate(), undo("a"), edges=[("a", "b")])
    run.start()
    run.succeed("a")
    run.fail("b")
    assert run.take(e.EvaluationFailed, "a.undo", "divide_by_zero") == [EndRun(RunStatus.FAILED_DIRTY)]


def test_the_handler_of_the_flow_runs_when_everything_is_undone() -> None:
    run = play(
        action("a"),
        action("b"),
        catch("root.catch", "", scope="on_error"),
        action("handler", scope="on_error", gate=GateRef("root.catch", 1)),
        undo_gate(),
        undo("a"),
        edges=[("a", "b"), ("a.undo", "root.catch"), ("undo.gate", "root.catch")],
        scopes=[Scope("", None, "root.catch")],
    )
    run.start()
    run.succeed("a")
    assert run.fail("b") == [StartAttempt(5, 1)]
    assert run.succeed("a.undo") == [StartAttempt(3, 1)]
    assert run.fail("handler") == [EndRun(RunStatus.FAILED)]


def test_a_failure_that_is_caught_undoes_nothing() -> None:
    run = play(
        action("a", scope="s"),
        action("b", scope="s"),
        catch("s.catch", "s"),
        undo_gate(),
        undo("a"),
        edges=[("a", "b"), ("b", "s.catch")],
        scopes=[Scope("", None, None), Scope("s", "", "s.catch")],
    )
    run.start()
    run.succeed("a")
    assert run.fail("b") == [EndRun(RunStatus.SUCCEEDED)]


def test_a_call_that_left_something_behind_makes_the_run_dirty() -> None:
    run = play(action("a", retry=RetryPolicy(max_attempts=2)))
    run.start()
    (timer,) = run.fail("a", is_dirty=True)
    run.take(e.TimerFired, "a", at=timer.due)  # type: ignore[union-attr]
    assert run.fail("a") == [EndRun(RunStatus.FAILED_DIRTY)]


def test_a_dirty_part_of_a_run_that_succeeds_is_its_own_matter() -> None:
    run = play(action("a", default=expr(3)))
    run.start()
    run.fail("a", is_dirty=True)
    assert run.take(e.DefaultUsed, "a") == [EndRun(RunStatus.SUCCEEDED)]


class TestReopened:
    """A run that ended well, and is part of one that does not."""

    def run(self) -> Play:
        run = diamond()
        for name in "abcde":
            commands = run.succeed(name)
        assert commands == [EndRun(RunStatus.SUCCEEDED)]
        run.take(e.RunEnded, "", RunStatus.SUCCEEDED)
        return run

    def test_it_is_undone_in_order_and_ends_again(self) -> None:
        run = self.run()
        assert run.take(e.RunUndoRequested) == attempts(run, "d")
        run.succeed("d.undo")
        run.succeed("b.undo")
        assert run.succeed("c.undo") == attempts(run, "a")
        assert run.succeed("a.undo") == [EndRun(RunStatus.CANCELLED)]
        run.take(e.RunEnded, "", RunStatus.CANCELLED)
        with pytest.raises(DagflowBug, match="undoes itself, or has"):
            run.take(e.RunUndoRequested)

    def test_it_may_be_dirty_then(self) -> None:
        run = self.run()
        run.take(e.RunUndoRequested)
        for name in "dbc":
            run.succeed(f"{name}.undo")
        assert run.fail("a.undo") == [EndRun(RunStatus.FAILED_DIRTY)]

    def test_its_time_does_not_run_out_meanwhile(self) -> None:
        run = self.run()
        run.take(e.RunUndoRequested)
        assert run.take(e.RunTimedOut) == run.take(e.RunCancelRequested) == []

    def test_one_that_undoes_nothing_ends_at_once(self) -> None:
        run = play(wait("w", 5))
        run.start()
        run.take(e.TimerSet, "w", 9)
        run.take(e.TimerFired, "w", at=9)
        run.take(e.RunEnded, "", RunStatus.SUCCEEDED)
        assert run.take(e.RunUndoRequested) == [EndRun(RunStatus.CANCELLED)]

    def test_what_goes_on_is_not_undone_by_others(self) -> None:
        run = diamond()
        with pytest.raises(DagflowBug, match="not over"):
            run.take(e.RunUndoRequested)

    def test_the_handler_of_a_flow_that_ended_well_stays_where_it_is(self) -> None:
        run = play(
            action("a"),
            catch("root.catch", "", scope="on_error"),
            action("handler", scope="on_error", gate=GateRef("root.catch", 1)),
            undo_gate(),
            undo("a"),
            edges=[("a.undo", "root.catch"), ("undo.gate", "root.catch")],
            scopes=[Scope("", None, "root.catch")],
        )
        run.start()
        assert run.succeed("a") == [EndRun(RunStatus.SUCCEEDED)]
        run.take(e.RunEnded, "", RunStatus.SUCCEEDED)
        assert run.take(e.RunUndoRequested) == [StartAttempt(4, 1)]
        assert run.succeed("a.undo") == [EndRun(RunStatus.CANCELLED)]
        assert run.status("handler") is NodeStatus.PRUNED


@pytest.mark.parametrize("is_undone", [False, True])
@pytest.mark.parametrize("how", ["timeout", "interrupted"])
def test_one_that_is_made_at_most_once_leaves_nothing_behind_where_it_is_undone(how: str, is_undone: bool) -> None:
    undoing = (undo_gate(), undo("a")) if is_undone else ()
    run = play(action("a", at_most_once=True), *undoing)
    run.start()
    run.take(e.AttemptStarted, "a", 1)
    commands = run.take(e.AttemptFailed, "a", 1, "timeout") if how == "timeout" else run.take(e.AttemptInterrupted, "a", 1)
    if is_undone:
        assert commands == attempts(run, "a")
        assert run.succeed("a.undo") == [EndRun(RunStatus.FAILED)]
    else:
        assert commands == [EndRun(RunStatus.FAILED_DIRTY)]
