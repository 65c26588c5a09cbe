"""The macros: `has`, loops over lists and maps with one or two variables, `optMap`, `cel.bind`, and variadic functions."""

from __future__ import annotations

from typing import Final

from dagflow.expr.checker import messages
from dagflow.expr.checker.composites import branch
from dagflow.expr.checker.context import Context, Local, Typed
from dagflow.expr.checker.list_macros import LIST_MACROS
from dagflow.expr.checker.literals import wanted_value
from dagflow.expr.checker.macro_loops import (
    Macro,
    Over,
    element_of,
    loop_core,
    loop_over,
    misused,
    variables_of,
    with_variables,
)
from dagflow.expr.checker.merging import visit_merge
from dagflow.expr.checker.overload_resolution import call_overload, condition
from dagflow.expr.checker.selection import visit_has
from dagflow.expr.tree import Call, Name
from dagflow.model.types import (
    BOOL,
    DOUBLE,
    INT,
    JSON,
    UINT,
    UNKNOWN,
    ListType,
    MapType,
    OptionalType,
    ParamType,
    SecretType,
    Type,
)

_TESTS: Final = {"all": "all", "exists": "exists", "exists_one": "exists_one", "existsOne": "exists_one"}


def visit_macro(context: Context, tree: Call, expected: Type | None) -> Typed | None:
    """The call, if it is that of a macro; otherwise None. `expected` is how literals in it are to be read."""
    if tree.target is None:
        if tree.function == "has" and len(tree.args) == 1:
            return visit_has(context, tree.args[0], tree)
        return None
    if isinstance(tree.target, Name):
        namespaced = _NAMESPACED.get((tree.target.name, tree.function))
        if namespaced is not None and tree.target.name not in context.locals:
            return namespaced(context, tree, expected)
    made = _MACROS.get(tree.function)
    return made(context, tree, expected) if made is not None else None


def _test(context: Context, tree: Call, _: Type | None) -> Typed | None:
    n_variables = len(tree.args) - 1
    names = variables_of(tree, n_variables) if n_variables in {1, 2} else None
    if names is None:
        return misused(context, tree, has_arity=n_variables in {1, 2})
    kind = _TESTS[tree.function]

    def finish(over: Over) -> Typed:
        test = condition(context, tree.args[-1], f"`{tree.function}` requires a condition; got", "write a comparison")
        return Typed(BOOL, loop_core(kind, over, test, None), tree.span)

    return loop_over(context, tree, names, finish)


@with_variables(1, 2)
def _filter(context: Context, tree: Call, expected: Type | None, names: tuple[str, ...]) -> Typed:

    def finish(over: Over) -> Typed:
        test = condition(context, tree.args[1], "`filter` requires a condition; got", "write a comparison")
        core = loop_core("list", over, test, ("local", over.first.index))
        return Typed(ListType(over.first.type), core, tree.span)

    return loop_over(context, tree, names, finish, expected)


@with_variables(1, 2, 3)
def _map(context: Context, tree: Call, expected: Type | None, names: tuple[str, ...]) -> Typed:
    return _transform(context, tree, names, "list", expected)


def _transforming(kind: str) -> Macro:
    @with_variables(2, 3, 4)
    def macro(context: Context, tree: Call, expected: Type | None, names: tuple[str, ...]) -> Typed:
        return _transform(context, tree, names, kind, expected)

    return macro


def _transform(context: Context, tree: Call, names: tuple[str, ...], kind: str, expected: Type | None) -> Typed:
    wanted = wanted_value(expected)

    def finish(over: Over) -> Typed:
        test = None
        if len(tree.args) - len(names) == 2:
            test = condition(context, tree.args[-2], f"`{tree.function}` requires a condition; got", "write a comparison")
        value = element_of(context, tree.args[-1], _inner(kind, wanted))
        core = loop_core(kind, over, test, value.as_value)
        context.makes_maps = context.makes_maps or kind != "list"
        return Typed(_result(context, kind, over.first, value), core, tree.span)

    return loop_over(context, tree, names, finish)


def _inner(kind: str, wanted: Type | None) -> Type | None:
    """The type that the value of one pass should have."""
    match kind, wanted:
        case "list", ListType(element):
            return element
        case "map", MapType(_, value):
            return value
        case "entries", MapType():
            return wanted
        case _:
            return None


def _result(context: Context, kind: str, key: Local, value: Typed) -> Type:
    type_ = context.resolve(value.type)
    if kind == "list":
        return ListType(type_)
    if kind == "map":
        return MapType(key.type, type_)
    if isinstance(type_, MapType):
        return type_
    if type_ is not JSON and type_ is not UNKNOWN and context.environment.is_checked:
        context.report(
            "E309",
            f"`transformMapEntry` must return a map for each entry; got {type_}",
            value.span,
            str(type_),
            "write `{key: value}`",
        )
    return MapType(JSON, JSON)


def _opt_map(context: Context, tree: Call, expected: Type | None) -> Typed | None:
    return _through(context, tree, expected, is_flat=False)


def _opt_flat_map(context: Context, tree: Call, _: Type | None) -> Typed | None:
    return _through(context, tree, None, is_flat=True)


def _through(context: Context, tree: Call, expected: Type | None, *, is_flat: bool) -> Typed | None:
    if len(tree.args) != 2 or tree.target is None:
        return None
    names = variables_of(tree, 1)
    if names is None:
        return misused(context, tree)
    target = context.visit(tree.target)
    type_ = context.resolve(target.type)
    if not isinstance(type_, OptionalType) and type_ is not JSON and type_ is not UNKNOWN and context.environment.is_checked:
        return context.mistake(
            "E309", f"`{tree.function}` needs an optional, not {type_}", target.span, str(type_), "it always has a value"
        )
    local = context.new_local(type_.value if isinstance(type_, OptionalType) else JSON)
    with context.scope({names[0]: local}):
        body = branch(context, tree.args[1], wanted_value(expected))
    inner = context.resolve(body.type)
    if not is_flat:
        return Typed(
            OptionalType(inner), ("map_optional", local.index, target.as_value, body.as_value), tree.span, steps=target.steps
        )
    if not isinstance(inner, OptionalType) and inner is not JSON and inner is not UNKNOWN and context.environment.is_checked:
        return context.mistake("E309", f"`optFlatMap` makes an optional, not {inner}", body.span, str(inner), "use `optMap`")
    result = inner if isinstance(inner, OptionalType) else OptionalType(JSON)
    return Typed(result, ("chain_optional", local.index, target.as_value, body.as_value), tree.span, steps=target.steps)


def _or(context: Context, tree: Call, expected: Type | None) -> Typed | None:
    """`o.or(other)` and `o.orValue(default)`: the argument is evaluated only if it is needed."""
    if len(tree.args) != 1 or tree.target is None:
        return None
    target = context.visit(tree.target, expected)
    type_ = context.resolve(target.type)
    is_wanted = context.environment.is_flow and isinstance(type_, OptionalType)
    other = branch(context, tree.args[0], type_.value if is_wanted and isinstance(type_, OptionalType) else None)
    fallback = context.resolve(other.type)
    if UNKNOWN in (type_, fallback):
        return context.unknown(tree.span)
    is_dynamic = type_ is JSON or isinstance(type_, ParamType) or not context.environment.is_checked
    if not isinstance(type_, OptionalType) and not is_dynamic:
        title = f"`{tree.function}` needs an optional, not {type_}"
        return context.mistake("E309", title, target.span, str(type_), "it always has a value; remove the call")
    inner = type_.value if isinstance(type_, OptionalType) else JSON
    if tree.function == "or":
        return _or_other(context, tree, target, other)
    if isinstance(fallback, SecretType) != isinstance(inner, SecretType):
        return messages.secret(context, other if isinstance(fallback, SecretType) else target)
    if context.environment.is_flow and isinstance(fallback, OptionalType):
        other = messages.missing(context, other, "`orValue` needs a value")
        return context.unknown(tree.span)
    joined = context.bindings.join([inner, fallback])
    if joined is None and context.environment.is_checked:
        return context.mistake("E309", f"`orValue` of {inner}? takes {inner}, not {fallback}", other.span, str(fallback), "")
    steps = target.steps | other.steps
    return Typed(joined or JSON, ("or_value", target.as_value, other.as_value), tree.span, steps=steps)


def _or_other(context: Context, tree: Call, target: Typed, other: Typed) -> Typed:
    type_, fallback = context.resolve(target.type), context.resolve(other.type)
    inner = type_.value if isinstance(type_, OptionalType) else JSON
    value = fallback.value if isinstance(fallback, OptionalType) else JSON
    if not isinstance(fallback, OptionalType) and fallback is not JSON and context.environment.is_checked:
        return context.mistake("E309", f"`or` takes an optional, not {fallback}", other.span, str(fallback), "use `orValue`")
    joined = context.bindings.join([inner, value])
    if joined is None and context.environment.is_checked:
        return context.mistake("E309", f"no `or` for {inner}? and {fallback}", tree.span, f"{inner}? or {fallback}", "")
    steps = target.steps | other.steps
    core = ("or", target.as_value, other.as_value)
    if target.steps and other.steps and context.environment.covers(steps):
        return Typed(joined or JSON, ("store", core), tree.span)
    return Typed(OptionalType(joined or JSON), core, tree.span, steps=steps)


def _has_value(context: Context, tree: Call, _: Type | None) -> Typed | None:
    """`o.hasValue()`, also of a step that may not have run."""
    if tree.args or tree.target is None:
        return None
    target = context.visit(tree.target)
    type_ = context.resolve(target.type)
    if target.is_stored:
        return Typed(BOOL, ("present", target.core), tree.span)
    if (
        not isinstance(type_, OptionalType)
        and context.environment.is_flow
        and context.environment.is_checked
        and type_ is not UNKNOWN
    ):
        # The name was optional and is known to have a value, or never was: asking again is harmless.
        return Typed(BOOL, ("bool", True), tree.span) if type_ is not JSON else Typed(BOOL, ("present", target.core), tree.span)
    return call_overload(context, "hasValue", (target,), (tree.target,), tree.span, is_method=True)


@with_variables(1, 3)
def _bind(context: Context, tree: Call, expected: Type | None, names: tuple[str, ...]) -> Typed:
    """`cel.bind(name, value, body)`."""
    value = context.visit(tree.args[1])
    type_ = context.resolve(value.type)
    if isinstance(type_, SecretType):
        value = messages.secret(context, value)
    if value.step:
        value = messages.missing(context, value)
    local = context.new_local(context.resolve(value.type))
    with context.scope({names[0]: local}):
        body = branch(context, tree.args[2], expected)
    core = ("bind", local.index, value.as_value, body.as_value)
    return Typed(body.type, core, tree.span, steps=body.steps)


def _extreme(context: Context, tree: Call, _: Type | None) -> Typed | None:
    """`math.greatest` and `math.least` of a list or of any number of numbers."""
    name = f"math.{tree.function}"
    args = [context.visit(arg) for arg in tree.args]
    types = [context.resolve(arg.type) for arg in args]
    if len(args) == 1 and not _is_number(types[0]):
        return call_overload(context, name, args, tree.args, tree.span)
    if context.environment.is_checked:
        bad = next(
            (arg for arg, type_ in zip(args, types, strict=True) if not _is_number(type_) and type_ not in {JSON, UNKNOWN}),
            None,
        )
        if bad is not None or not args:
            return context.mistake(
                "E309", f"`{name}` takes numbers", (bad or Typed(JSON, None, tree.span)).span, "not a number"
            )
    common = types[0] if types and all(type_ is types[0] for type_ in types) else JSON
    core = ("list", (False,) * len(args), *(arg.as_value for arg in args))
    whole = Typed(ListType(common), core, tree.span)
    return call_overload(context, name, (whole,), (tree,), tree.span)


def _is_number(type_: Type) -> bool:
    return type_ is INT or type_ is UINT or type_ is DOUBLE


_MACROS: Final[dict[str, Macro]] = {
    **LIST_MACROS,
    **dict.fromkeys(_TESTS, _test),
    "filter": _filter,
    "map": _map,
    "transformList": _transforming("list"),
    "transformMap": _transforming("map"),
    "transformMapEntry": _transforming("entries"),
    "merge": visit_merge,
    "optMap": _opt_map,
    "optFlatMap": _opt_flat_map,
    "or": _or,
    "orValue": _or,
    "hasValue": _has_value,
}
_NAMESPACED: Final[dict[tuple[str, str], Macro]] = {
    ("cel", "bind"): _bind,
    ("math", "greatest"): _extreme,
    ("math", "least"): _extreme,
}
