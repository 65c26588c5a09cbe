"""Flows of the product's own database are published as they change."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import attrs
import pytest
import trio
from trio.testing import MockClock

import dagflow.asyncio
import dagflow.blocking
from dagflow import Service, SourcedFlow, TenantPolicy, UsageError, VirtualClock
from tests.app.host import Host

TEXT = 'event "go" {{ n: int }}\nflow f(n: int) -> int {{\n on event "go"\n d = double(n: n + {0})\n return d\n}}'


@attrs.define
class Table:
    """A source whose rows the test changes."""

    rows: dict[tuple[str, str], str | None] = attrs.field(factory=dict)
    asked: list[int | None] = attrs.field(factory=list)
    failure: Exception | None = None

    async def flows(self, since: int | None) -> Iterable[SourcedFlow]:
        self.asked.append(since)
        if self.failure is not None:
            raise self.failure
        return [SourcedFlow(tenant=tenant, name=name, text=text, author="db") for (tenant, name), text in self.rows.items()]


async def test_changed_flows_are_published_and_others_left_alone(tmp_path: Path) -> None:
    host, table = Host(), Table({("a", "f"): TEXT.format(1), ("b", "f"): TEXT.format(2)})
    async with Service.open(tmp_path / "runs.db", catalog=host.catalog, source=table, refresh_seconds=None) as service:
        found = await service.refresh()
        assert [(each.flow, each.number, each.author) for each in found.versions] == [("f", 1, "db")] * 2
        assert (await service.refresh()).versions == ()
        table.rows["b", "f"] = TEXT.format(3)
        assert [each.number for each in (await service.refresh()).versions] == [2]
        assert [len(await service.tenant(name).versions("f")) for name in ("a", "b")] == [1, 2]
        assert table.asked[0] is None
        assert all(since is not None for since in table.asked[1:])
    async with Service.open(tmp_path / "runs.db", catalog=host.catalog, source=table, refresh_seconds=None) as service:
        assert (await service.refresh()).versions == ()
        table.rows["b", "f"] = None
        assert [each.state for each in (await service.refresh()).versions] == ["retired"]
        assert (await service.refresh()).versions == ()


async def test_a_flow_with_an_error_stops_no_other() -> None:
    host = Host()
    table = Table({("a", "f"): "flow f { nothing() }", ("b", "f"): TEXT.format(2), ("c", "f"): TEXT.format(1), ("a", "g"): "x"})
    policies = {"a": TenantPolicy(), "b": TenantPolicy()}
    async with Service.open(":memory:", catalog=host.catalog, source=table, refresh_seconds=None, policies=policies) as service:
        found = await service.refresh()
        assert [each.flow for each in found.versions] == ["f"]
        assert set(found.problems) == {("a", "f"), ("c", "f"), ("a", "g")}
        assert "E201" in found.problems["a", "f"]
        assert found.problems["c", "f"] == "there is no tenant 'c'; add it to `policies` of `Service.open`"
        assert (await service.refresh()).problems == found.problems == service.source_problems
        table.rows["a", "f"] = TEXT.format(1)
        assert len((await service.refresh()).versions) == 1
        assert ("a", "f") not in service.source_problems


async def test_a_source_is_polled_and_may_fail() -> None:
    table = Table(failure=ConnectionError("the database is away"))
    async with Service.open(":memory:", catalog=Host().catalog, source=table, refresh_seconds=0.001) as service:
        with pytest.raises(ConnectionError):
            await service.refresh()
        table.failure, table.rows["a", "f"] = None, TEXT.format(1)
        with trio.fail_after(5):
            while not await service.tenant("a").flows():
                pass


async def test_the_flows_of_the_source_are_there_from_the_beginning() -> None:
    table = Table({("a", "f"): TEXT.format(1)})
    async with Service.open(":memory:", catalog=Host().catalog, source=table) as service:
        assert [each.flow for each in await service.tenant("a").flows()] == ["f"]


async def test_a_source_that_does_not_answer_only_delays_the_beginning(autojump_clock: MockClock) -> None:
    class Silent:
        async def flows(self, _since: int | None) -> Iterable[SourcedFlow]:
            await trio.sleep_forever()
            return ()

    async with Service.open(":memory:", catalog=Host().catalog, source=Silent()) as service:
        assert trio.current_time() >= 10
        assert await service.flows() == []


async def test_refreshing_without_a_source_is_refused() -> None:
    async with Service.open(":memory:", catalog=Host().catalog) as service:
        assert service.source_problems == {}
        with pytest.raises(UsageError, match=r"there is no source to read; give `source` to `Service.open`"):
            await service.refresh()
    with pytest.raises(UsageError, match="`refresh_seconds` must be greater than 0, or None; got 0"):
        async with Service.open(":memory:", catalog=Host().catalog, source=Table(), refresh_seconds=0):
            pass


async def test_a_flow_of_a_transaction_that_committed_late_is_seen() -> None:
    table, clock = Table(), VirtualClock(1_000_000_000_000)
    async with Service.open(":memory:", catalog=Host().catalog, clock=clock, source=table, refresh_seconds=None) as service:
        await service.refresh()
        await service.refresh()
    assert table.asked == [None, 1_000_000_000_000 - 60_000_000_000]


class TestWhereASourceIsRead:
    """As an action is: a plain function in a thread, an async one on the loop of the program."""

    FLOWS: ClassVar = [SourcedFlow(name="f", text=TEXT.format(1))]

    def test_a_plain_function_may_block_in_a_thread(self) -> None:
        found: list[str] = []

        class Source:
            def flows(self, _since: int | None) -> Iterable[SourcedFlow]:
                found.append(threading.current_thread().name)
                return TestWhereASourceIsRead.FLOWS

        with dagflow.blocking.Service.open(
            ":memory:", catalog=Host().catalog, source=Source(), refresh_seconds=None
        ) as service:
            assert [each.number for each in service.refresh().versions] == [1]
        assert found
        assert "dagflow" not in found  # the thread of the event loop

    def test_an_async_function_runs_on_the_loop_of_asyncio(self) -> None:
        found: list[object] = []

        class Source:
            async def flows(self, _since: int | None) -> Iterable[SourcedFlow]:
                found.append(asyncio.get_running_loop())
                return TestWhereASourceIsRead.FLOWS

        async def main() -> None:
            opened = dagflow.asyncio.Service.open(":memory:", catalog=Host().catalog, source=Source(), refresh_seconds=None)
            async with opened as service:
                assert [each.number for each in (await service.refresh()).versions] == [1]
            assert found == [asyncio.get_running_loop()]

        asyncio.run(main())
