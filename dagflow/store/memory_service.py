"""The service's rows in memory; see `store.service_rows.ServiceStore`."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from typing import TypeAlias

import attrs

from dagflow.errors import StoreError, WriteRefused
from dagflow.ids import FlowDigest, RunId
from dagflow.store.service_rows import ENDED, OPEN_STAGES, RUNNING, ListenerRow, Looked, PublishedRow, RequestRow, ScheduleRow

#: A published flow, or a request: tenant, flow, and id of the request.
_FlowPlace: TypeAlias = tuple[str, str]
_Place: TypeAlias = tuple[str, str, str]


@attrs.define(eq=False)
class MemoryServiceRows:
    """The part of `MemoryStore` that a service needs."""

    _flows: dict[FlowDigest, bytes] = attrs.field(factory=dict, init=False)
    _published: dict[_FlowPlace, list[PublishedRow]] = attrs.field(factory=dict, init=False)
    _listeners: dict[_FlowPlace, tuple[ListenerRow, ...]] = attrs.field(factory=dict, init=False)
    _due_of: dict[_FlowPlace, int] = attrs.field(factory=dict, init=False)
    _requests: dict[_Place, RequestRow] = attrs.field(factory=dict, init=False)
    _unsettled: dict[_Place, None] = attrs.field(factory=dict, init=False)
    #: By the run it has.
    _request_of: dict[RunId, _Place] = attrs.field(factory=dict, init=False)
    #: By the flow, its claims by key.
    _claims: dict[_FlowPlace, dict[str, int | None]] = attrs.field(factory=dict, init=False)
    _looked: Looked | None = attrs.field(default=None, init=False)
    _is_closed: bool = attrs.field(default=False, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def publish(
        self, row: PublishedRow, flow: bytes, listeners: Collection[ListenerRow] = (), due_at: int | None = None
    ) -> None:
        """See `ServiceStore.publish`."""
        with self._lock:
            self._check_open()
            place = row.tenant, row.flow
            versions = self._published.setdefault(place, [])
            if any(each.number == row.number for each in versions):
                raise WriteRefused(f"flow {row.flow!r} has a version {row.number} already")
            versions.append(row)
            self._flows.setdefault(row.digest, flow)
            self._listeners[place] = tuple(listeners)
            self._schedule(ScheduleRow(row.flow, due_at, row.tenant))

    def note_state(self, tenant: str, flow: str, state: str) -> None:
        """See `ServiceStore.note_state`."""
        with self._lock:
            self._check_open()
            versions = self._published[tenant, flow]
            versions[-1] = attrs.evolve(versions[-1], state=state)

    def newest(self, tenant: str, flow: str) -> PublishedRow | None:
        """See `ServiceStore.newest`."""
        with self._lock:
            self._check_open()
            versions = self._published.get((tenant, flow))
            return attrs.evolve(versions[-1], text="") if versions else None

    def published(self, tenant: str) -> list[PublishedRow]:
        """See `ServiceStore.published`."""
        with self._lock:
            self._check_open()
            return [
                attrs.evolve(self._published[place][-1], text="") for place in sorted(self._published) if place[0] == tenant
            ]

    def versions(self, tenant: str, flow: str) -> list[PublishedRow]:
        """See `ServiceStore.versions`."""
        with self._lock:
            self._check_open()
            return self._published.get((tenant, flow), [])[::-1]

    def listeners(self, tenant: str, event: str) -> list[ListenerRow]:
        """See `ServiceStore.listeners`."""
        with self._lock:
            self._check_open()
            return [row for place, rows in self._listeners.items() if place[0] == tenant for row in rows if row.event == event]

    def schedules(self, *, after: tuple[int, str, str], limit: int = 100) -> list[ScheduleRow]:
        """See `ServiceStore.schedules`."""
        with self._lock:
            self._check_open()
            found = sorted((due, *place) for place, due in self._due_of.items() if (due, *place) > after)
        return [ScheduleRow(flow, due, tenant) for due, tenant, flow in found[: max(0, limit)]]

    def request(self, tenant: str, flow: str, request_id: str) -> RequestRow | None:
        """See `ServiceStore.request`."""
        with self._lock:
            self._check_open()
            return self._requests.get((tenant, flow, request_id))

    def requests(
        self,
        tenant: str,
        flow: str,
        *,
        stages: Collection[str] = (),
        limit: int = 100,
        before: tuple[int, int, str] | None = None,
    ) -> list[RequestRow]:
        """See `ServiceStore.requests`."""
        with self._lock:
            self._check_open()
            rows = [
                row
                for place, row in self._requests.items()
                if place[:2] == (tenant, flow) and (not stages or row.stage in stages)
            ]
        rows.sort(key=_place, reverse=True)
        return [row for row in rows if before is None or _place(row) < before][: max(0, limit)]

    def unsettled_requests(self) -> list[RequestRow]:
        """See `ServiceStore.unsettled_requests`."""
        with self._lock:
            self._check_open()
            return sorted(
                (self._requests[key] for key in self._unsettled), key=lambda row: (*_place(row), row.tenant, row.flow)
            )

    def begun_since(self, tenant: str, flow: str, since: int) -> list[RequestRow]:
        """See `ServiceStore.begun_since`."""
        with self._lock:
            self._check_open()
            rows = [
                row for place, row in self._requests.items() if place[:2] == (tenant, flow) and row.run and row.since > since
            ]
        return sorted(rows, key=lambda row: (row.since, row.id))

    def accepted_since(self, tenant: str, flow: str, since: int) -> list[RequestRow]:
        """See `ServiceStore.accepted_since`."""
        with self._lock:
            self._check_open()
            rows = [
                row for place, row in self._requests.items() if place[:2] == (tenant, flow) and row.accepted_at > max(0, since)
            ]
        return sorted(rows, key=lambda row: (row.accepted_at, row.id))

    def requested_after(self, number: int) -> list[RequestRow]:
        """See `ServiceStore.requested_after`."""
        with self._lock:
            self._check_open()
            found = (row for row in self._requests.values() if row.event > number)
            return sorted(found, key=lambda row: (row.event, row.tenant, row.flow))

    def claims(self, tenant: str, flow: str, now: int) -> list[tuple[str, int | None]]:
        """See `ServiceStore.claims`."""
        with self._lock:
            self._check_open()
            claims = self._claims.get((tenant, flow), {})
            return [(key, until) for key, until in sorted(claims.items()) if until is None or until > now]

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
            place = row.tenant, row.flow, row.id
            if row.claim is not None:
                self._claims.setdefault((row.tenant, row.flow), {})[row.claim[0]] = row.claim[1]
            self._requests[place] = attrs.evolve(row, claim=None)
            if row.stage in OPEN_STAGES or row.stage == RUNNING:
                self._unsettled[place] = None
            else:
                self._unsettled.pop(place, None)
            if row.run:
                self._request_of[row.run] = place
        if looked is not None:
            self._looked = Looked(event=looked.event)
            for schedule in looked.schedules:
                self._schedule(schedule)

    def _schedule(self, row: ScheduleRow) -> None:
        if row.due_at is None:
            self._due_of.pop((row.tenant, row.flow), None)
        else:
            self._due_of[row.tenant, row.flow] = row.due_at

    def _end_request(self, run: RunId) -> None:
        place = self._request_of.get(run)
        if place is not None:
            self._requests[place] = attrs.evolve(self._requests[place], stage=ENDED)
            self._unsettled.pop(place, None)

    def _prune_requests(self, before: int) -> set[FlowDigest]:
        """Remove settled requests that are older; returns the flows that are still needed."""
        old = [
            place
            for place, row in self._requests.items()
            if place not in self._unsettled and max(row.at, row.since, row.accepted_at) < before
        ]
        for place in old:
            self._request_of.pop(self._requests.pop(place).run, None)
        self._claims = {
            place: {key: until for key, until in claims.items() if until is None or until >= before}
            for place, claims in self._claims.items()
        }
        used = {self._requests[place].digest for place in self._unsettled}
        return used | {row.digest for rows in self._published.values() for row in rows}

    def _is_looked_at(self, number: int) -> bool:
        return self._looked is None or number <= self._looked.event

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreError("the store is closed; open it again")


def _place(row: RequestRow) -> tuple[int, int, str]:
    return row.at, row.event, row.id
