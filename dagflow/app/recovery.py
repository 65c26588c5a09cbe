"""Resuming the runs of a store, and finding out which of them crash the process.

A run that kills its process kills it again when it is resumed, and with it all others, for ever. So crashes are counted, by
run: each that was under way at a crash, and has had no outcome since the one before, is a suspect. After the first crash
everything is resumed as ever. Runs that were under way at two crashes in a row are held back and tried, first one, then two,
then four at a time, while all others continue. A run that was tried at a third crash may still be innocent, since the process may
have been killed from outside. It is tried once more, before any other run is resumed; a fourth crash quarantines it until it is resumed by name.

After a crash the store still names an owner that no longer exists: a kill, a power cut, `os._exit`, lack of memory.
Closing in order is no crash, nor is an error of the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Final, TypeVar

import attrs
import trio

from dagflow.drivers.local.driver import LocalDriver
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.drivers.local.subscriptions import Subscriptions, due_of
from dagflow.drivers.local.time_slice import in_turns
from dagflow.errors import DagflowError, RunBlocked, StoreError, UsageError
from dagflow.execution.delivery import giving
from dagflow.ids import RunId
from dagflow.model.status import RunStatus
from dagflow.store.api import CrashSuspect, DriverState, Record, RunRow, Store
from dagflow.store.failpoints import Failpoint, hit

_Value = TypeVar("_Value")

#: Crashes in a row after which a run is tried while others go on, is tried before others go on, and is quarantined.
_TRIED_AFTER: Final = 2
_TRIED_ALONE_AFTER: Final = 3
MOST_CRASHES: Final = 4
#: How long a run is tried. One that has no outcome by then goes on beside the others; crashes still count.
TRIAL_SECONDS: Final = 1.0
_PAGE: Final = 500
#: So many events, at most, may have been on their way at a crash.
_LAST_EVENTS: Final = 20
_BEGINNINGS: Final = frozenset({"attempt_started", "attempt_interrupted"})


class Quarantined(UsageError):  # noqa: N818 - a state of a run, not a fault of the caller
    """A run is quarantined since it seems to crash the process; it must be resumed by name."""


def is_quarantined(suspect: CrashSuspect) -> bool:
    """Whether a run is quarantined until it is resumed by name."""
    return suspect.n_crashes >= MOST_CRASHES


def n_outcomes(history: Collection[Record]) -> int:
    """How far a run has come; beginnings of attempts do not count, since resuming alone makes more of them."""
    return sum(record.kind not in _BEGINNINGS for record in history)


def _has_outcome(live: LoadedRun, n_binding: int) -> bool:
    """Whether the run has come further than its own beginning, ended, or only waits."""
    is_over = live.has_ended.is_set() or live.progress.n_binding > n_binding
    return is_over or live.progress.standing()[0] is RunStatus.SLEEPING


@attrs.define(eq=False)
class Recovery:
    """The unfinished runs of a store, as it was found.

    Attributes:
        lives: the resumed runs, oldest first. waiting: the resumed runs that have to wait until others were tried.
        stuck: the runs that cannot resume, and why.
    """

    _store: Store
    _driver: LocalDriver
    _load: Callable[[RunRow], LoadedRun]
    loaded_runs: list[LoadedRun] = attrs.field(factory=list)
    waiting: dict[RunId, LoadedRun] = attrs.field(factory=dict)
    blocked: dict[RunId, DagflowError] = attrs.field(factory=dict)
    _suspects: dict[RunId, CrashSuspect] = attrs.field(factory=dict)
    _rows: list[RunRow] = attrs.field(factory=list)
    _found: set[RunId] = attrs.field(factory=set[RunId])
    _is_whole: bool = True
    _newest: str = ""

    async def read(self, only: Collection[str] | None, unquarantine: Collection[str], now: int) -> None:
        """Find the runs, blame the runs that were driven at a crash, and load all that can resume. Raises StoreError."""
        hit(Failpoint.RECOVERING)
        await self._asked(self._find, unquarantine, now)
        for row in self._rows if only is None else await self._asked(self._named, only):
            try:
                self.check(row.id)
                self.loaded_runs.append(await self._asked(self._load, row))
            except DagflowError as error:
                self.blocked[row.id] = error
            except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
                self.blocked[row.id] = RunBlocked.caused_by(row.id, error)
        self._is_whole = only is None
        self._found = {live.run for live in self.loaded_runs}
        hit(Failpoint.RECOVERING)

    def check(self, run: RunId) -> None:
        """Raise Quarantined if the run is quarantined."""
        suspect = self._suspects.get(run)
        if suspect is not None and is_quarantined(suspect):
            raise Quarantined(
                f"it was running at {suspect.n_crashes} process crashes in a row, so it is quarantined; "
                f"to try it again, run `dagflow resume {run}`"
            )

    @property
    def has_trials(self) -> bool:
        """Whether some runs have to be tried, which takes time."""
        return any(self._n_crashes(live.run) >= _TRIED_AFTER for live in self.loaded_runs)

    async def go_on(self, then: Callable[[], Awaitable[None]] | None) -> None:
        """Drive the runs. Raises StoreError.

        `then` is called once all runs without suspicion are driven, before the last suspects are tried.
        """
        suspected = [live for live in self.loaded_runs if self._n_crashes(live.run) >= _TRIED_AFTER]
        suspected.sort(key=lambda live: (self._n_crashes(live.run), live.run))
        self.waiting = {live.run: live for live in self.loaded_runs}
        for live in [live for live in suspected if self._n_crashes(live.run) >= _TRIED_ALONE_AFTER]:
            await self._try([live])
        held = [live for live in suspected if live.run in self.waiting]
        # Who drives only some may be blamed for those alone.
        driven = [] if self._is_whole else [self._tried(live) for live in self.loaded_runs if live not in held]
        await self._say(*driven, *map(self._held, held), is_whole=self._is_whole)
        await self._take(*(live for live in self.loaded_runs if live not in held))
        if then is not None:
            await then()
        n_at_once = 1
        while held:
            await self._try(held[:n_at_once], is_whole=self._is_whole)
            held, n_at_once = held[n_at_once:], n_at_once * 2
        self.loaded_runs.clear()

    async def _take(self, *loaded_runs: LoadedRun) -> None:
        """Drive those of the runs that still wait."""
        while any([await self._catch_up(live) for live in loaded_runs if live.run in self.waiting]):
            pass
        self._driver.take(*(live for live in loaded_runs if self.waiting.pop(live.run, None) is not None))

    def take_out(self, run: RunId) -> LoadedRun | None:
        """Return a run that waits for others to be tried, for a caller that must not wait."""
        return self.waiting.pop(run, None)

    async def close(self) -> None:
        """It was closed in order: of the runs it drove none is a suspect any more."""
        driven = self._found - set(self.waiting)
        cleared = [CrashSuspect(run=run, n_crashes=0) for run in driven if run in self._suspects]
        await self._asked(self._store.note_driving, DriverState(), cleared)

    def _n_crashes(self, run: RunId) -> int:
        suspect = self._suspects.get(run)
        return 0 if suspect is None else suspect.n_crashes

    def _tried(self, live: LoadedRun) -> CrashSuspect:
        suspect = self._suspects.get(live.run) or CrashSuspect(run=live.run, n_crashes=0)
        return attrs.evolve(suspect, is_tried=True, is_held=False)

    def _held(self, live: LoadedRun) -> CrashSuspect:
        return attrs.evolve(self._suspects[live.run], is_held=True)

    async def _try(self, loaded_runs: Sequence[LoadedRun], *, is_whole: bool = False) -> None:
        """Drive these, and no other suspect for a while: until each has an outcome, at most so long as a trial takes."""
        suspects = [self._tried(live) for live in loaded_runs]
        await self._say(*suspects, is_whole=is_whole)
        n_before = [live.progress.n_binding for live in loaded_runs]
        await self._take(*loaded_runs)
        with trio.move_on_after(TRIAL_SECONDS):
            for live, n_binding in zip(loaded_runs, n_before, strict=True):
                while not _has_outcome(live, n_binding):
                    await live.wait_changed()
        done = [
            attrs.evolve(suspect, is_tried=False, n_crashes=0 if live.has_ended.is_set() else suspect.n_crashes)
            for suspect, live in zip(suspects, loaded_runs, strict=True)
        ]
        await self._say(*done, is_whole=is_whole)

    async def _say(self, *suspects: CrashSuspect, is_whole: bool) -> None:
        self._suspects.update({suspect.run: suspect for suspect in suspects})
        driving = DriverState(is_open=True, is_whole=is_whole, since=self._newest)
        await self._asked(self._store.note_driving, driving, suspects)

    async def _catch_up(self, live: LoadedRun) -> bool:
        """Deliver the events that came since it was loaded; return whether there were any, so that there may be more."""
        mailbox = live.progress.mailbox
        if not live.progress.program.hears or mailbox.n_seen >= self._driver.delivery_offset:
            return False
        for event in await self._asked(lambda: self._store.events(after=mailbox.n_seen, limit=_PAGE)):
            now = partial(self._driver.now, live)
            await in_turns(giving(live.progress, event, now, self._driver.time_slice.is_short))
        return True

    async def _asked(self, ask: Callable[..., _Value], *arguments: object) -> _Value:
        """Return the store's answer; in a thread, unless the store is in memory and answers at once."""
        if not self._store.is_durable:
            return ask(*arguments)
        return await trio.to_thread.run_sync(lambda: ask(*arguments))

    def _named(self, runs: Collection[str]) -> list[RunRow]:
        """The rows of these runs, as far as they have not ended, the oldest first."""
        rows = (self._store.run(RunId(run)) for run in sorted(runs))
        return [row for row in rows if row is not None and not row.status.is_terminal and not row.parent]

    def _find(self, unquarantine: Collection[str], now: int) -> None:
        before: RunId | None = None
        while rows := self._store.awake(limit=_PAGE, before=before):
            before = rows[-1].id
            self._rows += rows
        self._rows.reverse()
        newest = self._store.runs(limit=1)
        self._newest = newest[0].id if newest else ""
        known = {suspect.run: suspect for suspect in self._store.suspects()}
        driving = self._store.driving()
        # Suspects are handled here, even if they are suspended; so are runs that were blocked, which may lack events.
        seen_to = {*known, *(each.run for each in self._store.blocked())}
        self._rows += [row for row in self._named(seen_to) if row.status is RunStatus.SLEEPING]
        self._rows.sort(key=lambda row: row.id)
        blamed = self._blamed(driving, known, now) if driving.is_open else []
        changed = {
            run: attrs.evolve(suspect, is_tried=False, is_held=False)
            for run, suspect in known.items()
            if suspect.is_tried or suspect.is_held
        }
        for run in blamed:
            so_far = self._n_outcomes(run)
            suspect = known.get(run)
            n_before = suspect.n_crashes if suspect is not None and suspect.n_outcomes == so_far else 0
            changed[run] = CrashSuspect(run=run, n_crashes=n_before + 1, n_outcomes=so_far)
        for run in {RunId(run) for run in unquarantine} & {*known, *changed}:
            changed[run] = CrashSuspect(run=run, n_crashes=0)
        self._suspects = known | changed
        self._store.note_driving(DriverState(is_open=True, since=self._newest), list(changed.values()))

    def _n_outcomes(self, run: RunId) -> int:
        try:
            return n_outcomes(self._store.history(run))
        except StoreError:
            return 0  # it is damaged, which loading reports

    def _blamed(self, driving: DriverState, known: dict[RunId, CrashSuspect], now: int) -> list[RunId]:
        """The runs that were on their way when the process crashed."""
        tried = {run for run, suspect in known.items() if suspect.is_tried}

        held = {run for run, suspect in known.items() if suspect.is_held}

        def driven(rows: Iterable[RunRow]) -> list[RunRow]:
            free = (row for row in rows if row.id not in held)
            return [row for row in free if driving.is_whole or row.id in tried or row.id > driving.since]

        awake = driven(row for row in self._rows if row.status is not RunStatus.SLEEPING)
        # An event after the stored delivery offset may have activated a suspended run.
        due = driven(row for row in self._store.sleeping(after=(-1, ""), limit=_PAGE) if due_of(row) <= now)
        woken = [] if awake or due else driven(self._given_events())
        found = {row.id: row for row in [*awake, *due, *woken]}
        self._rows += [row for row in found.values() if row.status is RunStatus.SLEEPING and row not in self._rows]
        return list(found)

    def _given_events(self) -> list[RunRow]:
        """Some of the runs that sleep and may have got an event last."""
        events = self._store.events(after=self._store.delivered_up_to(), limit=_PAGE)
        subscriptions = Subscriptions(self._store)
        subscriptions.open()
        finds = [find for event in events[-_LAST_EVENTS:] for find in subscriptions.wanting(event)]
        return [row for find in finds for row in find("", _PAGE) if row.status is RunStatus.SLEEPING]
