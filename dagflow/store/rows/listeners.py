"""The rows by which events and time find published flows: listeners and schedules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import attrs

from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.values import Execute, Read, Row
from dagflow.store.service_rows import ListenerRow, PublishedRow, ScheduleRow

_CLEAR: Final = "DELETE FROM listener WHERE tenant = ? AND flow = ?"
_INSERT: Final = """
    INSERT INTO listener (tenant, event, path, key, flow, checksum) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
_ALL: Final = "SELECT tenant, event, path, key, flow, checksum FROM listener"
SELECT: Final = f"{_ALL} WHERE tenant = ? AND event = ?"

_SET_DUE: Final = """
    INSERT INTO schedule (tenant, flow, due_at, checksum) VALUES (?, ?, ?, ?) ON CONFLICT (tenant, flow)
    DO UPDATE SET due_at = excluded.due_at, checksum = excluded.checksum"""
_CLEAR_DUE: Final = "DELETE FROM schedule WHERE tenant = ? AND flow = ?"
_ALL_DUE: Final = "SELECT tenant, flow, due_at, checksum FROM schedule"
SELECT_DUE: Final = f"{_ALL_DUE} WHERE (due_at, tenant, flow) > (?, ?, ?) ORDER BY due_at, tenant, flow LIMIT ?"


def replace(execute: Execute, row: PublishedRow, listeners: Collection[ListenerRow]) -> None:
    """Replace the listeners of a flow."""
    execute(_CLEAR, (row.tenant, row.flow))
    for each in listeners:
        values = (each.tenant, each.event, each.path, each.key, each.flow)
        execute(_INSERT, (*values, checksum(None, *values)))


def read(row: Row) -> ListenerRow:
    """Return a listener. If it is damaged it listens to every event of its name, since the flow itself knows better."""
    tenant, event, path, key, flow, stored = row
    found = ListenerRow(str(event), str(flow), str(path), str(key), str(tenant))
    return found if stored == checksum(None, *row[:-1]) else attrs.evolve(found, path="", key="")


def schedule_values(row: ScheduleRow) -> Row:
    """A schedule that is due: its tenant, flow and instant, and the checksum."""
    values = (row.tenant, row.flow, row.due_at)
    return (*values, checksum(None, *values))


def schedule(execute: Execute, rows: Collection[ScheduleRow]) -> None:
    """Keep when schedules are due next."""
    for row in rows:
        if row.due_at is None:
            execute(_CLEAR_DUE, (row.tenant, row.flow))
        else:
            execute(_SET_DUE, schedule_values(row))


def read_schedules(found: Sequence[Row]) -> list[ScheduleRow]:
    """Return schedules, damaged ones too: each slot asks once, and which slots are due the flow knows."""
    return [ScheduleRow(str(flow), due if isinstance(due, int) else None, str(tenant)) for tenant, flow, due, _ in found]


def problems_of(read_rows: Read) -> list[str]:
    """Return the problems of these rows; `read_rows` runs a query."""
    problems = [
        f"a listener of the flow {row[4]!r} is not what was written"
        for row in read_rows(_ALL)
        if row[-1] != checksum(None, *row[:-1])
    ]
    problems += [
        f"the schedule of the flow {row[1]!r} is not what was written"
        for row in read_rows(_ALL_DUE)
        if row[-1] != checksum(None, *row[:-1])
    ]
    return problems
