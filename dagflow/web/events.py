"""Events, one or many at once, and webhooks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, cast

import orjson

from dagflow.app.documents.runs import plain_delivery
from dagflow.app.documents.types import DeliveryDocument
from dagflow.errors import DagflowError, StoreError, UsageError, WriteRefused
from dagflow.model.typeguards import is_list, is_object
from dagflow.web.access import Permission
from dagflow.web.call import Call
from dagflow.web.documents import ChallengeDocument, EventBody, EventResultDocument, EventResultsDocument
from dagflow.web.guards import json_of, media_type
from dagflow.web.operations import Operations
from dagflow.web.problems import Problem, problem_of
from dagflow.web.shapes import checked
from dagflow.webhooks import WebhookRefused

EVENTS: Final = Operations()
_LINES: Final = "application/x-ndjson"
_BATCH: Final = "application/cloudevents-batch+json"


@EVENTS.add(
    "POST",
    "/events",
    Permission.SEND,
    answer=DeliveryDocument | EventResultsDocument,
    body=EventBody,
    media=("application/json", "application/cloudevents+json", _BATCH, _LINES),
)
async def send_events(call: Call) -> DeliveryDocument | EventResultsDocument:
    """Send an event, or a batch of them: `{"name", "payload", "id"}` or CloudEvents 1.0, also as lines of JSON or as a batch."""
    if call.principal.flows is not None:
        raise Problem(
            403,
            "limited_to_flows",
            "this credential is limited to some flows, and an event may start any flow",
            help="start the flow instead, or use a credential without `flows`",
        )
    kind = media_type(call.request)
    body = await call.guard.body(call.request, call.operation.media)
    if kind == _LINES:
        return await _sent_all(call, [line for line in body.splitlines() if line.strip()])
    if kind == _BATCH:
        batch = json_of(body)
        if not is_list(batch):
            raise Problem(422, "does_not_fit", "a batch of CloudEvents must be a list", help="send one event by itself as JSON")
        return await _sent_all(call, batch)
    headers = call.request.headers
    if "ce-specversion" in headers:
        fields = {name.removeprefix("ce-"): text for name, text in headers.items() if name.startswith("ce-")}
        return await _sent(call, {**fields, "data": json_of(body)})
    return await _sent(call, json_of(body))


@EVENTS.add("POST", "/webhooks/{name}", Permission.SIGNED, answer=DeliveryDocument | ChallengeDocument, is_raw=True)
async def take_webhook(call: Call) -> DeliveryDocument | ChallengeDocument:
    """Take a webhook, which its sender has signed, for a host without tenants."""
    return await _webhook(call, "", call.path["name"], is_own=False)


@EVENTS.add("POST", "/webhooks/{tenant}/{name}", Permission.SIGNED, answer=DeliveryDocument | ChallengeDocument, is_raw=True)
async def take_webhook_of_tenant(call: Call) -> DeliveryDocument | ChallengeDocument:
    """Take a webhook of a tenant, signed with a secret that is bound for this tenant alone."""
    return await _webhook(call, call.path["tenant"], call.path["name"], is_own=True)


async def _webhook(call: Call, tenant: str, name: str, *, is_own: bool) -> DeliveryDocument | ChallengeDocument:
    body = await call.guard.body(call.request, ("application/json",))
    try:
        calls = call.backend.tenant(tenant)
    except UsageError:
        # The same as for a tenant that has no such webhook, so that names of tenants cannot be tried out.
        raise WebhookRefused(
            f"no scheme is bound to the webhook {f'{tenant}/{name}'[:80]!r}; bind one with `webhooks=` of `Service.open`"
        ) from None
    delivery = await calls.webhook(name, dict(call.request.headers), body, is_own=is_own)
    return {"challenge": delivery.answer} if delivery.answer else plain_delivery(delivery)


async def _sent_all(call: Call, entries: list[object] | list[bytes]) -> EventResultsDocument:
    """Send the events of a batch in their order. An event that is refused stops no other; a store that fails stops them all."""
    if len(entries) > call.limits.batch:
        raise Problem(
            413,
            "too_large",
            f"a batch must have at most {call.limits.batch} events; got {len(entries)}",
            help="send less at once",
        )
    results: list[EventResultDocument] = []
    for entry in entries:
        try:
            value = json_of(entry) if isinstance(entry, bytes) else entry
            results.append({"delivery": await _sent(call, value), "problem": None})
        except (DagflowError, Problem) as error:
            if isinstance(error, StoreError) and not isinstance(error, WriteRefused):
                raise
            results.append({"delivery": None, "problem": problem_of(error).document})
    return {"results": results}


async def _sent(call: Call, value: object) -> DeliveryDocument:
    name, payload, event_id = _cloud_event(value) if is_object(value) and "specversion" in value else _own_event(value)
    return plain_delivery(await call.tenant.send(name, payload, id=event_id))


def _own_event(value: object) -> tuple[str, object, str | None]:
    body = cast("EventBody", checked(EventBody, value))
    return body["name"], body.get("payload", {}), body.get("id")


def _cloud_event(fields: Mapping[str, object]) -> tuple[str, object, str]:
    """The name, the payload and the id of a CloudEvent. Raises Problem: it is none."""
    if fields.get("specversion") != "1.0":
        raise _no_event("a CloudEvent must have `specversion` 1.0")
    if "data_base64" in fields:
        raise _no_event("a CloudEvent must have JSON as `data`, not `data_base64`")
    wanted = [fields.get(name) for name in ("type", "source", "id")]
    if not all(isinstance(each, str) and each for each in wanted):
        raise _no_event("a CloudEvent must have the texts `type`, `source` and `id`")
    name, source, event_id = map(str, wanted)
    # The two together tell one event from another; neither has a limit of ours.
    digest = hashlib.sha256(orjson.dumps([source, event_id])).hexdigest()
    return name, fields.get("data", {}), f"cloudevent:{digest}"


def _no_event(message: str) -> Problem:
    return Problem(422, "does_not_fit", message, help="send a CloudEvent 1.0 with JSON data")
