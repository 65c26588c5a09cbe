"""The schema, as numbered steps forward. A released step never changes; a change is a new step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apsw

from dagflow.errors import StoreError
from dagflow.store.failpoints import Failpoint, hit
from dagflow.store.sqlite.connection import execute, first_of, header_of

#: Marks the file as ours (`PRAGMA application_id`): the letters "dagf".
APPLICATION_ID: Final = 0x64616766

#: Step n takes schema n to n + 1; each is one transaction that also sets the number (`PRAGMA user_version`).
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        # ---- runs
        "CREATE TABLE flow (digest TEXT PRIMARY KEY, body BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT",
        # `sealed` is the checksum of what never changes, `checksum` that of the rest.
        """CREATE TABLE run (
            key INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            tenant TEXT NOT NULL,
            flow TEXT NOT NULL,
            digest TEXT NOT NULL REFERENCES flow (digest),
            created_at INTEGER NOT NULL,
            parent TEXT NOT NULL,
            sealed INTEGER NOT NULL,
            status TEXT NOT NULL,
            ended_at INTEGER,
            due_at INTEGER,
            checksum INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX run_whole ON run (id) WHERE parent = ''",
        "CREATE INDEX run_tenant ON run (tenant, id) WHERE parent = ''",
        # An `IN` of three and more makes a table in memory at each change of a row, so no condition of an index has one.
        "CREATE INDEX run_unfinished ON run (id) WHERE parent = '' AND ended_at IS NULL",
        "CREATE INDEX run_tenant_unfinished ON run (tenant, id) WHERE parent = '' AND ended_at IS NULL",
        # Suspended runs are only here: they are found by their due timestamp, and by their subscriptions.
        "CREATE INDEX run_awake ON run (id) WHERE parent = '' AND status IN ('queued', 'running')",
        "CREATE INDEX run_due ON run (due_at, id) WHERE parent = '' AND status = 'sleeping'",
        # Runs that are part of another one: of a loop's item, or of a flow that is called.
        "CREATE INDEX run_parent ON run (parent) WHERE parent != ''",
        # For removing old data: runs by their end, and unused flows.
        "CREATE INDEX run_ended ON run (ended_at) WHERE parent = '' AND ended_at IS NOT NULL",
        "CREATE INDEX run_digest ON run (digest)",
        # Events that are written together are one row; see `packing`. The last row of a run has the number of its events: an append names the
        # length it builds on, and changes nothing at any other.
        """CREATE TABLE history (
            run INTEGER NOT NULL REFERENCES run (key),
            seq INTEGER NOT NULL,
            at INTEGER NOT NULL,
            kind TEXT NOT NULL,
            node TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            payload BLOB,
            checksum INTEGER NOT NULL,
            PRIMARY KEY (run, seq)
        ) STRICT, WITHOUT ROWID""",
        # Large payloads are stored once, with the runs that use them.
        "CREATE TABLE body (key INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, body BLOB NOT NULL) STRICT",
        """CREATE TABLE body_use (
            run INTEGER NOT NULL REFERENCES run (key),
            body INTEGER NOT NULL REFERENCES body (key),
            PRIMARY KEY (run, body)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX body_used ON body_use (body)",
        # What callers call their starts.
        """CREATE TABLE start (
            tenant TEXT NOT NULL,
            id TEXT NOT NULL,
            run INTEGER NOT NULL REFERENCES run (key),
            content BLOB NOT NULL,
            checksum INTEGER NOT NULL,
            PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX start_run ON start (run)",
        # ---- events
        # The events that runs may be waiting for: sent from outside, or emitted by a run. `hops`: how many flows started one another.
        """CREATE TABLE event (
            number INTEGER PRIMARY KEY,
            tenant TEXT NOT NULL,
            id TEXT NOT NULL,
            name TEXT NOT NULL,
            at INTEGER NOT NULL,
            payload BLOB NOT NULL,
            run TEXT NOT NULL,
            hops INTEGER NOT NULL,
            checksum INTEGER NOT NULL,
            UNIQUE (tenant, id)
        ) STRICT""",
        "CREATE INDEX event_name ON event (tenant, name, number)",
        """CREATE TABLE wait (
            tenant TEXT NOT NULL,
            event TEXT NOT NULL,
            path TEXT NOT NULL,
            key TEXT NOT NULL,
            run INTEGER NOT NULL REFERENCES run (key),
            checksum INTEGER NOT NULL,
            PRIMARY KEY (tenant, event, path, key, run)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX wait_run ON wait (run)",
        "CREATE TABLE handed (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT",
        # ---- the driver
        # Who was being driven when the process crashed, and which runs may be the cause.
        """CREATE TABLE driving (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            is_open INTEGER NOT NULL,
            is_whole INTEGER NOT NULL,
            since TEXT NOT NULL,
            checksum INTEGER NOT NULL
        ) STRICT""",
        """CREATE TABLE suspect (
            run TEXT PRIMARY KEY,
            n_crashes INTEGER NOT NULL,
            n_outcomes INTEGER NOT NULL,
            is_tried INTEGER NOT NULL,
            checksum INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        # Blocked runs, and why, for readers of the store that do not drive it.
        """CREATE TABLE blocked (
            run TEXT PRIMARY KEY,
            at INTEGER NOT NULL,
            reason TEXT NOT NULL,
            trace TEXT NOT NULL,
            checksum INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        # Whether the file means nothing without the log beside it; see `wal_guard`.
        "CREATE TABLE log (one INTEGER PRIMARY KEY CHECK (one = 1), is_needed INTEGER NOT NULL) STRICT",
        "INSERT INTO log VALUES (1, 0)",
        # ---- the service: published flows, what starts them, requests for runs, their claims, and the trigger offset
        """CREATE TABLE published (
            tenant TEXT NOT NULL,
            flow TEXT NOT NULL,
            number INTEGER NOT NULL,
            digest TEXT NOT NULL REFERENCES flow (digest),
            state TEXT NOT NULL,
            at INTEGER NOT NULL,
            author TEXT NOT NULL,
            comment TEXT NOT NULL,
            manifest BLOB NOT NULL,
            text TEXT NOT NULL,
            checksum INTEGER NOT NULL,
            PRIMARY KEY (tenant, flow, number)
        ) STRICT""",
        "CREATE INDEX published_digest ON published (digest)",
        """CREATE TABLE listener (
            tenant TEXT NOT NULL,
            event TEXT NOT NULL,
            path TEXT NOT NULL,
            key TEXT NOT NULL,
            flow TEXT NOT NULL,
            checksum INTEGER NOT NULL,
            PRIMARY KEY (tenant, event, path, key, flow)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX listener_flow ON listener (tenant, flow)",
        """CREATE TABLE schedule (
            tenant TEXT NOT NULL,
            flow TEXT NOT NULL,
            due_at INTEGER NOT NULL,
            checksum INTEGER NOT NULL,
            PRIMARY KEY (tenant, flow)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX schedule_due ON schedule (due_at, tenant, flow)",
        # `stage` goes from running to ended with the run; the checksum takes the two for one.
        """CREATE TABLE request (
            tenant TEXT NOT NULL,
            flow TEXT NOT NULL,
            id TEXT NOT NULL,
            digest TEXT NOT NULL REFERENCES flow (digest),
            at INTEGER NOT NULL,
            not_before INTEGER NOT NULL,
            stage TEXT NOT NULL,
            since INTEGER NOT NULL,
            keys BLOB NOT NULL,
            priority INTEGER NOT NULL,
            accepted_at INTEGER NOT NULL,
            run TEXT NOT NULL,
            reason TEXT NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            event INTEGER NOT NULL,
            hops INTEGER NOT NULL,
            input BLOB NOT NULL,
            checksum INTEGER NOT NULL,
            PRIMARY KEY (tenant, flow, id)
        ) STRICT""",
        "CREATE INDEX request_at ON request (tenant, flow, at, event, id)",
        """CREATE INDEX request_unsettled ON request (at, event, id, tenant, flow)
            WHERE (stage = 'delayed' OR stage = 'debounced' OR stage = 'waiting' OR stage = 'running')""",
        "CREATE INDEX request_settled ON request (max(at, since, accepted_at)) WHERE (stage = 'ended' OR stage = 'dropped' OR stage = 'superseded')",
        "CREATE INDEX request_begun ON request (tenant, flow, since) WHERE run != ''",
        "CREATE INDEX request_accepted ON request (tenant, flow, accepted_at) WHERE accepted_at > 0",
        "CREATE INDEX request_run ON request (run) WHERE stage = 'running'",
        "CREATE INDEX request_event ON request (event) WHERE event > 0",
        "CREATE INDEX request_digest ON request (digest)",
        """CREATE TABLE claim (
            tenant TEXT NOT NULL,
            flow TEXT NOT NULL,
            key TEXT NOT NULL,
            until INTEGER,
            checksum INTEGER NOT NULL,
            PRIMARY KEY (tenant, flow, key)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX claim_until ON claim (until) WHERE until IS NOT NULL",
        "CREATE TABLE looked (one INTEGER PRIMARY KEY CHECK (one = 1), event INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT",
    ),
)


def migrate(connection: apsw.Connection, path: str, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring a database to the newest schema; each step happens whole or not at all.

    Raises:
        StoreError: the file belongs to another program, or to a newer dagflow.
        apsw.Error: a step failed.
    """
    version = _known_version(connection, path, migrations)
    for number, statements in enumerate(migrations[version:], start=version + 1):
        execute(connection, "BEGIN IMMEDIATE")
        try:
            for statement in statements:
                execute(connection, statement)
            # A PRAGMA takes no parameters; both values are ours and whole numbers.
            execute(connection, f"PRAGMA application_id = {APPLICATION_ID:d}")
            execute(connection, f"PRAGMA user_version = {number:d}")
            hit(Failpoint.MIGRATING)
            execute(connection, "COMMIT")
        except apsw.Error:
            if connection.in_transaction:
                execute(connection, "ROLLBACK")
            raise


def check_newest(connection: apsw.Connection, path: str) -> None:
    """Refuse a database that has to be migrated before it can be read.

    Raises:
        StoreError: it belongs to another program, to a newer dagflow, or to an older one.
        apsw.Error: it cannot be read.
    """
    version = _known_version(connection, path, MIGRATIONS)
    if version < len(MIGRATIONS):
        raise StoreError(
            f"{path} has schema {version}, not {len(MIGRATIONS)}; open it once to run its flows, which brings it up to date"
        )


def refuse_foreign(path: Path) -> None:
    """Refuse a file of another program without changing it: no file beside it is made, and no setting of it is changed.

    Only the header of the file is read, which says enough also where the rest is still in a log.

    Raises:
        StoreError: it belongs to another program.
        apsw.Error: it cannot be read.
    """
    header = header_of(path)
    if not header:
        return
    if not header.startswith(b"SQLite format 3\0"):
        raise StoreError(f"cannot open {path}: it is not a database; choose another file")
    # sqlite.org/fileformat2.html: the user version, the application's id, and the number of cells of the schema's first page.
    version, application, n_cells = (int.from_bytes(header[at : at + n]) for at, n in ((60, 4), (68, 4), (103, 2)))
    if application != APPLICATION_ID and (application or version or n_cells):
        raise _foreign(path)


def _known_version(connection: apsw.Connection, path: str, migrations: Sequence[Sequence[str]]) -> int:
    version = _number(connection, "PRAGMA user_version")
    application = _number(connection, "PRAGMA application_id")
    n_tables = _number(connection, "SELECT count(*) FROM sqlite_schema")
    if application != APPLICATION_ID and (application or version or n_tables):
        raise _foreign(path)
    if version > len(migrations):
        message = f"{path} has schema {version}, this dagflow knows {len(migrations)}"
        raise StoreError(f"{message}; it was written by a newer one, use that or a backup from before")
    return version


def _foreign(path: str | Path) -> StoreError:
    return StoreError(f"{path} is a database of another program; choose another file")


def _number(connection: apsw.Connection, query: str) -> int:
    value = first_of(connection, query)
    return value if isinstance(value, int) else 0
