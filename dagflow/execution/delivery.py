"""An event of the store and the runs that may want it: a run by itself, or with its parts."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

from dagflow.engine import events
from dagflow.execution.cancelling import is_cancelled_by
from dagflow.execution.correlation import may_be_for
from dagflow.execution.evaluate import Unevaluable
from dagflow.execution.mailbox import Arrival
from dagflow.execution.matches import Matches
from dagflow.execution.run_state import EventClaims, RunState, place_of, rank_of
from dagflow.store.api import SentEvent


def always() -> bool:
    """There is time for all there is to do."""
    return True


def deliver(runs: Sequence[RunState], event: SentEvent, now: int, matches: Matches | None = None) -> bool:
    """Return whether a wait of these took the event, or the mailbox keeps it for one. Delivery is idempotent per run.

    `runs`: one, or several of the same family. `matches`: the conditions of waits evaluated so far.
    """
    wanting = [progress for progress in runs if _is_wanted(progress, event)]
    claims = wanting[0].claims if wanting else None
    if claims is not None and claims.n_absent:
        claims.held += [(progress, event) for progress in wanting]
        return True
    return bool(wanting) and _give(wanting, matches or Matches(event), now)


def giving(
    progress: RunState, event: SentEvent, now: Callable[[], int], is_short: Callable[[], bool]
) -> Generator[None, None, bool]:
    """As `deliver`, to one run; yields where others should have their turn."""
    matches = Matches(event)
    yield from judging([progress], matches, is_short)
    is_reached = deliver([progress], event, now(), matches)
    if not is_short():
        yield
    return is_reached


def judging(runs: Sequence[RunState], matches: Matches, is_short: Callable[[], bool]) -> Generator[None]:
    """As `_judging`, unless the event will be held."""
    claims = runs[0].claims if runs else None
    if claims is None or not claims.n_absent:
        yield from _judging(runs, matches, is_short, _has_to_look)


def _judging(
    runs: Sequence[RunState], matches: Matches, is_short: Callable[[], bool], may_want: Callable[[RunState, SentEvent], bool]
) -> Generator[None]:
    """Evaluate the waits that the event may be for, up to the first match; yield between conditions.

    This changes no state. After it ends, `deliver` finds every condition evaluated, unless another task ran in between.
    """
    looked_at = set["RunState"]()
    is_known = False
    while not is_known:
        is_known = True
        wanting = [progress for progress in runs if may_want(progress, matches.event)]
        for progress in wanting:
            if progress in looked_at:
                continue
            looked_at.add(progress)
            # Evaluates the keys of waits, which are cached.
            _may_be_later(progress, matches.arrival)
            if not is_short():
                is_known = False
                yield
        for _, _, progress, node in _in_order(wanting, matches.arrival):
            if matches.has(progress, node):
                continue
            if _is_for(matches, progress, node):
                break
            if not is_short():
                is_known = False
                yield


def settling(claims: EventClaims, now: Callable[[], int], is_short: Callable[[], bool]) -> Iterator[list[RunState]]:
    """All child runs are back: deliver the held events; yield the runs that may have changed, where other tasks may run."""
    while claims.held:
        held, claims.held = claims.held, []
        by_number: dict[int, tuple[SentEvent, list[RunState]]] = {}
        for progress, event in held:
            by_number.setdefault(event.number, (event, []))[1].append(progress)
        for _, (event, runs) in sorted(by_number.items()):
            matches = Matches(event)
            for _ in _judging(runs, matches, is_short, _has_not_ended):
                yield []
            _give([progress for progress in runs if not progress.is_ended], matches, now())
            yield runs


def reach(progress: RunState, node: int) -> events.EventTaken | events.TimerSet:
    """A wait is reached: it takes an event that has come, or begins to wait. Raises Unevaluable, or PutOff."""
    at = progress.machine.state.wanted_at[node]
    number = progress.mailbox.find(node, None if progress.time_slice is None else progress.time_slice.is_short)
    if number is None:
        return events.TimerSet(at, node, at + (progress.program.codes[node].node.within_ns or 0))
    return _taken(progress, node, number, at)


def _is_wanted(progress: RunState, event: SentEvent) -> bool:
    is_wanted = _has_to_look(progress, event)
    progress.mailbox.n_seen = max(progress.mailbox.n_seen, event.number)
    return is_wanted


def _has_to_look(progress: RunState, event: SentEvent) -> bool:
    mailbox = progress.mailbox
    # The indexes find only runs of the event's tenant; this is the second line.
    is_heard = event.tenant == progress.tenant and (event.name in progress.program.cancels or mailbox.is_wanted(event.name))
    return is_heard and event.number > mailbox.n_seen and event.run != progress.run


def _has_not_ended(progress: RunState, _event: SentEvent) -> bool:
    return not progress.is_ended


def _give(runs: Sequence[RunState], matches: Matches, now: int) -> bool:
    cancelled = [progress for progress in runs if is_cancelled_by(progress, matches.event)]
    for progress in cancelled:
        progress.apply_event(events.RunCancelRequested(max(now, progress.machine.state.now)))
    if cancelled:
        return True
    arrival = matches.arrival
    noted: dict[RunState, None] = {}
    for progress in runs:
        if _may_be_later(progress, arrival):
            noted[progress] = None
            _arrive(progress, matches, now)
    for _, _, progress, node in _in_order(runs, arrival):
        if node not in progress.machine.state.waiting:
            continue
        at = max(now, progress.machine.state.now)
        try:
            is_for = matches.of(progress, node)
        except Unevaluable as problem:
            progress.apply_event(events.EvaluationFailed(at, node, problem.code, problem.message))
            continue
        if is_for:
            if progress not in noted:
                _arrive(progress, matches, now)
            progress.apply_event(_taken(progress, node, len(progress.mailbox.arrivals) - 1, at))
            return True
    return bool(noted)


def _is_for(matches: Matches, progress: RunState, node: int) -> bool:
    try:
        return matches.of(progress, node)
    except Unevaluable:
        return False


def _in_order(runs: Sequence[RunState], arrival: Arrival) -> list[tuple[int, tuple[int, ...], RunState, int]]:
    """The waits for such events, each with since when it waits and where it stands; the one that has waited longest first."""
    waits = [
        (progress.machine.state.wanted_at[node], rank_of(progress, node), progress, node)
        for progress in runs
        for node in progress.mailbox.waiting(arrival)
        if _is_free(progress, node, arrival)
    ]
    return sorted(waits, key=lambda wait: wait[:2])


def _may_be_later(progress: RunState, arrival: Arrival) -> bool:
    """Whether the mailbox must keep the event for a wait that is not reached."""
    later = progress.mailbox.awaited_later(arrival.name)
    return any(_is_free(progress, node, arrival) and may_be_for(progress, node, arrival.payload) for node in later)


def _is_free(progress: RunState, node: int, arrival: Arrival) -> bool:
    return progress.claims is None or progress.claims.is_free(arrival.number, place_of(progress, node))


def _arrive(progress: RunState, matches: Matches, now: int) -> None:
    progress.mailbox.arrivals.append(matches.arrival)
    progress.apply_event(events.EventArrived(max(now, progress.machine.state.now)), matches.encoded)


def _taken(progress: RunState, node: int, number: int, at: int) -> events.EventTaken:
    arrival = progress.mailbox.arrivals[number]
    if progress.claims is not None:
        progress.claims.give(progress, node, arrival.number, at)
    progress.values.set(node, progress.mailbox.payload(node, arrival))
    return events.EventTaken(at, node, number)
