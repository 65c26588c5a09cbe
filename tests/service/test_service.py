"""Published flows start when events come, and their policies decide when."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing

from dagflow import FlowInvalid, RunStatus, Service, UsageError, VirtualClock
from dagflow.admission.requests import Stage
from tests.app.host import START, Host
from tests.service.world import LEADS, SECOND, Hand, finished, until


async def test_an_event_starts_a_run_once(tmp_path: Path) -> None:
    host = Host()
    async with Service.open(tmp_path / "runs.db", catalog=host.catalog) as service:
        version = await service.publish(LEADS, author="ann")
        assert (version.number, version.state, version.manifest.events) == (1, "active", ("lead/new",))
        delivery = await service.send("lead/new", {"id": "a", "city": ""}, id="e1")
        assert [each.stage for each in delivery.outcomes] == [Stage.RUNNING]
        again = await service.send("lead/new", {"id": "a", "city": ""}, id="e1")
        assert (again.is_duplicate, again.runs) == (True, ())
        other = await service.send("lead/new", {"id": "b", "city": "Oslo"})
        assert other.outcomes == ()
        await finished(service)
        result = await service.interpreter.result(delivery.runs[0])
        assert result.output == "sent to a"
        assert [row.stage for row in await service.requests("welcome")] == [Stage.ENDED]
    assert host.calls == ["mail a"]


async def test_concurrency_queues(tmp_path: Path) -> None:
    host = Host()
    text = """
    event "go" { n: int, who: string }
    flow f(n: int, who: string) -> int {
      on event "go"
      concurrency 1 by who
      k = held(n: n)
      return k
    }
    """
    async with Service.open(tmp_path / "runs.db", catalog=host.catalog, drain_seconds=0) as service:
        await service.publish(text)
        stages = [
            (await service.send("go", {"n": n, "who": who})).outcomes[0].stage
            for n, who in [(1, "a"), (2, "a"), (3, "b"), (4, "a")]
        ]
        assert stages == [Stage.RUNNING, Stage.WAITING, Stage.RUNNING, Stage.WAITING]
    async with Service.open(tmp_path / "runs.db", catalog=host.catalog) as service:
        rows = await service.requests("f")
        assert sorted(row.stage for row in rows) == [Stage.RUNNING, Stage.RUNNING, Stage.WAITING, Stage.WAITING]
        host.gate.set()
        await finished(service)
        rows = await service.requests("f")
        assert {row.stage for row in rows} == {Stage.ENDED}
        begun = {row.run: row.since for row in rows}
        assert len(begun) == 4


@pytest.mark.parametrize("is_reopened", [False, True])
async def test_events_of_one_instant_run_in_the_order_in_which_they_came(tmp_path: Path, is_reopened: bool) -> None:
    host, path, hand = Host(), tmp_path / "runs.db", Hand()
    text = """
    event "go" { n: int }
    flow f(n: int) -> string {
      on event "go"
      concurrency 1
      sent = mail(to: string(n))
      return sent
    }
    """
    async with Service.open(path, catalog=host.catalog, clock=hand) as service:
        await service.publish(text)
        await service.pause("f")
        for n in range(1, 13):
            await service.send("go", {"n": n})
        if not is_reopened:
            await service.resume("f")
            await finished(service)
    if is_reopened:
        async with Service.open(path, catalog=host.catalog, clock=hand) as service:
            await service.resume("f")
            await finished(service)
    assert host.calls == [f"mail {n}" for n in range(1, 13)]


async def test_debounce_starts_once_with_what_came_last(tmp_path: Path) -> None:
    host = Host()
    text = """
    event "typed" { doc: string, text: string }
    flow save(doc: string, text: string) -> string {
      on event "typed"
      debounce 30s by doc max 2m
      sent = mail(to: text)
      return sent
    }
    """
    hand, path = Hand(), tmp_path / "runs.db"
    async with Service.open(path, catalog=host.catalog, clock=hand) as service:
        await service.publish(text)
        for word in ("a", "ab", "abc"):
            await service.send("typed", {"doc": "1", "text": word})
            hand.move(service, 20)
        await finished(service)
        rows = await service.requests("save")
        assert sorted(row.stage for row in rows) == [Stage.DEBOUNCED, Stage.SUPERSEDED, Stage.SUPERSEDED]
    async with Service.open(path, catalog=host.catalog, clock=hand) as service:
        assert host.calls == []
        hand.move(service, 10)
        await until(service, "save", Stage.ENDED)
    assert host.calls == ["mail abc"]


async def test_a_rate_drops_and_once_lets_one_through() -> None:
    host = Host()
    text = """
    event "order" { id: string }
    flow pay(id: string) -> string {
      on event "order"
      once by id within 1h
      rate 2 per 1m
      sent = mail(to: id)
      return sent
    }
    """
    async with Service.open(":memory:", catalog=host.catalog) as service:
        await service.publish(text)
        found = [(await service.send("order", {"id": id_})).outcomes[0] for id_ in ("1", "1", "2", "3")]
        assert [(each.stage, each.reason) for each in found] == [
            (Stage.RUNNING, ""),
            (Stage.DROPPED, "once"),
            (Stage.RUNNING, ""),
            (Stage.DROPPED, "rate"),
        ]
    assert host.calls == ["mail 1", "mail 2"]


async def test_a_rate_drops_what_a_throttle_lets_wait_and_a_new_version_forgets_neither(tmp_path: Path) -> None:
    host, hand, path = Host(), Hand(), tmp_path / "runs.db"
    text = """
    event "order" {{ id: string }}
    flow pay(id: string) -> string {{
      on event "order"
      rate 3 per 1h
      throttle 1 per 1m
      sent = mail(to: "{} ${{id}}")
      return sent
    }}
    """
    async with Service.open(path, catalog=host.catalog, clock=hand) as service:
        await service.publish(text.format("first"))
        found = [(await service.send("order", {"id": id_})).outcomes[0] for id_ in "ab"]
        assert [each.stage for each in found] == [Stage.RUNNING, Stage.WAITING]
        await service.publish(text.format("second"))
        found = [(await service.send("order", {"id": id_})).outcomes[0] for id_ in "cd"]
        assert [(each.stage, each.reason) for each in found] == [(Stage.WAITING, ""), (Stage.DROPPED, "rate")]
    async with Service.open(path, catalog=host.catalog, clock=hand) as service:
        (outcome,) = (await service.send("order", {"id": "e"})).outcomes
        assert (outcome.stage, outcome.reason) == (Stage.DROPPED, "rate")
        for n_ended in (2, 3):
            hand.move(service, 60)
            await until(service, "pay", Stage.ENDED, n_ended)
        hand.move(service, 3600)
        (outcome,) = (await service.send("order", {"id": "f"})).outcomes
        assert outcome.stage is Stage.RUNNING
    assert host.calls == ["mail first a", "mail first b", "mail second c", "mail second f"]


async def test_what_does_not_fit_is_a_row_with_a_reason_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    host = Host()
    text = """
    event "n" { n: json }
    flow f(n: int) -> int {
      on event "n" as e with (n: int(e.n))
      concurrency 1 by 10 / n
      d = double(n: n)
      return d
    }
    """
    async with Service.open(":memory:", catalog=host.catalog) as service:
        await service.publish(text)
        for n in ("x", 0):
            (outcome,) = (await service.send("n", {"n": n})).outcomes
            assert outcome.stage is Stage.DROPPED
            assert outcome.reason.startswith("invalid: ")
            message = f"the request {outcome.id} of the flow 'f' begins no run: {outcome.reason}"
            assert [each.getMessage() for each in caplog.records if each.name == "dagflow.service"] == [message]
            caplog.clear()
        (outcome,) = (await service.send("n", {"n": 4})).outcomes
        assert outcome.stage is Stage.RUNNING


async def test_flows_that_start_one_another_stop() -> None:
    host = Host()
    text = """
    event "ping" { n: int }
    flow echo(n: int) -> int {
      on event "ping"
      d = double(n: n)
      emit "ping" (n: n + 1)
      return d
    }
    """
    async with Service.open(":memory:", catalog=host.catalog) as service:
        await service.publish(text)
        await service.send("ping", {"n": 0})
        await until(service, "echo", Stage.DROPPED)
        rows = await service.requests("echo")
        assert (len(rows), rows[0].hops) == (18, 17)
        assert rows[0].reason == "hops: 17 flows started one another by events; the limit is 16"
    assert len(host.calls) == 17


async def test_a_start_with_an_id_asks_once_and_may_be_for_later(tmp_path: Path) -> None:
    host = Host()
    text = "flow f(n: int) -> int {\n  d = double(n: n)\n  return d\n}"
    clock = VirtualClock(START)
    async with Service.open(tmp_path / "runs.db", catalog=host.catalog, clock=clock) as service:
        await service.publish(text)
        first = await service.start("f", {"n": 1}, id="x")
        again = await service.start("f", {"n": 1}, id="x")
        assert (first.run, first.id) == (again.run, again.id)
        later = await service.start("f", {"n": 2}, id="later", at=clock.now() + 3600 * SECOND)
        assert later.stage is Stage.DELAYED
        await until(service, "f", Stage.ENDED, n=2)
        assert clock.now() == START + 3600 * SECOND
    assert host.calls == ["double 1", "double 2"]


async def test_a_paused_flow_keeps_what_comes_and_a_retired_one_takes_nothing(tmp_path: Path) -> None:
    host = Host()
    path = tmp_path / "runs.db"
    async with Service.open(path, catalog=host.catalog) as service:
        await service.publish(LEADS)
        await service.pause("welcome")
        (outcome,) = (await service.send("lead/new", {"id": "a"})).outcomes
        assert outcome.stage is Stage.WAITING
    async with Service.open(path, catalog=host.catalog) as service:
        assert [version.state for version in await service.flows()] == ["paused"]
        assert host.calls == []
        await service.resume("welcome")
        await until(service, "welcome", Stage.ENDED)
        await service.retire("welcome")
        assert (await service.send("lead/new", {"id": "b"})).outcomes == ()
    assert host.calls == ["mail a"]


async def test_a_new_version_takes_what_comes_and_runs_stay_on_theirs(tmp_path: Path) -> None:
    host = Host()
    async with Service.open(tmp_path / "runs.db", catalog=host.catalog) as service:
        first = await service.publish(LEADS, comment="one")
        assert await service.publish(LEADS) == first
        old = await service.send("lead/new", {"id": "a"})
        second = await service.publish(LEADS.replace("to: id", 'to: "new " + id'), comment="two")
        assert (second.number, [each.number for each in await service.versions("welcome")]) == (2, [2, 1])
        new = await service.send("lead/new", {"id": "b"})
        await finished(service)
        results = [await service.interpreter.result(run) for run in (*old.runs, *new.runs)]
        assert [result.output for result in results] == ["sent to a", "sent to new b"]


DAILY = """
flow report() -> string {
  on cron "0 9 * * *" in "Europe/Berlin"
  sent = mail(to: string(now))
  return sent
}
"""


async def test_a_schedule_asks_once_for_each_slot_and_makes_up_for_the_last_one(tmp_path: Path) -> None:
    """It begins at midnight UTC of the first of January, so a slot is due at eight."""
    host, hand, path = Host(), Hand(), tmp_path / "runs.db"
    hour = 3600
    async with Service.open(path, catalog=host.catalog, clock=hand) as service:
        await service.publish(DAILY)
        hand.move(service, 7 * hour)
        await finished(service)
        assert await service.requests("report") == []
        hand.move(service, hour)
        await until(service, "report", Stage.ENDED)
    async with Service.open(path, catalog=host.catalog, clock=hand) as service:
        await finished(service)
    hand.at += 5 * 24 * hour * SECOND
    async with Service.open(path, catalog=host.catalog, clock=hand) as service:
        await until(service, "report", Stage.ENDED, n=2)
        hand.move(service, 3 * 24 * hour)
        await until(service, "report", Stage.ENDED, n=3)
        rows = await service.requests("report")
        assert [row.id for row in rows] == [f"cron:0 9 * * *:2026-01-{day:02}T09:00+01:00[Europe/Berlin]" for day in (9, 6, 1)]
    assert len(host.calls) == 3


async def test_of_a_paused_flow_the_last_slot_is_kept(tmp_path: Path) -> None:
    host, hand = Host(), Hand()
    async with Service.open(tmp_path / "runs.db", catalog=host.catalog, clock=hand) as service:
        await service.publish(DAILY)
        await service.pause("report")
        for _ in range(3):
            hand.move(service, 24 * 3600)
            await until(service, "report", Stage.WAITING)
        await until(service, "report", Stage.DROPPED, n=2)
        assert len(await service.requests("report", stages=[Stage.WAITING])) == 1
        await service.resume("report")
        await until(service, "report", Stage.ENDED)
        await service.retire("report")
        hand.move(service, 24 * 3600)
        await finished(service)
        assert len(await service.requests("report")) == 3


CANCELLED = """
event "lead/new" { id: string }
event "lead/gone" { id: string }
flow nurture(id: string) -> string {
  on event "lead/new"
  concurrency 2
  cancel on event "lead/gone" as gone when gone.id == id
  first = mail(to: id)
  wait 2d
  second = mail(to: "again " + id)
  return second
}
"""


async def test_an_event_cancels_the_runs_and_the_requests_it_is_about(tmp_path: Path) -> None:
    """Of the first run nobody has anything in memory when the event comes."""
    host, hand, path = Host(), Hand(), tmp_path / "runs.db"
    async with Service.open(path, catalog=host.catalog, clock=hand) as service:
        await service.publish(CANCELLED)
        deliveries = [await service.send("lead/new", {"id": id_}) for id_ in "abc"]
        await finished(service)
        assert [each.outcomes[0].stage for each in deliveries] == [Stage.RUNNING, Stage.RUNNING, Stage.WAITING]
    async with Service.open(path, catalog=host.catalog, clock=hand) as service:
        await service.send("lead/gone", {"id": "c"})
        await until(service, "nurture", Stage.DROPPED)
        (row,) = await service.requests("nurture", stages=[Stage.DROPPED])
        assert row.reason == "cancelled"
        assert (await service.send("lead/gone", {"id": "a"})).n_waits == 1
        await until(service, "nurture", Stage.ENDED)
        result = await service.interpreter.result(deliveries[0].runs[0])
        assert result.status == "cancelled"
        hand.move(service, 2 * 24 * 3600)
        await until(service, "nurture", Stage.ENDED, n=2)
    assert host.calls == ["mail a", "mail b", "mail again b"]


async def test_everything_of_a_flow_is_cancelled() -> None:
    host, hand = Host(), Hand()
    async with Service.open(":memory:", catalog=host.catalog, clock=hand) as service:
        await service.publish(CANCELLED)
        for id_ in "abcd":
            await service.send("lead/new", {"id": id_})
        assert await service.cancel("nurture") == 4
        rows = await service.requests("nurture")
        assert sorted((row.stage, row.reason) for row in rows) == [
            (Stage.DROPPED, "cancelled"),
            (Stage.DROPPED, "cancelled"),
            (Stage.ENDED, ""),
            (Stage.ENDED, ""),
        ]
        assert await service.cancel("nurture") == 0


async def test_what_ends_while_the_service_drains_lets_nothing_begin_and_loses_nothing(tmp_path: Path) -> None:
    host = Host()
    text = """
    event "go" { n: int }
    flow f(n: int) -> int {
      on event "go"
      concurrency 1
      k = held(n: n)
      return k
    }
    """
    path = tmp_path / "runs.db"
    async with Service.open(path, catalog=host.catalog) as service:
        await service.publish(text)
        for n in (1, 2):
            await service.send("go", {"n": n})
        await host.began.wait()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service.interpreter.drain, 5)
            await trio.testing.wait_all_tasks_blocked()
            assert (await service.send("go", {"n": 3})).outcomes == ()
            host.gate.set()
        second, first = await service.requests("f")
        assert (second.stage, first.stage == Stage.WAITING) == (Stage.WAITING, False)
    async with Service.open(path, catalog=host.catalog) as service:
        await until(service, "f", Stage.ENDED, n=3)
    assert host.calls == ["held 1", "held 2", "held 3"]


async def test_an_option_that_is_refused_leaves_the_store_free(tmp_path: Path) -> None:
    host, path = Host(), tmp_path / "runs.db"
    with pytest.raises(UsageError, match="concurrency"):
        async with Service.open(path, catalog=host.catalog, concurrency=0):
            pass
    async with Service.open(path, catalog=host.catalog) as service:
        with pytest.raises(UsageError, match="no published flow 'none'"):
            await service.pause("none")
        with pytest.raises(FlowInvalid, match="E201"):
            await service.publish("flow f { nothing() }")
        assert await service.flows() == []


async def test_a_retried_run_goes_on_beside_the_others() -> None:
    """It has had its turn: it waits for no other run, and none waits for it."""
    host = Host()
    text = """
    flow once(n: int) -> int {
      on manual
      concurrency 1
      let a = 10 / n
      wait 1h
      return a
    }
    """
    async with Service.open(":memory:", catalog=host.catalog, clock=Hand()) as service:
        tenant = service.tenant("a")
        await tenant.publish(text)
        failed = (await tenant.start("once", {"n": 0})).run
        await finished(service)
        assert (await tenant.result(failed)).status is RunStatus.FAILED
        one, two = [await tenant.start("once", {"n": n}) for n in (1, 2)]
        assert [one.stage, two.stage] == [Stage.RUNNING, Stage.WAITING]
        # A retry and a skip change a run that there is, so the interpreter takes those of every tenant.
        await service.interpreter.skip(failed, "a", 7)
        await finished(service)
        assert (await tenant.result(failed)).status is RunStatus.SLEEPING
        assert [row.run for row in await tenant.requests("once", stages=[Stage.RUNNING])] == [one.run]
        await tenant.cancel_run(failed)
        assert [row.run for row in await tenant.requests("once", stages=[Stage.RUNNING])] == [one.run]
        assert len(await tenant.requests("once", stages=[Stage.WAITING])) == 1


async def test_a_service_keeps_runs_for_so_long(tmp_path: Path) -> None:
    host, path, clock = Host(), tmp_path / "runs.db", Hand()
    async with Service.open(path, catalog=host.catalog, clock=clock) as service:
        await service.publish(LEADS)
        await service.send("lead/new", {"id": "a", "city": ""})
        await finished(service)
        assert len(await service.runs()) == 1
    clock.at += 3600 * SECOND
    async with Service.open(path, catalog=host.catalog, clock=clock, keep_seconds=60) as service:
        with trio.fail_after(5):
            while await service.runs() or await service.requests("welcome"):
                await trio.lowlevel.checkpoint()
        await service.send("lead/new", {"id": "b", "city": ""})
        await finished(service)
        assert len(await service.runs()) == 1
    for wrong in (0, -1, float("inf")):
        with pytest.raises(UsageError, match="`keep_seconds` must be greater than 0, or None; got"):
            async with Service.open(path, catalog=host.catalog, keep_seconds=wrong):
                pass
