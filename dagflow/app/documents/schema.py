"""JSON Schema of documents, made of their types."""

from __future__ import annotations

import enum
import types
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NotRequired, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

Schema = dict[str, object]

_SCALARS: Final[Mapping[object, Schema]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    object: {},
}


def schema_of(type_: Any, definitions: dict[str, Schema], *, place: str = "#/$defs/") -> Schema:
    """Return the schema of a type.

    Args:
        type_: a TypedDict, or a type that a field of one may have.
        definitions: the schemas of TypedDicts by their names; new ones are added.
        place: where `definitions` stand in the whole document.

    Raises:
        TypeError: a document cannot have a field of this type.
    """
    if type_ in _SCALARS:
        return dict(_SCALARS[type_])
    if is_typeddict(type_):
        return _reference(type_, definitions, place)
    origin, arguments = get_origin(type_), get_args(type_)
    if origin is Literal:
        return {"enum": [*arguments]}
    if origin is Annotated:
        return {"enum": [member.value for member in cast("type[enum.Enum]", arguments[1])]}
    if origin is NotRequired:
        return schema_of(arguments[0], definitions, place=place)
    if origin in {Union, types.UnionType}:
        return {"anyOf": [schema_of(each, definitions, place=place) for each in arguments]}
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0], definitions, place=place)}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1], definitions, place=place)}
    raise TypeError(f"a document cannot have a field of type {type_}")


def _reference(type_: Any, definitions: dict[str, Schema], place: str) -> Schema:
    """Return a reference to the schema of a TypedDict, which is made once."""
    name = type_.__name__.removeprefix("_").removeprefix("Json").removesuffix("Document")
    hints = get_type_hints(type_, include_extras=True)
    if name in definitions:
        if cast("dict[str, object]", definitions[name].get("properties", hints)).keys() != hints.keys():
            raise TypeError(f"two documents would be called {name!r}; rename {type_.__name__}")
    else:
        made = definitions[name] = {}
        if type_.__doc__:
            made["description"] = " ".join(type_.__doc__.split())
        made |= {
            "type": "object",
            "properties": {key: schema_of(each, definitions, place=place) for key, each in hints.items()},
            "required": sorted(key for key, each in hints.items() if get_origin(each) is not NotRequired),
            "additionalProperties": False,
        }
    return {"$ref": f"{place}{name}"}
