"""The texts that editors have open: each with an analyst, which compiles the next version of a text much faster than the first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final, TypeVar

import anyio
import anyio.to_thread
import attrs

from dagflow.ide.analysis import Analyst
from dagflow.ide.positions import Encoding
from dagflow.lang.limits import Limits
from dagflow.model.action import Interface

_Value = TypeVar("_Value")
#: Texts that stay open; of the others the next request compiles the whole text.
_MOST: Final = 32
#: Threads in which texts are compiled, so that the loop that drives runs goes on.
_MOST_THREADS: Final = 2


@attrs.define(eq=False)
class OpenText:
    """A text that an editor has open. One thread at a time uses its analyst."""

    analyst: Analyst
    lock: Lock = attrs.field(factory=Lock)


@attrs.define(eq=False)
class Desk:
    """The open texts, by the credential and the name of the text."""

    _texts: OrderedDict[tuple[str, ...], OpenText] = attrs.field(factory=OrderedDict[tuple[str, ...], OpenText], init=False)
    _threads: anyio.CapacityLimiter | None = attrs.field(default=None, init=False)

    def open(self, key: tuple[str, ...], interface: Interface, limits: Limits | None) -> OpenText:
        """Return the open text of that key; a new one if there is none, or if the key has no name."""
        found = self._texts.pop(key, None) if key[-1] else None
        if found is None or found.analyst.interface is not interface:
            # Offsets of requests are code points, as those of Python are.
            found = OpenText(Analyst(interface, limits=limits, encoding=Encoding.UTF32))
        if key[-1]:
            self._texts[key] = found
            if len(self._texts) > _MOST:
                self._texts.popitem(last=False)
        return found

    async def run(self, work: Callable[[], _Value]) -> _Value:
        """Do pure work in a thread; raises as the work does."""
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(_MOST_THREADS)
        return await anyio.to_thread.run_sync(work, limiter=self._threads)
