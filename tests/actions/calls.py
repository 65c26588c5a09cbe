"""Calling actions as a driver does."""

from __future__ import annotations

from dagflow.actions import Catalog, Invocation
from dagflow.drivers.local.runners import Runners

KEY = "0123456789abcdef0123456789abcdef"


async def call(catalog: Catalog, action: str, **arguments: object) -> object:
    invocation = Invocation(action=action, arguments=arguments, effect_key=KEY, attempt=1, run="r" * 32, node="step")
    return await catalog.performer(Runners(64)).perform(invocation)
