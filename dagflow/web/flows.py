"""Published flows and their requests."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from dagflow.admission.requests import Stage
from dagflow.app.documents.runs import plain_request, plain_version
from dagflow.app.documents.types import Json, RequestDocument, VersionDocument
from dagflow.app.documents.values import rfc3339
from dagflow.app.outcomes import Version
from dagflow.app.service.version_diff import VersionDiff
from dagflow.errors import FlowInvalid
from dagflow.lang.compiler import compile_text
from dagflow.lang.exporters.json_schema import input_schema
from dagflow.store.service_rows import RequestRow
from dagflow.web.access import Permission
from dagflow.web.call import Call, cursor_of
from dagflow.web.documents import (
    CancelledDocument,
    DiffDocument,
    FlowsDocument,
    KeptRequestDocument,
    PublishBody,
    RequestsDocument,
    SchedulesDocument,
    StartBody,
    TextVersionDocument,
    VersionsDocument,
)
from dagflow.web.operations import Operations, Query
from dagflow.web.problems import Problem

FLOWS: Final = Operations()
_LIMIT: Final = Query(name="limit", about="entries in the answer, at most", kind="integer")
_CURSOR: Final = Query(name="cursor", about="`next` of the page before")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


@FLOWS.add("GET", "/flows", Permission.READ, answer=FlowsDocument)
async def list_flows(call: Call) -> FlowsDocument:
    """List the newest version of each published flow."""
    return {"flows": [plain_version(each) for each in await call.tenant.flows() if call.principal.sees(each.flow)]}


@FLOWS.add("POST", "/flows", Permission.EDIT, answer=VersionDocument, body=PublishBody)
async def publish_flow(call: Call) -> VersionDocument:
    """Publish a flow: its triggers start runs from now on."""
    body: PublishBody = await call.body()
    text, name = body["text"], body.get("name")
    compilation = compile_text(text, call.backend.interface, limits=call.tenant.limits)
    try:
        flow = compilation.unwrap(name)
        call.check_flow(flow.name)
        return plain_version(
            await call.tenant.publish(text, name=flow.name, author=body.get("author", ""), comment=body.get("comment", ""))
        )
    except FlowInvalid as error:
        raise Problem(422, "flow_invalid", str(error), diagnostics=compilation.to_json()) from None


@FLOWS.add("GET", "/flows/{flow}", Permission.READ, answer=TextVersionDocument)
async def get_flow(call: Call) -> TextVersionDocument:
    """Return the newest version of a flow with its text."""
    return _with_text(await call.version())


@FLOWS.add("GET", "/flows/{flow}/versions", Permission.READ, answer=VersionsDocument)
async def list_versions(call: Call) -> VersionsDocument:
    """List the versions of a flow, the newest first."""
    call.check_flow(call.path["flow"])
    return {"versions": [_with_text(each) for each in await call.tenant.versions(call.path["flow"])]}


@FLOWS.add("GET", "/flows/{flow}/versions/{number}", Permission.READ, answer=TextVersionDocument)
async def get_version(call: Call) -> TextVersionDocument:
    """Return a version of a flow with its text."""
    text = call.path["number"]
    return _with_text(await call.version(int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1))


@FLOWS.add(
    "GET",
    "/flows/{flow}/diff",
    Permission.READ,
    answer=DiffDocument,
    query=(
        Query(name="before", about="the number of the earlier version", kind="integer"),
        Query(name="after", about="the number of the later version; the newest if it is not there", kind="integer"),
    ),
)
async def diff_versions(call: Call) -> DiffDocument:
    """Compare two versions of a flow in text, steps and manifest."""
    flow = call.path["flow"]
    call.check_flow(flow)
    before = call.number("before", least=1)
    if before is None:
        raise Problem(400, "bad_query", "the parameter `before` must be there", help="name the earlier version")
    return _plain_diff(await call.tenant.diff(flow, before, call.number("after", least=1)))


@FLOWS.add("GET", "/flows/{flow}/schema", Permission.READ, answer=dict[str, Json])
async def input_of_flow(call: Call) -> object:
    """Return the JSON Schema of the input of a flow."""
    version = await call.version()
    compilation = compile_text(version.text, call.backend.interface, limits=call.tenant.limits)
    flow = compilation.flows.get(version.flow)
    if flow is None:
        raise Problem(409, "flow_invalid", f"the text of {version.flow!r} does not compile any more", help="publish it again")
    return input_schema(flow)


@FLOWS.add("POST", "/flows/{flow}/pause", Permission.CONTROL, answer=VersionDocument)
async def pause_flow(call: Call) -> VersionDocument:
    """Begin no more runs of a flow; requests wait until it is resumed."""
    call.check_flow(call.path["flow"])
    return plain_version(await call.tenant.pause(call.path["flow"]))


@FLOWS.add("POST", "/flows/{flow}/resume", Permission.CONTROL, answer=VersionDocument)
async def resume_flow(call: Call) -> VersionDocument:
    """Go on with a paused flow."""
    call.check_flow(call.path["flow"])
    return plain_version(await call.tenant.resume(call.path["flow"]))


@FLOWS.add("POST", "/flows/{flow}/retire", Permission.EDIT, answer=VersionDocument)
async def retire_flow(call: Call) -> VersionDocument:
    """Accept no more requests for a flow; accepted ones still get their runs."""
    call.check_flow(call.path["flow"])
    return plain_version(await call.tenant.retire(call.path["flow"]))


@FLOWS.add("POST", "/flows/{flow}/start", Permission.OPERATE, answer=RequestDocument, body=StartBody)
async def start_flow(call: Call) -> RequestDocument:
    """Ask for a run of a flow, as a trigger would."""
    call.check_flow(call.path["flow"])
    body: StartBody = await call.optional_body()
    at = _instant(body.get("at"))
    return plain_request(await call.tenant.start(call.path["flow"], body.get("input"), id=body.get("id"), at=at))


@FLOWS.add("POST", "/flows/{flow}/cancel", Permission.OPERATE, answer=CancelledDocument)
async def cancel_flow(call: Call) -> CancelledDocument:
    """Cancel the runs and requests of a flow that are under way."""
    call.check_flow(call.path["flow"])
    return {"cancelled": await call.tenant.cancel(call.path["flow"])}


@FLOWS.add(
    "GET",
    "/flows/{flow}/requests",
    Permission.READ,
    answer=RequestsDocument,
    query=(Query(name="stage", about="only requests in this stage", words=tuple(Stage)), _LIMIT, _CURSOR),
)
async def list_requests(call: Call) -> RequestsDocument:
    """List the requests for runs of a flow, the newest first."""
    call.check_flow(call.path["flow"])
    stage, limit, cursor = call.text("stage"), call.limit(), call.cursor((int, int, str))
    before = None if cursor is None else (int(cursor[0]), int(cursor[1]), str(cursor[2]))
    stages = [] if stage is None else [Stage(stage)]
    rows = list(await call.tenant.requests(call.path["flow"], stages=stages, limit=limit, before=before))
    following = cursor_of(rows[-1].at, rows[-1].event, rows[-1].id) if len(rows) == limit else None
    return {"requests": [_kept(row) for row in rows], "next": following}


@FLOWS.add("DELETE", "/flows/{flow}/requests/{request}", Permission.OPERATE, answer=RequestDocument)
async def withdraw_request(call: Call) -> RequestDocument:
    """Drop a request that has no run yet."""
    call.check_flow(call.path["flow"])
    return plain_request(await call.tenant.withdraw(call.path["flow"], call.path["request"]))


@FLOWS.add("GET", "/schedules", Permission.READ, answer=SchedulesDocument)
async def list_schedules(call: Call) -> SchedulesDocument:
    """List the schedules of the published flows, and when they are due next."""
    found = [each for each in await call.tenant.schedules() if call.principal.sees(each.flow)]
    return {
        "schedules": [
            {"flow": each.flow, "cron": each.cron, "zone": each.zone, "state": each.state, "due_at": rfc3339(each.due_at)}
            for each in found
        ]
    }


def _with_text(version: Version) -> TextVersionDocument:
    return {**plain_version(version), "text": version.text}


def _plain_diff(found: VersionDiff) -> DiffDocument:
    return {
        "flow": found.flow,
        "before": found.before,
        "after": found.after,
        "text": found.text,
        "added": [*found.added],
        "removed": [*found.removed],
        "changed": dict(found.changed),
        "gained": {name: [*entries] for name, entries in found.gained.items()},
        "lost": {name: [*entries] for name, entries in found.lost.items()},
    }


def _kept(row: RequestRow) -> KeptRequestDocument:
    return {
        "flow": row.flow,
        "id": row.id,
        "stage": row.stage,
        "run": row.run or None,
        "reason": row.reason or None,
        "kind": row.kind,
        "name": row.name,
        "at": rfc3339(row.at),
        "not_before": rfc3339(row.not_before) if row.not_before else None,
        "priority": row.priority,
    }


def _instant(text: str | None) -> int | None:
    """Nanoseconds since 1970 of an RFC 3339 timestamp. Raises Problem: it is none."""
    if text is None:
        return None
    try:
        since = datetime.fromisoformat(text) - _EPOCH if _INSTANT.fullmatch(text) else None
    except (ValueError, OverflowError):
        since = None
    if since is None:
        message = f"must be a timestamp with a zone, such as 2026-01-31T08:00:00Z; got {text[:40]!r}"
        raise Problem(422, "does_not_fit", f"`at` {message}", places=[{"at": "$.at", "message": message}])
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
