"""Subscriptions: the events that a run waits for, by their payload, so that they can be looked up in advance."""

from __future__ import annotations

from typing import Final

from dagflow.errors import EvaluationError
from dagflow.execution.cancelling import cancel_rows
from dagflow.execution.run_state import RunState
from dagflow.model.correlation_key import key_at, key_of
from dagflow.model.status import NodeStatus, RunStatus
from dagflow.store.api import WaitRow

#: What every expression can read, from the run's first moment.
_ALWAYS: Final = frozenset({"run", "trigger"})


def wait_row(progress: RunState, node: int) -> WaitRow | None:
    """Return the subscription of a wait, as far as its key is known; None if it is not known yet."""
    code, state = progress.program.codes[node], progress.machine.state
    correlation, event = code.correlation, code.node.event
    is_reached = state.status[node] is NodeStatus.WAITING
    anything = WaitRow(event, tenant=progress.tenant) if is_reached else None
    if correlation is None or not (is_reached or all(_is_known(progress, name) for name in correlation.reads)):
        return anything
    keys, place = progress.mailbox.keys, (node, is_reached)
    if place not in keys:
        try:
            keys[place] = key_of(correlation.evaluate(progress.values.of(node)))
        except EvaluationError:
            keys[place] = None
    key = keys[place]
    return anything if key is None else WaitRow(event, correlation.path, key, progress.tenant)


def may_be_for(progress: RunState, node: int, payload: object) -> bool:
    """Whether a wait may be for an event with that payload, in JSON values."""
    row = wait_row(progress, node)
    return row is None or not row.key or key_at(payload, row.path) in (None, row.key)


def wait_rows(progress: RunState) -> tuple[WaitRow, ...]:
    """Return the events that must activate the run if it is suspended. Keys known only later are matched once it is active."""
    status = progress.machine.state.status
    open_waits = (node for nodes in progress.program.waits.values() for node in nodes if not status[node].is_settled)
    rows = [row for node in open_waits if (row := wait_row(progress, node)) is not None]
    cancels = (row for event in progress.program.cancels for row in cancel_rows(progress, event))
    return tuple(dict.fromkeys((*rows, *cancels)))


def unindexed_events(progress: RunState) -> set[str]:
    """The events of which the store cannot say whether the run wants them: it has to look at them itself."""
    status = progress.machine.state.status
    return {
        event
        for event, nodes in progress.program.waits.items()
        if any(not status[node].is_settled and wait_row(progress, node) is None for node in nodes)
    }


def changed_rows(progress: RunState, status: RunStatus) -> tuple[WaitRow, ...] | None:
    """Return the subscriptions that the store must have from now on; None if they are unchanged or unnecessary."""
    if not progress.program.hears or progress.lineage is not None:
        return None
    if status is RunStatus.SLEEPING:
        rows = wait_rows(progress)
    elif status.is_terminal:
        rows = ()
    else:
        return None
    if rows == progress.kept_waits:
        return None
    progress.kept_waits = rows
    return rows


def _is_known(progress: RunState, name: str) -> bool:
    """Whether a name has the value already that it will have when the wait is reached."""
    number = progress.program.plan.numbers.get(name)
    if number is not None:
        return progress.machine.state.status[number] is NodeStatus.SUCCEEDED
    flow = progress.program.flow
    is_input = name == flow.binding if flow.binding else flow.input.field(name) is not None
    return is_input or name in _ALWAYS
