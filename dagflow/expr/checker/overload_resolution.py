"""Choose the overload of a call, and check the operators that need more than the table."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dagflow.diagnostic import Span
from dagflow.expr.checker import messages
from dagflow.expr.checker.context import Context, Typed
from dagflow.expr.checker.literals import literal_as
from dagflow.expr.checker.narrowing import known_present
from dagflow.expr.library.overloads import OPERATORS, Overload
from dagflow.expr.tree import Binary, Expr, ListLiteral, Literal, MapLiteral, Unary
from dagflow.expr.unify import plain
from dagflow.model.types import (
    BOOL,
    DECIMAL,
    DOUBLE,
    INT,
    JSON,
    NULL,
    UNKNOWN,
    EnumType,
    ListType,
    MapType,
    OptionalType,
    ParamType,
    RecordType,
    SecretType,
    Type,
)

_EQUALITY = frozenset({"==", "!="})
_LIKE = _EQUALITY | {"in"}
#: Operators whose result is a decimal if one of their operands is.
_EXACT = frozenset({"+", "-", "*"})
_WRITTEN_OUT = (ListLiteral, MapLiteral)


@attrs.frozen
class Invocation:
    """A call with checked arguments.

    Attributes:
        function: its name in the table; operators have CEL's names for them.
        sign: how an operator is written, or empty.
    """

    function: str
    args: Sequence[Typed]
    trees: Sequence[Expr]
    span: Span
    is_method: bool
    sign: str
    types: Sequence[Type]

    def cores(self) -> list[object]:
        """The arguments in checked form."""
        return [arg.as_value for arg in self.args]


def call_overload(
    context: Context,
    function: str,
    args: Sequence[Typed],
    trees: Sequence[Expr],
    span: Span,
    *,
    is_method: bool = False,
    sign: str = "",
) -> Typed:
    """The call of a function, method or operator with checked arguments; `sign` is how an operator is written."""
    args = [_usable(context, arg) for arg in args]
    types = [_seen(context.resolve(arg.type)) for arg in args]
    call = Invocation(function, args, trees, span, is_method, sign, types)
    if UNKNOWN in types:
        return context.unknown(span)
    rows = context.table.find(function, is_method=is_method, arity=len(args))
    found = _select(context, rows, types)
    if found is None:
        return _no_match(context, call, rows)
    row, result = found
    if row is not None:
        if row.keeps_elements:
            result = _with_own_elements(context, row, args, result)
        return Typed(result, ("call", row.id, *call.cores()), span)
    return Typed(result, ("dyn", function, is_method, *call.cores()), span)


def _usable(context: Context, arg: Typed) -> Typed:
    type_ = context.resolve(arg.type)
    if isinstance(type_, SecretType):
        return messages.secret(context, arg)
    if arg.step:
        return messages.missing(context, arg)
    return arg


def _seen(type_: Type) -> Type:
    """The type an operator sees: enums and scalars are strings, also in lists."""
    if isinstance(type_, ListType):
        return ListType(plain(type_.element))
    return plain(type_)


def _select(context: Context, rows: Sequence[Overload], types: Sequence[Type]) -> tuple[Overload | None, Type] | None:
    """The row and its result; no row where it depends on the values. None if no row fits."""
    chosen: Overload | None = None
    result: Type | None = None
    is_static, is_first = False, True
    for row in rows:
        if row.params == tuple(types) and not isinstance(row.result, ParamType):
            return row, row.result
    for row in rows:
        if row.needs_decimal and DECIMAL not in types:
            continue
        *params, given = context.bindings.instantiate([*row.params, row.result])
        if (row.is_for_unknown and _has_known_elements(types[-1])) or not context.bindings.fits(types, params):
            continue
        if is_first:
            chosen, result, is_first = row, context.resolve(given), False
            is_static = all(map(_is_known, types, row.params))
            if is_static and not _is_open(types):
                return row, result
        elif result is not None and context.resolve(given) != result:
            result = JSON
    if chosen is None or result is None:
        return None
    return (chosen if is_static else None), result


def _with_own_elements(context: Context, row: Overload, args: Sequence[Typed], result: Type) -> Type:
    """The result of a row, of the elements' own type instead of the one that an operator sees."""
    lists = [args[0]] if row.is_method or row.function == "@sortBy" else args
    own = [type_.element for arg in lists if isinstance(type_ := context.resolve(arg.type), ListType)]
    if not own or plain(own[0]) == own[0] or any(each != own[0] for each in own):
        return result
    match result:
        case ListType():
            return ListType(own[0])
        case OptionalType():
            return OptionalType(own[0])
        case _:
            return own[0]


def _has_known_elements(type_: Type) -> bool:
    return isinstance(type_, ListType) and type_.element not in {JSON, UNKNOWN} and not isinstance(type_.element, ParamType)


def _is_known(given: Type, wanted: Type) -> bool:
    """Whether the static type settles that the value is of the kind the row is for."""
    if isinstance(wanted, ParamType) or wanted is JSON:
        return True
    if given is JSON or isinstance(given, ParamType) or given is NULL:
        return given is wanted
    match given, wanted:
        case ListType(a), ListType(b):
            return _is_known(a, b)
        case MapType(k1, v1), MapType(k2, v2):
            return _is_known(k1, k2) and _is_known(v1, v2)
        case _:
            return True


def _is_open(types: Sequence[Type]) -> bool:
    return any(type_ is JSON or isinstance(type_, ParamType) for type_ in types)


def _no_match(context: Context, call: Invocation, rows: Sequence[Overload]) -> Typed:
    if not context.environment.is_checked:
        if rows:
            return Typed(JSON, ("dyn", call.function, call.is_method, *call.cores()), call.span)
        message = f"no {call.function[:60]} of {len(call.args)} arguments"
        return Typed(JSON, ("fail", "no_such_overload", message), call.span)
    inner = [type_.value if isinstance(type_, OptionalType) else type_ for type_ in call.types]
    if inner != list(call.types) and _select(context, rows, inner) is not None:
        culprit = next(arg for arg, type_ in zip(call.args, call.types, strict=True) if isinstance(type_, OptionalType))
        messages.missing(context, culprit)
        return context.unknown(call.span)
    if call.sign and call.sign != "[]":
        return messages.no_operator(context, call.sign, call.span, call.trees, call.args)
    name = "[]" if call.sign else call.function
    return messages.no_overload(context, name, call.span, call.types, [_signature(row) for row in rows])


def _signature(row: Overload) -> str:
    params = [str(param) for param in row.params]
    if row.is_method:
        return f"`{params[0]}.{row.function}({', '.join(params[1:])})`"
    return f"`{row.function}({', '.join(params)})`"


def visit_unary(context: Context, tree: Unary) -> Typed:
    """`-x` and `!x`."""
    if tree.operator == "-" and isinstance(tree.operand, Literal):
        value = tree.operand.value
        if type(value) is int:
            return Typed(INT, ("int", -value), tree.span)
        if type(value) is float:
            return Typed(DOUBLE, ("double", -value), tree.span)
    operand = context.visit(tree.operand)
    return call_overload(context, f"{tree.operator}_", (operand,), (tree.operand,), tree.span, sign=tree.operator)


def visit_binary(context: Context, tree: Binary, expected: Type | None = None) -> Typed:
    """Every infix operator but `??`; of lists that are added, or decimals, each is as expected."""
    if tree.operator in {"&&", "||"}:
        return _junction(context, tree)
    wanted = expected.value if isinstance(expected, OptionalType) else expected
    if tree.operator == "+" and isinstance(wanted, ListType):
        left, right = context.visit(tree.left, wanted), context.visit(tree.right, wanted)
    elif tree.operator in _EXACT and wanted is DECIMAL:
        left, right = (literal_as(context, each, DECIMAL) or context.visit(each, DECIMAL) for each in (tree.left, tree.right))
    else:
        left, right = _both_sides(context, tree)
    left, right = _decimal_beside(context, tree, left, right)
    if tree.operator in _EQUALITY:
        special = _compare_with_null(context, tree, left, right)
        if special is not None:
            return special
        left, right = _both_present(context, left, right)
        _check_enum(context, tree, left, right)
    elif tree.operator == "in":
        _check_enum_list(context, tree, left)
    return call_overload(
        context, OPERATORS[tree.operator], (left, right), (tree.left, tree.right), tree.span, sign=tree.operator
    )


def _both_sides(context: Context, tree: Binary) -> tuple[Typed, Typed]:
    """The operands; a literal beside records is read as records: `emitted("x") == [{"id": "7"}]`."""
    is_in = tree.operator == "in"
    if context.environment.is_flow and tree.operator in _LIKE:
        is_left = isinstance(tree.left, _WRITTEN_OUT)
        if is_left and (is_in or not isinstance(tree.right, _WRITTEN_OUT)):
            right = context.visit(tree.right)
            wanted = _with_records(context, right)
            if is_in:
                wanted = wanted.element if isinstance(wanted, ListType) else None
            return context.visit(tree.left, wanted), right
        if isinstance(tree.right, _WRITTEN_OUT):
            left = context.visit(tree.left)
            wanted = _with_records(context, left)
            return left, context.visit(tree.right, ListType(wanted) if is_in and wanted is not None else wanted)
    return context.visit(tree.left), context.visit(tree.right)


def _decimal_beside(context: Context, tree: Binary, left: Typed, right: Typed) -> tuple[Typed, Typed]:
    """A number that is written out beside a decimal one is one too: `total * 0.19`, `price in [1.5, 2]`."""
    types = context.resolve(left.type), context.resolve(right.type)
    if types[0] is DECIMAL and types[1] is not DECIMAL:
        if tree.operator == "in" and isinstance(tree.right, ListLiteral):
            return left, context.visit(tree.right, ListType(DECIMAL))
        return left, literal_as(context, tree.right, DECIMAL) or right
    if types[1] is DECIMAL and types[0] is not DECIMAL:
        return literal_as(context, tree.left, DECIMAL) or left, right
    return left, right


def _with_records(context: Context, typed: Typed) -> Type | None:
    """The type, if it is one of records, or of lists or maps of them."""
    type_ = inner = context.resolve(typed.type)
    while isinstance(inner, ListType | MapType | OptionalType):
        inner = inner.element if isinstance(inner, ListType) else inner.value
    return type_ if isinstance(inner, RecordType) else None


def _junction(context: Context, tree: Binary) -> Typed:
    is_and = tree.operator == "&&"
    left = _condition(context, tree.left, tree.operator)
    with context.knowing(known_present(tree.left, truth=is_and)):
        right = _condition(context, tree.right, tree.operator)
    return Typed(BOOL, ("all_of" if is_and else "any_of", left, right), tree.span)


def _condition(context: Context, tree: Expr, sign: str) -> object:
    return condition(context, tree, f"no `{sign}` for", "both sides are conditions: bool")


def condition(context: Context, tree: Expr, title: str, help_: str) -> object:
    """The core of an expression that has to be a bool."""
    typed = context.visit(tree)
    type_ = context.resolve(typed.type)
    if isinstance(type_, OptionalType) and context.environment.is_checked:
        return messages.missing(context, typed, "a condition needs bool").core
    if type_ is BOOL or type_ is UNKNOWN:
        return typed.core
    if isinstance(type_, SecretType):
        return messages.secret(context, typed).core
    if type_ is JSON or isinstance(type_, ParamType) or not context.environment.is_checked:
        return ("truth", typed.as_value)
    context.report("E309", f"{title} {type_}", typed.span, f"{type_}, not bool", help_)
    return typed.core


def _compare_with_null(context: Context, tree: Binary, left: Typed, right: Typed) -> Typed | None:
    """In a flow, `x == null` asks whether an optional has a value."""
    if not context.environment.is_flow:
        return None
    if context.resolve(left.type) is NULL:
        left, right = right, left
    type_ = context.resolve(left.type)
    if context.resolve(right.type) is not NULL or not isinstance(type_, OptionalType):
        return None
    return Typed(BOOL, ("missing" if tree.operator == "==" else "present", left.as_stored), tree.span)


def _both_present(context: Context, left: Typed, right: Typed) -> tuple[Typed, Typed]:
    """In a flow, a missing value is compared with nothing but null and another optional."""
    if not context.environment.is_flow:
        return left, right
    are_optional = [isinstance(context.resolve(each.type), OptionalType) for each in (left, right)]
    if are_optional == [True, False]:
        return messages.missing(context, left), right
    if are_optional == [False, True]:
        return left, messages.missing(context, right)
    return left, right


def _check_enum(context: Context, tree: Binary, left: Typed, right: Typed) -> None:
    """E302: a text compared with an enum it is no value of."""
    verdict = "never" if tree.operator == "==" else "always"
    for typed, other in ((left, tree.right), (right, tree.left)):
        enum = context.resolve(typed.type)
        if (
            isinstance(enum, EnumType)
            and isinstance(other, Literal)
            and isinstance(other.value, str)
            and other.value not in enum.values
        ):
            word = "never be true" if verdict == "never" else "never be false"
            messages.outside_enum(context, other.span, other.value, enum, f"this comparison can {word}")


def _check_enum_list(context: Context, tree: Binary, left: Typed) -> None:
    enum = context.resolve(left.type)
    if not isinstance(enum, EnumType) or not isinstance(tree.right, ListLiteral):
        return
    for element in tree.right.elements:
        value = element.value
        if isinstance(value, Literal) and isinstance(value.value, str) and value.value not in enum.values:
            messages.outside_enum(context, value.span, value.value, enum, "this value can never be found")


def join_types(context: Context, types: Sequence[Type]) -> Type | None:
    """The common type, None if there is none; enums and literals that differ read as strings."""
    return context.bindings.join(types)
