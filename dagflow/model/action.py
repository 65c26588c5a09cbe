"""The interface of a host to flows: actions, events and types, by signature only. Nothing here can be called."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

from dagflow.model.destinations import SecretSpec
from dagflow.model.types import Field, RecordType, Type


class Effect(enum.StrEnum):
    """The effect of performing an action twice; decides which events are committed, and when."""

    #: Touches nothing; can be recomputed to the same value.
    PURE = "pure"
    #: Acts only on our own store, in the same transaction as its checkpoint: exactly once. Not for host actions.
    TRANSACTIONAL = "transactional"
    #: Acts on the world; doing it again with the same effect key changes nothing more.
    IDEMPOTENT = "idempotent"
    #: Acts on the world; a repetition has its effect again.
    EFFECTFUL = "effectful"


@attrs.frozen(kw_only=True)
class ActionSpec:
    """The signature of an action.

    Attributes:
        name: dotted, e.g. `crm.update_lead`.
        params: named arguments, in declared order.
        result: the type of a call's step.
        takes_key: whether the host asked for the effect key, so that repeating is safe where its peer honours it.
        destination: the parameter that names the destination of a call; "" if the host decides it.
        at_most_once: whether a call with an unknown outcome fails instead of being repeated.
    """

    name: str
    params: tuple[Field, ...]
    result: Type
    effect: Effect
    takes_key: bool = False
    at_most_once: bool = False
    doc: str = attrs.field(default="", eq=False)
    destination: str = attrs.field(default="", eq=False)


@attrs.frozen(kw_only=True)
class EventSpec:
    """A named event and its payload. `is_strict`: an event from outside with undeclared fields is refused."""

    name: str
    payload: RecordType
    doc: str = attrs.field(default="", eq=False)
    is_strict: bool = attrs.field(default=False, eq=False)


@attrs.frozen(kw_only=True)
class Interface:
    """Everything a host declares to the compiler.

    Attributes:
        secrets: the secrets that the host has bound to servers and actions.
        emits: patterns of the events flows may emit; None is any.
        is_strict: whether data from outside may have no undeclared field.
    """

    actions: Mapping[str, ActionSpec] = attrs.field(factory=dict[str, ActionSpec])
    events: Mapping[str, EventSpec] = attrs.field(factory=dict[str, EventSpec])
    types: Mapping[str, Type] = attrs.field(factory=dict[str, Type])
    secrets: Mapping[str, SecretSpec] = attrs.field(factory=dict[str, SecretSpec])
    emits: tuple[str, ...] | None = None
    is_strict: bool = False
