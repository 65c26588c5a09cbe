"""Garbage collection while making many objects: without repeated scans."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import attrs

#: The surplus of new objects over dropped ones that starts a search for cycles.
_MANY: Final = 100_000


@contextmanager
def without_collecting() -> Generator[None]:
    """Collect no cycles inside: for work that makes many objects and keeps nearly all of them.

    A compiler or a reader makes trees that grow. Each time they have grown by a quarter, the collector scans all of them for
    cycles that are not there, which takes a fifth of the time of a large flow. Reference counting frees dropped objects.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@attrs.define(eq=False)
class RareGc:
    """Collect cycles less often while many objects come and go: for long work, beside which other work may run.

    The collector scans the new objects for every 700 more, though all may be temporary. A GC threshold that the host
    application set is never overwritten, even if it changes meanwhile.
    """

    _before: tuple[int, int, int] | None = None

    def begin(self) -> None:
        """Collect less often from now on."""
        young, *older = before = gc.get_threshold()
        if self._before is None and 0 < young < _MANY:
            self._before = before
            gc.set_threshold(_MANY, *older)

    def end(self) -> None:
        """Restore the threshold."""
        if self._before is not None and gc.get_threshold() == (_MANY, *self._before[1:]):
            gc.set_threshold(*self._before)
        self._before = None
