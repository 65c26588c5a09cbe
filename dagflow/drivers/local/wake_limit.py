"""Activated runs that have work left: a limit of their number, and a collector of cycles that does not count them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs
import trio

from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.gc_tuning import RareGc

#: So many may have work left before others are activated.
MOST_AWAKE: Final = 1_000
#: From so many on, most objects that the collector would traverse are runs, which have no cycles and are soon freed.
CROWD: Final = 200


@attrs.define(eq=False)
class Crowd:
    """Has cycles collected seldom while many runs are in memory."""

    _seldom: RareGc = attrs.field(factory=RareGc)

    def note(self, n_loaded: int) -> None:
        """So many are in memory now; fewer than half a crowd end it."""
        if n_loaded >= CROWD:
            self._seldom.begin()
        elif n_loaded < CROWD // 2:
            self._seldom.end()


@attrs.define(eq=False)
class WakeLimit:
    """The activated runs that have work left."""

    _lives: set[LoadedRun] = attrs.field(factory=set)
    _has_room: trio.Event = attrs.field(factory=trio.Event)
    _seldom: RareGc = attrs.field(factory=RareGc)

    def add(self, loaded_runs: Iterable[LoadedRun]) -> None:
        """These were activated."""
        self._lives.update(loaded_runs)
        if len(self._lives) >= CROWD:
            self._seldom.begin()

    def remove(self, live: LoadedRun) -> None:
        """The run has nothing to do any more, for now or for good."""
        if live not in self._lives:
            return
        self._lives.discard(live)
        n_left = len(self._lives)
        if n_left < MOST_AWAKE:
            self._has_room.set()
        if not n_left:
            self._seldom.end()

    async def wait_room(self) -> None:
        """Wait until others may be activated."""
        while len(self._lives) >= MOST_AWAKE:
            self._has_room = trio.Event()
            await self._has_room.wait()

    def stop(self) -> None:
        """No more runs are activated."""
        self._seldom.end()
