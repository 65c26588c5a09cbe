"""The interface through which a driver asks which runs begin; an interpreter by itself has no implementation."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

from dagflow.drivers.local.batch import Sending
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.errors import DagflowError
from dagflow.store.api import Append, SentEvent
from dagflow.store.service_rows import Looked


class Admitting(Protocol):
    """Decides which runs begin, from events in the order of their numbers, the ends of runs, and time."""

    @property
    def next_due(self) -> int | None:
        """When time alone changes something next; None if it does not."""
        ...

    def waiting_requests(self) -> tuple[int, int | None]:
        """Return how many requests have no run yet, and when the first of them arrived; from any thread."""
        ...

    def fire(self, now: int) -> None:
        """It is that late."""
        ...

    def look(self, event: SentEvent, sending: Sending | None) -> Generator[None]:
        """The event is in the store: begin the runs that it starts. Yields where other tasks may run."""
        ...

    def ended(self, live: LoadedRun) -> None:
        """The end of a run is in the store."""
        ...

    def refused(self, live: LoadedRun, reason: DagflowError) -> None:
        """A run that was to begin cannot; the store has nothing of it."""
        ...

    def written(self, live: LoadedRun, append: Append) -> None:
        """New events of a run are in the store."""
        ...

    def looked(self, is_written_anyway: bool) -> Looked | None:
        """Return the trigger offset, if it is to be written now, with the resulting requests."""
        ...
