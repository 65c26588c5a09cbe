"""Bring a run that was read from the store up to the events that were handed out meanwhile."""

from __future__ import annotations

import trio

from dagflow.app.run_loader import Loader
from dagflow.drivers.local.driver import LocalDriver
from dagflow.drivers.local.loaded_run import LoadedRun


async def catch_up_with(driver: LocalDriver, loader: Loader, live: LoadedRun) -> None:
    """Deliver events to a run that is not driven yet, until none was handed out while the others were read.

    Raises:
        StoreError: the store failed.
        RunBlocked: the run cannot take them.
    """
    mailbox = live.progress.mailbox
    while live.progress.program.hears and mailbox.n_seen < (until := driver.delivery_offset):
        await trio.to_thread.run_sync(loader.catch_up, live)
        mailbox.n_seen = max(mailbox.n_seen, until)
