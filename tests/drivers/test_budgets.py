"""Retries stay inside a budget, for each destination by itself."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

import dagflow
from dagflow.clock import VirtualClock
from dagflow.drivers.local.retry_budget import RetryBudgets
from dagflow.errors import UsageError

SECOND = 10**9
START = 1_767_225_600 * SECOND
FLOW = """
flow calls(n: int, host: string) -> int {
  on manual
  retry 19 from 1s to 5m
  asked = ask(n: n, url: "https://${host}/path")
  return asked
}
"""


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), max_size=80), st.integers(1, 3))
def test_no_second_has_more_than_its_room_and_none_is_left_out(wishes: list[tuple[int, int]], rate: int) -> None:
    budgets, placed = RetryBudgets(rate), Counter[tuple[int, int]]()
    for second, destination in wishes:
        due = budgets.due(f"d{destination}", second * SECOND + 5, 0, 0.5)
        assert due >= second * SECOND
        # The first with room: all from the one wished for up to it are full.
        assert all(placed[destination, between] == rate for between in range(second, due // SECOND))
        placed[destination, due // SECOND] += 1
    assert max(placed.values(), default=0) <= rate


def test_a_place_at_once_is_where_the_step_wants_it() -> None:
    budgets = RetryBudgets(1)
    assert budgets.due("a", 7 * SECOND + 1, 0, 0.25) == 7 * SECOND + 1
    assert budgets.due("a", 7 * SECOND + 1, 0, 0.25) == 8 * SECOND + SECOND // 4
    assert budgets.due("b", 7 * SECOND + 2, 0, 0.25) == 7 * SECOND + 2
    assert [RetryBudgets(None).due("a", 7, 0, 0.5) for _ in range(3)] == [7, 7, 7]


def test_a_tenth_of_first_calls_comes_on_top() -> None:
    budgets = RetryBudgets(1)
    budgets.due("a", 0, 0, 0)
    assert budgets.is_watching
    for _ in range(500):
        budgets.called("a", 9 * SECOND)
        budgets.called("b", 9 * SECOND)
    # 500 in ten seconds are fifty a second, so five more than the one there always is.
    assert [budgets.due("a", 9 * SECOND, 9 * SECOND, 0) // SECOND for _ in range(7)] == [9] * 6 + [10]
    assert [budgets.due("a", 19 * SECOND, 9 * SECOND, 0) // SECOND for _ in range(2)] == [19, 20]


def test_what_nobody_calls_any_more_is_forgotten() -> None:
    budgets = RetryBudgets(1)
    for n in range(2_000):
        budgets.due(f"d{n}", 0, 0, 0)
    assert len(budgets._destinations) == 1_000
    for second in range(2_500):
        budgets.due("d1999", second * SECOND, second * SECOND, 0)
    assert len(budgets._destinations["d1999"].taken) <= 1_000


@pytest.mark.parametrize(("n_runs", "rate"), [(100, 1), pytest.param(10_000, 10, marks=pytest.mark.slow)])
def test_a_dead_host_is_not_kept_down_and_others_do_not_notice(n_runs: int, rate: int) -> None:
    """A host is down for ten minutes, then it is back; another one is well all the time."""
    clock = VirtualClock(START)
    back = START + 600 * SECOND
    catalog, seen, other, dice = dagflow.Catalog(), Counter[int](), Counter[int](), random.Random(3)

    @catalog.action("ask", effect="idempotent", destination="url")
    async def ask(n: int, url: str) -> int:
        second = (clock.now() - START) // SECOND
        if "alive" in url:
            other[second] += 1
            return n
        seen[second] += 1
        if clock.now() < back:
            # Of whatever kind its failures are, they are of one destination.
            raise dagflow.ActionFailed("the other side is away", dice.choice(["gone", "busy", "strange"]))
        return n

    async def main() -> None:
        flow = dagflow.compile(FLOW, catalog=catalog).unwrap()
        opened = dagflow.Interpreter.open(":memory:", catalog=catalog, clock=clock, retries_per_second=rate)
        async with opened as interpreter, trio.open_nursery() as nursery:
            for n in range(n_runs + 10):
                host = "dead.example" if n < n_runs else "alive.example"
                nursery.start_soon(go, interpreter, flow, {"n": n, "host": host})

    async def go(interpreter: dagflow.Interpreter, flow: dagflow.Flow, given: object) -> None:
        assert (await (await interpreter.start(flow, given)).wait()).status == "succeeded"

    trio.run(main)
    assert n_runs <= seen[0] <= n_runs + rate + n_runs // 100
    assert sum(other.values()) == other[0] == 10
    # A tenth of the first calls comes on top, within ten seconds of them.
    while_down = sum(n for second, n in seen.items() if 0 < second < 600)
    assert 599 * rate * 0.8 <= while_down <= 599 * rate + n_runs / 10
    assert max(n for second, n in seen.items() if second > 10) <= rate
    assert max(n for second, n in seen.items() if second) <= rate + n_runs // 100


def test_a_destination_has_to_be_a_parameter() -> None:
    with pytest.raises(UsageError, match="no parameter `to`; `destination` must name"):

        @dagflow.Catalog().action("ask", destination="to")
        async def ask(n: int) -> int:
            return n
