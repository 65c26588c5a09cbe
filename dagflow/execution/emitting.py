"""The events that a run emits."""

from __future__ import annotations

from dagflow.execution.performer import renewed_name
from dagflow.execution.run_state import RunState
from dagflow.store.api import SentEvent


def emitted(progress: RunState, node: int, at: int, payload: bytes) -> SentEvent:
    """Return the event of an `emit`, which goes to other runs; its number comes with the commit."""
    of = progress.program.codes[node].node
    return SentEvent(
        number=0,
        id=renewed_name(f"{progress.run}/{of.id}", progress.machine.state.renewed.get(node, 0)),
        name=of.event,
        at=at,
        payload=payload,
        run=progress.run,
        hops=progress.origin.hops + 1,
        tenant=progress.tenant,
    )
