"""The service's answers about published flows and requests."""

from __future__ import annotations

import attrs

from dagflow.admission.requests import Stage
from dagflow.ids import FlowDigest, RunId
from dagflow.store.service_rows import NO_RUN


@attrs.frozen(kw_only=True)
class Manifest:
    """The events, webhooks, schedules, actions and secrets of a flow.

    Attributes:
        events: the events that start it, that it waits for, or that cancel it. emits: the events it emits.
        webhooks: names. crons: schedules, each with its zone.
        actions, secrets: names, with those of the flows it calls.
        hosts: the servers its calls name; `*` if one is known only when the flow runs.
    """

    events: tuple[str, ...] = ()
    emits: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    crons: tuple[tuple[str, str], ...] = ()
    actions: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Version:
    """A version of a published flow.

    Attributes:
        number: of the flow's versions, from 1; the newest one takes new requests.
        state: of the flow: `active`, `paused` or `retired`; `damaged` where the store lost it.
        published_at: nanoseconds since 1970 UTC.
        problem: why no run of it can begin here, or "".
    """

    flow: str
    number: int
    digest: FlowDigest
    state: str
    published_at: int
    author: str
    comment: str
    manifest: Manifest
    text: str = attrs.field(default="", repr=False, eq=False)
    problem: str = ""


@attrs.frozen(kw_only=True)
class DueSchedule:
    """A schedule of a published flow.

    Attributes:
        cron, zone: as the flow has them. state: of the flow, as of `Version`.
        due_at: when its next slot is due, nanoseconds since 1970 UTC; None if there is none any more, or the flow is retired.
    """

    flow: str
    cron: str
    zone: str
    state: str
    due_at: int | None


@attrs.frozen
class FeedPlace:
    """A place in the changes of runs: `feed` tells one process from the next, `number` counts its changes."""

    feed: str
    number: int


@attrs.frozen(kw_only=True)
class RunChange:
    """A commit of a run.

    Attributes:
        number: of the change.
        status: of the run since then. parent: the run it is a part of, or "". n_events: the length of its history since then.
    """

    number: int
    run: RunId
    flow: str
    status: str
    parent: str
    n_events: int


@attrs.frozen(kw_only=True)
class Changes:
    """Changes of the runs of a tenant, in order.

    Attributes:
        place: where to go on.
        is_whole: whether nothing is missing before them; if False, read the runs from the store.
    """

    place: FeedPlace
    changes: tuple[RunChange, ...] = ()
    is_whole: bool = True


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of one request for a run.

    Attributes:
        id: of the request; unique among those of its flow.
        run: the run it has, or "".
        reason: why it was dropped, or the request that took its place; else "".
    """

    flow: str
    id: str
    stage: Stage
    run: RunId = NO_RUN
    reason: str = ""


@attrs.frozen(kw_only=True)
class Delivery:
    """The outcome of an event, once it is in the store.

    Attributes:
        event_id: the id under which the event is stored.
        is_duplicate: an event of this id was there already, and this one did nothing.
        n_waits: runs that took it, or keep it for a wait they have not reached.
        outcomes: for each flow that it asked for a run, in the order of the flows' names.
        answer: the response that the sender of a webhook expects, or "".
    """

    event_id: str
    is_duplicate: bool = False
    n_waits: int = 0
    outcomes: tuple[Outcome, ...] = ()
    answer: str = ""

    @property
    def runs(self) -> tuple[RunId, ...]:
        """The runs that it started."""
        return tuple(each.run for each in self.outcomes if each.run)

    @property
    def queued(self) -> tuple[Outcome, ...]:
        """What may get a run later."""
        return tuple(each for each in self.outcomes if each.stage.is_open)

    @property
    def dropped(self) -> tuple[Outcome, ...]:
        """What never gets a run."""
        return tuple(each for each in self.outcomes if each.stage in (Stage.DROPPED, Stage.SUPERSEDED))
