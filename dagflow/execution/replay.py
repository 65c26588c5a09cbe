"""Restore a run's values, from the values beside the events in the history."""

from __future__ import annotations

from typing import Final

import orjson

from dagflow.engine import events
from dagflow.engine.events import Event
from dagflow.execution.bindings import Origin
from dagflow.execution.evaluate import as_record, gate_value, present
from dagflow.execution.run_state import RunState
from dagflow.execution.start_record import recall_kept
from dagflow.model.flow import WAITING_KINDS

#: Most of a history.
_NOTHING_BESIDE: Final = frozenset({events.AttemptStarted, events.TimerSet, events.RunEnded})


def recall(progress: RunState, event: Event, value: bytes | None) -> None:
    """Restore the value beside a recorded event. Raises StoreError if it is not there."""
    if type(event) in _NOTHING_BESIDE:
        return
    match event:
        case events.RunStarted(at):
            started = orjson.loads(present(value))
            trigger = started["trigger"]
            origin = Origin(kind=trigger["kind"], name=trigger["name"], hops=trigger.get("hops", 0))
            lineage = progress.lineage
            if lineage is not None and lineage.is_item:
                progress.know(lineage.parent.item(lineage.node, lineage.number), origin, at)
            else:
                progress.know(as_record(progress.program.input_codec.decode(started["input"])), origin, at)
            progress.mailbox.n_seen = progress.n_events = started.get("events", 0)
            if "kept" in started:
                recall_kept(progress, started["kept"])
        case events.EventArrived():
            progress.mailbox.keep(present(value))
        case events.EventGiven():
            if progress.claims is not None:
                progress.claims.recall(present(value))
        case events.EventTaken(_, node, number):
            progress.values.set(node, progress.mailbox.taken(node, number))
        case events.AttemptSucceeded(_, node) | events.ValueComputed(_, node) | events.DefaultUsed(_, node):
            progress.values.set(node, progress.program.codes[node].codec.loads(present(value)))
        case events.GateDecided(_, node, outcome):
            progress.values.set(node, gate_value(progress.program.codes[node], outcome))
        case events.EventEmitted(_, node):
            progress.values.set(node, None)
        case events.RunRequested(_, node):
            progress.values.set(node, orjson.loads(present(value)))
        case events.AttemptFailed(_, node):
            progress.values.keep_traceback(node, "" if value is None else value.decode())
        case events.StepSkipped(_, node):
            progress.values.set(node, None if value is None else progress.program.codes[node].codec.loads(value))
        case events.TimerFired(_, node) if progress.program.plan.kinds[node] in WAITING_KINDS:
            progress.values.set(node, None)
        case _:
            pass
