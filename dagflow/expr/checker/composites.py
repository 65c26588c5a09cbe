"""Check lists, maps, records, texts and conditionals, against the expected type if there is one."""

from __future__ import annotations

from collections.abc import Sequence

from dagflow.diagnostic import Edit, Fix, Span, nearest
from dagflow.expr.checker import messages
from dagflow.expr.checker.constants import default_core
from dagflow.expr.checker.context import Context, Typed
from dagflow.expr.checker.literals import literal_as, scalar_problem, wanted_value
from dagflow.expr.checker.narrowing import known_present
from dagflow.expr.checker.overload_resolution import condition, join_types
from dagflow.expr.tree import Binary, Conditional, Expr, Interpolation, ListLiteral, Literal, MapLiteral, Name, Select
from dagflow.model.types import (
    BOOL,
    BYTES,
    DECIMAL,
    DOUBLE,
    DURATION,
    INT,
    JSON,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    UNKNOWN,
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
)


def as_expected(context: Context, typed: Typed, tree: Expr, expected: Type | None, place: str = "this") -> Typed:
    """The part as a field or element of the wanted type; what does not fit is reported."""
    type_ = context.resolve(typed.type)
    if isinstance(
        type_, SecretType
    ):  # pragma: no cover - parts are checked before they are fitted; the second check costs nothing
        return messages.secret(context, typed)
    if expected is None or type_ is UNKNOWN:
        return typed
    if isinstance(expected, OptionalType):
        if type_ is NULL:
            return Typed(expected, ("null",), typed.span, is_stored=True)
        inner = wanted_value(type_) or type_
        fitted = _fitted(context, Typed(inner, typed.as_stored, typed.span), tree, expected.value, place)
        return Typed(expected, fitted.core, typed.span, is_stored=True)
    if isinstance(type_, OptionalType):
        return messages.missing(context, typed, f"{place} needs {expected}")
    return _fitted(context, typed, tree, expected, place)


def _fitted(context: Context, typed: Typed, tree: Expr, expected: Type, place: str) -> Typed:
    type_ = context.resolve(typed.type)
    literal = literal_as(context, tree, expected)
    if literal is not None:
        return literal
    if context.bindings.fits((type_,), (expected,)):
        return Typed(type_ if expected is JSON else expected, typed.core, typed.span)
    context.report("E307", f"{place} takes {expected}, got {type_}", typed.span, str(type_), f"give a value of type {expected}")
    return context.unknown(typed.span)


def visit_list(context: Context, tree: ListLiteral, expected: Type | None) -> Typed:
    """`[a, ?b]`."""
    wanted = wanted_value(expected)
    element_type = wanted.element if isinstance(wanted, ListType) else None
    parts: list[Typed] = []
    for element in tree.elements:
        part = context.visit(element.value, element_type)
        part = _unwrapped(context, part) if element.is_optional else _present(context, part, element_type)
        if not element.is_optional:
            part = as_expected(context, part, element.value, element_type, "this list")
        parts.append(part)
    optional = tuple(element.is_optional for element in tree.elements)
    core = ("list", optional, *(part.as_value for part in parts))
    return Typed(ListType(element_type or _common(context, parts)), core, tree.span)


def _common(context: Context, parts: Sequence[Typed]) -> Type:
    types = [part.type for part in parts]
    if not types:
        return context.bindings.fresh()
    return join_types(context, types) or JSON


def _present(context: Context, part: Typed, expected: Type | None) -> Typed:
    """A part of a list or map: no secret, and in a flow nothing that may be missing."""
    type_ = context.resolve(part.type)
    if isinstance(type_, SecretType):
        return messages.secret(context, part)
    is_missing = isinstance(type_, OptionalType) and context.environment.is_flow and expected is None
    if part.step or is_missing:
        return messages.missing(context, part, "`?` before it leaves it out where it is missing")
    return part


def _unwrapped(context: Context, part: Typed) -> Typed:
    """The element that `?x` adds if it is present; the core stays the optional."""
    type_ = context.resolve(part.type)
    if isinstance(type_, OptionalType):
        return Typed(type_.value, part.as_value, part.span)
    if type_ is not JSON and type_ is not UNKNOWN and context.environment.is_checked:
        context.report("E309", f"`?` needs an optional, not {type_}", part.span, str(type_), "leave the `?` out")
    return part


def visit_map(context: Context, tree: MapLiteral, expected: Type | None) -> Typed:
    """`{k: v, ?k: v}`; where a record is wanted, that record."""
    wanted = wanted_value(expected)
    names = constant_names(tree)
    if isinstance(wanted, RecordType) and names is not None and len(set(names)) == len(names):
        return _record(context, tree, names, wanted)
    key_type = wanted.key if isinstance(wanted, MapType) else None
    value_type = wanted.value if isinstance(wanted, MapType) else None
    keys = [_key(context, entry.key) for entry in tree.entries]
    values: list[Typed] = []
    for entry in tree.entries:
        value = context.visit(entry.value, value_type)
        value = _unwrapped(context, value) if entry.is_optional else _present(context, value, value_type)
        if not entry.is_optional and value_type is not None:
            value = as_expected(context, value, entry.value, value_type, "this map")
        values.append(value)
    type_ = MapType(key_type or _common(context, keys), value_type or _common(context, values))
    optional = tuple(entry.is_optional for entry in tree.entries)
    if names is not None and len(set(names)) == len(names) and not any(optional):
        return Typed(type_, ("record", tuple(names), *(value.as_value for value in values)), tree.span)
    context.makes_maps = True
    cores = [core for key, value in zip(keys, values, strict=True) for core in (key.as_value, value.as_value)]
    return Typed(type_, ("map", optional, *cores), tree.span)


def constant_names(tree: MapLiteral) -> list[str] | None:
    """The keys of a map literal, if all of them are texts without values in them."""
    names = [entry.key.value for entry in tree.entries if isinstance(entry.key, Literal) and isinstance(entry.key.value, str)]
    return names if len(names) == len(tree.entries) else None


def _key(context: Context, tree: Expr) -> Typed:
    n_before = len(context.diagnostics)
    key = context.visit(tree)
    if isinstance(tree, Name):
        messages.unquoted_key(context, tree, n_before)
    type_ = context.resolve(key.type)
    is_key = type_ in {BOOL, INT, UINT, STRING, JSON, UNKNOWN} or isinstance(type_, EnumType | ScalarType | ParamType)
    if not is_key and context.environment.is_checked:
        context.report("E309", f"a key is a bool, int, uint or string, not {type_}", key.span, str(type_))
    return key


def _record(context: Context, tree: MapLiteral, names: Sequence[str], wanted: RecordType) -> Typed:
    """A map literal for an expected closed record: its fields are checked one by one; missing ones have their defaults."""
    values: list[object] = []
    kept: list[str] = []
    for name, entry in zip(names, tree.entries, strict=True):
        field = wanted.field(name)
        if field is None:
            _unknown_field(context, entry.key.span, name, wanted)
            continue
        value = context.visit(entry.value, field.type)
        if entry.is_optional:
            value = _optional_entry(context, value, field)
        elif isinstance(field.type, OptionalType) and context.resolve(value.type) is NULL:
            continue  # an absent value adds nothing, in whatever notation
        kept.append(name)
        values.append(as_expected(context, value, entry.value, field.type, f"`{name}`").as_stored)
    # A misspelt field is one mistake, not an unknown field and a missing one.
    meant = {nearest(name, [field.name for field in wanted.fields]) for name in names if wanted.field(name) is None}
    missing = [f.name for f in wanted.fields if f.is_required and f.name not in names and f.name not in meant]
    if missing:
        end = tree.span.end
        context.report(
            "E307",
            f"{wanted} needs `{missing[0]}`",
            Span(max(end - 1, 0), end),
            f"missing {', '.join(missing)}",
            f"{wanted} is {_fields(wanted)}",
        )
    defaults = [field for field in wanted.fields if field.has_default and field.name not in names]
    kept += [field.name for field in defaults]
    values += [default_core(field) for field in defaults]
    return Typed(wanted, ("record", tuple(kept), *values), tree.span)


def _fields(record: RecordType) -> str:
    return "{" + ", ".join(f"{field.name}: {field.type}" for field in record.fields) + "}"


def _optional_entry(context: Context, value: Typed, field: Field) -> Typed:
    """`?name: value` fills an optional field with an optional."""
    type_ = context.resolve(value.type)
    if type_ is not UNKNOWN and not (isinstance(field.type, OptionalType) and isinstance(type_, OptionalType)):
        context.report("E309", f"`?` does not fit `{field.name}: {field.type}`", value.span, str(type_), "leave the `?` out")
        return context.unknown(value.span)
    return value


def _unknown_field(context: Context, span: Span, name: str, wanted: RecordType) -> None:
    names = [field.name for field in wanted.fields]
    meant = nearest(name, names)
    fix = Fix(f'`"{meant}"`', is_safe=True, edits=(Edit(span, f'"{meant}"'),)) if meant else None
    listed = f"{wanted} has: {', '.join(sorted(names))}"
    help_ = f"did you mean `{meant}`? {listed}" if meant else listed
    context.report("E301", f"{wanted} has no field `{name}`", span, f"not a field of {wanted}", help_, fix)


def visit_text(context: Context, tree: Interpolation) -> Typed:
    """`"Hi ${name}"`."""
    parts: list[object] = []
    for part in tree.parts:
        if isinstance(part, str):
            parts.append(("string", part))
            continue
        typed = context.visit(part)
        parts.append(_shown(context, typed))
    return Typed(STRING, ("text", *parts), tree.span)


def _shown(context: Context, typed: Typed) -> object:
    type_ = context.resolve(typed.type)
    match type_:
        case OptionalType():
            return messages.missing(context, typed, "a text needs a value").core
        case SecretType():
            return messages.secret(context, typed).core
        case EnumType() | ScalarType():
            return typed.core
        case _ if type_ is STRING or type_ is UNKNOWN:
            return typed.core
        case _ if type_ in {BOOL, INT, UINT, DECIMAL, TIMESTAMP, DURATION}:
            return ("call", f"string({_WORDS[type_]})", typed.core)
        case _ if type_ is DOUBLE or type_ is JSON or isinstance(type_, ParamType):
            return ("display", typed.core, context.quote(typed.span)[:_LONGEST_QUOTE])
        case _:
            help_ = "convert it: `string(…)`" if type_ is BYTES else 'pick a part of it, or `.join(", ")` a list of texts'
            return context.mistake("E309", f"a {type_} does not go into a text", typed.span, str(type_), help_).core


#: How much of an expression a failure quotes.
_LONGEST_QUOTE = 80
_WORDS: dict[Type, str] = {
    BOOL: "bool",
    INT: "int",
    UINT: "uint",
    DECIMAL: "decimal",
    TIMESTAMP: "timestamp",
    DURATION: "duration",
}


def visit_conditional(context: Context, tree: Conditional, expected: Type | None) -> Typed:
    """`c ? a : b`."""
    test = condition(context, tree.condition, "a condition is a bool, not", "write a comparison before the `?`")
    with context.knowing(known_present(tree.condition, truth=True)):
        then = branch(context, tree.then, expected)
    with context.knowing(known_present(tree.condition, truth=False)):
        otherwise = branch(context, tree.otherwise, expected)
    then, otherwise = _beside(context, tree.then, then, otherwise), _beside(context, tree.otherwise, otherwise, then)
    return _merged(context, tree, test, then, otherwise)


def branch(context: Context, tree: Expr, expected: Type | None) -> Typed:
    """A part that is the value of the whole: a literal takes the expected type."""
    return literal_as(context, tree, expected) or context.visit(tree, expected)


def _beside(context: Context, tree: Expr, typed: Typed, other: Typed) -> Typed:
    """A text literal beside an enum or scalar is one too, if it can be, and a number beside a decimal one."""
    wanted = wanted_value(context.resolve(other.type))
    if wanted is DECIMAL:
        return literal_as(context, tree, DECIMAL) or typed
    value = tree.value if isinstance(tree, Literal) else None
    if not isinstance(value, str):
        return typed
    is_one = isinstance(wanted, EnumType) and value in wanted.values
    is_one = is_one or (isinstance(wanted, ScalarType) and not scalar_problem(wanted.name, value))
    return Typed(wanted, typed.core, typed.span) if is_one and wanted is not None else typed


def _merged(context: Context, tree: Conditional, test: object, then: Typed, otherwise: Typed) -> Typed:
    types = [context.resolve(then.type), context.resolve(otherwise.type)]
    if UNKNOWN in types:
        return context.unknown(tree.span)
    may_miss = [isinstance(type_, OptionalType) or type_ is NULL for type_ in types]
    if context.environment.is_flow and any(may_miss) and types != [NULL, NULL]:
        inner = [wanted_value(type_) or type_ for type_ in types if type_ is not NULL]
        joined = join_types(context, inner)
        if joined is not None:
            core = ("if", test, then.as_stored, otherwise.as_stored)
            if joined is JSON:
                return Typed(JSON, core, tree.span)
            return Typed(OptionalType(joined), core, tree.span, is_stored=True, steps=then.steps | otherwise.steps)
    joined = join_types(context, types)
    if joined is None and context.environment.is_checked:
        title = f"the two results have different types: {types[0]} and {types[1]}"
        return context.mistake(
            "E303", title, tree.then.span.to(tree.otherwise.span), f"{types[0]} : {types[1]}", "convert one of them"
        )
    return Typed(joined or JSON, ("if", test, then.as_value, otherwise.as_value), tree.span)


def visit_coalesce(context: Context, tree: Binary, expected: Type | None) -> Typed:
    """`a ?? b`: `a` if it has a value, else `b`."""
    left = branch(context, tree.left, expected)
    n_before = len(context.diagnostics)
    right = branch(context, tree.right, expected)
    if left.steps and isinstance(tree.right, Select):
        messages.certain_together(context, left.steps, tree.right, n_before)
    right = _beside(context, tree.right, right, left)
    types = [context.resolve(left.type), context.resolve(right.type)]
    if UNKNOWN in types:
        return context.unknown(tree.span)
    inner = [wanted_value(type_) or type_ for type_ in types if type_ is not NULL]
    joined = join_types(context, inner) if inner else NULL
    if joined is None:
        if context.environment.is_checked:
            return messages.no_operator(context, "??", tree.span, (tree.left, tree.right), (left, right))
        joined = JSON
    core = ("coalesce", left.as_stored, right.as_stored)
    steps = left.steps | right.steps
    is_certain = bool(left.steps) and bool(right.steps) and context.environment.covers(steps)
    if is_certain or not (isinstance(types[1], OptionalType) or types[1] is NULL):
        return Typed(joined, core, tree.span)
    return Typed(OptionalType(joined), core, tree.span, is_stored=True, steps=steps)
