"""What a driver asks of whoever calls actions."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import trio

from dagflow.actions.calling import RunInThread
from dagflow.actions.direct import Direct
from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.ids import RunId
from dagflow.model.types import Type


class Performer(Protocol):
    """Calls actions."""

    def direct(self, action: str, arguments: Mapping[str, Type], result: Type) -> Direct | None:
        """The short way to an action, for arguments and a result of exactly these types; None if it has to be `perform`."""
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


def threads(limit: int) -> RunInThread:
    """Runs blocking functions of actions, at most `limit` at once. One whose attempt is cancelled is left behind in its thread."""
    limiter = trio.CapacityLimiter(limit)

    def run_in_thread(function: Callable[[], object], /) -> Awaitable[object]:
        return trio.to_thread.run_sync(function, abandon_on_cancel=True, limiter=limiter)

    return run_in_thread


def effect_key(run: RunId, node: str) -> str:
    """What an action gives its peer to recognise a repetition: the same for all attempts, and for no other node or run."""
    return hashlib.sha256(f"{run}/{node}".encode()).hexdigest()[:32]


def timed_out() -> ActionFailed:
    """The failure of an attempt that was stopped because its time was up."""
    return ActionFailed("timeout", "the attempt did not end in time")
