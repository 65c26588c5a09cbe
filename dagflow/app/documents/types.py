"""The JSON documents about flows, runs and requests, which the command line and the web application share. Timestamps are RFC 3339 in UTC."""

from __future__ import annotations

from typing import Annotated, TypedDict

from dagflow.admission.requests import Stage
from dagflow.model.action import Effect
from dagflow.model.flow import NodeKind
from dagflow.model.status import NodeStatus, PruneReason, RunStatus

#: A value of a flow: any JSON.
Json = object


# ---- actions


class ParamDocument(TypedDict):
    """A parameter of an action."""

    name: str
    type: str
    required: bool


class ActionDocument(TypedDict):
    """An action that flows can call."""

    name: str
    params: list[ParamDocument]
    result: str
    effect: Annotated[str, Effect]
    doc: str


# ---- runs


class FailureDocument(TypedDict):
    """The failure of a step; `node` is empty for a failure of the run itself."""

    node: str
    code: str
    message: str
    attempt: int
    traceback: str


class NodeFailureDocument(TypedDict):
    """The last failure of a step."""

    code: str
    message: str


class ItemsDocument(TypedDict):
    """The progress of a loop, in items."""

    total: int
    begun: int
    succeeded: int
    unsuccessful: int


class PlannedStepDocument(TypedDict):
    """A step in the plan of a rerun. `why`: the end of a sentence about it."""

    step: str
    why: str


class RerunPlanDocument(TypedDict):
    """The steps that a rerun from a step keeps, and the steps that run again if they are reached."""

    flow: str
    run: str
    from_step: str
    kept: list[PlannedStepDocument]
    again: list[PlannedStepDocument]


class NodeDocument(TypedDict):
    """One step of a run."""

    id: str
    label: str
    kind: Annotated[str, NodeKind]
    status: Annotated[str, NodeStatus]
    reason: Annotated[str, PruneReason] | None
    attempts: int
    started_at: str | None
    ended_at: str | None
    due_at: str | None
    outcome: str | None
    items: ItemsDocument | None
    skipped_by: str | None
    kept_from: str | None
    output: Json
    failure: NodeFailureDocument | None


class RunDocument(TypedDict):
    """A run with all its steps."""

    run: str
    flow: str
    status: Annotated[str, RunStatus]
    reason: str | None
    output: Json
    started_at: str | None
    ended_at: str | None
    nodes: list[NodeDocument]
    failures: list[FailureDocument]


class ShownRunDocument(RunDocument):
    """A run of a store. `blocked`: why it cannot resume."""

    blocked: str | None


class RunRowDocument(TypedDict):
    """A line of the list of runs. `blocked`: why it cannot resume; `quarantined`: because it seems to crash the process."""

    run: str
    flow: str
    status: Annotated[str, RunStatus]
    quarantined: bool
    blocked: str | None
    started_at: str | None
    ended_at: str | None
    due_at: str | None
    digest: str
    parent: str | None


class RequestDocument(TypedDict):
    """A request for a run of a published flow, and its stage. `run`: the run it has; `reason`: why it was dropped."""

    flow: str
    id: str
    stage: Annotated[str, Stage]
    run: str | None
    reason: str | None


class DeliveryDocument(TypedDict):
    """An event and its outcome."""

    event: str
    duplicate: bool
    waits: int
    requests: list[RequestDocument]


class ManifestDocument(TypedDict):
    """The capabilities of a published flow. `crons`: each with its zone."""

    events: list[str]
    emits: list[str]
    webhooks: list[str]
    crons: list[list[str]]
    actions: list[str]
    secrets: list[str]


class VersionDocument(TypedDict):
    """A version of a published flow. `problem`: why it begins no runs here."""

    flow: str
    version: int
    digest: str
    state: str
    problem: str | None
    published_at: str | None
    author: str
    comment: str
    manifest: ManifestDocument


# ---- why, dry-run


class ConditionDocument(TypedDict):
    """A condition around a step. The step runs if `outcome` is `wanted`; `values`: those it read, by their text."""

    line: int
    text: str
    outcome: str | None
    wanted: str
    values: dict[str, Json]


class ReasonDocument(TypedDict):
    """Why a step ran or did not run."""

    step: str
    status: Annotated[str, NodeStatus]
    because: str
    line: int
    text: str
    conditions: list[ConditionDocument]


class DryStepDocument(TypedDict):
    """A step that would run. `sample`: its result is a sample value; `child_run`: of which child run it is a step."""

    at: str
    child_run: str | None
    step: str
    label: str
    line: int
    calls: str | None
    input: dict[str, Json] | None
    status: Annotated[str, NodeStatus]
    outcome: str | None
    sample: bool


class DryFailureDocument(TypedDict):
    """A failure that a run would have."""

    step: str
    code: str
    message: str


class DryRunDocument(TypedDict):
    """The steps that would run, and why the others would not."""

    status: Annotated[str, RunStatus]
    output: Json
    elapsed: str
    steps: list[DryStepDocument]
    pruned: list[ReasonDocument]
    failures: list[DryFailureDocument]
