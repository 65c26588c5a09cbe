"""The part of a store of rows that a service needs; see `store.service_rows.ServiceStore`."""

from __future__ import annotations

import abc
from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeVar

import attrs

from dagflow.store.rows import listeners as listening
from dagflow.store.rows import published, requests, runs
from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.values import Execute, Row, Value
from dagflow.store.service_rows import ListenerRow, Looked, PublishedRow, RequestRow, ScheduleRow

_Result = TypeVar("_Result")

#: Behind every instant and id.
_AFTER_ALL: Final = (2**63 - 1, 2**63 - 1, "\U0010ffff")


class ServiceTables(abc.ABC):
    """The rows of a service, by the transactions and reads of a database."""

    def publish(
        self, row: PublishedRow, flow: bytes, listeners: Collection[ListenerRow] = (), due_at: int | None = None
    ) -> None:
        """See `ServiceStore.publish`."""

        def work(execute: Execute) -> None:
            execute(runs.INSERT_FLOW, (row.digest, flow, checksum(flow, row.digest)))
            published.insert(execute, row)
            listening.replace(execute, row, listeners)
            listening.schedule(execute, [ScheduleRow(row.flow, due_at, row.tenant)])

        self._transact(work)

    def note_state(self, tenant: str, flow: str, state: str) -> None:
        """See `ServiceStore.note_state`."""
        self._transact(lambda execute: published.note_state(execute, tenant, flow, state))

    def newest(self, tenant: str, flow: str) -> PublishedRow | None:
        """See `ServiceStore.newest`."""
        found = self._read(published.SELECT_NEWEST, tenant, flow)
        return attrs.evolve(published.read(found[0]), text="") if found else None

    def published(self, tenant: str) -> list[PublishedRow]:
        """See `ServiceStore.published`."""
        return [attrs.evolve(published.read(row), text="") for row in self._read(published.SELECT_NEWEST_OF_ALL, tenant)]

    def versions(self, tenant: str, flow: str) -> list[PublishedRow]:
        """See `ServiceStore.versions`."""
        return [published.read(row) for row in self._read(published.SELECT_VERSIONS, tenant, flow)]

    def listeners(self, tenant: str, event: str) -> list[ListenerRow]:
        """See `ServiceStore.listeners`."""
        return [listening.read(row) for row in self._read(listening.SELECT, tenant, event)]

    def schedules(self, *, after: tuple[int, str, str], limit: int = 100) -> list[ScheduleRow]:
        """See `ServiceStore.schedules`."""
        return listening.read_schedules(self._read(listening.SELECT_DUE, *after, max(0, limit)))

    def request(self, tenant: str, flow: str, request_id: str) -> RequestRow | None:
        """See `ServiceStore.request`."""
        found = self._requests(requests.SELECT_ONE, tenant, flow, request_id)
        return found[0] if found else None

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
        wanted = f",{','.join(sorted(stages))}," if stages else ""
        return self._requests(requests.SELECT_OF_FLOW, tenant, flow, *(before or _AFTER_ALL), wanted, max(0, limit))

    def unsettled_requests(self) -> list[RequestRow]:
        """See `ServiceStore.unsettled_requests`."""
        return self._requests(requests.SELECT_UNSETTLED)

    def begun_since(self, tenant: str, flow: str, since: int) -> list[RequestRow]:
        """See `ServiceStore.begun_since`."""
        return self._requests(requests.SELECT_BEGUN, tenant, flow, since)

    def accepted_since(self, tenant: str, flow: str, since: int) -> list[RequestRow]:
        """See `ServiceStore.accepted_since`."""
        return self._requests(requests.SELECT_ACCEPTED, tenant, flow, since)

    def requested_after(self, number: int) -> list[RequestRow]:
        """See `ServiceStore.requested_after`."""
        return self._requests(requests.SELECT_AFTER, number)

    def claims(self, tenant: str, flow: str, now: int) -> list[tuple[str, int | None]]:
        """See `ServiceStore.claims`."""
        return requests.read_claims(self._read(requests.SELECT_CLAIMS, tenant, flow, now))

    def looked(self) -> Looked | None:
        """See `ServiceStore.looked`."""
        return requests.read_looked(self._read(requests.SELECT_LOOKED))

    def note_requests(self, requested: Sequence[RequestRow], looked: Looked | None = None) -> None:
        """See `ServiceStore.note_requests`."""
        self._write_requests(requested, looked)

    def _requests(self, query: str, *values: Value) -> list[RequestRow]:
        # One that is damaged starts nothing; `problems` tells of it.
        return [row for found in self._read(query, *values) if (row := requests.read(found)) is not None]

    @abc.abstractmethod
    def _transact(self, work: Callable[[Execute], _Result]) -> _Result:
        """Do the work in one write transaction: committed when it returns, rolled back when it raises. It may be done again."""
        ...

    @abc.abstractmethod
    def _write_requests(self, requested: Sequence[RequestRow], looked: Looked | None) -> None:
        """Store these in one transaction."""
        ...

    @abc.abstractmethod
    def _read(self, query: str, *values: Value) -> list[Row]:
        """Return the rows of a query."""
        ...
