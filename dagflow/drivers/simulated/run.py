"""The plan and the results of a simulated run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from dagflow.actions.failures import Invocation
from dagflow.drivers.simulated.script import Call, Send
from dagflow.drivers.simulated.timing import Timing
from dagflow.engine.commands import SetTimer
from dagflow.execution.children import Requested
from dagflow.execution.instance import RunInstance
from dagflow.execution.results import RunResult
from dagflow.ids import RunId
from dagflow.model.plan import NO_NODE
from dagflow.store.api import Record, SentEvent


@attrs.frozen(kw_only=True)
class Simulation:
    """The results of a simulated run.

    Attributes:
        history: the events as the store would have them.
        histories: those of every run there was: of this one, of the items of its loops and of the flows it called; by run.
        started: the runs of other flows it started, with their input; these are not simulated.
        calls: every call that was completed, also those whose result a crash lost.
        emitted: the events that it and its parts emitted.
        n_points: how many points there were at which it could have crashed.
        progress: the run in memory at the end.
        timing: how long its calls took, and their order.
    """

    result: RunResult
    history: tuple[Record, ...]
    histories: Mapping[RunId, tuple[Record, ...]]
    started: tuple[Requested, ...]
    calls: tuple[Call, ...]
    emitted: tuple[SentEvent, ...]
    n_points: int
    progress: RunInstance
    timing: Timing


@attrs.frozen(order=True)
class Happening:
    """Something that will happen in a simulated run, at `at`; `tie` and then `number` order those of one instant.

    Without a timer or a call, it is the cancellation.
    """

    at: int
    tie: float
    number: int = 0
    progress: RunInstance | None = attrs.field(default=None, order=False)
    timer: SetTimer | None = attrs.field(default=None, order=False)
    node: int = attrs.field(default=NO_NODE, order=False)
    invocation: Invocation | None = attrs.field(default=None, order=False)
    is_late: bool = attrs.field(default=False, order=False)
    send: Send | None = attrs.field(default=None, order=False)
    look: Callable[[Simulation], None] | None = attrs.field(default=None, order=False)
