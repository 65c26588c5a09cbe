"""The driver as its parts see it: what the attempts, the child runs and the suspended runs ask of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.drivers.local.observing import Observing
from dagflow.drivers.local.time_slice import TimeSlice
from dagflow.errors import DagflowError
from dagflow.ids import RunId
from dagflow.store.api import SentEvent


class Driver(Protocol):
    """Drives runs: changes one at a time, and executes the commands that follow."""

    @property
    def loaded_runs(self) -> dict[RunId, LoadedRun]:
        """The runs in memory, by id."""
        ...

    @property
    def time_slice(self) -> TimeSlice:
        """How long it has kept the event loop."""
        ...

    @property
    def delivery_offset(self) -> int:
        """The number of the last event that was handed out."""
        ...

    @property
    def observing(self) -> Observing:
        """Its observers."""
        ...

    def now(self, live: LoadedRun) -> int:
        """The time, for that run."""
        ...

    def take(self, *loaded_runs: LoadedRun) -> None:
        """Drive these runs."""
        ...

    def leave(self, live: LoadedRun) -> None:
        """Drive this run no more."""
        ...

    def step(self, live: LoadedRun, change: Callable[[], object]) -> None:
        """Change a run, and execute the commands that follow."""
        ...

    def turn(self, live: LoadedRun) -> None:
        """Execute the commands of a run that has changed."""
        ...

    def cancel(self, live: LoadedRun) -> None:
        """Ask a run to end."""
        ...

    async def hand(self, live: LoadedRun, event: SentEvent) -> bool:
        """Give an event to a run; whether it took it."""
        ...

    def look_again(self) -> None:
        """Something has been fetched, or is due sooner than was thought."""
        ...

    def may_be_calm(self) -> None:
        """Something has come to rest."""
        ...

    def block(self, live: LoadedRun, error: Exception) -> None:
        """A run cannot go on; all others do."""
        ...

    def stop(self, error: DagflowError) -> None:
        """Nothing in memory is to be trusted any more."""
        ...
