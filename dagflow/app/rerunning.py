"""Run a flow again from one of its steps, with the results that an earlier run has of the others."""

from __future__ import annotations

from typing import Final

import attrs
import orjson

from dagflow.app.program_cache import Programs
from dagflow.app.run_steps import step_of
from dagflow.app.stored_runs import read_start
from dagflow.engine.keeping import Again, Why
from dagflow.errors import UsageError
from dagflow.execution.instance import RunInstance
from dagflow.execution.keeping import keeping_of
from dagflow.execution.program import Program
from dagflow.execution.run_state import Keeping
from dagflow.ids import RunId
from dagflow.model.flow import NodeKind
from dagflow.model.plan import HANDLER_SCOPE, UNDO_SCOPE
from dagflow.model.status import NodeStatus
from dagflow.store.api import Store

#: The kinds of steps that a plan lists: what calls, waits, or computes a value.
_LISTED: Final = frozenset(
    {
        NodeKind.ACTION,
        NodeKind.CALL,
        NodeKind.FOR,
        NodeKind.LET,
        NodeKind.WAIT,
        NodeKind.WAIT_UNTIL,
        NodeKind.WAIT_EVENT,
        NodeKind.EMIT,
        NodeKind.START,
    }
)
_LAST: Final = frozenset({HANDLER_SCOPE, UNDO_SCOPE})


@attrs.frozen
class PlannedStep:
    """A step in the plan of a rerun: its id, and why it keeps its result or runs again, as the end of a sentence about it."""

    id: str
    why: str


@attrs.frozen(kw_only=True)
class RerunPlan:
    """The steps of a rerun from a step.

    Attributes:
        flow: its name. run: the earlier run. step: the step to begin with.
        kept: the steps that keep what they were in the earlier run, in declared order.
        again: the steps that run again if they are reached, in declared order.
    """

    flow: str
    run: str
    step: str
    kept: tuple[PlannedStep, ...]
    again: tuple[PlannedStep, ...]


def planned(program: Program, earlier: RunInstance, step: str) -> tuple[Keeping, RerunPlan]:
    """Return the kept part of a rerun from a step, and its plan.

    Args:
        program: of the new run; of the same version as the earlier run, or of another one.

    Raises:
        NotFound: there is no such step.
        UsageError: the earlier run has not ended, or the flow cannot begin with that step.
    """
    if not earlier.is_ended:
        raise UsageError(f"run {earlier.run} has not ended; wait until it has, or cancel it, and then rerun it from a step")
    node = step_of(program, step)
    if program.plan.scopes[program.plan.scope_of[node]].id in _LAST:
        raise UsageError(f"the step {step!r} runs only if the run fails; name one outside of the flow's `on error`")
    keeping, again = keeping_of(program, earlier, node)
    return keeping, RerunPlan(
        flow=program.flow.name,
        run=earlier.run,
        step=step,
        kept=tuple(
            PlannedStep(program.plan.ids[each.node], _why_kept(each.status, is_default=each.is_default))
            for each in sorted(keeping.steps, key=lambda each: each.node)
            if program.plan.kinds[each.node] in _LISTED and each.status is not NodeStatus.PRUNED
        ),
        again=tuple(
            PlannedStep(program.plan.ids[each], _why_again(program, earlier, each, again[each]))
            for each in sorted(again)
            if program.plan.kinds[each] in _LISTED and program.plan.scopes[program.plan.scope_of[each]].id not in _LAST
        ),
    )


def _why_kept(status: NodeStatus, *, is_default: bool) -> str:
    match status:
        case NodeStatus.SUCCEEDED:
            return "failed and had its default" if is_default else "succeeded"
        case NodeStatus.FAILED:
            return "failed, and the `on error` of its block took over"
        case _:
            return "was stopped or out of time, and the run went on"


def _why_again(program: Program, earlier: RunInstance, node: int, again: Again) -> str:
    ids, numbers = program.plan.ids, earlier.program.plan.numbers
    match again.why:
        case Why.NAMED:
            return "is the step to begin with"
        case Why.DEPENDS:
            return f"depends on {ids[again.source]}"
        case Why.UNDONE:
            return "was undone"
        case Why.CHANGED:
            return "has changed since" if ids[node] in numbers else "is new"
        case Why.UNFINISHED:
            status = earlier.machine.state.status[numbers[ids[node]]]
            words = {NodeStatus.FAILED: "failed", NodeStatus.CANCELLED: "was stopped"}
            return words.get(status, "did not run")


def kept_by_request(store: Store, programs: Programs, program: Program, rerun: str) -> Keeping | None:
    """Return what the run of a request keeps; `rerun` as of `Keys`. Raises DagflowError: the earlier run is not there any more."""
    if not rerun:
        return None
    run, step = orjson.loads(rerun)
    _, earlier = read_start(store, programs, RunId(run))
    return planned(program, earlier, step)[0]
