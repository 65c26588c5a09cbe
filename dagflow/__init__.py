"""dagflow: typed, total flows for the users of your product.

A `.flow` text is compiled to a graph of typed actions, and the compiler reports every error before anything runs. An
interpreter runs the graph, checkpoints each result, and resumes where it stopped when its process was killed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from dagflow.actions.builtin.settings import Settings
    from dagflow.actions.catalog import Catalog
    from dagflow.actions.failures import ActionFailed, Fatal, Invocation, RetryAfter
    from dagflow.actions.markers import EffectKey, Email, Inject, Scalar, Url
    from dagflow.app.compiling import compile  # noqa: A004 - the word of the API
    from dagflow.app.drawing import draw
    from dagflow.app.editing import Edited, edit
    from dagflow.app.interpreter import Interpreter
    from dagflow.app.logs import JsonLogFormatter
    from dagflow.app.outcomes import Delivery, Manifest, Outcome, Version
    from dagflow.app.rerunning import PlannedStep, RerunPlan
    from dagflow.app.run_handle import Run
    from dagflow.app.run_once import run
    from dagflow.app.service.driving import drive
    from dagflow.app.service.policies import TenantPolicy
    from dagflow.app.service.service import Service
    from dagflow.app.service.sources import FlowSource, Refresh, SourcedFlow
    from dagflow.app.service.tenant import Tenant
    from dagflow.app.service.version_diff import VersionDiff
    from dagflow.client import Client
    from dagflow.clock import Clock, SystemClock, VirtualClock
    from dagflow.diagnostic import Diagnostic, Edit, Fix, Severity, Span
    from dagflow.drivers.local.statistics import Statistics
    from dagflow.errors import (
        DagflowBug,
        DagflowError,
        EvaluationError,
        ExpressionError,
        ExpressionInvalid,
        FlowInvalid,
        NotFound,
        NotRetried,
        NotServed,
        RunBlocked,
        StoreError,
        StoreInUse,
        UsageError,
    )
    from dagflow.execution.results import NodeResult, RunFailure, RunResult
    from dagflow.lang.bounds.bounds import Bounds, bounds
    from dagflow.lang.compiler import Compilation
    from dagflow.lang.edit.edits import AddStep, Connect, MoveStep, RemoveStep, RenameStep, SetArgument
    from dagflow.lang.edit.locations import After, AtEnd, Before
    from dagflow.lang.expressions import check_expression, evaluate_expression
    from dagflow.lang.format.formatter import format  # noqa: A004 - the word of the API
    from dagflow.lang.limits import Limits, RunLimits
    from dagflow.model.flow import Edge, EdgeKind, Flow, Node, NodeKind
    from dagflow.model.status import NodeStatus, PruneReason, RunStatus
    from dagflow.model.values import Duration, Secret, Timestamp, UInt
    from dagflow.model.wire.codec import WireError

__all__ = [
    "ActionFailed",
    "AddStep",
    "After",
    "AtEnd",
    "Before",
    "Bounds",
    "Catalog",
    "Client",
    "Clock",
    "Compilation",
    "Connect",
    "DagflowBug",
    "DagflowError",
    "Delivery",
    "Diagnostic",
    "Duration",
    "Edge",
    "EdgeKind",
    "Edit",
    "Edited",
    "EffectKey",
    "Email",
    "EvaluationError",
    "ExpressionError",
    "ExpressionInvalid",
    "Fatal",
    "Fix",
    "Flow",
    "FlowInvalid",
    "FlowSource",
    "Inject",
    "Interpreter",
    "Invocation",
    "JsonLogFormatter",
    "Limits",
    "Manifest",
    "MoveStep",
    "Node",
    "NodeKind",
    "NodeResult",
    "NodeStatus",
    "NotFound",
    "NotRetried",
    "NotServed",
    "Outcome",
    "PlannedStep",
    "PruneReason",
    "Refresh",
    "RemoveStep",
    "RenameStep",
    "RerunPlan",
    "RetryAfter",
    "Run",
    "RunBlocked",
    "RunFailure",
    "RunLimits",
    "RunResult",
    "RunStatus",
    "Scalar",
    "Secret",
    "Service",
    "SetArgument",
    "Settings",
    "Severity",
    "SourcedFlow",
    "Span",
    "Statistics",
    "StoreError",
    "StoreInUse",
    "SystemClock",
    "Tenant",
    "TenantPolicy",
    "Timestamp",
    "UInt",
    "Url",
    "UsageError",
    "Version",
    "VersionDiff",
    "VirtualClock",
    "WireError",
    "bounds",
    "check_expression",
    "compile",
    "draw",
    "drive",
    "edit",
    "evaluate_expression",
    "format",
    "run",
]

#: The module of each public name. It is imported at its first use, so that a program pays only for the parts it uses.
_HOMES = {
    "ActionFailed": "dagflow.actions.failures",
    "AddStep": "dagflow.lang.edit.edits",
    "After": "dagflow.lang.edit.locations",
    "AtEnd": "dagflow.lang.edit.locations",
    "Before": "dagflow.lang.edit.locations",
    "Bounds": "dagflow.lang.bounds.bounds",
    "Catalog": "dagflow.actions.catalog",
    "Client": "dagflow.client",
    "Clock": "dagflow.clock",
    "Compilation": "dagflow.lang.compiler",
    "Connect": "dagflow.lang.edit.edits",
    "DagflowBug": "dagflow.errors",
    "DagflowError": "dagflow.errors",
    "Delivery": "dagflow.app.outcomes",
    "Diagnostic": "dagflow.diagnostic",
    "Duration": "dagflow.model.values",
    "Edge": "dagflow.model.flow",
    "EdgeKind": "dagflow.model.flow",
    "Edit": "dagflow.diagnostic",
    "Edited": "dagflow.app.editing",
    "EffectKey": "dagflow.actions.markers",
    "Email": "dagflow.actions.markers",
    "EvaluationError": "dagflow.errors",
    "ExpressionError": "dagflow.errors",
    "ExpressionInvalid": "dagflow.errors",
    "Fatal": "dagflow.actions.failures",
    "Fix": "dagflow.diagnostic",
    "Flow": "dagflow.model.flow",
    "FlowInvalid": "dagflow.errors",
    "FlowSource": "dagflow.app.service.sources",
    "Inject": "dagflow.actions.markers",
    "Interpreter": "dagflow.app.interpreter",
    "Invocation": "dagflow.actions.failures",
    "JsonLogFormatter": "dagflow.app.logs",
    "Limits": "dagflow.lang.limits",
    "Manifest": "dagflow.app.outcomes",
    "MoveStep": "dagflow.lang.edit.edits",
    "Node": "dagflow.model.flow",
    "NodeKind": "dagflow.model.flow",
    "NodeResult": "dagflow.execution.results",
    "NodeStatus": "dagflow.model.status",
    "NotFound": "dagflow.errors",
    "NotRetried": "dagflow.errors",
    "NotServed": "dagflow.errors",
    "Outcome": "dagflow.app.outcomes",
    "PlannedStep": "dagflow.app.rerunning",
    "PruneReason": "dagflow.model.status",
    "Refresh": "dagflow.app.service.sources",
    "RemoveStep": "dagflow.lang.edit.edits",
    "RenameStep": "dagflow.lang.edit.edits",
    "RerunPlan": "dagflow.app.rerunning",
    "RetryAfter": "dagflow.actions.failures",
    "Run": "dagflow.app.run_handle",
    "RunBlocked": "dagflow.errors",
    "RunFailure": "dagflow.execution.results",
    "RunLimits": "dagflow.lang.limits",
    "RunResult": "dagflow.execution.results",
    "RunStatus": "dagflow.model.status",
    "Scalar": "dagflow.actions.markers",
    "Secret": "dagflow.model.values",
    "Service": "dagflow.app.service.service",
    "SetArgument": "dagflow.lang.edit.edits",
    "Settings": "dagflow.actions.builtin.settings",
    "Severity": "dagflow.diagnostic",
    "SourcedFlow": "dagflow.app.service.sources",
    "Span": "dagflow.diagnostic",
    "Statistics": "dagflow.drivers.local.statistics",
    "StoreError": "dagflow.errors",
    "StoreInUse": "dagflow.errors",
    "SystemClock": "dagflow.clock",
    "Tenant": "dagflow.app.service.tenant",
    "TenantPolicy": "dagflow.app.service.policies",
    "Timestamp": "dagflow.model.values",
    "UInt": "dagflow.model.values",
    "Url": "dagflow.actions.markers",
    "UsageError": "dagflow.errors",
    "Version": "dagflow.app.outcomes",
    "VersionDiff": "dagflow.app.service.version_diff",
    "VirtualClock": "dagflow.clock",
    "WireError": "dagflow.model.wire.codec",
    "bounds": "dagflow.lang.bounds.bounds",
    "check_expression": "dagflow.lang.expressions",
    "compile": "dagflow.app.compiling",
    "draw": "dagflow.app.drawing",
    "drive": "dagflow.app.service.driving",
    "edit": "dagflow.app.editing",
    "evaluate_expression": "dagflow.lang.expressions",
    "format": "dagflow.lang.format.formatter",
    "run": "dagflow.app.run_once",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
