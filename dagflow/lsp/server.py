"""The server: which requests there are, and when a text is looked at again.

Theory. Everything happens in one thread, one message after the other. A change only notes the new text; it is looked at once all
messages that have already come are read, so that a burst of keys costs one compilation, and that of the last of them. What is said first
may be a guess (`ide.analysis`); when nothing has come for a while it is settled. Requests that ask about a text look at it first.
Whatever goes wrong in a request is logged and answered with nothing: an editor never loses its server to a text.
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

#: With nothing typed for so long, the text is looked at with all that the compiler has.
_SETTLE_S: Final = 0.25
#: Looking at a text waits for a pause as long as it took longer than this the last time, but no longer than that.
_QUICK_NS: Final = 150_000_000
_LONGEST_WAIT_S: Final = 0.3
#: Texts that are looked at before memory is tidied up although nobody pauses.
_MOST_LOOKS: Final = 100

P = ParamSpec("P")
R = TypeVar("R")


class FlowServer(LanguageServer):
    """The language server. `load`: gives what the host declares, again whenever it may have changed."""

    def __init__(self, load: Callable[[], Interface]) -> None:
        super().__init__("dagflow", version("dagflow"), types.TextDocumentSyncKind.Full)  # pyright: ignore[reportUnknownMemberType]
        self.documents = Documents(load, self._complain)
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._took_ns: dict[str, int] = {}
        #: Since memory was tidied up.
        self._n_looks = 0

    def begin(self) -> None:
        """Count columns as it was agreed on, and tidy up memory at moments of our own."""
        # Each key makes a hundred thousand objects that replace as many. Looking through them for cycles is a sixth of the time until
        # the answer; it is done when nobody waits for one.
        gc.disable()
        gc.collect()
        gc.freeze()
        self.documents.encoding = Encoding(
            str(getattr(self.workspace.position_encoding, "value", self.workspace.position_encoding))
        )

    def opened(self, uri: str, text: str, number: int) -> None:
        """A text was opened."""
        self.documents.open(uri, text, number)
        self.look(uri)

    def changed(self, uri: str, text: str, number: int) -> None:
        """A text was changed; it is looked at when all that has come is read."""
        document = self.documents.get(uri)
        if document is None:
            self.opened(uri, text, number)
            return
        document.text, document.version = text, number
        delay = min(_LONGEST_WAIT_S, max(0, self._took_ns.get(uri, 0) - _QUICK_NS) / 1e9)
        self._later(uri, delay, self.look)

    def closed(self, uri: str) -> None:
        """A text was closed: nothing is said of it any longer."""
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()
        self._took_ns.pop(uri, None)
        self.documents.close(uri)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def look(self, uri: str) -> None:
        """Look at a text and say what is wrong with it."""
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
        """Look at a text with all that the compiler has, and at those that import it."""
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
        """Free what is in cycles and not reached any more."""
        self._n_looks = 0
        gc.collect()

    def reload(self) -> None:
        """What the host declares, or files on the disk, may have changed."""
        self._guarded(self.documents.reload)
        for document in self.documents:
            self._guarded(document.analyst.settle)
            self.tell(document)

    def tell(self, document: Document) -> None:
        """Say what is wrong with a text."""
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
        """A handler that answers with nothing where it fails, and says so in the log."""

        def call(*args: P.args, **kwargs: P.kwargs) -> R | None:
            try:
                return handler(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - an editor must not lose its server
                self._complain(f"{type(error).__name__}: {error}")
                return None

        return call

    def _complain(self, message: str) -> None:
        self.window_log_message(types.LogMessageParams(types.MessageType.Error, f"dagflow: {message}"))
