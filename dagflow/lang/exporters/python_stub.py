"""The signatures of actions and the types of a host as a Python stub (`.pyi`), for editors and type checkers."""

from __future__ import annotations

import json
import keyword
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from dagflow.lang.exporters.declarations import parts_by_name
from dagflow.model.action import ActionSpec, Interface
from dagflow.model.types import (
    BOOL,
    BYTES,
    DECIMAL,
    DOUBLE,
    DURATION,
    INT,
    LANGUAGE_SCALARS,
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

_PRIMITIVES: Final[dict[Type, str]] = {
    NULL: "None",
    BOOL: "bool",
    INT: "int",
    UINT: "int",
    DOUBLE: "float",
    DECIMAL: "Decimal",
    STRING: "str",
    BYTES: "bytes",
    TIMESTAMP: "dagflow.Timestamp",
    DURATION: "dagflow.Duration",
}
_HEAD: Final = """\
# What a host offers to flows. Made by `dagflow schema --stubs`.
from decimal import Decimal
from typing import Any, Literal, NotRequired, TypedDict

import dagflow
"""


def stub_of(interface: Interface) -> str:
    """A stub with a class for each record, an alias for each set of texts, and an `async` function for each action."""
    parts = [_HEAD]
    parts += [_declared(name, type_) for name, type_ in parts_by_name(interface).items()]
    root = _Space()
    for spec in sorted(interface.actions.values(), key=lambda spec: spec.name):
        *path, name = spec.name.split(".")
        place = root
        for each in path:
            place = place.inner.setdefault(each, _Space())
        place.actions[name] = spec
    parts += ["\n".join(_members(root, ""))]
    return "\n".join(parts) + "\n"


@attrs.define(eq=False)
class _Space:
    """The actions below a dotted name, and the names further inside."""

    actions: dict[str, ActionSpec] = attrs.field(factory=dict[str, ActionSpec])
    inner: dict[str, _Space] = attrs.field(factory=dict)


def _declared(name: str, type_: Type) -> str:
    match type_:
        case RecordType(_, fields) if all(_is_name(field.name) for field in fields):
            lines = [f"    {field.name}: {_optional_field(field)}" for field in fields] or ["    ..."]
            return "\n".join([f"class {name}(TypedDict):", *lines, ""])
        case RecordType(_, fields):
            items = ", ".join(f"{json.dumps(field.name)}: {_optional_field(field)}" for field in fields)
            return f'{name} = TypedDict("{name}", {{{items}}})\n'
        case EnumType(_, values):
            return f"{name} = Literal[{', '.join(json.dumps(value) for value in values)}]\n"
        case _:
            return f"{name} = str\n"


def _optional_field(field: Field) -> str:
    spelt = _spelt(field.type)
    return spelt if field.is_required else f"NotRequired[{spelt}]"


def _members(space: _Space, indent: str) -> Iterator[str]:
    for name, spec in space.actions.items():
        yield from _function(_safe(name), spec, indent)
    for name, each in space.inner.items():
        yield f"{indent}class {_safe(name)}:"
        yield from _members(each, indent + "    ")


def _safe(name: str) -> str:
    return name if _is_name(name) else f"{name}_"


def _function(name: str, spec: ActionSpec, indent: str) -> Iterable[str]:
    params = ", ".join(_param(param) for param in spec.params)
    head = f"{indent}async def {name}({f'*, {params}' if params else ''}) -> {_spelt(spec.result)}:"
    doc = " ".join(f"{spec.doc} ({spec.effect.value})".split()).replace("\\", "\\\\").replace('"', "'")
    return [*([f"{indent}@staticmethod"] if indent else []), head, f'{indent}    """{doc}"""', ""]


def _param(field: Field) -> str:
    return f"{_safe(field.name)}: {_spelt(field.type)}" + ("" if field.is_required else " = ...")


def _spelt(type_: Type) -> str:
    match type_:
        case OptionalType(value):
            return f"{_spelt(value)} | None"
        case ListType(element):
            return f"list[{_spelt(element)}]"
        case MapType(key, value):
            return f"dict[{_spelt(key)}, {_spelt(value)}]"
        case RecordType("") | SecretType():
            return "dagflow.Secret" if isinstance(type_, SecretType) else "dict[str, Any]"
        case RecordType(name) | EnumType(name) if name:
            return name
        case EnumType(_, values):
            return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
        case ScalarType(name):
            return f"dagflow.{name}" if name in LANGUAGE_SCALARS else name
        case _:
            return _PRIMITIVES.get(type_, "Any")


def _is_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)
