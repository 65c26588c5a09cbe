"""The rows about blocked runs: which ones the last driver could not drive, why, and with which traceback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import apsw

from dagflow.ids import RunId
from dagflow.store.api import Blocked
from dagflow.store.sqlite.checksums import checksum
from dagflow.store.sqlite.connection import Value, execute

SELECT: Final = "SELECT run, at, reason, trace, checksum FROM blocked ORDER BY run"
_SET: Final = "INSERT OR REPLACE INTO blocked (run, at, reason, trace, checksum) VALUES (?, ?, ?, ?, ?)"
_CLEAR: Final = "DELETE FROM blocked WHERE run = ?"
_DAMAGED: Final = "this reason is damaged; open the interpreter again to see why the run is blocked"


def read(row: tuple[Value, ...]) -> Blocked:
    """A blocked run. A damaged row still names its run, since nothing is computed from the reason."""
    run, at, reason, trace, stored = row
    if stored != checksum(None, run, at, reason, trace):
        reason, trace = _DAMAGED, ""
    return Blocked(run=RunId(str(run)), at=int(str(at)), reason=str(reason), trace=str(trace))


def write(connection: apsw.Connection, blocked: Sequence[Blocked]) -> None:
    """Keep these; one without a reason is blocked no more."""
    for each in blocked:
        if each.reason:
            values = (each.run, each.at, each.reason, each.trace)
            execute(connection, _SET, (*values, checksum(None, *values)))
        else:
            execute(connection, _CLEAR, (each.run,))
