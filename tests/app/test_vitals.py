"""What keeps others waiting is counted and said: plain functions that never return, and actions that block the event loop."""

from __future__ import annotations

import threading

import pytest
import trio

import dagflow
from dagflow import Catalog, Interpreter, RunStatus, Statistics

PLAIN = "flow f(n: int) -> int {\n  on manual\n  a = act(n: n) timeout 20ms\n  return a\n}\n"


async def settled(interpreter: Interpreter, wanted: int) -> Statistics:
    with trio.fail_after(10):
        while (now := await interpreter.statistics()).threads_abandoned != wanted:
            await trio.lowlevel.checkpoint()
    return now


async def test_plain_functions_that_never_return_take_room_from_nobody_and_are_told_of(caplog):
    catalog, release = Catalog(), threading.Event()

    @catalog.action("act", effect="idempotent")
    def act(n: int) -> int:
        if n < 0:
            release.wait(60)
        return n

    flow = dagflow.compile(PLAIN, catalog=catalog).unwrap()
    quick = dagflow.compile(PLAIN.replace(" timeout 20ms", ""), catalog=catalog).unwrap()
    try:
        async with Interpreter.open(":memory:", catalog=catalog, concurrency=4) as interpreter:
            hanging = [await interpreter.start(flow, {"n": -1}) for _ in range(4)]
            assert {(await run.wait()).failures[0].code for run in hanging} == {"timeout"}
            now = await settled(interpreter, 4)
            assert (now.threads_in_use, now.threads_limit, now.calls_under_way) == (0, 4, 0)
            # As many as there are threads are lost, and the others go on all the same.
            runs = [await interpreter.start(quick, {"n": n}) for n in range(20)]
            assert [(await run.wait()).output for run in runs] == list(range(20))
            release.set()
            assert (await settled(interpreter, 0)).threads_abandoned == 0
            assert interpreter._vitals.threads._limiter.total_tokens == 4
    finally:
        release.set()
    said = [record for record in caplog.records if record.name == "dagflow.loop"]
    assert [record.abandoned for record in said if record.levelname == "WARNING"] == [1, 2, 3, 4]


async def test_a_call_that_is_stopped_before_it_has_a_thread_is_never_made():
    catalog, release, calls = Catalog(), threading.Event(), []

    @catalog.action("act", effect="idempotent")
    def act(n: int) -> int:
        calls.append(n)
        release.wait(60)
        return n

    flow = dagflow.compile(PLAIN, catalog=catalog).unwrap()
    try:
        async with Interpreter.open(":memory:", catalog=catalog, concurrency=1) as interpreter:
            for n in range(4):
                assert (await (await interpreter.start(flow, {"n": n})).wait()).failures[0].code == "timeout"
        # One has the only thread, one took its place; then there is no room.
        assert calls == [0, 1]
    finally:
        release.set()


async def test_an_action_that_blocks_the_event_loop_is_told_of(caplog, monkeypatch):
    monkeypatch.setattr("dagflow.drivers.local.statistics.TOO_LONG_NS", 20_000_000)
    monkeypatch.setattr("dagflow.drivers.local.attempts.OVERRUN_NS", 0)
    catalog = Catalog()

    @catalog.action("crunch", effect="idempotent")
    async def crunch() -> int:
        threading.Event().wait(0.05)  # without a word to the event loop
        return 1

    text = "flow f -> int {\n  on manual\n  a = crunch() timeout 10ms\n  return a\n}\n"
    async with Interpreter.open(":memory:", catalog=catalog) as interpreter:
        result = await (await interpreter.start(dagflow.compile(text, catalog=catalog).unwrap())).wait()
        await trio.lowlevel.checkpoint()
        assert (await interpreter.statistics()).longest_block_seconds >= 0.05
    assert result.status is RunStatus.SUCCEEDED
    (overrun,) = [r for r in caplog.records if r.name == "dagflow.attempts"]
    assert (overrun.action, overrun.run, overrun.overrun_ns > 30_000_000) == ("crunch", result.run, True)
    assert any(r.name == "dagflow.loop" and r.levelname == "WARNING" and r.seconds >= 0.05 for r in caplog.records)


@pytest.mark.parametrize("is_kept", [True, False])
async def test_statistics_count_what_is_under_way_and_what_waits(tmp_path, is_kept):
    catalog, begun, release = Catalog(), trio.Event(), trio.Event()

    @catalog.action("act", effect="idempotent")
    async def act(n: int) -> int:
        begun.set()
        await release.wait()
        return n

    sleeping = dagflow.compile("flow s {\n  on manual\n  wait 1h\n}\n", catalog=catalog).unwrap()
    flow = dagflow.compile(PLAIN.replace(" timeout 20ms", ""), catalog=catalog).unwrap()
    async with Interpreter.open(tmp_path / "runs.db" if is_kept else ":memory:", catalog=catalog) as interpreter:
        for _ in range(3):
            await interpreter.start(sleeping)
        run = await interpreter.start(flow, {"n": 1})
        await begun.wait()
        with trio.fail_after(10):
            while (now := await interpreter.statistics()).runs_suspended < 3:
                await trio.lowlevel.checkpoint()
        assert (now.calls_under_way, now.threads_in_use, now.threads_abandoned) == (1, 0, 0)
        assert 1 <= now.runs_in_memory <= 4
        release.set()
        await run.wait()
        assert (await interpreter.statistics()).calls_under_way == 0
