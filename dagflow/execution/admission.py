"""Evaluate a flow's policies for one request: the values of their keys, and its priority."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import attrs
import orjson

from dagflow.admission.requests import Keys
from dagflow.execution.program import Program, Typed

#: Longer ones are stored as a digest.
_MOST_CHARACTERS: Final = 200


def judged(program: Program, value: Mapping[str, object]) -> tuple[Keys, int]:
    """The keys and the priority of a request with that input, in stored form. Raises EvaluationError."""
    flow, code = program.flow, program.policies
    # An omitted parameter reads as null: a name without a value cannot be read.
    bindings = {flow.binding: value} if flow.binding else {**dict.fromkeys(field.name for field in flow.input.fields), **value}

    def key(typed: Typed | None) -> str:
        return "" if typed is None else _text(orjson.dumps(typed.codec.encode(typed(bindings)), option=orjson.OPT_SORT_KEYS))

    keys = Keys(
        once=key(code.once),
        rate=key(code.rate),
        debounce=key(code.debounce),
        singleton=key(code.singleton),
        throttle=key(code.throttle),
        concurrency=key(code.concurrency),
    )
    priority = 0 if code.priority is None else code.priority(bindings)
    return keys, priority if isinstance(priority, int) else 0


def keys_json(keys: Keys) -> bytes:
    """Keys as a store has them."""
    return orjson.dumps(attrs.astuple(keys))


def keys_of(as_json: bytes) -> Keys:
    """The keys that a store has."""
    return Keys(**dict(zip(attrs.fields_dict(Keys), orjson.loads(as_json), strict=False)))


def _text(as_json: bytes) -> str:
    text = as_json.decode()
    return text if len(text) <= _MOST_CHARACTERS else "#" + hashlib.sha256(as_json).hexdigest()
