"""The checker: from a tree and its surroundings to a type, a checked form, and all diagnostics.

Theory. Each part of a tree is visited once and becomes a `Typed`: its type, its checked form (`core`), and its presence. Static
types select the overloads; where they are unknown (`json`, CEL's `dyn`), the evaluation selects. A part that does not check
gets the type `unknown`, which agrees with everything: one mistake, one message.
"""

from __future__ import annotations

from typing import assert_never

from dagflow.diagnostic import Diagnostic
from dagflow.expr.checker import messages
from dagflow.expr.checker.composites import branch, visit_coalesce, visit_conditional, visit_list, visit_map, visit_text
from dagflow.expr.checker.context import Context, Typed
from dagflow.expr.checker.cost import LIMIT, Cost, cost_of
from dagflow.expr.checker.environment import Absence, Checked, Environment
from dagflow.expr.checker.functions import visit_call
from dagflow.expr.checker.names import visit_name
from dagflow.expr.checker.narrowing import narrowed_by
from dagflow.expr.checker.overload_resolution import visit_binary, visit_unary
from dagflow.expr.checker.selection import visit_index, visit_select
from dagflow.expr.codegen.width import width_of
from dagflow.expr.library.namespace import TABLE
from dagflow.expr.tree import (
    Binary,
    Broken,
    Call,
    Conditional,
    Expr,
    Index,
    Interpolation,
    ListLiteral,
    Literal,
    MapLiteral,
    Name,
    Select,
    Unary,
)
from dagflow.model.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    NULL,
    STRING,
    UINT,
    EnumType,
    OptionalType,
    Primitive,
    ScalarType,
    SecretType,
    Type,
)
from dagflow.model.values import Duration, UInt
from dagflow.model.wire.codec import MAX_SIZE

__all__ = ["Absence", "Checked", "Environment", "check", "narrowed_by"]


def check(tree: Expr, environment: Environment) -> Checked:
    """Check an expression.

    Never raises for anything a tree contains; with diagnostics that are errors, `core` must not be used.
    """
    context = Context.start(environment, TABLE, _visit)
    try:
        # The context of a text judges it as an enum or scalar, since it has a better message.
        is_text = isinstance(tree, Literal) and isinstance(tree.value, str)
        typed = _visit(context, tree, environment.expected) if is_text else branch(context, tree, environment.expected)
    except RecursionError:
        typed = context.mistake("E501", "this expression is nested too deeply", tree.span, "nested too deeply")
    type_ = context.bindings.finish(typed.type)
    core = _finish(context, typed, type_)
    cost = cost_of(core)
    if not _has_error(context.diagnostics):
        _check_limits(context, tree, cost, width_of(core))
    return Checked(type=type_, core=core, reads=context.reads, diagnostics=context.diagnostics, cost=cost.at_most)


def _check_limits(context: Context, tree: Expr, cost: Cost, width: int) -> None:
    """E501 for an expression that always ends in an error."""
    if cost.at_least > LIMIT:
        label = f"at least {cost.at_least} steps; the limit is {LIMIT}"
        context.report(
            "E501", "this expression can cost too much", tree.span, label, "visit fewer elements, or compute it in an action"
        )
    elif width > MAX_SIZE:
        label = f"at least {width / 2**20:.0f} MiB as JSON; the limit is {MAX_SIZE >> 20} MiB"
        context.report(
            "E501",
            "this value is too large",
            tree.span,
            label,
            "read fewer values that are named before: each is written out again",
        )


def _has_error(diagnostics: list[Diagnostic]) -> bool:
    return any(diagnostic.code.startswith("E") for diagnostic in diagnostics)


def _finish(context: Context, typed: Typed, type_: Type) -> object:
    """The core of a whole expression: in a flow its value comes out in stored form."""
    environment = context.environment
    if not environment.is_flow:
        return typed.core
    if typed.step and not isinstance(environment.expected, OptionalType):
        messages.absent(context, typed, None, type_)
    core = typed.as_stored
    is_simple = isinstance(type_, Primitive | EnumType | ScalarType | SecretType) and type_ is not Primitive.JSON
    return core if is_simple or not context.makes_maps else ("plain", core)


def _visit(context: Context, tree: Expr, expected: Type | None) -> Typed:
    match tree:
        case Literal():
            return _literal(context, tree)
        case Interpolation():
            return visit_text(context, tree)
        case Name():
            return visit_name(context, tree)
        case Select():
            return visit_select(context, tree)
        case Index():
            return visit_index(context, tree)
        case Call():
            return visit_call(context, tree, expected)
        case ListLiteral():
            return visit_list(context, tree, expected)
        case MapLiteral():
            return visit_map(context, tree, expected)
        case Unary():
            return visit_unary(context, tree)
        case Binary():
            return visit_coalesce(context, tree, expected) if tree.operator == "??" else visit_binary(context, tree, expected)
        case Conditional():
            return visit_conditional(context, tree, expected)
        case Broken():
            return context.unknown(tree.span)
        case _:
            assert_never(tree)


def _literal(context: Context, tree: Literal) -> Typed:
    match tree.value:
        case None:
            return Typed(NULL, ("null",), tree.span)
        case bool(value):
            return Typed(BOOL, ("bool", value), tree.span)
        case UInt() as value:
            return Typed(UINT, ("uint", int(value)), tree.span)
        case int(value):
            if value > 2**63 - 1:
                label = "this number does not fit an int; the largest is 9223372036854775807"
                return context.mistake("E113", "this literal has no value", tree.span, label, "write it as a double or a uint")
            return Typed(INT, ("int", value), tree.span)
        case float(value):
            return Typed(DOUBLE, ("double", value), tree.span)
        case str(value):
            return Typed(STRING, ("string", value), tree.span)
        case bytes(value):
            return Typed(BYTES, ("bytes", value.hex()), tree.span)
        case Duration() as value:
            return Typed(DURATION, ("duration", value.nanos), tree.span)
        case _:
            assert_never(tree.value)
