"""Calls of a host's functions: arguments in, result out, everything checked on the way, every failure in one form."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Protocol, cast, runtime_checkable
from urllib.parse import urlsplit

import anyio
import attrs

from dagflow.actions.bound_action import MANY_PARTS, BoundAction, n_parts
from dagflow.actions.dependencies import Dependencies
from dagflow.actions.failures import ActionFailed, Fatal, Invocation
from dagflow.actions.fast_arguments import Conversion, conversions_for, converted
from dagflow.actions.fast_path import FastAction
from dagflow.actions.host_exceptions import passing
from dagflow.actions.host_failures import failure_of
from dagflow.actions.host_function import is_coroutine_function
from dagflow.actions.http_client.pool import Connections
from dagflow.actions.runner import Runner, RunsOn
from dagflow.actions.secrets import Redactor, Vault
from dagflow.actions.wrong_loop import wrong_loop
from dagflow.model.types import Type


@runtime_checkable
class HasLifespan(Protocol):
    """A performer that holds something open between calls; `CatalogPerformer` is one."""

    def open(self) -> AbstractAsyncContextManager[None]:
        """Enter the host's lifespan and pool connections until the block is left. Without it each request has a connection of its own.

        Raises:
            UsageError: an action asks for an object that the host does not provide.
        """
        ...


@attrs.frozen(eq=False)
class CatalogPerformer:
    """Calls the actions of a catalogue for a driver (`drivers.perform.Performer`)."""

    _actions: Mapping[str, BoundAction]
    _vault: Vault
    _runner: Runner
    _dependencies: Dependencies = attrs.field(factory=lambda: Dependencies(None, {}))
    #: Where the host's async functions run, with the asyncio loop of the host if it has one.
    _runs_on: RunsOn = RunsOn.TRIO
    _loop: asyncio.AbstractEventLoop | None = None
    _connections: Connections = attrs.field(factory=Connections)
    #: The contents of secrets that calls have received so far; no output shows them.
    _revealed: Redactor = attrs.field(factory=Redactor)
    _secrets_of: Callable[[str], Mapping[str, str | Callable[[], str]] | None] = attrs.field(default=lambda _tenant: None)

    def with_secrets_of(self, secrets_of: Callable[[str], Mapping[str, str | Callable[[], str]] | None]) -> CatalogPerformer:
        """The same performer, with the secrets of tenants; `secrets_of` returns None for those of the catalog."""
        return attrs.evolve(self, secrets_of=secrets_of)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """See `HasLifespan`."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._connections.serve)
            async with self._dependencies.open(self._actions.values(), self._runner, self._runs_on, self._loop):
                yield
            tasks.cancel_scope.cancel()

    def direct(self, action: str, arguments: Mapping[str, Type], result: Type) -> FastAction | None:
        """The fast path to an action, for arguments of these types and a result of exactly that one; None if there is none."""
        bound = self._actions.get(action)
        if bound is None or bound.spec.result != result:
            return None
        conversions = conversions_for(bound, arguments)
        if conversions is None:
            return None
        function: Callable[..., Awaitable[object]]
        if self._place_of(bound) is not RunsOn.TRIO:
            function = partial(self._call_elsewhere, bound)
        elif is_coroutine_function(bound.function):
            function = bound.function
        else:
            return None
        if conversions:
            function = partial(_convert_and_call, bound, conversions, function)
        return FastAction(function, bound.keep, partial(self._kept, bound), partial(self._failure, bound), bound.key_names)

    def destination(self, action: str, arguments: Mapping[str, object]) -> str:
        """The destination of a call: the action, with the value of its `destination`; of an address the host."""
        bound = self._actions.get(action)
        if bound is None or not bound.spec.destination:
            return action
        value = str(arguments.get(bound.spec.destination))
        with contextlib.suppress(ValueError):
            value = urlsplit(value).hostname or value
        return f"{action} {value}"[:200]

    async def perform(self, invocation: Invocation) -> object:
        """Call the action; its result comes in stored form, checked against its type.

        Raises:
            ActionFailed: the function raised, or returned an invalid result. No part of it contains a secret.
        """
        bound = self._actions.get(invocation.action)
        if bound is None:
            known = ", ".join(sorted(self._actions)) or "none"
            raise ActionFailed(f"there is no action `{invocation.action}`; there are: {known}", "no_such_action", fatal=True)
        failure: ActionFailed
        cause: BaseException | None
        try:
            arguments = self._arguments(bound, invocation)
            if self._place_of(bound) is RunsOn.TRIO:
                result = await _awaitable(bound.function(**arguments))
            else:
                result = await self._call_elsewhere(bound, **arguments)
            return await self._kept(bound, result)
        except BaseException as error:  # noqa: BLE001 - any exception fails the attempt, except for those from around it
            rest = passing(error)
            if rest is not None:
                raise rest from None
            failure, cause = self._failure(bound, error), error
        # Outside of the handler, and without the cause if that could contain a secret: tracebacks are written to logs.
        raise failure from (None if self._revealed.is_needed else cause)

    @staticmethod
    async def _kept(bound: BoundAction, result: object) -> object:
        if n_parts(result, MANY_PARTS) > MANY_PARTS:
            return await anyio.to_thread.run_sync(bound.checked, result)
        return bound.checked(result)

    def _place_of(self, bound: BoundAction) -> RunsOn:
        return bound.runs_on or self._runs_on

    async def _call_elsewhere(self, bound: BoundAction, /, **arguments: object) -> object:
        """Call a function that does not run in trio."""
        call = partial(bound.function, **arguments)
        match self._place_of(bound):
            case RunsOn.ASYNCIO:
                return await self._runner.on_asyncio(partial(_awaited, call), self._loop)
            case RunsOn.PROCESS:
                return await self._runner.in_process(call)
            case _:
                return await self._runner.in_thread(partial(_call_plain, call))

    def _failure(self, bound: BoundAction, error: BaseException) -> ActionFailed:
        """The failure of a call that raised this."""
        failure = failure_of(error, self._revealed)
        meant = wrong_loop(error, bound.spec.name, self._place_of(bound))
        if meant is None:
            return failure
        meant.traceback = failure.traceback
        return meant

    def _arguments(self, bound: BoundAction, invocation: Invocation) -> dict[str, object]:
        contents = self._secrets_of(invocation.tenant)
        vault = self._vault if contents is None else self._vault.of_tenant(contents)

        of_secrets: list[Exception] = []

        def reveal(name: str) -> str:
            address = invocation.arguments.get(bound.spec.destination)
            try:
                content = vault.reveal(name, bound.spec, address if isinstance(address, str) else None)
            except Exception as error:
                of_secrets.append(error)
                raise
            self._revealed.add(name, content)
            return content

        stored = bound.stored(invocation.arguments)
        arguments: dict[str, object] = {}
        for name, shape in bound.shapes.items():
            try:
                arguments[name] = bound.into(name, shape, stored.get(name), reveal)
            except ActionFailed:
                if of_secrets:
                    raise of_secrets[0] from None
                raise
        arguments |= {name: self._dependencies.of(type_, invocation) for name, type_ in bound.injected.items()}
        return (
            arguments
            | dict.fromkeys(bound.key_names, invocation.effect_key)
            | dict.fromkeys(bound.invocation_names, invocation)
            | {name: self._connections if kind is Connections else self._revealed for name, kind in bound.given_names.items()}
        )


def _call_plain(call: Callable[[], object]) -> object:
    result = call()
    if isinstance(result, Coroutine):
        result.close()
        raise Fatal(
            'a plain function returned a coroutine; define it with `async def`, or declare `runs="trio"` or `runs="asyncio"`',
            code="bad_result",
        )
    return result


def _awaitable(result: object) -> Awaitable[object]:
    """What an async function returns; a function that is declared so may be plain, and return something else."""
    if not isinstance(result, Awaitable):
        raise Fatal(
            f"an async function must return an awaitable; got {type(result).__name__}. Define it with `async def`", "bad_result"
        )
    return cast("Awaitable[object]", result)


async def _convert_and_call(
    bound: BoundAction,
    conversions: Mapping[str, Conversion],
    function: Callable[..., Awaitable[object]],
    /,
    **arguments: object,
) -> object:
    return await function(**converted(bound, conversions, arguments))


async def _awaited(call: Callable[[], object]) -> object:
    return await _awaitable(call())
