"""The pure work of a node: from its expressions and the bindings to the fact that answers the machine's wish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import orjson

from dagflow.drivers.program import Code, Typed
from dagflow.engine import events
from dagflow.engine.commands import Evaluate, UseDefault
from dagflow.engine.events import Event
from dagflow.engine.state import State
from dagflow.errors import DagflowBug, EvaluationError, StoreError
from dagflow.model.flow import NodeKind
from dagflow.model.types import BOOL
from dagflow.model.values import Duration, Timestamp
from dagflow.model.wire import WireError

#: The code of a `fail` step.
FAILED: Final = "failed"
#: The code of a value that does not fit the type it was checked to have: in free JSON, or beyond a limit.
BAD_VALUE: Final = "bad_value"


class Unevaluable(Exception):  # noqa: N818 - not an error: a fact about the node
    """An expression of a node has no value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def arguments_of(code: Code, bindings: Mapping[str, object]) -> dict[str, object]:
    """The arguments of a call, or the payload of an event. Raises Unevaluable."""
    return {name: evaluated(typed, bindings, f"`{name}`") for name, typed in code.arguments}


def fact_of(
    command: Evaluate | UseDefault, code: Code, bindings: Mapping[str, object], state: State
) -> tuple[Event, object, bytes | None]:
    """The fact that answers the wish, the value the step reads as, and the JSON that is kept of it."""
    node = command.node
    at = state.wanted_at[node]
    try:
        if isinstance(command, UseDefault):
            value = evaluated(_needed(code.default), bindings, "the default")
            return events.DefaultUsed(at, node), value, code.codec.dumps(value)
        return _evaluated_node(node, code, bindings, at)
    except Unevaluable as problem:
        return events.EvaluationFailed(at, node, problem.code, problem.message), None, None


def _evaluated_node(node: int, code: Code, bindings: Mapping[str, object], at: int) -> tuple[Event, object, bytes | None]:
    match code.node.kind:
        case NodeKind.GATE:
            outcome = _outcome(code, bindings)
            return events.GateDecided(at, node, outcome), gate_value(code, outcome), None
        case NodeKind.LET | NodeKind.RETURN | NodeKind.YIELD | NodeKind.STOP:
            value = None if code.expression is None else evaluated(code.expression, bindings, "the value")
            return events.ValueComputed(at, node), value, code.codec.dumps(value)
        case NodeKind.WAIT | NodeKind.WAIT_UNTIL:
            return events.TimerSet(at, node, _due(code, bindings, at)), None, None
        case NodeKind.EMIT:
            payload = arguments_of(code, bindings)
            kept = {name: typed.codec.encode(payload[name]) for name, typed in code.arguments}
            return events.EventEmitted(at, node), None, orjson.dumps(kept)
        case NodeKind.FAIL:
            text = "" if code.expression is None else str(evaluated(code.expression, bindings, "the text"))
            raise Unevaluable(FAILED, text)
        case kind:
            raise DagflowBug(f"a node of kind {kind} has nothing to evaluate")


def gate_value(code: Code, outcome: int) -> object:
    """What a gate reads as: a condition as a bool, a switch as the word for its outcome."""
    if code.node.type == BOOL or outcome >= len(code.node.outcomes):
        return outcome == 1
    return code.node.outcomes[outcome]


def _outcome(code: Code, bindings: Mapping[str, object]) -> int:
    subject = evaluated(_needed(code.expression), bindings, "the condition")
    if not code.cases:
        return int(subject is True)
    for arm, values in enumerate(code.cases):
        if any(subject == evaluated(value, bindings, "the case") for value in values):
            return arm
    return len(code.cases)


def _due(code: Code, bindings: Mapping[str, object], at: int) -> int:
    value = evaluated(_needed(code.expression), bindings, "the wait")
    match value:
        case Duration():
            return at + value.nanos
        case Timestamp():
            return value.nanos
        case _:
            raise Unevaluable(BAD_VALUE, f"cannot wait for {value!r}")


def evaluated(typed: Typed, bindings: Mapping[str, object], what: str) -> object:
    """The value of an expression; `what` is its name in messages. Raises Unevaluable."""
    try:
        return typed(bindings)
    except EvaluationError as error:
        raise Unevaluable(error.code, error.message) from None
    except WireError as error:
        raise Unevaluable(BAD_VALUE, f"{what} is not {typed.codec.type}: {error}") from None


def _needed(typed: Typed | None) -> Typed:
    if typed is None:
        raise DagflowBug("a node lacks the expression its kind needs")
    return typed


def present(value: bytes | None) -> bytes:
    """The JSON beside a fact that has to have one."""
    if value is None:
        raise StoreError("a history has a fact without its value")
    return value


def as_record(value: object) -> Mapping[str, object]:
    """A flow's input is a record."""
    if not isinstance(value, dict):
        raise StoreError("a history has an input that is no record")
    return cast("Mapping[str, object]", value)
