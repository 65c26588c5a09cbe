"""Pausing the collector of cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

import dagflow
from dagflow import Interpreter
from dagflow.drivers.local.wake_limit import CROWD
from dagflow.gc_tuning import RareGc, without_collecting
from tests.app.host import Host


def test_it_is_left_as_it_was_found() -> None:
    assert gc.isenabled()
    with without_collecting():
        assert not gc.isenabled()
        with without_collecting():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_also_when_the_work_fails() -> None:
    with pytest.raises(ZeroDivisionError), without_collecting():
        _ = 1 // 0
    assert gc.isenabled()


def test_a_host_that_collects_by_itself_is_left_alone() -> None:
    gc.disable()
    try:
        with without_collecting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.fixture
def as_usual() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield (700, 10, 10)
    gc.set_threshold(*before)


def test_seldom_and_then_as_before(as_usual: tuple[int, int, int]) -> None:
    seldom = RareGc()
    seldom.begin()
    seldom.begin()
    assert gc.get_threshold() == (100_000, 10, 10)
    seldom.end()
    seldom.end()
    assert gc.get_threshold() == as_usual


def test_two_that_make_many_end_one_after_the_other(as_usual: tuple[int, int, int]) -> None:
    one, other = RareGc(), RareGc()
    one.begin()
    other.begin()
    one.end()
    other.end()
    assert gc.get_threshold() == as_usual


@pytest.mark.parametrize("chosen", [(0, 10, 10), (500_000, 5, 5)])
def test_what_a_host_chose_stays(as_usual: tuple[int, int, int], chosen: tuple[int, int, int]) -> None:
    gc.set_threshold(*chosen)
    seldom = RareGc()
    seldom.begin()
    assert gc.get_threshold() == chosen
    seldom.end()
    assert gc.get_threshold() == chosen
    gc.set_threshold(*as_usual)
    seldom.begin()
    gc.set_threshold(*chosen)
    seldom.end()
    assert gc.get_threshold() == chosen


def left_by_compiling(n_steps: int) -> int:
    """How many objects only the collector can free."""
    steps = "\n".join(f"  n{i} = work(n: {i})" for i in range(n_steps))
    text = f"action work(n: int) -> int\nflow f {{\n  on manual\n{steps}\n}}\n"
    gc.collect()
    gc.disable()
    try:
        dagflow.compile(text).unwrap()
        return gc.collect()
    finally:
        gc.enable()


def test_a_longer_text_leaves_no_more_to_the_collector() -> None:
    left_by_compiling(1)  # loads what is loaded once
    assert left_by_compiling(200) == left_by_compiling(20)


async def test_cycles_are_looked_for_seldom_while_many_runs_are_loaded(as_usual: tuple[int, int, int]) -> None:
    host = Host()
    flow = host.flow("flow f() -> int { on manual\n n = held(n: 1)\n return n }")
    async with Interpreter.open(":memory:", catalog=host.catalog) as interpreter:
        runs = [await interpreter.start(flow) for _ in range(CROWD - 1)]
        assert gc.get_threshold() == as_usual
        runs.append(await interpreter.start(flow))
        assert gc.get_threshold() == (100_000, 10, 10)
        host.gate.set()
        for run in runs:
            await run.wait()
        assert gc.get_threshold() == as_usual
        await interpreter.start(flow)


async def test_an_interpreter_that_is_left_with_many_runs_restores_the_collector(as_usual: tuple[int, int, int]) -> None:
    host = Host()
    flow = host.flow(
        "flow f() -> int { on manual\n n = held(n: 1)\n return n }",
    )
    async with Interpreter.open(":memory:", catalog=host.catalog, drain_seconds=0) as interpreter:
        for _ in range(CROWD):
            await interpreter.start(flow)
    assert gc.get_threshold() == as_usual
