"""`singleton` in a service: what becomes of runs and requests, and of a crash between the two."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from dagflow import Service
from dagflow.admission.requests import Stage
from tests.app.host import Host
from tests.service.world import Hand, finished, until

TEXT = """
event "doc" {{ id: string, n: int }}
flow sync(id: string, n: int) -> int {{
  on event "doc"
  singleton by id {}
  m = mail(to: "${{id}}${{n}}") undo mail(to: "no ${{id}}${{n}}")
  {}
  return n
}}
"""
WAITING, HELD = "wait 1d", "k = held(n: n)"


async def send(service: Service, *docs: str) -> list[tuple[Stage, str]]:
    """Send `a1`, the first event of the document `a`, and so on; returns what became of them."""
    found = [(await service.send("doc", {"id": doc[0], "n": int(doc[1:])})).outcomes[0] for doc in docs]
    return [(each.stage, each.reason) for each in found]


async def ends(service: Service) -> list[str]:
    """How the runs ended that have ended."""
    return [row.status.value for row in await service.runs() if row.status.is_terminal]


async def test_what_comes_while_a_run_is_under_way_is_skipped() -> None:
    host = Host()
    async with Service.open(":memory:", catalog=host.catalog) as service:
        await service.publish(TEXT.format("skip", HELD))
        assert await send(service, "a1", "a2", "b1") == [
            (Stage.RUNNING, ""),
            (Stage.DROPPED, "singleton"),
            (Stage.RUNNING, ""),
        ]
        host.gate.set()
        await until(service, "sync", Stage.ENDED, 2)
        assert await send(service, "a3") == [(Stage.RUNNING, "")]


async def test_the_last_one_waits(tmp_path: Path) -> None:
    host, path = Host(), tmp_path / "runs.db"
    async with Service.open(path, catalog=host.catalog, drain_seconds=0) as service:
        await service.publish(TEXT.format("queue", HELD))
        assert [stage for stage, _ in await send(service, "a1", "a2")] == [Stage.RUNNING, Stage.WAITING]
    async with Service.open(path, catalog=host.catalog) as service:
        assert await send(service, "a3") == [(Stage.WAITING, "")]
        (row,) = await service.requests("sync", stages=[Stage.SUPERSEDED])
        assert row.reason == "event:3"
        host.gate.set()
        await finished(service)
        assert await ends(service) == ["succeeded", "succeeded"]


async def called(host: Host, call: str) -> None:
    with trio.fail_after(5):
        while call not in host.calls:
            await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("work", [WAITING, HELD])
async def test_a_run_is_replaced_and_undone(work: str) -> None:
    """Also one that sleeps in the store alone, and one with a call under way."""
    host = Host()
    async with Service.open(":memory:", catalog=host.catalog, clock=Hand()) as service:
        await service.publish(TEXT.format("replace", work))
        await send(service, "a1", "b1")
        if work == WAITING:
            await finished(service)
        else:
            await host.began.wait()
        assert await send(service, "a2") == [(Stage.WAITING, "")]
        await until(service, "sync", Stage.ENDED)
        await until(service, "sync", Stage.RUNNING, 2)
        assert await ends(service) == ["cancelled"]
        await called(host, "mail a2")
    mails = [call for call in host.calls if "mail" in call]
    assert (sorted(mails[:2]), mails[2:]) == (["mail a1", "mail b1"], ["mail no a1", "mail a2"])


@pytest.mark.parametrize("is_reopened", [False, True])
async def test_a_run_is_replaced_whenever_a_request_waits_for_it(tmp_path: Path, is_reopened: bool) -> None:
    """As after a crash between the row of the request and the cancellation: here the version before let the request wait."""
    host, path, hand = Host(), tmp_path / "runs.db", Hand()
    async with Service.open(path, catalog=host.catalog, clock=hand, drain_seconds=0) as service:
        await service.publish(TEXT.format("queue", WAITING))
        assert await send(service, "a1", "a2") == [(Stage.RUNNING, ""), (Stage.WAITING, "")]
        if is_reopened:
            await service.interpreter.drain()
        await service.publish(TEXT.format("replace", WAITING))
        if not is_reopened:
            await until(service, "sync", Stage.ENDED)
    async with Service.open(path, catalog=host.catalog, clock=hand) as service:
        await until(service, "sync", Stage.ENDED)
        await finished(service)
        assert await ends(service) == ["cancelled"]
    assert host.calls == ["mail a1", "mail no a1", "mail a2"]
