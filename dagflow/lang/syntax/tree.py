"""The syntax tree of a `.flow` file above expressions (those are `expr.tree`). Every part knows its place in the text."""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs

from dagflow.diagnostic import Span
from dagflow.expr.tree import Expr
from dagflow.lang.syntax.tree_items import ActionDecl as ActionDecl
from dagflow.lang.syntax.tree_items import BrokenItem as BrokenItem
from dagflow.lang.syntax.tree_items import EnumTypeExpr as EnumTypeExpr
from dagflow.lang.syntax.tree_items import EventDecl as EventDecl
from dagflow.lang.syntax.tree_items import FieldDecl as FieldDecl
from dagflow.lang.syntax.tree_items import Ident as Ident
from dagflow.lang.syntax.tree_items import ImportDecl as ImportDecl
from dagflow.lang.syntax.tree_items import NamedType as NamedType
from dagflow.lang.syntax.tree_items import OptionalTypeExpr as OptionalTypeExpr
from dagflow.lang.syntax.tree_items import RecordTypeExpr as RecordTypeExpr
from dagflow.lang.syntax.tree_items import Text as Text
from dagflow.lang.syntax.tree_items import TypeDecl as TypeDecl
from dagflow.lang.syntax.tree_items import TypeExpr as TypeExpr
from dagflow.lang.syntax.tree_settings import Arg as Arg
from dagflow.lang.syntax.tree_settings import Bind as Bind
from dagflow.lang.syntax.tree_settings import BrokenSetting as BrokenSetting
from dagflow.lang.syntax.tree_settings import OnSetting as OnSetting
from dagflow.lang.syntax.tree_settings import PolicySetting as PolicySetting
from dagflow.lang.syntax.tree_settings import Retry as Retry
from dagflow.lang.syntax.tree_settings import RetrySetting as RetrySetting
from dagflow.lang.syntax.tree_settings import Setting as Setting
from dagflow.lang.syntax.tree_settings import TimeoutSetting as TimeoutSetting
from dagflow.lang.syntax.tree_tests import TestDecl as TestDecl


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
    """The operand of `after`."""

    span: Span
    kind: DepsKind
    names: tuple[Ident, ...]
    count: int = 0


@attrs.frozen
class Modifiers:
    """The modifiers of a step; each at most once. `spans` has the place of each that is there, by its word."""

    after: Deps | None = None
    when: Expr | None = None
    retry: Retry | None = None
    timeout: Expr | None = None
    within: Expr | None = None
    default: Expr | None = None
    undo: CallExpr | None = None
    was: Ident | None = None
    at_most_once: bool = False
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
class ForOption:
    """`max 5000`, `parallel 20`, `key row.email` or `collect errors`; `count` or `value` is the operand of the word, if any."""

    span: Span
    word: str
    count: int | None = None
    value: Expr | None = None


@attrs.frozen
class For:
    """`rows = for row, i in xs max 5000 {…}`."""

    span: Span
    word: Span
    name: Ident | None
    variable: Ident
    index: Ident | None
    items: Expr
    options: tuple[ForOption, ...]
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
    """A part that did not parse; `names` are the names it seems to define, so that their uses are no errors."""

    span: Span
    names: tuple[str, ...]


Statement: TypeAlias = (
    CallStep
    | WaitStep
    | WaitEventStep
    | Filter
    | If
    | Switch
    | Let
    | Group
    | For
    | Emit
    | Return
    | Yield
    | Stop
    | Fail
    | Broken
)
