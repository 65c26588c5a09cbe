"""Fields and elements: `a.b`, `a.?b`, `a[i]`, `a[?i]`, `has(a.b)`."""

from __future__ import annotations

from dagflow.expr.checker import messages
from dagflow.expr.checker.context import Context, Typed
from dagflow.expr.checker.names import visit_dotted
from dagflow.expr.checker.narrowing import path_of
from dagflow.expr.checker.overload_resolution import call_overload
from dagflow.expr.tree import Expr, Index, Select
from dagflow.model.types import (
    BOOL,
    JSON,
    STRING,
    UNKNOWN,
    Field,
    MapType,
    OptionalType,
    ParamType,
    RecordType,
    SecretType,
    Type,
)


def visit_select(context: Context, tree: Select) -> Typed:
    """`a.b` and `a.?b`."""
    if not tree.is_optional:
        name = visit_dotted(context, tree)
        if name is not None:
            return name
    operand = context.visit(tree.operand)
    type_ = context.resolve(operand.type)
    if type_ is JSON and context.environment.is_flow:
        messages.untyped(context, operand, tree)
    if operand.step and not tree.is_optional:
        return _absent_field(context, operand, tree)
    if isinstance(type_, OptionalType):
        return _through_optional(context, operand, type_.value, tree)
    if tree.is_optional:
        return _find(context, operand, type_, tree)
    return _plain(context, operand, type_, tree)


def _plain(context: Context, operand: Typed, type_: Type, tree: Select) -> Typed:
    match type_:
        case RecordType():
            field = type_.field(tree.field)
            if field is None:
                return messages.no_field(context, type_, tree)
            return _field(context, operand, field, tree)
        case MapType(key, value) if context.bindings.fits((STRING,), (key,)):
            row = "_[_](map(string, A), string)" if context.resolve(key) is STRING else "_[_](map(A, B), A)"
            return Typed(context.resolve(value), ("call", row, operand.core, ("string", tree.field)), tree.span)
        case _ if type_ is UNKNOWN:
            return context.unknown(tree.span)
        case _ if type_ is JSON or isinstance(type_, ParamType):
            return Typed(JSON, ("select", operand.core, tree.field), tree.span)
        case SecretType():
            return messages.secret(context, operand)
        case _ if not context.environment.is_checked:
            return Typed(JSON, ("select", operand.as_value, tree.field), tree.span)
        case _:
            return messages.no_fields(context, operand, tree)


def _field(context: Context, operand: Typed, field: Field, tree: Select) -> Typed:
    if not isinstance(field.type, OptionalType):
        return Typed(field.type, ("field", operand.core, field.name), tree.span)
    if path_of(tree) in context.narrowed:
        return Typed(field.type.value, ("field", operand.core, field.name), tree.span)
    return Typed(field.type, ("maybe", operand.core, field.name), tree.span, is_stored=True)


def _find(context: Context, operand: Typed, type_: Type, tree: Select) -> Typed:
    """`a.?b` where `a` has a value."""
    match type_:
        case RecordType():
            field = type_.field(tree.field)
            if field is None:
                return messages.no_field(context, type_, tree)
            wanted = field.type if isinstance(field.type, OptionalType) else OptionalType(field.type)
            if path_of(tree) in context.narrowed:
                return Typed(wanted.value, ("field", operand.core, field.name), tree.span)
            return Typed(wanted, ("maybe", operand.core, field.name), tree.span, is_stored=True)
        case MapType(key, value) if context.bindings.fits((STRING,), (key,)):
            return Typed(OptionalType(context.resolve(value)), ("find", operand.core, tree.field), tree.span)
        case _ if type_ is UNKNOWN:
            return context.unknown(tree.span)
        case _ if type_ is JSON or isinstance(type_, ParamType) or not context.environment.is_checked:
            return Typed(OptionalType(JSON), ("find", operand.core, tree.field), tree.span)
        case SecretType():
            return messages.secret(context, operand)
        case _:
            return messages.no_fields(context, operand, tree)


def _through_optional(context: Context, operand: Typed, inner: Type, tree: Select) -> Typed:
    """A field of an optional is optional."""
    if isinstance(inner, OptionalType):
        inner = inner.value
    found = ("find", operand.as_value, tree.field)
    if isinstance(inner, RecordType):
        field = inner.field(tree.field)
        if field is None:
            return messages.no_field(context, inner, tree)
        value = field.type.value if isinstance(field.type, OptionalType) else field.type
        # A field of a record may hold None for none: back to stored form, where both are the same.
        return Typed(OptionalType(value), ("store", found), tree.span, is_stored=True, steps=operand.steps)
    made = _find(context, Typed(inner, found, operand.span), inner, tree)
    if made.type is UNKNOWN:
        return made
    return Typed(made.type, found, tree.span, steps=operand.steps)


def _absent_field(context: Context, operand: Typed, tree: Select) -> Typed:
    inner = operand.type.value if isinstance(operand.type, OptionalType) else operand.type
    field = inner.field(tree.field) if isinstance(inner, RecordType) else None
    type_ = field.type if field is not None else JSON
    messages.absent(context, operand, tree, type_)
    if field is None:
        return context.unknown(tree.span)
    return Typed(type_.value if isinstance(type_, OptionalType) else type_, ("null",), tree.span)


def visit_has(context: Context, tree: Expr, span_of: Expr) -> Typed:
    """`has(a.b)`."""
    if not isinstance(tree, Select):
        return context.mistake("E309", "`has` takes a field, like `has(a.b)`", tree.span, "not a field")
    operand = context.visit(tree.operand)
    type_ = context.resolve(operand.type)
    span = span_of.span
    match type_:
        case OptionalType():
            made = _through_optional(context, operand, type_.value, tree)
            if made.type is UNKNOWN:
                return made
            core = ("present", made.core) if made.is_stored else ("call", ".hasValue(optional_type(A))", made.core)
            return Typed(BOOL, core, span)
        case RecordType():
            field = type_.field(tree.field)
            if field is None:
                return messages.no_field(context, type_, tree)
            if isinstance(field.type, SecretType):
                help_ = "give it to an argument; the call fails where the host does not have it"
                return context.mistake("E309", "`has` does not ask for secrets", tree.span, "its handle is always there", help_)
            is_optional = isinstance(field.type, OptionalType)
            return Typed(BOOL, ("present", ("maybe", operand.core, field.name)) if is_optional else ("bool", True), span)
        case MapType(key, _) if context.resolve(key) is STRING:
            return Typed(BOOL, ("test", operand.core, tree.field), span)
        case _:
            made = _plain(context, operand, type_, tree)
            return made if made.type is UNKNOWN else Typed(BOOL, ("has", operand.core, tree.field), span)


def visit_index(context: Context, tree: Index) -> Typed:
    """`a[i]` and `a[?i]`."""
    operand, index = context.visit(tree.operand), context.visit(tree.index)
    type_ = context.resolve(operand.type)
    if operand.step and not tree.is_optional:
        operand = messages.missing(context, operand)
        return context.unknown(tree.span)
    if isinstance(type_, OptionalType) or tree.is_optional:
        return _find_at(context, operand, index, type_, tree)
    return call_overload(context, "_[_]", (operand, index), (tree.operand, tree.index), tree.span, sign="[]")


def _find_at(context: Context, operand: Typed, index: Typed, type_: Type, tree: Index) -> Typed:
    inner = type_.value if isinstance(type_, OptionalType) else type_
    plain = Typed(inner, operand.core, operand.span)
    element = call_overload(context, "_[_]", (plain, index), (tree.operand, tree.index), tree.span, sign="[]")
    if element.type is UNKNOWN:
        return element
    value = element.type.value if isinstance(element.type, OptionalType) else element.type
    return Typed(OptionalType(value), ("find_at", operand.as_value, index.as_value), tree.span, steps=operand.steps)
