"""An event of the store and a run that may want it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagflow.drivers.correlating import may_be_for
from dagflow.drivers.evaluate import Unevaluable
from dagflow.drivers.inbox import Arrival, arrival_of, encoded
from dagflow.engine import events
from dagflow.store.api import SentEvent

if TYPE_CHECKING:
    from dagflow.drivers.progress import Progress


def deliver(progress: Progress, event: SentEvent, now: int) -> bool:
    """Whether a wait of the run took the event, or it was kept for one. One that came before changes nothing."""
    inbox = progress.inbox
    if event.number <= inbox.n_seen:
        return False
    inbox.n_seen = event.number
    if event.run == progress.run or not inbox.is_wanted(event.name):
        return False
    arrival = arrival_of(event)
    is_noted = any(may_be_for(progress, node, arrival.payload) for node in inbox.awaited_later(event.name))
    if is_noted:
        _arrive(progress, arrival, now)
    for node in inbox.waiting(arrival):
        try:
            is_for = inbox.is_for(node, arrival)
        except Unevaluable as problem:
            progress.take_fact(events.EvaluationFailed(now, node, problem.code, problem.message))
            continue
        if is_for:
            if not is_noted:
                _arrive(progress, arrival, now)
            progress.values.set(node, inbox.payload(node, arrival))
            progress.take_fact(events.EventTaken(now, node, len(inbox.arrivals) - 1))
            return True
    return is_noted


def _arrive(progress: Progress, arrival: Arrival, now: int) -> None:
    progress.inbox.arrivals.append(arrival)
    progress.take_fact(events.EventArrived(now), encoded(arrival))
