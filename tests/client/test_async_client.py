"""The client for asyncio has the methods of the other, and calls them without blocking the loop."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import dagflow
import dagflow.asyncio
from tests.app.served import Served
from tests.client.test_client import FLOWS


def methods_of(class_: type) -> dict[str, inspect.Signature]:
    found = {name: value for name, value in vars(class_).items() if inspect.isfunction(value) and not name.startswith("_")}
    return {name: inspect.signature(value) for name, value in found.items()}


def test_it_has_the_same_methods() -> None:
    others = methods_of(dagflow.Client)
    # These use the caller's connection and block for no answer: `await session.run_sync(lambda it: client.inner.send_in(it, …))`.
    del others["send_in"], others["start_in"]
    assert methods_of(dagflow.asyncio.Client) == others


def test_calls_run_beside_the_loop(tmp_path: Path) -> None:
    async def main(store: Path) -> None:
        client = dagflow.asyncio.Client(store)
        await client.publish(FLOWS, name="deliver")
        await client.publish(FLOWS, name="ask")
        assert [version.flow for version in await client.flows()] == ["ask", "deliver"]
        assert (await client.versions("ask"))[0].number == 1
        await client.pause("ask")
        waiting = await client.start("ask", {"n": 1})
        await client.withdraw("ask", waiting.id)
        await client.resume("ask")
        run = (await client.start("ask", {"n": 5})).run
        assert (await client.wait(run, seconds=30)).output == 2
        assert len(await client.history(run)) > 2
        runs = [each for n in range(5) for each in (await client.send("order/paid", {"id": str(n)})).runs]
        waits = [asyncio.create_task(client.wait(each)) for each in runs]
        for n in range(3):
            await client.send("order/shipped", {"id": str(n)})
        await client.cancel_run(runs[3])
        assert await client.cancel("deliver") == 1
        statuses = [(await wait).status.value for wait in waits]
        assert statuses == ["succeeded"] * 3 + ["cancelled"] * 2
        assert (await client.result(runs[0])).output == "delivered 0"
        await client.retire("ask")
        await client.prune(2**62)
        assert await client.runs() == []
        assert await client.ping() > 0

    with Served(tmp_path / "runs.db") as served:
        asyncio.run(main(served.store))
