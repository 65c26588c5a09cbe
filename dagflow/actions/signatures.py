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
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import attrs

from dagflow.actions import markers
from dagflow.actions.record_classes import flow_name, is_record_class, record_class
from dagflow.actions.shape import Reveal, Shape
from dagflow.actions.tagged_unions import NoTag, tagged_union
from dagflow.actions.text_shapes import TEXT_SHAPES, pydantic_text
from dagflow.errors import UsageError
from dagflow.model import values
from dagflow.model.decimals import checked
from dagflow.model.typeguards import is_dict, is_object, is_sequence, is_set
from dagflow.model.types import (
    BOOL,
    BYTES,
    DECIMAL,
    DOUBLE,
    DURATION,
    INT,
    JSON,
    LANGUAGE_SCALARS,
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

#: Elements of a set that have an order of their own.
_ORDERED: Final = frozenset({INT, DOUBLE, STRING, BYTES, UINT, BOOL})


def _timestamp_out(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        # A datetime without a zone is no instant; the codec refuses it.
        return values.Timestamp.from_datetime(value) if value.tzinfo is not None else value
    return value


def _decimal_out(value: Any) -> Any:
    """In the form that a history returns, or as it is: the codec says what is wrong with it."""
    try:
        return checked(value) if isinstance(value, Decimal) else value
    except ValueError:
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
    Decimal: Shape(DECIMAL, out=_decimal_out),
    str: Shape(STRING),
    bytes: Shape(BYTES),
    object: Shape(JSON),
    Any: Shape(JSON),
    values.UInt: Shape(UINT),
    values.Timestamp: Shape(TIMESTAMP),
    values.Duration: Shape(DURATION),
    dt.datetime: Shape(TIMESTAMP, lambda value, _: value.to_datetime(), _timestamp_out),
    dt.timedelta: Shape(DURATION, lambda value, _: value.to_timedelta(), _duration_out),
    list: Shape(ListType(JSON), element=Shape(JSON)),
    dict: Shape(MapType(STRING, JSON), element=Shape(JSON)),
    **TEXT_SHAPES,
    markers.Email: Shape(ScalarType("Email")),
    markers.Url: Shape(ScalarType("Url")),
    markers.Secret: _SECRET,
    values.Secret: _SECRET,  # the class of the handle is as clear an annotation
}
_LISTS: Final = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_SETS: Final = {set: set, frozenset: frozenset, collections.abc.Set: frozenset, collections.abc.MutableSet: set}
_MAPS: Final = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_UNIONS: Final = (typing.Union, types.UnionType)


def shape_of(annotation: Any, where: str) -> Shape:
    """Return the shape of an evaluated annotation.

    Args:
        annotation: `bool int float str bytes datetime timedelta date time Decimal UUID list set dict tuple`, dagflow's own kinds, `X | None`,
            `Literal`, string enums, classes with fields (attrs, dataclass, pydantic, NamedTuple, TypedDict), unions of these that a
            `Literal` field tells apart, and compositions.
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
    if _is_enum(annotation):
        return _enum(annotation, where)
    if is_record_class(annotation):
        return _record(annotation, where, outer)
    return pydantic_text(annotation) or _generic(annotation, where, outer)


def _is_enum(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, enum.Enum)


def _generic(annotation: Any, where: str, outer: tuple[type, ...]) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _annotated(annotation, where, outer)
    if origin is Literal:
        return _literal(annotation, where)
    if origin in _UNIONS:
        return _union(annotation, where, outer)
    if origin in _LISTS:
        return _list(_shape(arguments[0], where, outer), list)
    if origin in _SETS:
        return _list(_shape(arguments[0], where, outer), _SETS[origin], are_ordered=False)
    if origin is tuple:
        return _tuple(annotation, where, outer)
    if origin in _MAPS and len(arguments) == 2:
        key = _shape(arguments[0], where, outer)
        if key.type not in {BOOL, INT, UINT, STRING}:
            raise _untypable(annotation, where, "keys are bool, int, UInt or str")
        return _map(key.type, _shape(arguments[1], where, outer))
    if isinstance(origin, type) and is_record_class(origin):
        raise _untypable(annotation, where, "derive a class from it without type parameters, and use that")
    raise _untypable(annotation, where, advice_for(annotation))


def _annotated(annotation: Any, where: str, outer: tuple[type, ...]) -> Shape:
    inner, *marks = get_args(annotation)
    scalar = next((mark for mark in marks if isinstance(mark, markers.Scalar)), None)
    if scalar is not None:
        if inner is not str:
            raise _untypable(annotation, where, "a scalar is made of `str`")
        return Shape(ScalarType(scalar.name))
    # As pydantic writes the field that tells the classes of a union apart.
    tag = next((tag for mark in marks if isinstance(tag := getattr(mark, "discriminator", None), str)), "")
    return _union(inner, where, outer, tag) if tag else _shape(inner, where, outer)


def _literal(annotation: Any, where: str) -> Shape:
    values = get_args(annotation)
    if values and all(isinstance(value, enum.Enum) for value in values):
        values = tuple(value.value for value in values)
    if values and all(isinstance(value, str) for value in values):
        return Shape(EnumType("", tuple(map(str, values))))
    rest = tuple(value for value in values if value is not None)
    if rest and len(rest) < len(values):
        return _optional(_literal(Literal[rest], where))
    if not values or not all(type(value) is int for value in values):
        raise _untypable(annotation, where, "a Literal has texts only, or whole numbers only")

    def into(value: Any, _reveal: Reveal) -> Any:
        if value not in values:
            raise ValueError(f"expected one of {', '.join(map(str, values))}; got {value}")
        return value

    return Shape(INT, into)


def _union(annotation: Any, where: str, outer: tuple[type, ...], tag: str = "") -> Shape:
    members = get_args(annotation)
    rest = [member for member in members if member is not type(None)]
    if len(rest) == 1:
        inner = _shape(rest[0], where, outer)
    elif all(is_record_class(member) for member in rest):
        try:
            inner = tagged_union([_shape(member, where, outer) for member in rest], tag)
        except NoTag as problem:
            raise _untypable(annotation, where, f"its classes must be told apart: {problem}") from None
    else:
        raise _untypable(annotation, where, "of unions there are only `X | None`, and classes that a Literal field tells apart")
    return inner if len(rest) == len(members) else _optional(inner)


def _tuple(annotation: Any, where: str, outer: tuple[type, ...]) -> Shape:
    arguments = get_args(annotation)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return _list(_shape(arguments[0], where, outer), tuple)
    if not arguments or len(set(arguments)) > 1:
        raise _untypable(annotation, where, "a tuple has elements of one type; use a NamedTuple or a dataclass")
    shape, length = _list(_shape(arguments[0], where, outer), tuple), len(arguments)

    def into(value: Any, reveal: Reveal) -> Any:
        if len(value) != length:
            raise ValueError(f"expected {length} elements; got {len(value)}")
        return shape.into(value, reveal)

    return attrs.evolve(shape, into=into)


def _optional(inner: Shape) -> Shape:
    if isinstance(inner.type, OptionalType):
        return inner
    return Shape(
        OptionalType(inner.type),
        lambda value, reveal: None if value is None else inner.into(value, reveal),
        lambda value: None if value is None else inner.out(value),
        element=inner,
    )


def _list(inner: Shape, made: Callable[[list[Any]], Any], *, are_ordered: bool = True) -> Shape:
    def into(value: Any, reveal: Reveal) -> Any:
        elements = [inner.into(element, reveal) for element in value]
        return elements if made is list else made(elements)

    def out(value: Any) -> Any:
        if is_sequence(value):
            return [inner.out(element) for element in value]
        if are_ordered or not is_set(value):
            return value
        elements = [inner.out(element) for element in value]
        # The order of a set is another one in each process, and a repeated call must have the same result.
        return sorted(elements, key=None if inner.type in _ORDERED else repr)

    return Shape(ListType(inner.type), into, out, element=inner)


def _map(key: Type, inner: Shape) -> Shape:
    def out(value: Any) -> Any:
        return {name: inner.out(member) for name, member in value.items()} if is_dict(value) else value

    return Shape(
        MapType(key, inner.type),
        lambda value, reveal: {name: inner.into(member, reveal) for name, member in value.items()},
        out,
        element=inner,
    )


def _enum(class_: type[enum.Enum], where: str) -> Shape:
    members = [member.value for member in class_]
    if not members or not all(isinstance(member, str) for member in members):
        raise _untypable(class_, where, "the members of an enum are texts; use a StrEnum")
    return Shape(
        EnumType(class_.__name__, tuple(map(str, members))),
        lambda value, _: class_(value),
        lambda value: value.value if isinstance(value, class_) else value,
    )


def _record(class_: type, where: str, outer: tuple[type, ...]) -> Shape:
    if class_ in outer:
        raise _untypable(class_, where, "a record cannot contain itself")
    place = f"{where}, class {class_.__name__}"
    known = record_class(class_, hints_of(class_, place), place)
    fields: dict[str, Field] = {}
    shapes: dict[str, Shape] = {}
    for each in known.fields:
        inside = f"{place}, field `{each.name}`"
        shape = _shape(each.annotation, inside, (*outer, class_))
        shapes[each.name] = _optional(shape) if each.may_be_left_out else shape
        fields[each.name] = field_of(each.name, shapes[each.name], each.default, inside)
    has_own = {each.name: each.has_default for each in known.fields}
    left_out = frozenset(each.name for each in known.fields if each.may_be_left_out)
    attributes = {each.attribute: each.name for each in known.fields}

    def into(value: Any, reveal: Reveal) -> Any:
        given = [name for name in fields if name in value or not has_own[name]]
        names = [name for name in given if name not in left_out or value[name] is not None] if left_out else given
        return known.make({name: shapes[name].into(value.get(name), reveal) for name in names})

    def out(value: Any) -> Any:
        if is_object(value):
            return {name: shapes[name].out(each) if name in shapes else each for name, each in value.items()}
        if not known.is_one(value):
            return value
        return {attributes[name]: shapes[attributes[name]].out(member) for name, member in known.get(value).items()}

    type_ = RecordType(flow_name(class_), tuple(fields.values()))
    return Shape(type_, into, out, known.class_, tuple(attributes), shapes, is_one=known.is_one)


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
        case ScalarType(name) if name not in LANGUAGE_SCALARS:
            return {name: type_}
        case _:
            return {}


def advice_for(annotation: Any) -> str:
    """What to write instead of an annotation that has no type in the language."""
    name = str(getattr(annotation, "__name__", annotation))
    return _ADVICE.get(
        name, "use bool, int, float, str, list[…], dict[str, …], or a class with fields: attrs, dataclass, pydantic, …"
    )


#: For types that hosts try, by name.
_ADVICE: Final[Mapping[str, str]] = {
    "complex": "use a class with two numbers",
    "Path": "use `str`",
    "PurePath": "use `str`",
    "bytearray": "use `bytes`",
    "set": "write the type of its elements, `set[…]`",
    "frozenset": "write the type of its elements, `frozenset[…]`",
    "tuple": "write the type of its elements, `tuple[…, ...]`",
    "Callable": "a function is no value of a flow; use `Inject[…]` for what the host owns",
    "SecretStr": "use `dagflow.Secret`",
    "Fraction": "use `Decimal`",
    "ZoneInfo": "use `str`, the name of the zone",
}


def _untypable(annotation: Any, where: str, why: str) -> UsageError:
    shown = annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)
    return UsageError(f"{where}: `{shown}` has no type in flows; {why}")
