"""The syntax tree of `test` blocks."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from dagflow.diagnostic import Span
from dagflow.expr.tree import Expr
from dagflow.lang.syntax.tree_items import Ident, Text
from dagflow.lang.syntax.tree_settings import Arg


@attrs.frozen
class Given:
    """`given (lead: …)`. `close`: the closing parenthesis."""

    span: Span
    args: tuple[Arg, ...]
    close: Span


@attrs.frozen
class Served:
    """`served`: runs begin by the triggers and settings of the flow."""

    span: Span


@attrs.frozen
class Behaviour:
    """One of `returns value`, `fails "code" times 2`, `takes 3s`, by its `word`; `count`: of `times`, None where that is not said."""

    span: Span
    word: str
    value: Expr | None = None
    code: Text | None = None
    count: int | None = None


@attrs.frozen
class Then:
    """`then fails "code"`: how a later call goes."""

    span: Span
    behaviours: tuple[Behaviour, ...]


@attrs.frozen
class Mock:
    """`mock pay.charge(order: "7") returns {…} takes 2s`, and each `then` behind it. `args`: None where there are no parentheses."""

    span: Span
    target: Ident
    args: tuple[Arg, ...] | None
    close: Span
    behaviours: tuple[Behaviour, ...]
    thens: tuple[Then, ...] = ()


@attrs.frozen
class AtSend:
    """`at 2d send "crm/lead.won" (…)`."""

    span: Span
    at: Expr
    event: Text
    args: tuple[Arg, ...]
    close: Span


@attrs.frozen
class AtCancel:
    """`at 2d cancel`."""

    span: Span
    at: Expr


@attrs.frozen
class Expect:
    """`expect condition`, or with `at` at that moment."""

    span: Span
    condition: Expr
    at: Expr | None = None


@attrs.frozen
class BrokenTestItem:
    """What did not parse."""

    span: Span


TestItem: TypeAlias = Given | Served | Mock | AtSend | AtCancel | Expect | BrokenTestItem


@attrs.frozen
class TestDecl:
    """`test "…" for f {…}`."""

    __test__ = False  # not a test of ours, whatever its name looks like to pytest

    span: Span
    name: Text
    flow: Ident
    items: tuple[TestItem, ...] = ()
