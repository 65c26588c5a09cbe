"""Types, values and declarations in the notation of a `.flow` file: compiling it again returns the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import cast

from dagflow.model.action import ActionSpec, EventSpec, Interface
from dagflow.model.decimals import decimal_text
from dagflow.model.types import (
    LANGUAGE_SCALARS,
    NULL,
    STRING,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    ScalarType,
    SecretType,
    Type,
    field_text,
)
from dagflow.model.values import Duration, Timestamp, UInt
from dagflow.model.wire import codec as wire

#: What every file knows without a declaration.


def spell(type_: Type) -> str:
    """A type; those with a name by their name."""
    match type_:
        case ListType(element):
            return f"list<{spell(element)}>"
        case MapType(key, value):
            return f"map<{spell(key)}, {spell(value)}>"
        case OptionalType(value):
            inner = spell(value)
            return f"{inner}?"
        case SecretType(value):
            return f"Secret<{spell(value)}>"
        case RecordType(""):
            return "{" + ", ".join(_field(field) for field in type_.fields) + "}"
        case EnumType(""):
            return _enum(type_)
        case _:
            return str(type_)


def _enum(type_: EnumType) -> str:
    return " | ".join(text(value) for value in type_.values)


def _field(field: Field) -> str:
    default = f" = {value_text(wire.decode(field.default, field.type))}" if field.has_default else ""
    return f"{field_text(field.name)}: {spell(field.type)}{default}"


def text(value: str) -> str:
    """A text as an expression."""
    return json.dumps(value, ensure_ascii=False).replace("${", "\\${")


def value_text(value: object) -> str:
    """A value in stored form as a constant expression."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return text(value)
        case UInt():
            return f"{int(value)}u"
        case float() | int():
            return repr(value)
        case bytes():
            return 'b"' + "".join(f"\\x{byte:02x}" for byte in value) + '"'
        case Decimal():
            return f'decimal("{decimal_text(value)}")'
        case Timestamp():
            return f'timestamp("{value}")'
        case Duration():
            return f'duration("{value}")'
        case list():
            return "[" + ", ".join(value_text(item) for item in cast("list[object]", value)) + "]"
        case dict():
            items = cast("dict[object, object]", value).items()
            return "{" + ", ".join(f"{value_text(key)}: {value_text(item)}" for key, item in items) + "}"
        case _:  # pragma: no cover - no constant is anything else
            return "null"


# ---- declarations


def interface_text(interface: Interface) -> str:
    """Every type, event and action of an interface, as a file that declares them."""
    used = sorted({*named_types(interface)}, key=lambda pair: pair[0])
    parts = [type_declaration(name, type_) for name, type_ in used]
    parts += [event_declaration(interface.events[name]) for name in sorted(interface.events)]
    parts += [action_declaration(interface.actions[name]) for name in sorted(interface.actions)]
    return "\n".join(parts)


def named_types(interface: Interface) -> set[tuple[str, Type]]:
    """The types that have names, including those that only signatures mention."""
    roots: list[Type] = [*interface.types.values()]
    roots += [event.payload for event in interface.events.values()]
    for action in interface.actions.values():
        roots += [action.result, *(param.type for param in action.params)]
    found: set[tuple[str, Type]] = set()
    for root in roots:
        found.update((str(type_), type_) for type_ in _inside(root) if _is_named(type_))
    return found


def _is_named(type_: Type) -> bool:
    match type_:
        case RecordType(name) | EnumType(name):
            return bool(name)
        case ScalarType(name):
            return name not in LANGUAGE_SCALARS
        case _:
            return False


def _inside(type_: Type) -> Iterator[Type]:
    """A type and all its parts."""
    yield type_
    match type_:
        case ListType(inner) | OptionalType(inner) | SecretType(inner) | MapType(_, inner):
            yield from _inside(inner)
        case RecordType(_, fields):
            for field in fields:
                yield from _inside(field.type)
        case _:
            return


def type_declaration(name: str, type_: Type, doc: str = "") -> str:
    """`type Lead {…}`, `type Status = …`, `type FileRef = Scalar<string>`."""
    head = _doc(doc)
    match type_:
        case RecordType(_, fields):
            return f"{head}type {name} {_block(fields)}\n"
        case EnumType():
            return f"{head}type {name} = {_enum(type_)}\n"
        case ScalarType():
            return f"{head}type {name} = Scalar<{STRING}>\n"
        case _:
            return f"{head}type {name} = {spell(type_)}\n"


def event_declaration(event: EventSpec) -> str:
    """`event "x" {…}`."""
    return f"{_doc(event.doc)}event {text(event.name)} {_block(event.payload.fields)}\n"


def action_declaration(action: ActionSpec) -> str:
    """`action f(…) -> T idempotent`."""
    result = "" if action.result is NULL else f" -> {spell(action.result)}"
    params = ", ".join(_field(param) for param in action.params)
    promises = " by key" * action.takes_key + " on unknown fail" * action.at_most_once
    return f"{_doc(action.doc)}action {action.name}({params}){result} {action.effect.value}{promises}\n"


def _block(fields: tuple[Field, ...]) -> str:
    if not fields:
        return "{ }"
    lines = ",\n".join(
        "".join(f"  {line}\n" for line in _doc(field.doc).splitlines()) + f"  {_field(field)}" for field in fields
    )
    return f"{{\n{lines}\n}}"


def _doc(doc: str) -> str:
    return "".join(f"/// {line}".rstrip() + "\n" for line in doc.strip().splitlines())


def parts_by_name(interface: Interface) -> Mapping[str, Type]:
    """The named types of an interface by name."""
    return dict(sorted(named_types(interface), key=lambda pair: pair[0]))
