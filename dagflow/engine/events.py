"""The events the machine takes, in the past tense. Each has happened, and the run's history records them in this order.

`at` is nanoseconds since 1970 UTC, `node` a node's number in the plan, `attempt` counts from 1. An event may have a value
beside it in the history (an output, a payload, the run's input); the machine never sees it.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import attrs

from dagflow.model.plan import NO_NODE
from dagflow.model.status import NodeStatus, PruneReason, RunStatus


@attrs.frozen(kw_only=True)
class Kept:
    """A node that a run has from an earlier one, as it was settled there.

    Attributes:
        outcome: of a gate or a wait. reason: of a pruned one.
        code, message, attempt: of the failure, if it failed and a block around it took care of that.
        is_default: whether its value is its `default`.
    """

    node: int
    status: NodeStatus
    outcome: int = NO_NODE
    reason: PruneReason | None = None
    code: str = ""
    message: str = ""
    attempt: int = 0
    is_default: bool = False


@attrs.frozen
class RunStarted:
    """The run began; its input is the value.

    `due`: when its lifetime ends, if the flow's own setting does not count. `kept`: what it has from an earlier run, failed nodes in the
    order of their failures.
    """

    at: int
    due: int | None = None
    kept: tuple[Kept, ...] = ()


@attrs.frozen
class GateDecided:
    """A gate's condition was evaluated to `outcome`."""

    at: int
    node: int
    outcome: int


@attrs.frozen
class ValueComputed:
    """The expression of a `let`, `return` or `stop` was evaluated."""

    at: int
    node: int


@attrs.frozen
class EventEmitted:
    """An `emit` left its event in the history."""

    at: int
    node: int


@attrs.frozen
class RunRequested:
    """A `start` created a run of another flow in the store, which is independent; the run's id and input are the value."""

    at: int
    node: int


@attrs.frozen
class ItemsListed:
    """A loop knows its items: how many."""

    at: int
    node: int
    count: int


@attrs.frozen
class ItemEnded:
    """The run of a loop's item ended, or never began because of a failure; the yielded value is the value.

    Attributes:
        index: the item's number, from 0.
        step, code, message, attempt: of its failure, if it has one.
    """

    at: int
    node: int
    index: int
    status: RunStatus
    step: str = ""
    code: str = ""
    message: str = ""
    attempt: int = 0


@attrs.frozen
class TimerSet:
    """A wait knows its end: `due`, a timestamp. For an event, the last instant at which it may arrive."""

    at: int
    node: int
    due: int


@attrs.frozen
class TimerFired:
    """The instant a wait or a retry was waiting for has come."""

    at: int
    node: int


@attrs.frozen
class EventArrived:
    """An event arrived that a wait of the run may take; its payload is the value. Arrivals are counted from 0."""

    at: int


@attrs.frozen
class EventGiven:
    """A child run takes an event; the value says which event and which wait. It precedes the record in the child's own history."""

    at: int


@attrs.frozen
class EventTaken:
    """A wait took the event with that `number` among the arrivals."""

    at: int
    node: int
    number: int


@attrs.frozen
class AttemptStarted:
    """An action is about to be called: the intent."""

    at: int
    node: int
    attempt: int


@attrs.frozen
class AttemptSucceeded:
    """The action returned its result."""

    at: int
    node: int
    attempt: int


@attrs.frozen
class AttemptFailed:
    """The action failed.

    Attributes:
        is_fatal: never worth a retry.
        retry_after_ns: how long to wait before the next attempt, if the action said so; overrides the policy.
        jitter: a fraction in [0, 1), drawn when it failed, so that the retry is due at the same instant after a crash.
        is_dirty: it left something behind that could not be undone.
    """

    at: int
    node: int
    attempt: int
    code: str
    message: str = ""
    is_fatal: bool = False
    retry_after_ns: int | None = None
    jitter: float = 0.0
    is_dirty: bool = False


@attrs.frozen
class AttemptInterrupted:
    """The process died during the attempt; its outcome is unknown."""

    at: int
    node: int
    attempt: int


@attrs.frozen
class AttemptCancelled:
    """The attempt was stopped on command. `is_made`: whether the call had begun, so that it may have had its effect."""

    at: int
    node: int
    attempt: int
    is_made: bool = True


@attrs.frozen
class EvaluationFailed:
    """An expression of the node failed, or the node is a `fail`."""

    at: int
    node: int
    code: str
    message: str = ""


@attrs.frozen
class DefaultUsed:
    """The node failed for good and its `default` was evaluated instead."""

    at: int
    node: int


@attrs.frozen
class RunCancelRequested:
    """A caller asked to cancel the run."""

    at: int


@attrs.frozen
class RunUndoRequested:
    """The run had succeeded, and its parent run is being undone."""

    at: int


@attrs.frozen
class RunRetryRequested:
    """The run had failed, and a caller asked to go on from what did not succeed. `by`: who asked, or ""."""

    at: int
    by: str = ""


@attrs.frozen
class StepSkipped:
    """A caller gave the result of a step that waits, or that did not succeed in a run that failed; the result is the value.

    `by`: who did, or "". A run that failed goes on by that, as it does when it is retried.
    """

    at: int
    node: int
    by: str = ""


@attrs.frozen
class RunTimedOut:
    """The run's lifetime is over."""

    at: int


@attrs.frozen
class RunEnded:
    """The run ended; its result is the value."""

    at: int
    status: RunStatus


Event: TypeAlias = (
    RunStarted
    | GateDecided
    | ValueComputed
    | EventEmitted
    | RunRequested
    | ItemsListed
    | ItemEnded
    | TimerSet
    | TimerFired
    | EventArrived
    | EventGiven
    | EventTaken
    | AttemptStarted
    | AttemptSucceeded
    | AttemptFailed
    | AttemptInterrupted
    | AttemptCancelled
    | EvaluationFailed
    | DefaultUsed
    | RunCancelRequested
    | RunUndoRequested
    | RunRetryRequested
    | StepSkipped
    | RunTimedOut
    | RunEnded
)

#: What may come to a run that has ended.
REOPENING: Final = (RunUndoRequested, RunRetryRequested, StepSkipped)
