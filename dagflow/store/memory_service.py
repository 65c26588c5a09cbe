"""The service's rows in memory; see `store.service_rows.ServiceStore`."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence

import attrs

from dagflow.errors import StoreError, WriteRefused
from dagflow.ids import FlowDigest, RunId
from dagflow.store.service_rows import ENDED, OPEN_STAGES, RUNNING, Looked, PublishedRow, RequestRow


@attrs.define(eq=False)
class MemoryServiceRows:
    """The part of `MemoryStore` that a service needs."""

    _flows: dict[FlowDigest, bytes] = attrs.field(factory=dict, init=False)
    _published: dict[str, list[PublishedRow]] = attrs.field(factory=dict, init=False)
    _requests: dict[tuple[str, str], RequestRow] = attrs.field(factory=dict, init=False)
    _unsettled: dict[tuple[str, str], None] = attrs.field(factory=dict, init=False)
    #: By the run it has.
    _request_of: dict[RunId, tuple[str, str]] = attrs.field(factory=dict, init=False)
    _claims: dict[tuple[str, str], int | None] = attrs.field(factory=dict, init=False)
    _looked: Looked | None = attrs.field(default=None, init=False)
    _is_closed: bool = attrs.field(default=False, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def publish(self, row: PublishedRow, flow: bytes) -> None:
        """See `ServiceStore.publish`."""
        with self._lock:
            self._check_open()
            versions = self._published.setdefault(row.flow, [])
            if any(each.number == row.number for each in versions):
                raise WriteRefused(f"flow {row.flow!r} has a version {row.number} already")
            versions.append(row)
            self._flows.setdefault(row.digest, flow)

    def note_state(self, flow: str, state: str) -> None:
        """See `ServiceStore.note_state`."""
        with self._lock:
            self._check_open()
            versions = self._published[flow]
            versions[-1] = attrs.evolve(versions[-1], state=state)

    def published(self) -> list[PublishedRow]:
        """See `ServiceStore.published`."""
        with self._lock:
            self._check_open()
            return [attrs.evolve(self._published[flow][-1], text="") for flow in sorted(self._published)]

    def versions(self, flow: str) -> list[PublishedRow]:
        """See `ServiceStore.versions`."""
        with self._lock:
            self._check_open()
            return self._published.get(flow, [])[::-1]

    def request(self, flow: str, request_id: str) -> RequestRow | None:
        """See `ServiceStore.request`."""
        with self._lock:
            self._check_open()
            return self._requests.get((flow, request_id))

    def requests(
        self, flow: str, *, stages: Collection[str] = (), limit: int = 100, before: tuple[int, str] | None = None
    ) -> list[RequestRow]:
        """See `ServiceStore.requests`."""
        with self._lock:
            self._check_open()
            rows = [row for row in self._requests.values() if row.flow == flow and (not stages or row.stage in stages)]
        rows.sort(key=_place, reverse=True)
        return [row for row in rows if before is None or _place(row) < before][: max(0, limit)]

    def unsettled_requests(self) -> list[RequestRow]:
        """See `ServiceStore.unsettled_requests`."""
        with self._lock:
            self._check_open()
            return sorted((self._requests[key] for key in self._unsettled), key=_place)

    def begun_since(self, flow: str, since: int) -> list[RequestRow]:
        """See `ServiceStore.begun_since`."""
        with self._lock:
            self._check_open()
            rows = [row for row in self._requests.values() if row.flow == flow and row.run and row.since > since]
        return sorted(rows, key=lambda row: (row.since, row.id))

    def requested_after(self, number: int) -> list[RequestRow]:
        """See `ServiceStore.requested_after`."""
        with self._lock:
            self._check_open()
            return sorted((row for row in self._requests.values() if row.event > number), key=lambda row: (row.event, row.flow))

    def claims(self, now: int) -> list[tuple[str, str, int | None]]:
        """See `ServiceStore.claims`."""
        with self._lock:
            self._check_open()
            return [(*place, until) for place, until in sorted(self._claims.items()) if until is None or until > now]

    def looked(self) -> Looked | None:
        """See `ServiceStore.looked`."""
        with self._lock:
            self._check_open()
            return self._looked

    def note_requests(self, requested: Sequence[RequestRow], looked: Looked | None = None) -> None:
        """See `ServiceStore.note_requests`."""
        with self._lock:
            self._check_open()
            self._keep_requests(requested, looked)

    def _keep_requests(self, requests: Sequence[RequestRow], looked: Looked | None = None) -> None:
        for row in requests:
            place = row.flow, row.id
            if row.claim is not None:
                self._claims[row.flow, row.claim[0]] = row.claim[1]
            self._requests[place] = attrs.evolve(row, claim=None)
            if row.stage in OPEN_STAGES or row.stage == RUNNING:
                self._unsettled[place] = None
            else:
                self._unsettled.pop(place, None)
            if row.run:
                self._request_of[row.run] = place
        self._looked = looked or self._looked

    def _end_request(self, run: RunId) -> None:
        place = self._request_of.get(run)
        if place is not None:
            self._requests[place] = attrs.evolve(self._requests[place], stage=ENDED)
            self._unsettled.pop(place, None)

    def _prune_requests(self, before: int) -> set[FlowDigest]:
        """Remove settled requests that are older; returns the flows that are still needed."""
        old = [
            place for place, row in self._requests.items() if place not in self._unsettled and max(row.at, row.since) < before
        ]
        for place in old:
            self._request_of.pop(self._requests.pop(place).run, None)
        self._claims = {place: until for place, until in self._claims.items() if until is None or until >= before}
        used = {self._requests[place].digest for place in self._unsettled}
        return used | {row.digest for rows in self._published.values() for row in rows}

    def _is_looked_at(self, number: int) -> bool:
        return self._looked is None or number <= self._looked.event

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreError("the store is closed; open it again")


def _place(row: RequestRow) -> tuple[int, str]:
    return row.at, row.id
