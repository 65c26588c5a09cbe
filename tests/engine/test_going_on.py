"""A run that failed goes on from what did not succeed, whatever its flow looks like."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dagflow.engine import commands as c
from dagflow.engine import events as e
from dagflow.engine import invariants
from dagflow.engine.keeping import kept_nodes, run_again
from dagflow.engine.machine import Machine
from dagflow.engine.retrying import obstacle
from dagflow.model.flow import NodeKind
from dagflow.model.plan import NO_NODE
from dagflow.model.status import NodeStatus, RunStatus
from tests.engine.flows import SECOND, flows, program_of

_VALUES = frozenset({NodeKind.LET, NodeKind.RETURN, NodeKind.STOP, NodeKind.YIELD})
_TIMED = frozenset({NodeKind.WAIT, NodeKind.WAIT_UNTIL, NodeKind.WAIT_EVENT})


@attrs.define
class Player:
    """Answers the commands of a machine in some order; `fails` decides whether an attempt or an expression fails."""

    machine: Machine
    choose: Callable[[int], int]
    fails: Callable[[], bool]
    history: list[e.Event] = attrs.field(factory=list)
    todo: list[c.Command] = attrs.field(factory=list)
    now: int = 1

    def take(self, event: e.Event) -> None:
        self.history.append(event)
        self.todo += self.machine.handle(event)
        invariants.check(self.machine.state)

    def play(self) -> None:
        state = self.machine.state
        while state.ended is None:
            self.now += SECOND
            self._answer(self.todo.pop(self.choose(len(self.todo))))

    def _answer(self, command: c.Command) -> None:
        state, now = self.machine.state, self.now
        match command:
            case c.EndRun(status):
                self.take(e.RunEnded(now, status))
            case c.SetTimer(node, due) if node != NO_NODE:
                if state.status[node] is NodeStatus.WAITING and state.due[node] == due:
                    self.take(e.TimerFired(now, node))
            case c.CancelAttempt(node, attempt):
                if state.status[node] is NodeStatus.RUNNING:
                    self.take(e.AttemptCancelled(now, node, attempt))
            case c.StartAttempt(node, attempt) if (
                state.status[node] is NodeStatus.READY and attempt == state.attempts[node] + 1
            ):
                self.take(e.AttemptStarted(now, node, attempt))
                if self.choose(3) == 0 and any(isinstance(each, c.StartAttempt) for each in self.todo):
                    # Another one is answered while this one is under way.
                    self._answer(next(each for each in self.todo if isinstance(each, c.StartAttempt)))
                if state.status[node] is NodeStatus.RUNNING:
                    failed = e.AttemptFailed(now, node, attempt, "oops", is_fatal=True)
                    self.take(failed if self.fails() else e.AttemptSucceeded(now, node, attempt))
            case c.UseDefault(node) if state.status[node] is NodeStatus.READY:
                self.take(e.DefaultUsed(now, node))
            case c.Evaluate(node) if state.status[node] is NodeStatus.READY:
                self.take(self._evaluated(node))
            case _:
                pass

    def _evaluated(self, node: int) -> e.Event:
        kind, now = self.machine.state.plan.kinds[node], self.now
        if kind is NodeKind.FAIL or self.fails():
            return e.EvaluationFailed(now, node, "oops")
        if kind in _VALUES:
            return e.ValueComputed(now, node)
        if kind in _TIMED:
            return e.TimerSet(now, node, now + SECOND)
        if kind is NodeKind.GATE:
            return e.GateDecided(now, node, self.choose(2))
        if kind is NodeKind.EMIT:
            return e.EventEmitted(now, node)
        return e.ItemsListed(now, node, 0) if kind is NodeKind.FOR else e.RunRequested(now, node)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_failed_run_goes_on(data: st.DataObject) -> None:
    program = program_of(data.draw(flows(14)))
    random = data.draw(st.randoms(use_true_random=False))
    is_broken = True
    player = Player(Machine(program.plan), random.randrange, lambda: is_broken and random.random() < 0.3)
    player.take(e.RunStarted(1))
    player.play()
    state = player.machine.state
    named = [n for n, status in enumerate(state.status) if status in (NodeStatus.FAILED, NodeStatus.CANCELLED)]
    assume(obstacle(state) is None)
    assert named
    before = {n: state.attempts[n] for n, status in enumerate(state.status) if status is NodeStatus.SUCCEEDED}
    in_handler = {n for scope in state.plan.scopes if scope.id in ("on_error", "undo") for n in scope.members}
    is_broken = data.draw(st.booleans())
    player.take(e.RunRetryRequested(player.now, "ann"))
    player.play()
    for node in before.keys() - in_handler:
        assert (state.status[node], state.attempts[node]) == (NodeStatus.SUCCEEDED, before[node])
    failures = {state.plan.kinds[failure.node] for failure in state.failures if failure.node != NO_NODE}
    if not is_broken and not failures:
        assert state.ended is RunStatus.SUCCEEDED
    assert Machine.restore(program.plan, player.history).state == state


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_skipped_step_lets_a_failed_run_go_on(data: st.DataObject) -> None:
    program = program_of(data.draw(flows(14)))
    random = data.draw(st.randoms(use_true_random=False))
    is_broken = True
    player = Player(Machine(program.plan), random.randrange, lambda: is_broken and random.random() < 0.3)
    player.take(e.RunStarted(1))
    player.play()
    state = player.machine.state
    open_ = [n for n in range(state.plan.n_nodes) if obstacle(state, skipped=n) is None]
    open_ = [n for n in open_ if state.plan.kinds[n] in {NodeKind.ACTION, NodeKind.LET, *_TIMED}]
    assume(open_)
    is_broken = False
    player.take(e.StepSkipped(player.now, open_[0]))
    attempts = state.attempts[open_[0]]
    player.play()
    assert (state.status[open_[0]], state.attempts[open_[0]]) == (NodeStatus.SUCCEEDED, attempts)
    assert Machine.restore(program.plan, player.history).state == state


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_run_from_a_step_keeps_what_does_not_depend_on_it(data: st.DataObject) -> None:
    program = program_of(data.draw(flows(14)))
    plan = program.plan
    random = data.draw(st.randoms(use_true_random=False))
    is_broken = data.draw(st.booleans())
    player = Player(Machine(plan), random.randrange, lambda: is_broken and random.random() < 0.3)
    player.take(e.RunStarted(1))
    player.play()
    earlier = player.machine.state
    in_handler = {n for scope in plan.scopes if scope.id in ("on_error", "undo") for n in scope.members}
    steps = [n for n in range(plan.n_nodes) if n not in in_handler]
    assume(steps)
    step = data.draw(st.sampled_from(steps))
    again = run_again(plan, earlier, range(plan.n_nodes), step)
    kept = kept_nodes(earlier, range(plan.n_nodes), again)
    assert step in again
    assert not (in_handler & {each.node for each in kept})
    assert not {target for n in again for target in plan.successors[n]} - again.keys()
    fails_again = data.draw(st.booleans())
    new = Player(Machine(plan), random.randrange, lambda: fails_again and random.random() < 0.3)
    new.take(e.RunStarted(1, None, kept))
    new.play()
    state = new.machine.state
    for each in kept:
        assert (state.status[each.node], state.outcomes[each.node]) == (each.status, each.outcome)
        assert not state.attempts[each.node]
    failures = {plan.kinds[failure.node] for failure in state.failures if failure.node not in state.kept}
    if not failures:
        assert state.ended is RunStatus.SUCCEEDED
    assert Machine.restore(plan, new.history).state == state
