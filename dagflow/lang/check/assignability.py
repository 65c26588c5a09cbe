"""Assignability: whether a value of one type fits another: arguments, results, defaults."""

from __future__ import annotations

from dagflow.model.types import (
    DOUBLE,
    INT,
    JSON,
    NULL,
    STRING,
    UNKNOWN,
    EnumType,
    ListType,
    MapType,
    OptionalType,
    ParamType,
    RecordType,
    ScalarType,
    SecretType,
    Type,
)


def is_assignable(given: Type, wanted: Type) -> bool:
    """Whether every value of `given` is one of `wanted`; `json` fits both ways and is checked when the flow runs."""
    if given == wanted or UNKNOWN in (given, wanted) or isinstance(given, ParamType):
        return True
    if isinstance(wanted, OptionalType) and not isinstance(given, OptionalType):
        return given is NULL or is_assignable(given, wanted.value)
    if isinstance(given, SecretType) or isinstance(wanted, SecretType):
        return isinstance(given, SecretType) and isinstance(wanted, SecretType) and is_assignable(given.value, wanted.value)
    if JSON in (given, wanted):
        return not isinstance(given, OptionalType) or is_assignable(given.value, wanted)
    match given, wanted:
        case OptionalType(inner), OptionalType(wanted_inner):
            return is_assignable(inner, wanted_inner)
        case ((EnumType() | ScalarType()), _) if wanted is STRING:
            return True
        case EnumType(_, values), EnumType(_, wanted_values):
            return set(values) <= set(wanted_values)
        case ListType(element), ListType(wanted_element):
            return is_assignable(element, wanted_element)
        case MapType(key, value), MapType(wanted_key, wanted_value):
            return is_assignable(key, wanted_key) and is_assignable(value, wanted_value)
        case RecordType(), RecordType():
            return _is_record_assignable(given, wanted)
        case RecordType(_, fields), MapType(wanted_key, wanted_value):
            return wanted_key is STRING and all(is_assignable(field.type, wanted_value) for field in fields)
        case _:
            return False


def _is_record_assignable(given: RecordType, wanted: RecordType) -> bool:
    """Closed records: the same fields, each assignable; those wanted may be missing where they are not required."""
    if any(wanted.field(field.name) is None for field in given.fields):
        return False
    for field in wanted.fields:
        have = given.field(field.name)
        if have is None:
            if field.is_required:
                return False
        elif not is_assignable(have.type, field.type):
            return False
    return True


def is_number_widening(given: Type, wanted: Type) -> bool:
    """Whether an int literal stands where a double is wanted: the one silent conversion there is."""
    inner = wanted.value if isinstance(wanted, OptionalType) else wanted
    return given is INT and inner is DOUBLE
