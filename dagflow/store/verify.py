"""Read everything in a store, to check that it is intact."""

from __future__ import annotations

from collections.abc import Iterator

from dagflow.errors import StoreError
from dagflow.ids import RunId
from dagflow.store.api import RunRow, Store

_PAGE = 500


def verify_store(store: Store) -> list[str]:
    """Everything that is wrong, in words; the meaning of events is not looked into, only that they are all there as they were written."""
    problems: list[str] = []
    try:
        problems += store.problems()
        if not problems:  # a damaged event is one of them
            problems += _events(store)
        for row in every_run(store):
            problems += _run(store, row)
    except StoreError as error:
        problems.append(str(error))
    return problems


def every_run(store: Store, parent: str = "") -> Iterator[RunRow]:
    """Rows of all runs, each before its parts. Raises StoreError."""
    before: RunId | None = None
    while rows := store.runs(limit=_PAGE, before=before, parent=parent):
        before = rows[-1].id
        for row in rows:
            yield row
            yield from every_run(store, row.id)


def _run(store: Store, row: RunRow) -> list[str]:
    problems = [f"run {row.id}: {row.problem}"] if row.problem else []
    try:
        store.history(row.id)
        if store.flow(row.digest) is None:
            problems.append(f"run {row.id} has a flow that is not there")
        if not row.problem and row.status.is_terminal != (row.ended_at is not None):
            problems.append(f"run {row.id} is {row.status}, and its end is {row.ended_at}")
    except StoreError as error:
        problems.append(str(error))
    return problems


def _events(store: Store) -> list[str]:
    after = 0
    while events := store.events(after=after, limit=_PAGE):
        after = events[-1].number
    return [] if after == store.last_event() else [f"the last event is {store.last_event()}, events end with {after}"]
