"""The machine of one run: events in, commands out. Pure: the same events return the same commands, anywhere and at any time.

How an event is handled. Its own node changes status by the table. Whatever that settles is counted out where it was waited
for; nodes with nothing left to wait for are decided in turn, which may settle them and others. So an event costs the nodes
it changes. Nodes made ready come out in declared order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, cast

from dagflow.engine import events
from dagflow.engine.commands import Command, EndRun, Evaluate, SetTimer, UseDefault
from dagflow.engine.events import Event
from dagflow.engine.joins import note_unseen
from dagflow.engine.keeping import keep
from dagflow.engine.loops import end_item, list_items, open_commands
from dagflow.engine.pruning import prune, prune_reason
from dagflow.engine.retries import TIMEOUT, next_attempt, retry_due
from dagflow.engine.retrying import restart
from dagflow.engine.scopes import end_all, fail_node, fail_run, stop_losers
from dagflow.engine.state import Failure, State
from dagflow.engine.transitions import TRANSITIONS, Change
from dagflow.engine.undoing import UNKNOWN_OUTCOME, is_taken_back, is_unwinding, note_broken_off, note_failure, reopen
from dagflow.errors import DagflowBug
from dagflow.model.flow import NodeKind
from dagflow.model.lengths import roughly
from dagflow.model.plan import NO_NODE, Plan
from dagflow.model.status import NodeStatus, RunStatus

_ATTEMPTED: Final = frozenset({NodeKind.ACTION, NodeKind.CALL, NodeKind.UNDO})
# Looked up once instead of for every event.
_READY: Final = NodeStatus.READY
_BEGUN: Final = TRANSITIONS[NodeStatus.READY][Change.START_ATTEMPT]


class Machine:
    """One run. `state` may be read between events, and only read."""

    __slots__ = ("state",)

    def __init__(self, plan: Plan) -> None:
        self.state = State.initial(plan)

    @classmethod
    def restore(cls, plan: Plan, history: Iterable[Event]) -> Machine:
        """The machine after these events; ask it for `open_attempts` and `outstanding` before going on."""
        machine = cls(plan)
        for event in history:
            machine.handle(event)
        return machine

    def handle(self, event: Event) -> list[Command]:
        """Take an event and return the commands that follow. Raises DagflowBug if it cannot be an event of this run."""
        match event:
            case events.AttemptStarted(at, node, attempt):
                self.start_attempt(node, attempt, at)
                return []
            case events.AttemptSucceeded(at, node, attempt):
                # Also while it was being cancelled: the success has happened.
                return list(self.succeed_attempt(node, attempt, at))
            case _:
                return self._handle_other(event)

    def _handle_other(self, event: Event) -> list[Command]:
        state = self.state
        handler = _HANDLERS.get(type(event))
        if handler is None or (state.ended is not None and not isinstance(event, events.REOPENING)):
            raise DagflowBug(f"{event} is no event for a run that has ended {state.ended}")
        state.now = event.at
        handler(state, event)
        return self._finish()

    def start_attempt(self, node: int, attempt: int, at: int) -> None:
        """`handle` of `AttemptStarted`, which occurs once per call; it returns no commands."""
        state = self.state
        if state.ended is not None or attempt != state.attempts[node] + 1:
            raise DagflowBug(f"attempt {attempt} is out of turn: {state.story(node)}")
        state.now = at
        if state.status[node] is _READY:
            # As `change` does: a ready node counts as active, like a running one.
            state.status[node] = _BEGUN
        else:
            state.change(node, Change.START_ATTEMPT)
        state.attempts[node] = attempt
        if attempt == state.series.get(node, 1):
            state.first_started_at[node] = at

    def succeed_attempt(self, node: int, attempt: int, at: int) -> Sequence[Command]:
        """`handle` of `AttemptSucceeded`: successors that become ready are decided immediately."""
        state = self.state
        if state.ended is not None or attempt != state.attempts[node]:
            raise DagflowBug(f"attempt {attempt} is not the last one: {state.story(node)}")
        state.now = at
        if state.plan.is_watched[node]:
            state.change(node, Change.SUCCEED)
            return self._finish()
        made_ready = state.succeed_unwatched(node)
        if state.undecided or not state.n_unsettled:
            state.made_ready += made_ready
            return self._finish()
        return [_command_of(state, target) for target in made_ready] if made_ready else ()

    def open_attempts(self) -> list[tuple[int, int]]:
        """Nodes with an attempt running, and its number. A loop has none."""
        state = self.state
        return [
            (n, state.attempts[n])
            for n, status in enumerate(state.status)
            if status is NodeStatus.RUNNING and n not in state.loops
        ]

    def outstanding(self) -> list[Command]:
        """Every open command except cancellations, for a driver that has lost them. Running attempts are not started again."""
        state = self.state
        if state.ended is not None:
            return []
        if state.is_end_commanded:
            return [EndRun(_end_status(state))]
        found: list[Command] = [SetTimer(NO_NODE, state.lifetime_due)]
        for node, status in enumerate(state.status):
            if status is NodeStatus.READY:
                found.append(_command_of(state, node))
            elif status is NodeStatus.WAITING:
                found.append(SetTimer(node, state.due[node]))
        return found + open_commands(state)

    def _finish(self) -> list[Command]:
        state = self.state
        undecided, won = state.undecided, state.won
        while undecided or won:
            # A race last, when nothing else follows from the event: every branch that is done by then counts.
            if undecided:
                node = undecided.pop(0)
                if state.status[node] is NodeStatus.PENDING:
                    _decide(state, node)
            else:
                won.sort()
                _end_race(state, won.pop(0))
        commands = state.commands
        if state.made_ready:
            state.made_ready.sort()
            # Not all are: a race that was won in the meantime may have taken some out.
            commands += [_command_of(state, node) for node in state.made_ready if state.status[node] is NodeStatus.READY]
            state.made_ready = []
        if not state.n_unsettled and not state.is_end_commanded:
            state.is_end_commanded = True
            commands.append(EndRun(_end_status(state)))
        state.commands = []
        return commands


def _decide(state: State, node: int) -> None:
    """Everything the node comes after is settled (or its early join is released)."""
    state.ready_at[node] = state.now
    reason = prune_reason(state, node)
    if reason is not None:
        prune(state, node, reason)
        return
    match state.plan.kinds[node]:
        case NodeKind.GROUP:
            state.change(node, Change.PASS)
        case NodeKind.RACE:
            state.won.append(node)
        case NodeKind.CATCH:
            caught = state.scope_causes[state.plan.catches[node]] != NO_NODE
            state.outcomes[node] = int(caught)
            state.change(node, Change.PASS)
        case NodeKind.UNWIND:
            state.outcomes[node] = int(is_unwinding(state))
            state.change(node, Change.PASS)
        case _:
            note_unseen(state, node)
            state.change(node, Change.MAKE_READY)
            state.made_ready.append(node)


def _end_race(state: State, node: int) -> None:
    if state.status[node] is NodeStatus.PENDING:  # pragma: no branch - one that was pruned is not decided again
        state.change(node, Change.PASS)
        stop_losers(state, node)


def _command_of(state: State, node: int) -> Command:
    """The command for a node that is ready."""
    if not state.attempts[node] and not state.uses_default[node]:
        command = state.first_commands.get(node)
        if command is None:
            command = state.first_commands[node] = _new_command(state, node)
        return command
    return _new_command(state, node)


def _new_command(state: State, node: int) -> Command:
    if state.uses_default[node]:
        return UseDefault(node)
    if state.plan.kinds[node] in _ATTEMPTED:
        return next_attempt(state, node)
    return Evaluate(node)


def _end_status(state: State) -> RunStatus:
    if state.ending is None:
        causes = zip(state.scope_causes, state.plan.scopes, strict=True)
        top_failed = any(cause != NO_NODE and scope.parent == NO_NODE for cause, scope in causes)
        status = RunStatus.FAILED if top_failed else RunStatus.SUCCEEDED
    else:
        status = state.ending
    return RunStatus.FAILED_DIRTY if state.is_dirty and status is not RunStatus.SUCCEEDED else status


def _run_started(state: State, event: events.RunStarted) -> None:
    state.started_at = event.at
    state.lifetime_due = event.at + state.plan.lifetime_ns if event.due is None else event.due
    state.commands.append(SetTimer(NO_NODE, state.lifetime_due))
    if event.kept:
        keep(state, event.kept)
        return
    state.release_empty_scopes()
    state.undecided.extend(node for node, count in enumerate(state.n_waits) if not count)


def _gate_decided(state: State, event: events.GateDecided) -> None:
    state.outcomes[event.node] = event.outcome
    state.change(event.node, Change.SUCCEED)


def _value_computed(state: State, event: events.ValueComputed) -> None:
    state.change(event.node, Change.SUCCEED)
    if state.plan.kinds[event.node] in (NodeKind.RETURN, NodeKind.STOP):
        state.ending = RunStatus.FAILED if state.scope_causes[0] != NO_NODE else RunStatus.SUCCEEDED
        end_all(state)


def _left_in_store(state: State, event: events.EventEmitted | events.RunRequested) -> None:
    state.change(event.node, Change.SUCCEED)


def _timer_set(state: State, event: events.TimerSet) -> None:
    state.change(event.node, Change.SET_TIMER)
    state.due[event.node] = event.due
    state.commands.append(SetTimer(event.node, event.due))


def _timer_fired(state: State, event: events.TimerFired) -> None:
    node = event.node
    match state.plan.kinds[node]:
        case NodeKind.ACTION | NodeKind.CALL | NodeKind.UNDO:
            state.change(node, Change.RETRY_NOW)
            state.made_ready.append(node)
        case NodeKind.WAIT_EVENT:
            state.outcomes[node] = 0
            state.change(node, Change.GIVE_UP)
        case _:
            state.change(node, Change.SUCCEED)


def _event_arrived(state: State, _event: events.EventArrived) -> None:
    state.n_arrived += 1


def _event_given(_state: State, _event: events.EventGiven) -> None:
    """The event belongs to another run."""


def _event_taken(state: State, event: events.EventTaken) -> None:
    if event.number in state.taken or not 0 <= event.number < state.n_arrived:
        raise DagflowBug(f"the event {event.number} of {state.n_arrived} is not there to be taken: {state.story(event.node)}")
    state.taken.add(event.number)
    state.outcomes[event.node] = 1
    state.change(event.node, Change.SUCCEED)


def _attempt_failed(state: State, event: events.AttemptFailed) -> None:
    node = event.node
    _check_attempt(state, node, event.attempt)
    note_failure(state, node, event.code)
    state.n_failed[node] += 1
    is_unknown = state.plan.at_most_once[node] and event.code == TIMEOUT
    state.is_dirty |= event.is_dirty or (is_unknown and not is_taken_back(state, node))
    due = None if state.is_cancelling[node] else retry_due(state, event)
    if due is None:
        code = UNKNOWN_OUTCOME if is_unknown else event.code
        fail_node(state, Failure(node, event.attempt, code, event.message))
    else:
        state.change(node, Change.RETRY_LATER)
        state.due[node] = due
        state.commands.append(SetTimer(node, due))


def _attempt_interrupted(state: State, event: events.AttemptInterrupted) -> None:
    node = event.node
    _check_attempt(state, node, event.attempt)
    note_broken_off(state, node)
    if state.is_cancelling[node]:
        state.change(node, Change.CANCEL)
    elif state.plan.at_most_once[node]:
        state.is_dirty |= not is_taken_back(state, node)
        message = "the process ended while the attempt was under way; nobody knows whether it took effect"
        fail_node(state, Failure(node, event.attempt, UNKNOWN_OUTCOME, message))
    else:
        state.change(node, Change.RETRY_NOW)
        state.made_ready.append(node)


def _attempt_cancelled(state: State, event: events.AttemptCancelled) -> None:
    _check_attempt(state, event.node, event.attempt)
    if not state.is_cancelling[event.node]:
        raise DagflowBug(f"nobody asked to cancel: {state.story(event.node)}")
    if event.is_made:
        note_broken_off(state, event.node)
    state.change(event.node, Change.CANCEL)


def _check_attempt(state: State, node: int, attempt: int) -> None:
    if attempt != state.attempts[node]:
        raise DagflowBug(f"attempt {attempt} is not the last one: {state.story(node)}")


def _evaluation_failed(state: State, event: events.EvaluationFailed) -> None:
    fail_node(state, Failure(event.node, state.attempts[event.node], event.code, event.message))


def _default_used(state: State, event: events.DefaultUsed) -> None:
    if not state.uses_default[event.node]:
        raise DagflowBug(f"the default is not wanted: {state.story(event.node)}")
    state.change(event.node, Change.SUCCEED)


def _run_cancel_requested(state: State, _event: events.RunCancelRequested) -> None:
    if state.ending is None:
        state.ending = RunStatus.CANCELLED
        end_all(state)


def _run_undo_requested(state: State, _event: events.RunUndoRequested) -> None:
    if state.ended is not RunStatus.SUCCEEDED:
        raise DagflowBug(f"a run that is {state.ended or 'not over'} undoes itself, or has")
    reopen(state)


def _run_retry_requested(state: State, _event: events.RunRetryRequested) -> None:
    restart(state)


def _step_skipped(state: State, event: events.StepSkipped) -> None:
    node = event.node
    if state.ended is not None:
        restart(state, node)
    if state.plan.kinds[node] is NodeKind.WAIT_EVENT:
        state.outcomes[node] = 1
    state.skipped[node] = event.by
    state.change(node, Change.SKIP)


def _run_timed_out(state: State, _event: events.RunTimedOut) -> None:
    if state.ending is None:
        after = roughly(state.lifetime_due - state.started_at)
        fail_run(state, Failure(NO_NODE, 0, "run_timeout", f"the run was not done after {after}"))


def _run_ended(state: State, event: events.RunEnded) -> None:
    if not state.is_end_commanded or event.status is not _end_status(state):
        raise DagflowBug(f"the run cannot end {event.status} with {state.n_unsettled} nodes undecided")
    state.ended = event.status


_HANDLERS: Final = cast(
    "dict[type[Event], Callable[[State, Event], None]]",
    {
        events.RunStarted: _run_started,
        events.GateDecided: _gate_decided,
        events.ValueComputed: _value_computed,
        events.EventEmitted: _left_in_store,
        events.RunRequested: _left_in_store,
        events.ItemsListed: list_items,
        events.ItemEnded: end_item,
        events.TimerSet: _timer_set,
        events.TimerFired: _timer_fired,
        events.EventArrived: _event_arrived,
        events.EventGiven: _event_given,
        events.EventTaken: _event_taken,
        events.AttemptFailed: _attempt_failed,
        events.AttemptInterrupted: _attempt_interrupted,
        events.AttemptCancelled: _attempt_cancelled,
        events.EvaluationFailed: _evaluation_failed,
        events.DefaultUsed: _default_used,
        events.RunCancelRequested: _run_cancel_requested,
        events.RunUndoRequested: _run_undo_requested,
        events.RunRetryRequested: _run_retry_requested,
        events.StepSkipped: _step_skipped,
        events.RunTimedOut: _run_timed_out,
        events.RunEnded: _run_ended,
    },
)
