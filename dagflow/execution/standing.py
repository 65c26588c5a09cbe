"""The state of a run, for its row in the store."""

from __future__ import annotations

from dagflow.engine.state import State
from dagflow.model.status import RunStatus


def standing(state: State) -> tuple[RunStatus, int | None]:
    """The run's status and, if it sleeps, until when."""
    if state.ended is not None:
        return state.ended, None
    if state.n_active or not state.waiting:
        return RunStatus.RUNNING, None
    # The whole run may have to be over before any of its waits is.
    return RunStatus.SLEEPING, min(state.lifetime_due, *(state.due[node] for node in state.waiting))
