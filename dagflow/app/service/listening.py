"""Find the published flows that an event may start, by an index in the store."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, cast

import attrs
import orjson

from dagflow.app.service.gates import Place
from dagflow.model.correlation_key import key_at
from dagflow.store.api import SentEvent
from dagflow.store.service_rows import ServiceStore

#: Rows in memory, at most; those of the events that came last.
_MOST_ROWS: Final = 100_000


@attrs.define(eq=False)
class _Flows:
    """The flows that listen for the events of one name: by what these have to carry."""

    anything: list[str] = attrs.field(factory=list[str])
    keyed: dict[str, dict[str, list[str]]] = attrs.field(factory=dict[str, dict[str, list[str]]])
    n_rows: int = 0

    def of(self, payload: bytes) -> list[str]:
        found = set(self.anything)
        value = cast("object", orjson.loads(payload)) if self.keyed else None
        for path, by_key in self.keyed.items():
            key = key_at(value, path)
            # A value that is missing or has no key may still be equal: the trigger itself decides.
            for flows in by_key.values() if key is None else [by_key.get(key, [])]:
                found.update(flows)
        return sorted(found)


@attrs.define(eq=False)
class Listening:
    """The listeners of the store, of each event as soon as it comes."""

    _store: ServiceStore
    #: By tenant and event, those that came last at the end.
    _known: OrderedDict[Place, _Flows] = attrs.field(factory=OrderedDict[Place, _Flows])
    _n_rows: int = 0

    def flows(self, event: SentEvent) -> list[str]:
        """The flows of the event's tenant that it may start, by name. Raises StoreError."""
        place = event.tenant, event.name
        known = self._known.get(place)
        if known is None:
            known = self._known[place] = self._read(*place)
            self._n_rows += known.n_rows
            while self._n_rows > _MOST_ROWS and len(self._known) > 1:
                self._n_rows -= self._known.popitem(last=False)[1].n_rows
        else:
            self._known.move_to_end(place)
        return known.of(event.payload)

    def forget(self, tenant: str, event: str) -> None:
        """Flows have begun or ceased to listen for such events."""
        known = self._known.pop((tenant, event), None)
        self._n_rows -= 0 if known is None else known.n_rows

    def _read(self, tenant: str, event: str) -> _Flows:
        found = _Flows()
        for row in self._store.listeners(tenant, event):
            found.n_rows += 1
            flows = found.keyed.setdefault(row.path, {}).setdefault(row.key, []) if row.key else found.anything
            flows.append(row.flow)
        # An event that nothing listens for takes room as well.
        found.n_rows = max(found.n_rows, 1)
        return found
