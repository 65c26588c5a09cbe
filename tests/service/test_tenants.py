"""Tenants of one service are as far apart as services of their own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow import RunStatus, Service, Tenant, UsageError
from dagflow.admission.requests import Stage
from tests.app.host import Host
from tests.service.world import LEADS, Hand, finished

ASKS = """
event "go" { n: int, kind: string = "" }
event "yes" { n: int }
flow asks(n: int) -> int {
  on event "go" as e when e.kind != "chain" with (n: e.n)
  a = wait event "yes" as y when y.n == n within 1h
  emit "told" (n: n)
  return n
}
event "told" { n: int }
flow hears(n: int) -> int {
  on event "told"
  return n
}
"""


async def asking(tenant: Tenant) -> None:
    for name in ("asks", "hears"):
        await tenant.publish(ASKS, name=name)


async def test_a_tenant_sees_nothing_of_another(tmp_path: Path) -> None:
    host = Host()
    async with Service.open(tmp_path / "runs.db", catalog=host.catalog) as service:
        a, b = service.tenant("a"), service.tenant("b")
        await a.publish(LEADS)
        run = (await a.send("lead/new", {"id": "x", "city": ""}, id="e")).runs[0]
        await finished(service)
        assert (await b.send("lead/new", {"id": "x", "city": ""}, id="e")).outcomes == ()
        assert [len(await each.runs()) for each in (a, b, service)] == [1, 0, 0]
        assert [len(await each.flows()) for each in (a, b, service)] == [1, 0, 0]
        assert [row.tenant for row in await service.interpreter.runs()] == ["a"]
        assert (await a.result(run)).output == "sent to x"
        for other in (b, service):
            calls: list[Callable[[], Awaitable[object]]] = [
                lambda other=other: other.get_run(run),
                lambda other=other: other.result(run),
                lambda other=other: other.history(run),
                lambda other=other: other.cancel_run(run),
                lambda other=other: other.retry(run),
                lambda other=other: other.delete_run(run),
                lambda other=other: other.plan_rerun(run, "sent"),
                lambda other=other: other.skip(run, "sent", "x"),
                lambda other=other: other.flow_of(run),
                lambda other=other: other.runs(parent=run),
            ]
            for call in calls:
                with pytest.raises(UsageError, match="no run"):
                    await call()
            assert await other.find_run(run) is None
            for call in (other.pause, other.retire, other.versions, other.requests, other.cancel):
                with pytest.raises(UsageError, match="no published flow 'welcome'"):
                    await call("welcome")


async def test_an_id_is_one_for_each_tenant() -> None:
    host = Host()
    async with Service.open(":memory:", catalog=host.catalog) as service:
        tenants = [service, service.tenant("a"), service.tenant("b")]
        for tenant in tenants:
            await tenant.publish(LEADS)
        sent = [await tenant.send("lead/new", {"id": tenant.name, "city": ""}, id="e") for tenant in tenants]
        assert [len(each.runs) for each in sent] == [1, 1, 1]
        begun = [await tenant.start("welcome", {"id": f"start {tenant.name}"}, id="s") for tenant in tenants]
        assert len({each.run for each in begun}) == 3
        again = [await tenant.start("welcome", {"id": "again"}, id="s") for tenant in tenants]
        assert [each.run for each in again] == [each.run for each in begun]
        await finished(service)
    assert sorted(host.calls) == ["mail ", "mail a", "mail b", "mail start ", "mail start a", "mail start b"]


@pytest.mark.parametrize("is_reopened", [False, True])
async def test_an_event_wakes_waits_of_its_tenant_alone(tmp_path: Path, is_reopened: bool) -> None:
    host, path = Host(), tmp_path / "runs.db"
    async with Service.open(path, catalog=host.catalog) as service:
        for name in ("a", "b"):
            await asking(service.tenant(name))
            await service.tenant(name).send("go", {"n": 7})
        await finished(service)
        if not is_reopened:
            await check_waits(service)
    if is_reopened:
        async with Service.open(path, catalog=host.catalog) as service:
            await check_waits(service)


async def check_waits(service: Service) -> None:
    a, b = service.tenant("a"), service.tenant("b")
    assert (await service.send("yes", {"n": 7})).n_waits == 0
    assert (await a.send("yes", {"n": 7})).n_waits == 1
    await finished(service)
    assert [row.status for row in await b.runs()] == [RunStatus.SLEEPING]
    assert [row.flow for row in await a.runs()] == ["hears", "asks"]
    assert {row.status for row in await a.runs()} == {RunStatus.SUCCEEDED}
    assert await b.requests("hears") == []
    assert (await b.send("yes", {"n": 7})).n_waits == 1
    await finished(service)
    assert [row.flow for row in await b.runs()] == ["hears", "asks"]


async def test_the_name_of_a_tenant_is_never_empty() -> None:
    async with Service.open(":memory:", catalog=Host().catalog) as service:
        for name in ("", "x" * 201, None):
            with pytest.raises(UsageError, match="the name of a tenant must"):
                service.tenant(name)  # type: ignore[arg-type]


async def test_a_flow_is_found_by_what_its_triggers_compare() -> None:
    host = Host()
    text = """
    event "e" {{ kind: string, id: string }}
    flow f{0}(id: string) -> string {{
      on event "e" as e when e.kind == "k{0}" && e.id != "" with (id: e.id)
      on event "e" as e when e.id == "all" with (id: e.id)
      sent = mail(to: "{0} ${{id}}")
      return sent
    }}
    """
    async with Service.open(":memory:", catalog=host.catalog) as service:
        for number in range(3):
            await service.publish(text.format(number))
        for kind, id_, flows in [("k1", "x", ["f1"]), ("k0", "all", ["f0", "f1", "f2"]), ("k9", "x", []), ("k2", "", [])]:
            delivery = await service.send("e", {"kind": kind, "id": id_})
            assert [each.flow for each in delivery.outcomes] == flows
        await service.publish(text.format(1).replace("k1", "k9"))
        for kind, flows in [("k1", []), ("k9", ["f1"])]:
            assert [each.flow for each in (await service.send("e", {"kind": kind, "id": "y"})).outcomes] == flows


async def test_claims_and_rates_of_a_tenant_outlive_the_process_for_it_alone(tmp_path: Path) -> None:
    host, path = Host(), tmp_path / "runs.db"
    text = """
    event "go" { n: int }
    flow once_each(n: int) -> int {
      on event "go"
      once by n
      rate 2 per 1h
      return n
    }
    """
    for numbers_a, numbers_b, kept in [((1, 1), (), (1, 0)), ((1,), (1, 2), (0, 2)), ((2, 3), (3,), (1, 0))]:
        async with Service.open(path, catalog=host.catalog) as service:
            found: list[int] = []
            for name, numbers in (("a", numbers_a), ("b", numbers_b)):
                tenant = service.tenant(name)
                await tenant.publish(text)
                found.append(sum([len((await tenant.send("go", {"n": n})).runs) for n in numbers]))
            assert tuple(found) == kept


# ---- the law

FLOWS = {
    "one": """
        event "x" { kind: string, n: int }
        flow one(n: int) -> int {
          on event "x" as e when e.kind == "one" with (n: e.n)
          once by n within 1m
          concurrency 1
          k = wait 30s
          return n
        }
    """,
    "many": """
        event "x" { kind: string, n: int }
        event "y" { n: int }
        flow many(n: int) -> int {
          on event "x" as e when e.n > 0 with (n: e.n)
          throttle 2 per 1m
          a = wait event "y" as y when y.n == n within 2m
          emit "y" (n: n + 1)
          return n
        }
    """,
    "last": """
        event "x" { kind: string, n: int }
        event "y" { n: int }
        flow last(n: int) -> int {
          on event "y" as y with (n: y.n)
          on cron "* * * * *" with (n: 9)
          debounce 20s max 1m
          cancel on event "x" as e when e.n == n
          return n
        }
    """,
}
COMPILED = {name: Host().flow(text) for name, text in FLOWS.items()}
Step: TypeAlias = tuple[str, str, tuple[object, ...]]
WHO = st.sampled_from(["a", "b"])
NAMES = st.sampled_from(sorted(FLOWS))
NUMBERS = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(WHO, st.just("publish"), st.tuples(NAMES)),
    st.tuples(WHO, st.just("send x"), st.tuples(st.sampled_from(["one", "two"]), NUMBERS)),
    st.tuples(WHO, st.just("send y"), st.tuples(NUMBERS)),
    st.tuples(WHO, st.just("start"), st.tuples(NAMES, NUMBERS)),
    st.tuples(WHO, st.sampled_from(["pause", "resume", "retire", "cancel", "withdraw"]), st.tuples(NAMES)),
    st.tuples(st.just("both"), st.just("move"), st.tuples(st.sampled_from([5, 30, 70]))),
    st.tuples(st.just("both"), st.just("reopen"), st.tuples()),
)


@attrs.define(eq=False)
class Story:
    """Plays steps on one tenant, and notes what it can see."""

    tenant: Tenant
    seen: list[object] = attrs.field(factory=list)
    names: dict[str, str] = attrs.field(factory=dict)

    def alias(self, text: str) -> str:
        """Ids and numbers of events differ between services; the order in which a tenant sees them does not."""
        if text.startswith("event:") or (len(text) == 32 and text.isalnum()):
            return self.names.setdefault(text, f"#{len(self.names)}")
        return text

    async def play(self, word: str, arguments: Sequence[object]) -> None:
        try:
            await self._play(word, arguments)
        except UsageError as error:
            self.seen.append(str(error))

    async def _play(self, word: str, arguments: Sequence[object]) -> None:
        tenant, first = self.tenant, arguments[0]
        match word:
            case "publish":
                version = await tenant.publish(COMPILED[str(first)])
                self.seen.append((version.flow, version.number, version.state))
            case "send x" | "send y":
                payload = {"n": arguments[-1]} | ({"kind": first} if word == "send x" else {})
                delivery = await tenant.send(word[-1], payload)
                outcomes = [(each.flow, each.stage, self.alias(str(each.reason))) for each in delivery.outcomes]
                self.seen.append((delivery.n_waits, outcomes))
            case "start":
                outcome = await tenant.start(str(first), {"n": arguments[1]}, id=f"s{arguments[1]}")
                self.seen.append((outcome.stage, self.alias(str(outcome.reason))))
            case "withdraw":
                for row in await tenant.requests(str(first), stages=[Stage.WAITING, Stage.DEBOUNCED], limit=1):
                    self.seen.append((await tenant.withdraw(str(first), row.id)).stage)
            case _:
                found = await {
                    "pause": tenant.pause,
                    "resume": tenant.resume,
                    "retire": tenant.retire,
                    "cancel": tenant.cancel,
                }[word](str(first))
                self.seen.append(found if isinstance(found, int) else found.state)

    async def look(self) -> None:
        """Everything that is there by now."""
        for version in await self.tenant.flows():
            self.seen.append((version.flow, version.number, version.state))
            for row in reversed(await self.tenant.requests(version.flow)):
                what = (self.alias(row.id), row.at, row.stage, row.since, row.priority, row.kind, row.hops)
                self.seen.append((*what, self.alias(str(row.reason)), self.alias(row.run)))
        # Ids of runs that begin at one instant are in no order.
        runs = [(row.flow, row.status.value, row.created_at, row.ended_at or 0) for row in await self.tenant.runs()]
        self.seen.append(sorted(runs))


async def told(steps: Sequence[Step], names: Sequence[str]) -> dict[str, list[object]]:
    """Play the steps of these tenants on one service; returns what each of them saw."""
    hand, seen = Hand(), dict[str, list[object]]()
    with TemporaryDirectory() as folder:
        stories: dict[str, Story] = {}

        @asynccontextmanager
        async def opened() -> AsyncGenerator[Service]:
            async with Service.open(Path(folder) / "runs.db", catalog=Host().catalog, clock=hand) as service:
                for name in names:
                    stories.setdefault(name, Story(service.tenant(name))).tenant = service.tenant(name)
                yield service

        async with AsyncExitStack() as stack:
            service = await stack.enter_async_context(opened())
            for who, word, arguments in steps:
                if word == "move":
                    for _ in range(int(str(arguments[0])) // 5):
                        hand.move(service, 5)
                        await calm(service)
                elif word == "reopen":
                    await stack.aclose()
                    service = await stack.enter_async_context(opened())
                elif who in names:
                    await stories[who].play(word, arguments)
                await calm(service)
            for name in names:
                await stories[name].look()
                seen[name] = stories[name].seen
    return seen


async def calm(service: Service) -> None:
    """Whatever is due has happened, and so has what came of it."""
    for _ in range(3):
        await trio.testing.wait_all_tasks_blocked(0.001)
        await finished(service)


@settings(max_examples=5, deadline=None)
@given(st.lists(STEPS, min_size=4, max_size=14))
def test_two_tenants_behave_as_two_services(steps: list[Step]) -> None:
    check_apart(steps)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, min_size=4, max_size=30))
def test_two_tenants_behave_as_two_services_for_long(steps: list[Step]) -> None:
    check_apart(steps)


def check_apart(steps: list[Step]) -> None:
    published = [(who, "publish", (name,)) for who in ("a", "b") for name in FLOWS if (who, name) != ("b", "one")]
    together = trio.run(told, [*published, *steps], ("a", "b"))
    apart = {name: trio.run(told, [*published, *steps], (name,))[name] for name in ("a", "b")}
    assert together == apart


async def test_a_tenant_with_every_worker_busy_delays_no_other(tmp_path: Path) -> None:
    host, text = Host(), 'event "go" { n: int }\nflow f(n: int) -> int {\n on event "go"\n k = held(n: n)\n return k\n}'
    async with Service.open(tmp_path / "runs.db", catalog=host.catalog, concurrency=32, drain_seconds=0) as service:
        busy, quiet = service.tenant("busy"), service.tenant("quiet")
        for tenant in (busy, quiet):
            await tenant.publish(text)
        for _ in range(100):
            await busy.send("go", {"n": 1})
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert host.calls.count("held 1") < 32
        await quiet.send("go", {"n": 2})
        with trio.fail_after(5):
            while "held 2" not in host.calls:
                await trio.testing.wait_all_tasks_blocked(0.001)
