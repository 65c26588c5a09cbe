"""Server-sent events: a run as it goes, and all runs as they change.

A stream of one run has the events of its history, numbered by their positions, so it goes on exactly where it was, also after a
restart. A stream of all runs is numbered by the feed of the process. If that is another one, or has moved on too far, the stream
begins with `reset`: read `GET /runs`, then follow.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import anyio
import attrs
import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dagflow.app.outcomes import Changes, FeedPlace, RunChange
from dagflow.web.access import Permission
from dagflow.web.call import Call, Open
from dagflow.web.documents import ChangeDocument
from dagflow.web.guards import HEADERS
from dagflow.web.operations import Operations, Query
from dagflow.web.problems import Problem
from dagflow.web.runs import records_after, run_row

STREAMS: Final = Operations()
_LAST: Final = Query(name="after", about="the id of the last event; the header `Last-Event-ID` does the same")
#: Says that the stream is there.
_BEAT: Final = b": here\n\n"


@STREAMS.add("GET", "/runs/{run}/stream", Permission.READ, query=(_LAST,), is_stream=True)
async def stream_run(call: Call) -> Response:
    """Follow a run: `event` for each event of its history, `run` when its row changes, and `end` at its end."""
    row, last = await call.run(), _last(call)
    after = int(last) if last.isascii() and last.isdigit() and len(last) < 12 else -1
    if row.status.is_terminal and after >= 0 and len(await call.tenant.history(row.id)) <= after + 1:
        return Response(status_code=204)  # so that a browser does not come back
    return _stream(call, _run_events(call, row.id, after))


@STREAMS.add("GET", "/stream", Permission.READ, query=(_LAST,), is_stream=True)
async def stream_runs(call: Call) -> Response:
    """Follow all runs of the tenant: `run` for each run that has changed, and `reset` where changes are missing."""
    feed, _, number = _last(call).rpartition("-")
    is_place = bool(feed) and number.isascii() and number.isdigit() and len(number) < 16
    return _stream(call, _all_events(call, FeedPlace(feed, int(number)) if is_place else None))


async def _run_events(call: Call, run: str, after: int) -> AsyncGenerator[bytes]:
    changes = await call.tenant.changes(None, 0.0)
    while True:
        # The row first: if it says that the run has ended, the history read after it is whole.
        row = await call.tenant.row(run)
        records = await records_after(call, run, after)
        for record in records:
            after = record["number"]
            yield _event("event", record, str(after))
        if row.status.is_terminal:
            yield _event("end", run_row(row))
            return
        if records:
            yield _event("run", run_row(row))
        while True:
            changes = await call.tenant.changes(changes.place, call.limits.heartbeat_seconds)
            if not changes.is_whole or any(each.run == run for each in changes.changes):
                break
            if not changes.changes:
                yield _BEAT


async def _all_events(call: Call, after: FeedPlace | None) -> AsyncGenerator[bytes]:
    changes = await call.tenant.changes(after, 0.0)
    yield _BEAT
    while True:
        for part in _of_answer(call, changes):
            yield part
        changes = await call.tenant.changes(changes.place, call.limits.heartbeat_seconds)
        if not changes.changes:
            yield _BEAT


def _of_answer(call: Call, answer: Changes) -> list[bytes]:
    found = [] if answer.is_whole else [_event("reset", {}, _place(answer.place.feed, answer.place.number))]
    latest: dict[str, RunChange] = {}
    for each in answer.changes:
        if call.principal.sees(each.flow):
            latest.pop(each.run, None)
            latest[each.run] = each
    return found + [_event("run", _change(each), _place(answer.place.feed, each.number)) for each in latest.values()]


def _change(change: RunChange) -> ChangeDocument:
    return {
        "run": change.run,
        "flow": change.flow,
        "status": change.status,
        "parent": change.parent or None,
        "events": change.n_events,
    }


def _place(feed: str, number: int) -> str:
    return f"{feed}-{number}"


def _last(call: Call) -> str:
    return call.request.headers.get("last-event-id") or call.text("after") or ""


def _event(kind: str, data: object, id_: str = "") -> bytes:
    head = f"id: {id_}\n" if id_ else ""
    return f"{head}event: {kind}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


@attrs.define(eq=False)
class EventStream(Response):
    """A response that sends parts until there are no more, the time is over, or the client leaves."""

    parts: AsyncGenerator[bytes]
    shared: Open
    seconds: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - of ASGI
        """Send it; see asgi.readthedocs.io."""
        headers = {**HEADERS, "content-type": "text/event-stream", "x-accel-buffering": "no"}
        self.shared.streams += 1
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_until_gone, receive, group.cancel_scope)
                raw = [(name.encode(), value.encode()) for name, value in headers.items()]
                await send({"type": "http.response.start", "status": 200, "headers": raw})
                async with aclosing(self.parts) as parts:
                    with anyio.move_on_after(self.seconds):
                        async for part in parts:
                            await send({"type": "http.response.body", "body": part, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
                group.cancel_scope.cancel()
        finally:
            self.shared.streams -= 1


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _stream(call: Call, parts: AsyncGenerator[bytes]) -> Response:
    if call.shared.streams >= call.limits.streams:
        raise Problem(
            503,
            "too_many_streams",
            f"there are {call.limits.streams} streams already",
            help="close one",
            headers={"retry-after": "5"},
        )
    return EventStream(parts, call.shared, call.limits.stream_seconds)
