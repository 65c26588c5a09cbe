"""What hosts test their actions with sees what actions do wrong; `StoreConformance` is run on our own stores in `tests/store`."""

from __future__ import annotations

import time

import attrs
import pytest
import trio

from dagflow.actions.catalog import Catalog
from dagflow.actions.failures import Fatal
from dagflow.actions.markers import EffectKey
from dagflow.testing import StoreConformance, check_action, problems_of_action


@attrs.define(eq=False)
class Shop:
    catalog: Catalog = attrs.field(factory=Catalog)
    orders: dict[str, int] = attrs.field(factory=dict)
    log: list[int] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        action = self.catalog.action

        @action("order", effect="idempotent")
        async def order(n: int, key: EffectKey) -> int:
            await trio.lowlevel.checkpoint()
            return self.orders.setdefault(key, n)

        @action("append", effect="idempotent")
        async def append(n: int) -> int:
            self.log.append(n)
            return n

        @action("count", effect="pure")
        async def count() -> int:
            self.log.append(0)
            return len(self.log)

        @action("pay", effect="effectful")
        async def pay(n: int) -> int:
            self.log.append(n)
            return len(self.log)

        @action("blocks", effect="pure")
        async def blocks() -> int:
            until = time.perf_counter() + 0.1
            while time.perf_counter() < until:
                self.log.append(0)
            return 1

        @action("plain", effect="pure")
        def plain() -> int:
            return 1

        @action("once", effect="idempotent")
        async def once() -> int:
            self.log.append(1)
            if len(self.log) > 1:
                raise Fatal("it is there already")
            return 1

        @action("lies", effect="pure")
        async def lies() -> int:
            return "text"  # type: ignore[return-value]

        @action("stubborn", effect="effectful")
        async def stubborn() -> int:
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled:
                raise ValueError("no") from None
            return 1


@pytest.mark.parametrize(("name", "arguments"), [("order", {"n": 1}), ("pay", {"n": 1}), ("plain", {})])
def test_a_good_action_passes(name, arguments):
    shop = Shop()
    check_action(shop.catalog, name, arguments, observe=lambda: dict(shop.orders))


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("append", {"n": 1}, "declared idempotent, and its repetition changed something"),
        ("count", {}, "declared pure, and gave 1 first and 2 when it was repeated"),
        ("blocks", {}, r"kept everybody waiting for 0\.[01]"),
        ("once", {}, "its repetition failed with fatal: it is there already"),
        ("lies", {}, "it failed with bad_result"),
        ("stubborn", {}, "let `trio.Cancelled` pass"),
        ("nothing", {}, "the catalog does not have it; it has append, blocks"),
    ],
)
def test_a_bad_action_does_not(name, arguments, problem):
    shop = Shop()
    with pytest.raises(AssertionError, match=problem):
        check_action(shop.catalog, name, arguments, observe=lambda: list(shop.log))


async def test_it_can_be_asked_inside_of_trio():
    assert await problems_of_action(Shop().catalog, "order", {"n": 1}) == []


def test_the_contract_of_stores_ships():
    tests = [name for name in vars(StoreConformance) if name.startswith("test_")]
    assert len(tests) > 20
