"""Each tenant does what its host allows, when a flow is published and when it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagflow import Catalog, FlowInvalid, Invocation, RunLimits, RunStatus, Secret, Service, TenantPolicy, UsageError
from dagflow.admission.requests import Stage
from tests.app.host import Host
from tests.service.world import LEADS, finished

TALKS = """
event "lead/new" { id: string }
event "lead/done" { id: string }
flow talks(id: string) -> string {
  on event "lead/new"
  sent = mail(to: id)
  emit "lead/done" (id: id)
  return sent
}
"""
SIGNS = """
event "go" { id: string }
flow signs(id: string) -> string {
  on event "go"
  s = sign(key: secrets.api_key, text: id)
  return s
}
"""


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (TenantPolicy(actions=["log"]), "the tenant 'a' may not call `mail`; its policy allows: log"),
        (TenantPolicy(actions=()), "the tenant 'a' may not call `mail`; its policy allows: none"),
        (TenantPolicy(reads=["order/*"]), "the tenant 'a' may not read the event `lead/new`; its policy allows: order/*"),
        (TenantPolicy(emits=()), "the tenant 'a' may not emit the event `lead/done`; its policy allows: none"),
        (TenantPolicy(limits=RunLimits(events_sent=0)), "the flow 'talks' may emit 1 events; the limit of the tenant 'a' is 0"),
        (TenantPolicy(limits=RunLimits(steps=0)), "the flow 'talks' may take 2 steps; the limit of the tenant 'a' is 0"),
    ],
)
async def test_what_a_policy_does_not_allow_is_not_published(policy: TenantPolicy, message: str) -> None:
    host = Host()
    async with Service.open(":memory:", catalog=host.catalog, policies={"a": policy, "b": TenantPolicy()}) as service:
        with pytest.raises(UsageError) as raised:
            await service.tenant("a").publish(host.flow(TALKS))
        assert str(raised.value) == message
        assert await service.tenant("a").flows() == []
        await service.tenant("b").publish(host.flow(TALKS))


async def test_a_text_beyond_the_limits_has_a_diagnostic() -> None:
    policies = {"a": TenantPolicy(limits=RunLimits(steps=0))}
    async with Service.open(":memory:", catalog=Host().catalog, policies=policies) as service:
        with pytest.raises(FlowInvalid, match="E503"):
            await service.tenant("a").publish(TALKS)
        await service.publish(TALKS)


async def test_a_policy_that_allows_it_lets_it_run() -> None:
    host = Host()
    policy = TenantPolicy(limits=RunLimits(), actions={"mail"}, reads=["lead/*"], emits=["lead/done"], secrets={})
    async with Service.open(":memory:", catalog=host.catalog, policies=lambda _: policy) as service:
        await service.tenant("a").publish(TALKS)
        await service.tenant("a").send("lead/new", {"id": "x"})
        await finished(service)
    assert host.calls == ["mail x"]


async def test_a_tenant_without_a_policy_does_not_exist() -> None:
    async with Service.open(":memory:", catalog=Host().catalog, policies={"a": TenantPolicy()}) as service:
        with pytest.raises(UsageError, match=r"there is no tenant 'b'; add it to `policies`"):
            service.tenant("b")
    async with Service.open(":memory:", catalog=Host().catalog, policies=lambda _: None) as service:  # type: ignore[arg-type,return-value]
        with pytest.raises(UsageError, match="the policy of the tenant 'b' must be a TenantPolicy; got NoneType"):
            service.tenant("b")


async def test_a_call_gets_the_secret_of_its_tenant(caplog: pytest.LogCaptureFixture) -> None:
    catalog, seen = Catalog(), list[tuple[str, str]]()
    catalog.secret("api_key", "of the host", actions=["sign"])

    @catalog.action("sign")
    def sign(key: Secret, text: str, invocation: Invocation) -> str:
        seen.append((invocation.tenant, str(key)))
        return text

    policies = {
        "a": TenantPolicy(secrets={"api_key": "of tenant a"}),
        "b": TenantPolicy(secrets={"api_key": lambda: "of tenant b"}),
        "c": TenantPolicy(secrets={}),
        "d": TenantPolicy(),
    }
    async with Service.open(":memory:", catalog=catalog, policies=policies) as service:
        with pytest.raises(UsageError, match="the tenant 'c' may not use the secret `api_key`; its policy allows: none"):
            await service.tenant("c").publish(SIGNS)
        for tenant in (service.tenant("a"), service.tenant("b"), service.tenant("d"), service):
            await tenant.publish(SIGNS)
            await tenant.send("go", {"id": "x"})
        await finished(service)
    assert sorted(seen) == [("", "of the host"), ("a", "of tenant a"), ("b", "of tenant b"), ("d", "of the host")]
    assert "of tenant" not in caplog.text


async def test_what_is_not_allowed_any_more_does_not_go_on(tmp_path: Path) -> None:
    host, path = Host(), tmp_path / "runs.db"
    text = 'event "go" { n: int }\nflow f(n: int) -> int {\n on event "go"\n concurrency 1\n k = held(n: n)\n return k\n}'
    less = {"a": TenantPolicy(actions=["mail"])}
    async with Service.open(path, catalog=host.catalog, drain_seconds=0) as service:
        for _ in range(2):
            if not await service.tenant("a").flows():
                await service.tenant("a").publish(text)
            await service.tenant("a").send("go", {"n": 1})
        await host.began.wait()
    host.gate.set()
    host.calls.clear()
    async with Service.open(path, catalog=host.catalog, policies=less) as service:
        tenant = service.tenant("a")
        await finished(service)
        (blocked,) = service.interpreter.blocked.values()
        assert str(blocked) == "the tenant 'a' may not call `held`; its policy allows: mail"
        assert [row.stage for row in await tenant.requests("f")] == [Stage.WAITING, Stage.RUNNING]
        (version,) = await tenant.flows()
        assert version.problem == str(blocked)
        await service.publish(LEADS)
    assert host.calls == []
    async with Service.open(path, catalog=host.catalog, policies={"a": TenantPolicy()}) as service:
        await finished(service)
        assert {row.status for row in await service.tenant("a").runs()} == {RunStatus.SUCCEEDED}
    assert host.calls == ["held 1", "held 1"]
