"""Cancel runs, in memory or not."""

from __future__ import annotations

import logging
from typing import Final

import attrs
import trio

from dagflow.app.blocked_runs import BlockedRuns
from dagflow.app.recovery import Recovery
from dagflow.app.run_loader import UNDOING, Loader
from dagflow.drivers.local.driver import LocalDriver
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.ids import RunId
from dagflow.store.api import Store

_log: Final = logging.getLogger("dagflow.interpreter")


@attrs.frozen(eq=False)
class Cancelling:
    """Cancels the runs of an interpreter."""

    _store: Store
    _driver: LocalDriver
    _loader: Loader
    _recovery: Recovery
    _blocked: BlockedRuns

    def soon(self, run: RunId) -> None:
        """Cancel a run, without waiting for anything. A run that cannot be cancelled goes on, and the log says why."""
        self._driver.suspension.spawn(self._cancel_beside, run)

    async def _cancel_beside(self, run: RunId) -> None:
        if self._driver.is_draining:
            return  # the next interpreter is asked again
        try:
            live = self._driver.loaded_runs.get(run) or await self.load_cancelled(run)
            if live is not None and not live.has_ended.is_set():
                self._driver.cancel(live)
        except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
            _log.warning("run %s cannot be cancelled: %s", run, error, extra={"run": run})

    async def load_cancelled(self, run: RunId) -> LoadedRun | None:
        """Load a suspended or blocked run, cancelled before it can start anything; None if there is none or it has ended.

        A run that something else has loaded meanwhile is not cancelled.

        Raises:
            UsageError: the catalog lacks an action that undoes.
            StoreError, RunBlocked: the run cannot be read.
        """
        driver = self._driver
        live = self._recovery.take_out(run) or driver.suspension.find(run)
        if live is None:
            row = await trio.to_thread.run_sync(self._store.run, run)
            if row is None or row.status.is_terminal:
                return None
            with driver.suspension.reading() as changed:
                read = await trio.to_thread.run_sync(self._loader.load_caught_up, row)
            if run in changed:
                # Another task was first, and the read state is out of date.
                return driver.loaded_runs.get(run) or await self.load_cancelled(run)
            live = driver.loaded_runs.get(run) or self._recovery.waiting.get(run) or driver.suspension.find(run) or read
            self._loader.check_actions(live.progress.program, UNDOING)
        live.progress.cancel(driver.now(live))
        # At once: from here on, every lookup of the run returns this one.
        driver.take(live)
        self._blocked.problems.pop(run, None)
        await trio.to_thread.run_sync(self._blocked.clear, [run])
        return live
