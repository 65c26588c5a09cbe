"""Objects of the host for its actions: made once by the catalog's lifespan, or for each call by a provider.

The lifespan is an async or plain context manager around the time in which actions run. It yields a mapping from types to objects.
A provider is a plain function from the invocation to an object, whose return annotation is the type.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from functools import partial
from typing import Any, TypeAlias, cast

import anyio
import attrs

from dagflow.actions.binding import injected_type
from dagflow.actions.bound_action import BoundAction
from dagflow.actions.failures import Invocation
from dagflow.actions.host_function import host_function
from dagflow.actions.runner import Runner, RunsOn
from dagflow.errors import UsageError

#: The objects of a lifespan, by the type under which actions ask for them.
Provided: TypeAlias = Mapping[Any, object]
#: Makes the context manager around the time in which actions run.
Lifespan: TypeAlias = Callable[[], AbstractAsyncContextManager[Provided | None] | AbstractContextManager[Provided | None]]


@attrs.frozen
class Provider:
    """A function that makes an object for a call.

    Attributes:
        type: of the object.
        invocation_names: parameters for the invocation. injected: parameters for other objects, by name.
    """

    function: Callable[..., object]
    type: Any
    where: str
    invocation_names: tuple[str, ...]
    injected: Mapping[str, Any]


def provider_of(function: Callable[..., object]) -> Provider:
    """Read a provider. Raises UsageError: it is `async`, has no return annotation, or has a parameter that nothing fills in."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    host = attrs.evolve(host_function(function, name), where=f"provider `{name}`")
    if host.is_async:
        raise UsageError(f"{host.where} must be a plain function; open what needs `await` in the lifespan")
    if host.hints.get("return") in {None, type(None)}:
        raise UsageError(f"{host.where} must have a return annotation, the type that it provides")
    invocations: list[str] = []
    injected: dict[str, Any] = {}
    for parameter in host.parameters:
        wanted = injected_type(host.hints.get(parameter))
        if wanted is not None:
            injected[parameter] = wanted
        elif host.hints.get(parameter) is Invocation:
            invocations.append(parameter)
        else:
            raise UsageError(f"{host.where}, parameter `{parameter}`: its type must be `Invocation` or `Inject[…]`")
    return Provider(function, host.hints["return"], host.where, tuple(invocations), injected)


@attrs.frozen(eq=False)
class Dependencies:
    """The objects that actions get while an interpreter is open."""

    _lifespan: Lifespan | None
    _providers: Mapping[Any, Provider]
    _values: dict[Any, object] = attrs.field(factory=dict[Any, object])

    @asynccontextmanager
    async def open(
        self, actions: Collection[BoundAction], runner: Runner, runs_on: RunsOn, loop: asyncio.AbstractEventLoop | None
    ) -> AsyncGenerator[None]:
        """Enter the lifespan, and check that every action gets all it asks for.

        Raises:
            UsageError: an action asks for a type that nothing provides, or the lifespan yields anything but a mapping.
            Exception: the lifespan raised; its own exception.
        """
        async with self._entered(runner, runs_on, loop) as yielded:
            self._values.update(_checked(yielded))
            try:
                for action in actions:
                    for parameter, type_ in action.injected.items():
                        self._check(type_, f"{action.where}, parameter `{parameter}`", ())
                yield
            finally:
                self._values.clear()

    def of(self, type_: Any, invocation: Invocation) -> object:
        """The object of that type for a call. Raises UsageError: nothing provides it; Exception: its provider raised."""
        if type_ in self._values:
            return self._values[type_]
        provider = self._providers.get(type_)
        if provider is None:
            raise UsageError(f"nothing provides `{_shown(type_)}`; actions run while the interpreter is open")
        injected = {name: self.of(each, invocation) for name, each in provider.injected.items()}
        return provider.function(**injected, **dict.fromkeys(provider.invocation_names, invocation))

    def _entered(
        self, runner: Runner, runs_on: RunsOn, loop: asyncio.AbstractEventLoop | None
    ) -> AbstractAsyncContextManager[object]:
        lifespan = self._lifespan
        if lifespan is None:
            return _nothing()
        manager = cast("object", lifespan())
        if isinstance(manager, AbstractAsyncContextManager):
            # A second call of the lifespan would be wrong; what it has made is entered where async functions run.
            made = cast("AbstractAsyncContextManager[object]", manager)
            return made if runs_on is RunsOn.TRIO else runner.held_on_asyncio(lambda: made, loop)
        if isinstance(manager, AbstractContextManager):
            return _in_threads(cast("AbstractContextManager[object]", manager), runner)
        raise UsageError(
            f"the lifespan must return a context manager, e.g. with `@asynccontextmanager`; got {type(manager).__name__}"
        )

    def _check(self, type_: Any, where: str, outer: tuple[Any, ...]) -> None:
        if type_ in self._values:
            return
        provider = self._providers.get(type_)
        if provider is None:
            message = f"{where}: nothing provides `{_shown(type_)}`"
            raise UsageError(f"{message}; yield it from the catalog's lifespan, or write a `@catalog.provider` that returns it")
        if type_ in outer:
            raise UsageError(f"{where}: `{_shown(type_)}` needs itself; change {provider.where}")
        for name, each in provider.injected.items():
            self._check(each, f"{provider.where}, parameter `{name}`", (*outer, type_))


@asynccontextmanager
async def _nothing() -> AsyncGenerator[None]:
    yield


@asynccontextmanager
async def _in_threads(manager: AbstractContextManager[object], runner: Runner) -> AsyncGenerator[object]:
    """A plain context manager, which may block."""
    value = await runner.in_thread(manager.__enter__)
    try:
        yield value
    finally:
        with anyio.CancelScope(shield=True):
            await runner.in_thread(partial(manager.__exit__, None, None, None))


def _checked(yielded: object) -> Provided:
    if yielded is None:
        return {}
    if not isinstance(yielded, Mapping):
        raise UsageError(
            f"the lifespan must yield a mapping from types to objects, such as {{Pool: pool}}; got {type(yielded).__name__}"
        )
    provided = cast("Provided", yielded)
    for type_, value in provided.items():
        if isinstance(type_, type) and not getattr(type_, "_is_protocol", False) and not isinstance(value, type_):
            raise UsageError(f"the lifespan yields a {type(value).__name__} as `{_shown(type_)}`; yield it under its own type")
    return provided


def _shown(type_: Any) -> str:
    return str(getattr(type_, "__qualname__", type_))
