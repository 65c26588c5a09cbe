"""Types, and values in stored form that fit them."""

from __future__ import annotations

from hypothesis import strategies as st

from dagflow.model.types import (
    BOOL,
    BYTES,
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
from dagflow.model.values import MAX_TIMESTAMP_NS, MIN_TIMESTAMP_NS, Duration, Secret, Timestamp, UInt

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
int64s = st.integers(-(2**63), 2**63 - 1)
names = st.from_regex(r"\A[a-z_][a-z0-9_]{0,6}\Z")
plain_json = st.recursive(
    st.none() | st.booleans() | int64s | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)

_PRIMITIVES = {
    NULL: st.none(),
    BOOL: st.booleans(),
    INT: int64s,
    UINT: st.integers(0, 2**64 - 1).map(UInt),
    DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    STRING: texts,
    BYTES: st.binary(max_size=12),
    TIMESTAMP: st.integers(MIN_TIMESTAMP_NS, MAX_TIMESTAMP_NS).map(Timestamp),
    DURATION: int64s.map(Duration),
}
_KEYS = [BOOL, INT, UINT, STRING]

leaves = (
    st.sampled_from(list(_PRIMITIVES))
    | st.lists(texts, min_size=1, max_size=4, unique=True).map(lambda values: EnumType("", tuple(values)))
    | st.sampled_from([ScalarType("Email"), ScalarType("Url"), ScalarType("FileRef"), SecretType(STRING)])
)


def _records(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    fields = st.lists(st.builds(Field, names, inner), max_size=4, unique_by=lambda field: field.name)
    return st.builds(RecordType, st.sampled_from(["", "Lead"]), fields.map(tuple))


types: st.SearchStrategy[Type] = st.recursive(
    leaves,
    lambda inner: (
        st.builds(ListType, inner)
        | st.builds(MapType, st.sampled_from(_KEYS), inner)
        | st.builds(OptionalType, inner.filter(lambda type_: not isinstance(type_, OptionalType)))
        | _records(inner)
    ),
    max_leaves=8,
)


def values_of(type_: Type) -> st.SearchStrategy[object]:
    match type_:
        case ListType(element):
            return st.lists(values_of(element), max_size=4)
        case MapType(key, value):
            return st.dictionaries(values_of(key), values_of(value), max_size=4)
        case OptionalType(value):
            return st.none() | values_of(value)
        case RecordType(_, fields):
            required = {field.name: values_of(field.type) for field in fields if field.is_required}
            optional = {field.name: values_of(field.type) for field in fields if not field.is_required}
            return st.fixed_dictionaries(required, optional=optional)
        case EnumType(_, values):
            return st.sampled_from(values)
        case ScalarType("Email"):
            return st.sampled_from(["ann@example.com", "a.b+c@x-y.example", "o'neil@example.org"])
        case ScalarType("Url"):
            return st.sampled_from(["https://example.com", "http://[::1]:8080/a?b=c#d"])
        case ScalarType():
            return texts
        case SecretType():
            return texts.map(Secret)
        case _:
            return _PRIMITIVES[type_]


@st.composite
def typed_values(draw: st.DrawFn) -> tuple[Type, object]:
    type_ = draw(types)
    return type_, draw(values_of(type_))
