"""Making many objects without the collector looking through them again and again."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import attrs

#: So many objects more than were dropped, before cycles are looked for among them.
_MANY: Final = 100_000


@contextmanager
def without_collecting() -> Generator[None]:
    """No cycles are collected inside: for work that makes many objects, nearly all of which it keeps.

    A compiler or a reader makes trees that grow; each time they have grown by a quarter, the collector looks through all of
    them for cycles that are not there, which is a fifth of the time of a large flow. What is dropped is freed by its count.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@attrs.define(eq=False)
class Seldom:
    """While many objects come and go, cycles are looked for, but seldom; for work that takes long, beside which there may be other.

    The collector looks through what is new whenever there are 700 objects more, though all may be on their way out. What a host has
    chosen for itself, more or none at all, stays as it is, also when it is chosen meanwhile.
    """

    _before: tuple[int, int, int] | None = None

    def begin(self) -> None:
        """Seldom from now on."""
        young, *older = before = gc.get_threshold()
        if self._before is None and 0 < young < _MANY:
            self._before = before
            gc.set_threshold(_MANY, *older)

    def end(self) -> None:
        """As it was before."""
        if self._before is not None and gc.get_threshold() == (_MANY, *self._before[1:]):
            gc.set_threshold(*self._before)
        self._before = None
