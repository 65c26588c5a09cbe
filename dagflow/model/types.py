"""The types of the flow language: one closed union shared by compiler, expressions and actions.

Types are values: frozen, hashable, compared by structure. A record that has a name is still compared by its name *and*
fields, so that two versions of a host's class are two types.
"""

from __future__ import annotations

import enum
import re
from typing import Final, TypeAlias

import attrs


class Primitive(enum.Enum):
    """The types without parameters. The value of each is its spelling in a `.flow` file."""

    NULL = "null"
    BOOL = "bool"
    INT = "int"
    UINT = "uint"
    DOUBLE = "double"
    #: An exact decimal number, such as an amount of money; see `model.decimals`.
    DECIMAL = "decimal"
    STRING = "string"
    BYTES = "bytes"
    TIMESTAMP = "timestamp"
    DURATION = "duration"
    #: CEL's `dyn`: a payload without a schema; operations on it are checked at run time.
    JSON = "json"
    #: The type of what did not check. It agrees with everything, so that one mistake is reported once.
    UNKNOWN = "unknown"

    #: Members equal themselves alone; `Enum` would hash their names in Python, once for each type they are in.
    __hash__ = object.__hash__

    def __str__(self) -> str:
        return self.value


@attrs.frozen(cache_hash=True)
class ListType:
    """`list<element>`."""

    element: Type

    def __str__(self) -> str:
        return f"list<{self.element}>"


@attrs.frozen(cache_hash=True)
class MapType:
    """`map<key, value>`; keys are bool, int, uint or string."""

    key: Type
    value: Type

    def __str__(self) -> str:
        return f"map<{self.key}, {self.value}>"


@attrs.frozen(cache_hash=True)
class OptionalType:
    """`value?`: may be absent. Stored as the value itself, `None` or a missing key; see `model.values.Optional`."""

    value: Type

    def __str__(self) -> str:
        return f"{self.value}?"


@attrs.frozen(cache_hash=True)
class Field:
    """A field of a record, or a parameter of an action or flow.

    Attributes:
        default: the value (in `model.wire` JSON form) used when the field is not given; meaningful with `has_default`.
    """

    name: str
    type: Type
    has_default: bool = False
    default: object = attrs.field(default=None, hash=False)
    doc: str = attrs.field(default="", eq=False)

    @property
    def is_required(self) -> bool:
        """Whether a value is required: no default, and not of an optional type."""
        return not self.has_default and not isinstance(self.type, OptionalType)


_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_NO_FIELD_NAMES: Final = frozenset({"in", "true", "false", "null"})


def field_text(name: str) -> str:
    """The name of a field as a flow writes it: in backquotes if it is no plain name, like `detail-type`."""
    is_plain = _PLAIN_NAME.fullmatch(name) is not None and name not in _NO_FIELD_NAMES
    return name if is_plain else f"`{name}`"


@attrs.frozen(cache_hash=True)
class RecordType:
    """A closed record. `name` is empty for one written in place, `{a: int}`."""

    name: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((field for field in self.fields if field.name == name), None)

    def __str__(self) -> str:
        return self.name or "{" + ", ".join(f"{field_text(f.name)}: {f.type}" for f in self.fields) + "}"


@attrs.frozen(cache_hash=True)
class EnumType:
    """A closed set of strings, in declared order. `name` is empty for one written in place."""

    name: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return self.name or " | ".join(f'"{value}"' for value in self.values)


@attrs.frozen(cache_hash=True)
class ScalarType:
    """A string with a validator, e.g. `Email`, `Url`. It reads as a string; a string is not one without conversion."""

    name: str

    def __str__(self) -> str:
        return self.name


@attrs.frozen(cache_hash=True)
class SecretType:
    """`Secret<value>`: a handle that only reaches parameters declared so; its content is never an expression's value."""

    value: Type

    def __str__(self) -> str:
        return f"Secret<{self.value}>"


@attrs.frozen(cache_hash=True)
class TypeType:
    """The type of a type value, CEL's `type(x)`."""

    of: Type

    def __str__(self) -> str:
        return f"type<{self.of}>"


@attrs.frozen(cache_hash=True)
class ParamType:
    """A type variable in an overload's signature, or in an empty list or map literal not yet decided."""

    name: str

    def __str__(self) -> str:
        return self.name


Type: TypeAlias = (
    Primitive | ListType | MapType | OptionalType | RecordType | EnumType | ScalarType | SecretType | TypeType | ParamType
)

NULL, BOOL, INT, UINT = Primitive.NULL, Primitive.BOOL, Primitive.INT, Primitive.UINT
DOUBLE, DECIMAL, STRING, BYTES = Primitive.DOUBLE, Primitive.DECIMAL, Primitive.STRING, Primitive.BYTES
TIMESTAMP, DURATION, JSON, UNKNOWN = Primitive.TIMESTAMP, Primitive.DURATION, Primitive.JSON, Primitive.UNKNOWN

#: The kinds of text that every flow knows by name; a host or an author declares others.
LANGUAGE_SCALARS: Final = ("Email", "Url")
