"""dagflow: typed, total flows for the users of your product.

A `.flow` text is compiled to a graph of typed actions, and everything wrong with it is said before anything runs; an
interpreter runs the graph, writes down each step's result, and goes on where it was when its process is killed.
"""

from dagflow.actions.failures import ActionFailed, Fatal, Invocation, RetryAfter
from dagflow.actions.kinds import EffectKey, Email, Scalar, Url
from dagflow.actions.registry import Catalog
from dagflow.actions.settings import Settings
from dagflow.app.compiling import compile  # noqa: A004 - the word of the API
from dagflow.app.interpreter import Interpreter
from dagflow.app.once import run
from dagflow.app.runs import Run
from dagflow.clock import Clock, SystemClock, VirtualClock
from dagflow.diagnostic import Diagnostic, Edit, Fix, Severity, Span
from dagflow.drivers.results import NodeResult, RunResult
from dagflow.errors import (
    DagflowBug,
    DagflowError,
    EvaluationError,
    ExpressionError,
    FlowInvalid,
    StoreError,
    UsageError,
)
from dagflow.lang.compiler import Compilation
from dagflow.lang.expressions import check, evaluate
from dagflow.lang.limits import Limits
from dagflow.model.flow import Edge, EdgeKind, Flow, Node, NodeKind
from dagflow.model.status import NodeStatus, PruneReason, RunStatus
from dagflow.model.values import Duration, Secret, Timestamp, UInt

__all__ = [
    "ActionFailed",
    "Catalog",
    "Clock",
    "Compilation",
    "DagflowBug",
    "DagflowError",
    "Diagnostic",
    "Duration",
    "Edge",
    "EdgeKind",
    "Edit",
    "EffectKey",
    "Email",
    "EvaluationError",
    "ExpressionError",
    "Fatal",
    "Fix",
    "Flow",
    "FlowInvalid",
    "Interpreter",
    "Invocation",
    "Limits",
    "Node",
    "NodeKind",
    "NodeResult",
    "NodeStatus",
    "PruneReason",
    "RetryAfter",
    "Run",
    "RunResult",
    "RunStatus",
    "Scalar",
    "Secret",
    "Settings",
    "Severity",
    "Span",
    "StoreError",
    "SystemClock",
    "Timestamp",
    "UInt",
    "Url",
    "UsageError",
    "VirtualClock",
    "check",
    "compile",
    "evaluate",
    "run",
]
