"""The events that the admission machine of a flow takes. Instants are nanoseconds since 1970 UTC, and never decrease."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from dagflow.admission.requests import Request


@attrs.frozen
class Arrived:
    """A request came in; no request with its id has come before."""

    at: int
    request: Request


@attrs.frozen
class RunEnded:
    """The run of a request has ended."""

    at: int
    id: str


@attrs.frozen
class Withdrawn:
    """A request that has no run yet is no longer wanted."""

    at: int
    id: str


@attrs.frozen
class Ticked:
    """Time has passed."""

    at: int


@attrs.frozen
class Paused:
    """From now on no run begins."""

    at: int


@attrs.frozen
class Resumed:
    """Runs may begin again."""

    at: int


Event: TypeAlias = Arrived | RunEnded | Withdrawn | Ticked | Paused | Resumed
