"""Calls of clients that are kept as rows of the store until the process that drives it has answered them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

import attrs

from dagflow.errors import NotServed


class Untaken(NotServed):
    """No process was there to take the call, so it has not happened and will not."""


class Unanswered(NotServed):
    """The answer to a call did not come in time; the call may still happen."""


@attrs.frozen(kw_only=True)
class AskedCall:
    """A call in the inbox.

    Attributes:
        id: of the call; at most one answer is written for it.
        tenant, name: whose call it is, and of what.
        arguments: a JSON object.
        is_repeated: a former driver took it, and stopped before it answered.
        is_awaited: a client waits for the answer; otherwise the call came in a transaction of its own.
    """

    id: str
    tenant: str
    name: str
    arguments: str
    is_repeated: bool
    is_awaited: bool


class Inbox(Protocol):
    """The driver's side. `take` and `clean` are called by one thread at a time, and so is `answer`; each may raise StoreError."""

    def take(self) -> Sequence[AskedCall]:
        """Take some calls that this driver has not taken yet, the oldest first; none if another process drives the store."""
        ...

    def readable(self) -> int | None:
        """Return the descriptor that is readable once more calls may be there; None: they may be there now."""
        ...

    def answer(self, answers: Sequence[tuple[str, bytes]]) -> None:
        """Remove calls, and leave their answers for those that wait for them. Does nothing if another process drives the store."""
        ...

    def clean(self, open_calls: Collection[str]) -> Collection[str]:
        """Remove calls and answers whose client is gone; return those of the open calls that are still there."""
        ...

    def close(self) -> None:
        """Use the store no more."""
        ...


@runtime_checkable
class HasInbox(Protocol):
    """A store in which clients leave their calls."""

    def open_inbox(self) -> Inbox:
        """Return the inbox, which connects when it is first used."""
        ...
