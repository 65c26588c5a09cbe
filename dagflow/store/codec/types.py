"""Types as a table of short JSON arrays that refer to each other by index, so that each is written once per flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import attrs

from dagflow.model.typeguards import is_list
from dagflow.model.types import (
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    ParamType,
    Primitive,
    RecordType,
    ScalarType,
    SecretType,
    Type,
    TypeType,
)


@attrs.define(eq=False)
class TypeWriter:
    """Collects the table while a flow is written."""

    rows: list[object] = attrs.field(factory=list)
    _indexes: dict[Type, int] = attrs.field(factory=dict, init=False)

    def index(self, type_: Type) -> int:
        """Return the type's index in the table; the types that it contains come before it."""
        known = self._indexes.get(type_)
        if known is not None:
            return known
        row = self._row(type_)
        self.rows.append(row)
        return self._indexes.setdefault(type_, len(self.rows) - 1)

    def _row(self, type_: Type) -> object:
        match type_:
            case Primitive():
                return type_.value
            case ListType(element):
                return ["list", self.index(element)]
            case MapType(key, value):
                return ["map", self.index(key), self.index(value)]
            case OptionalType(value):
                return ["optional", self.index(value)]
            case RecordType(name, fields):
                return ["record", name, [self._field(field) for field in fields]]
            case EnumType(name, values):
                return ["enum", name, list(values)]
            case ScalarType(name):
                return ["scalar", name]
            case SecretType(value):
                return ["secret", self.index(value)]
            case TypeType(of):
                return ["type", self.index(of)]
            case ParamType(name):
                return ["param", name]
            case _:
                assert_never(type_)

    def _field(self, field: Field) -> object:
        row = [field.name, self.index(field.type), field.doc]
        return [*row, field.default] if field.has_default else row


@attrs.define(eq=False)
class TypeReader:
    """The table of a flow that is read. Whatever is wrong in it raises `ValueError` or `TypeError`."""

    _types: list[Type] = attrs.field(factory=list, init=False)

    @classmethod
    def read(cls, rows: object) -> TypeReader:
        """Read the whole table; a row may only refer to rows before it."""
        reader = cls()
        for row in _items(rows):
            reader._types.append(reader._type(row))
        return reader

    def type(self, index: object) -> Type:
        """The type at `index`."""
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(self._types):
            raise ValueError(f"no type {index!r}")
        return self._types[index]

    def record(self, index: object) -> RecordType:
        """The type at `index`, which has to be a record."""
        type_ = self.type(index)
        if not isinstance(type_, RecordType):
            raise TypeError(f"{type_} is no record")
        return type_

    def _type(self, row: object) -> Type:
        if isinstance(row, str):
            return Primitive(row)
        match _items(row):
            case ["list", element]:
                return ListType(self.type(element))
            case ["map", key, value]:
                return MapType(self.type(key), self.type(value))
            case ["optional", value]:
                return OptionalType(self.type(value))
            case ["record", str(name), fields]:
                return RecordType(name, tuple(self._field(field) for field in _items(fields)))
            case ["enum", str(name), values]:
                return EnumType(name, tuple(_text(value) for value in _items(values)))
            case ["scalar", str(name)]:
                return ScalarType(name)
            case ["secret", value]:
                return SecretType(self.type(value))
            case ["type", of]:
                return TypeType(self.type(of))
            case ["param", str(name)]:
                return ParamType(name)
            case _:
                raise ValueError("not a type")

    def _field(self, row: object) -> Field:
        match _items(row):
            case [str(name), index, str(doc)]:
                return Field(name, self.type(index), doc=doc)
            case [str(name), index, str(doc), default]:
                return Field(name, self.type(index), has_default=True, default=default, doc=doc)
            case _:
                raise ValueError("not a field")


def _items(value: object) -> Sequence[object]:
    if not is_list(value):
        raise TypeError("not a list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
