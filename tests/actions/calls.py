"""Calling actions as a driver does."""

from __future__ import annotations

from functools import partial

import trio

from dagflow.actions import Catalog, Invocation
from dagflow.actions.performer import RunInThread

in_thread: RunInThread = partial(trio.to_thread.run_sync, abandon_on_cancel=True)
KEY = "0123456789abcdef0123456789abcdef"


async def call(catalog: Catalog, action: str, **arguments: object) -> object:
    invocation = Invocation(action=action, arguments=arguments, effect_key=KEY, attempt=1, run="r" * 32, node="step")
    return await catalog.performer(in_thread).perform(invocation)
