"""An event of the store and the runs that may want it: a run by itself, or with its parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dagflow.engine import events
from dagflow.execution.correlation import may_be_for
from dagflow.execution.evaluate import Unevaluable
from dagflow.execution.family import Kin, place_of, rank_of
from dagflow.execution.mailbox import Arrival, arrival_of, encoded
from dagflow.store.api import SentEvent

if TYPE_CHECKING:
    from dagflow.execution.instance import Progress


def deliver(runs: Sequence[Progress], event: SentEvent, now: int) -> bool:
    """Whether a wait of these took the event, or it was kept for one. For whom it came before nothing changes.

    `runs`: one, or several that are parts of the same whole.
    """
    wanting = [progress for progress in runs if _is_wanted(progress, event)]
    kin = wanting[0].kin if wanting else None
    if kin is not None and kin.n_absent:
        kin.held += [(progress, event) for progress in wanting]
        return True
    return bool(wanting) and _give(wanting, event, now)


def settle(kin: Kin, now: int) -> list[Progress]:
    """All parts are there: give them the events that were held; returns the runs that may have changed."""
    held, late = kin.held, kin.late
    kin.held, kin.late = [], []
    by_number: dict[int, tuple[SentEvent, list[Progress]]] = {}
    for progress, event in held:
        by_number.setdefault(event.number, (event, []))[1].append(progress)
    for _, (event, runs) in sorted(by_number.items()):
        _give([progress for progress in runs if not progress.is_ended], event, now)
    for progress, timer in late:
        progress.timers.append(timer)
    return list(dict.fromkeys(progress for progress, _ in (*held, *late)))


def reach(progress: Progress, node: int) -> events.EventTaken | events.TimerSet:
    """A wait is reached: it takes an event that has come, or begins to wait. Raises Unevaluable."""
    at = progress.machine.state.wanted_at[node]
    number = progress.inbox.find(node)
    if number is None:
        return events.TimerSet(at, node, at + (progress.program.codes[node].node.within_ns or 0))
    return _taken(progress, node, number, at)


def _is_wanted(progress: Progress, event: SentEvent) -> bool:
    inbox = progress.inbox
    if event.number <= inbox.n_seen:
        return False
    inbox.n_seen = event.number
    return event.run != progress.run and inbox.is_wanted(event.name)


def _give(runs: Sequence[Progress], event: SentEvent, now: int) -> bool:
    arrival = arrival_of(event)
    noted: dict[Progress, None] = {}
    for progress in runs:
        if _may_be_later(progress, arrival):
            noted[progress] = None
            _arrive(progress, arrival, now)
    for _, _, progress, node in sorted(_waiting(runs, arrival), key=lambda wait: wait[:2]):
        if node not in progress.machine.state.waiting:
            continue
        at = max(now, progress.machine.state.now)
        try:
            is_for = progress.inbox.is_for(node, arrival)
        except Unevaluable as problem:
            progress.take_fact(events.EvaluationFailed(at, node, problem.code, problem.message))
            continue
        if is_for:
            if progress not in noted:
                _arrive(progress, arrival, now)
            progress.take_fact(_taken(progress, node, len(progress.inbox.arrivals) - 1, at))
            return True
    return bool(noted)


def _waiting(runs: Sequence[Progress], arrival: Arrival) -> list[tuple[int, tuple[int, ...], Progress, int]]:
    """The waits for such events, each with since when it waits and where it stands."""
    return [
        (progress.machine.state.wanted_at[node], rank_of(progress, node), progress, node)
        for progress in runs
        for node in progress.inbox.waiting(arrival)
        if _is_free(progress, node, arrival)
    ]


def _may_be_later(progress: Progress, arrival: Arrival) -> bool:
    """Whether the event has to be kept for a wait that is not reached."""
    later = progress.inbox.awaited_later(arrival.name)
    return any(_is_free(progress, node, arrival) and may_be_for(progress, node, arrival.payload) for node in later)


def _is_free(progress: Progress, node: int, arrival: Arrival) -> bool:
    return progress.kin is None or progress.kin.is_free(arrival.number, place_of(progress, node))


def _arrive(progress: Progress, arrival: Arrival, now: int) -> None:
    progress.inbox.arrivals.append(arrival)
    progress.take_fact(events.EventArrived(max(now, progress.machine.state.now)), encoded(arrival))


def _taken(progress: Progress, node: int, number: int, at: int) -> events.EventTaken:
    arrival = progress.inbox.arrivals[number]
    if progress.kin is not None:
        progress.kin.give(progress, node, arrival.number, at)
    progress.values.set(node, progress.inbox.payload(node, arrival))
    return events.EventTaken(at, node, number)
