"""Rows for the tests of stores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from dagflow.ids import FlowDigest, RunId, new_run_id
from dagflow.model.status import RunStatus
from dagflow.store import Append, Creation, PublishedRow, Record, RequestRow, RunRow, SentEvent, Store

DIGEST = FlowDigest("d" * 64)
FLOW = b'{"dagflow":1}'


def run_row(at: int = 1_000_000_000, **changes: object) -> RunRow:
    """A row of a run that began at `at`."""
    values = {"id": new_run_id(at), "flow": "lead", "digest": DIGEST, "status": RunStatus.RUNNING, "created_at": at}
    return RunRow(**(values | changes))  # type: ignore[arg-type]


def facts(n: int, start: int = 0) -> tuple[Record, ...]:
    """History events with the numbers from `start`."""
    return tuple(Record("step_done", at, f"n{at}", at % 3, None if at % 2 else b'{"a":1}') for at in range(start, start + n))


def add(run: RunId, first: int, records: tuple[Record, ...], **changes: object) -> Append:
    """An append of history events to a run."""
    return Append(run=run, first=first, records=records, **({"status": RunStatus.RUNNING} | changes))  # type: ignore[arg-type]


def create(store: Store, row: RunRow, flow: bytes, records: Sequence[Record], events: Sequence[SentEvent] = ()) -> None:
    """Create a run."""
    store.write((), [Creation(row=row, flow=flow, records=tuple(records), events=tuple(events))])


def sent(number: int, **changes: object) -> SentEvent:
    """An event."""
    values = {"number": number, "id": f"e{number}", "name": "x/y", "at": number, "payload": b"{}"}
    return SentEvent(**(values | changes))  # type: ignore[arg-type]


def version(number: int, flow: str = "lead", **changes: Any) -> PublishedRow:
    """A version of a flow."""
    values: dict[str, Any] = {"digest": DIGEST, "state": "active", "at": number, "manifest": b"{}", "text": f"text {number}"}
    return PublishedRow(flow=flow, number=number, **(values | changes))


def asked(request_id: str, at: int = 1, **changes: Any) -> RequestRow:
    """A request of a flow."""
    values: dict[str, Any] = {"flow": "lead", "digest": DIGEST, "stage": "waiting", "keys": b'["","","",""]', "input": b"{}"}
    return RequestRow(id=request_id, at=at, **(values | changes))


def begun(request: RequestRow, at: int, status: RunStatus = RunStatus.RUNNING, ended_at: int | None = None) -> Creation:
    """The run of a request."""
    row = RunRow(id=new_run_id(at), flow="lead", digest=DIGEST, status=status, created_at=at, ended_at=ended_at)
    got = attrs.evolve(request, stage="running", run=row.id, since=at, input=b"")
    return Creation(row=row, flow=b"{}", records=(), request=got)


def ids(rows: Iterable[RequestRow]) -> list[str]:
    """The ids of requests, in order."""
    return [row.id for row in rows]
