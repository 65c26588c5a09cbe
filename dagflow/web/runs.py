"""Runs: lists, results, histories, cancellation and reruns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import orjson

from dagflow.app.documents.runs import plain_request, plain_rerun_plan, plain_result, plain_rows
from dagflow.app.documents.types import RequestDocument, RerunPlanDocument, RunDocument, RunRowDocument
from dagflow.app.documents.values import plain, rfc3339
from dagflow.model.flow import NodeKind
from dagflow.model.label import label_of
from dagflow.model.status import NodeStatus, RunStatus
from dagflow.store.api import Record, RunRow
from dagflow.web.access import Permission
from dagflow.web.call import Call, cursor_of
from dagflow.web.documents import (
    DeletedDocument,
    HistoryDocument,
    RecordDocument,
    RerunBody,
    RetryBody,
    RunsDocument,
    SkipBody,
    WaitDocument,
    WaitsDocument,
)
from dagflow.web.operations import Operations, Query

RUNS: Final = Operations()
#: Rows that one page of a filtered list reads, at most; then the page ends early, with a cursor.
_MOST_READ: Final = 5_000
#: Runs that one page of waits reads, at most.
_MOST_WAITING: Final = 50
#: Of the name of a credential, the characters that a history has.
_MOST_BY: Final = 200
_LIMIT: Final = Query(name="limit", about="entries in the answer, at most", kind="integer")
_CURSOR: Final = Query(name="cursor", about="`next` of the page before")
_WAITS: Final = frozenset({NodeKind.WAIT, NodeKind.WAIT_UNTIL, NodeKind.WAIT_EVENT})


@RUNS.add(
    "GET",
    "/runs",
    Permission.READ,
    answer=RunsDocument,
    query=(
        Query(name="flow", about="only runs of this flow"),
        Query(name="status", about="only runs of this status", words=tuple(RunStatus)),
        Query(name="unfinished", about="only runs that have not ended", kind="boolean"),
        Query(name="parent", about="the child runs of this run"),
        _LIMIT,
        _CURSOR,
    ),
)
async def list_runs(call: Call) -> RunsDocument:
    """List runs, the newest first; with `parent` its child runs, in their order."""
    parent, limit, cursor = call.text("parent") or "", call.limit(), call.cursor((str,))
    if parent:
        call.check_flow((await call.tenant.row(parent)).flow)
    flow, status, unfinished = call.text("flow"), call.text("status"), call.flag("unfinished")
    before = None if cursor is None else str(cursor[0])
    found: list[RunRow] = []
    n_read = 0
    while True:
        rows = list(await call.tenant.runs(unfinished=unfinished, limit=call.limits.page, before=before, parent=parent))
        n_read += len(rows)
        for row in rows:
            if flow in (None, row.flow) and status in (None, row.status.value) and call.principal.sees(row.flow):
                found.append(row)
                if len(found) == limit:
                    return {"runs": plain_rows(found), "next": cursor_of(row.id)}
        if parent or len(rows) < call.limits.page:
            return {"runs": plain_rows(found), "next": None}
        before = rows[-1].id
        if n_read >= _MOST_READ:
            return {"runs": plain_rows(found), "next": cursor_of(before)}


@RUNS.add("GET", "/runs/{run}/history", Permission.READ, answer=HistoryDocument, query=(
    Query(name="after", about="only events behind this number", kind="integer"),
))  # fmt: skip
async def get_history(call: Call) -> HistoryDocument:
    """Return the events of a run's history, in order."""
    row, after = await call.run(), call.number("after")
    return {"run": row.id, "events": await records_after(call, row.id, -1 if after is None else after)}


@RUNS.add("GET", "/runs/{run}/wait", Permission.READ, answer=RunDocument, query=(
    Query(name="seconds", about="how long to wait, at most", kind="integer"),
))  # fmt: skip
async def wait_for_run(call: Call) -> RunDocument:
    """Wait until a run has ended, or the time is over, and return it."""
    row = await call.run()
    seconds = call.number("seconds", most=int(call.limits.wait_seconds), default=int(call.limits.wait_seconds)) or 0
    await call.tenant.wait(row.id, float(seconds))
    return await _shown(call, row)


@RUNS.add("POST", "/runs/{run}/cancel", Permission.OPERATE, answer=RunDocument)
async def cancel_run(call: Call) -> RunDocument:
    """Cancel a run, and return it once it has ended."""
    row = await call.run()
    await call.tenant.cancel_run(row.id)
    return await _shown(call, row)


@RUNS.add("POST", "/runs/{run}/rerun", Permission.OPERATE, answer=RequestDocument, body=RerunBody)
async def rerun(call: Call) -> RequestDocument:
    """Ask for a run with the input of another one; the newest version of its flow takes it."""
    row, body = await call.run(), cast("RerunBody", await call.optional_body())
    return plain_request(await call.tenant.rerun(row.id, id=body.get("id"), from_step=body.get("from_step")))


@RUNS.add("GET", "/runs/{run}/rerun", Permission.READ, answer=RerunPlanDocument, query=(
    Query(name="from_step", about="the step to begin with"),
))  # fmt: skip
async def plan_rerun(call: Call) -> RerunPlanDocument:
    """Return which steps a rerun from a step keeps and which run again, and why; nothing begins."""
    row = await call.run()
    return plain_rerun_plan(await call.tenant.plan_rerun(row.id, call.text("from_step") or ""))


@RUNS.add("POST", "/runs/{run}/retry", Permission.OPERATE, answer=RunDocument, body=RetryBody)
async def retry(call: Call) -> RunDocument:
    """Go on with a run that failed from the steps that did not succeed."""
    row, body = await call.run(), cast("RetryBody", await call.optional_body())
    await call.tenant.retry(row.id, body.get("steps", []), call.principal.key[:_MOST_BY])
    return await _shown(call, row)


@RUNS.add("POST", "/runs/{run}/skip", Permission.OPERATE, answer=RunDocument, body=SkipBody)
async def skip(call: Call) -> RunDocument:
    """Give a step its result: one that waits, or one that did not succeed in a run that failed, which goes on by that."""
    row, body = await call.run(), cast("SkipBody", await call.body())
    await call.tenant.skip(row.id, body["step"], body.get("result"), call.principal.key[:_MOST_BY])
    return await _shown(call, row)


@RUNS.add("DELETE", "/runs/{run}", Permission.DELETE, answer=DeletedDocument)
async def delete_run(call: Call) -> DeletedDocument:
    """Delete a run that has ended, with its child runs and their histories."""
    row = await call.run()
    await call.tenant.delete_run(row.id)
    return {"deleted": row.id}


@RUNS.add("POST", "/runs/{run}/resume", Permission.OPERATE, answer=RunDocument)
async def resume_run(call: Call) -> RunDocument:
    """Try a blocked run again."""
    row = await call.run()
    await call.tenant.resume_run(row.id)
    return await _shown(call, row)


@RUNS.add("GET", "/runs/{run}", Permission.READ, answer=RunDocument)
async def get_run(call: Call) -> RunDocument:
    """Return a run with all its steps."""
    return await _shown(call, await call.run())


@RUNS.add("GET", "/waits", Permission.READ, answer=WaitsDocument, query=(_CURSOR,))
async def list_waits(call: Call) -> WaitsDocument:
    """List the steps that wait for an event or an instant, those of the newest runs first."""
    cursor = call.cursor((str,))
    before = None if cursor is None else str(cursor[0])
    rows = list(await call.tenant.runs(unfinished=True, limit=_MOST_WAITING, before=before, parent=""))
    found = [wait for row in rows if call.principal.sees(row.flow) and not row.problem for wait in await _waits(call, row)]
    return {"waits": found, "next": cursor_of(rows[-1].id) if len(rows) == _MOST_WAITING else None}


async def records_after(call: Call, run: str, after: int) -> list[RecordDocument]:
    """Return the events of a history behind a number, without contents of secrets."""
    tail = list(enumerate(await call.tenant.history(run)))[after + 1 :]
    if not tail:
        return []
    values = await call.tenant.redacted(run, [_payload(record) for _, record in tail])
    return [_record(number, record, value) for (number, record), value in zip(tail, values, strict=True)]


def run_row(row: RunRow) -> RunRowDocument:
    """Return the row of a run as a document."""
    return plain_rows(cast("Sequence[RunRow]", [row]))[0]


async def _shown(call: Call, row: RunRow) -> RunDocument:
    return plain_result(*await call.tenant.shown(row.id))


async def _waits(call: Call, row: RunRow) -> list[WaitDocument]:
    flow, result = await call.tenant.shown(row.id)
    return [
        {
            "run": row.id,
            "flow": row.flow,
            "step": node.id,
            "label": label_of(flow.node(node.id)),
            "event": flow.node(node.id).event or None,
            "since": rfc3339(node.started_at),
            "due_at": rfc3339(node.due_at),
        }
        for node in result.nodes
        if node.status is NodeStatus.WAITING and node.kind in _WAITS
    ]


def _payload(record: Record) -> object:
    return None if record.payload is None else orjson.loads(record.payload)


def _record(number: int, record: Record, value: object) -> RecordDocument:
    return {
        "number": number,
        "kind": record.kind,
        "at": rfc3339(record.at),
        "node": record.node or None,
        "attempt": record.attempt,
        "payload": plain(value) if value is not None else None,
    }
