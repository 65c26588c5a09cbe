"""Clients follow runs, compare versions, list requests and schedules, and pass webhooks on."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from dagflow import Client, NotFound, Service
from dagflow.app.outcomes import FeedPlace
from dagflow.webhooks import GitHub, Unsigned, WebhookRefused
from tests.app.host import Host
from tests.app.served import Served
from tests.client.test_client import FLOWS, served, store  # noqa: F401 - fixtures
from tests.service.world import LEADS, finished

DAILY = 'flow daily() -> string {\n  on cron "0 7 * * *" in "Europe/Berlin"\n  return "done"\n}\n'
HOOKED = 'flow hooked -> string {\n  on webhook "shop" as body\n  return string(body.n)\n}\n'


def test_a_client_follows_the_runs_of_its_tenant_alone(served: Served) -> None:  # noqa: F811
    ours, theirs = Client(served.store), Client(served.store, tenant="acme")
    theirs.publish(FLOWS, name="ask")
    begun, begun_theirs = ours.changes(), theirs.changes()
    assert (begun.changes, begun.is_whole) == ((), True)
    run = ours.start("ask", {"n": 5}).run
    ours.wait(run, seconds=30)
    found = []
    place = begun.place
    while not found or found[-1].status != "succeeded":
        answer = ours.changes(place, seconds=30)
        assert answer.is_whole
        found += answer.changes
        place = answer.place
    assert {(each.run, each.flow, each.parent) for each in found} == {(run, "ask", "")}
    assert found[-1].n_events == len(ours.history(run))
    assert [each.number for each in found] == sorted({each.number for each in found})
    nothing = theirs.changes(begun_theirs.place, seconds=0)
    assert (nothing.changes, nothing.is_whole) == ((), True)
    assert ours.changes(FeedPlace("of another process", 1)).is_whole is False


async def test_a_follower_that_stayed_away_too_long_is_told() -> None:
    host = Host()
    async with Service.open(":memory:", catalog=host.catalog) as service:
        begun = await service.changes()
        ahead = FeedPlace(begun.place.feed, begun.place.number + 1)
        assert (await service.changes(ahead)).is_whole is False
        await service.publish(LEADS)
        await service.send("lead/new", {"id": "a"})
        await finished(service)
        with trio.fail_after(5):
            found = await service.changes(begun.place)
        assert (found.is_whole, found.changes[-1].status) == (True, "succeeded")


def test_versions_requests_and_schedules_by_a_client(served: Served) -> None:  # noqa: F811
    client = Client(served.store)
    client.publish(FLOWS.replace("10 / n", "20 / n"), name="ask")
    found = client.diff("ask", 1)
    assert (found.before, found.after, "+  return 20 / n" in found.text) == (1, 2, True)
    with pytest.raises(NotFound, match="no published flow 'nope'"):
        client.diff("nope", 1)
    for n in range(3):
        client.start("ask", {"n": 1}, id=f"s{n}")
    rows = client.requests("ask", limit=2)
    assert [row.id for row in rows] == ["start:s2", "start:s1"]
    assert [row.id for row in client.requests("ask", before=(rows[-1].at, rows[-1].event, rows[-1].id))] == ["start:s0"]
    assert client.schedules() == ()
    client.publish(DAILY)
    (schedule,) = client.schedules()
    assert (schedule.flow, schedule.cron, schedule.zone, schedule.state) == ("daily", "0 7 * * *", "Europe/Berlin", "active")
    assert schedule.due_at is not None
    client.retire("daily")
    assert client.schedules()[0].due_at is None


async def test_a_webhook_of_a_tenant_has_a_scheme_of_its_own() -> None:
    schemes = {"shop": Unsigned(), "acme/shop": GitHub("s3cret")}
    async with Service.open(":memory:", catalog=Host().catalog, webhooks=schemes) as service:
        acme, zeta = service.tenant("acme"), service.tenant("zeta")
        for tenant in (acme, zeta):
            await tenant.publish(HOOKED)
        with pytest.raises(WebhookRefused, match="header `x-hub-signature-256`"):
            await acme.webhook("shop", {}, b"{}")
        assert len((await zeta.webhook("shop", {}, b'{"n": 1}')).runs) == 1
        with pytest.raises(WebhookRefused, match="no scheme is bound to the webhook 'zeta/shop'"):
            await zeta.webhook("shop", {}, b"{}", is_own=True)


def test_a_webhook_by_a_client_is_verified_by_the_driver(tmp_path: Path) -> None:
    with Served(tmp_path / "runs.db") as running, pytest.raises(WebhookRefused, match="no scheme is bound"):
        Client(running.store).webhook("shop", {}, b"\xff")
