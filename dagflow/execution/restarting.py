"""Go on with a run that failed, and give steps their results: the values beside the machine."""

from __future__ import annotations

from dagflow.engine import events
from dagflow.execution.run_state import RunState
from dagflow.model.status import NodeStatus


def retry(progress: RunState, now: int, by: str) -> None:
    """A caller asked to go on with a run that failed; `engine.retrying.obstacle` says whether it can."""
    progress.apply_event(events.RunRetryRequested(now, by))


def skip(progress: RunState, node: int, value: object, now: int, by: str) -> None:
    """A caller gave the result of a step, in stored form; `engine.retrying.obstacle` says whether it can."""
    kept = None if value is None else progress.program.codes[node].codec.dumps(value)
    progress.values.set(node, value)
    progress.apply_event(events.StepSkipped(now, node, by), kept)


def forget_undone(progress: RunState) -> None:
    """A run goes on: steps that have to run again have no value, and waits look at their events again."""
    for node, status in enumerate(progress.machine.state.status):
        if status is not NodeStatus.SUCCEEDED:
            progress.values.forget(node)
    progress.mailbox.look_again()
