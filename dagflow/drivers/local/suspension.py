"""Suspend runs that only wait, and activate them when a timer is due or an event matches.

A run is suspended when it waits only for timers and events, and the store has all its history. It is then evicted from memory: its
row says when it is due, and its subscriptions say which events it waits for. A due timer or a matching event activates it from its
history. A handle keeps a suspended run in memory; the same object is then driven on, so the handle stays good.

Runs that became due while they were not driven, or when a clock was set forward, are activated at a steady rate: otherwise a day's
timers would fire at once and delay all other runs. No more are active at a time than can be served soon.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Final
from weakref import WeakValueDictionary

import attrs
import trio

from dagflow.drivers.local.activation import ActivationConfig, Activator
from dagflow.drivers.local.batch import Sending
from dagflow.drivers.local.group_commit import Writer
from dagflow.drivers.local.interface import Driver
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.drivers.local.run_access import Holding
from dagflow.drivers.local.subscriptions import Subscriptions, due_of
from dagflow.drivers.local.time_slice import in_turns
from dagflow.drivers.local.wake_limit import WakeLimit
from dagflow.engine.commands import SetTimer
from dagflow.errors import DagflowError, UsageError
from dagflow.execution.delivery import giving
from dagflow.execution.program import Program
from dagflow.ids import RunId
from dagflow.model.status import RunStatus
from dagflow.store.api import RunRow, SentEvent

#: Runs read from the store in one go.
PAGE: Final = 200
#: Write the delivery offset after so many events; later events are delivered again after a crash.
_NOTED_EVERY: Final = 256
#: Look up so many queued events together.
_EVENTS_AT_ONCE: Final = 100
#: Where a run has events so much later than the clock, that was set back. The run stays, since the store knows the clock's time only.
_BEHIND_NS: Final = 1_000_000_000
#: Behind every id, which are hexadecimal digits.
_LAST: Final = "~"


@attrs.define(eq=False)
class Suspension:
    """The runs that only wait.

    Attributes:
        n_coming: fetches under way. holding: gets hold of suspended runs.
    """

    _driver: Driver
    _writer: Writer
    _now: Callable[[], int]
    _activation: ActivationConfig
    n_coming: int = 0
    _is_open: bool = False
    _is_stopped: bool = False
    #: The suspended runs with a handle.
    _asleep: WeakValueDictionary[RunId, LoadedRun] = attrs.field(factory=WeakValueDictionary[RunId, LoadedRun])
    _awake: WakeLimit = attrs.field(factory=WakeLimit)
    #: Those that would have left if no event had been on its way.
    _tired: dict[LoadedRun, None] = attrs.field(factory=dict)
    _readers: list[set[RunId]] = attrs.field(factory=list)
    _n_given: int = 0
    _next_due: int | None = None
    _is_fetching: bool = False
    #: Runs due up to here have been fetched.
    _fetched: tuple[int, str] = (-1, "")
    _nursery: trio.Nursery = attrs.field(init=False)
    _subscriptions: Subscriptions = attrs.field(init=False)
    _activator: Activator = attrs.field(init=False)
    holding: Holding = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._subscriptions = Subscriptions(self._writer.store)
        self.holding = Holding(self._driver, self._writer, self._activation, self._asleep, self.reading, lambda: self._is_open)
        self._activator = Activator(self._writer.store, self._activation, self._subscriptions, self._now)

    def serve(self, nursery: trio.Nursery) -> None:
        """Activate runs in this nursery, once it is open."""
        self._nursery = nursery

    async def open(self) -> None:
        """From now on runs may be suspended, and suspended ones in the store may be activated. Raises StoreError."""
        delivered_up_to = self._driver.delivery_offset
        await self._writer.reading(self._subscriptions.open)
        self._subscriptions.n_woken_for = delivered_up_to
        self._is_open = not self._is_stopped
        self.spawn(self._give_again, delivered_up_to)
        self.clock_was_set()
        self.fetch()

    def rest(self, live: LoadedRun) -> None:
        """Nothing of the run is under way: it may leave."""
        progress = live.progress
        state = progress.machine.state
        if state.n_active:
            return
        self.gone(live)
        if not self._is_open or live.parent is not None or not state.waiting or state.ended is not None:
            return
        due = progress.standing()[1] or 0
        now = self._driver.now(live)
        if (
            due < now + self._activation.nearly_due_ns
            or now > self._now() + _BEHIND_NS
            or live.n_committed < progress.n_recorded
            or live.run not in self._driver.loaded_runs
        ):
            return
        n_seen = max(progress.mailbox.n_seen, self._driver.delivery_offset)
        if progress.program.hears and n_seen < self._writer.n_events:
            self._tired[live] = None
            return
        progress.mailbox.n_seen = n_seen
        self._leave(live, due)

    def gone(self, live: LoadedRun) -> None:
        """The run has nothing to do any more, for now or for good."""
        self._tired.pop(live, None)
        self._awake.remove(live)

    def events_are_handed_out(self) -> None:
        """No event is on its way: release the tasks that waited for that."""
        tired, self._tired = self._tired, {}
        for live in tired:
            self.rest(live)

    def note_when_idle(self) -> None:
        """Write the delivery offset after a number of events, when their results are in the store."""
        number = self._driver.delivery_offset
        if (
            self._is_open
            and self._writer.is_idle
            and not self.n_coming
            and number >= self._subscriptions.n_noted + _NOTED_EVERY
        ):
            self.spawn(self._note, number)

    def stop(self) -> None:
        """Nobody is fetched any more. Safe to call twice."""
        if self._is_open:
            self._n_given = self._driver.delivery_offset
        self._is_open, self._is_stopped = False, True
        self._awake.stop()

    async def close(self) -> None:
        """Write the delivery offset of the stop; the results of those events are in the store. Raises StoreError."""
        if self._n_given > self._subscriptions.n_noted:
            await self._note(self._n_given)

    def expecting(self, tenant: str, event: str) -> set[Program]:
        """The programs of runs of a tenant that left with a wait for such events."""
        return self._subscriptions.programs.get((tenant, event), set[Program]())

    def held(self) -> list[LoadedRun]:
        """The suspended runs that a caller holds a handle of."""
        return list(self._asleep.values())

    def find(self, run: RunId) -> LoadedRun | None:
        """Return a suspended run that still has a handle."""
        return self._asleep.get(run)

    @contextmanager
    def reading(self) -> Generator[set[RunId]]:
        """While runs are read: collect runs that were driven or suspended meanwhile, so that the read state is out of date."""
        changed = set[RunId]()
        self._readers.append(changed)
        try:
            yield changed
        finally:
            # By identity: two empty sets are equal.
            self._readers = [each for each in self._readers if each is not changed]

    def note_changed(self, run: RunId) -> None:
        """A run is driven, or no more: a read of it that is under way may be out of date."""
        for changed in self._readers:
            changed.add(run)

    def adopt(self, live: LoadedRun) -> None:
        """A run is driven, perhaps again."""
        self.note_changed(live.run)
        other = None if live.is_new else self._asleep.pop(live.run, None)
        if other is not None and other is not live:  # pragma: no cover - every reader of a run checks here first
            other.give_up(UsageError("the run is driven by another handle; ask for a new one"))
        if live.is_asleep:
            live.is_asleep = False
            live.progress.timers = [each for each in live.progress.machine.outstanding() if isinstance(each, SetTimer)]

    # ---- due runs

    @property
    def next_due(self) -> int | None:
        """When the next of those in the store is due; None if none is, or while they are being fetched."""
        return None if self._is_fetching else self._next_due

    def fetch(self) -> None:
        """Fetch the due runs."""
        self._is_fetching = True
        self._next_due = None
        self.spawn(self._fetch)

    def clock_was_set(self) -> None:
        """Runs due by now are long overdue, as far as can be known: activate them at a steady rate, beside later ones."""
        if self._is_open:
            since, self._fetched = self._fetched, (self._now(), _LAST)
            self.spawn(self._fetch_late, since, self._fetched)

    async def _fetch(self) -> None:
        try:
            await self._awake.wait_room()
            now = self._now()
            rows = await self._writer.reading(lambda: self._writer.store.sleeping(after=self._fetched, limit=PAGE + 1))
            rows = [row for row in rows if row.id not in self._driver.loaded_runs] if len(rows) <= PAGE else rows
            due = [row for row in rows[:PAGE] if due_of(row) <= now]
            if due:
                self._fetched = max(self._fetched, (due_of(due[-1]), due[-1].id))
                await self._bring(due)
            if len(due) < len(rows):
                self._is_due(due_of(rows[len(due)]))
        finally:
            self._is_fetching = False

    async def _fetch_late(self, since: tuple[int, str], until: tuple[int, str]) -> None:
        per_second = self._activation.per_second
        limit = PAGE if per_second is None else max(1, min(PAGE, per_second // 10))
        while True:
            await self._awake.wait_room()
            rows = await self._writer.reading(partial(self._writer.store.sleeping, after=since, limit=limit))
            late = [row for row in rows if (due_of(row), row.id) <= until]
            if not late:
                return
            since = (due_of(late[-1]), late[-1].id)
            await self._bring(late)
            if per_second is not None:
                await trio.sleep(len(late) / per_second)

    def _is_due(self, due: int) -> None:
        self._next_due = due if self._next_due is None else min(self._next_due, due)

    # ---- what gets an event

    def wake_for(self, queue: Sequence[tuple[SentEvent, Sending | None]]) -> bool:
        """Whether runs have to be fetched that may want the first of these events; the driver hears when they are there."""
        if not self._is_open or not self._subscriptions.may_want(queue[0][0]):
            return False
        if not self._subscriptions.is_waking:
            self._subscriptions.is_waking = True
            self.spawn(self._wake, list(islice(queue, _EVENTS_AT_ONCE)))
        return True

    async def _wake(self, queue: Sequence[tuple[SentEvent, Sending | None]]) -> None:
        subscriptions = self._subscriptions
        try:
            rows, number = await self._writer.reading(partial(subscriptions.find, [event for event, _ in queue], PAGE))
            if number is None:
                # Too many to have in memory at once, so they get it here, some at a time.
                (event, sending), *_ = queue
                n_reached, number = await self._give(event), event.number
                if sending is not None:
                    sending.n_reached += n_reached
            else:
                await self._awake.wait_room()
                # Those that do not take it leave again once it has been handed out.
                self._tired.update(dict.fromkeys(await self._bring(rows)))
            subscriptions.n_woken_for = number
        finally:
            subscriptions.is_waking = False

    async def _give(self, event: SentEvent) -> int:
        """Deliver the event to the suspended runs that may want it; return how many took it."""
        n_reached = 0
        for find in self._subscriptions.wanting(event):
            after = ""
            while rows := await self._writer.reading(partial(find, after, PAGE)):
                after = rows[-1].id
                await self._awake.wait_room()
                for live in await self._bring(rows):
                    n_reached += await self._driver.hand(live, event)
                    self.rest(live)
        return n_reached

    async def _give_again(self, until: int) -> None:
        """Deliver again the events that may not have reached all runs before the store was closed, or the process died."""
        subscriptions = self._subscriptions
        while subscriptions.n_noted < until:
            events = await self._writer.reading(lambda: self._writer.store.events(after=subscriptions.n_noted, limit=PAGE))
            for event in events:
                if event.number <= until:
                    await self._give(event)
            subscriptions.n_noted = min(until, events[-1].number) if events else until
        subscriptions.is_whole = True

    # ---- both

    async def activate(self, row: RunRow) -> LoadedRun | None:
        """Drive a suspended run now, with every event that was handed out; None if it is not suspended any more, or cannot go on."""
        found = await self._bring([row]) if self._is_open else []
        return found[0] if found else None

    async def _bring(self, rows: Iterable[RunRow]) -> list[LoadedRun]:
        """Read these runs, unless they are in memory, and drive them; they have every event that was handed out by then."""
        missing = {row.id: row for row in rows if row.id not in self._driver.loaded_runs and row.status is RunStatus.SLEEPING}
        found = [live for run in missing if (live := self._asleep.get(run)) is not None]
        for live in found:
            del missing[live.run]
        with self.reading() as changed:
            until = self._driver.delivery_offset
            found += await self._writer.reading(partial(self._activator.load, list(missing.values()), until))
            while behind := [live for live in found if self._is_behind(live, changed)]:
                until = self._driver.delivery_offset
                missed = await self._writer.reading(partial(self._missed, behind, until))
                # Delivered here, since a handle may hold them.
                for live, events in missed:
                    if live.run not in changed:
                        try:
                            await self._catch_up(live, events, until, changed)
                        except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
                            self._driver.block(live, error)
        # Somebody may hold it by now, from another reading.
        loaded_runs = [self._asleep.get(live.run, live) for live in found if live.run not in changed and live.broken is None]
        self._awake.add(loaded_runs)
        self._driver.take(*loaded_runs)
        return loaded_runs

    async def _catch_up(self, live: LoadedRun, events: Iterable[SentEvent], until: int, changed: Container[RunId]) -> None:
        mailbox, now = live.progress.mailbox, partial(self._driver.now, live)
        for event in events:
            await in_turns(giving(live.progress, event, now, self._driver.time_slice.is_short))
            if live.run in changed:
                # It is driven by now, and gets its events there.
                return
        mailbox.n_seen = max(mailbox.n_seen, until)

    def _is_behind(self, live: LoadedRun, changed: Container[RunId]) -> bool:
        is_ours = live.broken is None and live.run not in changed
        return is_ours and live.progress.mailbox.n_seen < self._driver.delivery_offset

    def _missed(self, loaded_runs: Iterable[LoadedRun], until: int) -> list[tuple[LoadedRun, list[SentEvent]]]:
        return [(live, self._activator.missed(live, until)) for live in loaded_runs]

    def _leave(self, live: LoadedRun, due: int) -> None:
        self._subscriptions.left(live.progress)
        live.is_asleep = True
        self._asleep[live.run] = live
        self._driver.leave(live)
        if (due, live.run) <= self._fetched:
            # The clock was set back.
            self._fetched = (due - 1, "")
        self._is_due(due)
        self._driver.look_again()

    async def _note(self, number: int) -> None:
        if self._subscriptions.is_whole:
            self._subscriptions.n_noted = number
            await self._writer.reading(lambda: self._writer.store.note_handed_out(number))

    def spawn(self, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        """Do this beside all else, unless it is stopped; the driver is not calm before it is over."""
        if not self._is_stopped:
            self.n_coming += 1
            self._nursery.start_soon(self._watched, work, *arguments)

    async def _watched(self, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        try:
            await work(*arguments)
        except DagflowError as error:
            self._driver.stop(error)
        finally:
            self.n_coming -= 1
            self._driver.look_again()
