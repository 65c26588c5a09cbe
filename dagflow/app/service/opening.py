"""Open a service: load its store, then handle the events that came while no service ran."""

from __future__ import annotations

from functools import partial
from typing import Final

import trio

from dagflow.app.service.routing import Router
from dagflow.drivers.local.time_slice import in_turns
from dagflow.store.api import Store
from dagflow.store.service_rows import Looked

#: Events read in one go.
_PAGE: Final = 500


async def catch_up(router: Router, store: Store) -> None:
    """Load the store, then handle the events since, in order. Raises StoreError."""
    gates = router.gates
    driver = gates.driver
    looked, rows = await trio.to_thread.run_sync(lambda: (store.looked(), store.unsettled_requests()))
    if looked is None:
        looked = Looked(event=driver.delivery_offset)
        await trio.to_thread.run_sync(store.note_requests, (), looked)
    router.n_looked = router.n_noted = looked.event
    again = await trio.to_thread.run_sync(store.requested_after, looked.event)
    router.known = {(row.tenant, row.flow, row.id) for row in again}
    gates.restore(rows, router.ended_early)
    router.crons.open()
    router.is_open = True
    while missed := await trio.to_thread.run_sync(partial(store.events, after=router.n_looked, limit=_PAGE)):
        before = router.n_looked
        for event in missed:
            await in_turns(router.consider(event, None))
        if router.n_looked == before:
            break
    while router.early:
        event, sending = router.early.popleft()
        await in_turns(router.consider(event, None if sending is None else sending.decisions))
    router.is_caught_up = True
    router.known.clear()
    driver.look_again()
