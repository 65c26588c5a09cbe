"""An action with the function behind it: how values reach the function, and how its result is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any, Final

import attrs
import orjson

from dagflow.actions.failures import ActionFailed
from dagflow.actions.fast_path import Kept, keeper_of
from dagflow.actions.host_exceptions import text_of
from dagflow.actions.limits import MAX_RESULT
from dagflow.actions.record_classes import named_parts
from dagflow.actions.runner import RunsOn
from dagflow.actions.shape import Reveal, Shape
from dagflow.model.action import ActionSpec
from dagflow.model.typeguards import is_dict, is_object, is_sequence, is_set
from dagflow.model.types import Field, ListType, MapType, OptionalType, Primitive, RecordType, Type
from dagflow.model.wire import codec as wire

#: Each takes a byte as JSON, and a comma.
_MOST_PARTS: Final = MAX_RESULT // 2
#: A result with more is checked in a thread, so that it does not block the event loop.
MANY_PARTS: Final = 20_000
#: Values without parts, which make up most of most results.
_LEAVES: Final = frozenset({str, int, float, bool, type(None), bytes})


def _no_secret(name: str) -> str:
    raise ActionFailed(f"the secret `{name}` cannot be used here", "bad_arguments", fatal=True)


@attrs.frozen(eq=False)
class BoundAction:
    """An action and the function behind it.

    Attributes:
        shapes: of the parameters of the signature, by name.
        runs_on: where the function runs; None for an async function that runs where the host's async functions do.
        key_names, invocation_names: parameters for the effect key and for the invocation.
        given_names: parameters for objects of the performer, by the class of the object.
        injected: parameters for objects of the host, by name, with their types.
        is_strict: whether a result may have no undeclared field.
        where: names the action and its function, for messages.
    """

    spec: ActionSpec
    function: Callable[..., Any]
    shapes: Mapping[str, Shape]
    result: Shape
    runs_on: RunsOn | None = None
    key_names: tuple[str, ...] = ()
    invocation_names: tuple[str, ...] = ()
    given_names: Mapping[str, type] = attrs.field(factory=dict[str, type])
    injected: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    is_strict: bool = False
    where: str = ""

    @cached_property
    def is_filled_in(self) -> bool:
        """Whether it has parameters beyond the arguments of flows, and the effect key."""
        return bool(self.invocation_names or self.given_names or self.injected)

    @cached_property
    def is_async(self) -> bool:
        """Whether it runs in an event loop, and needs no thread."""
        return self.runs_on is None or self.runs_on.is_loop

    @cached_property
    def declared(self) -> Mapping[str, Type]:
        """The types of its parameters, by name."""
        return {field.name: field.type for field in self.spec.params}

    @cached_property
    def keep(self) -> Callable[[object], Kept | None]:
        """The fast check of its result, see `FastAction.keep`."""
        return keeper_of(self.result)

    @cached_property
    def from_json(self) -> Mapping[str, wire.Codec]:
        """Codecs for the arguments, by name, whose stored form is not their JSON."""
        return {field.name: wire.codec(field.type) for field in self.spec.params if not is_kept(field)}

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

    def stored(self, arguments: Mapping[str, object]) -> dict[str, object]:
        """What flows pass, in stored form, with defaults filled in. Raises ActionFailed: the action does not take it."""
        try:
            given = self.arguments_codec.encode(dict(arguments))
            stored = given if is_object(given) else {}
            return stored | {name: codec.decode(stored[name]) for name, codec in self.from_json.items() if name in stored}
        except wire.WireError as error:
            raise ActionFailed(f"{self.spec.name}: {error}", "bad_arguments", fatal=True) from None

    def into(self, name: str, shape: Shape, value: object, reveal: Reveal = _no_secret) -> object:
        """An argument as the function receives it. Raises ActionFailed: the class of the host refuses it."""
        try:
            return shape.into(value, reveal)
        except Exception as error:
            # It would refuse it again.
            text = f"{self.spec.name}, argument `{name}`: {text_of(error)}"
            raise ActionFailed(text, "bad_arguments", fatal=True) from error

    def checked(self, result: object) -> object:
        """A result of the function in stored form. Raises ActionFailed: it is not of the declared type, or too large."""
        name = self.spec.name
        if n_parts(result) > _MOST_PARTS:
            raise ActionFailed(f"{name} returned more than {MAX_RESULT} bytes", "result_too_large", fatal=True)
        try:
            encoded = self.result_codec.encode(self.result.out(result))
            size = len(orjson.dumps(encoded))
        except wire.TooLarge as error:
            raise ActionFailed(f"{name} returned too much: {error}", "result_too_large", fatal=True) from None
        except wire.WireError as error:
            raise ActionFailed(f"{name} must return {self.spec.result}: {error}", "bad_result", fatal=True) from None
        if size > MAX_RESULT:
            raise ActionFailed(f"{name} returned {size} bytes; the limit is {MAX_RESULT}", "result_too_large", fatal=True)
        return encoded if self.is_result_json else self.result_codec.decode(encoded)


def n_parts(result: object, most: int = _MOST_PARTS) -> int:
    """The number of parts of a result, up to `most`: one that contains itself, or a part again and again, has no end."""
    left: list[object] = [result]
    found = 0
    while left and found <= most:
        each = left.pop()
        if type(each) in _LEAVES:
            continue
        if is_dict(each):
            left += each.values()
            found += len(each)
        elif is_sequence(each) or is_set(each):
            left += each
            found += len(each)
        elif (parts := named_parts(each)) is not None:
            left += parts.values()
            found += 1
    return found


@lru_cache(maxsize=1024)
def _is_json(type_: Type) -> bool:
    """Whether a value of the type encodes to its stored form: `wire.is_plain`, or free JSON anywhere in it."""
    match type_:
        case Primitive.JSON:
            return True
        case ListType(inner) | OptionalType(inner) | MapType(Primitive.STRING, inner):
            return _is_json(inner)
        case RecordType(_, fields):
            return all(map(is_kept, fields))
        case _:
            return wire.is_plain(type_)


def is_kept(field: Field) -> bool:
    """As `_is_json`. A mutable default must be new each time, in case its receiver changes it; decoding makes a copy."""
    return _is_json(field.type) and not isinstance(field.default, (list, dict))
