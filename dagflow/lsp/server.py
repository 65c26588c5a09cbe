"""The server: the requests it handles, and the moments at which it analyses a text.

Theory. Everything happens in one thread, one message after the other. A change only notes the new text; the server analyses it
after it has read all pending messages, so that a burst of keys costs one compilation of the last version. The first diagnostics
may be a guess (`ide.analysis`); after a pause the server settles them. Requests about a text analyse it first.
A failed request is logged and answered with nothing: no text can end the server of an editor.
"""

from __future__ import annotations

import asyncio
import functools
import gc
from collections.abc import Callable
from importlib.metadata import version
from typing import Final, ParamSpec, TypeVar

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from dagflow.clock import stopwatch
from dagflow.ide.positions import Encoding
from dagflow.lsp.conversion import diagnostic
from dagflow.lsp.documents import Document, Documents
from dagflow.model.action import Interface

#: After a pause of this length, the text is checked with all passes of the compiler.
_SETTLE_S: Final = 0.25
#: The delay of an analysis is the time by which the last one took longer than this, up to the limit below.
_QUICK_NS: Final = 150_000_000
_LONGEST_WAIT_S: Final = 0.3
#: Analyses before a garbage collection, even without a pause.
_MOST_LOOKS: Final = 100

P = ParamSpec("P")
R = TypeVar("R")


class FlowServer(LanguageServer):
    """The language server. `load` returns the host's declarations, again whenever they may have changed."""

    def __init__(self, load: Callable[[], Interface]) -> None:
        super().__init__("dagflow", version("dagflow"), types.TextDocumentSyncKind.Full)  # pyright: ignore[reportUnknownMemberType]
        self.documents = Documents(load, self._complain)
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._took_ns: dict[str, int] = {}
        #: Since the last garbage collection.
        self._n_looks = 0

    def begin(self) -> None:
        """Take over the agreed encoding of columns, and collect garbage at chosen moments only."""
        # Each key makes a hundred thousand objects that replace as many. A garbage collection would take a sixth of the time
        # until the answer; it runs while no request waits.
        gc.disable()
        gc.collect()
        gc.freeze()
        self.documents.encoding = Encoding(
            str(getattr(self.workspace.position_encoding, "value", self.workspace.position_encoding))
        )

    def opened(self, uri: str, text: str, number: int) -> None:
        """Open a text and analyse it."""
        self.documents.open(uri, text, number)
        self.look(uri)

    def changed(self, uri: str, text: str, number: int) -> None:
        """Note a changed text; it is analysed after all pending messages."""
        document = self.documents.get(uri)
        if document is None:
            self.opened(uri, text, number)
            return
        document.text, document.version = text, number
        delay = min(_LONGEST_WAIT_S, max(0, self._took_ns.get(uri, 0) - _QUICK_NS) / 1e9)
        self._later(uri, delay, self.look)

    def closed(self, uri: str) -> None:
        """Close a text and withdraw its diagnostics."""
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()
        self._took_ns.pop(uri, None)
        self.documents.close(uri)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def look(self, uri: str) -> None:
        """Analyse a text and publish its diagnostics."""
        document = self.documents.get(uri)
        if document is not None:
            begun = stopwatch()
            self._guarded(document.analysis)
            self._n_looks += 1
            self._took_ns[uri] = stopwatch() - begun
            self.tell(document)
            self._later(uri, _SETTLE_S, self.settle)
            if self._n_looks >= _MOST_LOOKS:
                self._tidy()

    def settle(self, uri: str) -> None:
        """Analyse a text with all passes of the compiler, and the texts that import it."""
        document = self.documents.get(uri)
        if document is None:
            return
        self._guarded(document.analyst.settle)
        self.tell(document)
        for other in self.documents.importing(document):
            self._guarded(other.analyst.settle)
            self.tell(other)
        self._tidy()

    def _tidy(self) -> None:
        """Collect garbage, including cycles."""
        self._n_looks = 0
        gc.collect()

    def reload(self) -> None:
        """Load the host's declarations, or files on the disk, again, since they may have changed."""
        self._guarded(self.documents.reload)
        for document in self.documents:
            self._guarded(document.analyst.settle)
            self.tell(document)

    def tell(self, document: Document) -> None:
        """Publish the diagnostics of a text."""
        known = document.analyst.current
        if known is not None and known.text == document.text:
            found = [diagnostic(known.lines, each) for each in known.diagnostics]
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(document.uri, found, document.version))

    def _later(self, uri: str, delay: float, what: Callable[[str], None]) -> None:
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()
        self._waiting[uri] = asyncio.get_running_loop().call_later(delay, self._guarded, functools.partial(what, uri))

    def _guarded(self, what: Callable[[], object]) -> None:
        try:
            what()
        except Exception as error:  # noqa: BLE001 - an editor must not lose its server
            self._complain(f"{type(error).__name__}: {error}")

    def guarded(self, handler: Callable[P, R]) -> Callable[P, R | None]:
        """Wrap a handler, so that a failure is logged and answered with nothing."""

        def call(*args: P.args, **kwargs: P.kwargs) -> R | None:
            try:
                return handler(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - an editor must not lose its server
                self._complain(f"{type(error).__name__}: {error}")
                return None

        return call

    def _complain(self, message: str) -> None:
        self.window_log_message(types.LogMessageParams(types.MessageType.Error, f"dagflow: {message}"))
