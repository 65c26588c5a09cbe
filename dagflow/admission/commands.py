"""The commands of the admission machine: each one is a row to write; `Begin` also creates a run, and `Cancel` cancels one."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from dagflow.admission.requests import DropReason, Stage


@attrs.frozen
class Hold:
    """Keep the request: it may get a run later. `since`: as of `Held`."""

    id: str
    stage: Stage
    since: int = 0


@attrs.frozen
class Begin:
    """Create the run of the request."""

    id: str


@attrs.frozen
class Drop:
    """The request never gets a run."""

    id: str
    reason: DropReason


@attrs.frozen
class Supersede:
    """The request never gets a run, since a later one took its place."""

    id: str
    by: str


@attrs.frozen
class Claim:
    """The request has claimed its `once` key: until that instant, or for ever with None, no other one gets a run."""

    id: str
    key: str
    until: int | None


@attrs.frozen
class Accept:
    """The request counts for `rate` from this instant on, whatever becomes of it."""

    id: str


@attrs.frozen
class Cancel:
    """Cancel the run of the request; a repeated one changes nothing. The run's end comes as an event, as any other does."""

    id: str


Command: TypeAlias = Hold | Begin | Drop | Supersede | Claim | Accept | Cancel
