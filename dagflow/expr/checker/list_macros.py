"""The macros over lists that become functions: `sortBy`, `groupBy`, `toMap`, `zip`; and `reduce`.

A list that is read twice is kept in a variable, so that its elements and their keys are those of one evaluation.
"""

from __future__ import annotations

from typing import Final, cast

import attrs

from dagflow.expr.checker import messages
from dagflow.expr.checker.context import Context, Local, Typed
from dagflow.expr.checker.literals import wanted_value
from dagflow.expr.checker.macro_loops import Macro, Over, element_of, loop_core, loop_over, with_variables
from dagflow.expr.checker.overload_resolution import call_overload
from dagflow.expr.tree import Call, Expr
from dagflow.expr.unify import plain
from dagflow.model.types import (
    BOOL,
    INT,
    JSON,
    STRING,
    UINT,
    UNKNOWN,
    ListType,
    MapType,
    OptionalType,
    ParamType,
    RecordType,
    SecretType,
    Type,
)

_LIST: Final = "@list(dyn)"
_MAPPED: Final = "@toMap(list(A), list(B))"
_GROUPED: Final = "@groupBy(list(A), list(B))"


@with_variables(1, 2)
def _sort_by(context: Context, tree: Call, expected: Type | None, names: tuple[str, ...]) -> Typed:
    """`l.sortBy(x, key)`."""

    def finish(over: Over) -> Typed:
        kept = _kept(context, tree, over)
        if kept is None:
            return context.unknown(tree.span)
        key = element_of(context, tree.args[1])
        key_type = plain(context.resolve(key.type))
        if isinstance(key_type, ListType | MapType | RecordType | OptionalType) and context.environment.is_checked:
            title = f"`sortBy` requires a key that has an order; got {key_type}"
            return context.mistake("E309", title, key.span, str(key_type), "sort by a number, a text or an instant in it")
        items, keys = Typed(kept.type, _read(kept), over.items.span), _each(kept, over, key)
        found = call_overload(context, "@sortBy", (items, keys), (cast("Expr", tree.target), tree.args[1]), tree.span)
        return attrs.evolve(found, core=_with_kept(over, kept, found.as_value))

    return loop_over(context, tree, names, finish, expected)


@with_variables(1, 2)
def _group_by(context: Context, tree: Call, expected: Type | None, names: tuple[str, ...]) -> Typed:
    """`l.groupBy(x, key)`: the elements by their keys, as a map of lists."""
    wanted = wanted_value(expected)
    return _by_key(context, tree, names, _GROUPED, wanted.value if isinstance(wanted, MapType) else None)


@with_variables(1, 2, 3)
def _to_map(context: Context, tree: Call, expected: Type | None, names: tuple[str, ...]) -> Typed:
    """`l.toMap(x, key)`, `l.toMap(x, key, value)`: one entry for each element."""
    wanted = wanted_value(expected)
    value = wanted.value if isinstance(wanted, MapType) else None
    if len(tree.args) == 3:
        return _by_key(context, tree, names, _MAPPED, None, value)
    return _by_key(context, tree, names, _MAPPED, None if value is None else ListType(value))


def _by_key(
    context: Context, tree: Call, names: tuple[str, ...], function: str, items: Type | None, value_type: Type | None = None
) -> Typed:
    def finish(over: Over) -> Typed:
        kept = _kept(context, tree, over)
        if kept is None:
            return context.unknown(tree.span)
        key = element_of(context, tree.args[1])
        key_type = plain(context.resolve(key.type))
        if not _is_key(key_type) and context.environment.is_checked:
            title = f"`{tree.function}` requires a key that is a bool, int, uint or string; got {key_type}"
            return context.mistake("E309", title, key.span, str(key_type), "take a part of it, or convert it: `string(…)`")
        values = [element_of(context, each, value_type) for each in tree.args[2:]]
        context.makes_maps = True
        found = over.first.type if not values else context.resolve(values[0].type)
        keys = _each(kept, over, key).core
        items_ = _each(kept, over, values[0]).core if values else _read(kept)
        type_ = MapType(key_type, ListType(found) if function == _GROUPED else found)
        return Typed(type_, _with_kept(over, kept, ("call", function, keys, items_)), tree.span)

    return loop_over(context, tree, names, finish, items)


def _is_key(type_: Type) -> bool:
    return isinstance(type_, ParamType) or type_ in {BOOL, INT, UINT, STRING, JSON, UNKNOWN}


@with_variables(2, 4)
def _zip(context: Context, tree: Call, expected: Type | None, names: tuple[str, ...]) -> Typed:
    """`l.zip(x, y, other, value)`: a value for each pair of elements that have the same place."""
    other = context.visit(tree.args[2])
    element = _list_element(context, tree, other)
    if element is None:
        return context.unknown(tree.span)

    def finish(over: Over) -> Typed:
        kept = _kept(context, tree, over)
        if kept is None:
            return context.unknown(tree.span)
        others, index, second = (context.new_local(type_) for type_ in (ListType(element), INT, element))
        with context.scope({names[1]: second}):
            value = element_of(context, tree.args[3], _wanted_element(expected))
        at = ("call", "_[_](list(A), int)", _read(others), _read(index))
        pairs = attrs.evolve(
            over,
            items=Typed(kept.type, ("call", "@zip(list(A), list(B))", _read(kept), _read(others)), over.items.span),
            source="list",
            first=index,
            second=over.first,
        )
        core = loop_core("list", pairs, None, ("bind", second.index, at, value.as_value))
        core = ("bind", others.index, ("call", _LIST, other.as_value), core)
        return Typed(ListType(value.type), _with_kept(over, kept, core), tree.span)

    return _twice(context, tree, names) or loop_over(context, tree, names[:1], finish)


def _twice(context: Context, tree: Call, names: tuple[str, ...]) -> Typed | None:
    if names[0] != names[1]:
        return None
    label = "the same name again"
    return context.mistake("E309", f"`{names[0]}` is declared twice", tree.args[1].span, label, "choose two names")


def _list_element(context: Context, tree: Call, other: Typed) -> Type | None:
    """The type of the elements of a second list; None, with a message, for what is none."""
    type_ = context.resolve(other.type)
    match type_:
        case ListType(element):
            return element
        case SecretType():
            messages.secret(context, other)
            return None
        case OptionalType() if context.environment.is_checked:
            messages.missing(context, other, "a list is needed")
            return None
        case _ if type_ is JSON or isinstance(type_, ParamType) or not context.environment.is_checked:
            return JSON
        case _:
            if type_ is not UNKNOWN:
                context.report("E309", f"`{tree.function}` requires a list; got {type_}", other.span, "no list", "")
            return None


@with_variables(2, 4)
def _reduce(context: Context, tree: Call, expected: Type | None, names: tuple[str, ...]) -> Typed:
    """`l.reduce(acc, x, first, next)`: a value carried from element to element."""
    first = element_of(context, tree.args[2], wanted_value(expected))
    is_checked = context.environment.is_checked

    def finish(over: Over) -> Typed:
        type_ = context.resolve(first.type) if is_checked else JSON
        carried = context.new_local(type_)
        with context.scope({names[0]: carried}):
            body = element_of(context, tree.args[3], type_)
        goes_on = context.resolve(body.type)
        if UNKNOWN in {type_, goes_on}:
            return context.unknown(tree.span)
        joined = context.bindings.join([type_, goes_on])
        type_ = context.resolve(type_)
        if is_checked and (joined is None or context.resolve(joined) != type_):
            title = f"`reduce` must go on with {type_}, as it begins; got {context.resolve(goes_on)}"
            return context.mistake(
                "E309", title, body.span, str(context.resolve(goes_on)), "begin with a value of that type, or convert it"
            )
        core = ("fold", over.source, carried.index, over.first.index, first.as_value, over.items.as_value, body.as_value)
        return Typed(type_, core, tree.span)

    return _twice(context, tree, names) or loop_over(context, tree, names[1:], finish)


# Lists that are kept


def _kept(context: Context, tree: Call, over: Over) -> Local | None:
    """The variable that the list is kept in; None, with a message, for a map."""
    if over.source == "map":
        title = f"`{tree.function}` requires a list; got {context.resolve(over.items.type)}"
        context.report("E309", title, over.items.span, "no list", "")
        return None
    return context.new_local(ListType(JSON if over.source == "dyn" else over.first.type))


def _read(local: Local) -> object:
    return ("local", local.index)


def _each(kept: Local, over: Over, value: Typed) -> Typed:
    """The list of a value for each element of the list that is kept."""
    items = Typed(kept.type, _read(kept), over.items.span)
    return Typed(ListType(value.type), loop_core("list", attrs.evolve(over, items=items), None, value.as_value), value.span)


def _with_kept(over: Over, kept: Local, core: object) -> object:
    """The core with the list that it reads; json may turn out to be none."""
    value = ("call", _LIST, over.items.as_value) if over.source == "dyn" else over.items.as_value
    return ("bind", kept.index, value, core)


def _wanted_element(expected: Type | None) -> Type | None:
    wanted = wanted_value(expected)
    return wanted.element if isinstance(wanted, ListType) else None


#: By the name of the method.
LIST_MACROS: Final[dict[str, Macro]] = {
    "sortBy": _sort_by,
    "groupBy": _group_by,
    "toMap": _to_map,
    "zip": _zip,
    "reduce": _reduce,
}
