"""From events that are in the store to the runs that wait for them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Final, Protocol, TypeAlias, cast

import attrs
import orjson

from dagflow.drivers.local.batch import Sending
from dagflow.drivers.local.interface import Driver
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.drivers.local.time_slice import TimeSlice
from dagflow.engine.commands import SetTimer
from dagflow.execution.cancelling import cancel_rows
from dagflow.execution.correlation import wait_row
from dagflow.execution.delivery import deliver, judging
from dagflow.execution.matches import Matches
from dagflow.execution.program import Program
from dagflow.ids import RunId
from dagflow.model.correlation_key import key_at
from dagflow.model.plan import NO_NODE
from dagflow.store.api import SentEvent, WaitRow

_OVER: Final = object()
_EventPlace: TypeAlias = tuple[str, str]


@attrs.define(eq=False)
class _Waiters:
    """The runs in hand that wait for the events of one name: by what these have to carry, where that is known when they come."""

    anything: dict[RunId, LoadedRun] = attrs.field(factory=dict)
    keyed: dict[str, dict[str, dict[RunId, LoadedRun]]] = attrs.field(factory=dict)
    programs: Counter[Program] = attrs.field(factory=Counter[Program])
    #: Grows with every wait that is added, here or elsewhere.
    n_added: int = 0

    def add(self, live: LoadedRun, row: WaitRow | None) -> None:
        if row is None or not row.key:
            self.anything[live.run] = live
        else:
            self.keyed.setdefault(row.path, {}).setdefault(row.key, {})[live.run] = live

    def remove(self, run: RunId, rows: Iterable[WaitRow | None]) -> None:
        for row in rows:
            if row is None or not row.key:
                self.anything.pop(run, None)
            elif (runs := self.keyed.get(row.path, {}).get(row.key)) is not None:
                runs.pop(run, None)
                if not runs:
                    del self.keyed[row.path][row.key]

    def of(self, payload: bytes) -> list[LoadedRun]:
        """Who may want an event with this payload."""
        found = dict(self.anything)
        value = cast("object", orjson.loads(payload)) if self.keyed else None
        for path, by_key in self.keyed.items():
            key = key_at(value, path)
            # Whoever asks for something that is not there has to say what becomes of it.
            for runs in by_key.values() if key is None else [by_key.get(key, {})]:
                found |= runs
        return list(found.values())


class DispatchOwner(Protocol):
    """The owner of a dispatch: drives the runs that take events."""

    @property
    def time_slice(self) -> TimeSlice:
        """How long it has kept the event loop."""
        ...

    def hand_out(self, loaded_runs: Sequence[LoadedRun], event: SentEvent) -> Generator[None, None, int]:
        """Give an event to runs and drive them on; returns how many took it. It may put more events, and yields where other tasks may run."""
        ...

    def add_timer(self, live: LoadedRun, timer: SetTimer) -> None:
        """A held wait may time out."""
        ...

    def wake(self, queue: Sequence[tuple[SentEvent, Sending | None]]) -> bool:
        """Activate the suspended runs that may want the first of these events, and perhaps others; says whether that takes time.

        If it does, it calls `go_on` afterwards.
        """
        ...

    def look(self, event: SentEvent, sending: Sending | None) -> Generator[None]:
        """Begin what the event starts, after waits have had it; yields where others should have their turn."""
        ...

    def handed_out(self) -> None:
        """Every event has been handed out."""
        ...


@attrs.define(eq=False)
class Dispatch:
    """Delivers each event to each run in memory that may want it.

    Attributes:
        delivery_offset: the number of the last event that was handed out.
    """

    _owner: DispatchOwner
    delivery_offset: int = 0
    #: By the tenant and the name of an event.
    _waiters: dict[_EventPlace, _Waiters] = attrs.field(factory=dict)
    #: By the id of a run, the places it was added under.
    _added: dict[RunId, list[tuple[_EventPlace, list[WaitRow | None]]]] = attrs.field(
        factory=dict[RunId, list[tuple[_EventPlace, list[WaitRow | None]]]]
    )
    _n_added: int = 0
    _queue: deque[tuple[SentEvent, Sending | None]] = attrs.field(factory=deque)
    #: When the events in the queue were sent, by name. late: by name, timers of waits that one of them may be for.
    _queued: dict[str, deque[int]] = attrs.field(factory=dict)
    _late: dict[str, list[tuple[LoadedRun, SetTimer]]] = attrs.field(factory=dict)
    #: The unfinished delivery of the first.
    _handing: Generator[None] | None = None
    _is_busy: bool = False
    _is_put_off: bool = False

    def add(self, live: LoadedRun) -> None:
        """The run wants to hear of the events it has waits for."""
        program = live.progress.program
        if program.hears and live.run not in self._added:
            tenant, waits = live.progress.tenant, program.waits
            self._added[live.run] = [((tenant, name), self._add(live, name, waits.get(name, ()))) for name in program.hears]

    def _add(self, live: LoadedRun, name: str, nodes: Iterable[int]) -> list[WaitRow | None]:
        waiters = self._waiters.setdefault((live.progress.tenant, name), _Waiters())
        status = live.progress.machine.state.status
        rows = [wait_row(live.progress, node) for node in nodes if not status[node].is_settled]
        rows += cancel_rows(live.progress, name)
        self._n_added += 1
        waiters.n_added = self._n_added
        for row in rows:
            waiters.add(live, row)
        waiters.programs[live.progress.program] += 1
        return rows

    def remove(self, live: LoadedRun) -> None:
        """The run has ended, or sleeps."""
        for place, rows in self._added.pop(live.run, ()):
            waiters = self._waiters[place]
            waiters.remove(live.run, rows)
            waiters.programs[live.progress.program] -= 1
            if not waiters.programs[live.progress.program]:
                del waiters.programs[live.progress.program]
            if not waiters.programs:
                del self._waiters[place]

    def waiting_for(self, tenant: str, event: str) -> set[Program]:
        """The programs of the runs of a tenant that have a wait for such events."""
        waiters = self._waiters.get((tenant, event))
        return set() if waiters is None else set(+waiters.programs)

    def put(self, event: SentEvent, sending: Sending | None) -> None:
        """The event is in the store: hand it out, after those before it."""
        self._queue.append((event, sending))
        self._queued.setdefault(event.name, deque()).append(event.at)
        self.go_on()

    def hold_timer(self, live: LoadedRun, timer: SetTimer) -> bool:
        """Whether a wait that is due has to go on, since an event that came in time may be for it."""
        if not self._queue or timer.node == NO_NODE:
            return False
        name = live.progress.program.codes[timer.node].node.event
        queued = self._queued.get(name)
        if not name or not queued or queued[0] > timer.due:
            return False
        self._late.setdefault(name, []).append((live, timer))
        return True

    def go_on(self) -> None:
        """Deliver the queued events."""
        if self._is_busy or self._is_put_off:
            # A run that an event set going has emitted one: it is handed out further up.
            return
        self._is_busy = True
        try:
            while self._queue:
                if self._handing is None:
                    if self._owner.wake(self._queue):
                        return
                    self._handing = self._hand_out(*self._queue[0])
                if next(self._handing, _OVER) is not _OVER:
                    self._is_put_off = True
                    self._owner.time_slice.put_off(self, self._resume)
                    return
                self._handing = None
                self._is_over(self._queue.popleft()[0].name)
        finally:
            self._is_busy = False
        self._owner.handed_out()

    def _resume(self) -> None:
        self._is_put_off = False
        self.go_on()

    def _is_over(self, name: str) -> None:
        queued = self._queued[name]
        queued.popleft()
        if not queued:
            del self._queued[name]
        for live, timer in self._late.pop(name, ()):
            self._owner.add_timer(live, timer)

    @property
    def n_queued(self) -> int:
        """How many events are in the store and have not been handed out."""
        return len(self._queue)

    @property
    def oldest_at(self) -> int | None:
        """When the first of these events came; from any thread."""
        try:
            return self._queue[0][0].at
        except IndexError:
            return None

    @property
    def is_idle(self) -> bool:
        """Whether every event has been handed out."""
        return not self._queue

    def _hand_out(self, event: SentEvent, sending: Sending | None) -> Generator[None]:
        place, n_reached, n_looked = (event.tenant, event.name), 0, -1
        given = set[LoadedRun]()
        # Runs that came while others had their turn have not seen it.
        while (waiters := self._waiters.get(place)) is not None and waiters.n_added != n_looked:
            n_looked = waiters.n_added
            loaded_runs = [live for live in waiters.of(event.payload) if live not in given]
            given.update(loaded_runs)
            n_reached += yield from self._owner.hand_out(loaded_runs, event)
        self.delivery_offset = max(self.delivery_offset, event.number)
        yield from self._owner.look(event, sending)
        if sending is not None:
            sending.n_reached += n_reached
            sending.is_over.set()


def handing_out(
    driver: Driver, loaded_runs: Sequence[LoadedRun], event: SentEvent, now: Callable[[], int]
) -> Generator[None, None, int]:
    """Give an event to runs, once to a run and all its parts, and let them go on; returns how many took it.

    Yields where others should have their turn.
    """
    families: dict[LoadedRun, list[LoadedRun]] = {}
    for live in loaded_runs:
        families.setdefault(live.whole, []).append(live)
    matches, n_reached = Matches(event), 0
    for family in families.values():
        n_reached += yield from _handing(driver, family, matches, now)
        if not driver.time_slice.is_short():
            yield
    return n_reached


def _handing(
    driver: Driver, family: Sequence[LoadedRun], matches: Matches, now: Callable[[], int]
) -> Generator[None, None, bool]:
    """All conditions are evaluated first, which may take turns; who gets the event is then decided in one go."""
    try:
        yield from judging([live.progress for live in family], matches, driver.time_slice.is_short)
        family = [live for live in family if live.broken is None]
        n_recorded = [live.progress.n_recorded for live in family]
        is_reached = deliver([live.progress for live in family], matches.event, now(), matches)
    except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
        driver.block(family[0], error)
        return False
    for live, n_before in zip(family, n_recorded, strict=True):
        if live.progress.n_recorded > n_before:
            driver.observing.event_taken(matches.event, live)
            driver.turn(live)
    return is_reached
