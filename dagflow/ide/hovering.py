"""Hover: the type of the name at a place, its documentation, and the reason why it may be absent."""

from __future__ import annotations

from typing import assert_never

import attrs

from dagflow.diagnostic import Span
from dagflow.expr import tree
from dagflow.ide import describing
from dagflow.ide.analysis import Analysis
from dagflow.ide.occurrences import Kind, Occurrence, occurrence_at, occurrences
from dagflow.ide.tree_positions import Spot, spot_at
from dagflow.lang.check.symbols import Symbol, SymbolKind
from dagflow.lang.syntax import tree as s
from dagflow.model.types import UNKNOWN, Field, OptionalType, RecordType, Type


@attrs.frozen
class Hover:
    """A text to show, in Markdown, and the name it describes."""

    text: str
    span: Span


def hover(analysis: Analysis, offset: int) -> Hover | None:
    """The description of the name at a place; None if there is no name, or nothing is known about it."""
    found = occurrence_at(occurrences(analysis), offset)
    if found is None:
        return None
    text = _described(analysis, found, spot_at(analysis, offset))
    return Hover(text, found.span) if text else None


def field_type(spot: Spot | None) -> tuple[RecordType, Field] | None:
    """The field that a selection at a place means."""
    if spot is None or not isinstance(spot.expr, tree.Select):
        return None
    type_ = spot.type_of(spot.expr.operand)
    record = type_.value if isinstance(type_, OptionalType) else type_
    field = record.field(spot.expr.field) if isinstance(record, RecordType) else None
    return (record, field) if isinstance(record, RecordType) and field is not None else None


def _described(analysis: Analysis, found: Occurrence, spot: Spot | None) -> str:
    interface, target = analysis.interface, found.target
    match target.kind:
        case Kind.TYPE:
            known = analysis.interface.types.get(target.name)
            return (
                "" if known is None else describing.declared_type(target.name, known, _doc(analysis, s.TypeDecl, target.name))
            )
        case Kind.EVENT:
            event = analysis.interface.events.get(target.name)
            return "" if event is None else describing.event(event)
        case Kind.ACTION:
            spec = analysis.interface.actions.get(target.name)
            return "" if spec is None else describing.action(spec)
        case Kind.FLOW:
            return _flow(analysis, target.name)
        case Kind.IMPORT:
            path = next(
                (i.path.value for i in analysis.file.items if isinstance(i, s.ImportDecl) and i.name.text == target.name), ""
            )
            return describing.code(f'import "{path}" as {target.name}')
        case Kind.STEP | Kind.INPUT | Kind.LOCAL | Kind.BUILTIN:
            return _name(analysis, found, spot)
        case Kind.PARAMETER:
            spec = interface.actions.get(target.owner)
            param = next((each for each in spec.params if each.name == target.name), None) if spec is not None else None
            return "" if param is None else describing.named(param.name, param.type, param.doc)
        case Kind.FUNCTION:
            return describing.function(target.name)
        case Kind.FIELD:
            return _field(analysis, found, spot)
        case _:
            assert_never(target.kind)


def _flow(analysis: Analysis, name: str) -> str:
    facts = analysis.flows.get(name)
    compiled = analysis.compilation.flows.get(name)
    if facts is None:
        return ""
    params = facts.builder.names.symbols
    fields = tuple(
        Field(each.name.text, params[each.name.text].type) for each in facts.decl.params or () if each.name.text in params
    )
    if compiled is not None:
        return describing.flow(name, compiled.input.fields, compiled.result, facts.decl.doc)
    return describing.paragraphs(describing.code(f"flow {name}({describing.fields(fields)})"), facts.decl.doc)


def _name(analysis: Analysis, found: Occurrence, spot: Spot | None) -> str:
    name = found.target.name
    facts = analysis.flows.get(found.target.owner)
    symbol = None if facts is None else facts.symbols.get(name)
    notes = [describing.BUILTINS.get(name, "") if found.target.kind is Kind.BUILTIN else ""]
    if symbol is not None and found.target.kind is Kind.STEP and facts is not None:
        builder = facts.builder.find(symbol.node)
        notes += [
            _what(symbol, builder.node.action if builder is not None else ""),
            builder.node.doc if builder is not None else "",
        ]
        notes.append(f"May not run: {symbol.why}." if symbol.why else "")
    if found.target.kind is Kind.LOCAL and symbol is None:
        symbol = _local(analysis, found)
    is_own = found.is_definition and found.target.kind is not Kind.LOCAL
    type_ = _type(name, symbol, None if is_own else spot)
    if type_ is UNKNOWN and spot is None and not any(notes):
        return ""
    if symbol is not None and symbol.kind is SymbolKind.VALUELESS:
        return describing.paragraphs(describing.code(name), *notes)
    return describing.named(name, type_, *notes)


def _local(analysis: Analysis, found: Occurrence) -> Symbol | None:
    """A name for a part of a flow, as some expression there has seen it."""
    for each in analysis.seen:
        symbol = (each.symbols or {}).get(found.target.name)
        if symbol is not None and symbol.span.start == found.target.place:
            return symbol
    return None


def _type(name: str, symbol: Symbol | None, spot: Spot | None) -> Type:
    """The type a name has where it is read, else where it is defined."""
    if spot is not None:
        known = spot.variables.get(name) or spot.root.surroundings().variables.get(name)
        if known is not None:
            return known
    return UNKNOWN if symbol is None else symbol.type


def _what(symbol: Symbol, action: str) -> str:
    return f"Calls `{action}`." if action else "Leaves nothing to read." if symbol.kind is SymbolKind.VALUELESS else ""


def _field(analysis: Analysis, found: Occurrence, spot: Spot | None) -> str:
    selected = field_type(spot)
    if selected is not None:
        record, field = selected
        of = f"Field of `{record.name}`." if record.name else ""
        return describing.named(field.name, field.type, field.doc, of)
    if spot is not None and isinstance(spot.expr, tree.Select):
        return describing.named(spot.expr.field, spot.type_of(spot.expr))
    owner = analysis.interface.types.get(found.target.owner)
    event = analysis.interface.events.get(found.target.owner)
    record_type = owner if isinstance(owner, RecordType) else None if event is None else event.payload
    known = record_type.field(found.target.name) if record_type is not None else None
    return "" if known is None else describing.named(known.name, known.type, known.doc)


def _doc(analysis: Analysis, kind: type[s.TypeDecl], name: str) -> str:
    return next((item.doc for item in analysis.file.items if isinstance(item, kind) and item.name.text == name), "")
