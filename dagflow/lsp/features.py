"""Features of the server: each request of the protocol, with the function of `dagflow.ide` that answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from lsprotocol import types

from dagflow.app.simulation.editor_tests import run_tests
from dagflow.diagnostic import Span
from dagflow.errors import DagflowError, FlowInvalid, UsageError
from dagflow.ide.analysis import Analysis
from dagflow.ide.code_actions import Action, actions, fix_all
from dagflow.ide.code_lenses import LensKind, drawable, lenses
from dagflow.ide.completing import complete
from dagflow.ide.hinting import hints
from dagflow.ide.hovering import hover
from dagflow.ide.navigating import definition, references, rename, renaming
from dagflow.ide.outlining import around, foldings, outline
from dagflow.ide.positions import Lines
from dagflow.ide.semantic_tokens import TOKEN_MODIFIERS, TOKEN_TYPES, coloured
from dagflow.ide.signatures import signature
from dagflow.lang.edit.line_diff import edits_between
from dagflow.lang.format.formatter import format as format_text
from dagflow.lsp import conversion
from dagflow.lsp.documents import Document
from dagflow.lsp.server import FlowServer
from dagflow.model.action import Interface
from dagflow.pictures.chart import to_mermaid

GRAPH: Final = "dagflow.graph"
RUN_TESTS: Final = "dagflow.runTests"
T = TypeVar("T")
_FIX_ALL: Final = types.CodeActionKind.SourceFixAll


def make_server(load: Callable[[], Interface]) -> FlowServer:
    """Return a server with all its features, ready to start. `load` returns the host's declarations."""
    server = FlowServer(load)
    _add_texts(server)
    _add_names(server)
    _add_writing(server)
    _add_looks(server)
    _add_commands(server)
    return server


def _known(server: FlowServer, uri: str) -> tuple[Document, Analysis]:
    document = server.documents.get(uri)
    if document is None:
        raise LookupError(f"{uri} is not open")
    return document, document.analysis()


def _offset(analysis: Analysis, position: types.Position) -> int:
    return analysis.lines.offset(conversion.position(position))


def _span(analysis: Analysis, given: types.Range) -> Span:
    return analysis.lines.span(conversion.range_of(given))


def _add_texts(server: FlowServer) -> None:
    @server.feature(types.INITIALIZED)
    def _begun(_: types.InitializedParams) -> None:
        server.guarded(server.begin)()
        server.guarded(_watch)(server)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def _opened(params: types.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        server.guarded(server.opened)(item.uri, item.text, item.version)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def _changed(params: types.DidChangeTextDocumentParams) -> None:
        if params.content_changes:
            item = params.text_document
            server.guarded(server.changed)(item.uri, params.content_changes[-1].text, item.version)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def _closed(params: types.DidCloseTextDocumentParams) -> None:
        server.guarded(server.closed)(params.text_document.uri)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def _files(_: types.DidChangeWatchedFilesParams) -> None:
        server.guarded(server.reload)()


def _watch(server: FlowServer) -> None:
    """Ask for notifications about flow files that change on the disk, if the editor supports them."""
    workspace = server.client_capabilities.workspace
    watching = workspace.did_change_watched_files if workspace is not None else None
    if watching is not None and watching.dynamic_registration:
        options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher("**/*.{flow,py}")])
        registration = types.Registration("watch", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        server.client_register_capability(types.RegistrationParams([registration]))


def _add_names(server: FlowServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    @server.guarded
    def _hover(params: types.HoverParams) -> types.Hover | None:
        _, known = _known(server, params.text_document.uri)
        found = hover(known, _offset(known, params.position))
        return (
            None
            if found is None
            else types.Hover(conversion.markdown(found.text), conversion.range_at(known.lines, found.span))
        )

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    @server.guarded
    def _definition(params: types.DefinitionParams) -> types.Location | None:
        document, known = _known(server, params.text_document.uri)
        path = document.path
        found = definition(
            known, _offset(known, params.position), document.analyst.sources, path.name if path is not None else ""
        )
        if found is None or (found.path and path is None):
            return None
        if found.path and path is not None:
            uri = (path.parent / found.path).resolve().as_uri()
            return types.Location(uri, conversion.range_at(Lines(found.text, server.documents.encoding), found.span))
        return types.Location(document.uri, conversion.range_at(known.lines, found.span))

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    @server.guarded
    def _references(params: types.ReferenceParams) -> list[types.Location]:
        document, known = _known(server, params.text_document.uri)
        found = references(known, _offset(known, params.position), with_definition=params.context.include_declaration)
        return [types.Location(document.uri, conversion.range_at(known.lines, each)) for each in found]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    @server.guarded
    def _highlights(params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        _, known = _known(server, params.text_document.uri)
        found = references(known, _offset(known, params.position))
        return [types.DocumentHighlight(conversion.range_at(known.lines, each)) for each in found]

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    @server.guarded
    def _prepare(params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder | None:
        _, known = _known(server, params.text_document.uri)
        found = renaming(known, _offset(known, params.position))
        return (
            None if found is None else types.PrepareRenamePlaceholder(conversion.range_at(known.lines, found.span), found.name)
        )

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    @server.guarded
    def _rename(params: types.RenameParams) -> types.WorkspaceEdit | None:
        document, known = _known(server, params.text_document.uri)
        try:
            found = rename(known, _offset(known, params.position), params.new_name)
        except UsageError as error:
            server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, str(error)))
            return None
        return types.WorkspaceEdit({document.uri: conversion.edits(known.lines, found)})


def _add_writing(server: FlowServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[".", '"', "(", "{", " "]))
    @server.guarded
    def _complete(params: types.CompletionParams) -> types.CompletionList:
        document, known = _known(server, params.text_document.uri)
        text = server.client_capabilities.text_document
        item = text.completion.completion_item if text is not None and text.completion is not None else None
        has_snippets = bool(item is not None and item.snippet_support)
        offset = _offset(known, params.position)
        context = params.context
        if context is not None and context.trigger_character == " " and not _wants_after_blank(known.text, offset):
            return types.CompletionList(is_incomplete=False, items=[])
        found = complete(document.analyst, known, offset)
        items = [conversion.completion(known.lines, each, i, has_snippets=has_snippets) for i, each in enumerate(found)]
        return types.CompletionList(is_incomplete=False, items=items)

    @server.feature(types.TEXT_DOCUMENT_SIGNATURE_HELP, types.SignatureHelpOptions(trigger_characters=["(", ",", ":"]))
    @server.guarded
    def _signature(params: types.SignatureHelpParams) -> types.SignatureHelp | None:
        _, known = _known(server, params.text_document.uri)
        found = signature(known, _offset(known, params.position))
        return None if found is None else conversion.signature(found)

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    @server.guarded
    def _format(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        _, known = _known(server, params.text_document.uri)
        try:
            return conversion.edits(known.lines, edits_between(known.text, format_text(known.text)))
        except FlowInvalid:
            return []  # its diagnostics say why

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions([types.CodeActionKind.QuickFix, _FIX_ALL]))
    @server.guarded
    def _actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        document, known = _known(server, params.text_document.uri)
        only = params.context.only
        found: list[types.CodeAction] = []
        if not only or types.CodeActionKind.QuickFix in only:
            fixes = actions(known, _span(known, params.range))
            found += [_action(document, known, each, types.CodeActionKind.QuickFix) for each in fixes]
        every = fix_all(document.analyst, known) if only and _FIX_ALL in only else None
        return found if every is None else [*found, _action(document, known, every, _FIX_ALL)]


def _action(document: Document, known: Analysis, action: Action, kind: types.CodeActionKind) -> types.CodeAction:
    edit = types.WorkspaceEdit({document.uri: conversion.edits(known.lines, action.edits)})
    found = [conversion.diagnostic(known.lines, each) for each in action.diagnostics]
    return types.CodeAction(action.title, kind=kind, diagnostics=found, is_preferred=action.is_preferred or None, edit=edit)


def _wants_after_blank(text: str, offset: int) -> bool:
    """Whether a blank is a good moment to propose something: behind a word or sign that something has to follow."""
    before = text[max(0, offset - 40) : offset].rstrip()
    return before.endswith(("=", ":", ",", "->", "&&", "||")) or before.rpartition(" ")[2].strip() in _FOLLOWED


_FOLLOWED: Final = frozenset(
    {"after", "filter", "if", "switch", "case", "start", "undo", "mock", "when", "return", "for", "in"}
)


def _add_looks(server: FlowServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    @server.guarded
    def _outline(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        _, known = _known(server, params.text_document.uri)
        return [conversion.symbol(known.lines, each) for each in outline(known)]

    @server.feature(
        types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, types.SemanticTokensLegend(list(TOKEN_TYPES), list(TOKEN_MODIFIERS))
    )
    @server.guarded
    def _tokens(params: types.SemanticTokensParams) -> types.SemanticTokens:
        _, known = _known(server, params.text_document.uri)
        return conversion.tokens(known.lines, coloured(known))

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    @server.guarded
    def _hints(params: types.InlayHintParams) -> list[types.InlayHint]:
        _, known = _known(server, params.text_document.uri)
        return [conversion.hint(known.lines, each) for each in hints(known, _span(known, params.range))]

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    @server.guarded
    def _foldings(params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        _, known = _known(server, params.text_document.uri)
        lines = known.lines
        return [
            types.FoldingRange(lines.line_of(each.start), max(lines.line_of(each.start), lines.line_of(each.end) - 1))
            for each in foldings(known)
        ]

    @server.feature(types.TEXT_DOCUMENT_SELECTION_RANGE)
    @server.guarded
    def _selections(params: types.SelectionRangeParams) -> list[types.SelectionRange]:
        _, known = _known(server, params.text_document.uri)
        found: list[types.SelectionRange] = []
        for position in params.positions:
            spans = around(known, _offset(known, position))
            outer: types.SelectionRange | None = None
            for span in reversed(spans):
                outer = types.SelectionRange(conversion.range_at(known.lines, span), outer)
            found += [outer] if outer is not None else []
        return found

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS)
    @server.guarded
    def _lenses(params: types.CodeLensParams) -> list[types.CodeLens]:
        document, known = _known(server, params.text_document.uri)
        found: list[types.CodeLens] = []
        for each in lenses(known):
            name = GRAPH if each.kind is LensKind.GRAPH else RUN_TESTS
            given = [document.uri, each.flow] if name == GRAPH else [document.uri, each.flow, each.test or None]
            found.append(
                types.CodeLens(conversion.range_at(known.lines, each.span), types.Command(each.title, name, arguments=given))
            )
        return found


def _add_commands(server: FlowServer) -> None:
    @server.command(GRAPH)
    def _graph(uri: str, flow: str) -> str | None:
        """A flow as a Mermaid flowchart."""
        return _answer(server, lambda: to_mermaid(drawable(_known(server, uri)[1], flow)))

    @server.command(RUN_TESTS)
    def _run(uri: str, flow: str | None, test: str | None) -> list[dict[str, object]] | None:
        """Run the tests of a flow and return their results; also show a message."""

        def tried() -> list[dict[str, object]]:
            found = run_tests(_known(server, uri)[1].compilation, flow, test)
            failed = [each for each in found if not each.has_passed]
            kind = types.MessageType.Error if failed else types.MessageType.Info
            said = [f"{len(found) - len(failed)} passed" + (f", {len(failed)} failed" if failed else "")]
            said += [f"✗ {each.name}: " + "; ".join(each.problems) for each in failed]
            server.window_show_message(types.ShowMessageParams(kind, "\n".join(said)))
            return [
                {
                    "test": each.name,
                    "flow": each.flow,
                    "line": each.line,
                    "passed": each.has_passed,
                    "problems": list(each.problems),
                }
                for each in found
            ]

        return _answer(server, tried)


def _answer(server: FlowServer, ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except (DagflowError, LookupError) as error:
        server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, str(error)))
        return None
