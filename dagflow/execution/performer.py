"""The interface through which a driver calls actions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Protocol

from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.actions.fast_path import FastAction
from dagflow.ids import RunId
from dagflow.model.types import Type


class Performer(Protocol):
    """Calls actions."""

    def direct(self, action: str, arguments: Mapping[str, Type], result: Type) -> FastAction | None:
        """The fast path to an action, for arguments of these types and a result of exactly that one; None if it has to be `perform`."""
        ...

    def destination(self, action: str, arguments: Mapping[str, object]) -> str:
        """Where a call goes, as far as retries have to be counted together."""
        ...

    async def perform(self, invocation: Invocation) -> object:
        """Call the action and return its result in stored form.

        It may be cancelled at any checkpoint of trio. Blocking calls belong in a thread; that is the performer's business.

        Raises:
            ActionFailed: the action failed, in whatever way.
        """
        ...


def effect_key(run: RunId, node: str, renewed: int = 0) -> str:
    """Return the idempotency key: the same for all attempts, and for no other node or run.

    `renewed`: for a step of the flow's `on error` that runs again, the number of the retry of its run; its effect is another one.
    """
    return hashlib.sha256(renewed_name(f"{run}/{node}", renewed).encode()).hexdigest()[:32]


def renewed_name(name: str, renewed: int) -> str:
    """Return a name for what a step does: an effect, an event, a run. It is another one for each retry that runs the step as new."""
    return f"{name}~{renewed}" if renewed else name


def timed_out() -> ActionFailed:
    """The failure of an attempt that was stopped because its time was up."""
    return ActionFailed("the attempt did not end in time", "timeout")
