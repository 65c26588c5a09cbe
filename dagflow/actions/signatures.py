"""Python annotations as types of the flow language, with conversions of values in both directions.

`shape_of` reads an annotation once; the shape converts a value in stored form to the value that a function expects, and a
function's result to stored form. The latter is lenient: a value that does not match the annotation passes unchanged, and the
codec of the type (`model.wire`) reports the error, with its place.
"""

from __future__ import annotations

import collections.abc
import datetime as dt
import enum
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args, get_origin

import attrs

from dagflow.actions import markers
from dagflow.errors import UsageError
from dagflow.model import values
from dagflow.model.typeguards import is_dict, is_sequence
from dagflow.model.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    JSON,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
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

#: Returns the content of the secret of that name.
Reveal: TypeAlias = Callable[[str], str]


def _same(value: Any) -> Any:
    return value


def _same_in(value: Any, _reveal: Reveal) -> Any:
    return value


@attrs.frozen(eq=False)
class Shape:
    """The meaning of an annotation.

    Attributes:
        into: from stored form to the value that the function expects.
        out: from the result of the function to stored form.
        class_: the attrs class of a record. attributes: its names of the fields.
    """

    type: Type
    into: Callable[[Any, Reveal], Any] = _same_in
    out: Callable[[Any], Any] = _same
    class_: Any = None
    attributes: tuple[str, ...] = ()


def _timestamp_out(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        # A datetime without a zone is no instant; the codec refuses it.
        return values.Timestamp.from_datetime(value) if value.tzinfo is not None else value
    return value


def _duration_out(value: Any) -> Any:
    return values.Duration.from_timedelta(value) if isinstance(value, dt.timedelta) else value


_SECRET: Final = Shape(SecretType(STRING), lambda handle, reveal: markers.Secret(reveal(handle.name)))
_PLAIN: Final[Mapping[Any, Shape]] = {
    None: Shape(NULL),
    type(None): Shape(NULL),
    bool: Shape(BOOL),
    int: Shape(INT),
    float: Shape(DOUBLE),
    str: Shape(STRING),
    bytes: Shape(BYTES),
    object: Shape(JSON),
    Any: Shape(JSON),
    values.UInt: Shape(UINT),
    values.Timestamp: Shape(TIMESTAMP),
    values.Duration: Shape(DURATION),
    dt.datetime: Shape(TIMESTAMP, lambda value, _: value.to_datetime(), _timestamp_out),
    dt.timedelta: Shape(DURATION, lambda value, _: value.to_timedelta(), _duration_out),
    list: Shape(ListType(JSON)),
    dict: Shape(MapType(STRING, JSON)),
    markers.Email: Shape(ScalarType("Email")),
    markers.Url: Shape(ScalarType("Url")),
    markers.Secret: _SECRET,
    values.Secret: _SECRET,  # the class of the handle is as clear an annotation
}
_LISTS: Final = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_MAPS: Final = (dict, collections.abc.Mapping)


def shape_of(annotation: Any, where: str) -> Shape:
    """Return the shape of an evaluated annotation.

    Args:
        annotation: `bool int float str bytes datetime timedelta list dict`, dagflow's own kinds, `X | None`, `Literal`,
            string enums, attrs classes, and compositions of these.
        where: the owner of the annotation, for the beginning of a message.

    Raises:
        UsageError: it has no type in the language.
    """
    return _shape(annotation, where, ())


def _shape(annotation: Any, where: str, outer: tuple[type, ...]) -> Shape:
    try:
        plain = _PLAIN.get(annotation)
    except TypeError:  # unhashable, such as Literal[[]]
        plain = None
    if plain is not None:
        return plain
    if isinstance(annotation, typing.NewType):
        return _shape(annotation.__supertype__, where, outer)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _enum(annotation, where)
    if isinstance(annotation, type) and attrs.has(annotation):
        return _record(annotation, where, outer)
    return _generic(annotation, where, outer)


def _generic(annotation: Any, where: str, outer: tuple[type, ...]) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        scalar = next((mark for mark in arguments[1:] if isinstance(mark, markers.Scalar)), None)
        if scalar is None:
            return _shape(arguments[0], where, outer)
        if arguments[0] is not str:
            raise _untypable(annotation, where, "a scalar is made of `str`")
        return Shape(ScalarType(scalar.name))
    if origin is Literal:
        if not arguments or not all(type(argument) is str for argument in arguments):
            raise _untypable(annotation, where, "a Literal has texts only")
        return Shape(EnumType("", arguments))
    if origin in {typing.Union, types.UnionType}:
        rest = [argument for argument in arguments if argument is not type(None)]
        if len(rest) != 1 or len(rest) == len(arguments):
            raise _untypable(annotation, where, "of unions there is only `X | None`")
        return _optional(_shape(rest[0], where, outer))
    if origin in _LISTS or (origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis):
        return _list(_shape(arguments[0], where, outer), as_tuple=origin is tuple)
    if origin in _MAPS and len(arguments) == 2:
        key = _shape(arguments[0], where, outer)
        if key.type not in {BOOL, INT, UINT, STRING}:
            raise _untypable(annotation, where, "keys are bool, int, UInt or str")
        return _map(key.type, _shape(arguments[1], where, outer))
    raise _untypable(annotation, where, "use bool, int, float, str, list[…], dict[str, …], an attrs class, …")


def _optional(inner: Shape) -> Shape:
    if isinstance(inner.type, OptionalType):
        return inner
    return Shape(
        OptionalType(inner.type),
        lambda value, reveal: None if value is None else inner.into(value, reveal),
        lambda value: None if value is None else inner.out(value),
    )


def _list(inner: Shape, *, as_tuple: bool) -> Shape:
    def into(value: Any, reveal: Reveal) -> Any:
        elements = [inner.into(element, reveal) for element in value]
        return tuple(elements) if as_tuple else elements

    return Shape(
        ListType(inner.type),
        into,
        lambda value: [inner.out(element) for element in value] if is_sequence(value) else value,
    )


def _map(key: Type, inner: Shape) -> Shape:
    def out(value: Any) -> Any:
        return {name: inner.out(member) for name, member in value.items()} if is_dict(value) else value

    return Shape(
        MapType(key, inner.type),
        lambda value, reveal: {name: inner.into(member, reveal) for name, member in value.items()},
        out,
    )


def _enum(class_: type[enum.Enum], where: str) -> Shape:
    members = [member.value for member in class_]
    if not members or not all(isinstance(member, str) for member in members):
        raise _untypable(class_, where, "the members of an enum are texts")
    return Shape(
        EnumType(class_.__name__, tuple(map(str, members))),
        lambda value, _: class_(value),
        lambda value: value.value if isinstance(value, class_) else value,
    )


def _record(class_: type, where: str, outer: tuple[type, ...]) -> Shape:
    if class_ in outer:
        raise _untypable(class_, where, "a record cannot contain itself")
    place = f"{where}, class {class_.__name__}"
    hints = hints_of(class_, place)
    fields: dict[str, Field] = {}
    shapes: dict[str, Shape] = {}
    names: dict[str, str] = {}
    for attribute in attrs.fields(class_):
        if not attribute.init:
            continue
        name = attribute.alias or attribute.name
        if attribute.name not in hints:
            raise UsageError(f"{place}: field `{name}` has no annotation; add one")
        shape = _shape(hints[attribute.name], f"{place}, field `{name}`", (*outer, class_))
        names[name], shapes[name] = attribute.name, shape
        fields[name] = field_of(name, shape, attribute.default, f"{place}, field `{name}`")

    def into(value: Any, reveal: Reveal) -> Any:
        return class_(
            **{name: shapes[name].into(value.get(name), reveal) for name in fields if name in value or not has_own[name]}
        )

    def out(value: Any) -> Any:
        if not isinstance(value, class_):
            return value
        return {name: shape.out(getattr(value, names[name])) for name, shape in shapes.items()}

    has_own = {attribute.alias or attribute.name: attribute.default is not attrs.NOTHING for attribute in attrs.fields(class_)}
    # A class that says it has no name among flows is written in place, `{a: int}`.
    type_ = RecordType(getattr(class_, "flow_name", class_.__name__), tuple(fields.values()))
    return Shape(type_, into, out, class_, tuple(names.values()))


def field_of(name: str, shape: Shape, default: Any, where: str, *, doc: str = "") -> Field:
    """The field for a parameter or attribute; `default` is `attrs.NOTHING` where there is none.

    Raises:
        UsageError: the default is not a value of the type.
    """
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        if default.takes_self:
            raise UsageError(f"{where}: a default that depends on the object cannot be known to flows")
        default = default.factory()
    # A default of `None` for an optional parameter is the same as no default.
    if default is attrs.NOTHING or (default is None and isinstance(shape.type, OptionalType)):
        return Field(name, shape.type, doc=doc)
    try:
        encoded = wire.encode(shape.out(default), shape.type)
    except wire.WireError as error:
        raise UsageError(f"{where}: the default {default!r} is not of type {shape.type} ({error})") from None
    return Field(name, shape.type, has_default=True, default=encoded, doc=doc)


def hints_of(thing: Any, where: str) -> dict[str, Any]:
    """The evaluated annotations of a function or class.

    Raises:
        UsageError: one of them contains a name that its module does not have.
    """
    try:
        return typing.get_type_hints(thing, include_extras=True)
    except NameError as error:
        message = f"{where}: the annotation `{error.name}` is not known in the module"
        raise UsageError(
            f"{message}; define or import it at the top of the module, outside of functions and TYPE_CHECKING"
        ) from None
    except Exception as error:  # evaluating an annotation can raise anything
        raise UsageError(f"{where}: an annotation cannot be evaluated ({error})") from error


def named_types(type_: Type) -> dict[str, Type]:
    """The named records and enums in a type, by name, inner ones first."""
    match type_:
        case ListType(inner) | OptionalType(inner) | SecretType(inner) | MapType(_, inner):
            return named_types(inner)
        case RecordType(name, fields):
            found: dict[str, Type] = {}
            for field in fields:
                found |= named_types(field.type)
            return found | ({name: type_} if name else {})
        case EnumType(name):
            return {name: type_} if name else {}
        case _:
            return {}


def _untypable(annotation: Any, where: str, why: str) -> UsageError:
    shown = annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)
    return UsageError(f"{where}: `{shown}` has no type in flows; {why}")
