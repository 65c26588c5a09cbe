"""Finding the runs in the store that may want an event."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast

import attrs
import orjson

from dagflow.errors import StoreError
from dagflow.execution.correlation import wait_rows
from dagflow.execution.program import Program
from dagflow.model.correlation_key import key_at
from dagflow.store.api import RunRow, SentEvent, Store, WaitRow

if TYPE_CHECKING:
    from dagflow.execution.instance import RunInstance

#: Rows behind the run of that id, so many at most.
Find: TypeAlias = Callable[[str, int], list[RunRow]]


@attrs.define(eq=False)
class Subscriptions:
    """The subscriptions of runs in the store, as far as they are known.

    Attributes:
        programs: of suspended runs, by the tenant and the name of an event.
        is_waking: runs are being fetched for an event. n_woken_for: the last event for which that is done.
        n_noted: the last event known to have reached all runs. is_whole: all events before those of this driver have.
    """

    _store: Store
    programs: dict[tuple[str, str], set[Program]] = attrs.field(factory=dict)
    is_waking: bool = False
    n_woken_for: int = 0
    n_noted: int = 0
    is_whole: bool = False
    #: By the tenant and the name of an event, the paths under which runs in the store wait for it.
    _paths: dict[tuple[str, str], set[str]] = attrs.field(factory=dict)

    def open(self) -> None:
        """Read the subscriptions from the store. Raises StoreError."""
        for place, paths in self._store.awaited().items():
            self._paths.setdefault(place, set()).update(paths)
        self.n_noted = self._store.delivered_up_to()

    def left(self, progress: RunInstance) -> None:
        """A run has left memory."""
        for row in wait_rows(progress):
            self._paths.setdefault((row.tenant, row.event), set()).add(row.path)
            self.programs.setdefault((row.tenant, row.event), set()).add(progress.program)

    def may_want(self, event: SentEvent) -> bool:
        """Whether runs have to be fetched before the event can be handed out."""
        is_awaited = (event.tenant, event.name) in self._paths or (event.tenant, "") in self._paths
        return event.number > self.n_woken_for and is_awaited

    def wanting(self, event: SentEvent) -> Iterator[Find]:
        """Where to find the runs that may want the event."""
        payload = cast("object", orjson.loads(event.payload))
        name, tenant = event.name, event.tenant
        paths = self._paths.get((tenant, name), set[str]())
        keys = {path: key_at(payload, path) for path in paths if path}
        if None in keys.values():
            # Whoever asks for something that is not there has to say what becomes of it.
            yield self._finding(WaitRow(name, tenant=tenant), is_any=True)
        else:
            if "" in paths:
                yield self._finding(WaitRow(name, tenant=tenant))
            yield from (self._finding(WaitRow(name, path, key or "", tenant)) for path, key in keys.items())
        if (tenant, "") in self._paths:
            # Their subscriptions were damaged, and `store salvage` has put this in their place.
            yield self._finding(WaitRow("", tenant=tenant))

    def find(self, events: Sequence[SentEvent], limit: int) -> tuple[list[RunRow], int | None]:
        """The runs that may want any of the first of these events, and the number of the last one for which these are all.

        There are no more than `limit`, and no number if the first event alone has more.
        """
        rows: dict[str, RunRow] = {}
        number: int | None = None
        for event in events:
            found = [row for find in self.wanting(event) for row in find("", limit + 1)]
            if len(rows) + len(found) > limit:
                break
            rows |= {row.id: row for row in found}
            number = event.number
        return list(rows.values()), number

    def _finding(self, wait: WaitRow, *, is_any: bool = False) -> Find:
        return partial(self._find, wait, is_any)

    def _find(self, wait: WaitRow, is_any: bool, after: str, limit: int) -> list[RunRow]:
        return self._store.waiting(wait, after=after, limit=limit, is_any=is_any)


def due_of(row: RunRow) -> int:
    """When a run that sleeps is due. Raises StoreError if its row does not say."""
    if row.due_at is None:
        raise StoreError(f"run {row.id} sleeps, but nobody knows until when")
    return row.due_at
