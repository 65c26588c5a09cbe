"""The texts that an editor has open, each with its analyst, and the files beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs
from pygls import uris

from dagflow.errors import DagflowError
from dagflow.ide.analysis import Analysis, Analyst
from dagflow.ide.positions import Encoding
from dagflow.lang.check.imports import resolved
from dagflow.lang.limits import SOURCE_CHARS
from dagflow.lang.syntax import tree as s
from dagflow.model.action import Interface

#: Bytes that are read of an imported file: more than a text of the greatest size can have.
_MOST_BYTES: Final = 4 * SOURCE_CHARS


@attrs.define(eq=False)
class Document:
    """An open text.

    Attributes:
        path: its file; None for a text without a file.
    """

    uri: str
    text: str
    version: int
    path: Path | None
    analyst: Analyst

    def analysis(self) -> Analysis:
        """Return the analysis of the present text."""
        return self.analyst.update(self.text)

    def imports(self) -> Iterator[Path]:
        """The files it imports itself."""
        current = self.analyst.current
        if current is None or self.path is None:
            return
        for item in current.file.items:
            wanted = resolved(self.path.name, item.path.value) if isinstance(item, s.ImportDecl) else None
            if wanted is not None:
                yield (self.path.parent / wanted).resolve()


class Documents:
    """All open texts. `load` returns the host's declarations; `complain` reports the errors that it raises."""

    def __init__(self, load: Callable[[], Interface], complain: Callable[[str], None]) -> None:
        self._load = load
        self._complain = complain
        self._open: dict[str, Document] = {}
        self._interface: Interface | None = None
        self.encoding = Encoding.UTF16

    def __iter__(self) -> Iterator[Document]:
        return iter(self._open.values())

    def get(self, uri: str) -> Document | None:
        """An open text, or None."""
        return self._open.get(uri)

    def open(self, uri: str, text: str, version: int) -> Document:
        """Open a text."""
        name = uris.to_fs_path(uri) if uri.startswith("file:") else None
        path = Path(name) if name else None
        filename = path.name if path is not None else "<flow>"
        sources = None if path is None else self._beside(path.parent)
        analyst = Analyst(self.interface(), filename=filename, sources=sources, encoding=self.encoding)
        self._open[uri] = Document(uri, text, version, path, analyst)
        return self._open[uri]

    def close(self, uri: str) -> None:
        """Close a text."""
        self._open.pop(uri, None)

    def interface(self) -> Interface:
        """Return the host's declarations; none, once loading them failed."""
        if self._interface is None:
            try:
                self._interface = self._load()
            except DagflowError as error:
                self._complain(str(error))
                self._interface = Interface()
        return self._interface

    def reload(self) -> None:
        """Load the host's declarations again, since they may have changed."""
        self._interface = None
        interface = self.interface()
        for document in self:
            document.analyst.interface = interface
            document.analyst.refresh()

    def importing(self, document: Document) -> list[Document]:
        """The open texts that import a text, compiled again."""
        if document.path is None:
            return []
        path = document.path.resolve()
        found = [each for each in self if each is not document and path in each.imports()]
        for each in found:
            each.analyst.refresh()
        return found

    def _beside(self, directory: Path) -> Callable[[str], str | None]:
        """The files in a directory and below, as they are in the editor, else as they are on the disk."""

        def text_of(wanted: str) -> str | None:
            path = directory / wanted
            for document in self:
                if document.path == path:
                    return document.text
            try:
                # A link may lead anywhere; only its target counts.
                if not path.is_file() or not path.resolve().is_relative_to(directory.resolve()):
                    return None
                with path.open("rb") as file:
                    data = file.read(_MOST_BYTES + 1)
                return data.decode("utf-8-sig") if len(data) <= _MOST_BYTES else None
            except (OSError, UnicodeDecodeError):
                return None

        return text_of
