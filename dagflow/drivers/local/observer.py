"""The interface by which a program observes the work of an interpreter: for traces, metrics, or a listener of its own."""

from __future__ import annotations

import enum
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import attrs


class CallOutcome(enum.StrEnum):
    """How one attempt of a step ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    #: It was stopped, since the run was cancelled or another branch had won.
    CANCELLED = "cancelled"
    #: The interpreter closed, or the run was blocked; the attempt is repeated or its outcome is unknown.
    ABANDONED = "abandoned"


@attrs.frozen(kw_only=True)
class ObservedRun:
    """A run. Instants are nanoseconds since 1970 UTC.

    Attributes:
        run: its id; `tenant`: of the run, or "".
        flow: the name of the flow.
        kind: what started it: `manual`, `event`, `webhook`, `cron` or `flow`.
        started_by: the id of the run whose `start` made this one, or "".
        event: the number of the event that started it, or 0.
        started_at: when it began.
    """

    run: str
    tenant: str
    flow: str
    kind: str
    started_by: str
    event: int
    started_at: int


@attrs.frozen(kw_only=True)
class ObservedAttempt:
    """An attempt of a step. Instants are nanoseconds since 1970 UTC.

    Attributes:
        run: the id of the run that the step belongs to, which may be the item of a loop or a called flow.
        flow, tenant: of that run.
        step, action: the names.
        attempt: from 1.
        ready_at: when the step could first begin. wanted_at: when this attempt could begin.
        began_at: when its call began.
    """

    run: str
    tenant: str
    flow: str
    step: str
    action: str
    attempt: int
    ready_at: int
    wanted_at: int
    began_at: int


@attrs.frozen(kw_only=True)
class ObservedEvent:
    """An event in the store.

    Attributes:
        number: of the events of the store, in their order.
        tenant, id, name: of the event.
        at: when it came, nanoseconds since 1970 UTC.
        run: the id of the run that emitted it, or "" for an event from outside.
    """

    number: int
    tenant: str
    id: str
    name: str
    at: int
    run: str


@attrs.frozen(kw_only=True)
class CallEnd:
    """The end of an attempt.

    Attributes:
        outcome: how it ended.
        code, message: of a failure, without secrets; else "".
        at: when, nanoseconds since 1970 UTC.
        retry_at: when the next attempt may begin; None if there is none.
    """

    outcome: CallOutcome
    code: str = ""
    message: str = ""
    at: int
    retry_at: int | None = None


@attrs.frozen(kw_only=True)
class Gauges:
    """How much an interpreter has in hand at one moment.

    Attributes:
        runs_in_memory: runs that are driven now, items of loops and called flows among them.
        calls_under_way: attempts that have begun. calls_waiting: steps that wait for a free worker.
        threads_in_use, threads_abandoned: plain functions, and of these the functions whose attempt was stopped.
        events_waiting: events in the store that have not been handed out. oldest_event_seconds: the age of the first of them, or 0.
        requests_waiting: requests that have no run yet, of flows that this process has needed so far. oldest_request_seconds: as above.
    """

    runs_in_memory: int
    calls_under_way: int
    calls_waiting: int
    threads_in_use: int
    threads_abandoned: int
    events_waiting: int
    oldest_event_seconds: float
    requests_waiting: int
    oldest_request_seconds: float


class ObservedCall:
    """One attempt under way; as a context manager it surrounds the call of the action, in the task of that call."""

    def surround(self) -> AbstractContextManager[object]:
        """Return the context in which the action is called."""
        return nullcontext()

    def ended(self, end: CallEnd) -> None:
        """The attempt has ended, perhaps in another task."""


_UNOBSERVED = ObservedCall()


class Observer:
    """Observes an interpreter; each method does nothing until a subclass overrides it.

    Methods are called in the event loop while work waits, unless they say otherwise: they must return at once. An exception of a
    method is logged and changes nothing else.
    """

    def opened(self, gauges: Callable[[], Gauges]) -> None:
        """The interpreter is open. `gauges` may be called from any thread until `closed`."""

    def closed(self) -> None:
        """The interpreter is closed."""

    def run_began(self, run: ObservedRun) -> None:
        """A run begins that is part of no other; called in the task of the caller of `start`, if there is one."""

    def run_ended(self, run: ObservedRun, status: str, at: int) -> None:
        """A run that is part of no other has ended, and the store has it."""

    def call_began(self, attempt: ObservedAttempt) -> ObservedCall:
        """The call of an attempt begins."""
        del attempt
        return _UNOBSERVED

    def event_sent(self, tenant: str, event_id: str) -> None:
        """A caller sends an event, which is not in the store yet; called in the sender's task."""

    def event_stored(self, event: ObservedEvent) -> None:
        """An event is in the store."""

    def event_taken(self, event: ObservedEvent, run: ObservedRun) -> None:
        """A wait of a run takes an event, or the run keeps it for a wait."""

    def event_handed_out(self, event: ObservedEvent, at: int) -> None:
        """All waits have had an event, and the runs it starts begin now."""

    def request_dropped(self, flow: str, reason: str) -> None:
        """A request never gets a run; `reason` is a word, such as `rate`."""

    def slot_asked(self, flow: str, seconds: float) -> None:
        """A slot of a schedule asks for a run, so many seconds after it was due."""

    def committed(self, seconds: float) -> None:
        """A transaction of the store took so long. Called from any thread."""

    def loop_blocked(self, seconds: float) -> None:
        """The event loop ran tasks for so long without a look at what else had come; called above 50 ms."""
