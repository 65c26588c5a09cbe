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
        flow: its name; tenant: of the flow.
        id: unique among the requests of its flow.
        digest: of the version that took it.
        at: when it arrived. not_before: the timestamp it is meant for, or 0.
        stage: a word of `admission.Stage`; the store itself turns `running` into `ended`, together with the end of the run.
        since: as of `admission.Held`.
        keys: those of the policies, a JSON array. priority: as of `admission.Request`.
        accepted_at: when `rate` accepted it, or 0.
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
    accepted_at: int = 0
    run: RunId = NO_RUN
    reason: str = attrs.field(default="", converter=str)
    kind: str = "manual"
    name: str = ""
    event: int = 0
    hops: int = 0
    input: bytes = b""
    tenant: str = ""
    claim: tuple[str, int | None] | None = attrs.field(default=None, eq=False)


@attrs.frozen(kw_only=True)
class PublishedRow:
    """A version of a published flow.

    Attributes:
        flow: its name, unique among the flows of `tenant`.
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
    tenant: str = ""


@attrs.frozen
class ListenerRow:
    """An event that starts runs of a published flow, so that the event finds the flow.

    Attributes:
        event: its name.
        path: where in the payload the value is that a trigger compares, as a JSON array of names; or "".
        key: the required value there, see `model.keys`; or "". With both empty every event of that name is checked.
    """

    event: str
    flow: str
    path: str = ""
    key: str = ""
    tenant: str = ""


@attrs.frozen
class ScheduleRow:
    """When the next slot of a published flow is due. `due_at`: None if it has none any more; such rows are only written."""

    flow: str
    due_at: int | None
    tenant: str = ""


@attrs.frozen(kw_only=True)
class Looked:
    """The trigger offset: up to which event triggers have been looked at, and the schedules that have moved on."""

    event: int
    schedules: tuple[ScheduleRow, ...] = ()


class ServiceStore(Protocol):
    """The part of a store that a service needs. Every method may raise `StoreError`."""

    def publish(
        self, row: PublishedRow, flow: bytes, listeners: Collection[ListenerRow] = (), due_at: int | None = None
    ) -> None:
        """Keep a version and its encoded flow, and when its schedules are due next; its listeners replace those of the flow so far.

        Raises WriteRefused if the flow has a version of that number.
        """
        ...

    def note_state(self, tenant: str, flow: str, state: str) -> None:
        """Keep the state of a published flow."""
        ...

    def newest(self, tenant: str, flow: str) -> PublishedRow | None:
        """The newest version of a published flow, without its text."""
        ...

    def published(self, tenant: str) -> list[PublishedRow]:
        """The newest version of every published flow of a tenant, by name, without their texts."""
        ...

    def versions(self, tenant: str, flow: str) -> list[PublishedRow]:
        """All versions of a flow, the newest first."""
        ...

    def listeners(self, tenant: str, event: str) -> list[ListenerRow]:
        """The listeners for events of that name, in any order."""
        ...

    def schedules(self, *, after: tuple[int, str, str], limit: int = 100) -> list[ScheduleRow]:
        """Schedules of all tenants in the order of when they are due, of tenant and of flow, behind that."""
        ...

    def request(self, tenant: str, flow: str, request_id: str) -> RequestRow | None:
        """A request."""
        ...

    def requests(
        self,
        tenant: str,
        flow: str,
        *,
        stages: Collection[str] = (),
        limit: int = 100,
        before: tuple[int, int, str] | None = None,
    ) -> list[RequestRow]:
        """Requests of a flow, the newest first: by arrival, number of the event, and id. Only those older than `before` and in `stages`."""
        ...

    def unsettled_requests(self) -> list[RequestRow]:
        """Every request of any tenant that is open or whose run has not ended, by arrival, number of the event, and id."""
        ...

    def begun_since(self, tenant: str, flow: str, since: int) -> list[RequestRow]:
        """The requests of a flow whose runs began after that instant."""
        ...

    def accepted_since(self, tenant: str, flow: str, since: int) -> list[RequestRow]:
        """The requests of a flow that `rate` accepted after that instant, in the order of these instants and of their ids."""
        ...

    def requested_after(self, number: int) -> list[RequestRow]:
        """The requests of any tenant that came from events with greater numbers."""
        ...

    def claims(self, tenant: str, flow: str, now: int) -> list[tuple[str, int | None]]:
        """The `once` keys of a flow that are claimed, in order, and until when."""
        ...

    def looked(self) -> Looked | None:
        """Return the trigger offset, without schedules; None if there is none."""
        ...

    def note_requests(self, requested: Sequence[RequestRow], looked: Looked | None = None) -> None:
        """Store requests, in place of their rows so far, and the trigger offset; all or none."""
        ...
