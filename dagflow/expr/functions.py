"""Calls of functions and methods: namespaced names, conversions to a host's types, and what is in the table."""

from __future__ import annotations

from dagflow.diagnostic import Span
from dagflow.expr import complaints
from dagflow.expr.calls import call_overload
from dagflow.expr.composites import literal_as
from dagflow.expr.context import Context, Typed
from dagflow.expr.macros import visit_macro
from dagflow.expr.names import candidates, qualified
from dagflow.expr.tree import Call, Expr
from dagflow.model.types import JSON, STRING, UNKNOWN, OptionalType, ScalarType, SecretType


def visit_call(context: Context, tree: Call) -> Typed:
    """Any call."""
    macro = visit_macro(context, tree)
    if macro is not None:
        return macro
    if tree.target is not None:
        namespaced = _namespaced(context, tree, tree.target)
        return namespaced if namespaced is not None else _method(context, tree, tree.target)
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


def _function(context: Context, tree: Call, name: str) -> Typed:
    args = [context.visit(arg) for arg in tree.args]
    if name == "dyn" and len(args) == 1 and context.resolve(args[0].type) is UNKNOWN:
        return args[0]
    return call_overload(context, name, args, tree.args, tree.span)


def _method(context: Context, tree: Call, receiver: Expr) -> Typed:
    target = context.visit(receiver)
    if not context.table.has(tree.function, is_method=True):
        if context.resolve(target.type) is UNKNOWN:
            return context.unknown(tree.span)
        return _unknown(context, tree, is_method=True)
    args = [target, *(context.visit(arg) for arg in tree.args)]
    return call_overload(context, tree.function, args, (receiver, *tree.args), tree.span, is_method=True)


def _unknown(context: Context, tree: Call, *, is_method: bool) -> Typed:
    for arg in tree.args:
        context.visit(arg)
    if not context.environment.is_checked:
        return Typed(JSON, ("fail", "no_such_overload", f"no function {tree.function[:60]}"), tree.span)
    known = [name for name, method in context.table.names if method == is_method and name[0].isalpha()]
    if not is_method:
        known += ["has", *context.environment.types]
    else:
        known += ["all", "exists", "filter", "map", "orValue", "optMap"]
    return complaints.unknown_function(context, tree.function, tree.name_span, known)


def _convert(context: Context, tree: Call, scalar: ScalarType) -> Typed:
    """`Email(x)`."""
    literal = literal_as(context, tree.args[0], scalar)
    if literal is not None:
        return Typed(scalar, literal.core, tree.span)
    arg = context.visit(tree.args[0])
    type_ = context.resolve(arg.type)
    match type_:
        case OptionalType():
            arg = complaints.missing(context, arg, f"`{scalar}` needs a text")
        case SecretType():
            return complaints.secret(context, arg)
        case _ if context.bindings.fits((type_,), (STRING,)):
            pass
        case _:
            if type_ is not UNKNOWN:
                return _not_text(context, tree.args[0].span, scalar, str(type_))
    return Typed(scalar, ("scalar", arg.core, scalar.name), tree.span)


def _not_text(context: Context, span: Span, scalar: ScalarType, given: str) -> Typed:
    return context.mistake("E309", f"`{scalar}` takes a string, not {given}", span, given, f"convert it: `{scalar}(string(…))`")
