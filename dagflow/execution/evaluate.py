"""The pure work of a node: from its expressions and the bindings to the event that answers the machine's command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import orjson

from dagflow.engine import events
from dagflow.engine.commands import Evaluate, UseDefault
from dagflow.engine.events import Event
from dagflow.engine.state import State
from dagflow.engine.undoing import UNKNOWN_OUTCOME, is_sure
from dagflow.errors import DagflowBug, EvaluationError, StoreError
from dagflow.execution.program import Code, Program, Typed
from dagflow.expr.runtime.compare import equal
from dagflow.expr.runtime.gas import Gas
from dagflow.model.flow import NodeKind
from dagflow.model.plan import NO_NODE
from dagflow.model.types import BOOL, Type
from dagflow.model.values import Duration, Timestamp
from dagflow.model.wire.codec import TooLarge, WireError, sized

#: The code of a `fail` step.
FAILED: Final = "failed"
#: The code of a value that does not fit the type it was checked to have: in free JSON, or beyond a limit.
BAD_VALUE: Final = "bad_value"
#: The code of a value that is too large to store.
TOO_LARGE: Final = "too_large"
#: Bytes of JSON that the payload of an event may have: it is copied to every run that takes it.
MAX_EVENT: Final = 256 * 1024
#: Characters of a message in a history.
_MOST_MESSAGE: Final = 1_000
_INT64_MAX: Final = 2**63 - 1


class Unevaluable(Exception):  # noqa: N818 - not an error: a fact about the node
    """An expression of a node has no value that can be stored."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message[:_MOST_MESSAGE].encode("utf-8", "replace").decode()

    @classmethod
    def misfit(cls, error: WireError, what: str, type_: Type | None = None) -> Unevaluable:
        """A value that does not fit the type it meets, or is too large; `what` is its name in the message."""
        if isinstance(error, TooLarge):
            return cls(TOO_LARGE, error.of(what))
        return cls(BAD_VALUE, f"{what} is not {type_}: {error}" if type_ is not None else str(error))


def arguments_of(code: Code, bindings: Mapping[str, object]) -> dict[str, object]:
    """The arguments of a call, or the payload of an event. Raises Unevaluable."""
    return {name: evaluated(typed, bindings, f"`{name}`") for name, typed in code.arguments}


def check_known(program: Program, state: State, node: int) -> None:
    """An undo cannot be called if it reads its step's result, and that is unknown. Raises Unevaluable."""
    undone = program.plan.undoes[node]
    if undone == NO_NODE or is_sure(state, undone):
        return
    step = program.plan.ids[undone]
    if any(step in argument.value.reads for argument in program.codes[node].node.arguments):
        message = f"nobody knows whether `{step}` had its effect, and its undo reads what it gave: look, and undo it by hand"
        raise Unevaluable(UNKNOWN_OUTCOME, message)


def fact_of(
    command: Evaluate | UseDefault, code: Code, bindings: Mapping[str, object], state: State
) -> tuple[Event, object, bytes | None]:
    """Return the event that answers the command, the value that the step reads as, and its stored JSON."""
    node = command.node
    at = state.wanted_at[node]
    try:
        if isinstance(command, UseDefault):
            value = evaluated(_needed(code.default), bindings, "the default")
            return events.DefaultUsed(at, node), value, kept_json(code, value, "the default")
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
            return events.ValueComputed(at, node), value, kept_json(code, value, "the value")
        case NodeKind.WAIT | NodeKind.WAIT_UNTIL:
            return events.TimerSet(at, node, _due(code, bindings, at)), None, None
        case NodeKind.EMIT:
            try:
                as_json = sized(orjson.dumps(_payload(code, bindings)), MAX_EVENT, "the event")
            except WireError as error:
                raise Unevaluable.misfit(error, "the event") from None
            return events.EventEmitted(at, node), None, as_json
        case NodeKind.FAIL:
            text = "" if code.expression is None else str(evaluated(code.expression, bindings, "the text"))
            raise Unevaluable(FAILED, text)
        case kind:
            raise DagflowBug(f"a node of kind {kind} has nothing to evaluate")


def gate_value(code: Code, outcome: int) -> object:
    """Return the value of a gate: a condition as a bool, a switch as the word for its outcome."""
    if code.node.type == BOOL or outcome >= len(code.node.outcomes):
        return outcome == 1
    return code.node.outcomes[outcome]


def _outcome(code: Code, bindings: Mapping[str, object]) -> int:
    if not code.cases:
        return int(holds(_needed(code.expression), bindings))
    subject = evaluated(_needed(code.expression), bindings, "the condition")
    for arm, values in enumerate(code.cases):
        # By the rules of expressions: `1` is not `true`, as it is for Python.
        if any(equal(Gas(), subject, evaluated(value, bindings, "the case")) for value in values):
            return arm
    return len(code.cases)


def _payload(code: Code, bindings: Mapping[str, object]) -> dict[str, object]:
    """Return an event's payload as JSON values: the declared fields, also if it was made of free JSON."""
    values = arguments_of(code, bindings)
    payload = {name: typed.codec.encode(values[name]) for name, typed in code.arguments}
    try:
        code.codec.decode(payload)
    except TooLarge as error:
        raise Unevaluable.misfit(error, "the event") from None
    except WireError as error:
        raise Unevaluable(BAD_VALUE, f"the event {code.node.event!r} must carry what it declares: {error}") from None
    return payload


def _due(code: Code, bindings: Mapping[str, object], at: int) -> int:
    value = evaluated(_needed(code.expression), bindings, "the wait")
    match value:
        case Duration() if value.nanos < 0:
            raise Unevaluable(BAD_VALUE, f"a wait must not be negative; got {value}")
        case Duration():
            return min(at + value.nanos, _INT64_MAX)
        case Timestamp():
            # A past timestamp is due at once. No run lives until the largest timestamp of a store.
            return min(max(at, value.nanos), _INT64_MAX)
        case _:
            raise Unevaluable(BAD_VALUE, f"cannot wait for {value!r}")


def evaluated(typed: Typed, bindings: Mapping[str, object], what: str) -> object:
    """The value of an expression; `what` is its name in messages. Raises Unevaluable."""
    try:
        return typed(bindings)
    except EvaluationError as error:
        raise Unevaluable(error.code, error.message) from None
    except WireError as error:
        raise Unevaluable.misfit(error, what, typed.codec.type) from None


def kept_json(code: Code, value: object, what: str) -> bytes:
    """Return the stored JSON of a value in the form it is read in. Raises Unevaluable: it is not of the type, or too large."""
    try:
        return sized(code.dumps(value))
    except WireError as error:
        raise Unevaluable.misfit(error, what, code.codec.type) from None


def holds(condition: Typed, bindings: Mapping[str, object]) -> bool:
    """Whether a condition is true; neither a failure nor a value that is no bool counts as false. Raises Unevaluable."""
    try:
        return condition.holds(bindings)
    except EvaluationError as error:
        raise Unevaluable(error.code, error.message) from None


def _needed(typed: Typed | None) -> Typed:
    if typed is None:
        raise DagflowBug("a node lacks the expression its kind needs")
    return typed


def present(value: bytes | None) -> bytes:
    """Return the JSON beside an event that must have one."""
    if value is None:
        raise StoreError("a history has an event without its value")
    return value


def as_record(value: object) -> Mapping[str, object]:
    """A flow's input is a record."""
    if not isinstance(value, dict):
        raise StoreError("a history has an input that is no record")
    return cast("Mapping[str, object]", value)
