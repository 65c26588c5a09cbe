"""A host as type checkers see it: no line has an error, except those that end in `# wrong`, which need one."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import dagflow
import dagflow.asyncio
import dagflow.blocking
from dagflow import Catalog, Inject, Invocation


@dataclass
class Order:
    id: int
    due: dt.datetime


class Pool:
    def fetch(self, sql: str) -> list[int]:
        return [len(sql)]


@asynccontextmanager
async def lifespan() -> AsyncGenerator[Mapping[type, object]]:
    yield {Pool: Pool()}


catalog = Catalog(lifespan=lifespan, runs="asyncio")


@catalog.action
def total(order: Order, pool: Inject[Pool], call: Invocation) -> int:
    return pool.fetch(call.run)[0] + order.id


@catalog.action("orders.find", effect="pure", runs="process")
def find(id: int) -> Order:  # noqa: A002
    return Order(id, dt.datetime.now(dt.UTC))


@catalog.provider
def pools(call: Invocation) -> list[str]:
    return [call.tenant]


catalog.action("orders.later", effect="pure")(partial(find, id=5))
plain: int = total(find(1), Pool(), Invocation(action="", arguments={}, effect_key="", attempt=1, run="", node=""))
catalog.action("x", runs="moon")  # wrong
catalog.action("x", effekt="pure")  # wrong
Catalog(runs="thread")  # wrong
total("no order", Pool())  # wrong


async def on_asyncio(flow: dagflow.Flow) -> Order:
    async with dagflow.asyncio.Interpreter.open("runs.db", catalog=catalog, concurrency=8, drain_seconds=1.5) as interpreter:
        run = await interpreter.start(flow, {"order": Order(1, dt.datetime.now(dt.UTC))}, id="one")
        async for state in run.watch():
            assert state.run
        order: Order = (await run.wait()).output_as(Order)
    async with dagflow.asyncio.Interpreter.open("runs.db", catalog=catalog, concurency=8):  # wrong
        pass
    async with dagflow.asyncio.Service.open("runs.db", catalog=catalog, refresh_seconds=None, concurrency=8) as service:
        version: dagflow.Version = await service.publish("flow f { }", author="ada")
        await service.send("lead", Order(1, dt.datetime.now(dt.UTC)))
        await service.tenant("acme").start(version, {})  # wrong
    return order


def without_loop() -> int:
    with dagflow.blocking.Service.open("runs.db", catalog=catalog) as service:
        outcome: dagflow.Outcome = service.start("f", at=5)
        service.start("f", at="tomorrow")  # wrong
        result: dagflow.RunResult = service.get_run(outcome.run).wait()
    with dagflow.blocking.Service.open("runs.db", catalog=catalog, concurrency="many"):  # wrong
        pass
    wrong: int = result.output_as(Order)  # wrong
    return wrong
