"""Check calls of functions and methods: namespaced names, conversions to host types, and rows of the table."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from dagflow.diagnostic import Span, nearest
from dagflow.expr.checker import messages
from dagflow.expr.checker.constants import constant_core
from dagflow.expr.checker.context import Context, Typed
from dagflow.expr.checker.literals import literal_as, wanted_value
from dagflow.expr.checker.macros import visit_macro
from dagflow.expr.checker.names import candidates, qualified
from dagflow.expr.checker.overload_resolution import call_overload
from dagflow.expr.tree import Call, Expr, Literal
from dagflow.model.decimals import ROUNDINGS, parse_decimal
from dagflow.model.types import (
    DECIMAL,
    DURATION,
    JSON,
    STRING,
    TIMESTAMP,
    UNKNOWN,
    EnumType,
    ListType,
    OptionalType,
    ScalarType,
    SecretType,
    Type,
)
from dagflow.model.values import Duration, Timestamp

#: The macros whose first argument is a variable.
_LOOPS: Final = ("all", "exists", "filter", "groupBy", "map", "optMap", "reduce", "sortBy", "toMap", "zip")


def visit_call(context: Context, tree: Call, expected: Type | None = None) -> Typed:
    """Any call."""
    macro = visit_macro(context, tree, expected)
    if macro is not None:
        return macro
    if tree.target is not None:
        namespaced = _namespaced(context, tree, tree.target)
        return namespaced if namespaced is not None else _method(context, tree, tree.target, expected)
    scalar = context.environment.types.get(tree.function)
    if isinstance(scalar, ScalarType) and len(tree.args) == 1:
        return _convert(context, tree, scalar)
    for name in candidates(context.environment.container, tree.function, is_root=tree.is_root):
        if context.table.has(name, is_method=False):
            return _function(context, tree, name)
    return _unknown(context, tree, is_method=False)


def _namespaced(context: Context, tree: Call, target: Expr) -> Typed | None:
    """`math.abs(x)`: a function whose name has dots, unless its beginning is a variable."""
    prefix = qualified(target)
    if prefix is None or (not prefix[1] and prefix[0].split(".", 1)[0] in context.locals):
        return None
    written = f"{prefix[0]}.{tree.function}"
    for name in candidates(context.environment.container, written, is_root=prefix[1]):
        if context.table.has(name, is_method=False):
            return _function(context, tree, name)
    return None


def _constant(context: Context, tree: Call, name: str) -> Typed | None:
    """`decimal("12.50")`, `duration("90s")` and `timestamp("…")` of a literal, read once and not at each evaluation."""
    literal = tree.args[0] if len(tree.args) == 1 else None
    if name not in _CONSTANTS or not isinstance(literal, Literal) or not isinstance(literal.value, str):
        return None
    parse, type_ = _CONSTANTS[name]
    try:
        return Typed(type_, constant_core(parse(literal.value)), tree.span)
    except ValueError as error:
        if not context.environment.is_flow:
            return None  # CEL leaves it to the evaluation, which may absorb the error
        help_ = _WRITTEN[name]
        return context.mistake("E307", f"this is no {name}", literal.span, str(error), help_)


_WRITTEN: Final = {
    "decimal": "write it like `12.50`",
    "duration": "write it like `90s`, or as a literal: `2d`",
    "timestamp": "write it like `2026-01-31T10:00:00Z`",
}
_CONSTANTS: Final[dict[str, tuple[Callable[[str], Decimal | Duration | Timestamp], Type]]] = {
    "decimal": (parse_decimal, DECIMAL),
    "duration": (Duration.parse, DURATION),
    "timestamp": (Timestamp.parse, TIMESTAMP),
}


def _function(context: Context, tree: Call, name: str) -> Typed:
    constant = _constant(context, tree, name)
    if constant is not None:
        return constant
    args = [context.visit(arg) for arg in tree.args]
    if name == "dyn" and len(args) == 1 and context.resolve(args[0].type) is UNKNOWN:
        return args[0]
    return call_overload(context, name, args, tree.args, tree.span)


def _method(context: Context, tree: Call, receiver: Expr, expected: Type | None) -> Typed:
    target = context.visit(receiver, _expected_receiver(context, tree, expected))
    if not context.table.has(tree.function, is_method=True):
        if context.resolve(target.type) is UNKNOWN:
            return context.unknown(tree.span)
        return _unknown(context, tree, is_method=True)
    args = [target, *(context.visit(arg) for arg in tree.args)]
    if tree.function in {"round", "divide"} and context.resolve(target.type) is DECIMAL:
        _check_rounding(context, tree)
    return call_overload(context, tree.function, args, (receiver, *tree.args), tree.span, is_method=True)


def _check_rounding(context: Context, tree: Call) -> None:
    """E302 for a rounding that does not exist."""
    last = tree.args[-1] if tree.args else None
    if isinstance(last, Literal) and isinstance(last.value, str) and last.value not in ROUNDINGS:
        messages.outside_enum(context, last.span, last.value, EnumType("", ROUNDINGS), "there is no such rounding")


def _expected_receiver(context: Context, tree: Call, expected: Type | None) -> Type | None:
    """The type of the list that a method's result is made of: `[…].sort()` is a list of records where one is wanted."""
    if expected is None:
        return None
    rows = context.table.find(tree.function, is_method=True, arity=len(tree.args) + 1)
    kept = next((row for row in rows if row.keeps_elements), None)
    if kept is None:
        return None
    match kept.result, wanted_value(expected):
        case ListType(), wanted:
            return wanted
        case _, None:
            return None
        case _, wanted:
            return ListType(wanted)


def _unknown(context: Context, tree: Call, *, is_method: bool) -> Typed:
    # What looks like a loop has variables, which are not unknown names as well.
    if not is_method or nearest(tree.function, _LOOPS) is None:
        for arg in tree.args:
            context.visit(arg)
    if not context.environment.is_checked:
        return Typed(JSON, ("fail", "no_such_overload", f"no function {tree.function[:60]}"), tree.span)
    known = [name for name, method in context.table.names if method == is_method and name[0].isalpha()]
    if not is_method:
        known += ["has", *context.environment.types]
    else:
        known += [*_LOOPS, "merge", "orValue"]
    return messages.unknown_function(context, tree.function, tree.name_span, known)


def _convert(context: Context, tree: Call, scalar: ScalarType) -> Typed:
    """`Email(x)`."""
    literal = literal_as(context, tree.args[0], scalar)
    if literal is not None:
        return Typed(scalar, literal.core, tree.span)
    arg = context.visit(tree.args[0])
    type_ = context.resolve(arg.type)
    match type_:
        case OptionalType():
            arg = messages.missing(context, arg, f"`{scalar}` needs a text")
        case SecretType():
            return messages.secret(context, arg)
        case _ if context.bindings.fits((type_,), (STRING,)):
            pass
        case _:
            return _not_text(context, tree.args[0].span, scalar, str(type_))
    return Typed(scalar, ("scalar", arg.core, scalar.name), tree.span)


def _not_text(context: Context, span: Span, scalar: ScalarType, given: str) -> Typed:
    return context.mistake("E309", f"`{scalar}` takes a string, not {given}", span, given, f"convert it: `{scalar}(string(…))`")
