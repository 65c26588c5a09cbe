"""Manifests: the events, webhooks, schedules, actions and secrets of a compiled flow."""

from __future__ import annotations

import re
from typing import Any, Final

import attrs
import orjson

from dagflow.app.outcomes import Manifest, Version
from dagflow.execution.program import Program, actions_of, nodes_of
from dagflow.execution.triggers import subscriptions_of
from dagflow.model.action import Interface
from dagflow.model.flow import Flow, NodeKind, TriggerKind
from dagflow.model.policies import Catchup, Schedule, WhileBusy
from dagflow.store.service_rows import ListenerRow, PublishedRow

#: The prefix of the event names under which webhooks are stored.
WEBHOOK: Final = "webhook/"
#: The host of an address, as an author writes it: behind it a text may be inserted.
_ADDRESS: Final = re.compile(r'(?:Url\()?"https?://([^"$/?#\s\\]+)[/?#"]')
_OF_SCHEDULE: Final = ("text", "zone", "every_ns", "overlap", "catchup", "within_ns")
_CALLS: Final = frozenset({NodeKind.ACTION, NodeKind.UNDO})


def manifest_of(program: Program, interface: Interface | None = None) -> Manifest:
    """The manifest of a flow, with the flows it calls or starts; with hosts if the actions of the catalog are known."""
    flow = program.flow
    waits = {node.event for node in nodes_of(program) if node.kind is NodeKind.WAIT_EVENT}
    return Manifest(
        events=tuple(sorted({*started_by(flow), *waits, *(each.event for each in flow.policies.cancel_on)})),
        emits=tuple(sorted(program.emits)),
        webhooks=tuple(sorted({trigger.webhook for trigger in flow.triggers if trigger.webhook})),
        crons=tuple((each.text, each.zone) for each in flow.schedules),
        actions=tuple(sorted(set(actions_of(program, _CALLS)))),
        secrets=tuple(sorted({*flow.secrets, *(name for callee in flow.callees for name in callee.flow.secrets)})),
        hosts=() if interface is None else _hosts(program, interface),
    )


def _hosts(program: Program, interface: Interface) -> tuple[str, ...]:
    """The hosts of addresses that calls name, and `*` if an address is known only when the flow runs."""
    found: set[str] = set()
    for node in nodes_of(program):
        spec = interface.actions.get(node.action) if node.kind in _CALLS else None
        for argument in node.arguments:
            if spec is not None and argument.name == spec.destination:
                address = _ADDRESS.match(argument.value.text)
                found.add("*" if address is None else address[1].lower())
    return tuple(sorted(found))


def started_by(flow: Flow) -> tuple[str, ...]:
    """The events that start it."""
    return tuple(sorted({trigger.event for trigger in flow.triggers if trigger.kind is TriggerKind.EVENT}))


def _listens_to(flow: Flow) -> tuple[str, ...]:
    return (*started_by(flow), *sorted({WEBHOOK + trigger.webhook for trigger in flow.triggers if trigger.webhook}))


def encoded(program: Program, interface: Interface | None = None) -> bytes:
    """A manifest in stored form, by which the service finds the flow without reading it."""
    return orjson.dumps(
        {
            **attrs.asdict(manifest_of(program, interface)),
            "started_by": _listens_to(program.flow),
            "schedules": [_plain(each) for each in program.flow.schedules],
            "cancelled_by": sorted(program.cancels),
        }
    )


def listeners_of(program: Program, tenant: str) -> tuple[ListenerRow, ...]:
    """The rows by which events find the flow, webhooks included."""
    flow = program.flow
    events = (ListenerRow(event, flow.name, path, key, tenant) for event, path, key in subscriptions_of(flow))
    webhooks = (
        ListenerRow(WEBHOOK + trigger.webhook, flow.name, tenant=tenant) for trigger in flow.triggers if trigger.webhook
    )
    return tuple(dict.fromkeys((*events, *webhooks)))


def listens_to(row: PublishedRow) -> frozenset[str]:
    """The events that start a published flow, webhooks included."""
    return frozenset(orjson.loads(row.manifest).get("started_by", ()))


def cancelled_by(row: PublishedRow) -> frozenset[str]:
    """The events that cancel runs of a published flow."""
    return frozenset(orjson.loads(row.manifest).get("cancelled_by", ()))


def _plain(schedule: Schedule) -> dict[str, object]:
    """All of a schedule that its text does not say, and the text."""
    return {name: getattr(schedule, name) for name in _OF_SCHEDULE}


def schedules_of(row: PublishedRow) -> tuple[Schedule, ...]:
    """The schedules that start a published flow, in their order, without the values that match."""
    return tuple(
        Schedule(
            text=kept["text"],
            zone=kept["zone"],
            every_ns=kept["every_ns"],
            overlap=None if kept["overlap"] is None else WhileBusy(kept["overlap"]),
            catchup=Catchup(kept["catchup"]),
            within_ns=kept["within_ns"],
        )
        for kept in orjson.loads(row.manifest).get("schedules", ())
    )


def version_of(row: PublishedRow, state: str, problem: str = "") -> Version:
    """A row for a caller. `state`: of the flow."""
    kept: dict[str, Any] = orjson.loads(row.manifest)
    crons = tuple((str(text), str(zone)) for text, zone in kept.pop("crons", ()))
    for name in ("started_by", "cancelled_by", "schedules"):
        kept.pop(name, None)
    return Version(
        flow=row.flow,
        number=row.number,
        digest=row.digest,
        state=state,
        published_at=row.at,
        author=row.author,
        comment=row.comment,
        manifest=Manifest(crons=crons, **{name: tuple(values) for name, values in kept.items()}),
        text=row.text,
        problem=problem,
    )
