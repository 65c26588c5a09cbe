"""The catalogue of what a host offers to flows: actions as typed Python functions, events and types as attrs classes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import attrs

from dagflow.actions import kinds
from dagflow.actions.annotations import Shape, field_of, hints_of, named_types, shape_of
from dagflow.actions.calling import BoundAction, CatalogPerformer, RunInThread
from dagflow.actions.connections import Connections
from dagflow.actions.failures import Invocation
from dagflow.actions.secrets import EnvironmentSecrets, SecretSource
from dagflow.actions.settings import Settings
from dagflow.errors import UsageError
from dagflow.model.action import ActionSpec, Effect, EventSpec, Interface
from dagflow.model.types import Field, RecordType, Type

_ACTION_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_EFFECTS: Final = {"pure": Effect.PURE, "idempotent": Effect.IDEMPOTENT, "effectful": Effect.EFFECTFUL}

_F = TypeVar("_F", bound=Callable[..., Any])
_C = TypeVar("_C", bound=type)


@attrs.define(eq=False)
class Catalog:
    """Actions, events and types by name.

    `secrets` is where the content of secrets comes from; the environment unless said otherwise.
    """

    secrets: SecretSource = attrs.field(factory=EnvironmentSecrets, kw_only=True)
    _actions: dict[str, BoundAction] = attrs.field(factory=dict, init=False)
    _events: dict[str, EventSpec] = attrs.field(factory=dict, init=False)
    _types: dict[str, Type] = attrs.field(factory=dict, init=False)
    _declared: dict[str, ActionSpec] = attrs.field(factory=dict, init=False)

    @classmethod
    def builtin(cls, settings: Settings | None = None, *, secrets: SecretSource | None = None) -> Catalog:
        """A catalogue with `email`, `slack`, `http.request` and `log`.

        `settings` come from the environment unless given.

        Raises:
            UsageError: a setting in the environment is wrong.
        """
        from dagflow.actions.builtin import add_builtins  # noqa: PLC0415 - httpx and its kin cost more than the rest of us

        catalog = cls(secrets=secrets or EnvironmentSecrets())
        add_builtins(catalog, settings or Settings.from_environment())
        return catalog

    @classmethod
    def declared(cls, interface: Interface) -> Catalog:
        """A catalogue of signatures, as an interface file has them: flows can be checked and tested with it, and not run."""
        catalog = cls()
        catalog._declared.update(interface.actions)
        catalog._events.update(interface.events)
        catalog._types.update(interface.types)
        return catalog

    def action(self, name: str, *, effect: str = "effectful", destination: str = "") -> Callable[[_F], _F]:
        """Make a function, `async` or plain, callable from flows; a plain one runs in a thread.

        Its annotations are the signature; the first line of its docstring is the description. A parameter annotated
        `EffectKey` or `Invocation` is filled in and not part of the signature.

        Args:
            name: as flows write it, with dots if wanted.
            effect: what doing it twice would mean: `pure`, `idempotent` or `effectful`.
            destination: the parameter that says where a call goes, if not all go to one place; of an address the host counts. Retries
                are bounded for each destination.

        Raises:
            UsageError: the name is taken or not one, the signature cannot be typed, or there is no such parameter.
        """
        if _ACTION_NAME.fullmatch(name) is None:
            raise UsageError(f"`{name}` cannot name an action; use letters, digits and `_`, in parts with dots between")
        known_effect = _EFFECTS.get(effect)
        if known_effect is None:
            raise UsageError(f"action `{name}`: the effect is `pure`, `idempotent` or `effectful`, not `{effect}`")

        def register(function: _F) -> _F:
            if name in self._actions:
                raise UsageError(f"there is an action `{name}` already; choose another name")
            bound = attrs.evolve(_bind(name, known_effect, function), destination=destination)
            if destination and destination not in bound.shapes:
                raise UsageError(
                    f"action `{name}` has no parameter `{destination}`; `destination` names the one that says where it goes"
                )
            for type_ in (*(field.type for field in bound.spec.params), bound.spec.result):
                self._add_types(type_, f"action `{name}`")
            self._actions[name] = bound
            return function

        return register

    def event(self, name: str, payload: type, *, doc: str = "") -> None:
        """Declare an event by the attrs class of what it carries.

        Raises:
            UsageError: the name is taken, or the class cannot be typed.
        """
        if name in self._events:
            raise UsageError(f"there is an event `{name}` already; choose another name")
        shape = shape_of(payload, f"event `{name}`")
        if not isinstance(shape.type, RecordType):
            raise UsageError(f"event `{name}`: its payload is an attrs class, not `{payload.__name__}`")
        self._add_types(shape.type, f"event `{name}`")
        self._events[name] = EventSpec(name=name, payload=shape.type, doc=doc or _first_line(payload))

    def type(self, class_: _C) -> _C:
        """Make an attrs class or a string enum known to flows by its name; usable as a decorator.

        Raises:
            UsageError: another type has the name, or the class cannot be typed.
        """
        shape = shape_of(class_, f"type `{class_.__name__}`")
        if not named_types(shape.type):
            raise UsageError(f"`{class_.__name__}` makes no type of its own; give an attrs class or a string enum")
        self._add_types(shape.type, f"type `{class_.__name__}`")
        return class_

    @property
    def interface(self) -> Interface:
        """What the compiler has to know of all this: signatures only."""
        actions = {name: bound.spec for name, bound in self._actions.items()}
        return Interface(actions=self._declared | actions, events=dict(self._events), types=dict(self._types))

    def performer(self, run_in_thread: RunInThread) -> CatalogPerformer:
        """What calls these actions for a driver; `run_in_thread` runs a blocking function and awaits its result."""
        if self._declared:
            raise UsageError("these actions are only declared; to run flows, give the module that has them")
        return CatalogPerformer(self._actions, self.secrets, run_in_thread)

    def _add_types(self, type_: Type, where: str) -> None:
        for name, found in named_types(type_).items():
            known = self._types.setdefault(name, found)
            if known != found:
                raise UsageError(f"{where}: there is another type `{name}` already; two types need two names")


def _bind(name: str, effect: Effect, function: Callable[..., Any]) -> BoundAction:
    where = f"action `{name}` ({getattr(function, '__qualname__', function)})"
    hints = hints_of(function, where)
    shapes: dict[str, Shape] = {}
    fields: list[Field] = []
    key_names: list[str] = []
    invocation_names: list[str] = []
    connections_names: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        place = f"{where}, parameter `{parameter.name}`"
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise UsageError(f"{place}: arguments come by name; remove the `*` or `/`")
        if parameter.name not in hints:
            raise UsageError(f"{place} has no annotation; add its type")
        annotation = hints[parameter.name]
        if annotation is kinds.EffectKey:
            key_names.append(parameter.name)
        elif annotation is Invocation:
            invocation_names.append(parameter.name)
        elif annotation is Connections:
            connections_names.append(parameter.name)
        else:
            shapes[parameter.name] = shape_of(annotation, place)
            default = attrs.NOTHING if parameter.default is parameter.empty else parameter.default
            fields.append(field_of(parameter.name, shapes[parameter.name], default, place))
    if "return" not in hints:
        raise UsageError(f"{where} does not say what it returns; add `-> …`, or `-> None`")
    result = shape_of(hints["return"], f"{where}, result")
    doc = _first_line(function)
    is_keyed = bool(key_names)
    spec = ActionSpec(name=name, params=tuple(fields), result=result.type, effect=effect, takes_key=is_keyed, doc=doc)
    return BoundAction(
        spec, function, shapes, result, tuple(key_names), tuple(invocation_names), connections_names=tuple(connections_names)
    )


def _first_line(thing: Any) -> str:
    """Of its own docstring; attrs and builtins have inherited ones that say nothing."""
    doc = inspect.cleandoc(getattr(thing, "__doc__", None) or "")
    return "" if doc.startswith("Method generated by attrs") else doc.partition("\n")[0]
