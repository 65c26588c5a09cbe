"""One run, in memory, without an event loop around it."""

from __future__ import annotations

import trio

from dagflow.actions.catalog import Catalog
from dagflow.app.catalogs import ActionCatalog
from dagflow.app.interpreter import Interpreter
from dagflow.clock import Clock
from dagflow.errors import UsageError
from dagflow.execution.results import RunResult
from dagflow.model.flow import Flow


def run(flow: Flow, input: object = None, *, catalog: ActionCatalog | None = None, clock: Clock | None = None) -> RunResult:  # noqa: A002 - the word of the API
    """Run a flow to its end, in memory, and return how it went.

    Args:
        flow: what to run.
        input: the flow's input, as JSON values.
        catalog: the actions; the built-in ones if not given.
        clock: where the time comes from; with a `VirtualClock` waits take no time.

    Raises:
        WireError: the input does not fit.
        UsageError: the catalog lacks an action of the flow, or this was called inside of an event loop.
    """

    async def main() -> RunResult:
        async with Interpreter.open(":memory:", catalog=catalog or Catalog.builtin(), clock=clock) as interpreter:
            started = await interpreter.start(flow, input)
            return await started.wait()

    if trio.lowlevel.in_trio_run():
        raise UsageError("an event loop is already running; use `Interpreter.open` and `start` instead of `run`")
    return trio.run(main)
