"""The part of the SQLite store that keeps events."""

from __future__ import annotations

import abc
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from heapq import merge
from itertools import islice

import apsw

from dagflow.store.api import SentEvent
from dagflow.store.sqlite import rows
from dagflow.store.sqlite.connection import Value


class EventTables(abc.ABC):
    """What `SqliteStore` keeps of events, by the transactions and reads of that."""

    def send(self, events: Sequence[SentEvent]) -> None:
        """See `Store.send`."""
        with self._transaction() as connection:
            rows.insert_events(connection, events)

    def events(
        self, *, after: int, limit: int = 1000, names: Collection[str] | None = None, tenant: str = ""
    ) -> list[SentEvent]:
        """See `Store.events`."""
        events: list[SentEvent] = []
        while len(events) < limit:
            n_wanted = limit - len(events)
            found = self._events(after, n_wanted, names, tenant)
            # A damaged one is omitted; `problems` reports it.
            events += [event for row in found if (event := rows.read_event(row)) is not None]
            if len(found) < n_wanted:
                break
            after = int(str(found[-1][0]))
        return events

    def _events(self, after: int, limit: int, names: Collection[str] | None, tenant: str) -> list[tuple[Value, ...]]:
        if names is None:
            return self._read_texts(rows.EVENT_COLUMNS, rows.SELECT_EVENTS, after, limit)
        # Name by name, since that is how the index is ordered.
        query = rows.SELECT_NAMED_EVENTS
        named = (self._read_texts(rows.EVENT_COLUMNS, query, tenant, name, after, limit) for name in set(names))
        return list(islice(merge(*named), limit))

    def last_event(self) -> int:
        """See `Store.last_event`."""
        number = self._read(rows.SELECT_LAST_EVENT)[0][0]
        return number if isinstance(number, int) else 0

    def has_event(self, tenant: str, event_id: str) -> bool:
        """See `Store.has_event`."""
        return bool(self._read(rows.SELECT_EVENT_ID, tenant, event_id))

    @abc.abstractmethod
    def _transaction(self) -> AbstractContextManager[apsw.Connection]:
        """One write transaction."""
        ...

    @abc.abstractmethod
    def _read(self, query: str, *values: Value) -> list[tuple[Value, ...]]:
        """Return the rows of a query."""
        ...

    @abc.abstractmethod
    def _read_texts(self, columns: str, query: str, *values: Value) -> list[tuple[Value, ...]]:
        """As `_read`; a row with a text that is no text stops no other from being read."""
        ...
