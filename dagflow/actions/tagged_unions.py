"""Unions of classes that a field tells apart, as one record: the tag, and the fields of all of them.

The language has no union types. `Card | Transfer`, each with a field `kind: Literal[…]`, is `{kind: "card" | "transfer", number: string?,
iban: string?}` for flows; a field that every class has, with one type, stays as it is. Which fields a tag requires is checked in the call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagflow.actions.shape import Reveal, Shape
from dagflow.model.typeguards import is_dict
from dagflow.model.types import EnumType, Field, OptionalType, RecordType


class NoTag(ValueError):  # noqa: N818 - says what is missing
    """The classes of a union cannot be told apart, or cannot be one record; the message says why."""


def tagged_union(shapes: Sequence[Shape], tag: str = "") -> Shape:
    """The shape of a union of records.

    Args:
        shapes: of the records.
        tag: the field that tells them apart; "" to find it.

    Raises:
        NoTag: there is no such field, or a field has two types.
    """
    tag = tag or _tag_of(shapes)
    by_value: dict[str, Shape] = {}
    for shape in shapes:
        for value in _values(shape, tag):
            if value in by_value:
                raise NoTag(f'two classes have `{tag}` "{value}"')
            by_value[value] = shape
    merged = RecordType("", (Field(tag, EnumType("", tuple(by_value))), *_other_fields(shapes, tag)))

    def into(value: Any, reveal: Reveal) -> Any:
        shape = by_value[value[tag]]
        given = {name: member for name, member in value.items() if member is not None and name in shape.fields}
        for field in _record(shape).fields:
            if field.is_required and field.name not in given:
                raise ValueError(f'`{field.name}` is required where `{tag}` is "{value[tag]}"')
        return shape.into(given, reveal)

    def out(value: Any) -> Any:
        if is_dict(value):
            shape = by_value.get(str(value.get(tag)))
            return value if shape is None else shape.out(value)
        return next((shape.out(value) for shape in shapes if shape.is_one(value)), value)

    return Shape(merged, into, out)


def _record(shape: Shape) -> RecordType:
    if not isinstance(shape.type, RecordType):
        raise NoTag(f"`{shape.type}` is no class with fields")
    return shape.type


def _values(shape: Shape, tag: str) -> tuple[str, ...]:
    """The values of the tag in one class."""
    field = _record(shape).field(tag)
    if field is None or not isinstance(field.type, EnumType):
        raise NoTag(f"`{_record(shape)}` has no field `{tag}: Literal[…]`")
    return field.type.values


def _tag_of(shapes: Sequence[Shape]) -> str:
    """The only field that is a Literal or an enum in all classes, with different values."""
    first, *others = [_literals(shape) for shape in shapes]
    found = [
        name
        for name, values in first.items()
        if all(name in each for each in others)
        and len({value for each in (first, *others) for value in each[name]})
        == sum(len(each[name]) for each in (first, *others))
        and values
    ]
    if len(found) != 1:
        raise NoTag("add a field such as `kind: Literal[…]` to each class, with a value of its own")
    return found[0]


def _literals(shape: Shape) -> Mapping[str, tuple[str, ...]]:
    return {field.name: field.type.values for field in _record(shape).fields if isinstance(field.type, EnumType)}


def _other_fields(shapes: Sequence[Shape], tag: str) -> list[Field]:
    found: dict[str, list[Field]] = {}
    for shape in shapes:
        for field in _record(shape).fields:
            if field.name != tag:
                found.setdefault(field.name, []).append(field)
    return [_merged(name, fields, len(shapes)) for name, fields in found.items()]


def _merged(name: str, fields: Sequence[Field], n_classes: int) -> Field:
    types = {field.type.value if isinstance(field.type, OptionalType) else field.type for field in fields}
    if len(types) > 1:
        listed = " and ".join(sorted(map(str, types)))
        raise NoTag(f"`{name}` has the types {listed}; rename one of the fields")
    if len(fields) == n_classes and all(field == fields[0] for field in fields):
        return fields[0]
    return Field(name, OptionalType(types.pop()))
