"""The arguments of a call on the fast path: each is passed on as it is stored, or converted by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from dagflow.actions.bound_action import BoundAction, is_kept
from dagflow.actions.shape import Shape, is_given_as_stored
from dagflow.model.types import (
    BOOL,
    DOUBLE,
    INT,
    STRING,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    ScalarType,
    SecretType,
    Type,
)
from dagflow.model.wire import codec as wire
from dagflow.model.wire.json_reader import pointer_step

#: From the value that a flow passes, or None where it passes none, to the one that the function receives.
Conversion: TypeAlias = Callable[[Any], Any]
#: Their values cannot be changed by the function that receives them.
_PLAIN: Final = frozenset({BOOL, INT, DOUBLE, STRING})


def conversions_for(bound: BoundAction, types: Mapping[str, Type]) -> Mapping[str, Conversion] | None:
    """Return the conversions of arguments for a call that passes values of these types.

    Arguments without one reach the function as they are stored. None: calls need what the general path adds, or it would refuse them.
    """
    fields = {field.name: field for field in bound.spec.params}
    if bound.is_filled_in or not types.keys() <= fields.keys() or any(_has_secret(field.type) for field in fields.values()):
        return None
    found: dict[str, Conversion] = {}
    for name, field in fields.items():
        shape = bound.shapes[name]
        if name not in types:
            if field.is_required:
                return None
            found[name] = _default(bound, field, shape)
        elif types[name] != field.type or not is_given_as_stored(shape) or not _is_immutable(field.type):
            found[name] = _conversion(bound, field, shape)
    return found


def converted(bound: BoundAction, conversions: Mapping[str, Conversion], arguments: Mapping[str, object]) -> dict[str, object]:
    """The arguments as the function receives them. Raises ActionFailed: the action does not take them."""
    made = dict(arguments)
    try:
        for name, convert in conversions.items():
            made[name] = convert(arguments.get(name))
    except wire.WireError:
        # The general path names all that is wrong.
        bound.stored({name: value for name, value in arguments.items() if name in bound.shapes})
        raise
    return made


def _conversion(bound: BoundAction, field: Field, shape: Shape) -> Conversion:
    codec, is_json, pointer = wire.codec(field.type), is_kept(field), pointer_step("", field.name)

    def convert(value: Any) -> Any:
        encoded = codec.encode(value, path=pointer)
        return bound.into(field.name, shape, encoded if is_json else codec.decode(encoded))

    return convert


def _default(bound: BoundAction, field: Field, shape: Shape) -> Conversion:
    codec = wire.codec(field.type)

    def convert(_: Any) -> Any:
        # Decoded each time, since the function may change what it receives.
        return bound.into(field.name, shape, codec.decode(field.default) if field.has_default else None)

    if field.has_default and _is_immutable(field.type) and is_given_as_stored(shape):
        value = codec.decode(field.default)
        return lambda _: value
    return convert


def _is_immutable(type_: Type) -> bool:
    return (
        type_ in _PLAIN
        or isinstance(type_, ScalarType | EnumType)
        or (isinstance(type_, OptionalType) and _is_immutable(type_.value))
    )


def _has_secret(type_: Type) -> bool:
    match type_:
        case SecretType():
            return True
        case ListType(inner) | OptionalType(inner) | MapType(_, inner):
            return _has_secret(inner)
        case RecordType(_, fields):
            return any(_has_secret(field.type) for field in fields)
        case _:
            return False
