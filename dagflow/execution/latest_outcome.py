"""The outcome of a run, for its caller."""

from __future__ import annotations

from dagflow.execution.run_state import RunState
from dagflow.model.flow import NodeKind


def returned(progress: RunState) -> object:
    """Return the run's output, in stored form; None if there is none, or if it is None."""
    return last_value(progress, NodeKind.RETURN)


def yielded_json(progress: RunState) -> bytes | None:
    """Return the value that the item of a loop yielded, as JSON; None if it yielded nothing."""
    number = _reached(progress, NodeKind.YIELD)
    if number is None:
        return None
    return progress.program.codes[number].codec.dumps(progress.values.outputs[progress.program.plan.ids[number]])


def last_value(progress: RunState, kind: NodeKind) -> object:
    """The value of the one node of that kind that was reached, if one was."""
    number = _reached(progress, kind)
    return None if number is None else progress.values.outputs[progress.program.plan.ids[number]]


def _reached(progress: RunState, kind: NodeKind) -> int | None:
    plan, outputs = progress.program.plan, progress.values.outputs
    return next((n for n, k in enumerate(plan.kinds) if k is kind and plan.ids[n] in outputs), None)
