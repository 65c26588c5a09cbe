"""What the head of a flow leaves in the compiled one."""

from __future__ import annotations

import pytest

from dagflow.model.flow import Flow, TriggerKind
from dagflow.model.policies import CancelOn, Concurrency, Debounce, Once, Policies, Rate, Throttle, WhileBusy
from dagflow.model.types import INT, JSON, Field, RecordType
from dagflow.store.codec.flow import decode_flow, encode_flow
from tests.lang.golden import check, prelude

INTERFACE = prelude()
SECOND = 10**9


def flow_of(settings: str, head: str = "flow f(lead: Lead)") -> Flow:
    flow = check(f"{head} {{\n{settings}\nwait 1s\n}}", INTERFACE).unwrap()
    assert decode_flow(encode_flow(flow)) == flow
    return flow


def test_a_flow_without_settings_has_no_policies() -> None:
    assert flow_of("timeout 1d").policies == Policies()


def test_counts_lengths_and_keys() -> None:
    found = flow_of(
        "concurrency 0x5 by lead.name\nrate 100 per 1h\nthrottle 10 per 1m by lead.name\ndebounce 30s by lead.email max 5m\nonce by lead.status within 1d\n"
        "priority lead.score * 2"
    ).policies
    assert isinstance(found.concurrency, Concurrency)
    assert (found.concurrency.limit, found.concurrency.key and found.concurrency.key.text) == (5, "lead.name")
    assert found.rate == Rate(limit=100, period_ns=3600 * SECOND)
    assert isinstance(found.throttle, Throttle)
    assert (found.throttle.limit, found.throttle.period_ns) == (10, 60 * SECOND)
    assert found.throttle.key is not None
    assert found.throttle.key.text == "lead.name"
    assert isinstance(found.debounce, Debounce)
    assert (found.debounce.quiet_ns, found.debounce.max_ns) == (30 * SECOND, 300 * SECOND)
    assert isinstance(found.once, Once)
    assert (found.once.key.reads, found.once.within_ns) == (("lead",), 86_400 * SECOND)
    assert found.priority is not None
    assert found.priority.type is INT


@pytest.mark.parametrize("busy", list(WhileBusy))
def test_one_run_at_a_time(busy: WhileBusy) -> None:
    singleton, of_flow = (flow_of(f"singleton {by} {busy}").policies.singleton for by in ("by lead.name", ""))
    assert singleton is not None
    assert singleton.key is not None
    assert (singleton.busy, singleton.key.text) == (busy, "lead.name")
    assert of_flow is not None
    assert (of_flow.busy, of_flow.key) == (busy, None)


def test_what_cancels() -> None:
    found = flow_of(
        'cancel on event "crm/lead.changed" as e when e.lead.email == lead.email\ncancel on event "shop/order.placed"\n'
        'cancel on event "other" as o: {n: int}'
    ).policies.cancel_on
    first, second, third = found
    assert (first.event, first.binding, first.when and first.when.reads) == ("crm/lead.changed", "e", ("e", "lead"))
    assert second == CancelOn(event="shop/order.placed", payload=INTERFACE.events["shop/order.placed"].payload)
    assert third.payload == RecordType("", (Field("n", INT),))


def test_a_schedule() -> None:
    flow = flow_of('on cron "30 9 * * MON-FRI" in "Europe/Paris"\non cron "0 0 1 1 *"', "flow f")
    first, second = flow.triggers
    assert first.schedule is not None
    assert second.schedule is not None
    assert (first.kind, first.schedule.hours, first.schedule.weekdays) == (TriggerKind.CRON, (9,), (1, 2, 3, 4, 5))
    assert (first.schedule.zone, second.schedule.zone) == ("Europe/Paris", "UTC")
    assert flow.input == RecordType("", ())


def test_the_body_of_a_webhook_is_a_field_of_the_input() -> None:
    flow = flow_of('on webhook "leads" as body\nlet x = body.id', "flow f")
    (trigger,) = flow.triggers
    assert flow.input == RecordType("", (Field("body", JSON),))
    assert (trigger.kind, trigger.webhook, trigger.payload, trigger.binding) == (TriggerKind.WEBHOOK, "leads", None, "body")
    assert trigger.mapping is not None
    assert [argument.name for argument in trigger.mapping] == ["body"]


def test_the_typed_body_of_a_webhook_is_the_input() -> None:
    flow = flow_of('on webhook "leads" as body: Lead\nlet x = body.name', "flow f")
    assert (flow.binding, flow.input) == ("body", INTERFACE.types["Lead"])
    assert flow.triggers[0].mapping is None


def test_a_former_name_is_kept() -> None:
    flow = flow_of(
        'a = log(message: "a") was old\nw = wait 2s was slept\nu = wait until lead.created was rested\n'
        'e = wait event "crm/lead.changed" within 1s was heard\n'
        "for tag in lead.tags max 3 { t = log(message: tag) was told }"
    )
    assert [node.was for node in flow.nodes[:4]] == ["old", "slept", "rested", "heard"]
    loop = flow.nodes[4].loop
    assert loop is not None
    assert [node.was for node in loop.body.nodes] == ["told"]
