"""Calls without known static types: the types of the values select a row of the overload table."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from dagflow.errors import EvaluationError
from dagflow.expr.library.namespace import NAMESPACE, TABLE
from dagflow.expr.library.overloads import Overload
from dagflow.expr.runtime.convert import type_name
from dagflow.expr.runtime.gas import Gas
from dagflow.expr.runtime.optionals import at
from dagflow.model.types import (
    BOOL,
    BYTES,
    DECIMAL,
    DOUBLE,
    DURATION,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    ListType,
    MapType,
    OptionalType,
    Primitive,
    Type,
)
from dagflow.model.values import Duration, Optional, Timestamp, TypeValue, UInt

Dispatcher = Callable[..., object]

_CLASSES: Final[dict[Primitive, type]] = {
    NULL: type(None),
    BOOL: bool,
    INT: int,
    UINT: UInt,
    DOUBLE: float,
    DECIMAL: Decimal,
    STRING: str,
    BYTES: bytes,
    TIMESTAMP: Timestamp,
    DURATION: Duration,
}
_ALL: Final = (*_CLASSES.values(), list, dict, Optional, TypeValue)


def _classes(param: Type) -> tuple[type, ...]:
    match param:
        case Primitive() if param in _CLASSES:
            return (_CLASSES[param],)
        case ListType():
            return (list,)
        case MapType():
            return (dict,)
        case OptionalType():
            return (Optional,)
        case _:
            return _ALL


#: Among rows that differ in the contents of their lists and maps, the one without assumptions must be selected.
_GENERAL: Final = {
    "@in": ("@in(A, list(A))", "@in(A, map(A, B))"),
    "math.greatest": ("math.greatest(list(dyn))",),
    "math.least": ("math.least(list(dyn))",),
    "@sortBy": ("@sortBy(list(A), list(dyn))",),
    **{name: (f".{name}(list(dyn))",) for name in ("sum", "avg", "min", "max", "sort")},
}


@functools.cache
def dispatcher(function: str, is_method: bool, arity: int) -> Dispatcher:
    """A function `(gas, *args)` that runs the row fitting the values, or fails with `no_such_overload`."""
    rows = TABLE.find(function, is_method=is_method, arity=arity)
    if function in _GENERAL:
        rows = tuple(TABLE.by_id[each] for each in _GENERAL[function])
    if function == "_[_]":
        return _at
    if function in {"_==_", "_!=_"}:
        return _compiled(TABLE.by_id[f"{function}(A, A)"])
    table: dict[tuple[type, ...], Dispatcher] = {}
    for each in rows:
        run = _compiled(each)
        for classes in itertools.product(*map(_classes, each.params)):
            table.setdefault(classes, run)
    if arity == 2:
        return _binary(function, table)
    return _general(function, table)


def _at(_: Gas, operand: object, index: object) -> object:
    return at(operand, index)


def _binary(function: str, table: dict[tuple[type, ...], Dispatcher]) -> Dispatcher:
    def dispatch(gas: Gas, left: object, right: object) -> object:
        run = table.get((type(left), type(right)))
        if run is None:
            raise _no_overload(function, (left, right))
        return run(gas, left, right)

    return dispatch


def _general(function: str, table: dict[tuple[type, ...], Dispatcher]) -> Dispatcher:
    def dispatch(gas: Gas, *args: object) -> object:
        run = table.get(tuple(map(type, args)))
        if run is None:
            raise _no_overload(function, args)
        return run(gas, *args)

    return dispatch


def _no_overload(function: str, args: tuple[object, ...]) -> EvaluationError:
    types = ", ".join(type_name(arg) for arg in args)
    return EvaluationError("no_such_overload", f"no `{function.strip('_@')}` for ({types})")


@functools.cache
def _compiled(each: Overload) -> Dispatcher:
    """The row's template as a function; templates are ours, no text of a user is in them."""
    names = [f"a{index}" for index in range(len(each.params))]
    source = f"lambda gas{''.join(', ' + name for name in names)}: {each.in_loop.format(*names)}"
    return eval(source, dict(NAMESPACE))  # type: ignore[no-any-return]  # noqa: S307 - see above
