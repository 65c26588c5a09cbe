"""The machine, fact by fact: loops."""

from __future__ import annotations

import pytest

from dagflow.engine import events as e
from dagflow.engine import invariants
from dagflow.engine.commands import CancelItem, EndRun, Evaluate, StartAttempt, StartItem
from dagflow.engine.machine import Machine
from dagflow.errors import DagflowBug
from dagflow.model.flow import GateRef, NodeKind, Scope
from dagflow.model.plan import NO_NODE
from dagflow.model.status import NodeStatus, PruneReason, RunStatus
from tests.engine.flows import action, catch, loop, simple, undo, undo_gate
from tests.engine.play import Play, play

OK, FAILED, CANCELLED = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED


def listed(run: Play, count: int = 3) -> list[object]:
    assert run.start() == [Evaluate(0)]
    return list(run.take(e.ItemsListed, "rows", count))


def test_items_are_begun_in_order_so_many_at_a_time() -> None:
    run = play(loop("rows", width=2), action("after"), edges=[("rows", "after")])
    assert listed(run, 4) == [StartItem(0, 0), StartItem(0, 1)]
    assert run.status("rows") is NodeStatus.RUNNING
    assert run.take(e.ItemEnded, "rows", 1, OK) == [StartItem(0, 2)]
    assert run.take(e.ItemEnded, "rows", 2, OK) == [StartItem(0, 3)]
    assert run.take(e.ItemEnded, "rows", 0, OK) == []
    assert run.take(e.ItemEnded, "rows", 3, OK) == [StartAttempt(1, 1)]
    assert run.status("rows") is NodeStatus.SUCCEEDED


def test_a_loop_over_nothing_is_over_at_once() -> None:
    run = play(loop("rows"))
    assert listed(run, 0) == [EndRun(RunStatus.SUCCEEDED)]


def test_an_item_that_fails_stops_the_others() -> None:
    run = play(loop("rows", width=3), action("after"), edges=[("rows", "after")])
    listed(run, 5)
    assert run.take(e.ItemEnded, "rows", 1, FAILED, "it", "oops", "no", 2) == [CancelItem(0, 0), CancelItem(0, 2)]
    assert run.take(e.ItemEnded, "rows", 2, FAILED, "it", "late", "no") == []
    assert run.take(e.ItemEnded, "rows", 0, CANCELLED) == [EndRun(RunStatus.FAILED)]
    (failure,) = run.machine.state.failures
    assert (failure.code, failure.message, failure.attempt) == ("oops", "item 1, it: no", 2)
    assert run.reason("after") is PruneReason.RUN_ENDED


def test_an_item_that_was_cancelled_by_somebody_fails_the_loop() -> None:
    run = play(loop("rows"))
    listed(run)
    assert run.take(e.ItemEnded, "rows", 0, CANCELLED, "", "cancelled", "somebody did") == [EndRun(RunStatus.FAILED)]
    assert run.machine.state.failures[0].message == "item 0: somebody did"


def test_a_loop_that_collects_errors_goes_on() -> None:
    run = play(loop("rows", collects=True))
    listed(run)
    assert run.take(e.ItemEnded, "rows", 0, FAILED, "it", "oops") == [StartItem(0, 1)]
    assert run.take(e.ItemEnded, "rows", 1, OK) == [StartItem(0, 2)]
    assert run.take(e.ItemEnded, "rows", 2, FAILED, "it", "oops") == [EndRun(RunStatus.SUCCEEDED)]
    assert run.machine.state.loops[0].succeeded == [1]


def test_a_loop_fails_its_scope() -> None:
    run = play(
        loop("rows", scope="s"),
        catch("s.catch", "s"),
        action("handler", gate=GateRef("s.catch", 1)),
        edges=[("rows", "s.catch"), ("s.catch", "handler")],
        scopes=[Scope("", None, None), Scope("s", "", "s.catch")],
    )
    listed(run)
    assert run.take(e.ItemEnded, "rows", 0, FAILED, "it", "oops") == [StartAttempt(2, 1)]
    assert run.succeed("handler") == [EndRun(RunStatus.SUCCEEDED)]


@pytest.mark.parametrize("width", [1, 2])
def test_a_loop_that_is_cancelled_cancels_its_items(width: int) -> None:
    run = play(loop("rows", width=width))
    listed(run)
    assert run.take(e.RunCancelRequested) == [CancelItem(0, n) for n in range(width)]
    assert run.machine.outstanding()[1:] == [StartItem(0, n) for n in range(width)] + [CancelItem(0, n) for n in range(width)]
    for n in range(width - 1):
        assert run.take(e.ItemEnded, "rows", n, CANCELLED) == []
    assert run.take(e.ItemEnded, "rows", width - 1, OK) == [EndRun(RunStatus.CANCELLED)]
    assert run.status("rows") is NodeStatus.CANCELLED


def test_a_loop_that_is_failing_does_not_cancel_its_items_again() -> None:
    run = play(loop("rows", width=2))
    listed(run)
    assert run.take(e.ItemEnded, "rows", 0, FAILED, "it", "oops") == [CancelItem(0, 1)]
    assert run.take(e.RunCancelRequested) == []
    assert run.machine.outstanding()[1:] == [StartItem(0, 1), CancelItem(0, 1)]
    assert run.take(e.ItemEnded, "rows", 1, CANCELLED) == [EndRun(RunStatus.CANCELLED)]


def test_a_loop_that_cannot_begin_fails() -> None:
    run = play(loop("rows"))
    run.start()
    assert run.take(e.EvaluationFailed, "rows", "too_many_items") == [EndRun(RunStatus.FAILED)]


def test_open_items_are_wished_again() -> None:
    run = play(loop("rows", width=2))
    listed(run)
    run.take(e.ItemEnded, "rows", 0, OK)
    assert run.machine.outstanding()[1:] == [StartItem(0, 1), StartItem(0, 2)]
    assert run.machine.open_attempts() == []
    run.take(e.ItemEnded, "rows", 1, OK)
    run.take(e.ItemEnded, "rows", 2, OK)
    assert run.machine.outstanding() == [EndRun(RunStatus.SUCCEEDED)]
    assert Machine.restore(run.machine.state.plan, run.history).state == run.machine.state


def test_facts_about_items_that_are_not_open_are_refused() -> None:
    run = play(loop("rows"), action("a"), edges=[("rows", "a")])
    listed(run)
    for name, index in (("rows", 1), ("rows", 7), ("a", 0)):
        with pytest.raises(DagflowBug, match=f"the item {index} is not open"):
            run.take(e.ItemEnded, name, index, OK)


def test_items_that_succeeded_are_undone_though_the_loop_failed() -> None:
    run = play(loop("rows"), undo_gate(), undo("rows", ""))
    listed(run)
    run.take(e.ItemEnded, "rows", 0, OK)
    assert run.take(e.ItemEnded, "rows", 1, FAILED, "it", "oops") == [StartAttempt(2, 1)]
    assert run.succeed("rows.undo") == [EndRun(RunStatus.FAILED)]


def test_a_loop_none_of_whose_items_succeeded_has_nothing_to_undo() -> None:
    run = play(loop("rows"), undo_gate(), undo("rows", ""))
    listed(run)
    assert run.take(e.ItemEnded, "rows", 0, FAILED, "it", "oops") == [EndRun(RunStatus.FAILED)]
    assert run.reason("rows.undo") is PruneReason.NOTHING_TO_UNDO


def test_an_item_that_left_something_behind_makes_a_run_that_fails_dirty() -> None:
    run = play(loop("rows"))
    listed(run)
    assert run.take(e.ItemEnded, "rows", 0, RunStatus.FAILED_DIRTY, "it", "oops") == [EndRun(RunStatus.FAILED_DIRTY)]


def test_a_yield_ends_nothing() -> None:
    run = play(simple("v", NodeKind.YIELD, 3), action("a"), edges=[("v", "a")])
    assert run.start() == [Evaluate(0)]
    assert run.take(e.ValueComputed, "v") == [StartAttempt(1, 1)]


def test_a_start_is_done_once_it_is_recorded() -> None:
    run = play(simple("s", NodeKind.START), action("a"), edges=[("s", "a")])
    assert run.start() == [Evaluate(0)]
    assert run.take(e.RunRequested, "s") == [StartAttempt(1, 1)]


def test_a_lifetime_of_its_own() -> None:
    run = play(action("a"))
    commands = run.machine.handle(e.RunStarted(1, 77))
    assert commands[0].due == 77  # type: ignore[union-attr]
    assert run.machine.outstanding()[0].due == 77  # type: ignore[union-attr]
    assert run.machine.outstanding()[0].node == NO_NODE  # type: ignore[union-attr]


def test_what_is_wrong_with_a_loop_is_noticed() -> None:
    run = play(loop("rows", width=2))
    listed(run)
    loop_state = run.machine.state.loops[0]
    loop_state.open[2] = None
    with pytest.raises(DagflowBug, match="3 items are open and 2 begun, of 3"):
        invariants.check(run.machine.state)
    loop_state.open.clear()
    with pytest.raises(DagflowBug, match="a loop runs exactly while items are open"):
        invariants.check(run.machine.state)
    run.machine.state.status[0] = NodeStatus.SUCCEEDED
    with pytest.raises(DagflowBug, match="succeeded with 2 of 3 items"):
        invariants.check(run.machine.state)
