"""The JSON of requests and answers; the types that the command line prints too are in `dagflow.app.documents`."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from dagflow.app.documents.types import (
    ActionDocument,
    DeliveryDocument,
    Json,
    RequestDocument,
    RunRowDocument,
    VersionDocument,
)
from dagflow.web.problems import ProblemDocument


class StatusDocument(TypedDict):
    """Whether the application answers."""

    status: str


# ---- flows


class PublishBody(TypedDict):
    """A text to publish. `name`: of the flow, where the text has several. `author`, `comment`: kept with the version."""

    text: str
    name: NotRequired[str | None]
    author: NotRequired[str]
    comment: NotRequired[str]


class TextVersionDocument(VersionDocument):
    """A version of a flow with its text."""

    text: str


class FlowsDocument(TypedDict):
    """The newest version of each published flow."""

    flows: list[VersionDocument]


class VersionsDocument(TypedDict):
    """The versions of a flow, the newest first."""

    versions: list[TextVersionDocument]


class DiffDocument(TypedDict):
    """The difference between two versions. `gained`, `lost`: entries of the manifest, by its field."""

    flow: str
    before: int
    after: int
    text: str
    added: list[str]
    removed: list[str]
    changed: dict[str, str]
    gained: dict[str, list[str]]
    lost: dict[str, list[str]]


class ScheduleDocument(TypedDict):
    """A schedule of a flow, and when it is due next."""

    flow: str
    cron: str
    zone: str
    state: str
    due_at: str | None


class SchedulesDocument(TypedDict):
    """The schedules of the published flows."""

    schedules: list[ScheduleDocument]


class StartBody(TypedDict):
    """A start. `id`: a second start of this id is the first one. `at`: when to start, RFC 3339."""

    input: NotRequired[Json]
    id: NotRequired[str | None]
    at: NotRequired[str | None]


class CancelledDocument(TypedDict):
    """How many runs and requests of a flow were cancelled."""

    cancelled: int


class KeptRequestDocument(RequestDocument):
    """A request for a run. `kind`, `name`: what asked for it. `not_before`: the instant it waits for."""

    kind: str
    name: str
    at: str | None
    not_before: str | None
    priority: int


class RequestsDocument(TypedDict):
    """Requests of a flow, the newest first. `next`: the cursor of the next page, or null."""

    requests: list[KeptRequestDocument]
    next: str | None


# ---- events


class EventBody(TypedDict):
    """An event. `id`: a second event of this id does nothing. `payload`: {} if it is not there."""

    name: str
    payload: NotRequired[Json]
    id: NotRequired[str | None]


class EventResultDocument(TypedDict):
    """The result of one event of a batch: what it did, or why it was refused."""

    delivery: DeliveryDocument | None
    problem: ProblemDocument | None


class EventResultsDocument(TypedDict):
    """The results of a batch, in its order."""

    results: list[EventResultDocument]


class ChallengeDocument(TypedDict):
    """The answer that the sender of a webhook asked for."""

    challenge: str


# ---- runs


class RunsDocument(TypedDict):
    """Runs, the newest first. `next`: the cursor of the next page, or null; a page may have fewer runs than asked for."""

    runs: list[RunRowDocument]
    next: str | None


class RecordDocument(TypedDict):
    """An event of a run's history. `number`: its position, from 0."""

    number: int
    kind: str
    at: str | None
    node: str | None
    attempt: int
    payload: Json


class HistoryDocument(TypedDict):
    """The history of a run, or its part after a number."""

    run: str
    events: list[RecordDocument]


class RerunBody(TypedDict):
    """`id`: a second rerun of this id is the first one. `from_step`: the step to begin with; what does not depend on it keeps its result."""

    id: NotRequired[str | None]
    from_step: NotRequired[str | None]


class DeletedDocument(TypedDict):
    """The id of a run that is there no more."""

    deleted: str


class RetryBody(TypedDict):
    """`steps`: ids of steps to repeat although their outcome is unknown."""

    steps: NotRequired[list[str]]


class SkipBody(TypedDict):
    """`step`: its id. `result`: of the step's type; missing for a wait for time."""

    step: str
    result: NotRequired[Json]


class ChangeDocument(TypedDict):
    """A run that has changed. `events`: the length of its history since then."""

    run: str
    flow: str
    status: str
    parent: str | None
    events: int


class WaitDocument(TypedDict):
    """A step of a run that waits. `event`: what it waits for, or null. `due_at`: until when, or null."""

    run: str
    flow: str
    step: str
    label: str
    event: str | None
    since: str | None
    due_at: str | None


class WaitsDocument(TypedDict):
    """Steps that wait. `next`: the cursor of the next page, or null."""

    waits: list[WaitDocument]
    next: str | None


# ---- the host


class ActionsDocument(TypedDict):
    """The actions that flows can call."""

    actions: list[ActionDocument]
