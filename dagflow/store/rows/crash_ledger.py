"""The rows about crashes: who was being driven, and which runs are suspected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dagflow.ids import RunId
from dagflow.store.api import CrashSuspect, DriverState
from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.values import Execute, Read, Row

SELECT_DRIVING: Final = "SELECT is_open, is_whole, since, checksum FROM driving"
SELECT_SUSPECTS: Final = "SELECT run, n_crashes, n_outcomes, is_tried, checksum FROM suspect ORDER BY run"
#: The meaning of the column `is_tried`, if it is not 0.
_TRIED, _HELD = 1, 2
_SET_DRIVING: Final = """
    INSERT INTO driving (one, is_open, is_whole, since, checksum) VALUES (1, ?, ?, ?, ?) ON CONFLICT (one)
    DO UPDATE SET is_open = excluded.is_open, is_whole = excluded.is_whole, since = excluded.since, checksum = excluded.checksum"""
_SET_SUSPECT: Final = """
    INSERT INTO suspect (run, n_crashes, n_outcomes, is_tried, checksum) VALUES (?, ?, ?, ?, ?) ON CONFLICT (run)
    DO UPDATE SET n_crashes = excluded.n_crashes, n_outcomes = excluded.n_outcomes, is_tried = excluded.is_tried,
        checksum = excluded.checksum"""
_CLEAR_SUSPECT: Final = "DELETE FROM suspect WHERE run = ?"


def read_driving(found: Sequence[Row]) -> DriverState | None:
    """Return the state that the last driver recorded; None if it is damaged."""
    if not found:
        return DriverState()
    is_open, is_whole, since, stored = found[0]
    if stored != checksum(None, is_open, is_whole, since):
        return None
    return DriverState(is_open=bool(is_open), is_whole=bool(is_whole), since=str(since))


def read_suspect(row: Row) -> CrashSuspect | None:
    """Return a suspect; None if it is damaged."""
    run, n_crashes, n_outcomes, is_tried, stored = row
    if stored != checksum(None, run, n_crashes, n_outcomes, is_tried):
        return None
    return CrashSuspect(
        run=RunId(str(run)),
        n_crashes=int(str(n_crashes)),
        n_outcomes=int(str(n_outcomes)),
        is_tried=is_tried == _TRIED,
        is_held=is_tried == _HELD,
    )


def problems_of(read: Read) -> list[str]:
    """Return the problems of these rows; `read` runs a query."""
    problems = [] if read_driving(read(SELECT_DRIVING)) else ["the row about its driver is not what was written"]
    damaged = [row[0] for row in read(SELECT_SUSPECTS) if read_suspect(row) is None]
    return problems + [f"what it has about crashes of run {run!r} is not what was written" for run in damaged]


def write_driving(execute: Execute, driving: DriverState) -> None:
    """Store the state of a driver."""
    values = (int(driving.is_open), int(driving.is_whole), driving.since)
    execute(_SET_DRIVING, (*values, checksum(None, *values)))


def write_suspects(execute: Execute, suspects: Sequence[CrashSuspect]) -> None:
    """Keep these, or forget them if there is nothing left to say."""
    for suspect in suspects:
        if suspect.n_crashes or suspect.is_tried:
            state = _TRIED if suspect.is_tried else _HELD if suspect.is_held else 0
            values = (suspect.run, suspect.n_crashes, suspect.n_outcomes, state)
            execute(_SET_SUSPECT, (*values, checksum(None, *values)))
        else:
            execute(_CLEAR_SUSPECT, (suspect.run,))
