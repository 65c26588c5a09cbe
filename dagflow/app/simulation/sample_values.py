"""Sample values of a type: the results of actions without a mock. The same each time."""

from __future__ import annotations

from typing import Final

from dagflow.model.decimals import ZERO
from dagflow.model.types import (
    BOOL,
    BYTES,
    DECIMAL,
    DOUBLE,
    DURATION,
    INT,
    TIMESTAMP,
    UINT,
    EnumType,
    Field,
    ListType,
    MapType,
    RecordType,
    ScalarType,
    SecretType,
    Type,
)
from dagflow.model.values import Duration, Timestamp, UInt
from dagflow.model.wire import codec as wire

_SCALARS: Final = {
    "Email": "somebody@example.org",
    "Url": "https://example.org/",
    "Uuid": "00000000-0000-0000-0000-000000000000",
    "Date": "2026-01-01",
    "Time": "00:00",
}
_PRIMITIVES: Final[dict[Type, object]] = {
    BOOL: False,
    INT: 0,
    UINT: UInt(0),
    DOUBLE: 0.0,
    DECIMAL: ZERO,
    BYTES: b"",
    DURATION: Duration(0),
    TIMESTAMP: Timestamp(0),
}


def sample_value(type_: Type, name: str) -> object:
    """Return a value in stored form: texts are their own names, numbers 0, lists empty, optional values absent.

    Args:
        type_: of the value.
        name: of the value, such as `pay.charge.id`.
    """
    match type_:
        case RecordType():
            return {field.name: _field(field, name) for field in type_.fields}
        case EnumType():
            return type_.values[0] if type_.values else ""
        case ScalarType():
            return _SCALARS.get(type_.name, name)
        case ListType():
            return []
        case MapType():
            return {}
        case SecretType():
            return None
        case _ if str(type_) == "string":
            return name
        case _:
            return _PRIMITIVES.get(type_)


def example_of(record: RecordType) -> dict[str, object]:
    """Return the JSON value of a record, with the required fields."""
    return {
        field.name: wire.encode(sample_value(field.type, field.name), field.type)
        for field in record.fields
        if field.is_required
    }


def _field(field: Field, name: str) -> object:
    if field.has_default:
        return wire.decode(field.default, field.type)
    return sample_value(field.type, f"{name}.{field.name}")
