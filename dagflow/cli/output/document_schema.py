"""JSON Schema of the documents of commands, made of their types."""

from __future__ import annotations

import enum
import types
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NotRequired, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from dagflow.cli.output.documents import DOCUMENTS, ErrorDocument

Schema = dict[str, object]

_SCALARS: Final[Mapping[object, Schema]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    object: {},
}


def document_schema(command: str) -> Schema:
    """Return the schema of everything that `dagflow COMMAND --json` prints: its document, or that of an error.

    Raises:
        KeyError: the command has no `--json`.
    """
    definitions: dict[str, Schema] = {}
    document = _schema(DOCUMENTS[command], definitions)
    error = _schema(ErrorDocument, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"dagflow {command} --json",
        "anyOf": [document, error],
        "$defs": definitions,
    }


def _schema(type_: Any, definitions: dict[str, Schema]) -> Schema:
    if type_ in _SCALARS:
        return dict(_SCALARS[type_])
    if is_typeddict(type_):
        return _reference(type_, definitions)
    origin, arguments = get_origin(type_), get_args(type_)
    if origin is Literal:
        return {"enum": [*arguments]}
    if origin is Annotated:
        return {"enum": [member.value for member in cast("type[enum.Enum]", arguments[1])]}
    if origin is NotRequired:
        return _schema(arguments[0], definitions)
    if origin in {Union, types.UnionType}:
        return {"anyOf": [_schema(each, definitions) for each in arguments]}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], definitions)}
    raise TypeError(f"a document cannot have a field of type {type_}")


def _reference(type_: Any, definitions: dict[str, Schema]) -> Schema:
    """Return a reference to the schema of a TypedDict, which is made once."""
    name = type_.__name__.removeprefix("_").removeprefix("Json").removesuffix("Document")
    if name not in definitions:
        made = definitions[name] = {}
        hints = get_type_hints(type_, include_extras=True)
        if type_.__doc__:
            made["description"] = " ".join(type_.__doc__.split())
        made |= {
            "type": "object",
            "properties": {key: _schema(each, definitions) for key, each in hints.items()},
            "required": sorted(key for key, each in hints.items() if get_origin(each) is not NotRequired),
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}
