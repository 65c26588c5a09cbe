"""The rows about blocked runs: which ones the last driver could not drive, why, and with which traceback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dagflow.ids import RunId
from dagflow.store.api import Blocked
from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.values import Execute, Row

SELECT: Final = "SELECT run, at, reason, trace, checksum FROM blocked ORDER BY run"
_SET: Final = """
    INSERT INTO blocked (run, at, reason, trace, checksum) VALUES (?, ?, ?, ?, ?) ON CONFLICT (run)
    DO UPDATE SET at = excluded.at, reason = excluded.reason, trace = excluded.trace, checksum = excluded.checksum"""
_CLEAR: Final = "DELETE FROM blocked WHERE run = ?"
_DAMAGED: Final = "this reason is damaged; open the interpreter again to see why the run is blocked"


def read(row: Row) -> Blocked:
    """A blocked run. A damaged row still names its run, since nothing is computed from the reason."""
    run, at, reason, trace, stored = row
    if stored != checksum(None, run, at, reason, trace):
        reason, trace = _DAMAGED, ""
    return Blocked(run=RunId(str(run)), at=int(str(at)), reason=str(reason), trace=str(trace))


def write(execute: Execute, blocked: Sequence[Blocked]) -> None:
    """Keep these; one without a reason is blocked no more."""
    for each in blocked:
        if each.reason:
            values = (each.run, each.at, each.reason, each.trace)
            execute(_SET, (*values, checksum(None, *values)))
        else:
            execute(_CLEAR, (each.run,))
