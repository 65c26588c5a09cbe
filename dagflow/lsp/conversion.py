"""Conversion of the results of `dagflow.ide` to the types of the Language Server Protocol."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lsprotocol import types

from dagflow.diagnostic import Diagnostic, Edit, Severity, Span
from dagflow.ide.completing import Completion, CompletionKind
from dagflow.ide.hinting import Hint
from dagflow.ide.outlining import Part, PartKind
from dagflow.ide.positions import Lines, Position, Range
from dagflow.ide.semantic_tokens import TOKEN_MODIFIERS, TOKEN_TYPES, Coloured
from dagflow.ide.signatures import Signature

_SEVERITIES: Final = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.NOTE: types.DiagnosticSeverity.Information,
}
#: Diagnostics of unneeded text, which editors show faded.
_UNNEEDED: Final = frozenset({"W901", "W405"})
_COMPLETIONS: Final = {
    CompletionKind.ACTION: types.CompletionItemKind.Function,
    CompletionKind.FLOW: types.CompletionItemKind.Class,
    CompletionKind.KEYWORD: types.CompletionItemKind.Keyword,
    CompletionKind.SNIPPET: types.CompletionItemKind.Snippet,
    CompletionKind.ARGUMENT: types.CompletionItemKind.Property,
    CompletionKind.NAME: types.CompletionItemKind.Variable,
    CompletionKind.FIELD: types.CompletionItemKind.Field,
    CompletionKind.FUNCTION: types.CompletionItemKind.Method,
    CompletionKind.TYPE: types.CompletionItemKind.Struct,
    CompletionKind.EVENT: types.CompletionItemKind.Event,
    CompletionKind.VALUE: types.CompletionItemKind.EnumMember,
}
_PARTS: Final = {
    PartKind.IMPORT: types.SymbolKind.Module,
    PartKind.TYPE: types.SymbolKind.Struct,
    PartKind.FIELD: types.SymbolKind.Field,
    PartKind.EVENT: types.SymbolKind.Event,
    PartKind.ACTION: types.SymbolKind.Function,
    PartKind.FLOW: types.SymbolKind.Class,
    PartKind.STEP: types.SymbolKind.Method,
    PartKind.VALUE: types.SymbolKind.Variable,
    PartKind.CONDITION: types.SymbolKind.Boolean,
    PartKind.GROUP: types.SymbolKind.Namespace,
    PartKind.TEST: types.SymbolKind.Method,
}


def position(given: types.Position) -> Position:
    """A position of an editor as ours."""
    return Position(given.line, given.character)


def range_of(given: types.Range) -> Range:
    """A range of an editor as ours."""
    return Range(position(given.start), position(given.end))


def range_at(lines: Lines, span: Span) -> types.Range:
    """A span as an editor's range."""
    found = lines.range(span)
    return types.Range(types.Position(found.start.line, found.start.column), types.Position(found.end.line, found.end.column))


def diagnostic(lines: Lines, found: Diagnostic) -> types.Diagnostic:
    """A diagnostic: its title, with its label and help below."""
    rest = "\n".join(part for part in (found.label, f"help: {found.help}" if found.help else "") if part)
    return types.Diagnostic(
        range=range_at(lines, found.span),
        severity=_SEVERITIES[found.severity],
        code=found.code,
        source="dagflow",
        message=found.title + (f"\n{rest}" if rest else ""),
        tags=[types.DiagnosticTag.Unnecessary] if found.code in _UNNEEDED else None,
    )


def edits(lines: Lines, given: Iterable[Edit]) -> list[types.TextEdit]:
    """Changes of the text."""
    return [types.TextEdit(range_at(lines, each.span), each.text) for each in given]


def markdown(text: str) -> types.MarkupContent:
    """A text with headings, code and lists."""
    return types.MarkupContent(types.MarkupKind.Markdown, text)


def completion(lines: Lines, found: Completion, place: int, *, has_snippets: bool) -> types.CompletionItem:
    """A completion; for an editor without snippets, only the text before the first place for the cursor.

    Args:
        place: among all of them, the best first.
    """
    text = found.insert
    if found.is_snippet and not has_snippets:
        text = text.partition("$")[0].rstrip() if "$" in text else text
    return types.CompletionItem(
        label=found.label,
        kind=_COMPLETIONS[found.kind],
        detail=found.detail or None,
        documentation=markdown(found.doc) if found.doc else None,
        sort_text=f"{place:05}",
        filter_text=found.label,
        insert_text_format=types.InsertTextFormat.Snippet
        if found.is_snippet and has_snippets
        else types.InsertTextFormat.PlainText,
        text_edit=types.TextEdit(range_at(lines, found.span), text),
    )


def symbol(lines: Lines, part: Part) -> types.DocumentSymbol:
    """A part of the outline, with those in it."""
    return types.DocumentSymbol(
        name=part.name or "?",
        kind=_PARTS[part.kind],
        range=range_at(lines, part.span),
        selection_range=range_at(lines, part.name_span),
        detail=part.detail or None,
        children=[symbol(lines, each) for each in part.parts],
    )


def tokens(lines: Lines, found: Iterable[Coloured]) -> types.SemanticTokens:
    """Words by their kinds: five numbers each, places counted from the word before."""
    data: list[int] = []
    line = column = 0
    for each in found:
        at = lines.position(each.span.start)
        modifiers = sum(1 << TOKEN_MODIFIERS.index(name) for name in each.modifiers)
        same = at.line == line
        data += [
            at.line - line,
            at.column - column if same else at.column,
            lines.length(each.span),
            TOKEN_TYPES.index(each.type),
            modifiers,
        ]
        line, column = at.line, at.column
    return types.SemanticTokens(data)


def hint(lines: Lines, found: Hint) -> types.InlayHint:
    """A piece of text between others."""
    at = lines.position(found.offset)
    is_type = found.text.startswith(":")
    return types.InlayHint(
        position=types.Position(at.line, at.column),
        label=found.text,
        kind=types.InlayHintKind.Type if is_type else None,
        tooltip=markdown(found.tooltip) if found.tooltip else None,
        padding_left=not is_type,
    )


def signature(found: Signature) -> types.SignatureHelp:
    """The signature of a call."""
    params = [types.ParameterInformation(label, markdown(doc) if doc else None) for label, doc in found.params]
    info = types.SignatureInformation(
        found.label, markdown(found.doc) if found.doc else None, params, active_parameter=found.active
    )
    return types.SignatureHelp([info], active_signature=0, active_parameter=found.active)
