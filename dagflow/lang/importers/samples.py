"""A type from samples: what JSON values have in common, as a `type` declaration would say it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, cast

from dagflow.lang.exporters.declarations import type_declaration
from dagflow.model.types import (
    BOOL,
    DOUBLE,
    INT,
    JSON,
    NULL,
    STRING,
    TIMESTAMP,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    ScalarType,
    Type,
)
from dagflow.model.wire import codec as wire
from dagflow.model.wire.codec import WireError

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_NAME: Final = frozenset("`\n\r")
#: A text with few values in many samples is one of a set.
_LEAST_SAMPLES, _MOST_VALUES = 6, 8
_KINDS: Final[tuple[Type, ...]] = (TIMESTAMP, ScalarType("Email"), ScalarType("Url"))
_MOST_DEPTH: Final = 24


def infer_type(samples: Sequence[object]) -> Type:
    """The narrowest type that every sample is of; `json` where they have nothing in common.

    Args:
        samples: JSON values, one at least for anything to be known.
    """
    return _infer(list(samples), 0)


def infer_declarations(name: str, samples: Sequence[object]) -> str:
    """The declarations of a type of that name, those of the records in it before it."""
    found: dict[str, Type] = {}
    type_ = _named(infer_type(samples), name, found)
    if name not in found:
        found[name] = type_
    return "\n".join(type_declaration(each, type_) for each, type_ in found.items())


def _infer(samples: list[object], depth: int) -> Type:
    present = [sample for sample in samples if sample is not None]
    if depth > _MOST_DEPTH:
        return JSON
    if not present:
        return OptionalType(JSON)
    type_ = _of_present(present, depth)
    return type_ if len(present) == len(samples) or type_ is JSON else OptionalType(type_)


def _of_present(samples: list[object], depth: int) -> Type:
    if _all_are(samples, bool):
        return BOOL
    if not any(isinstance(sample, bool) for sample in samples):
        if _all_are(samples, int):
            return INT
        if _all_are(samples, (int, float)):
            return DOUBLE
    if _all_are(samples, str):
        return _text(cast("list[str]", samples))
    if _all_are(samples, list):
        items = [item for sample in cast("list[list[object]]", samples) for item in sample]
        return ListType(_infer(items, depth + 1) if items else JSON)
    if _all_are(samples, dict):
        return _object(cast("list[dict[str, object]]", samples), depth)
    return JSON


def _all_are(samples: list[object], kind: type | tuple[type, ...]) -> bool:
    return all(isinstance(sample, kind) for sample in samples)


def _text(samples: list[str]) -> Type:
    for kind in _KINDS:
        if all(_is(sample, kind) for sample in samples):
            return kind
    values = dict.fromkeys(samples)
    is_set = len(samples) >= _LEAST_SAMPLES and 2 <= len(values) <= min(_MOST_VALUES, len(samples) // 2)
    return EnumType("", tuple(values)) if is_set else STRING


def _is(sample: str, kind: Type) -> bool:
    try:
        wire.decode(sample, kind)
    except WireError:
        return False
    return True


def _object(samples: list[dict[str, object]], depth: int) -> Type:
    keys = list(dict.fromkeys(key for sample in samples for key in sample))
    if not any(_NAME.fullmatch(key) for key in keys) or any(set(key) & _NO_NAME or not key for key in keys):
        # Keys of which none is a name are data: ids, dates. Beside names, others are fields as well, in backquotes.
        values = [value for sample in samples for value in sample.values()]
        return MapType(STRING, _infer(values, depth + 1) if values else JSON)
    return RecordType("", tuple(_field(key, samples, depth) for key in keys))


def _field(key: str, samples: list[dict[str, object]], depth: int) -> Field:
    type_ = _infer([sample[key] for sample in samples if key in sample], depth + 1)
    is_always = all(key in sample for sample in samples)
    return Field(key, type_ if is_always or isinstance(type_, OptionalType) else OptionalType(type_))


def _named(type_: Type, name: str, found: dict[str, Type]) -> Type:
    """The type with a name for each record and enum in it; `found` gets those types, inner ones first."""
    match type_:
        case RecordType(_, fields):
            inner = tuple(Field(each.name, _named(each.type, _pascal(each.name), found)) for each in fields)
            return _add(RecordType("", inner), name, found)
        case EnumType():
            return _add(type_, name, found)
        case ListType(element):
            return ListType(_named(element, _singular(name), found))
        case MapType(key, value):
            return MapType(key, _named(value, _singular(name), found))
        case OptionalType(value):
            return OptionalType(_named(value, name, found))
        case _:
            return type_


def _add(type_: RecordType | EnumType, name: str, found: dict[str, Type]) -> Type:
    """One declaration for equal types; another name if the name is in use."""
    for known, other in found.items():
        if _parts(other) == _parts(type_) and known.rstrip("0123456789") == name:
            return other
    number = 2
    wanted = name
    while wanted in found or wanted in {"Email", "Url", "Secret"}:
        wanted, number = f"{name}{number}", number + 1
    made = RecordType(wanted, type_.fields) if isinstance(type_, RecordType) else EnumType(wanted, type_.values)
    found[wanted] = made
    return made


def _parts(type_: Type) -> object:
    return type_.fields if isinstance(type_, RecordType) else getattr(type_, "values", type_)


def _pascal(name: str) -> str:
    found = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", name)).lstrip("0123456789")
    return found or "Value"


def _singular(name: str) -> str:
    if name.endswith("ies") and len(name) > 4:
        return name[:-3] + "y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") and len(name) > 2 else f"{name}Item"


def bindings_of(value: Mapping[str, object]) -> dict[str, Type]:
    """The types of the names that an object defines; NULL for a value of null."""
    return {name: NULL if each is None else infer_type([each]) for name, each in value.items()}
