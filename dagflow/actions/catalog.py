"""The catalogue of a host's interface to flows: actions as typed Python functions, events and types as attrs classes."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Collection, Generator, Sequence
from copy import copy
from typing import Any, Final, Literal, TypeAlias, TypeVar, overload

import attrs

from dagflow.actions.binding import bind, declared_spec
from dagflow.actions.bound_action import BoundAction
from dagflow.actions.builtin.settings import Settings
from dagflow.actions.dependencies import Dependencies, Lifespan, Provider, provider_of
from dagflow.actions.host_function import first_line, label_of, name_of
from dagflow.actions.performer import CatalogPerformer
from dagflow.actions.runner import Runner, RunsOn
from dagflow.actions.secrets import EnvironmentSecrets, Redactor, SecretSource, Vault
from dagflow.actions.signatures import named_types, shape_of
from dagflow.errors import UsageError
from dagflow.model.action import ActionSpec, Effect, EventSpec, Interface
from dagflow.model.destinations import SecretSpec, check_event_pattern
from dagflow.model.types import RecordType, Type

_ACTION_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_SECRET_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
_ON_UNKNOWN: Final = frozenset({"repeat", "fail"})
_EFFECTS: Final = {"pure": Effect.PURE, "idempotent": Effect.IDEMPOTENT, "effectful": Effect.EFFECTFUL}

#: Where the function of an action runs.
Runs: TypeAlias = Literal["trio", "asyncio", "thread", "process"]

_F = TypeVar("_F", bound=Callable[..., Any])
_C = TypeVar("_C", bound=type)


@attrs.define(eq=False)
class Catalog:
    """Actions, events and types by name.

    Attributes:
        secrets: the source of the contents of secrets; the environment by default.
        emits: the only events flows may emit, as names in which `*` stands for any text; None allows all.
        strict: whether data from outside may have no undeclared field; otherwise such fields are dropped.
        lifespan: makes a context manager that is entered when an interpreter opens, and left after it has drained. It yields the
            objects that actions ask for by `Inject[…]`, as a mapping from their types; or None.
        runs: where async functions and an async lifespan run, `trio` or `asyncio`; by default on the loop of an asyncio program that
            uses `dagflow.asyncio`, and in trio everywhere else.
    """

    secrets: SecretSource = attrs.field(factory=EnvironmentSecrets, kw_only=True)
    emits: Sequence[str] | None = attrs.field(default=None, kw_only=True)
    strict: bool = attrs.field(default=False, kw_only=True)
    lifespan: Lifespan | None = attrs.field(default=None, kw_only=True)
    runs: Literal["trio", "asyncio"] | None = attrs.field(default=None, kw_only=True)
    _loop: asyncio.AbstractEventLoop | None = attrs.field(default=None, init=False, repr=False)
    _providers: dict[Any, Provider] = attrs.field(factory=dict, init=False)
    _bindings: dict[str, SecretSpec] = attrs.field(factory=dict, init=False)
    _contents: dict[str, str | Callable[[], str]] = attrs.field(factory=dict, init=False, repr=False)
    _actions: dict[str, BoundAction] = attrs.field(factory=dict, init=False)
    _events: dict[str, EventSpec] = attrs.field(factory=dict, init=False)
    _types: dict[str, Type] = attrs.field(factory=dict, init=False)
    _declared: dict[str, ActionSpec] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.emits, str):
            raise UsageError(f"`emits` must be a list of event names, not one text; write [{self.emits!r}]")
        if self.runs not in {None, "trio", "asyncio"}:
            raise UsageError(f'`runs` of a catalog must be "trio" or "asyncio"; got {self.runs!r}')
        if self.lifespan is not None and not callable(self.lifespan):
            raise UsageError(
                f"`lifespan` must be a function that returns a context manager; got {type(self.lifespan).__name__}"
            )
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
        lifespan: Lifespan | None = None,
        runs: Literal["trio", "asyncio"] | None = None,
    ) -> Catalog:
        """A catalogue with `email`, `slack`, `http.request` and `log`.

        `settings` come from the environment unless given; the rest is as in `Catalog`.

        Raises:
            UsageError: a setting in the environment is wrong.
        """
        from dagflow.actions.builtin.register import add_builtins  # noqa: PLC0415 - loads anyio and TLS, which few programs need

        source = secrets or EnvironmentSecrets()
        catalog = cls(secrets=source, emits=emits, strict=strict, lifespan=lifespan, runs=runs)
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

    @overload
    def action(self, name: _F, /) -> _F: ...

    @overload
    def action(
        self,
        name: str | None = None,
        *,
        effect: str = "effectful",
        destination: str = "",
        on_unknown: str = "repeat",
        runs: Runs | None = None,
    ) -> Callable[[_F], _F]: ...

    def action(
        self,
        name: Any = None,
        *,
        effect: str = "effectful",
        destination: str = "",
        on_unknown: str = "repeat",
        runs: Runs | None = None,
    ) -> Any:
        """Make a function callable from flows; usable as a decorator, with and without arguments.

        Its annotations are the signature; the first line of its docstring is the description. A parameter annotated
        `EffectKey`, `Invocation` or `Inject[…]` is filled in and not part of the signature. A bound method, a `functools.partial`
        and an object with `__call__` are functions too.

        Args:
            name: as flows write it, with dots if wanted; by default that of the function.
            effect: the effect of doing it twice: `pure`, `idempotent` or `effectful`.
            destination: the parameter that names the destination of a call, if calls have several; of an address the host
                counts. Retries are bounded for each destination.
            on_unknown: the handling of a call with an unknown outcome, because the process ended during the call or the time
                was over: `repeat` calls it again, `fail` fails the step with the code `unknown_outcome`.
            runs: where it runs: `trio`, `asyncio`, `thread` or `process`. By default a plain function runs in a thread, and an
                async one where the catalog's `runs` says.

        Raises:
            UsageError: the name is registered already or not valid, the signature has no types, a word is unknown, or the function
                cannot run there.
        """
        if callable(name):
            return self._register(name, name_of(name), effect, destination, on_unknown, runs)
        if name is not None and not isinstance(name, str):
            raise UsageError(f"`catalog.action` must be called with the name of the action; got {type(name).__name__}")

        def register(function: _F) -> _F:
            return self._register(function, name_of(function) if name is None else name, effect, destination, on_unknown, runs)

        if name is not None:
            _check_declaration(name, effect, on_unknown)
        return register

    def _register(self, function: _F, name: str, effect: str, destination: str, on_unknown: str, runs: str | None) -> _F:
        if not name:
            raise UsageError(f'`{label_of(function)}` has no name of its own; write `catalog.action("name")(…)`')
        spec = declared_spec(name, _check_declaration(name, effect, on_unknown), destination, at_most_once=on_unknown == "fail")
        if name in self._actions:
            raise UsageError(f"the action `{name}` is already registered; choose another name")
        bound = attrs.evolve(bind(spec, function, runs), is_strict=self.strict)
        if destination and destination not in bound.shapes:
            raise UsageError(
                f"action `{name}` has no parameter `{destination}`; `destination` must name the parameter with the address"
            )
        for type_ in (*(field.type for field in bound.spec.params), bound.spec.result):
            self._add_types(type_, f"action `{name}`")
        self._actions[name] = bound
        return function

    def provider(self, function: _F) -> _F:
        """Have a plain function make an object for each call that asks for it by `Inject[…]`; usable as a decorator.

        Its return annotation is the type. Its parameters are `Invocation` and other `Inject[…]`. It must not block.

        Raises:
            UsageError: the function has no return annotation or another parameter, or another function provides the type.
        """
        provider = provider_of(function)
        if provider.type in self._providers:
            raise UsageError(f"{provider.where}: another provider returns this type already; return another type")
        self._providers[provider.type] = provider
        return function

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
        """Declare an event by the class of its payload: attrs, dataclass, pydantic, NamedTuple or TypedDict.

        With `strict`, an event that is sent with an undeclared field is refused; otherwise the field is dropped. The default is
        the catalogue's setting.

        Raises:
            UsageError: the name is registered already, or the class cannot be typed.
        """
        if name in self._events:
            raise UsageError(f"the event `{name}` is already registered; choose another name")
        shape = shape_of(payload, f"event `{name}`")
        if not isinstance(shape.type, RecordType):
            raise UsageError(f"event `{name}`: its payload must be a class with fields; got `{payload.__name__}`")
        self._add_types(shape.type, f"event `{name}`")
        is_strict = self.strict if strict is None else strict
        self._events[name] = EventSpec(name=name, payload=shape.type, doc=doc or first_line(payload), is_strict=is_strict)

    def type(self, class_: _C) -> _C:
        """Make a class with fields or a string enum known to flows by its name; usable as a decorator.

        Raises:
            UsageError: another type has the name, or the class cannot be typed.
        """
        shape = shape_of(class_, f"type `{class_.__name__}`")
        if not named_types(shape.type):
            raise UsageError(f"a type must be a class with fields or a string enum; got `{class_.__name__}`")
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

    def secret_names(self) -> frozenset[str]:
        """The names of the secrets that the catalog knows; another source of secrets than `EnvironmentSecrets` may have more.

        Raises:
            UsageError: a binding is not valid.
        """
        return self._vault.names()

    @property
    def _vault(self) -> Vault:
        return Vault(self.secrets, self._bindings, self._contents)

    def on_loop(self, loop: asyncio.AbstractEventLoop) -> Catalog:
        """A copy whose async functions and lifespan run on this asyncio loop, unless the host says that they run in trio."""
        copied = copy(self)
        copied._loop = loop  # noqa: SLF001 - of this class
        return copied

    def performer(self, runner: Runner) -> CatalogPerformer:
        """A performer that calls these actions for a driver; `runner` runs the functions that do not run in trio."""
        if self._declared:
            raise UsageError("these actions are only declared; to run flows, pass the module that implements them")
        runs_on = RunsOn(self.runs) if self.runs else RunsOn.TRIO if self._loop is None else RunsOn.ASYNCIO
        dependencies = Dependencies(self.lifespan, self._providers)
        return CatalogPerformer(self._actions, self._vault, runner, dependencies, runs_on, self._loop)

    def _add_types(self, type_: Type, where: str) -> None:
        for name, found in named_types(type_).items():
            known = self._types.setdefault(name, found)
            if known != found:
                raise UsageError(f"{where}: another type is already named `{name}`; rename one of them")


def _check_declaration(name: str, effect: str, on_unknown: str) -> Effect:
    """The effect that a word stands for. Raises UsageError: the name is not valid, or a word is unknown."""
    if _ACTION_NAME.fullmatch(name) is None:
        raise UsageError(
            f"the name of an action must consist of letters, digits and `_`, in parts separated by dots; got `{name}`"
        )
    known = _EFFECTS.get(effect)
    if known is None:
        raise UsageError(f"action `{name}`: the effect must be `pure`, `idempotent` or `effectful`; got `{effect}`")
    if on_unknown not in _ON_UNKNOWN:
        raise UsageError(f"action `{name}`: `on_unknown` must be `repeat` or `fail`; got `{on_unknown}`")
    return known


@contextlib.contextmanager
def _as_usage(where: str) -> Generator[None]:
    """Raise a ValueError as a UsageError, since the caller can fix it."""
    try:
        yield
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
