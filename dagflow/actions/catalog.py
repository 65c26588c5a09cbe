"""The catalogue of a host's interface to flows: actions as typed Python functions, events and types as attrs classes."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Collection, Generator, Sequence
from copy import copy
from typing import Any, Final, TypeVar, cast

import attrs

from dagflow.actions import markers
from dagflow.actions.builtin.settings import Settings
from dagflow.actions.failures import Invocation
from dagflow.actions.http_client.pool import Connections
from dagflow.actions.performer import BoundAction, CatalogPerformer, RunInThread
from dagflow.actions.secrets import EnvironmentSecrets, Redactor, SecretSource, Vault
from dagflow.actions.signatures import Shape, field_of, hints_of, named_types, shape_of
from dagflow.errors import UsageError
from dagflow.model.action import ActionSpec, Effect, EventSpec, Interface
from dagflow.model.destinations import SecretSpec, check_event_pattern
from dagflow.model.types import Field, RecordType, Type

_ACTION_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_SECRET_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
_ON_UNKNOWN: Final = frozenset({"repeat", "fail"})
_EFFECTS: Final = {"pure": Effect.PURE, "idempotent": Effect.IDEMPOTENT, "effectful": Effect.EFFECTFUL}

_F = TypeVar("_F", bound=Callable[..., Any])
_C = TypeVar("_C", bound=type)


@attrs.define(eq=False)
class Catalog:
    """Actions, events and types by name.

    Attributes:
        secrets: the source of the contents of secrets; the environment by default.
        emits: the only events flows may emit, as names in which `*` stands for any text; None allows all.
        strict: whether data from outside may have no undeclared field; otherwise such fields are dropped.
    """

    secrets: SecretSource = attrs.field(factory=EnvironmentSecrets, kw_only=True)
    emits: Sequence[str] | None = attrs.field(default=None, kw_only=True)
    strict: bool = attrs.field(default=False, kw_only=True)
    _bindings: dict[str, SecretSpec] = attrs.field(factory=dict, init=False)
    _contents: dict[str, str | Callable[[], str]] = attrs.field(factory=dict, init=False, repr=False)
    _actions: dict[str, BoundAction] = attrs.field(factory=dict, init=False)
    _events: dict[str, EventSpec] = attrs.field(factory=dict, init=False)
    _types: dict[str, Type] = attrs.field(factory=dict, init=False)
    _declared: dict[str, ActionSpec] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.emits, str):
            raise UsageError(f"`emits` must be a list of event names, not one text; write [{self.emits!r}]")
        for pattern in self.emits or ():
            with _as_usage("`emits`"):
                check_event_pattern(pattern)

    @classmethod
    def builtin(
        cls,
        settings: Settings | None = None,
        *,
        secrets: SecretSource | None = None,
        emits: Sequence[str] | None = None,
        strict: bool = False,
    ) -> Catalog:
        """A catalogue with `email`, `slack`, `http.request` and `log`.

        `settings` come from the environment unless given; the rest is as in `Catalog`.

        Raises:
            UsageError: a setting in the environment is wrong.
        """
        from dagflow.actions.builtin.register import add_builtins  # noqa: PLC0415 - loads anyio and TLS, which few programs need

        catalog = cls(secrets=secrets or EnvironmentSecrets(), emits=emits, strict=strict)
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

    def action(
        self, name: str, *, effect: str = "effectful", destination: str = "", on_unknown: str = "repeat"
    ) -> Callable[[_F], _F]:
        """Make a function, `async` or plain, callable from flows; a plain one runs in a thread.

        Its annotations are the signature; the first line of its docstring is the description. A parameter annotated
        `EffectKey` or `Invocation` is filled in and not part of the signature.

        Args:
            name: as flows write it, with dots if wanted.
            effect: the effect of doing it twice: `pure`, `idempotent` or `effectful`.
            destination: the parameter that names the destination of a call, if calls have several; of an address the host
                counts. Retries are bounded for each destination.
            on_unknown: the handling of a call with an unknown outcome, because the process ended during the call or the time
                was over: `repeat` calls it again, `fail` fails the step with the code `unknown_outcome`.

        Raises:
            UsageError: the name is registered already or not valid, the signature has no types, or a word is unknown.
        """
        if not isinstance(cast("object", name), str):
            raise UsageError('`catalog.action` must be called with the name of the action: write `@catalog.action("name")`')
        if _ACTION_NAME.fullmatch(name) is None:
            raise UsageError(
                f"the name of an action must consist of letters, digits and `_`, in parts separated by dots; got `{name}`"
            )
        known_effect = _EFFECTS.get(effect)
        if known_effect is None:
            raise UsageError(f"action `{name}`: the effect must be `pure`, `idempotent` or `effectful`; got `{effect}`")
        if on_unknown not in _ON_UNKNOWN:
            raise UsageError(f"action `{name}`: `on_unknown` must be `repeat` or `fail`; got `{on_unknown}`")

        def register(function: _F) -> _F:
            if name in self._actions:
                raise UsageError(f"the action `{name}` is already registered; choose another name")
            bound = attrs.evolve(_bind(name, known_effect, function, destination), is_strict=self.strict)
            bound = attrs.evolve(bound, spec=attrs.evolve(bound.spec, at_most_once=on_unknown == "fail"))
            if destination and destination not in bound.shapes:
                raise UsageError(
                    f"action `{name}` has no parameter `{destination}`; `destination` must name the parameter with the address"
                )
            for type_ in (*(field.type for field in bound.spec.params), bound.spec.result):
                self._add_types(type_, f"action `{name}`")
            self._actions[name] = bound
            return function

        return register

    def secret(
        self,
        name: str,
        value: str | Callable[[], str] | None = None,
        *,
        hosts: Sequence[str] = (),
        actions: Sequence[str] = (),
    ) -> None:
        """Bind a secret to the servers and actions that may receive it; `value` overrides the content from `secrets`.

        An unbound secret may only go to actions whose target the host chooses: never to one with a `destination`.

        Args:
            name: as flows write it behind `secrets.`.
            value: its content, or a function that returns it, called for each use.
            hosts: servers it may be sent to by an action with a `destination`, such as `http.request`: `api.example.com`,
                `*.example.com`, `api.example.com:8443`. By https only; an entry with `http://` allows http.
            actions: the only actions that may receive it.

        Raises:
            UsageError: the name or a host is not valid, or the secret is bound already.
        """
        if _SECRET_NAME.fullmatch(name) is None:
            raise UsageError(f"the name of a secret must consist of letters, digits and `_`; got `{name[:100]}`")
        if name in self._bindings:
            raise UsageError(f"the secret `{name}` is already bound; bind it once, to all its hosts and actions")
        if isinstance(hosts, str) or isinstance(actions, str):
            raise UsageError(f"secret `{name}`: `hosts` and `actions` must be lists of texts, not one text")
        for action in actions:
            if _ACTION_NAME.fullmatch(action) is None:
                raise UsageError(f"secret `{name}`: `{action[:100]}` cannot name an action")
        with _as_usage(f"secret `{name}`"):
            self._bindings[name] = SecretSpec.of(hosts, actions)
        if value is not None:
            self._contents[name] = value

    def event(self, name: str, payload: type, *, doc: str = "", strict: bool | None = None) -> None:
        """Declare an event by the attrs class of its payload.

        With `strict`, an event that is sent with an undeclared field is refused; otherwise the field is dropped. The default is
        the catalogue's setting.

        Raises:
            UsageError: the name is registered already, or the class cannot be typed.
        """
        if name in self._events:
            raise UsageError(f"the event `{name}` is already registered; choose another name")
        shape = shape_of(payload, f"event `{name}`")
        if not isinstance(shape.type, RecordType):
            raise UsageError(f"event `{name}`: its payload must be an attrs class; got `{payload.__name__}`")
        self._add_types(shape.type, f"event `{name}`")
        is_strict = self.strict if strict is None else strict
        self._events[name] = EventSpec(name=name, payload=shape.type, doc=doc or _first_line(payload), is_strict=is_strict)

    def type(self, class_: _C) -> _C:
        """Make an attrs class or a string enum known to flows by its name; usable as a decorator.

        Raises:
            UsageError: another type has the name, or the class cannot be typed.
        """
        shape = shape_of(class_, f"type `{class_.__name__}`")
        if not named_types(shape.type):
            raise UsageError(f"a type must be an attrs class or a string enum; got `{class_.__name__}`")
        self._add_types(shape.type, f"type `{class_.__name__}`")
        return class_

    @property
    def interface(self) -> Interface:
        """The interface for the compiler: signatures only.

        Raises:
            UsageError: a binding of a secret in the environment is not valid.
        """
        actions = {name: bound.spec for name, bound in self._actions.items()}
        return Interface(
            actions=self._declared | actions,
            events=dict(self._events),
            types=dict(self._types),
            secrets=self._vault.bindings(),
            emits=None if self.emits is None else tuple(self.emits),
            is_strict=self.strict,
        )

    def redactor(self, names: Collection[str]) -> Redactor:
        """A redactor for the contents of these secrets, for output; unavailable secrets are skipped."""
        redactor = Redactor()
        for name in names:
            with contextlib.suppress(Exception):  # a host's source may fail for lack of a resource
                redactor.add(name, self._vault.content(name) or "")
        return redactor

    @property
    def _vault(self) -> Vault:
        return Vault(self.secrets, self._bindings, self._contents)

    def with_async(self, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Catalog:
        """A copy in which the host's async functions are wrapped: for hosts whose functions run on another event loop than trio's.

        Args:
            wrap: takes an async function and returns one that does the same when trio awaits it. Built-in actions stay as they are.
        """
        wrapped = copy(self)
        wrapped._actions = {  # noqa: SLF001 - of this class
            name: attrs.evolve(bound, function=wrap(bound.function)) if bound.is_async and not _is_builtin(bound) else bound
            for name, bound in self._actions.items()
        }
        return wrapped

    def performer(self, run_in_thread: RunInThread) -> CatalogPerformer:
        """A performer that calls these actions for a driver; `run_in_thread` runs a blocking function and awaits its result."""
        if self._declared:
            raise UsageError("these actions are only declared; to run flows, pass the module that implements them")
        return CatalogPerformer(self._actions, self._vault, run_in_thread)

    def _add_types(self, type_: Type, where: str) -> None:
        for name, found in named_types(type_).items():
            known = self._types.setdefault(name, found)
            if known != found:
                raise UsageError(f"{where}: another type is already named `{name}`; rename one of them")


def _is_builtin(bound: BoundAction) -> bool:
    return bound.function.__module__.startswith("dagflow.")


@contextlib.contextmanager
def _as_usage(where: str) -> Generator[None]:
    """Raise a ValueError as a UsageError, since the caller can fix it."""
    try:
        yield
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None


def _bind(name: str, effect: Effect, function: Callable[..., Any], destination: str) -> BoundAction:
    where = f"action `{name}` ({getattr(function, '__qualname__', function)})"
    hints = hints_of(function, where)
    shapes: dict[str, Shape] = {}
    fields: list[Field] = []
    key_names: list[str] = []
    invocation_names: list[str] = []
    given_names: dict[str, type] = {}
    for parameter in inspect.signature(function).parameters.values():
        place = f"{where}, parameter `{parameter.name}`"
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise UsageError(f"{place}: arguments are passed by name; remove the `*` or `/`")
        if parameter.name not in hints:
            raise UsageError(f"{place} has no annotation; add its type")
        annotation = hints[parameter.name]
        if annotation is markers.EffectKey:
            key_names.append(parameter.name)
        elif annotation is Invocation:
            invocation_names.append(parameter.name)
        elif annotation is Connections or annotation is Redactor:
            given_names[parameter.name] = annotation
        else:
            shapes[parameter.name] = shape_of(annotation, place)
            default = attrs.NOTHING if parameter.default is parameter.empty else parameter.default
            fields.append(field_of(parameter.name, shapes[parameter.name], default, place))
    if "return" not in hints:
        raise UsageError(f"{where} has no return annotation; add `-> …`, or `-> None`")
    result = shape_of(hints["return"], f"{where}, result")
    doc = _first_line(function)
    is_keyed = bool(key_names)
    spec = ActionSpec(
        name=name,
        params=tuple(fields),
        result=result.type,
        effect=effect,
        takes_key=is_keyed,
        doc=doc,
        destination=destination,
    )
    return BoundAction(spec, function, shapes, result, tuple(key_names), tuple(invocation_names), given_names)


def _first_line(thing: Any) -> str:
    """The first line of its own docstring; the docstrings that attrs and builtins inherit say nothing."""
    doc = inspect.cleandoc(getattr(thing, "__doc__", None) or "")
    return "" if doc.startswith("Method generated by attrs") else doc.partition("\n")[0]
