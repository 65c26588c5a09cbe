"""A run as an asyncio program sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs

import dagflow
from dagflow.asyncio.calls import Calls, watch
from dagflow.execution.results import RunResult
from dagflow.ids import RunId


@attrs.define(eq=False, repr=False)
class Run:
    """A run of an open interpreter; see `dagflow.Run`."""

    _run: dagflow.Run
    _calls: Calls

    @property
    def id(self) -> RunId:
        """Its id, which sorts by the time the run began."""
        return self._run.id

    @property
    def flow(self) -> str:
        """The name of its flow."""
        return self._run.flow

    async def result(self) -> RunResult:
        """Return the current state of the run."""

        async def read() -> RunResult:
            return self._run.result()

        return await self._calls(read)

    async def wait(self) -> RunResult:
        """Wait until the run has ended and its end is in the store.

        Raises:
            StoreError: the store failed.
            UsageError: the interpreter was closed first.
        """
        return await self._calls(self._run.wait)

    def watch(self) -> AsyncIterator[RunResult]:
        """Iterate over the states of the run: now, after each commit, and at its end. Raises as `wait`."""
        return watch(self._calls, self._run.watch())

    async def cancel(self) -> RunResult:
        """Cancel the run and wait until it has ended. Raises as `wait`, and NotServed while the interpreter drains."""
        return await self._calls(self._run.cancel)

    def __repr__(self) -> str:
        return repr(self._run)
