"""An editor: a client that starts the server as editors do, speaks to it over pipes, and waits for what it says."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

ROOT = Path(__file__).parents[2]
_PATIENCE_S = 60


class Editor:
    """One server, and what it has said."""

    def __init__(self) -> None:
        self.client = LanguageClient("an editor", "1")
        self.said: dict[str, types.PublishDiagnosticsParams] = {}
        self.messages: list[str] = []
        self.logged: list[str] = []
        self.capabilities: types.ServerCapabilities
        self._news = asyncio.Event()
        self._version = 0

    async def wait_for(self, uri: str, version: int) -> list[types.Diagnostic]:
        """What is said of that version of a text."""

        async def until() -> None:
            while uri not in self.said or self.said[uri].version != version:
                self._news.clear()
                await self._news.wait()

        await asyncio.wait_for(until(), _PATIENCE_S)
        return list(self.said[uri].diagnostics)

    async def wait_until_settled(self, uri: str) -> list[types.Diagnostic]:
        """What is said of a text when it is looked at with all there is."""
        version = self.said[uri].version
        del self.said[uri]
        return await self.wait_for(uri, version or 0)

    async def open(self, uri: str, text: str) -> list[types.Diagnostic]:
        self._version += 1
        self.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "dagflow", self._version, text))
        )
        return await self.wait_for(uri, self._version)

    def send(self, uri: str, text: str) -> int:
        """A change, without waiting for what comes of it."""
        self._version += 1
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(types.VersionedTextDocumentIdentifier(self._version, uri), [change])
        )
        return self._version

    async def change(self, uri: str, text: str) -> list[types.Diagnostic]:
        return await self.wait_for(uri, self.send(uri, text))

    async def everything(self, uri: str, position: types.Position) -> dict[str, Any]:
        """Every feature, asked at one place."""
        questions = self.questions(uri, position)
        return {name: await asyncio.wait_for(question, _PATIENCE_S) for name, question in questions.items()}

    def questions(self, uri: str, position: types.Position) -> dict[str, Coroutine[Any, Any, Any]]:
        """The same, to be awaited one after the other."""
        doc, client = types.TextDocumentIdentifier(uri), self.client
        span = types.Range(types.Position(0, 0), types.Position(position.line + 1, 0))
        return {
            "hover": client.text_document_hover_async(types.HoverParams(doc, position)),
            "completion": client.text_document_completion_async(types.CompletionParams(doc, position)),
            "signature": client.text_document_signature_help_async(types.SignatureHelpParams(doc, position)),
            "definition": client.text_document_definition_async(types.DefinitionParams(doc, position)),
            "references": client.text_document_references_async(
                types.ReferenceParams(types.ReferenceContext(True), doc, position)
            ),
            "highlights": client.text_document_document_highlight_async(types.DocumentHighlightParams(doc, position)),
            "prepare rename": client.text_document_prepare_rename_async(types.PrepareRenameParams(doc, position)),
            "outline": client.text_document_document_symbol_async(types.DocumentSymbolParams(doc)),
            "tokens": client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(doc)),
            "hints": client.text_document_inlay_hint_async(types.InlayHintParams(doc, span)),
            "foldings": client.text_document_folding_range_async(types.FoldingRangeParams(doc)),
            "selections": client.text_document_selection_range_async(types.SelectionRangeParams(doc, [position])),
            "actions": client.text_document_code_action_async(types.CodeActionParams(doc, span, types.CodeActionContext([]))),
            "lenses": client.text_document_code_lens_async(types.CodeLensParams(doc)),
            "formatting": client.text_document_formatting_async(
                types.DocumentFormattingParams(doc, types.FormattingOptions(tab_size=2, insert_spaces=True))
            ),
        }


@asynccontextmanager
async def editor(*arguments: str, encodings: tuple[str, ...] = ("utf-16",)) -> AsyncGenerator[Editor]:
    """An editor with its server; whatever that logs is a failure of the test, unless the test takes it out."""
    it = Editor()
    client = it.client

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def _said(params: types.PublishDiagnosticsParams) -> None:
        it.said[params.uri] = params
        it._news.set()

    @client.feature(types.WINDOW_LOG_MESSAGE)
    def _logged(params: types.LogMessageParams) -> None:
        it.logged.append(params.message)

    @client.feature(types.WINDOW_SHOW_MESSAGE)
    def _shown(params: types.ShowMessageParams) -> None:
        it.messages.append(params.message)

    await client.start_io(sys.executable, "-m", "dagflow", "lsp", *arguments)
    item = types.ClientCompletionItemOptions(snippet_support=True)
    found = await client.initialize_async(
        types.InitializeParams(
            capabilities=types.ClientCapabilities(
                general=types.GeneralClientCapabilities(position_encodings=list(encodings)),
                text_document=types.TextDocumentClientCapabilities(
                    completion=types.CompletionClientCapabilities(completion_item=item)
                ),
            )
        )
    )
    it.capabilities = found.capabilities
    client.initialized(types.InitializedParams())
    try:
        yield it
        assert it.logged == []
    finally:
        await asyncio.wait_for(client.shutdown_async(None), _PATIENCE_S)
        client.exit(None)
        await client.stop()


def at(text: str, mark: str, offset: int = 0) -> types.Position:
    """The place of a piece of text, in code points, as long as that is what the editor counts."""
    place = text.index(mark) + offset
    line = text.count("\n", 0, place)
    return types.Position(line, place - (text.rfind("\n", 0, place) + 1))


def applied(text: str, edits: list[types.TextEdit]) -> str:
    """A text with edits of an editor made."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def offset(position: types.Position) -> int:
        return starts[min(position.line, len(lines))] + position.character

    for edit in sorted(edits, key=lambda each: offset(each.range.start), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text
