"""Statistics of a driver: the work under way, and the work that blocks the event loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs
import trio

from dagflow.clock import stopwatch
from dagflow.drivers.local import run_logger
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.drivers.local.observing import Observing
from dagflow.drivers.local.threads import Threads
from dagflow.ids import RunId

#: An event loop that does not come round for so long is worth a word.
TOO_LONG_NS: Final = 500_000_000
_MOST_NAMES: Final = 10


@attrs.frozen(kw_only=True)
class Statistics:
    """How an interpreter is, at one moment.

    Attributes:
        calls_under_way: attempts whose action is being called.
        threads_in_use: plain functions under way that an attempt waits for.
        threads_abandoned: plain functions that go on although their attempt was stopped.
        threads_limit: plain functions that can be under way at once, beside as many that were abandoned.
        longest_block_seconds: for which the event loop did nothing else, since the interpreter was opened.
        runs_in_memory: runs that are driven now, items of loops and called flows among them.
        runs_suspended: runs that only wait, in the store.
    """

    calls_under_way: int
    threads_in_use: int
    threads_abandoned: int
    threads_limit: int
    longest_block_seconds: float
    runs_in_memory: int
    runs_suspended: int


@attrs.define(eq=False)
class LoopWatch(trio.abc.Instrument):
    """Watches the event loop between two looks for news, which costs once for all tasks that ran meanwhile.

    Attributes:
        threads: where plain functions run.
        lives: the runs in hand.
    """

    threads: Threads
    loaded_runs: Mapping[RunId, LoadedRun] = attrs.field(factory=dict[RunId, LoadedRun])
    observing: Observing = attrs.field(factory=Observing)
    longest_ns: int = 0
    _since: int | None = None

    async def watch(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch until cancelled."""
        trio.lowlevel.add_instrument(self)
        self._since = stopwatch()
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            trio.lowlevel.remove_instrument(self)

    def after_io_wait(self, timeout: float) -> None:  # noqa: ARG002 - as trio calls it
        """The loop begins to run tasks."""
        self._since = stopwatch()

    def before_io_wait(self, timeout: float) -> None:  # noqa: ARG002 - as trio calls it
        """The loop has run the tasks that could run."""
        if self._since is None:
            return
        taken = stopwatch() - self._since
        self.longest_ns = max(self.longest_ns, taken)
        self.observing.loop_blocked(taken)
        if taken > TOO_LONG_NS:
            run_logger.loop_was_blocked(taken / 1e9, sorted(set(self._actions()))[:_MOST_NAMES])

    def statistics(self, n_suspended: int) -> Statistics:
        """How it is now."""
        return Statistics(
            calls_under_way=sum(1 for _ in self._actions()),
            threads_in_use=self.threads.n_in_use,
            threads_abandoned=self.threads.n_abandoned,
            threads_limit=self.threads.limit,
            longest_block_seconds=self.longest_ns / 1e9,
            runs_in_memory=len(self.loaded_runs),
            runs_suspended=n_suspended,
        )

    def _actions(self) -> Iterator[str]:
        """The actions that are being called, once for each call."""
        for live in self.loaded_runs.values():
            codes = live.progress.program.codes
            for node, call in live.calls.items():
                if call.worker is not None:
                    yield codes[node].node.action
