"""What becomes of slots that are late, or due while a run of an earlier slot is under way."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from dagflow import Service
from dagflow.admission.requests import Stage
from tests.app.host import Host
from tests.service.world import Hand, until

TEXT = """
flow hourly -> string {{
  on {}
  m = mail(to: "a")
  wait 20d
  return m
}}
"""
HOUR = 3600


async def found(service: Service, n: int) -> list[str]:
    """What became of the requests, in the order of their slots: the stage, or why one was dropped."""
    with trio.fail_after(5):
        while len(rows := await service.requests("hourly")) < n:
            pass
    return [row.reason if row.stage == Stage.DROPPED else row.stage for row in reversed(rows)]


@pytest.mark.parametrize("what", ['cron "0 * * * *"', "every 1h"])
@pytest.mark.parametrize(
    ("overlap", "catchup", "late"),
    [
        ("", "", ["running"]),
        ("allow", "last", ["running"]),
        ("allow", "none", []),
        ("allow", "all within 3h", ["running", "running", "running"]),
        ("allow", "all within 1h30m", ["running", "running"]),
        ("skip", "last", ["running"]),
        ("skip", "none", []),
        ("skip", "all within 3h", ["running", "overlap", "overlap"]),
        ("queue", "last", ["running"]),
        ("queue", "none", []),
        ("queue", "all within 3h", ["running", "superseded", "waiting"]),
        ("replace", "last", ["running"]),
        ("replace", "none", []),
        ("replace", "all within 3h", ["ended", "superseded", "running"]),
    ],
)
async def test_slots_of_three_hours_without_a_service(
    tmp_path: Path, what: str, overlap: str, catchup: str, late: list[str]
) -> None:
    """Nothing is under way before; 10 minutes after the last slot a service is there again."""
    host, hand = Host(), Hand()
    clauses = " ".join([what, *(["overlap", overlap] if overlap else []), *(["catchup", catchup] if catchup else [])])
    async with Service.open(tmp_path / "runs.db", catalog=host.catalog, clock=hand) as service:
        await service.publish(TEXT.format(clauses))
    hand.at += (3 * HOUR + 600) * 10**9
    async with Service.open(tmp_path / "runs.db", catalog=host.catalog, clock=hand) as service:
        if late[:1] == ["ended"]:
            await until(service, "hourly", Stage.ENDED)
            await until(service, "hourly", Stage.RUNNING)
        assert await found(service, len(late)) == late
        # The next slot is due as ever.
        hand.move(service, 50 * 60)
        assert len(await found(service, len(late) + 1)) == len(late) + 1


@pytest.mark.parametrize(
    ("overlap", "stages"),
    [
        ("allow", ["running", "running", "running"]),
        ("skip", ["running", "overlap", "overlap"]),
        ("queue", ["running", "superseded", "waiting"]),
        ("replace", ["ended", "ended", "running"]),
    ],
)
async def test_slots_that_are_on_time(tmp_path: Path, overlap: str, stages: list[str]) -> None:
    """Each is due while the run of the one before is under way, and the service is opened again between them."""
    host, hand = Host(), Hand()
    for n in range(1, 4):
        async with Service.open(tmp_path / "runs.db", catalog=host.catalog, clock=hand) as service:
            if n == 1:
                await service.publish(TEXT.format(f"every 1h overlap {overlap}"))
            hand.move(service, HOUR)
            if overlap == "replace" and n > 1:
                await until(service, "hourly", Stage.ENDED, n - 1)
                await until(service, "hourly", Stage.RUNNING)
            await found(service, n)
    async with Service.open(tmp_path / "runs.db", catalog=host.catalog, clock=hand) as service:
        assert await found(service, 3) == stages


@pytest.mark.parametrize(("catchup", "kept"), [("none", 0), ("last", 1), ("all within 3h", 3)])
async def test_slots_of_a_paused_flow(catchup: str, kept: int) -> None:
    host, hand = Host(), Hand()
    async with Service.open(":memory:", catalog=host.catalog, clock=hand) as service:
        await service.publish(TEXT.format(f"every 1h catchup {catchup}"))
        await service.pause("hourly")
        for n in range(1, 4):
            hand.move(service, HOUR)
            await found(service, n if kept else 0)
        await service.resume("hourly")
        await until(service, "hourly", Stage.RUNNING, kept)
        rows = await service.requests("hourly", stages=[Stage.RUNNING])
        assert len(rows) == kept


async def test_runs_of_other_triggers_are_in_no_slots_way() -> None:
    host, hand = Host(), Hand()
    async with Service.open(":memory:", catalog=host.catalog, clock=hand) as service:
        await service.publish(TEXT.format('every 1h overlap skip\n  on cron "0 * * * *"'))
        await service.start("hourly")
        hand.move(service, HOUR)
        assert await found(service, 3) == ["running", "running", "running"]
        hand.move(service, HOUR)
        assert sorted(await found(service, 5)) == ["overlap", "running", "running", "running", "running"]
