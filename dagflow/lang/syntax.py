"""The syntax tree of a `.flow` file above expressions (those are `expr.tree`). Every part knows its place in the text."""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs

from dagflow.diagnostic import Span
from dagflow.expr.tree import Expr


@attrs.frozen
class Ident:
    """A name as written; for qualified names (`crm.update`) the dots are part of it."""

    span: Span
    text: str


@attrs.frozen
class Text:
    """A string that is no expression: an event's name, a reason. `value` is decoded."""

    span: Span
    value: str


# ---- types


@attrs.frozen
class NamedType:
    """`int`, `list<string>`, `Lead`."""

    span: Span
    name: Ident
    args: tuple[TypeExpr, ...] = ()


@attrs.frozen
class OptionalTypeExpr:
    """`T?`."""

    span: Span
    value: TypeExpr


@attrs.frozen
class EnumTypeExpr:
    """`"new" | "won"`."""

    span: Span
    values: tuple[Text, ...]


@attrs.frozen
class RecordTypeExpr:
    """`{a: int}`."""

    span: Span
    fields: tuple[FieldDecl, ...]


TypeExpr: TypeAlias = NamedType | OptionalTypeExpr | EnumTypeExpr | RecordTypeExpr


@attrs.frozen
class FieldDecl:
    """A field of a record, or a parameter."""

    span: Span
    name: Ident
    type: TypeExpr
    default: Expr | None
    doc: str = ""


# ---- declarations


@attrs.frozen
class ImportDecl:
    """`import "./x.flow" as x`."""

    span: Span
    path: Text
    name: Ident


@attrs.frozen
class TypeDecl:
    """`type Lead {…}`, `type Status = "new" | "won"`."""

    span: Span
    name: Ident
    type: TypeExpr
    doc: str = ""


@attrs.frozen
class EventDecl:
    """`event "crm/lead.changed" {…}`."""

    span: Span
    name: Text
    fields: tuple[FieldDecl, ...]
    doc: str = ""


@attrs.frozen
class ActionDecl:
    """`action pay.charge(order_id: string) -> Charge idempotent`."""

    span: Span
    name: Ident
    params: tuple[FieldDecl, ...]
    result: TypeExpr | None
    effect: str
    doc: str = ""


@attrs.frozen
class TestDecl:
    """`test "…" for f {…}`; its items are read by the test runner."""

    __test__ = False  # not a test of ours, whatever its name looks like to pytest

    span: Span
    name: Text
    flow: Ident


@attrs.frozen
class BrokenItem:
    """What did not parse at the top level; `types` are the type names it seems to declare."""

    span: Span
    types: tuple[str, ...]


@attrs.frozen
class FlowDecl:
    """A flow."""

    span: Span
    name: Ident
    params: tuple[FieldDecl, ...] | None
    result: TypeExpr | None
    settings: tuple[Setting, ...]
    body: Block
    handler: Handler | None
    doc: str = ""


Item: TypeAlias = ImportDecl | TypeDecl | EventDecl | ActionDecl | TestDecl | FlowDecl | BrokenItem


@attrs.frozen
class File:
    """A whole file."""

    items: tuple[Item, ...]


# ---- settings of a flow


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
    """A setting that did not parse."""

    span: Span


Setting: TypeAlias = OnSetting | TimeoutSetting | RetrySetting | OtherSetting | BrokenSetting


# ---- statements


@attrs.frozen
class Block:
    """`{ … }`."""

    span: Span
    statements: tuple[Statement, ...]


@attrs.frozen
class Handler:
    """`on error as e { … }`."""

    span: Span
    name: Ident | None
    block: Block


class DepsKind(enum.StrEnum):
    """The join word of an `after`."""

    ALL = "all"
    ANY = "any"
    N_OF = "n of"
    SETTLED = "settled"


@attrs.frozen
class Deps:
    """What follows `after`."""

    span: Span
    kind: DepsKind
    names: tuple[Ident, ...]
    count: int = 0


@attrs.frozen
class Modifiers:
    """What follows a step; each at most once. `spans` has the place of each that is there, by its word."""

    after: Deps | None = None
    when: Expr | None = None
    retry: Retry | None = None
    timeout: Expr | None = None
    within: Expr | None = None
    default: Expr | None = None
    undo: CallExpr | None = None
    was: Ident | None = None
    handler: Handler | None = None
    spans: tuple[tuple[str, Span], ...] = ()

    def span(self, word: str) -> Span | None:
        """Where the modifier of that word stands, if it is there."""
        return next((span for name, span in self.spans if name == word), None)


@attrs.frozen
class CallExpr:
    """`email(template: "x")`. `close` is the place of the `)`."""

    span: Span
    callee: Ident
    args: tuple[Arg, ...]
    close: Span


@attrs.frozen
class CallStep:
    """`id = email(…)`, or with `is_start` `id = start welcome(…)`."""

    span: Span
    name: Ident | None
    call: CallExpr
    mods: Modifiers
    is_start: bool = False
    doc: str = ""


@attrs.frozen
class WaitStep:
    """`wait 2d`, `wait until t`."""

    span: Span
    name: Ident | None
    is_until: bool
    value: Expr
    mods: Modifiers
    doc: str = ""


@attrs.frozen
class WaitEventStep:
    """`wait event "x" as e when … within 3d else {…}`."""

    span: Span
    name: Ident | None
    event: Text
    bind: Bind | None
    mods: Modifiers
    otherwise: Block | None
    doc: str = ""


@attrs.frozen
class Filter:
    """`filter label: condition else {…}`."""

    span: Span
    word: Span
    name: Ident | None
    condition: Expr
    otherwise: Block | None
    doc: str = ""


@attrs.frozen
class If:
    """`if label: condition {…} else {…}`; `otherwise` is another `If` for `else if`."""

    span: Span
    word: Span
    name: Ident | None
    condition: Expr
    then: Block
    otherwise: Block | If | None
    doc: str = ""


@attrs.frozen
class Case:
    """`case "a", "b" {…}`."""

    span: Span
    values: tuple[Expr, ...]
    block: Block


@attrs.frozen
class Switch:
    """`switch label: subject { case … else {…} }`; `close` is the place of its `}`."""

    span: Span
    word: Span
    name: Ident | None
    subject: Expr
    cases: tuple[Case, ...]
    otherwise: Block | None
    close: Span
    doc: str = ""


@attrs.frozen
class Let:
    """`let name: T = value`."""

    span: Span
    name: Ident
    type: TypeExpr | None
    value: Expr
    doc: str = ""


@attrs.frozen
class Group:
    """`parallel name {…}` or `do name {…}`; `first`: the count after `parallel first`."""

    span: Span
    word: Span
    name: Ident | None
    is_parallel: bool
    first: int | None
    block: Block
    handler: Handler | None
    doc: str = ""


@attrs.frozen
class For:
    """`rows = for row, i in xs max 5000 {…}`."""

    span: Span
    word: Span
    name: Ident | None
    variable: Ident
    index: Ident | None
    items: Expr
    block: Block
    handler: Handler | None
    doc: str = ""


@attrs.frozen
class Emit:
    """`emit "crm/x" (id: lead.id)`."""

    span: Span
    event: Text
    args: tuple[Arg, ...]
    close: Span
    mods: Modifiers
    doc: str = ""


@attrs.frozen
class Return:
    """`return value`."""

    span: Span
    value: Expr
    doc: str = ""


@attrs.frozen
class Yield:
    """`yield value`."""

    span: Span
    value: Expr
    doc: str = ""


@attrs.frozen
class Stop:
    """`stop "reason"`; the reason may interpolate."""

    span: Span
    word: Span
    reason: Expr | None
    doc: str = ""


@attrs.frozen
class Fail:
    """`fail "why"`; it may interpolate."""

    span: Span
    reason: Expr
    doc: str = ""


@attrs.frozen
class Broken:
    """What did not parse; `names` are the names it seems to define, so that nobody complains about those."""

    span: Span
    names: tuple[str, ...]


Statement: TypeAlias = (
    CallStep | WaitStep | WaitEventStep | Filter | If | Switch | Let | Group | For | Emit | Return | Yield | Stop | Fail | Broken
)
