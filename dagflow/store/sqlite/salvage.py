"""Setting damaged rows aside, so that the rest of a store is as it was."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection
from functools import partial
from typing import Final

import apsw

from dagflow.ids import RunId
from dagflow.store.rows import crash_ledger, retention, runs, start_ids, waits
from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.values import Read, Row, Value
from dagflow.store.sqlite.connection import execute
from dagflow.store.sqlite.texts import as_texts, in_bytes

_FAMILY: Final = "SELECT key FROM run WHERE id = ?1 OR (id > ?1 || '/' AND id < ?1 || '0')"
_ORPHANS: Final = """
    SELECT key FROM run
    WHERE parent NOT IN ('', '~') AND NOT EXISTS (SELECT 1 FROM run AS whole WHERE whole.id = run.parent)"""
#: What there is of a run, by table. Texts as bytes, since they may be none.
_KEPT: Final = {
    "run": """SELECT CAST(id AS BLOB), CAST(tenant AS BLOB), CAST(flow AS BLOB), CAST(digest AS BLOB), created_at, CAST(parent AS BLOB),
        CAST(status AS BLOB), ended_at, due_at FROM run WHERE key = ?""",
    "flow": "SELECT flow.body FROM flow JOIN run USING (digest) WHERE run.key = ?",
    "history": """SELECT seq, at, CAST(kind AS BLOB), CAST(node AS BLOB), attempt, payload FROM history WHERE run = ? ORDER BY seq""",
    "bodies": "SELECT body.name, body.body FROM body JOIN body_use ON body_use.body = body.key WHERE body_use.run = ?",
}
_REMOVED: Final = (
    "UPDATE request SET stage = 'ended' WHERE run = (SELECT id FROM run WHERE key = ?) AND stage = 'running'",
    "DELETE FROM suspect WHERE run = (SELECT id FROM run WHERE key = ?)",
    "DELETE FROM blocked WHERE run = (SELECT id FROM run WHERE key = ?)",
    "DELETE FROM start WHERE run = ?",
    "DELETE FROM wait WHERE run = ?",
    "DELETE FROM body_use WHERE run = ?",
    "DELETE FROM history WHERE run = ?",
    "DELETE FROM run WHERE key = ?",
)
_STRAY: Final = (
    "DELETE FROM history WHERE NOT EXISTS (SELECT 1 FROM run WHERE run.key = history.run)",
    "DELETE FROM wait WHERE NOT EXISTS (SELECT 1 FROM run WHERE run.key = wait.run)",
    "DELETE FROM body_use WHERE NOT EXISTS (SELECT 1 FROM run WHERE run.key = body_use.run)",
    "DELETE FROM body WHERE NOT EXISTS (SELECT 1 FROM body_use WHERE body_use.body = body.key)",
    """DELETE FROM flow WHERE NOT EXISTS (SELECT 1 FROM run WHERE run.digest = flow.digest)
        AND NOT EXISTS (SELECT 1 FROM published WHERE published.digest = flow.digest)
        AND NOT EXISTS (SELECT 1 FROM request WHERE request.digest = flow.digest)""",
)
_EVENT: Final = """
    SELECT number, CAST(tenant AS BLOB), CAST(id AS BLOB), CAST(name AS BLOB), at, payload, CAST(run AS BLOB)
    FROM event WHERE number = ?"""
_BLANK_EVENT: Final = """
    UPDATE event SET tenant = '', id = ?1, name = '~', at = 0, payload = ?2, run = '', hops = 0, checksum = ?3 WHERE number = ?4"""


def salvage(connection: apsw.Connection, damaged: Collection[RunId], keep: Callable[[dict[str, object]], None]) -> list[str]:
    """See `SqliteStore.salvage`; inside of a transaction."""
    read = partial(_read, connection)
    keys = [row[0] for run in damaged for row in execute(connection, _FAMILY, (run,))]
    while True:
        for key in dict.fromkeys(keys):
            keep(
                {
                    table: [[_plain(value) for value in row] for row in execute(connection, query, (key,))]
                    for table, query in _KEPT.items()
                }
            )
            for statement in _REMOVED:
                execute(connection, statement, (key,))
        # A child run whose parent was not to be recognised has lost it by now.
        keys = [row[0] for row in execute(connection, _ORPHANS)]
        if not keys:
            break
    for statement in _STRAY:
        execute(connection, statement)
    return [*_events(connection, keep), *_lookups(connection, read)]


def _events(connection: apsw.Connection, keep: Callable[[dict[str, object]], None]) -> list[str]:
    """An event keeps its number, so that later ones have others; its payload is removed, and no run waits for its new name."""
    damaged = retention.damaged_events(partial(_read, connection))
    for number in damaged:
        keep({"event": [[_plain(value) for value in row] for row in execute(connection, _EVENT, (number,))]})
        blank, payload = f"~{number}", b"null"
        execute(connection, _BLANK_EVENT, (blank, payload, checksum(payload, number, "", blank, "~", 0, "", 0), number))
    return [f"event number {number}" for number in damaged]


def _lookups(connection: apsw.Connection, read: Read) -> list[str]:
    """Remove damaged rows of indexes; the runs they may have been about are checked at every event."""
    done: list[str] = []
    if _is_damaged(lambda: crash_ledger.problems_of(read)):
        execute(connection, "DELETE FROM driving")
        execute(connection, "DELETE FROM suspect")
        done.append("what it had about crashes")
    if _is_damaged(lambda: start_ids.problems_of(read)):
        execute(connection, "DELETE FROM start")
        done.append("the ids that starts were given")
    if _is_damaged(lambda: waits.problems_of(read)):
        execute(connection, "DELETE FROM wait")
        execute(connection, waits.WAIT_FOR_ALL)
        done.append("what runs wait for, which is found again")
    return done


def _is_damaged(problems_of: Callable[[], list[str]]) -> bool:
    try:
        return bool(problems_of())
    except UnicodeDecodeError:
        return True


def _read(connection: apsw.Connection, query: str, *values: Value) -> list[Row]:
    try:
        return execute(connection, query, values)
    except UnicodeDecodeError:
        return [as_texts(row, runs.EVENT_COLUMNS) for row in execute(connection, in_bytes(query), values)]


def _plain(value: Value) -> object:
    """As JSON: bytes as the text they are, if they are one."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
