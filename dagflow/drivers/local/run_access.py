"""Getting hold of suspended runs, off the event loop."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Final

import attrs
import trio

from dagflow.drivers.local.activation import ActivationConfig
from dagflow.drivers.local.group_commit import Writer
from dagflow.drivers.local.interface import Driver
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.ids import RunId
from dagflow.model.status import RunStatus
from dagflow.store.api import RunRow

#: Runs that are read before other tasks get their turn.
_AT_ONCE: Final = 20


@attrs.frozen(eq=False)
class Holding:
    """Reads suspended runs for callers that want a handle; a run that is driven or held already is returned as it is.

    `asleep`: the held suspended runs. `reading`: collects the runs that are driven while others are read. `is_open`: whether runs can be suspended.
    """

    _driver: Driver
    _writer: Writer
    _activation: ActivationConfig
    _asleep: MutableMapping[RunId, LoadedRun]
    _reading: Callable[[], AbstractContextManager[set[RunId]]]
    _is_open: Callable[[], bool]

    async def hold(self, rows: Sequence[RunRow]) -> list[LoadedRun]:
        """Those of these runs that are suspended. Those that are blocked are reported to `on_blocked`. Raises StoreError."""
        held: list[LoadedRun] = []
        wanted = [row for row in rows if row.status is RunStatus.SLEEPING and not row.parent] if self._is_open() else []
        for first in range(0, len(wanted), _AT_ONCE):
            some = wanted[first : first + _AT_ONCE]
            with self._reading() as changed:
                found = await self._writer.reading(partial(self._activation.load, some))
            for row, live in zip(some, found, strict=True):
                known = self._driver.loaded_runs.get(row.id) or self._asleep.get(row.id)
                if known is not None:
                    held.append(known)
                elif not isinstance(live, LoadedRun):
                    self._activation.on_blocked(row.id, live)
                elif row.id not in changed and not live.progress.is_ended:
                    live.is_asleep = True
                    held.append(self._asleep.setdefault(live.run, live))
            await trio.lowlevel.checkpoint()
        return held

    async def hold_one(self, run: RunId) -> LoadedRun | None:
        """The same of one, by its id. Raises StoreError."""
        row = await self._writer.reading(partial(self._writer.store.run, run))
        held = [] if row is None else await self.hold([row])
        return held[0] if held else None
