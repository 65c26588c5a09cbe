"""The syntax tree of the settings of a flow."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from dagflow.diagnostic import Span
from dagflow.expr.tree import Expr
from dagflow.lang.syntax_items import Ident, Text, TypeExpr


@attrs.frozen
class Bind:
    """`as lead: Lead`."""

    span: Span
    name: Ident
    type: TypeExpr | None


@attrs.frozen
class Arg:
    """`name: value`; `name` is None where the author left it out."""

    span: Span
    name: Ident | None
    value: Expr


@attrs.frozen
class OnSetting:
    """`on event "x" as e when … with (…)`; `kind` is event, cron, webhook or manual."""

    span: Span
    kind: str
    subject: Text | None
    bind: Bind | None
    when: Expr | None
    mapping: tuple[Arg, ...] | None
    mapping_span: Span | None = None


@attrs.frozen
class TimeoutSetting:
    """`timeout 30d`."""

    span: Span
    value: Expr


@attrs.frozen
class Retry:
    """`5 from 1s to 1h only "timeout"`; `every` is the same as `from x to x` without growth."""

    span: Span
    count: int
    initial: Expr | None
    maximum: Expr | None
    every: Expr | None
    only: tuple[Text, ...]


@attrs.frozen
class RetrySetting:
    """`retry 3 from 1s to 10m` as a setting: the policy of all steps."""

    span: Span
    retry: Retry


@attrs.frozen
class OtherSetting:
    """Flow control: `concurrency`, `rate`, `debounce`, `once`, `cancel on`, `priority`."""

    span: Span
    word: str


@attrs.frozen
class BrokenSetting:
    """A setting that did not parse; `names` are those it seems to define."""

    span: Span
    names: tuple[str, ...] = ()


Setting: TypeAlias = OnSetting | TimeoutSetting | RetrySetting | OtherSetting | BrokenSetting
