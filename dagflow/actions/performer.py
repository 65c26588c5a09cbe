"""Calls of a host's functions: arguments in, result out, everything checked on the way, every failure in one form."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property, lru_cache, partial
from typing import Any, Final, Protocol, cast, runtime_checkable
from urllib.parse import urlsplit

import anyio
import attrs
import orjson

from dagflow.actions.failures import ActionFailed, Fatal, Invocation
from dagflow.actions.fast_path import MISS, FastAction, check_of, is_as_stored
from dagflow.actions.host_exceptions import passing
from dagflow.actions.host_failures import failure_of
from dagflow.actions.http_client.pool import Connections
from dagflow.actions.limits import MAX_RESULT
from dagflow.actions.secrets import Redactor, Vault
from dagflow.actions.signatures import Shape
from dagflow.model.action import ActionSpec
from dagflow.model.typeguards import is_dict, is_object, is_sequence
from dagflow.model.types import Field, ListType, MapType, OptionalType, Primitive, RecordType, Type
from dagflow.model.wire import codec as wire

#: Each takes a byte as JSON, and a comma.
_MOST_PARTS: Final = MAX_RESULT // 2
#: A result with more is checked in a thread, so that it does not block the event loop.
_MANY_PARTS: Final = 20_000
#: Values without parts, which make up most of most results.
_LEAVES: Final = frozenset({str, int, float, bool, type(None), bytes})


class RunInThread(Protocol):
    """Runs a blocking function in a thread, and returns or raises its outcome."""

    def __call__(self, function: Callable[[], object], /) -> Awaitable[object]:
        """Run it."""
        ...


@runtime_checkable
class HasConnectionPool(Protocol):
    """A performer that can keep connections between calls; `CatalogPerformer` is one."""

    async def keep_connections(self) -> None:
        """Pool connections until cancelled; then close them all. Without it each request has a connection of its own."""
        ...


@attrs.frozen(eq=False)
class BoundAction:
    """An action and the function behind it.

    Attributes:
        shapes: of the parameters of the signature, by name.
        key_names, invocation_names: parameters for the effect key and for the invocation.
        given_names: parameters for objects of the performer, by the class of the object.
        is_strict: whether a result may have no undeclared field.
    """

    spec: ActionSpec
    function: Callable[..., Any]
    shapes: Mapping[str, Shape]
    result: Shape
    key_names: tuple[str, ...] = ()
    invocation_names: tuple[str, ...] = ()
    given_names: Mapping[str, type] = attrs.field(factory=dict[str, type])
    is_strict: bool = False

    @cached_property
    def is_filled_in(self) -> bool:
        """Whether it has parameters beyond those that flows pass."""
        return bool(self.key_names or self.invocation_names or self.given_names)

    @cached_property
    def is_async(self) -> bool:
        """Whether it is a coroutine function, which needs no thread."""
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def declared(self) -> Mapping[str, Type]:
        """The types of its parameters, by name."""
        return {field.name: field.type for field in self.spec.params}

    @cached_property
    def direct(self) -> FastAction | None:
        """The fast path to it, if there is one."""
        if not self.is_async or self.is_filled_in:
            return None
        check = check_of(self.result)
        if check is None or not all(is_as_stored(shape) for shape in self.shapes.values()):
            return None

        def keep(value: object) -> object:
            kept: object = check(value)
            return _checked(self, value) if kept is MISS else kept

        return FastAction(self.function, keep, lambda error: failure_of(error, Redactor()))

    @cached_property
    def from_json(self) -> Mapping[str, wire.Codec]:
        """Codecs for the arguments, by name, whose stored form is not their JSON."""
        return {field.name: wire.codec(field.type) for field in self.spec.params if not _is_kept(field)}

    @cached_property
    def is_result_json(self) -> bool:
        """Whether the stored form of the result is its JSON."""
        return _is_json(self.spec.result)

    @cached_property
    def arguments_codec(self) -> wire.Codec:
        """The codec for all arguments together, as a record."""
        return wire.codec(RecordType("", self.spec.params))

    @cached_property
    def result_codec(self) -> wire.Codec:
        """The codec for the result; undeclared fields of its records are dropped, unless the host is strict."""
        codec = wire.codec(self.spec.result)
        return codec if self.is_strict else codec.open


@attrs.frozen(eq=False)
class CatalogPerformer:
    """Calls the actions of a catalogue for a driver (`drivers.perform.Performer`)."""

    _actions: Mapping[str, BoundAction]
    _vault: Vault
    _run_in_thread: RunInThread
    _connections: Connections = attrs.field(factory=Connections)
    #: The contents of secrets that calls have received so far; no output shows them.
    _revealed: Redactor = attrs.field(factory=Redactor)
    #: The fast paths requested so far, by action.
    _directs: dict[str, FastAction] = attrs.field(factory=dict[str, FastAction])
    _secrets_of: Callable[[str], Mapping[str, str | Callable[[], str]] | None] = attrs.field(default=lambda _tenant: None)

    def with_secrets_of(self, secrets_of: Callable[[str], Mapping[str, str | Callable[[], str]] | None]) -> CatalogPerformer:
        """The same performer, with the secrets of tenants; `secrets_of` returns None for those of the catalog."""
        return attrs.evolve(self, secrets_of=secrets_of)

    async def keep_connections(self) -> None:
        """See `HasConnectionPool`."""
        await self._connections.serve()

    def direct(self, action: str, arguments: Mapping[str, Type], result: Type) -> FastAction | None:
        """The fast path to an action, for arguments and a result of exactly these types; None if there is none."""
        bound = self._actions.get(action)
        if bound is None or bound.direct is None or bound.spec.result != result or bound.declared != arguments:
            return None
        direct = self._directs.get(action)
        if direct is None:
            explain = partial(failure_of, redactor=self._revealed)
            direct = self._directs[action] = attrs.evolve(bound.direct, explain=explain)
        return direct

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
            call = partial(bound.function, **self._arguments(bound, invocation))
            result = await (call() if bound.is_async else self._run_in_thread(partial(_call_plain, call)))
            if _n_parts(result, _MANY_PARTS) > _MANY_PARTS:
                return await anyio.to_thread.run_sync(_checked, bound, result)
            return _checked(bound, result)
        except BaseException as error:  # noqa: BLE001 - any exception fails the attempt, except for those from around it
            rest = passing(error)
            if rest is not None:
                raise rest from None
            failure, cause = failure_of(error, self._revealed), error
        # Outside of the handler, and without the cause if that could contain a secret: tracebacks are written to logs.
        raise failure from (None if self._revealed.is_needed else cause)

    def _arguments(self, bound: BoundAction, invocation: Invocation) -> dict[str, object]:
        contents = self._secrets_of(invocation.tenant)
        vault = self._vault if contents is None else self._vault.of_tenant(contents)

        def reveal(name: str) -> str:
            address = invocation.arguments.get(bound.spec.destination)
            content = vault.reveal(name, bound.spec, address if isinstance(address, str) else None)
            self._revealed.add(name, content)
            return content

        try:
            given = bound.arguments_codec.encode(dict(invocation.arguments))
            stored = given if is_object(given) else {}
            stored |= {name: codec.decode(stored[name]) for name, codec in bound.from_json.items() if name in stored}
        except wire.WireError as error:
            raise ActionFailed(f"{bound.spec.name}: {error}", "bad_arguments", fatal=True) from None
        arguments: dict[str, object] = {name: shape.into(stored.get(name), reveal) for name, shape in bound.shapes.items()}
        return (
            arguments
            | dict.fromkeys(bound.key_names, invocation.effect_key)
            | dict.fromkeys(bound.invocation_names, invocation)
            | {name: self._connections if kind is Connections else self._revealed for name, kind in bound.given_names.items()}
        )


def _call_plain(call: Callable[[], object]) -> object:
    result = call()
    if inspect.iscoroutine(result):
        result.close()
        raise Fatal("a plain function returned a coroutine; define it with `async def`", code="bad_result")
    return result


def _checked(bound: BoundAction, result: object) -> object:
    name = bound.spec.name
    if _n_parts(result) > _MOST_PARTS:
        raise ActionFailed(f"{name} returned more than {MAX_RESULT} bytes", "result_too_large", fatal=True)
    try:
        encoded = bound.result_codec.encode(bound.result.out(result))
        size = len(orjson.dumps(encoded))
    except wire.TooLarge as error:
        raise ActionFailed(f"{name} returned too much: {error}", "result_too_large", fatal=True) from None
    except wire.WireError as error:
        raise ActionFailed(f"{name} must return {bound.spec.result}: {error}", "bad_result", fatal=True) from None
    if size > MAX_RESULT:
        raise ActionFailed(f"{name} returned {size} bytes; the limit is {MAX_RESULT}", "result_too_large", fatal=True)
    return encoded if bound.is_result_json else bound.result_codec.decode(encoded)


def _n_parts(result: object, most: int = _MOST_PARTS) -> int:
    """The number of parts of a result, up to `most`: one that contains itself, or a part again and again, has no end."""
    left: list[object] = [result]
    n_parts = 0
    while left and n_parts <= most:
        each = left.pop()
        if type(each) in _LEAVES:
            continue
        if is_dict(each):
            left += each.values()
            n_parts += len(each)
        elif is_sequence(each):
            left += each
            n_parts += len(each)
        elif attrs.has(type(each)):
            fields = attrs.fields(cast("type[attrs.AttrsInstance]", type(each)))
            left += [getattr(each, field.name) for field in fields if field.init]
            n_parts += 1
    return n_parts


@lru_cache(maxsize=1024)
def _is_json(type_: Type) -> bool:
    """Whether a value of the type encodes to its stored form: `wire.is_plain`, or free JSON anywhere in it."""
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
    """As `_is_json`. A mutable default must be new each time, in case its receiver changes it; decoding makes a copy."""
    return _is_json(field.type) and not isinstance(field.default, (list, dict))
