"""One run as every driver sees it: the machine, the values beside it, and the events not yet in the store.

A driver reports the results of impure work. The pure work that follows (gates, values, defaults) is done here at once, and
the impure work that remains is queued in `starts`, `cancels` and `timers`.

Time. Pure work takes none: its events carry the instant at which they became possible, not that of a clock. So an event that
a crash took with it comes out the same when it is computed again, down to every `now` that follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, assert_never
from weakref import ref

from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.engine import events
from dagflow.engine.commands import (
    CancelAttempt,
    CancelItem,
    Command,
    EndRun,
    Evaluate,
    SetTimer,
    StartAttempt,
    StartItem,
    UseDefault,
)
from dagflow.engine.events import Event
from dagflow.engine.machine import Machine
from dagflow.engine.retries import open_attempt
from dagflow.errors import EvaluationError
from dagflow.execution.bindings import MANUAL, Bindings, Origin
from dagflow.execution.children import Children
from dagflow.execution.correlation import changed_rows
from dagflow.execution.delivery import deliver, reach
from dagflow.execution.emitting import emitted
from dagflow.execution.evaluate import Unevaluable, arguments_of, check_known, fact_of, present
from dagflow.execution.fast_path import FastStep
from dagflow.execution.mailbox import Mailbox, PutOff
from dagflow.execution.performer import effect_key
from dagflow.execution.program import Program, canonical_with_json
from dagflow.execution.pure_time import PureTime
from dagflow.execution.replay import recall
from dagflow.execution.restarting import forget_undone
from dagflow.execution.run_state import Keeping, Lineage, RunState, claims_of
from dagflow.execution.start_record import begin_with_kept, started_json
from dagflow.ids import RunId
from dagflow.model.flow import WAITING_KINDS, Node, NodeKind
from dagflow.model.plan import NO_NODE
from dagflow.model.status import NodeStatus, RunStatus
from dagflow.model.wire.codec import WireError
from dagflow.store.api import Append, Record, SentEvent, WaitRow
from dagflow.store.codec.events import EVENT, STARTED, SUCCEEDED, Entries, Entry, from_record

#: Nodes that need more than the evaluation of an expression.
_SPECIAL = frozenset({NodeKind.WAIT_EVENT, NodeKind.FOR, NodeKind.START})
_READY: Final = NodeStatus.READY


class RunInstance(RunState):
    """One run; see also `RunState`.

    Attributes:
        starts, cancels, timers: open commands, for the driver to take; those about other runs are in `children`.
        n_recorded: history events so far, those not yet taken by `take_append` included.
        is_computing: whether pure work remains, for lack of time.
        n_binding: events up to here must be in the store before anything is done to the world. Later ones are pure.
    """

    def __init__(self, program: Program, run: RunId, lineage: Lineage | None = None, tenant: str = "") -> None:
        self.program = program
        self.run = run
        self.lineage = lineage
        self.tenant = tenant if lineage is None else lineage.parent.tenant
        # Without `[RunInstance]`, which costs as much as making the object.
        self.children: Children[RunInstance] = Children(ref(self), RunInstance)
        self.machine = Machine(program.plan)
        self.values = Bindings(program, self.machine)
        self.claims = claims_of(self)
        self.mailbox = Mailbox(run, program, self.machine, self.values, self.claims)
        self.input: Mapping[str, object] = {}
        self.origin = MANUAL
        # Lists, though they are emptied from the front: an empty deque takes ten times the room, and a run has eight of these.
        self.starts: list[StartAttempt] = []
        self.cancels: list[CancelAttempt] = []
        self.timers: list[SetTimer] = []
        self.n_events = 0
        self.keeping: Keeping | None = None
        self.n_recorded = 0
        self.n_binding = 0
        self.kept_waits: tuple[WaitRow, ...] | None = ()
        self._pending: list[Entry] = []
        self._emitted: list[SentEvent] = []
        self._pure: list[Evaluate | UseDefault | EndRun] = []
        self._known: list[Event] = []
        #: Whether there is time for more pure work now; the next event, or `go_on`, does the rest.
        self.time_slice: PureTime | None = None
        self.is_computing = False

    def begin(
        self, input_value: Mapping[str, object], origin: Origin, now: int, n_events: int = 0, due: int | None = None
    ) -> int:
        """Start the run; return how many bytes the store keeps of its start.

        Args:
            input_value: in stored form. origin: what started it. now: the instant.
            n_events: so many events of the store came before it.
            due: when its lifetime is over, if not the flow's word counts for that.
        """
        self.mailbox.n_seen = self.n_events = n_events
        self.know(input_value, origin, now)
        kept, payload = begin_with_kept(self), started_json(self, due)
        self.apply_event(events.RunStarted(now, due, kept), payload)
        return len(payload)

    def undo(self, now: int) -> None:
        """The run has ended well, and its parent is being undone."""
        self.apply_event(events.RunUndoRequested(now))

    def restore(self, records: Iterable[Record]) -> None:
        """Fold a history; then do the pure work that is open. Raises StoreError if the history is damaged."""
        plan = self.program.plan
        for record in records:
            known = from_record(record, plan)
            recall(self, known.event, known.value)
            self.machine.handle(known.event)
            self._note(known.event, known.value)
            self.n_recorded += 1
        self.kept_waits = None
        self._sort(self.machine.outstanding(), is_new=False)
        self.go_on()

    def interrupt(self, now: int) -> None:
        """After `restore`: no attempt survived, except those of child runs. They are tried again."""
        for node, attempt in self.machine.open_attempts():
            if self.children.has(node):
                command = open_attempt(self.machine.state, node)
                self.children.resume_attempt(command, command.deadline(now))
            else:
                self.apply_event(events.AttemptInterrupted(now, node, attempt))
        self.cancels.clear()

    @property
    def is_ended(self) -> bool:
        """Whether the run has ended; there is nothing more to do then."""
        return self.machine.state.ended is not None

    def begin_attempt(self, command: StartAttempt, now: int) -> Invocation | None:
        """Return the call to make, after its intent is recorded; None if it is obsolete or cannot be made."""
        node, state = command.node, self.machine.state
        if state.status[node] is not NodeStatus.READY or state.attempts[node] + 1 != command.attempt:
            return None
        is_of_children = self.children.has(node)
        arguments: Mapping[str, object] = {}
        try:
            check_known(self.program, state, node)
            if is_of_children:
                self.children.prepare_attempt(node)
            else:
                arguments = arguments_of(self.program.codes[node], self.values.of(node))
        except Unevaluable as problem:
            self._refuse(node, problem.code, problem.message)
            return None
        self._pending.append((STARTED, now, node, command.attempt))
        self.n_recorded += 1
        self.machine.start_attempt(node, command.attempt, now)
        if is_of_children:
            self.children.begin_attempt(command, command.deadline(now))
            return None
        node_id = self.program.plan.ids[node]
        return Invocation(
            action=self.program.codes[node].node.action,
            arguments=arguments,
            effect_key=effect_key(self.run, node_id, state.renewed.get(node, 0)),
            attempt=command.attempt,
            run=self.run,
            node=node_id,
            tenant=self.tenant,
            flow=self.program.flow.name,
        )

    def _refuse(self, node: int, code: str, message: str) -> None:
        """An attempt cannot begin, since an argument has no value."""
        self._apply(events.EvaluationFailed(self.machine.state.wanted_at[node], node, code, message))
        self.go_on()

    def succeed(self, node: int, value: object, now: int, jitter: float) -> None:
        """The running attempt of the node gave this result."""
        code = self.program.codes[node]
        try:
            kept, as_json = canonical_with_json(value, code.codec, code.is_plain)
        except WireError as error:
            message = f"{code.node.action} gave a result that is not {code.codec.type}: {error}"
            self.fail(node, ActionFailed(message, "bad_result", fatal=True), now, jitter)
            return
        self.succeed_fast(node, kept, now, as_json)

    def begin_fast(self, command: StartAttempt, quick: FastStep, now: int) -> Mapping[str, object] | None:
        """As `begin_attempt`, where the arguments are all that the call needs; they come as they are stored."""
        node, attempt, machine, values = command.node, command.attempt, self.machine, self.values
        state = machine.state
        if state.status[node] is not _READY or state.attempts[node] + 1 != attempt:
            return None
        try:
            arguments = quick.arguments(values.shared if quick.is_steady and not state.unseen else values.of(node))
        except (EvaluationError, Unevaluable) as problem:
            self._refuse(node, problem.code, problem.message)
            return None
        self._pending.append((STARTED, now, node, attempt))
        self.n_recorded += 1
        machine.start_attempt(node, attempt, now)
        if quick.key_names:
            arguments |= dict.fromkeys(
                quick.key_names, effect_key(self.run, self.program.plan.ids[node], state.renewed.get(node, 0))
            )
        return arguments

    def succeed_fast(self, node: int, kept: object, now: int, as_json: bytes | None = None) -> None:
        """As `succeed`, for a result in stored form that has been checked; with its JSON, if that is there."""
        machine, program = self.machine, self.program
        attempt = machine.state.attempts[node]
        values, node_id = self.values, program.plan.ids[node]
        values.outputs[node_id] = values.shared[node_id] = kept
        self._pending.append((SUCCEEDED, now, node, attempt, program.codes[node].dumps, kept, as_json))
        self.n_binding = self.n_recorded = self.n_recorded + 1
        commands = machine.succeed_attempt(node, attempt, now)
        if commands:
            self._sort(commands)
            if self._pure or self._known:
                self.go_on()

    def fail(self, node: int, failure: ActionFailed, now: int, jitter: float, *, is_dirty: bool = False) -> None:
        """The running attempt of the node failed."""
        event = events.AttemptFailed(
            now,
            node,
            self._attempt(node),
            failure.code,
            failure.message,
            failure.fatal,
            failure.retry_after_ns,
            jitter,
            is_dirty,
        )
        self.apply_event(event, self.values.keep_traceback(node, failure.traceback))

    def cancelled(self, node: int, now: int, *, is_made: bool = True) -> None:
        """The running attempt of the node was stopped, as requested; `is_made`: whether its call had started."""
        self.apply_event(events.AttemptCancelled(now, node, self._attempt(node), is_made))

    def is_cancelling(self, node: int) -> bool:
        """Whether the running attempt of the node is to be cancelled."""
        return self.machine.state.is_cancelling[node]

    def is_due(self, timer: SetTimer) -> bool:
        """Whether anything still waits for this timer."""
        state = self.machine.state
        if timer.node == NO_NODE:
            # A run that is retried has a new lifetime.
            return state.ended is None and not state.is_end_commanded and state.lifetime_due == timer.due
        return state.status[timer.node] is NodeStatus.WAITING and state.due[timer.node] == timer.due

    def fire(self, timer: SetTimer, now: int) -> None:
        """The timer's instant has come; nothing happens if nothing waits for it any more."""
        if not self.is_due(timer):
            return
        if timer.node == NO_NODE:
            self.apply_event(events.RunTimedOut(now))
            return
        kind = self.program.plan.kinds[timer.node]
        if kind is NodeKind.WAIT_EVENT and self.claims is not None and self.claims.hold_timer(self, timer):
            return
        if kind in WAITING_KINDS:
            self.values.set(timer.node, None)
        self.apply_event(events.TimerFired(now, timer.node))

    def deliver(self, event: SentEvent, now: int) -> bool:
        """An event is in the store; return whether a wait took it or the mailbox keeps it. Delivery is idempotent."""
        return deliver([self], event, now)

    def cancel(self, now: int) -> None:
        """Somebody asked to cancel the run; nothing happens if it is ending already."""
        state = self.machine.state
        if state.ending is None and not state.is_end_commanded:
            self.apply_event(events.RunCancelRequested(now))

    def take_append(self) -> Append | None:
        """Return the events that the store does not have yet, with the run's new row; they count as taken."""
        if not self._pending:
            return None
        state, pending, self._pending = self.machine.state, self._pending, []
        emitted, self._emitted = tuple(self._emitted), []
        status, due_at = state.standing()
        return Append(
            run=self.run,
            first=self.n_recorded - len(pending),
            records=Entries(self.program.plan, pending),
            status=status,
            ended_at=None if state.ended is None else state.now,
            due_at=due_at,
            events=emitted,
            waits=changed_rows(self, status),
        )

    def standing(self) -> tuple[RunStatus, int | None]:
        """The run's status and, if it sleeps, until when."""
        return self.machine.state.standing()

    def _attempt(self, node: int) -> int:
        return self.machine.state.attempts[node]

    def item(self, node: int, index: int) -> Mapping[str, object]:
        """Return the values that the body of a loop reads of an item."""
        return self.children.item(node, index)

    def know(self, input_value: Mapping[str, object], origin: Origin, started_at: int) -> None:
        """Set the origin and the input of the run."""
        self.input, self.origin = input_value, origin
        if self.lineage is not None and self.lineage.is_item:
            self.values.start_item(self.lineage.parent.values.of(self.lineage.node), input_value)
        else:
            self.values.start(self.run, input_value, origin, started_at)

    def apply_event(self, event: Event, value: bytes | None = None) -> None:
        """Take an event from outside; dependents may touch the world only once it is in the store."""
        self._apply(event, value)
        self.n_binding = self.n_recorded
        self.go_on()

    def _apply(self, event: Event, value: bytes | None = None) -> None:
        self._pending.append((EVENT, event, value))
        self.n_recorded += 1
        commands = self.machine.handle(event)
        self._note(event, value)
        self._sort(commands)

    def _note(self, event: Event, value: bytes | None) -> None:
        """The machine has taken an event: what it means for the values."""
        if isinstance(event, events.ItemsListed | events.ItemEnded):
            self.children.note(event, value)
        elif isinstance(event, events.RunRetryRequested | events.StepSkipped):
            forget_undone(self)

    def _sort(self, commands: Iterable[Command], *, is_new: bool = True) -> None:
        for command in commands:
            if isinstance(command, StartAttempt):
                # Of these there are most.
                self.starts.append(command)
                continue
            match command:
                case Evaluate() | UseDefault() | EndRun():
                    self._pure.append(command)
                case SetTimer():
                    self.timers.append(command)
                case CancelAttempt() if self.children.has(command.node):
                    self.children.stop_attempt(command.node, command.attempt)
                case CancelAttempt():
                    self.cancels.append(command)
                case StartItem():
                    known = self.children.start_item(command, is_new=is_new)
                    if known is not None:
                        self._known.append(known)
                case CancelItem():
                    self.children.stop_item(command)
                case _:
                    assert_never(command)

    def go_on(self) -> None:
        """Do the pure work that is possible now, as far as there is time."""
        pure, known, state, time_slice = self._pure, self._known, self.machine.state, self.time_slice
        if not (pure or known):
            return
        while pure or known:
            if time_slice is not None and not time_slice.is_short():
                self.is_computing = True
                return
            if known:
                self._apply(known.pop(0))
                continue
            command = pure.pop(0)
            if isinstance(command, EndRun):
                self._apply(events.RunEnded(state.now, command.status))
            elif state.status[command.node] is NodeStatus.READY:
                self._compute_node(command)
        self.is_computing = False
        if time_slice is not None:
            time_slice.rest()

    def _compute_node(self, command: Evaluate | UseDefault) -> None:
        node = command.node
        code = self.program.codes[node]
        if code.node.kind in _SPECIAL:
            try:
                self._compute_special(node, code.node)
            except PutOff:
                self._pure.insert(0, command)
            return
        event, value, kept = fact_of(command, code, self.values.of(node), self.machine.state)
        if not isinstance(event, (events.TimerSet, events.EvaluationFailed)):
            self.values.set(node, value)
        if isinstance(event, events.EventEmitted):
            self._emitted.append(emitted(self, node, event.at, present(kept)))
        self._apply(event, kept)

    def _compute_special(self, node: int, of: Node) -> None:
        try:
            match of.kind:
                case NodeKind.WAIT_EVENT:
                    reached = reach(self, node)
                    self._apply(reached)
                    if self.claims is not None and isinstance(reached, events.EventTaken):
                        # After a crash another wait of the whole might get it.
                        self.n_binding = self.n_recorded
                case NodeKind.FOR:
                    self._apply(self.children.list_items(node))
                case _:
                    event, kept = self.children.request(node)
                    self._apply(event, kept)
        except Unevaluable as problem:
            self._apply(events.EvaluationFailed(self.machine.state.wanted_at[node], node, problem.code, problem.message))
