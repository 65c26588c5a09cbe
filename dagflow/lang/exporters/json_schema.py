"""Types as JSON Schema (2020-12): what inputs, events and calls look like as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from dagflow.model.action import ActionSpec, EventSpec
from dagflow.model.flow import Flow
from dagflow.model.types import (
    BOOL,
    BYTES,
    DECIMAL,
    DOUBLE,
    DURATION,
    INT,
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

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, object]

_PRIMITIVES: Final[dict[Type, Schema]] = {
    NULL: {"type": "null"},
    BOOL: {"type": "boolean"},
    INT: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    UINT: {"type": "integer", "minimum": 0, "maximum": 2**64 - 1},
    DOUBLE: {"type": "number"},
    DECIMAL: {
        "type": ["string", "number"],
        "description": "an exact decimal number, as text such as `12.50`; a number is taken if it has at most 15 digits",
    },
    STRING: {"type": "string"},
    BYTES: {"type": "string", "contentEncoding": "base64"},
    TIMESTAMP: {"type": "string", "format": "date-time"},
    DURATION: {"type": "string", "description": "a length of time such as `90s` or `1h30m`"},
}
_FORMATS: Final = {"Email": "email", "Url": "uri", "Uuid": "uuid", "Date": "date", "Time": "time"}


class Schemas:
    """Makes schemas; types with names become definitions, which `definitions` has in the end."""

    def __init__(self, place: str = "#/$defs/") -> None:
        """Definitions will be at `place`, the beginning of a reference to one."""
        self._place = place
        self.definitions: dict[str, Schema] = {}
        self._types: dict[str, Type] = {}

    def of(self, type_: Type) -> Schema:
        """The schema of a type."""
        match type_:
            case OptionalType(value):
                return {"anyOf": [self.of(value), {"type": "null"}]}
            case ListType(element):
                return {"type": "array", "items": self.of(element)}
            case MapType(_, value):
                return {"type": "object", "additionalProperties": self.of(value)}
            case RecordType(name) | EnumType(name) if name:
                return self._defined(name, type_)
            case RecordType(_, fields):
                return self.record(fields)
            case EnumType(_, values):
                return {"type": "string", "enum": list(values)}
            case ScalarType(name):
                return {"type": "string", "format": _FORMATS[name]} if name in _FORMATS else {"type": "string", "title": name}
            case SecretType():
                return {"type": "string", "description": "the name of a secret"}
            case _:
                return dict(_PRIMITIVES.get(type_, {}))

    def _defined(self, name: str, type_: RecordType | EnumType) -> Schema:
        """A reference; the second of two types of one name gets a number."""
        key, number = name, 2
        while key in self._types and self._types[key] != type_:
            key, number = f"{name}{number}", number + 1
        if key not in self._types:
            self._types[key] = type_
            self.definitions[key] = {}  # keeps its place before the types inside it
            inner = RecordType("", type_.fields) if isinstance(type_, RecordType) else EnumType("", type_.values)
            self.definitions[key] = self.of(inner)
        return {"$ref": self._place + key}

    def record(self, fields: Iterable[Field]) -> Schema:
        """A record with these fields and no others."""
        fields = tuple(fields)
        required = [field.name for field in fields if field.is_required]
        schema: Schema = {"type": "object", "properties": {field.name: self._field(field) for field in fields}}
        if required:
            schema["required"] = required
        schema["additionalProperties"] = False
        return schema

    def _field(self, field: Field) -> Schema:
        schema = self.of(field.type)
        if field.doc:
            schema = {**schema, "description": field.doc}
        return {**schema, "default": field.default} if field.has_default else schema

    def whole(self, schema: Schema) -> Schema:
        """A schema that stands by itself, with the definitions so far."""
        definitions: Schema = {"$defs": dict(self.definitions)} if self.definitions else {}
        return {"$schema": DIALECT, **schema, **definitions}


def input_schema(flow: Flow) -> Schema:
    """The input of a flow, as a schema of its own."""
    schemas = Schemas()
    return schemas.whole({"title": flow.name, **_described(flow.doc), **schemas.record(flow.input.fields)})


def schemas_of(flows: Iterable[Flow], events: Mapping[str, EventSpec], actions: Mapping[str, ActionSpec]) -> Schema:
    """The schemas of all of these, by kind and name."""
    schemas = Schemas()
    parts: Schema = {
        "flows": {
            flow.name: {**_described(flow.doc), "input": schemas.record(flow.input.fields), "output": schemas.of(flow.result)}
            for flow in flows
        },
        "events": {name: {**_described(event.doc), **schemas.record(event.payload.fields)} for name, event in sorted(events.items())},
        "actions": {
            name: {
                **_described(spec.doc), "effect": spec.effect.value, "input": schemas.record(spec.params), "output": schemas.of(spec.result),
            }
            for name, spec in sorted(actions.items())
        },
    }  # fmt: skip
    return schemas.whole(parts)


def openapi_of(flows: Iterable[Flow], events: Mapping[str, EventSpec], actions: Mapping[str, ActionSpec]) -> Schema:
    """An OpenAPI 3.1 document whose components are the types, the events, and the inputs and outputs of actions and flows.

    It has no paths: an API of the host, or of a service, refers to them. `event.order.paid` is the payload of the event `order/paid`,
    `action.crm.greet.input` the arguments of the action `crm.greet`.
    """
    schemas = Schemas("#/components/schemas/")
    parts: dict[str, Schema] = {}

    def add(name: str, schema: Schema, doc: str) -> None:
        key, number = _component(name), 2
        while key in parts:
            key, number = f"{_component(name)}.{number}", number + 1
        parts[key] = {"title": name, **_described(doc), **schema}

    for name, event in sorted(events.items()):
        add(f"event.{name}", schemas.record(event.payload.fields), event.doc)
    for name, spec in sorted(actions.items()):
        add(f"action.{name}.input", schemas.record(spec.params), spec.doc)
        add(f"action.{name}.output", schemas.of(spec.result), "")
    for flow in flows:
        add(f"flow.{flow.name}.input", schemas.record(flow.input.fields), flow.doc)
        add(f"flow.{flow.name}.output", schemas.of(flow.result), "")
    components = {**schemas.definitions, **parts}
    return {"openapi": "3.1.0", "info": {"title": "dagflow", "version": "1"}, "components": {"schemas": components}}


def _component(name: str) -> str:
    """A name that OpenAPI allows for a component."""
    return "".join([char if char.isascii() and (char.isalnum() or char in "._-") else "." for char in name])


def _described(doc: str) -> Schema:
    return {"description": doc} if doc else {}
