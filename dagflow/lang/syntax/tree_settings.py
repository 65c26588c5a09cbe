"""The syntax tree of the settings of a flow."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from dagflow.diagnostic import Span
from dagflow.expr.tree import Expr
from dagflow.lang.syntax.tree_items import Ident, Text, TypeExpr


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
class OverlapClause:
    """`overlap skip`; `word` is allow, skip, queue or replace."""

    span: Span
    word: Text


@attrs.frozen
class CatchupClause:
    """`catchup all within 2d`; `word` is none, last or all."""

    span: Span
    word: Text
    within: Expr | None


@attrs.frozen
class OnSetting:
    """`on event "x" as e when … with (…)`; `kind` is event, cron, every, webhook or manual.

    Attributes:
        zone: of a cron, the place whose clock counts. interval: of `on every`.
    """

    span: Span
    kind: str
    subject: Text | None
    zone: Text | None
    bind: Bind | None
    when: Expr | None
    mapping: tuple[Arg, ...] | None
    mapping_span: Span | None = None
    interval: Expr | None = None
    overlap: OverlapClause | None = None
    catchup: CatchupClause | None = None


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
class Count:
    """A whole number and its place."""

    span: Span
    value: int


@attrs.frozen
class ConcurrencySetting:
    """`concurrency 5 by lead.account_id`."""

    span: Span
    count: Count
    key: Expr | None


@attrs.frozen
class RateSetting:
    """`rate 100 per 1h by lead.account_id`: more requests are dropped."""

    span: Span
    count: Count
    period: Expr
    key: Expr | None


@attrs.frozen
class SingletonSetting:
    """`singleton by lead.account_id skip`; `busy` is skip, queue or replace."""

    span: Span
    key: Expr | None
    busy: Text


@attrs.frozen
class ThrottleSetting:
    """`throttle 100 per 1h by lead.account_id`: more runs wait."""

    span: Span
    count: Count
    period: Expr
    key: Expr | None


@attrs.frozen
class DebounceSetting:
    """`debounce 30s by lead.id max 5m`."""

    span: Span
    quiet: Expr
    key: Expr | None
    maximum: Expr | None


@attrs.frozen
class OnceSetting:
    """`once by lead.id within 24h`."""

    span: Span
    key: Expr
    within: Expr | None


@attrs.frozen
class CancelSetting:
    """`cancel on event "x" as e when e.id == lead.id`."""

    span: Span
    event: Text
    bind: Bind | None
    when: Expr | None


@attrs.frozen
class PrioritySetting:
    """`priority lead.vip ? 10 : 0`."""

    span: Span
    value: Expr


PolicySetting: TypeAlias = (
    OnceSetting
    | RateSetting
    | DebounceSetting
    | SingletonSetting
    | ThrottleSetting
    | ConcurrencySetting
    | CancelSetting
    | PrioritySetting
)


@attrs.frozen
class BrokenSetting:
    """A setting that did not parse; `names` are those it seems to define."""

    span: Span
    names: tuple[str, ...] = ()


Setting: TypeAlias = OnSetting | TimeoutSetting | RetrySetting | PolicySetting | BrokenSetting
