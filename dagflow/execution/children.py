"""The runs that a run has of its own: one for each item of a loop, one for each attempt of a call.

A child is a run like any other, with a history of its own, under an id made of its parent's. The child of a loop's item also
reads the names around the loop, so it is only ever in memory together with its parent. The parent learns of the end of a child
once that end is in the store; so a child whose end has not reached the parent is found again after a crash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar
from weakref import ReferenceType

import attrs
import orjson

from dagflow.actions.failures import ActionFailed
from dagflow.engine import events
from dagflow.engine.commands import CancelItem, StartAttempt, StartItem
from dagflow.engine.events import Event
from dagflow.errors import DagflowBug
from dagflow.execution.bindings import Origin
from dagflow.execution.delivery import always, settling
from dagflow.execution.evaluate import Unevaluable, arguments_of
from dagflow.execution.input import of_call
from dagflow.execution.latest_outcome import returned, yielded_json
from dagflow.execution.loop_items import LoopItems, failure_record, list_items, loop_value
from dagflow.execution.performer import renewed_name
from dagflow.execution.program import Program
from dagflow.execution.run_state import Lineage, RunState
from dagflow.ids import RunId, derived_run_id
from dagflow.model.flow import Loop, Node, NodeKind
from dagflow.model.plan import NO_NODE
from dagflow.model.status import NodeStatus, RunStatus
from dagflow.model.wire.codec import WireError

#: The codes of a loop that cannot begin, and of an item that was not begun.
TOO_MANY_ITEMS, DUPLICATE_KEY = "too_many_items", "duplicate_key"
#: The code of a run that was cancelled individually, and of one that could not be undone as a whole.
CANCELLED, NOT_UNDONE = "cancelled", "not_undone"
#: The codes of a run whose lifetime was over, and of an attempt that took too long.
RUN_TIMEOUT, TIMEOUT = "run_timeout", "timeout"


@attrs.frozen
class Requested:
    """A run that a `start` made, to begin together with the event that says so. `key`: of its flow among the callees."""

    run: RunId
    key: str
    input: Mapping[str, object]
    at: int


@attrs.frozen
class Spawn:
    """A child to go on with.

    Attributes:
        node, number: of its parent, and the item's index or the attempt's number.
        due: when it is to be over; None where its own flow says so.
        is_new: the child has not begun, and it begins `at` that instant; else it may be in the store.
        is_undo: it has ended well, and is to be undone.
    """

    node: int
    number: int
    run: RunId
    due: int | None = None
    at: int = 0
    is_new: bool = False
    is_undo: bool = False

    @property
    def is_missed(self) -> bool:
        """Whether events must wait until the child is back: it may have waited for them longer than any other run."""
        return not self.is_new and not self.is_undo


@attrs.define(eq=False)
class Unwinding:
    """The undoing of a node's children, the last one first: those not begun, how many are under way, and how many went wrong."""

    todo: deque[Spawn]
    total: int
    n_open: int = 0
    n_dirty: int = 0


_Run = TypeVar("_Run", bound=RunState)


@attrs.define(eq=False)
class Children(Generic[_Run]):
    """The child runs of one run.

    Attributes:
        spawns: commands to go on with a child, for the driver to take. stops: the runs to cancel.
    """

    #: Weak, since the parent refers to this object: an unreferenced run is freed at once, without a pass of the cycle collector.
    _parent_ref: ReferenceType[_Run]
    #: Makes a child of a flow.
    _new: Callable[[Program, RunId, Lineage], _Run]
    spawns: list[Spawn] = attrs.field(factory=list)
    stops: list[RunId] = attrs.field(factory=list)
    _requested: list[Requested] = attrs.field(factory=list)
    _listed: dict[int, LoopItems] = attrs.field(factory=dict)
    #: Of calls that are about to begin.
    _inputs: dict[int, Mapping[str, object]] = attrs.field(factory=dict)
    _unwinding: dict[int, Unwinding] = attrs.field(factory=dict)

    @property
    def _parent(self) -> _Run:
        parent = self._parent_ref()
        if parent is None:
            raise DagflowBug("the parent of these runs is gone")
        return parent

    def has(self, node: int) -> bool:
        """Whether child runs make the attempts of the node, instead of an action."""
        kind = self._parent.program.plan.kinds[node]
        return kind is NodeKind.CALL or (kind is NodeKind.UNDO and not self._node(node).action)

    def run_of(self, node: int, number: int) -> RunId:
        """The id of a child."""
        name = self._parent.program.plan.ids[node]
        is_item = self._parent.program.plan.kinds[node] is NodeKind.FOR
        return RunId(f"{self._parent.run}/{name}[{number}]" if is_item else f"{self._parent.run}/{name}#{number}")

    # ---- loops

    def list_items(self, node: int) -> Event:
        """A loop is reached: return the event that says so. Raises Unevaluable."""
        listed, loop = self._evaluated(node), self._loop(node)
        if len(listed.items) > loop.most:
            raise Unevaluable(TOO_MANY_ITEMS, f"there are {len(listed.items)} items, and the loop takes {loop.most} at most")
        if listed.refused and not loop.collects:
            raise Unevaluable(DUPLICATE_KEY, next(iter(listed.refused.values())))
        self._listed[node] = listed
        return events.ItemsListed(self._parent.machine.state.wanted_at[node], node, len(listed.items))

    def start_item(self, command: StartItem, *, is_new: bool) -> Event | None:
        """Start an item; return the event of its end if it cannot even begin."""
        node, index = command.node, command.index
        refusal = self.listed(node).refused.get(index)
        if refusal is None:
            self._command_of(Spawn(node, index, self.run_of(node, index), self._lifetime_due, self._now, is_new=is_new))
            return None
        now = self._parent.machine.state.now
        return events.ItemEnded(now, node, index, RunStatus.FAILED, "", DUPLICATE_KEY, refusal)

    def _command_of(self, spawn: Spawn) -> None:
        claims = self._parent.claims
        if claims is not None and spawn.is_missed:
            claims.n_absent += 1
        self.spawns.append(spawn)

    def is_back(self, spawn: Spawn, now: int) -> list[RunState]:
        """The requested child is back; return the runs that this may have changed."""
        return [progress for changed in self.coming_back(spawn, lambda: now, always) for progress in changed]

    def coming_back(self, spawn: Spawn, now: Callable[[], int], is_short: Callable[[], bool]) -> Iterator[list[RunState]]:
        """As `is_back`; yields the runs that may have changed so far, where others may have their turn."""
        claims = self._parent.claims
        if claims is None or not spawn.is_missed:
            return
        if claims.n_absent == 1:
            # It counts as absent until all events that came meanwhile are delivered, so later events queue behind them.
            yield from settling(claims, now, is_short)
        claims.n_absent -= 1
        if not claims.n_absent:
            yield claims.release_timers()

    def item(self, node: int, index: int) -> Mapping[str, object]:
        """Return the values that the body of a loop reads of an item."""
        return self.listed(node).bindings(self._loop(node), index)

    def make(self, spawn: Spawn) -> _Run:
        """Return the requested child, neither begun nor restored."""
        program = self._parent.program
        node = spawn.node if program.plan.undoes[spawn.node] == NO_NODE else program.plan.undoes[spawn.node]
        is_item = program.plan.kinds[node] is NodeKind.FOR
        of = program.bodies[node] if is_item else program.callees[self._node(node).flow]
        return self._new(of, spawn.run, Lineage(self._parent, node, spawn.number, is_item))

    def begin(self, child: RunState, spawn: Spawn, now: int) -> None:
        """Begin a child. Events since the root run began may be for its waits."""
        parent = self._parent
        if spawn.is_new:
            # What begins together waits since the same instant, in whichever order it is brought to life.
            now = spawn.at
        if parent.program.plan.kinds[spawn.node] is NodeKind.FOR:
            child.begin(self.item(spawn.node, spawn.number), parent.origin, now, parent.n_events, spawn.due)
            return
        value = self._inputs.pop(spawn.node, None)
        if value is None:
            value = self.input_of(spawn.node)
        due = None if spawn.due is None else min(spawn.due, now + child.program.plan.lifetime_ns)
        origin = Origin(kind="flow", name=parent.program.flow.name, hops=parent.origin.hops)
        child.begin(value, origin, now, parent.n_events, due)

    def input_of(self, node: int) -> Mapping[str, object]:
        """Return the input of the called or started flow, in stored form. Raises Unevaluable: it is not of the flow's types."""
        parent = self._parent
        program = parent.program.callees[self._node(node).flow]
        try:
            return of_call(program, arguments_of(parent.program.codes[node], parent.values.of(node)))
        except WireError as error:
            raise Unevaluable.misfit(error, f"the input of {program.flow.name!r}") from None

    def prepare_attempt(self, node: int) -> None:
        """A call is about to begin: find its input. Raises Unevaluable."""
        if self._parent.program.plan.kinds[node] is NodeKind.CALL:
            self._inputs[node] = self.input_of(node)

    def stop_item(self, command: CancelItem) -> None:
        """An item is to be cancelled."""
        self.stops.append(self.run_of(command.node, command.index))

    def listed(self, node: int) -> LoopItems:
        """The items of a loop; evaluated again after a restart, to the same."""
        listed = self._listed.get(node)
        if listed is None:
            listed = self._listed[node] = self._evaluated(node)
        return listed

    def note(self, event: events.ItemsListed | events.ItemEnded, value: bytes | None) -> None:
        """The machine has taken this; a loop that is over by that has its value."""
        node, listed = event.node, self.listed(event.node)
        if isinstance(event, events.ItemEnded):
            if value is not None:
                listed.yields[event.index] = self._parent.program.bodies[node].result_codec.loads(value)
            if event.status is not RunStatus.SUCCEEDED:
                listed.failures[event.index] = failure_record(event)
        if self._parent.machine.state.status[node] is NodeStatus.SUCCEEDED:
            self._parent.values.set(node, loop_value(self._loop(node), listed))

    # ---- runs that go their own way

    def request(self, node: int) -> tuple[Event, bytes]:
        """A run of another flow begins, in the same transaction as this is recorded. Raises Unevaluable."""
        parent, of = self._parent, self._node(node)
        at = parent.machine.state.wanted_at[node]
        value = self.input_of(node)
        # A retried run may come here again, even at the same instant.
        run = derived_run_id(at, renewed_name(f"{parent.run}/{of.id}", parent.machine.state.renewed.get(node, 0)))
        self._requested.append(Requested(run, of.flow, value, at))
        parent.values.set(node, {"run_id": run})
        return events.RunRequested(at, node), orjson.dumps({"run_id": run})

    def take_requested(self) -> list[Requested]:
        """Return the runs to begin together with the events of the last append."""
        if not self._requested:
            return []
        requested, self._requested = self._requested, []
        return requested

    # ---- calls, and the undoing of children

    def begin_attempt(self, command: StartAttempt, due: int | None) -> None:
        """The attempt of a call, or of an undo of children, is in the history: go on with the children."""
        if self._parent.program.plan.kinds[command.node] is NodeKind.CALL:
            run = self.run_of(command.node, command.attempt)
            self.spawns.append(Spawn(command.node, command.attempt, run, due, self._now, is_new=True))
        else:
            self._unwind(command.node)

    def resume_attempt(self, command: StartAttempt, due: int | None) -> None:
        """After a restart: the attempt goes on where its children are."""
        if self._parent.program.plan.kinds[command.node] is NodeKind.CALL:
            run = self.run_of(command.node, command.attempt)
            self._command_of(Spawn(command.node, command.attempt, run, due))
            if self._parent.is_cancelling(command.node):
                self.stops.append(run)
        else:
            self._unwind(command.node)

    def stop_attempt(self, node: int, attempt: int) -> None:
        """The attempt of a call is to be stopped."""
        self.stops.append(self.run_of(node, attempt))

    def ended(self, spawn: Spawn, child: RunState, now: int, jitter: float) -> None:
        """The end of a child is in the store."""
        status = child.machine.state.ended
        if status is None:
            raise DagflowBug(f"run {child.run} is said to have ended")
        if spawn.is_undo:
            self._undone(spawn, status, now, jitter)
        elif self._parent.program.plan.kinds[spawn.node] is NodeKind.FOR:
            self._parent.apply_event(self._item_ended(spawn, child, status, now), yielded_json(child))
        else:
            self._called(spawn, child, status, now, jitter)

    def _item_ended(self, spawn: Spawn, child: RunState, status: RunStatus, now: int) -> events.ItemEnded:
        if status is RunStatus.SUCCEEDED:
            return events.ItemEnded(now, spawn.node, spawn.number, status)
        step, failure, attempt = _cause(spawn, child)
        return events.ItemEnded(now, spawn.node, spawn.number, status, step, failure.code, failure.message, attempt)

    def _called(self, spawn: Spawn, child: RunState, status: RunStatus, now: int, jitter: float) -> None:
        node = spawn.node
        if status is RunStatus.SUCCEEDED:
            self._parent.succeed(node, returned(child), now, jitter)
        elif status is RunStatus.CANCELLED and self._parent.is_cancelling(node):
            self._parent.cancelled(node, now)
        else:
            step, failure, _ = _cause(spawn, child)
            message = f"{step}: {failure.message}" if step else failure.message
            cause = ActionFailed(message, failure.code)
            self._parent.fail(node, cause, now, jitter, is_dirty=status is RunStatus.FAILED_DIRTY)

    def _unwind(self, node: int) -> None:
        target = self._parent.program.plan.undoes[node]
        state = self._parent.machine.state
        loop = state.loops.get(target)
        numbers = [state.attempts[target]] if loop is None else list(reversed(loop.succeeded))
        # A spawn belongs to the node that undoes; its run to the one that is undone.
        todo = deque(Spawn(node, number, self.run_of(target, number), is_undo=True) for number in numbers)
        unwinding = self._unwinding[node] = Unwinding(todo, len(todo))
        for _ in range(max(1, self._parent.program.plan.widths[target])):
            self._undo_next(unwinding)

    def _undo_next(self, unwinding: Unwinding) -> None:
        if unwinding.todo:
            unwinding.n_open += 1
            self.spawns.append(unwinding.todo.popleft())

    def _undone(self, spawn: Spawn, status: RunStatus, now: int, jitter: float) -> None:
        unwinding = self._unwinding[spawn.node]
        unwinding.n_open -= 1
        unwinding.n_dirty += status is RunStatus.FAILED_DIRTY
        self._undo_next(unwinding)
        if unwinding.n_open:
            return
        del self._unwinding[spawn.node]
        if unwinding.n_dirty:
            message = f"{unwinding.n_dirty} of {unwinding.total} runs could not be undone as a whole"
            self._parent.fail(spawn.node, ActionFailed(message, NOT_UNDONE, fatal=True), now, jitter)
        else:
            self._parent.succeed(spawn.node, None, now, jitter)

    def _evaluated(self, node: int) -> LoopItems:
        return list_items(self._parent.program.codes[node], self._loop(node), self._parent.values.of(node))

    @property
    def _now(self) -> int:
        return self._parent.machine.state.now

    @property
    def _lifetime_due(self) -> int:
        return self._parent.machine.state.lifetime_due

    def _node(self, node: int) -> Node:
        return self._parent.program.codes[node].node

    def _loop(self, node: int) -> Loop:
        loop = self._node(node).loop
        if loop is None:
            raise DagflowBug(f"{self._node(node).id!r} is no loop")
        return loop


def _cause(spawn: Spawn, child: RunState) -> tuple[str, ActionFailed, int]:
    """The step that made a child fail, with the code and the message; and the attempt."""
    state = child.machine.state
    if state.scope_causes[0] == NO_NODE:
        return "", ActionFailed(f"run {child.run} was cancelled", CANCELLED), 0
    failure = state.failures[state.scope_causes[0]]
    step = "" if failure.node == NO_NODE else child.program.plan.ids[failure.node]
    # A child whose time is shorter than its flow declares had the time of the attempt.
    is_late = failure.code == RUN_TIMEOUT and failure.node == NO_NODE and spawn.due is not None
    return step, ActionFailed(failure.message, TIMEOUT if is_late else failure.code), failure.attempt
