"""Time slices: after some milliseconds of pure work the driver yields the event loop to other tasks.

Pure work (expressions, values, the items of a loop) awaits nothing, and a flow may have hours of it. So the code that does it asks
`is_short` before each piece, and calls `rest` after the last if it has other things to do as well. Once the slice is long, the work is
put off, and continues after the event loop has been round. Work between a rest and the next piece does not count, and puts off no
other work. Work that must keep its place is a generator, which yields where it may be put off.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final, TypeVar, cast

import attrs
import trio

from dagflow.clock import stopwatch

_Value = TypeVar("_Value")

#: So long one may work before others have their turn.
LONG_NS: Final = 10_000_000


@attrs.define(eq=False)
class TimeSlice:
    """The time since the event loop was round last, and the deferred work.

    Attributes:
        long_ns: how long pure work may take before other tasks run, nanoseconds; LONG_NS if None.
    """

    long_ns: int | None = None

    _token: trio.lowlevel.TrioToken | None = None
    _begun: int = 0
    _rested: int = 0
    #: By whose work it is.
    _waiting: dict[object, Callable[[], None]] = attrs.field(factory=dict)
    _wake: trio.Event = attrs.field(factory=trio.Event)

    def is_short(self) -> bool:
        """Whether there is time for another piece of work."""
        now = stopwatch()
        if not self._begun:
            if self._token is None:
                return True
            self._begun = now
            self._token.run_sync_soon(self._reset, idempotent=True)
        elif self._rested:
            self._begun += now - self._rested
        self._rested = 0
        return now - self._begun < (LONG_NS if self.long_ns is None else self.long_ns)

    def rest(self) -> None:
        """That was the last piece for now."""
        self._rested = stopwatch()

    @property
    def is_idle(self) -> bool:
        """Whether no work is deferred."""
        return not self._waiting

    def put_off(self, who: object, go_on: Callable[[], None]) -> None:
        """There is more to do for that one, once others had their turn."""
        self._waiting[who] = go_on
        self._wake.set()

    async def run(self) -> None:
        """Resume the deferred work, one piece after another, for ever."""
        self._token = trio.lowlevel.current_trio_token()
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            while self._waiting:
                await trio.lowlevel.checkpoint()
                # All others had their turn, so this is a new stretch: one goes on, and as many more as there is time for.
                self._reset()
                self._waiting.pop(next(iter(self._waiting)))()
                while self._waiting and self.is_short():
                    self._waiting.pop(next(iter(self._waiting)))()

    def _reset(self) -> None:
        self._begun = 0


async def in_turns(pieces: Generator[object, None, _Value]) -> _Value:
    """Do the work; others have their turn wherever it yields."""
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            return cast("_Value", done.value)
        await trio.lowlevel.checkpoint()
