"""The rows of the service that starts runs: published flows, requests for runs, and the trigger offset."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import attrs

from dagflow.ids import FlowDigest, RunId

#: The stages of a request that has no run yet and may get one.
OPEN_STAGES = ("delayed", "debounced", "waiting")
#: The stages of a request that has a run, by whether that has ended.
RUNNING, ENDED = "running", "ended"
#: In place of the id of a run.
NO_RUN = RunId("")


@attrs.frozen(kw_only=True)
class RequestRow:
    """A request for a run. Instants are nanoseconds since 1970 UTC.

    Attributes:
        id: unique among the requests of its flow.
        digest: of the version that took it.
        at: when it arrived. not_before: the timestamp it is meant for, or 0.
        stage: a word of `admission.Stage`; the store itself turns `running` into `ended`, together with the end of the run.
        since: as of `admission.Held`.
        keys: those of the policies, a JSON array. priority: as of `admission.Request`.
        run: the run it has, or "".
        reason: why it was dropped, or which request took its place; else "".
        kind, name: what asked: the kind of the trigger, and the name of its event.
        event: the number of the event it came from, or 0.
        hops: how many flows started one another by events up to here.
        input: of the run, JSON; b"" once there is a run, which has it.
        claim: the `once` key that the request claims, and until when, None for ever. Only written, with the row.
    """

    flow: str
    id: str
    digest: FlowDigest
    at: int
    not_before: int = 0
    stage: str = attrs.field(converter=str)
    since: int = 0
    keys: bytes = b"[]"
    priority: int = 0
    run: RunId = NO_RUN
    reason: str = attrs.field(default="", converter=str)
    kind: str = "manual"
    name: str = ""
    event: int = 0
    hops: int = 0
    input: bytes = b""
    claim: tuple[str, int | None] | None = attrs.field(default=None, eq=False)


@attrs.frozen(kw_only=True)
class PublishedRow:
    """A version of a published flow.

    Attributes:
        number: of the flow's versions, from 1; the greatest is the one that takes triggers.
        state: `active`, `paused` or `retired`; that of the newest version counts for the flow.
        manifest: its events, webhooks, schedules, actions and secrets, JSON.
        text: its source.
    """

    flow: str
    number: int
    digest: FlowDigest
    state: str
    at: int
    author: str = ""
    comment: str = ""
    manifest: bytes = b"{}"
    text: str = ""


@attrs.frozen(kw_only=True)
class Looked:
    """The trigger offset: up to that event, and up to that timestamp."""

    event: int
    at: int


class ServiceStore(Protocol):
    """The part of a store that a service needs. Every method may raise `StoreError`."""

    def publish(self, row: PublishedRow, flow: bytes) -> None:
        """Keep a version, and its encoded flow. Raises WriteRefused if the flow has a version of that number."""
        ...

    def note_state(self, flow: str, state: str) -> None:
        """Keep the state of a published flow."""
        ...

    def published(self) -> list[PublishedRow]:
        """The newest version of every published flow, by name, without their texts."""
        ...

    def versions(self, flow: str) -> list[PublishedRow]:
        """All versions of a flow, the newest first."""
        ...

    def request(self, flow: str, request_id: str) -> RequestRow | None:
        """A request."""
        ...

    def requests(
        self, flow: str, *, stages: Collection[str] = (), limit: int = 100, before: tuple[int, str] | None = None
    ) -> list[RequestRow]:
        """Requests of a flow, the newest first by when they arrived and by their ids, older than `before`; those in `stages`, or all."""
        ...

    def unsettled_requests(self) -> list[RequestRow]:
        """Every request that is open or whose run has not ended, in the order of when they arrived and of their ids."""
        ...

    def begun_since(self, flow: str, since: int) -> list[RequestRow]:
        """The requests of a flow whose runs began after that instant."""
        ...

    def requested_after(self, number: int) -> list[RequestRow]:
        """The requests that came from events with greater numbers."""
        ...

    def claims(self, now: int) -> list[tuple[str, str, int | None]]:
        """The `once` keys that are claimed: flow, key, and until when."""
        ...

    def looked(self) -> Looked | None:
        """Return the trigger offset; None if there is none."""
        ...

    def note_requests(self, requested: Sequence[RequestRow], looked: Looked | None = None) -> None:
        """Store requests, in place of their rows so far, and the trigger offset; all or none."""
        ...
