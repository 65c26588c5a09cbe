"""The JSON that commands print with `--json`. Programs rely on every name here; timestamps are RFC 3339 in UTC.

`dagflow schema --json-of COMMAND` prints the JSON Schema that `dagflow.cli.output.document_schema` makes of these types.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from dagflow.app.documents.types import (
    ActionDocument,
    DeliveryDocument,
    DryRunDocument,
    Json,
    ReasonDocument,
    RequestDocument,
    RerunPlanDocument,
    RunDocument,
    RunRowDocument,
    ShownRunDocument,
    VersionDocument,
)
from dagflow.lang.diagnostics import JsonDiagnostic
from dagflow.model.status import RunStatus
from dagflow.pictures.chart import JsonGraph

ErrorKind = Literal["usage", "flow", "expression", "store", "bug"]


class ErrorDetail(TypedDict):
    """Why a command has no result. `codes`: those of all diagnostics of a flow; `dagflow check --json` has their places."""

    kind: ErrorKind
    message: str
    exit_code: int
    codes: list[str]


class ErrorDocument(TypedDict):
    """The document of a command that has no result."""

    error: ErrorDetail


# ---- check


class ShareDocument(TypedDict):
    """A part of an upper bound: the count of a loop or a call, times the bound of one."""

    node: str
    count: int
    each: int


class TotalDocument(TypedDict):
    """An upper bound, and the parts it is the sum of."""

    at_most: int
    own: int
    shares: list[ShareDocument]


class BoundsDocument(TypedDict):
    """The upper bounds for a run of one flow."""

    flow: str
    file: str
    steps: TotalDocument
    parallel: int
    duration_ns: int
    waiting_ns: int
    calls_without_limit: int
    runs_started: TotalDocument
    events_sent: TotalDocument
    expression_cost: TotalDocument


class DueDocument(TypedDict):
    """The next five slots of a schedule, as local times with their offsets."""

    file: str
    flow: str
    schedule: str
    zone: str
    due: list[str]


class CheckDocument(TypedDict):
    """All diagnostics of all files. `bounds`: with `--bounds`; `due`: with `--due`; `text`: of standard input, with `--fix -`."""

    diagnostics: list[JsonDiagnostic]
    bounds: NotRequired[list[BoundsDocument]]
    due: NotRequired[list[DueDocument]]
    text: NotRequired[str]


# ---- explain, eval


class ExplanationDocument(TypedDict):
    """The page about a code; `wrong` and `right` are whole files, or empty."""

    code: str
    severity: Literal["error", "warning", "note"]
    title: str
    rule: str
    wrong: str
    right: str


class EvaluationDocument(TypedDict):
    """The value of an expression, and the values it read, by their text."""

    value: Json
    type: str
    cost: int
    parts: dict[str, Json]


class KeyDocument(TypedDict):
    """An API key without its content. `flows`: the only ones it may see and use, or null."""

    id: str
    tenant: str
    role: str
    flows: list[str] | None
    comment: str
    created_at: str | None


class SendDocument(DeliveryDocument):
    """An event that a command sent.

    `process`: the process that drives the runs and took the event. Without one the command drives them, and `runs` are those that got
    further.
    """

    process: int | None
    runs: list[RunDocument]


class CancelDocument(TypedDict):
    """The run that was to be cancelled, and its status now."""

    run: str
    status: Annotated[str, RunStatus]


# ---- test


class UnmetDocument(TypedDict):
    """An expectation that does not hold, and the values it read."""

    line: int
    expected: str
    got: dict[str, str]
    error: str | None
    after_crash_at: int | None


class TestDocument(TypedDict):
    """A test that ran. `crashes`: with `--chaos`, the crashes tried; `overtaken`: those that change what comes first."""

    file: str
    flow: str
    name: str
    line: int
    passed: bool
    took_ms: float
    crashes: int
    overtaken: int
    status: Annotated[str, RunStatus] | None
    error: str | None
    unmet: list[UnmetDocument]
    timeline: list[str]


class ReachedDocument(TypedDict):
    """How many goals of a kind tests reach, and how many there are."""

    reached: int
    all: int


class GoalDocument(TypedDict):
    """A part of a flow that no test covers."""

    line: int
    step: str
    kind: str
    aspect: str


class CoverageDocument(TypedDict):
    """The coverage of a flow."""

    kinds: dict[str, ReachedDocument]
    missing: list[GoalDocument]


class TestsDocument(TypedDict):
    """All tests. `broken`: files with errors; `coverage`: by flow, with `--coverage`."""

    tests: list[TestDocument]
    broken: list[str]
    coverage: NotRequired[dict[str, CoverageDocument]]


# ---- store


class VerifyDocument(TypedDict):
    """How much a store holds, and everything that is wrong with it."""

    runs: int
    records: int
    events: int
    problems: list[str]


class SalvageDocument(TypedDict):
    """The damaged runs that were moved, each with its problems, and the file they are in."""

    runs: dict[str, list[str]]
    others: list[str]
    file: str | None


class BackupDocument(TypedDict):
    """A store and its copy."""

    store: str
    copy: str


class VacuumDocument(TypedDict):
    """A store, and the age from which its ended runs were removed."""

    store: str
    keep: str


class FlowLoadDocument(TypedDict):
    """The runs of a flow. `oldest_at`: when the oldest running one began. `ended` and `failed` are of the newest runs of the store."""

    flow: str
    running: int
    sleeping: int
    blocked: int
    ended: int
    failed: int
    oldest_at: str | None
    due_at: str | None


class OverviewDocument(TypedDict):
    """The state of a store. `process`: the process that drives its runs. `is_whole`: whether all unfinished runs were counted."""

    at: str
    process: int | None
    is_whole: bool
    flows: list[FlowLoadDocument]
    runs: list[RunRowDocument]


class BulkDocument(TypedDict):
    """A run that fits the filter of a command. `status`: before the command. `problem`: why nothing was done to it, if so."""

    run: str
    flow: str
    status: str
    problem: str | None


class DeletedRunDocument(TypedDict):
    """A run that was deleted."""

    run: str


#: The document of each command, as `--json` prints it. `| None`: nothing was started, since a trigger ignores the event.
DOCUMENTS = {
    "actions": list[ActionDocument],
    "cancel": CancelDocument | list[BulkDocument],
    "check": CheckDocument,
    "delete": DeletedRunDocument | list[BulkDocument],
    "dry-run": DryRunDocument | None,
    "eval": EvaluationDocument,
    "explain": list[ExplanationDocument],
    "flows list": list[VersionDocument],
    "flows pause": VersionDocument,
    "flows resume": VersionDocument,
    "flows retire": VersionDocument,
    "graph": JsonGraph,
    "keys list": list[KeyDocument],
    "publish": list[VersionDocument],
    "rerun": RerunPlanDocument | RunDocument | RequestDocument | list[BulkDocument],
    "resume": list[RunDocument],
    "retry": RunDocument | list[BulkDocument],
    "run": RunDocument | None,
    "runs": list[RunRowDocument],
    "send": SendDocument,
    "show": ShownRunDocument,
    "skip": RunDocument,
    "start": RequestDocument,
    "store backup": BackupDocument,
    "store salvage": SalvageDocument,
    "store vacuum": VacuumDocument,
    "store verify": VerifyDocument,
    "test": TestsDocument,
    "top": OverviewDocument,
    "why": ReasonDocument,
}
