"""Compile a text against the catalog of a host."""

from __future__ import annotations

from typing import Protocol, cast

from dagflow.actions.catalog import Catalog
from dagflow.errors import UsageError
from dagflow.lang.check.imports import Sources
from dagflow.lang.compiler import Compilation, compile_text
from dagflow.lang.limits import Limits
from dagflow.model.action import Interface


class HasInterface(Protocol):
    """Whatever offers actions to flows; `dagflow.Catalog` is one."""

    @property
    def interface(self) -> Interface:
        """The signatures."""
        ...


def compile(  # noqa: A001 - the word of the API
    text: str,
    *,
    catalog: HasInterface | None = None,
    filename: str = "<flow>",
    limits: Limits | None = None,
    sources: Sources | None = None,
) -> Compilation:
    """Compile the flows of a text. Whatever the text contains, this returns.

    Args:
        text: of a `.flow` file.
        catalog: the actions, events and types a flow may use beside those it declares itself; the built-in ones if not given.
        filename: what messages call the text.
        limits: how large a flow may be; those of the language if not given.
        sources: the files that the text may `import`: texts by their paths, or a function that returns the text of a path, None for one
            there is none of. Paths have `/` and no `.` or `..` in them. They are read from the place of `filename` if that is such a path as well,
            else as if the text stood beside them all. Nothing is read from a disk unless the host does that.

    Returns:
        The flows and everything there is to say about the text.

    Raises:
        UsageError: `text` is no string; or `catalog` is omitted, and a setting of the built-in one in the environment is wrong.
    """
    if not isinstance(cast("object", text), str):
        raise UsageError(f"`text` must be a string; got {type(text).__name__}")
    offered = Catalog.builtin() if catalog is None else catalog
    return compile_text(text, offered.interface, filename=filename, limits=limits, sources=sources)
