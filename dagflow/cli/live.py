"""Find the process that drives the runs of a store, for commands that ask it instead of opening the store themselves."""

from __future__ import annotations

import attrs

from dagflow.client import Client
from dagflow.errors import NotServed


@attrs.frozen
class LiveProcess:
    """A process that drives the runs of a store. `number`: its id."""

    client: Client
    number: int


def live_process(store: str, tenant: str = "") -> LiveProcess | None:
    """Return the process that drives the runs of a store; None if there is none, or if it answers no calls."""
    client = Client(store, tenant=tenant)
    try:
        return LiveProcess(client, client.ping())
    except NotServed:
        return None
