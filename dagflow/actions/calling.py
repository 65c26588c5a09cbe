"""Calling a host's function: arguments in, result out, everything checked on the way, every failure in one form."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property, lru_cache, partial
from typing import Any, Final, Protocol, runtime_checkable
from urllib.parse import urlsplit

import attrs
import orjson

from dagflow.actions.annotations import Shape
from dagflow.actions.connections import Connections
from dagflow.actions.direct import MISS, Direct, check_of, is_as_stored
from dagflow.actions.failures import ActionFailed, Fatal, Invocation, RetryAfter
from dagflow.actions.secrets import Redactor, SecretSource
from dagflow.model import wire
from dagflow.model.action import ActionSpec
from dagflow.model.plain import is_object
from dagflow.model.types import Field, ListType, MapType, OptionalType, Primitive, RecordType, Type

#: A message is for people and is kept in the history.
MAX_MESSAGE: Final = 1_000
#: A result is kept in the history.
MAX_RESULT: Final = 1024 * 1024
_WORD_START: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class RunInThread(Protocol):
    """Runs a blocking function in a thread and awaits what it returns or raises."""

    def __call__(self, function: Callable[[], object], /) -> Awaitable[object]:
        """Run it."""
        ...


@runtime_checkable
class ConnectionKeeper(Protocol):
    """A performer that can keep connections between calls; `CatalogPerformer` is one."""

    async def keep_connections(self) -> None:
        """Keep connections between calls, until cancelled; then all are closed. Without it each request has one of its own."""
        ...


@attrs.frozen(eq=False)
class BoundAction:
    """An action and the function behind it.

    Attributes:
        shapes: of the parameters of the signature, by name.
        key_names, invocation_names, connections_names: parameters filled in with the effect key, the invocation, and the
            connections that are kept.
        destination: the parameter that says where a call goes; "" if all go to one place.
    """

    spec: ActionSpec
    function: Callable[..., Any]
    shapes: Mapping[str, Shape]
    result: Shape
    key_names: tuple[str, ...] = ()
    invocation_names: tuple[str, ...] = ()
    destination: str = ""
    connections_names: tuple[str, ...] = ()

    @cached_property
    def is_filled_in(self) -> bool:
        """Whether it is given more than flows say."""
        return bool(self.key_names or self.invocation_names or self.connections_names)

    @cached_property
    def is_async(self) -> bool:
        """Whether it is a coroutine function, which needs no thread."""
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def declared(self) -> Mapping[str, Type]:
        """The types of its parameters, by name."""
        return {field.name: field.type for field in self.spec.params}

    @cached_property
    def direct(self) -> Direct | None:
        """The short way to it, if there is one."""
        if not self.is_async or self.is_filled_in:
            return None
        check = check_of(self.result)
        if check is None or not all(is_as_stored(shape) for shape in self.shapes.values()):
            return None

        def keep(value: object) -> object:
            kept: object = check(value)
            return _checked(self, value, Redactor()) if kept is MISS else kept

        return Direct(self.function, keep, lambda error: _as_failure(error, Redactor()))

    @cached_property
    def from_json(self) -> Mapping[str, wire.Codec]:
        """For the arguments, by name, whose stored form is not their JSON."""
        return {field.name: wire.codec(field.type) for field in self.spec.params if not _is_kept(field)}

    @cached_property
    def is_result_json(self) -> bool:
        """Whether the stored form of the result is its JSON."""
        return _is_json(self.spec.result)

    @cached_property
    def arguments_codec(self) -> wire.Codec:
        """For all arguments together, as a record."""
        return wire.codec(RecordType("", self.spec.params))

    @cached_property
    def result_codec(self) -> wire.Codec:
        """For the result."""
        return wire.codec(self.spec.result)


@attrs.frozen(eq=False)
class CatalogPerformer:
    """Calls the actions of a catalogue for a driver (`drivers.perform.Performer`)."""

    _actions: Mapping[str, BoundAction]
    _secrets: SecretSource
    _run_in_thread: RunInThread
    _connections: Connections = attrs.field(factory=Connections)

    async def keep_connections(self) -> None:
        """See `ConnectionKeeper`."""
        await self._connections.serve()

    def direct(self, action: str, arguments: Mapping[str, Type], result: Type) -> Direct | None:
        """The short way to an action, for arguments and a result of exactly these types; None if there is none."""
        bound = self._actions.get(action)
        if bound is None or bound.direct is None or bound.spec.result != result or bound.declared != arguments:
            return None
        return bound.direct

    def destination(self, action: str, arguments: Mapping[str, object]) -> str:
        """Where a call goes: the action, and what its `destination` says; of an address the host."""
        bound = self._actions.get(action)
        if bound is None or not bound.destination:
            return action
        value = str(arguments.get(bound.destination))
        with contextlib.suppress(ValueError):
            value = urlsplit(value).hostname or value
        return f"{action} {value}"[:200]

    async def perform(self, invocation: Invocation) -> object:
        """Call the action; its result comes in stored form, checked against its type.

        Raises:
            ActionFailed: the function raised, or gave what it should not have given. Contents of secrets are in no part of it.
        """
        bound = self._actions.get(invocation.action)
        if bound is None:
            known = ", ".join(sorted(self._actions)) or "none"
            raise ActionFailed("no_such_action", f"there is no action `{invocation.action}`; there are: {known}", fatal=True)
        redactor = Redactor()
        failure: ActionFailed
        cause: Exception | None
        try:
            call = partial(bound.function, **self._arguments(bound, invocation, redactor))
            result = await (call() if bound.is_async else self._run_in_thread(partial(_call_plain, call)))
            return _checked(bound, result, redactor)
        except Exception as error:  # noqa: BLE001 - whatever a host raises is a failure of the attempt
            failure, cause = _as_failure(error, redactor), error
        # Outside of the handler, and without the cause where it could tell a secret: tracebacks are written to logs.
        raise failure from (None if redactor.is_needed else cause)

    def _arguments(self, bound: BoundAction, invocation: Invocation, redactor: Redactor) -> dict[str, object]:
        def reveal(name: str) -> str:
            content = self._secrets.get(name)
            if content is None:
                message = f"there is no secret `{name}`; {self._secrets.advice(name)}"
                raise ActionFailed("no_such_secret", message, fatal=True)
            redactor.add(name, content)
            return content

        try:
            given = bound.arguments_codec.encode(dict(invocation.arguments))
            stored = given if is_object(given) else {}
            stored |= {name: codec.decode(stored[name]) for name, codec in bound.from_json.items() if name in stored}
        except wire.WireError as error:
            raise ActionFailed("bad_arguments", f"{bound.spec.name}: {error}", fatal=True) from None
        arguments: dict[str, object] = {name: shape.into(stored.get(name), reveal) for name, shape in bound.shapes.items()}
        return (
            arguments
            | dict.fromkeys(bound.key_names, invocation.effect_key)
            | dict.fromkeys(bound.invocation_names, invocation)
            | dict.fromkeys(bound.connections_names, self._connections)
        )


def _call_plain(call: Callable[[], object]) -> object:
    result = call()
    if inspect.iscoroutine(result):
        result.close()
        raise Fatal("a plain function gave a coroutine; define it with `async def`", code="bad_result")
    return result


def _checked(bound: BoundAction, result: object, redactor: Redactor) -> object:
    name = bound.spec.name
    try:
        encoded = bound.result_codec.encode(bound.result.out(result))
        size = len(orjson.dumps(encoded))
    except wire.WireError as error:
        raise ActionFailed("bad_result", f"{name} gave a result that is not {bound.spec.result}: {error}", fatal=True) from None
    if size > MAX_RESULT:
        raise ActionFailed("result_too_large", f"{name} gave {size} bytes; at most {MAX_RESULT} are kept", fatal=True)
    if redactor.is_needed:
        # An echo of a secret would stay in the history for good.
        return bound.result_codec.decode(redactor.value(encoded))
    return encoded if bound.is_result_json else bound.result_codec.decode(encoded)


@lru_cache(maxsize=1024)
def _is_json(type_: Type) -> bool:
    """Whether encoding a value of the type gives the value as it is stored: `wire.is_plain`, or free JSON anywhere in it."""
    match type_:
        case Primitive.JSON:
            return True
        case ListType(inner) | OptionalType(inner) | MapType(Primitive.STRING, inner):
            return _is_json(inner)
        case RecordType(_, fields):
            return all(map(_is_kept, fields))
        case _:
            return wire.is_plain(type_)


def _is_kept(field: Field) -> bool:
    """As `_is_json`. A default that could be changed by whoever is given it has to be made anew each time, which decoding does."""
    return _is_json(field.type) and not isinstance(field.default, (list, dict))


def _as_failure(error: Exception, redactor: Redactor) -> ActionFailed:
    match error:
        case ActionFailed():
            return ActionFailed(error.code, _shown(error.message, redactor), error.fatal, error.retry_after_ns)
        case Fatal():
            return ActionFailed(error.code, _shown(error.message, redactor), fatal=True)
        case RetryAfter():
            return ActionFailed(error.code, _shown(error.message, redactor), retry_after_ns=error.delay_ns)
        case _:
            code = "exception." + _WORD_START.sub("_", type(error).__name__).lower()
            return ActionFailed(code, _shown(_text_of(error), redactor))


def _text_of(error: Exception) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # noqa: BLE001 - a host's `__str__` can do anything
        return type(error).__name__


def _shown(message: str, redactor: Redactor) -> str:
    """One line without secrets. Redacted before it is cut, so that no half of a secret stays."""
    text = redactor.text(str(message))
    text = "".join(char if char.isprintable() else " " for char in text).strip()
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
