"""The schema, as numbered steps forward, and the tables of an empty one.

Texts are compared byte by byte, as SQLite does. The rows of runs have no foreign keys: each insert would lock the row of its run, and
the statements that write them join it anyway.
"""

from __future__ import annotations

from typing import Final

from dagflow.errors import StoreError
from dagflow.store.failpoints import Failpoint, hit
from dagflow.store.postgres.address import Address
from dagflow.store.postgres.connection import Connection, execute

_TABLES: Final = """
CREATE TABLE engine (
    one bigint PRIMARY KEY CHECK (one = 1), epoch bigint NOT NULL, nonce text NOT NULL, owner text NOT NULL, is_held bigint NOT NULL
);
INSERT INTO engine VALUES (1, 0, '', '', 0);
-- Of its own, so that a beat of the driver meets no lock of a write.
CREATE TABLE pulse (one bigint PRIMARY KEY CHECK (one = 1), seen_at timestamptz NOT NULL) WITH (fillfactor = 10);
INSERT INTO pulse VALUES (1, clock_timestamp());

CREATE TABLE flow (digest text COLLATE "C" PRIMARY KEY, body bytea NOT NULL, checksum bigint NOT NULL);
-- With room beside each row, so that its changes need no new entry in any index.
CREATE TABLE run (
    key bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    tenant text COLLATE "C" NOT NULL,
    flow text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    parent text COLLATE "C" NOT NULL,
    sealed bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    ended_at bigint,
    due_at bigint,
    checksum bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX run_parent ON run (parent, key) WHERE parent != '';
CREATE INDEX run_unfinished ON run (id) WHERE parent = '' AND ended_at IS NULL;
CREATE INDEX run_tenant_unfinished ON run (tenant, id) WHERE parent = '' AND ended_at IS NULL;
CREATE INDEX run_whole ON run (id) WHERE parent = '';
CREATE INDEX run_tenant ON run (tenant, id) WHERE parent = '';
CREATE INDEX run_ended ON run (ended_at) WHERE parent = '' AND ended_at IS NOT NULL;
CREATE INDEX run_digest ON run (digest);
CREATE INDEX run_awake ON run (id) WHERE parent = '' AND status IN ('queued', 'running');
CREATE INDEX run_due ON run (due_at, id) WHERE parent = '' AND status = 'sleeping';
CREATE TABLE history (
    run bigint NOT NULL,
    seq bigint NOT NULL,
    at bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    node text COLLATE "C" NOT NULL,
    attempt bigint NOT NULL,
    payload bytea,
    checksum bigint NOT NULL,
    PRIMARY KEY (run, seq)
);
CREATE TABLE body (key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name bytea NOT NULL UNIQUE, body bytea NOT NULL);
CREATE TABLE body_use (run bigint NOT NULL, body bigint NOT NULL, PRIMARY KEY (run, body));
CREATE INDEX body_used ON body_use (body);
CREATE TABLE event (
    number bigint PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    payload bytea NOT NULL,
    run text COLLATE "C" NOT NULL,
    hops bigint NOT NULL,
    checksum bigint NOT NULL,
    UNIQUE (tenant, id)
);
CREATE INDEX event_name ON event (tenant, name, number);
CREATE TABLE wait (
    tenant text COLLATE "C" NOT NULL,
    event text COLLATE "C" NOT NULL,
    path text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    run bigint NOT NULL,
    checksum bigint NOT NULL,
    PRIMARY KEY (tenant, event, path, key, run)
);
CREATE INDEX wait_run ON wait (run);
CREATE TABLE start (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    run bigint NOT NULL,
    content bytea NOT NULL,
    checksum bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX start_run ON start (run);
CREATE TABLE handed (one bigint PRIMARY KEY CHECK (one = 1), number bigint NOT NULL, checksum bigint NOT NULL);
CREATE TABLE driving (
    one bigint PRIMARY KEY CHECK (one = 1),
    is_open bigint NOT NULL,
    is_whole bigint NOT NULL,
    since text COLLATE "C" NOT NULL,
    checksum bigint NOT NULL
);
CREATE TABLE suspect (
    run text COLLATE "C" PRIMARY KEY,
    n_crashes bigint NOT NULL,
    n_outcomes bigint NOT NULL,
    is_tried bigint NOT NULL,
    checksum bigint NOT NULL
);
CREATE TABLE blocked (
    run text COLLATE "C" PRIMARY KEY,
    at bigint NOT NULL,
    reason text COLLATE "C" NOT NULL,
    trace text COLLATE "C" NOT NULL,
    checksum bigint NOT NULL
);

CREATE TABLE published (
    tenant text COLLATE "C" NOT NULL,
    flow text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    digest text COLLATE "C" NOT NULL REFERENCES flow (digest),
    state text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    author text COLLATE "C" NOT NULL,
    comment text COLLATE "C" NOT NULL,
    manifest bytea NOT NULL,
    text text COLLATE "C" NOT NULL,
    checksum bigint NOT NULL,
    PRIMARY KEY (tenant, flow, number)
);
CREATE INDEX published_digest ON published (digest);
CREATE TABLE listener (
    tenant text COLLATE "C" NOT NULL,
    event text COLLATE "C" NOT NULL,
    path text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    flow text COLLATE "C" NOT NULL,
    checksum bigint NOT NULL,
    PRIMARY KEY (tenant, event, path, key, flow)
);
CREATE INDEX listener_flow ON listener (tenant, flow);
CREATE TABLE schedule (
    tenant text COLLATE "C" NOT NULL,
    flow text COLLATE "C" NOT NULL,
    due_at bigint NOT NULL,
    checksum bigint NOT NULL,
    PRIMARY KEY (tenant, flow)
);
CREATE INDEX schedule_due ON schedule (due_at, tenant, flow);
CREATE TABLE request (
    tenant text COLLATE "C" NOT NULL,
    flow text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    not_before bigint NOT NULL,
    stage text COLLATE "C" NOT NULL,
    since bigint NOT NULL,
    keys bytea NOT NULL,
    priority bigint NOT NULL,
    accepted_at bigint NOT NULL,
    run text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    event bigint NOT NULL,
    hops bigint NOT NULL,
    input bytea NOT NULL,
    checksum bigint NOT NULL,
    PRIMARY KEY (tenant, flow, id)
) WITH (fillfactor = 70);
CREATE INDEX request_at ON request (tenant, flow, at, event, id);
CREATE INDEX request_unsettled ON request (at, event, id, tenant, flow) WHERE (stage = 'delayed' OR stage = 'debounced' OR stage = 'waiting' OR stage = 'running');
CREATE INDEX request_settled ON request (greatest(at, since, accepted_at)) WHERE (stage = 'ended' OR stage = 'dropped' OR stage = 'superseded');
CREATE INDEX request_begun ON request (tenant, flow, since) WHERE run != '';
CREATE INDEX request_accepted ON request (tenant, flow, accepted_at) WHERE accepted_at > 0;
CREATE INDEX request_run ON request (run) WHERE stage = 'running';
CREATE INDEX request_event ON request (event) WHERE event > 0;
CREATE INDEX request_digest ON request (digest);
CREATE TABLE claim (
    tenant text COLLATE "C" NOT NULL,
    flow text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    until bigint,
    checksum bigint NOT NULL,
    PRIMARY KEY (tenant, flow, key)
);
CREATE INDEX claim_until ON claim (until) WHERE until IS NOT NULL;
CREATE TABLE looked (one bigint PRIMARY KEY CHECK (one = 1), event bigint NOT NULL, checksum bigint NOT NULL);

-- Calls of clients, and the answers; without `answer_by` nobody waits for one.
CREATE TABLE inbox (
    id text COLLATE "C" PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    tenant text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    arguments text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    answer_by timestamptz,
    taken_by text COLLATE "C" NOT NULL DEFAULT ''
);
CREATE TABLE outbox (id text COLLATE "C" PRIMARY KEY, answer bytea NOT NULL, answered_at timestamptz NOT NULL DEFAULT clock_timestamp());
"""

#: Step n takes schema n to n + 1; each is one transaction that also sets the number. A released step never changes.
MIGRATIONS: Final[tuple[str, ...]] = (_TABLES,)

_HAS_SCHEMA: Final = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1"
_HAS_VERSION: Final = "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'schema_version'"
_N_TABLES: Final = "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = $1"


def migrate(connection: Connection, address: Address, migrations: tuple[str, ...] = MIGRATIONS) -> None:
    """Bring a schema to the newest version, and make it if there is none; each step happens whole or not at all.

    Raises:
        StoreError: the schema belongs to another program, or to a newer dagflow.
        psycopg.Error: a step failed.
    """
    if _version(connection, address, migrations) == len(migrations):
        return
    # Two that open a new store at once: one waits for the other.
    execute(connection, "SELECT pg_advisory_lock($1)", (address.lock + 1,))
    try:
        if not execute(connection, _HAS_SCHEMA, (address.schema,)):
            execute(connection, f'CREATE SCHEMA "{address.schema}"')
        version = _version(connection, address, migrations)
        for number, statements in enumerate(migrations[version:], start=version + 1):
            with connection.transaction():
                for statement in filter(str.strip, statements.split(";\n")):
                    execute(connection, statement)
                if number == 1:
                    execute(connection, "CREATE TABLE schema_version (version bigint NOT NULL)")
                    execute(connection, "INSERT INTO schema_version VALUES (0)")
                execute(connection, "UPDATE schema_version SET version = $1", (number,))
                hit(Failpoint.MIGRATING)
    finally:
        if not connection.closed:
            execute(connection, "SELECT pg_advisory_unlock($1)", (address.lock + 1,))


def check_newest(connection: Connection, address: Address) -> None:
    """Refuse a schema that is not there, or has to be migrated before it can be read.

    Raises:
        StoreError: it is not there, belongs to another program, to a newer dagflow, or to an older one.
        psycopg.Error: it cannot be read.
    """
    version = _version(connection, address, MIGRATIONS)
    if version == 0:
        raise StoreError(f"there is no store {address.shown}; running a flow makes one")
    if version < len(MIGRATIONS):
        raise StoreError(
            f"{address.shown} has schema {version}, not {len(MIGRATIONS)}; open it once to run its flows, which brings it up to date"
        )


def _version(connection: Connection, address: Address, migrations: tuple[str, ...]) -> int:
    if not execute(connection, _HAS_VERSION, (address.schema,)):
        ((n_tables,),) = execute(connection, _N_TABLES, (address.schema,))
        if n_tables:
            raise StoreError(
                f"the schema {address.schema!r} of {address.shown} has tables of another program; choose one with `?schema=NAME`"
            )
        return 0
    ((version,),) = execute(connection, "SELECT version FROM schema_version")
    version = int(str(version))
    if version > len(migrations):
        message = f"{address.shown} has schema {version}, this dagflow knows {len(migrations)}"
        raise StoreError(f"{message}; it was written by a newer one, use that or a backup from before")
    return version
