"""E210: compare two declarations of one name by their contents, and name the first difference."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dagflow.model.action import ActionSpec
from dagflow.model.types import EnumType, Field, ListType, MapType, OptionalType, RecordType, SecretType, Type


def content(type_: Type) -> Type:
    """A type without the names of its records and enums."""
    match type_:
        case RecordType(_, fields):
            return RecordType("", tuple(attrs.evolve(field, type=content(field.type)) for field in fields))
        case EnumType(_, values):
            return EnumType("", values)
        case ListType(element):
            return ListType(content(element))
        case MapType(key, value):
            return MapType(content(key), content(value))
        case OptionalType(value):
            return OptionalType(content(value))
        case SecretType(value):
            return SecretType(content(value))
        case _:
            return type_


def difference_of_actions(known: ActionSpec, spec: ActionSpec) -> str:
    """Where two declarations of an action part, the other one first; "" if they agree. A key and at most once need not be repeated."""
    found = difference_of_fields(known.params, spec.params)
    if not found and content(known.result) != content(spec.result):
        found = f"it returns {content(known.result)} there, {content(spec.result)} here"
    if not found and known.effect is not spec.effect:
        found = f"it is {known.effect.value} there, {spec.effect.value} here"
    return found


def difference_of_fields(known: Sequence[Field], fields: Sequence[Field]) -> str:
    """Where two lists of fields or parameters part; "" if they agree."""
    there, here = {field.name: field for field in known}, {field.name: field for field in fields}
    for name in (*there, *here):
        if name not in here or name not in there:
            return f"`{name}` is only {'there' if name in there else 'here'}"
        one, other = content(there[name].type), content(here[name].type)
        if one != other:
            return f"`{name}` is {one} there, {other} here"
        if there[name].is_required != here[name].is_required:
            return f"`{name}` has a default only {'here' if there[name].is_required else 'there'}"
        if attrs.evolve(there[name], type=one, doc="") != attrs.evolve(here[name], type=one, doc=""):
            return f"`{name}` has another default"
    return "" if list(there) == list(here) else "the order is another one"
