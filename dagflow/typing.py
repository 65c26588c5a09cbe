"""The types that signatures of dagflow mention and programs seldom make: for annotations.

A program meets them in what dagflow returns, such as the parts of a compiled `Flow`, or passes objects of its own that look like them,
such as a `SecretSource`. Names of modules that this one does not list, and that no public module exports, are private.
"""

from __future__ import annotations

from dagflow.actions.builtin.settings import Network, SmtpSecurity
from dagflow.actions.secrets import SecretSource
from dagflow.admission.requests import Stage
from dagflow.app.catalogs import ActionCatalog
from dagflow.app.compiling import HasInterface
from dagflow.app.open_options import DrivingOptions, InterpreterOptions
from dagflow.app.outcomes import Changes, DueSchedule, FeedPlace, RunChange
from dagflow.app.service.service_options import ServiceOptions
from dagflow.execution.bindings import Origin
from dagflow.execution.results import ItemCounts
from dagflow.expr.library.overloads import Overload
from dagflow.lang.bounds.bounds import Share, Total
from dagflow.lang.diagnostics import JsonDiagnostic, JsonEdit, JsonFix, JsonPlace
from dagflow.lang.expressions import ExpressionType
from dagflow.model.action import ActionSpec, Effect, EventSpec, Interface
from dagflow.model.blocks import Block, BlockKind
from dagflow.model.destinations import HostPattern, SecretSpec
from dagflow.model.expression import Argument, Expression
from dagflow.model.flow import Callee, GateRef, Join, JoinKind, Loop, Race, RetryPolicy, Scope, Trigger, TriggerKind
from dagflow.model.flow_test import Answer, Expectation, FlowTest, Mock, MockedAction, Sending
from dagflow.model.policies import (
    CancelOn,
    Catchup,
    Concurrency,
    Debounce,
    Once,
    Policies,
    Rate,
    Schedule,
    Singleton,
    Throttle,
    WhileBusy,
)
from dagflow.model.types import (
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    ParamType,
    Primitive,
    RecordType,
    ScalarType,
    SecretType,
    Type,
    TypeType,
)
from dagflow.model.wire.codec import Problem, WireError
from dagflow.store.api import Record, RunRow, Store
from dagflow.webhooks import Scheme

__all__ = [
    "ActionCatalog",
    "ActionSpec",
    "Answer",
    "Argument",
    "Block",
    "BlockKind",
    "Callee",
    "CancelOn",
    "Catchup",
    "Changes",
    "Concurrency",
    "Debounce",
    "DrivingOptions",
    "DueSchedule",
    "Effect",
    "EnumType",
    "EventSpec",
    "Expectation",
    "Expression",
    "ExpressionType",
    "FeedPlace",
    "Field",
    "FlowTest",
    "GateRef",
    "HasInterface",
    "HostPattern",
    "Interface",
    "InterpreterOptions",
    "ItemCounts",
    "Join",
    "JoinKind",
    "JsonDiagnostic",
    "JsonEdit",
    "JsonFix",
    "JsonPlace",
    "ListType",
    "Loop",
    "MapType",
    "Mock",
    "MockedAction",
    "Network",
    "Once",
    "OptionalType",
    "Origin",
    "Overload",
    "ParamType",
    "Policies",
    "Primitive",
    "Problem",
    "Race",
    "Rate",
    "Record",
    "RecordType",
    "RetryPolicy",
    "RunChange",
    "RunRow",
    "ScalarType",
    "Schedule",
    "Scheme",
    "Scope",
    "SecretSource",
    "SecretSpec",
    "SecretType",
    "Sending",
    "ServiceOptions",
    "Share",
    "Singleton",
    "SmtpSecurity",
    "Stage",
    "Store",
    "Throttle",
    "Total",
    "Trigger",
    "TriggerKind",
    "Type",
    "TypeType",
    "WhileBusy",
    "WireError",
]
