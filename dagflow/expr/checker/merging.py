"""`a.merge(b)`: a record, map or json object with the entries of another one.

An entry that is written out replaces what the field had, also where its value is absent; `?name: x` and an optional field of a
record replace it only where they have a value. Records are merged one level deep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from dagflow.expr.checker import messages
from dagflow.expr.checker.composites import branch, constant_names
from dagflow.expr.checker.context import Context, Typed
from dagflow.expr.checker.literals import wanted_value
from dagflow.expr.tree import Call, Entry, MapLiteral
from dagflow.model.types import JSON, NULL, UNKNOWN, Field, MapType, OptionalType, ParamType, RecordType, SecretType, Type

_ALL: Final = "@merge(dyn, dyn)"
_PRESENT: Final = "@mergePresent(dyn, dyn)"


@attrs.frozen
class _Given:
    """A field of the right side; `keeps`: where it has no value, the left one stays."""

    name: str
    type: Type
    keeps: bool


def visit_merge(context: Context, tree: Call, expected: Type | None) -> Typed | None:
    """The call, if it has one argument."""
    if len(tree.args) != 1 or tree.target is None:
        return None
    wanted = wanted_value(expected)
    left = _usable(context, context.visit(tree.target, wanted))
    type_ = context.resolve(left.type)
    other = tree.args[0]
    names = constant_names(other) if isinstance(other, MapLiteral) else None
    if isinstance(type_, RecordType) and isinstance(other, MapLiteral) and names is not None and len(set(names)) == len(names):
        return _with_fields(context, tree, left, type_, dict(zip(names, other.entries, strict=True)), wanted)
    right = _usable(context, context.visit(other, wanted))
    return _merged(context, tree, left, right)


def _usable(context: Context, typed: Typed) -> Typed:
    type_ = context.resolve(typed.type)
    if isinstance(type_, SecretType):
        return messages.secret(context, typed)
    if context.environment.is_checked and (isinstance(type_, OptionalType) or typed.step):
        return messages.missing(context, typed, "`merge` needs a value")
    return typed


def _merged(context: Context, tree: Call, left: Typed, right: Typed) -> Typed:
    types = context.resolve(left.type), context.resolve(right.type)
    function = _PRESENT if isinstance(types[1], RecordType) else _ALL
    core = ("call", function, left.as_value, right.as_value)
    context.makes_maps = context.makes_maps or not isinstance(types[0], RecordType)
    match types:
        case _ if UNKNOWN in types:
            return context.unknown(tree.span)
        case RecordType(), RecordType():
            fields = [_Given(each.name, each.type, keeps=isinstance(each.type, OptionalType)) for each in types[1].fields]
            return Typed(_both(context, tree, types[0], fields), core, tree.span)
        case MapType(key, value), MapType(other_key, other_value):
            keys, values = context.bindings.join([key, other_key]), context.bindings.join([value, other_value])
            if keys is not None and values is not None:
                return Typed(MapType(context.resolve(keys), context.resolve(values)), core, tree.span)
        case _ if not context.environment.is_checked or (all(map(_may_have_entries, types)) and any(map(_is_open, types))):
            return Typed(JSON, core, tree.span)
        case _:
            pass
    title = f"`merge` requires two records, maps or json objects; got {types[0]} and {types[1]}"
    help_ = 'write the fields out: `a.merge({"name": value})`' if isinstance(types[0], RecordType) else ""
    return context.mistake("E309", title, tree.span, f"{types[0]} and {types[1]}", help_)


def _is_open(type_: Type) -> bool:
    return type_ is JSON or isinstance(type_, ParamType)


def _may_have_entries(type_: Type) -> bool:
    return _is_open(type_) or isinstance(type_, MapType | RecordType)


def _with_fields(
    context: Context, tree: Call, left: Typed, record: RecordType, entries: Mapping[str, Entry], wanted: Type | None
) -> Typed:
    """`r.merge({"a": 1, ?"b": maybe})`."""
    core = left.as_value
    fields: list[_Given] = []
    for function, is_optional in ((_ALL, False), (_PRESENT, True)):
        made: list[tuple[str, object]] = []
        for name, entry in entries.items():
            if entry.is_optional is is_optional:
                value = _value(context, entry, _wanted_field(name, record, wanted))
                made.append((name, value.as_stored))
                fields.append(_Given(name, _type_of(context, value, record.field(name)), keeps=is_optional))
        if made:
            literal = ("record", tuple(name for name, _ in made), *(value for _, value in made))
            core = ("call", function, core, literal)
    return Typed(_both(context, tree, record, fields), core, tree.span)


def _wanted_field(name: str, record: RecordType, wanted: Type | None) -> Type | None:
    field = wanted.field(name) if isinstance(wanted, RecordType) else record.field(name)
    return field.type if field is not None else None


def _value(context: Context, entry: Entry, expected: Type | None) -> Typed:
    typed = branch(context, entry.value, expected)
    type_ = context.resolve(typed.type)
    if isinstance(type_, SecretType):
        return messages.secret(context, typed)
    if entry.is_optional and not isinstance(type_, OptionalType) and type_ not in {JSON, UNKNOWN}:
        return context.mistake("E309", f"`?` needs an optional, not {type_}", typed.span, str(type_), "leave the `?` out")
    return typed


def _type_of(context: Context, value: Typed, had: Field | None) -> Type:
    type_ = context.resolve(value.type)
    return had.type if type_ is NULL and had is not None and isinstance(had.type, OptionalType) else type_


def _both(context: Context, tree: Call, left: RecordType, right: Iterable[_Given]) -> RecordType:
    """The type of both: that of the left one if it has all fields, else a record without a name."""
    fields = {field.name: field for field in left.fields}
    for given in right:
        had = fields.get(given.name)
        type_ = given.type if had is None else _field_type(context, tree, had.type, given)
        if had is None or had.type != type_:
            fields[given.name] = Field(given.name, type_)
    return left if tuple(fields.values()) == left.fields else RecordType("", tuple(fields.values()))


def _field_type(context: Context, tree: Call, had: Type, given: _Given) -> Type:
    inner = given.type.value if isinstance(given.type, OptionalType) else given.type
    before = had.value if isinstance(had, OptionalType) else had
    is_optional = isinstance(had, OptionalType) if given.keeps else isinstance(given.type, OptionalType)
    if inner is not JSON and context.bindings.fits((inner,), (before,)):
        return had if isinstance(had, OptionalType) or not is_optional else OptionalType(before)
    if not given.keeps:
        return given.type
    joined = context.bindings.join([inner, before])
    if joined is None:
        title = f"`{given.name}` is {had} in one and {given.type} in the other"
        context.report("E303", title, tree.span, f"{had} and {given.type}", "convert one of them, or give it another name")
        return UNKNOWN
    return OptionalType(joined) if is_optional else joined
