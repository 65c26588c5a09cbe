"""Encode the calls of clients and their answers.

A connection carries one call: a line of JSON from the client, and a line of JSON back. A result crosses by its type: attrs classes as objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

import attrs
import cattrs
import orjson

from dagflow.errors import (
    DagflowError,
    EvaluationError,
    FlowInvalid,
    NotFound,
    NotRetried,
    NotServed,
    RunBlocked,
    StoreError,
    UsageError,
    WriteRefused,
)
from dagflow.model.typeguards import is_object
from dagflow.model.wire.codec import Problem, WireError
from dagflow.webhooks import WebhookRefused

_Value = TypeVar("_Value")
#: Bytes of a line, at most: more than any payload or text of a flow needs.
MAX_LINE: Final = 32 * 1024 * 1024

#: Calls that end with their client; all others go on without it.
ABANDONED: Final = frozenset({"changes", "wait"})
#: Calls that have the same effect if they were performed already: they have an id, or read, or lead to an end that stays.
REPEATABLE: Final = frozenset(
    {
        "cancel_run",
        "changes",
        "diff",
        "flows",
        "ping",
        "plan_rerun",
        "prune",
        "requests",
        "rerun",
        "resume_run",
        "schedules",
        "send",
        "start",
        "versions",
        "wait",
        "withdraw",
    }
)

#: Exceptions whose message is all they have; any other one without a form of its own crosses as a `UsageError`.
_PLAIN: Final[Mapping[str, type[DagflowError]]] = {
    each.__name__: each for each in (NotFound, NotRetried, NotServed, StoreError, WebhookRefused, WriteRefused)
}


@attrs.frozen
class Call:
    """A call of a client. `tenant`: "" for a store without tenants."""

    name: str
    tenant: str
    arguments: Mapping[str, object]


def encode_call(call: Call) -> bytes:
    """Encode a call. Raises UsageError: an argument is no JSON, or the call is too large."""
    try:
        line = orjson.dumps(attrs.asdict(call), option=orjson.OPT_APPEND_NEWLINE)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the arguments of `{call.name}` must be JSON values: {error}") from None
    if len(line) > MAX_LINE:
        raise UsageError(f"a call must have at most {MAX_LINE} bytes; `{call.name}` has {len(line)}")
    return line


def decode_call(line: bytes) -> Call:
    """Decode a call. Raises UsageError: the line is none."""
    value = _json_of(line)
    if not is_object(value) or value.keys() != {"name", "tenant", "arguments"}:
        raise UsageError("a call must be an object with `name`, `tenant` and `arguments`")
    name, tenant, arguments = value["name"], value["tenant"], value["arguments"]
    if not (isinstance(name, str) and isinstance(tenant, str) and is_object(arguments)):
        raise UsageError("a call must have a text as `name` and as `tenant`, and an object as `arguments`")
    return Call(name, tenant, arguments)


def encode_result(value: object) -> bytes:
    """Encode the result of a call."""
    return orjson.dumps({"result": _converter.unstructure(value)}, option=orjson.OPT_APPEND_NEWLINE)


def encode_error(error: DagflowError) -> bytes:
    """Encode what a call raised."""
    fields: dict[str, object] = {"type": type(error).__name__, "message": str(error)}
    match error:
        case EvaluationError():
            fields |= {"code": error.code}
        case RunBlocked():
            fields |= {"run": error.run, "reason": error.reason, "trace": error.trace}
        case WireError():
            fields |= {"type": "WireError", "problems": _converter.unstructure(error.problems)}
        case _:
            pass
    return orjson.dumps({"error": fields}, option=orjson.OPT_APPEND_NEWLINE)


def decode_answer(wanted: type[_Value], line: bytes) -> _Value:
    """Return the result of a call, or raise its exception.

    Args:
        wanted: the type of the result.
        line: the answer.

    Raises:
        DagflowError: as the call did. A `FlowInvalid` has its message without the diagnostics.
        NotServed: the answer cannot be read.
    """
    try:
        value = orjson.loads(line)
        if "error" not in value:
            return _converter.structure(value["result"], wanted)
        error = _error_of(value["error"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, cattrs.BaseValidationError) as problem:
        raise NotServed("the answer cannot be read; client and server must have the same version of dagflow") from problem
    raise error


def _error_of(fields: Mapping[str, Any]) -> DagflowError:
    message = str(fields["message"])
    match fields["type"]:
        case "EvaluationError":
            return EvaluationError(fields["code"], message)
        case "RunBlocked":
            return RunBlocked(fields["run"], fields["reason"], fields["trace"])
        case "WireError":
            return WireError(_converter.structure(fields["problems"], tuple[Problem, ...]))
        case "FlowInvalid" | "ExpressionInvalid":
            return FlowInvalid((), message)
        case kind:
            return _PLAIN.get(kind, UsageError)(message)


def _json_of(line: bytes) -> object:
    try:
        return cast("object", orjson.loads(line))
    except orjson.JSONDecodeError:
        raise UsageError("a call must be a line of JSON") from None


_converter: Final = cattrs.Converter(forbid_extra_keys=True)
_converter.register_unstructure_hook(bytes, lambda value: value.decode("latin-1"))
_converter.register_structure_hook(bytes, lambda value, _: str(value).encode("latin-1"))
