"""Going on with the runs of a store, and finding out which of them crash the process.

A run that kills its process kills it again when it is resumed, and with it all others, for ever. So crashes are counted, by
run: each that was on its way at a crash, and has had no outcome since the one before, is a suspect. After the first crash
everything goes on as ever. Runs that were on their way at two crashes in a row are tried one by one, before anything else goes
on; the one that is tried at a third crash is quarantined: it stays as it is until somebody resumes it by name.

A crash is what leaves the store as somebody's who is not there any more: a kill, a power cut, `os._exit`, an end for want of
memory. Closing in order is none, nor is an error of the store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final, TypeVar

import attrs
import trio

from dagflow.drivers.live import Live
from dagflow.drivers.local import LocalDriver
from dagflow.drivers.seekers import Seekers, due_of
from dagflow.errors import DagflowError, RunBlocked, UsageError
from dagflow.ids import RunId
from dagflow.model.status import RunStatus
from dagflow.store.api import Driving, Record, RunRow, Store, Suspect
from dagflow.store.memory import MemoryStore
from dagflow.store.points import Point, reached

_Value = TypeVar("_Value")

#: Crashes in a row after which a run is left alone, and after which it is tried before others go on.
MOST_CRASHES: Final = 3
_TRIED_AFTER: Final = 2
#: How long a run is tried. One that takes longer goes on beside the others; crashes still count.
TRIAL_SECONDS: Final = 1.0
_PAGE: Final = 500
#: So many events, at most, may have been on their way at a crash.
_LAST_EVENTS: Final = 20
_BEGINNINGS: Final = frozenset({"attempt_started", "attempt_interrupted"})


class Quarantined(UsageError):  # noqa: N818 - a state of a run, not a fault of the caller
    """A run is left alone since it seems to crash the process; somebody has to resume it by name."""


def is_quarantined(suspect: Suspect) -> bool:
    """Whether a run is left alone until somebody resumes it by name."""
    return suspect.n_crashes >= MOST_CRASHES


def n_outcomes(history: Collection[Record]) -> int:
    """How far a run has come; beginnings of attempts do not count, since resuming alone makes more of them."""
    return sum(record.kind not in _BEGINNINGS for record in history)


@attrs.define(eq=False)
class Recovery:
    """The unfinished runs of a store, as it was found.

    Attributes:
        lives: those that go on, oldest first. waiting: those of them that have to wait until others were tried.
        stuck: those that do not go on, and why.
    """

    _store: Store
    _driver: LocalDriver
    _load: Callable[[RunRow], Live]
    lives: list[Live] = attrs.field(factory=list)
    waiting: dict[RunId, Live] = attrs.field(factory=dict)
    stuck: dict[RunId, DagflowError] = attrs.field(factory=dict)
    _suspects: dict[RunId, Suspect] = attrs.field(factory=dict)
    _rows: list[RunRow] = attrs.field(factory=list)
    _is_whole: bool = True
    _newest: str = ""

    async def read(self, only: Collection[str] | None, release: Collection[str], now: int) -> None:
        """Find the runs, blame those that were on their way at a crash, and load those that go on. Raises StoreError."""
        reached(Point.RECOVERING)
        await self._asked(self._find, release, now)
        for row in self._rows if only is None else await self._asked(self._named, only):
            try:
                self.check(row.id)
                self.lives.append(await self._asked(self._load, row))
            except DagflowError as error:
                self.stuck[row.id] = error
            except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
                self.stuck[row.id] = RunBlocked.caused_by(row.id, error)
        self._is_whole = only is None
        reached(Point.RECOVERING)

    def check(self, run: RunId) -> None:
        """Raise Quarantined if the run is left alone."""
        suspect = self._suspects.get(run)
        if suspect is not None and is_quarantined(suspect):
            raise Quarantined(
                f"it was on its way at {suspect.n_crashes} crashes of the process in a row, so it is left alone; "
                f"`dagflow resume {run}` tries it again"
            )

    @property
    def has_trials(self) -> bool:
        """Whether some runs have to be tried before the others go on, which takes time."""
        return any(self._n_crashes(live.run) >= _TRIED_AFTER for live in self.lives)

    async def go_on(self) -> None:
        """Drive the runs: those that may have crashed the process first, one by one. Raises StoreError."""
        tried = [live for live in self.lives if self._n_crashes(live.run) >= _TRIED_AFTER]
        tried.sort(key=lambda live: (self._n_crashes(live.run), live.run))
        self.waiting = {live.run: live for live in self.lives}
        for live in tried:
            if live.run in self.waiting:
                await self._try(live)
        # Who drives only some may be blamed for those alone.
        driven = [] if self._is_whole else [self._tried(live) for live in self.lives]
        await self._say(*driven, is_whole=self._is_whole)
        while any([await self._catch_up(live) for live in self.waiting.values()]):
            pass
        lives = list(self.waiting.values())
        self.waiting = {}
        self._driver.take(*lives)

    def take_out(self, run: RunId) -> Live | None:
        """A run that waits for others to be tried, for somebody who does not want to wait."""
        return self.waiting.pop(run, None)

    async def close(self) -> None:
        """It was closed in order: of the runs it drove none is a suspect any more."""
        driven = {live.run for live in self.lives} - set(self.waiting)
        cleared = [Suspect(run=run, n_crashes=0) for run in driven if run in self._suspects]
        await self._asked(self._store.note_driving, Driving(), cleared)

    def _n_crashes(self, run: RunId) -> int:
        suspect = self._suspects.get(run)
        return 0 if suspect is None else suspect.n_crashes

    def _tried(self, live: Live) -> Suspect:
        return attrs.evolve(self._suspects.get(live.run) or Suspect(run=live.run, n_crashes=0), is_tried=True)

    async def _try(self, live: Live) -> None:
        """Let nothing else go on for a while."""
        suspect = self._tried(live)
        await self._say(suspect)
        while await self._catch_up(live):
            pass
        if self.waiting.pop(live.run, None) is not None:
            self._driver.take(live)
        with trio.move_on_after(TRIAL_SECONDS):
            while not live.has_ended.is_set() and live.progress.standing()[0] is not RunStatus.SLEEPING:
                await live.wait_changed()
        is_over = live.has_ended.is_set()
        await self._say(attrs.evolve(suspect, is_tried=False, n_crashes=0 if is_over else suspect.n_crashes))

    async def _say(self, *suspects: Suspect, is_whole: bool = False) -> None:
        self._suspects.update({suspect.run: suspect for suspect in suspects})
        driving = Driving(is_open=True, is_whole=is_whole, since=self._newest)
        await self._asked(self._store.note_driving, driving, suspects)

    async def _catch_up(self, live: Live) -> bool:
        """Deliver what was sent since it was loaded; whether there was anything, and so may be more by now."""
        inbox = live.progress.inbox
        if not live.progress.program.waits or inbox.n_seen >= self._driver.n_handed_out:
            return False
        for event in await self._asked(lambda: self._store.events(after=inbox.n_seen, limit=_PAGE)):
            live.progress.deliver(event, self._driver.now(live))
        return True

    async def _asked(self, ask: Callable[..., _Value], *arguments: object) -> _Value:
        """What the store says; in a thread, unless it is in memory and says so at once."""
        if isinstance(self._store, MemoryStore):
            return ask(*arguments)
        return await trio.to_thread.run_sync(lambda: ask(*arguments))

    def _named(self, runs: Collection[str]) -> list[RunRow]:
        """The rows of these runs, as far as they have not ended, the oldest first."""
        rows = (self._store.run(RunId(run)) for run in sorted(runs))
        return [row for row in rows if row is not None and not row.status.is_terminal and not row.parent]

    def _find(self, release: Collection[str], now: int) -> None:
        before: RunId | None = None
        while rows := self._store.awake(limit=_PAGE, before=before):
            before = rows[-1].id
            self._rows += rows
        self._rows.reverse()
        newest = self._store.runs(limit=1)
        self._newest = newest[0].id if newest else ""
        known = {suspect.run: suspect for suspect in self._store.suspects()}
        driving = self._store.driving()
        # Those under suspicion are seen to here, also where they sleep; so are those that were blocked, which may lack events.
        seen_to = {*known, *(each.run for each in self._store.blocked())}
        self._rows += [row for row in self._named(seen_to) if row.status is RunStatus.SLEEPING]
        self._rows.sort(key=lambda row: row.id)
        blamed = self._blamed(driving, known, now) if driving.is_open else []
        changed = {run: attrs.evolve(suspect, is_tried=False) for run, suspect in known.items() if suspect.is_tried}
        for run in blamed:
            so_far = n_outcomes(self._store.history(run))
            suspect = known.get(run)
            n_before = suspect.n_crashes if suspect is not None and suspect.n_outcomes == so_far else 0
            changed[run] = Suspect(run=run, n_crashes=n_before + 1, n_outcomes=so_far)
        for run in {RunId(run) for run in release} & {*known, *changed}:
            changed[run] = Suspect(run=run, n_crashes=0)
        self._suspects = known | changed
        self._store.note_driving(Driving(is_open=True, since=self._newest), list(changed.values()))

    def _blamed(self, driving: Driving, known: dict[RunId, Suspect], now: int) -> list[RunId]:
        """The runs that were on their way when the process crashed."""
        tried = {run for run, suspect in known.items() if suspect.is_tried}

        def driven(rows: Iterable[RunRow]) -> list[RunRow]:
            return [row for row in rows if driving.is_whole or row.id in tried or row.id > driving.since]

        awake = driven(row for row in self._rows if row.status is not RunStatus.SLEEPING)
        # What nobody has written down may have woken one that slept.
        due = driven(row for row in self._store.sleeping(after=(-1, ""), limit=_PAGE) if due_of(row) <= now)
        woken = [] if awake or due else driven(self._given_events())
        found = {row.id: row for row in [*awake, *due, *woken]}
        self._rows += [row for row in found.values() if row.status is RunStatus.SLEEPING and row not in self._rows]
        return list(found)

    def _given_events(self) -> list[RunRow]:
        """Some of the runs that sleep and may have got an event last."""
        events = self._store.events(after=self._store.handed_out(), limit=_PAGE)
        seekers = Seekers(self._store)
        seekers.open()
        finds = [find for event in events[-_LAST_EVENTS:] for find in seekers.wanting(event)]
        return [row for find in finds for row in find("", _PAGE) if row.status is RunStatus.SLEEPING]
