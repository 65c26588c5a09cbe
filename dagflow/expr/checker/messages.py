"""The words of the checker's messages that need more than a line: missing values, operators, unknown names and fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from dagflow.diagnostic import Edit, Fix, Span, nearest
from dagflow.expr.checker.context import Context, Typed
from dagflow.expr.tree import Expr, Interpolation, Literal, Name, Select
from dagflow.model.types import (
    BOOL,
    BYTES,
    DECIMAL,
    DOUBLE,
    DURATION,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    EnumType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    SecretType,
    Type,
    field_text,
)

_DEFAULTS = {STRING: '""', INT: "0", UINT: "0u", DOUBLE: "0.0", BOOL: "false"}


#: What other languages call it.
_SYNONYMS = {
    "length": "size", "len": "size", "count": "size", "lenght": "size", "includes": "contains",
    "toLowerCase": "lowerAscii", "lower": "lowerAscii", "toUpperCase": "upperAscii", "upper": "upperAscii",
    "strip": "trim", "substr": "substring", "slice": "substring", "some": "exists", "any": "exists", "every": "all",
    "find": "filter", "select": "filter", "str": "string", "float": "double", "number": "double", "Date": "timestamp",
    "starts_with": "startsWith", "ends_with": "endsWith", "test": "matches", "match": "matches",
}  # fmt: skip


#: Literals as other languages write them.
_LITERALS = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false", "None": "null", "nil": "null", "undefined": "null", "NULL": "null", "Null": "null"}  # fmt: skip


def inserted(text: str, *edits: tuple[int, str], is_safe: bool) -> Fix:
    """A fix that inserts texts at places."""
    return Fix(text, is_safe, tuple(Edit(Span(at, at), new) for at, new in edits))


def replaced(span: Span, new: str, *, is_safe: bool = True) -> Fix:
    """A fix that replaces a span."""
    return Fix(f"`{new}`", is_safe, (Edit(span, new),))


def default_text(type_: Type) -> str:
    """A literal that can stand in for a missing value, or empty."""
    match type_:
        case ListType():
            return "[]"
        case _:
            return next((text for kind, text in _DEFAULTS.items() if type_ is kind), "")


def unknown_name(context: Context, name: str, span: Span) -> Typed:
    """E202."""
    known = [*context.locals, *context.environment.variables]
    meant = _LITERALS.get(name) or nearest(name, known)
    fix = replaced(span, meant) if meant else None
    help_ = f"did you mean `{meant}`?" if meant else ""
    return context.mistake("E202", f"unknown name `{name}`", span, "not a step, input or `let` of this flow", help_, fix)


def unknown_function(context: Context, name: str, span: Span, known: Iterable[str]) -> Typed:
    """E202 for a function or method."""
    known = sorted(set(known))
    if name == "not":
        label, help_ = "operators are symbols", "write `!`"
        end = span.end + (context.quote(Span(span.end, span.end + 1)) == " ")
        return context.mistake(
            "E202", "`not` is not an operator", span, label, help_, replaced(Span(span.start, end), "!", is_safe=False)
        )
    synonym = _SYNONYMS.get(name)
    meant = synonym if synonym in known else nearest(name, known)
    fix = replaced(span, meant) if meant else None
    help_ = f"did you mean `{meant}`?" if meant else "actions are called as steps, not inside of an expression"
    return context.mistake("E202", f"unknown function `{name}`", span, "no such function", help_, fix)


def no_field(context: Context, record: RecordType, tree: Select) -> Typed:
    """E301 for a record."""
    names = [field.name for field in record.fields]
    meant = nearest(tree.field, names)
    subject = context.quote(tree.operand.span) or str(record)
    listed = f"{record} has: {', '.join(sorted(names))}" if names else f"{record} has no fields"
    help_ = f"did you mean `{meant}`? {listed}" if meant else listed
    fix = replaced(tree.name_span, field_text(meant)) if meant else None
    title = f"`{subject}` has no field `{tree.field}`"
    return context.mistake("E301", title, tree.name_span, f"not a field of {record}", help_, fix)


def no_fields(context: Context, operand: Typed, tree: Select) -> Typed:
    """E301 for a value that is no record."""
    subject = context.quote(tree.operand.span) or "this"
    title = f"`{subject}` has no field `{tree.field}`"
    label = f"{operand.type} has no fields"
    if tree.field in {"length", "size", "count", "len"} and (
        isinstance(context.resolve(operand.type), ListType | MapType) or operand.type in {STRING, BYTES}
    ):
        fix = replaced(tree.name_span, "size()")
        return context.mistake("E301", title, tree.name_span, label, f"write `{subject}.size()`", fix)
    return context.mistake("E301", title, tree.name_span, label, "")


def missing(context: Context, typed: Typed, needs: str = "") -> Typed:
    """E308 or E312 for an optional where a value is needed; goes on with the value's type."""
    type_ = context.resolve(typed.type)
    inner = type_.value if isinstance(type_, OptionalType) else type_
    if typed.step:
        absent(context, typed, None, inner)
    else:
        text = default_text(inner)
        quoted = context.quote(typed.span)
        fix = inserted(f"`{quoted} ?? {text}`", (typed.span.end, f" ?? {text}"), is_safe=False) if text and quoted else None
        label = f"{type_}{', but ' + needs if needs else ', but a value is needed'}"
        context.report("E312", "this value may be absent", typed.span, label, "add a default with `??`, or check first", fix)
    return Typed(inner, typed.core, typed.span)


def absent(context: Context, step: Typed, select: Select | None, type_: Type) -> None:
    """E308: a step's value is read where the step may not have run."""
    name = step.step
    absence = context.environment.absences[name]
    help_ = absence.help or f"add a default, move this step under the condition, or `filter {name}.hasValue()`"
    span, fix = step.span, None
    if select is not None:
        span, text = select.span, default_text(type_)
        dot = Edit(Span(select.operand.span.end, select.name_span.start), ".?")
        if text:
            edits = (dot, Edit(Span(span.end, span.end), f" ?? {text}"))
            fix = Fix(f"`{name}.?{select.field} ?? {text}`", is_safe=False, edits=edits)
    context.report("E308", f"`{name}` may not have run", span, absence.label, help_, fix)


def unquoted_key(context: Context, key: Name, n_before: int) -> None:
    """Complete E202 of `{name: x}`, where a name that nothing has is most likely the key itself."""
    for i, each in enumerate(context.diagnostics[n_before:], n_before):
        if each.code == "E202" and each.span == key.span:
            fix = replaced(key.span, f'"{key.name}"')
            help_ = f'keys are expressions; for a key of this text, write `"{key.name}"`'
            context.diagnostics[i] = attrs.evolve(each, help=help_, fix=fix)


def certain_together(context: Context, steps: frozenset[str], select: Select, n_before: int) -> None:
    """Complete E308 of `a.?x ?? b.x` where one of the two has always run: only the question mark is missing.

    Args:
        steps: those before the `??`.
        select: what stands behind it.
        n_before: how many diagnostics there were before that was checked.
    """
    step = select.operand.name if isinstance(select.operand, Name) else ""
    if not step or step not in context.environment.absences or not context.environment.covers(steps | {step}):
        return
    for i, each in enumerate(context.diagnostics[n_before:], n_before):
        if each.code == "E308" and each.span == select.span:
            names = " and ".join(f"`{name}`" for name in [*sorted(steps), step])
            dot = Edit(Span(select.operand.span.end, select.name_span.start), ".?")
            help_ = f"one of {names} has always run, so that no default is needed: write `{step}.?{select.field}`"
            fix = Fix(f"`{step}.?{select.field}`", is_safe=False, edits=(dot,))
            context.diagnostics[i] = attrs.evolve(each, help=help_, fix=fix)


def untyped(context: Context, operand: Typed, select: Select) -> None:
    """W304, once for a chain of fields."""
    if any(d.code == "W304" and d.span.start == select.span.start for d in context.diagnostics):
        return
    text = context.quote(operand.span)
    label = f"`{text}` is json: mistakes show up only at run time" if text else "mistakes show up only at run time"
    context.report(
        "W304",
        "reading a payload without a type",
        select.span,
        label,
        "declare a type with its fields, those that may be missing as `T?`",
    )


def secret(context: Context, typed: Typed) -> Typed:
    """E601."""
    name = context.quote(typed.span)
    label = f"`{name}` is a secret" if name else "a secret"
    return context.mistake(
        "E601", "a secret would leave the system", typed.span, label, "secrets may only be given to arguments of type Secret"
    )


def outside_enum(context: Context, span: Span, value: str, enum: EnumType, title: str) -> None:
    """E302."""
    meant = nearest(value, enum.values)
    listed = " | ".join(f'"{each}"' for each in enum.values)
    fix = replaced(span, f'"{meant}"') if meant else None
    help_ = f'did you mean "{meant}"?' if meant else "use one of these"
    context.report("E302", title, span, f"not one of {listed}", help_, fix)


def no_operator(context: Context, sign: str, span: Span, trees: Sequence[Expr], parts: Sequence[Typed]) -> Typed:
    """E303, E309 or E310: the operator does not take these types."""
    types = [context.bindings.finish(part.type) for part in parts]
    if sign in {"==", "!=", "<", "<=", ">", ">="}:
        return _no_comparison(context, sign, span, types)
    if sign == "/" and types[0] is DECIMAL:
        help_ = 'a quotient is rounded, so say how: `a.divide(b, 2, "half_up")`'
        return context.mistake("E309", f"no `/` for {types[0]} and {types[1]}", span, "decimal / …", help_)
    if len(parts) == 2 and {types[0], types[1]} <= {INT, UINT, DOUBLE, DECIMAL} and sign in "+-*/":
        return _no_conversion(context, sign, span, parts, types)
    if sign == "!" and isinstance(types[0], OptionalType) and types[0].value is not BOOL:
        quoted = context.quote(parts[0].span)
        present = inserted(f"`!{quoted}.hasValue()`", (parts[0].span.end, ".hasValue()"), is_safe=False)
        return context.mistake("E309", f"no `!` for {types[0]}", span, f"!{types[0]}", f"write `!{quoted}.hasValue()`", present)
    label = f" {sign} ".join(map(str, types)) if len(types) > 1 else f"{sign}{types[0]}"
    title = f"no `{sign}` for {' and '.join(map(str, types))}"
    if sign == "+" and STRING in types:
        fix = _interpolated(context, trees)
        return context.mistake(
            "E309", title, span, label, "put the value into the text" if fix else "convert it: `string(…)`", fix
        )
    if any(isinstance(type_, SecretType) for type_ in types):
        return secret(context, next(part for part, type_ in zip(parts, types, strict=True) if isinstance(type_, SecretType)))
    return context.mistake("E309", title, span, label)


def _no_comparison(context: Context, sign: str, span: Span, types: Sequence[Type]) -> Typed:
    left, right = types
    title = f"cannot compare {left} with {right}" if left != right else f"{left} has no order"
    help_ = ""
    if left is TIMESTAMP and right is DURATION:
        help_ = 'for "more than two days ago" write `now - lead.created > 2d`'
    elif {left, right} == {DECIMAL, DOUBLE}:
        help_ = "convert one side: `decimal(…)`"
    elif {left, right} == {STRING, INT}:
        help_ = "convert one side: `int(…)` or `string(…)`"
    return context.mistake("E303", title, span, f"{left} {sign} {right}", help_)


def _no_conversion(context: Context, sign: str, span: Span, parts: Sequence[Typed], types: Sequence[Type]) -> Typed:
    word = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}[sign]
    wanted = "decimal" if DECIMAL in types else "double" if DOUBLE in types else "int"
    which = 0 if str(types[0]) != wanted else 1
    part = parts[which]
    sides = [context.quote(each.span) for each in parts]
    if wanted == "double" and sides[which].isdecimal():
        fix = replaced(part.span, f"{sides[which]}.0")
        title = f"{types[0]} {word} {types[1]} needs a conversion"
        return context.mistake("E310", title, span, f"{types[0]} {sign} {types[1]}", f"write `{sides[which]}.0`", fix)
    sides[which] = f"{wanted}({sides[which]})"
    text = f"`{sides[0]} {sign} {sides[1]}`" if context.quote(part.span) else f"`{wanted}(…)`"
    fix = inserted(text, (part.span.start, f"{wanted}("), (part.span.end, ")"), is_safe=wanted != "decimal")
    title = f"{types[0]} {word} {types[1]} needs a conversion"
    return context.mistake("E310", title, span, f"{types[0]} {sign} {types[1]}", "CEL never converts numbers silently", fix)


def _interpolated(context: Context, trees: Sequence[Expr]) -> Fix | None:
    """`"orders: " + n` as `"orders: ${n}"`, where one side is a literal in plain quotes."""
    for text, other, is_first in ((trees[0], trees[1], True), (trees[1], trees[0], False)):
        if not isinstance(text, Literal | Interpolation):
            continue
        quoted, value = context.quote(text.span), context.quote(other.span)
        if (
            len(quoted) >= 2
            and quoted[0] == '"' == quoted[-1]
            and not quoted.startswith('"""')
            and '"' not in value
            and "{" not in value
        ):
            body = quoted[1:-1]
            new = f'"{body}${{{value}}}"' if is_first else f'"${{{value}}}{body}"'
            return replaced(trees[0].span.to(trees[1].span), new)
    return None


def no_overload(context: Context, name: str, span: Span, types: Sequence[Type], rows: Sequence[str]) -> Typed:
    """E309 for a function or method."""
    given = ", ".join(str(context.bindings.finish(type_)) for type_ in types)
    help_ = f"there is {'; '.join(rows[:4])}" if rows else ""
    return context.mistake("E309", f"`{name}` does not take ({given})", span, "no such combination of types", help_)
