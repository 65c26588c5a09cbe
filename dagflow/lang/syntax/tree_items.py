"""The syntax tree of the top level of a file, except flows: names, types, declarations."""

from __future__ import annotations

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
    """`action pay.charge(order_id: string) -> Charge effectful by key on unknown fail`."""

    span: Span
    name: Ident
    params: tuple[FieldDecl, ...]
    result: TypeExpr | None
    effect: str
    doc: str = ""
    takes_key: bool = False
    at_most_once: bool = False


@attrs.frozen
class BrokenItem:
    """What did not parse at the top level; `names` are those of the types, events, actions and flows it seems to declare."""

    span: Span
    names: tuple[str, ...]
