"""The loops of macros: their range, their variables, and the values they collect."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import attrs

from dagflow.expr.checker import messages
from dagflow.expr.checker.composites import branch
from dagflow.expr.checker.context import Context, Local, Typed
from dagflow.expr.tree import Call, Expr, Name
from dagflow.model.types import INT, JSON, UNKNOWN, ListType, MapType, OptionalType, ParamType, SecretType, Type


def variables_of(tree: Call, count: int) -> tuple[str, ...] | None:
    """The names of a macro's variables, its first arguments; None if one is no plain name."""
    names = [arg.name for arg in tree.args[:count] if isinstance(arg, Name) and not arg.is_root]
    return tuple(names) if len(names) == count else None


def misused(context: Context, tree: Call, *, has_arity: bool = True) -> Typed | None:
    """A variable that is no name; anything else may be a method of that name."""
    if not has_arity:
        return None
    bad = next(arg for arg in tree.args if not isinstance(arg, Name) or arg.is_root)
    if not context.environment.is_checked:
        return Typed(JSON, ("fail", "bad_argument", f"`{tree.function}` needs a variable"), tree.span)
    help_ = f"write `.{tree.function}(x, …)` with a variable name for each element"
    return context.mistake("E309", f"`{tree.function}` needs a variable", bad.span, "not a plain name", help_)


Macro = Callable[[Context, Call, Type | None], Typed | None]


def with_variables(
    count: int, *n_arguments: int
) -> Callable[[Callable[[Context, Call, Type | None, tuple[str, ...]], Typed | None]], Macro]:
    """A macro with so many arguments, the first of which are variables; a call with other arguments may be a method of that name."""

    def decorated(visit: Callable[[Context, Call, Type | None, tuple[str, ...]], Typed | None]) -> Macro:
        def macro(context: Context, tree: Call, expected: Type | None) -> Typed | None:
            if len(tree.args) not in n_arguments:
                return None
            names = variables_of(tree, count)
            return misused(context, tree) if names is None else visit(context, tree, expected, names)

        return macro

    return decorated


def element_of(context: Context, tree: Expr, expected: Type | None = None) -> Typed:
    """A value that a macro puts into a list or map: no secret, and in a flow nothing that may be absent.

    Args:
        expected: the type of the elements, where it is known: `rows.map(r, {"id": r.id})` is a list of records where one is wanted.
    """
    typed = branch(context, tree, None if isinstance(expected, OptionalType) else expected)
    type_ = context.resolve(typed.type)
    if isinstance(type_, SecretType):
        return messages.secret(context, typed)
    if context.environment.is_flow and isinstance(type_, OptionalType):
        return messages.missing(context, typed, "a list needs values")
    return typed


@attrs.frozen
class Over:
    """The range of a loop, and its variables. `source`: `list`, `map` or `dyn`."""

    items: Typed
    source: str
    first: Local
    second: Local | None


Finish = Callable[[Over], Typed]


def loop_over(context: Context, tree: Call, names: tuple[str, ...], finish: Finish, expected: Type | None = None) -> Typed:
    """Check the items, declare the variables, and let `finish` check the rest; `expected` is the type of the items."""
    items = context.visit(cast("Expr", tree.target), expected)  # these macros are methods
    type_ = context.resolve(items.type)
    if isinstance(type_, OptionalType) and context.environment.is_checked:
        items = messages.missing(context, items, "a list is needed")
        type_ = context.resolve(items.type)
    if isinstance(type_, SecretType):
        items = messages.secret(context, items)
        type_ = UNKNOWN
    if len(set(names)) != len(names):
        return context.mistake(
            "E309", f"`{names[0]}` is declared twice", tree.args[1].span, "the same name again", "choose two names"
        )
    source, element, index = _items(context, type_, items, tree)
    if len(names) == 1:
        locals_ = [context.new_local(index if source == "map" else element)]
    else:
        locals_ = [context.new_local(index), context.new_local(element)]
    with context.scope(dict(zip(names, locals_, strict=True))):
        return finish(Over(items, source, locals_[0], locals_[1] if len(locals_) == 2 else None))


def _items(context: Context, type_: Type, items: Typed, tree: Call) -> tuple[str, Type, Type]:
    """The kind of the items, the type of an element (or value), and that of its index (or key)."""
    match type_:
        case ListType(element):
            return "list", element, INT
        case MapType(key, value):
            return "map", value, key
        case _ if type_ is UNKNOWN:
            return "dyn", UNKNOWN, UNKNOWN
        case _ if type_ is JSON or isinstance(type_, ParamType) or not context.environment.is_checked:
            return "dyn", JSON, JSON
        case _:
            title = f"`{tree.function}` requires a list or a map; got {type_}"
            context.report("E309", title, items.span, str(type_), "")
            return "dyn", UNKNOWN, UNKNOWN


def loop_core(kind: str, over: Over, test: object, value: object) -> object:
    """The checked form of a loop."""
    second = None if over.second is None else over.second.index
    return ("loop", kind, over.source, over.first.index, second, over.items.as_value, test, value)
