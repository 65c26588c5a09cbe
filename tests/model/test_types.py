from __future__ import annotations

import pytest

from dagflow.model.types import (
    BOOL,
    INT,
    JSON,
    STRING,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    ParamType,
    RecordType,
    ScalarType,
    SecretType,
    Type,
    TypeType,
)

FIELDS = (Field("a", INT), Field("b", OptionalType(STRING)))


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (BOOL, "bool"),
        (JSON, "json"),
        (ListType(INT), "list<int>"),
        (MapType(STRING, ListType(INT)), "map<string, list<int>>"),
        (OptionalType(INT), "int?"),
        (RecordType("Lead", FIELDS), "Lead"),
        (RecordType("", FIELDS), "{a: int, b: string?}"),
        (EnumType("Status", ("new",)), "Status"),
        (EnumType("", ("new", "won")), '"new" | "won"'),
        (ScalarType("Email"), "Email"),
        (SecretType(STRING), "Secret<string>"),
        (TypeType(INT), "type<int>"),
        (ParamType("T"), "T"),
    ],
)
def test_a_type_is_shown_as_it_is_written(type_: Type, text):
    assert str(type_) == text
    assert type_ == type_
    assert hash(type_) == hash(type_)


def test_fields_are_found_and_know_whether_they_are_needed():
    record = RecordType("", (*FIELDS, Field("c", INT, has_default=True, default=[{}])))
    assert record.field("a") == Field("a", INT)
    assert record.field("z") is None
    assert [field.is_required for field in record.fields] == [True, False, False]
    assert hash(record) == hash(record)
