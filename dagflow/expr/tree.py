"""The syntax tree of an expression: the parser makes it, the checker reads it. Every part knows its place.

Macros (`has`, `all`, `map` …) are ordinary calls here; the checker knows them.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from dagflow.diagnostic import Span
from dagflow.model.values import Duration, UInt

#: The values of a literal. `bytes` and `str` are decoded already.
LiteralValue: TypeAlias = bool | int | UInt | float | str | bytes | Duration | None


@attrs.frozen
class Literal:
    """`1`, `"x"`, `2d`, `null`. An int literal may be 2**63: only `-9223372036854775808` makes it legal."""

    span: Span
    value: LiteralValue


@attrs.frozen
class Interpolation:
    """`"Hi ${name}"`: the texts and the expressions between them, in order; no two texts are neighbours."""

    span: Span
    parts: tuple[str | Expr, ...]


@attrs.frozen
class Name:
    """An identifier. `is_root`: written `.name`, which skips every container and macro variable."""

    span: Span
    name: str
    is_root: bool = False


@attrs.frozen
class Select:
    """`operand.field`, `operand.?field`; `name_span` covers the field's name alone."""

    span: Span
    operand: Expr
    field: str
    name_span: Span
    is_optional: bool = False


@attrs.frozen
class Index:
    """`operand[index]`, `operand[?index]`."""

    span: Span
    operand: Expr
    index: Expr
    is_optional: bool = False


@attrs.frozen
class Call:
    """`function(args)`, or `target.function(args)`. `is_root`: written `.function(args)`."""

    span: Span
    function: str
    name_span: Span
    args: tuple[Expr, ...]
    target: Expr | None = None
    is_root: bool = False


@attrs.frozen
class Element:
    """An element of a list literal; `is_optional`: `?x`, left out when x is none."""

    value: Expr
    is_optional: bool = False


@attrs.frozen
class ListLiteral:
    """`[a, ?b]`."""

    span: Span
    elements: tuple[Element, ...]


@attrs.frozen
class Entry:
    """An entry of a map literal; `is_optional`: `?k: v`, left out when v is none."""

    key: Expr
    value: Expr
    is_optional: bool = False


@attrs.frozen
class MapLiteral:
    """`{k: v, ?k: v}`."""

    span: Span
    entries: tuple[Entry, ...]


@attrs.frozen
class Unary:
    """`-x`, `!x`."""

    span: Span
    operator: str
    operand: Expr


@attrs.frozen
class Binary:
    """`a operator b`, with every infix operator of the grammar: `+ - * / % == != < <= > >= in && || ??`."""

    span: Span
    operator: str
    operator_span: Span
    left: Expr
    right: Expr


@attrs.frozen
class Conditional:
    """`condition ? then : otherwise`."""

    span: Span
    condition: Expr
    then: Expr
    otherwise: Expr


@attrs.frozen
class Broken:
    """A part that did not parse; its type is `unknown`, and nothing more is reported about it."""

    span: Span


Expr: TypeAlias = (
    Literal | Interpolation | Name | Select | Index | Call | ListLiteral | MapLiteral | Unary | Binary | Conditional | Broken
)
