"""How long the driver has kept the event loop: after some milliseconds of pure work everybody else gets a turn.

Pure work (expressions, values, the items of a loop) awaits nothing, and a flow may have hours of it. So whoever does it asks `is_short`
between two pieces; once the stretch is long, the run is put off, and goes on after the event loop has been round.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import trio

from dagflow.clock import stopwatch
from dagflow.drivers.local.loaded_run import Live

_LONG_NS: Final = 10_000_000


@attrs.define(eq=False)
class Stretch:
    """The time since the event loop was round last, and the runs that are put off until then.

    Attributes:
        go_on: lets a run that was put off go on.
    """

    go_on: Callable[[Live], None]
    _token: trio.lowlevel.TrioToken | None = None
    _begun: int = 0
    _waiting: dict[Live, None] = attrs.field(factory=dict[Live, None])
    _wake: trio.Event = attrs.field(factory=trio.Event)

    def is_short(self) -> bool:
        """Whether there is time for another piece of work."""
        now = stopwatch()
        if not self._begun:
            if self._token is None:
                return True
            self._begun = now
            self._token.run_sync_soon(self._reset, idempotent=True)
        return now - self._begun < _LONG_NS

    @property
    def is_idle(self) -> bool:
        """Whether no run is put off."""
        return not self._waiting

    def put_off(self, live: Live) -> None:
        """The run has more to do, once others had their turn."""
        self._waiting[live] = None
        self._wake.set()

    async def run(self) -> None:
        """Let runs go on that were put off, one after another, for ever."""
        self._token = trio.lowlevel.current_trio_token()
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            while self._waiting:
                await trio.lowlevel.checkpoint()
                live = next(iter(self._waiting))
                del self._waiting[live]
                self.go_on(live)

    def _reset(self) -> None:
        self._begun = 0
