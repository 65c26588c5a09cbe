"""The inputs of a test's expectations: steps as records, the run, and the calls and events that occurred."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar, cast

import attrs

from dagflow.diagnostic import Span
from dagflow.expr import tree
from dagflow.lang.check.symbols import Names, Symbol, SymbolKind
from dagflow.lang.lowering.head import RUN
from dagflow.model.action import ActionSpec, EventSpec
from dagflow.model.flow import Flow, Node, NodeKind
from dagflow.model.status import RunStatus
from dagflow.model.types import (
    BOOL,
    DURATION,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UNKNOWN,
    EnumType,
    Field,
    ListType,
    OptionalType,
    RecordType,
    Type,
)

#: The functions that examine the run, with the word for their subject.
FUNCTIONS: Final = {"calls": "action", "emitted": "event", "dropped": "reason"}
#: Why a request of a served flow may get no run.
REASONS: Final = ("once", "rate", "singleton", "overlap", "cancelled", "invalid")
#: What has become of the requests of a served flow.
_RUNS: Final = RecordType(
    "runs",
    tuple(
        Field(word, INT)
        for word in ("requested", "started", "waiting", "superseded", "running", "succeeded", "failed", "cancelled")
    ),
)
#: Fields that a crash may change, since the interrupted attempt is repeated.
COUNTING: Final = frozenset({"attempts", "at", "elapsed"})

_FAILURE: Final = RecordType("", (Field("code", STRING), Field("message", STRING)))
_CAUSE: Final = RecordType("", (Field("step", STRING), *_FAILURE.fields))
_STATUS: Final = EnumType("", tuple(status.value for status in RunStatus))
_WITH_INPUT: Final = frozenset({NodeKind.ACTION, NodeKind.CALL, NodeKind.START, NodeKind.EMIT, NodeKind.UNDO})


def named(*fields: Field) -> Names:
    """Names that are there from the beginning."""
    names = Names()
    for field in fields:
        names.define(Symbol(field.name, SymbolKind.CONSTANT, field.type, Span(0, 0), 1))
    return names


def names_of_values() -> Names:
    """What `given` and the conditions of mocks read."""
    return named(Field("now", TIMESTAMP))


def names_of_sends() -> Names:
    """What `send` reads: the run is there by then."""
    return named(Field("now", TIMESTAMP), Field("run", RUN))


def names_of_expectations(flow: Flow, actions: Mapping[str, ActionSpec], events: Mapping[str, EventSpec]) -> Names:
    """What `expect` reads: one name for each step, action and event."""
    fields = [Field(node.id, type_) for node, type_ in _steps(flow)]
    fields += [Field(_call("calls", spec), ListType(_called(spec))) for spec in actions.values()]
    fields += [Field(_call("emitted", spec), ListType(spec.payload)) for spec in events.values()]
    return named(*fields, Field("run", _run(flow)))


def names_of_service(actions: Mapping[str, ActionSpec], events: Mapping[str, EventSpec]) -> Names:
    """What `expect` reads of a served flow: the calls and events of all its runs, and what became of requests."""
    fields = [Field(_call("calls", spec), ListType(_called(spec))) for spec in actions.values()]
    fields += [Field(_call("emitted", spec), ListType(spec.payload)) for spec in events.values()]
    fields += [Field(call_name("dropped", reason), INT) for reason in REASONS]
    return named(*fields, Field("runs", _RUNS))


def _call(function: str, spec: ActionSpec | EventSpec) -> str:
    return call_name(function, spec.name)


def call_name(function: str, of: str) -> str:
    """The name under which `calls("slack")` is read."""
    return f'{function}("{of}")'


def _steps(flow: Flow, depth: int = 0) -> Iterator[tuple[Node, Type]]:
    """The steps that have names; one in a loop is the list of its states for each item."""
    for node in flow.nodes:
        if "." not in node.id:
            type_: Type = step_type(node)
            for _ in range(depth):
                type_ = ListType(type_)
            yield node, type_
        if node.loop is not None:
            yield from _steps(node.loop.body, depth + 1)


def step_type(node: Node) -> RecordType:
    """The record of a step in an expectation. Reading an absent field (no output, since it did not run) is an error."""
    fields = [Field(word, BOOL) for word in ("ran", "pruned", "failed", "cancelled")]
    fields += [Field("attempts", INT), Field("at", DURATION), Field("failure", _FAILURE)]
    if node.type not in (NULL, UNKNOWN):
        fields.append(Field("output", node.type))
    if node.kind in _WITH_INPUT:
        fields.append(Field("input", input_type(node)))
    return RecordType("a step", tuple(fields))


def input_type(node: Node) -> RecordType:
    """The arguments of a call or event."""
    return RecordType("", tuple(Field(argument.name, argument.value.type) for argument in node.arguments))


def _called(spec: ActionSpec) -> RecordType:
    """A call of an action: its arguments, and when it was; a parameter called `at` is itself."""
    at = () if any(param.name == "at" for param in spec.params) else (Field("at", DURATION),)
    return RecordType("", (*(Field(param.name, param.type) for param in spec.params), *at))


def _run(flow: Flow) -> RecordType:
    fields = [
        Field("id", STRING),
        Field("status", _STATUS),
        Field("elapsed", DURATION),
        Field("reason", STRING),
        Field("failure", _CAUSE),
        Field("returned", BOOL),
    ]
    result = flow.result.value if isinstance(flow.result, OptionalType) else flow.result
    if result is not NULL:
        # Reading the missing result of a run that should have one is an error; `run.returned` tests for it.
        fields.append(Field("output", result))
    return RecordType("a run", tuple(fields))


Replace = Callable[[tree.Call], tree.Expr]
_Part = TypeVar("_Part", bound=attrs.AttrsInstance)


def with_calls_replaced(expr: tree.Expr, replace: Replace) -> tree.Expr:
    """The expression with each `calls(…)` and `emitted(…)` replaced."""
    if isinstance(expr, tree.Call) and expr.target is None and expr.function in FUNCTIONS:
        return replace(expr)
    return _replaced(expr, replace)


def _replaced(part: _Part, replace: Replace) -> _Part:
    kind = type(part)
    values = {field.name: getattr(part, field.name) for field in attrs.fields(kind)}
    changed = {name: _replaced_value(value, replace) for name, value in values.items()}
    if all(changed[name] is value for name, value in values.items()):
        return part
    return cast("Callable[..., _Part]", kind)(**changed)


def _replaced_value(value: object, replace: Replace) -> object:
    if isinstance(value, tree.Expr):
        return with_calls_replaced(value, replace)
    if isinstance(value, tree.Element | tree.Entry):
        return _replaced(value, replace)
    if isinstance(value, tuple):
        parts = cast("tuple[object, ...]", value)
        made = tuple(_replaced_value(part, replace) for part in parts)
        return made if any(new is not old for new, old in zip(made, parts, strict=True)) else parts
    return value


def parts_of(expr: tree.Expr) -> Iterator[tree.Expr]:
    """The parts of a condition whose values show why it is false; variables of macros are not read."""
    match expr:
        case tree.Binary(operator="&&" | "||" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "in"):
            yield from parts_of(expr.left)
            yield from parts_of(expr.right)
        case tree.Unary():
            yield from parts_of(expr.operand)
        case tree.Conditional():
            yield from parts_of(expr.condition)
        case tree.Call(target=None):
            for arg in expr.args:
                yield from parts_of(arg)
        case tree.Call():
            if expr.target is not None:  # pragma: no branch - the case above has the others
                yield from parts_of(expr.target)
            if not expr.args:
                yield expr
        case tree.Literal() | tree.Broken():
            return
        case _:
            yield expr


def counts_time(expr: tree.Expr) -> bool:
    """Whether an expectation reads a field that a crash may change."""
    return any(isinstance(part, tree.Select) and part.field in COUNTING for part in _all_parts(expr))


def _all_parts(part: object) -> Iterator[object]:
    if isinstance(part, tuple):
        for each in cast("tuple[object, ...]", part):
            yield from _all_parts(each)
    elif isinstance(part, tree.Expr | tree.Element | tree.Entry):
        yield part
        for field in attrs.fields(type(part)):
            yield from _all_parts(getattr(part, field.name))
