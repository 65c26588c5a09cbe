"""A handle on one run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import attrs

from dagflow.drivers.local.driver import LocalDriver
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.errors import NotServed
from dagflow.execution.results import RunResult, result_of
from dagflow.ids import RunId


@attrs.define(eq=False, repr=False)
class Run:
    """A run of an open interpreter."""

    _live: LoadedRun
    _driver: LocalDriver

    @property
    def id(self) -> RunId:
        """Its id, which sorts by the time of its creation."""
        return self._live.run

    @property
    def flow(self) -> str:
        """The name of its flow."""
        return self._live.progress.program.flow.name

    def result(self) -> RunResult:
        """Return its current state; after a crash, uncommitted parts of it may turn out differently."""
        return result_of(self._live.progress)

    async def wait(self) -> RunResult:
        """Wait until it has ended and the end is in the store.

        Raises:
            StoreError: the store failed; open the interpreter again to read the true state.
            UsageError: the interpreter was closed first.
        """
        return await self._live.wait_ended()

    def watch(self) -> AsyncIterator[RunResult]:
        """How it stands: now, after every commit, and at its end, which is the last. Raises as `wait`."""
        return self._live.watch()

    async def cancel(self) -> RunResult:
        """Cancel it: its steps are stopped, nothing else starts, no handler runs. A run that has ended stays as it is.

        Raises as `wait`, and NotServed while the interpreter drains: what undoes the run could not begin.
        """
        if not self._live.has_ended.is_set():
            refuse_to_cancel(self._driver)
            self._driver.cancel(self._live)
        return await self.wait()

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.flow!r}>"


@attrs.define(eq=False)
class Watched:
    """An iterator over the states of a run, found at the first use. It is no generator, so leaving it early needs no cleanup."""

    _find: Callable[[], Awaitable[Run]]
    _watch: AsyncIterator[RunResult] | None = None

    def __aiter__(self) -> Watched:
        return self

    async def __anext__(self) -> RunResult:
        if self._watch is None:
            self._watch = (await self._find()).watch()
        return await anext(self._watch)


def refuse_to_cancel(driver: LocalDriver) -> None:
    """Raises NotServed: the interpreter is draining, so the run would not end before it is closed."""
    if driver.is_draining:
        raise NotServed("the interpreter is draining and begins nothing; cancel the run where another interpreter is open")
