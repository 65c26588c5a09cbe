"""Clocks and stores that do what real ones may, when a test wants it."""

from __future__ import annotations

import threading
from typing import Any

import attrs
import trio

from dagflow.store.memory import MemoryStore
from dagflow.store.sqlite.store import SqliteStore


class Walking:
    """A wall clock that goes with trio's, until somebody sets it."""

    def __init__(self, start: int) -> None:
        self.offset = start

    def now(self) -> int:
        return self.offset + round(trio.current_time() * 1e9)


@attrs.define(eq=False)
class Lasting(MemoryStore):
    """One that can be opened again."""

    def close(self) -> None:
        pass


class Counting:
    """Counts the histories that are read."""

    def __init__(self, store: SqliteStore) -> None:
        self.store, self.n_read = store, 0

    def history(self, run: str) -> object:
        self.n_read += 1
        return self.store.history(run)  # type: ignore[arg-type]

    def histories(self, runs: list[str]) -> object:
        self.n_read += len(runs)
        return self.store.histories(runs)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)


class Held(Counting):
    """The next histories that are read are given only when somebody says so."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__(store)
        self.is_held = False
        self._gate: threading.Event | None = None

    def hold(self) -> None:
        self._gate = threading.Event()
        self._is_next = True

    def let_go(self) -> None:
        assert self._gate is not None
        self._gate.set()

    def history(self, run: str) -> object:
        return self._given(super().history(run))

    def histories(self, runs: list[str]) -> object:
        return self._given(super().histories(runs))

    def _given(self, found: object) -> object:
        if self._gate is not None and self._is_next:
            self._is_next = False
            self.is_held = True
            self._gate.wait(20)
        return found


class HeldEvents(Held):
    """The next events that are read are given only when somebody says so."""

    def history(self, run: str) -> object:
        return self.store.history(run)  # type: ignore[arg-type]

    def histories(self, runs: list[str]) -> object:
        return self.store.histories(runs)  # type: ignore[arg-type]

    def events(self, **which: Any) -> object:
        return self._given(self.store.events(**which))
