"""Writes runs, their histories and their other rows into Postgres, with a few statements for any number of rows."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Final, cast

from dagflow.errors import StoreError
from dagflow.store.api import Append, Creation, SentEvent
from dagflow.store.postgres.statements import Statement, insert_into, many, replacing, rows_of
from dagflow.store.rows import listeners, runs, start_ids, waits
from dagflow.store.rows import requests as request_rows
from dagflow.store.rows.checksums import checksum
from dagflow.store.rows.values import Row, Value
from dagflow.store.service_rows import Looked, RequestRow, ScheduleRow

_FLOW: Final = "digest text, body bytea, checksum bigint"
_RUN: Final = (
    "key bigint, id text, tenant text, flow text, digest text, created_at bigint, parent text, sealed bigint, status text, ended_at bigint, "
    "due_at bigint, checksum bigint"
)
_CHANGE: Final = "status text, ended_at bigint, due_at bigint, checksum bigint, id text"
_LENGTH: Final = "length bigint, checksum bigint, id text, first bigint"
_RECORD: Final = "id text, seq bigint, at bigint, kind text, node text, attempt bigint, payload bytea, checksum bigint"
_HISTORY: Final = "run bigint, seq bigint, at bigint, kind text, node text, attempt bigint, payload bytea, checksum bigint"
_BODY: Final = "name bytea, body bytea"
_BODY_USE: Final = "id text, name bytea"
_EVENT: Final = (
    "number bigint, tenant text, id text, name text, at bigint, payload bytea, run text, hops bigint, checksum bigint"
)
_WAIT: Final = "tenant text, event text, path text, key text, checksum bigint, id text"
_START: Final = "tenant text, id text, content bytea, checksum bigint, run text"
_REQUEST: Final = (
    "tenant text, flow text, id text, digest text, at bigint, not_before bigint, stage text, since bigint, keys bytea, priority bigint, "
    "accepted_at bigint, run text, reason text, kind text, name text, event bigint, hops bigint, input bytea, checksum bigint"
)
_SCHEDULE: Final = "tenant text, flow text, due_at bigint, checksum bigint"
_CLAIM: Final = "tenant text, flow text, key text, until bigint, checksum bigint"

_INSERT_FLOWS: Final = insert_into("flow", _FLOW, "ON CONFLICT (digest) DO NOTHING")
INSERT_RUNS: Final = insert_into("run", _RUN, "ON CONFLICT (id) DO NOTHING RETURNING id")
_INSERT_LENGTHS: Final = insert_into("history", _HISTORY)
SET_LENGTHS: Final = f"""
    UPDATE history SET at = x.length, checksum = x.checksum
    FROM {rows_of(_LENGTH)} AS x (length, checksum, id, first) JOIN run ON run.id = x.id
    WHERE history.run = run.key AND history.seq = {runs.LENGTH_SEQ} AND history.at = x.first RETURNING run.id"""  # noqa: S608 - all are constants
# A row that stays as it is needs no new version.
_CHANGE_RUNS: Final = f"""
    UPDATE run SET status = x.status, ended_at = x.ended_at, due_at = x.due_at, checksum = x.checksum
    FROM {rows_of(_CHANGE)} AS x (status, ended_at, due_at, checksum, id)
    WHERE run.id = x.id AND run.checksum != x.checksum"""  # noqa: S608
_INSERT_RECORDS: Final = f"""
    INSERT INTO history (run, seq, at, kind, node, attempt, payload, checksum)
    SELECT run.key, x.seq, x.at, x.kind, x.node, x.attempt, x.payload, x.checksum
    FROM {rows_of(_RECORD)} AS x (id, seq, at, kind, node, attempt, payload, checksum) JOIN run ON run.id = x.id"""  # noqa: S608
_INSERT_BODIES: Final = insert_into("body", _BODY, "ON CONFLICT (name) DO NOTHING")
_USE_BODIES: Final = f"""
    INSERT INTO body_use (run, body)
    SELECT run.key, body.key FROM {rows_of(_BODY_USE)} AS x (id, name) JOIN run ON run.id = x.id JOIN body ON body.name = x.name
    ON CONFLICT DO NOTHING"""  # noqa: S608
_INSERT_EVENTS: Final = insert_into("event", _EVENT)
_CLEAR_WAITS: Final = "DELETE FROM wait USING run WHERE run.key = wait.run AND run.id = ANY($1::text[])"
_INSERT_WAITS: Final = f"""
    INSERT INTO wait (tenant, event, path, key, checksum, run)
    SELECT x.tenant, x.event, x.path, x.key, x.checksum, run.key
    FROM {rows_of(_WAIT)} AS x (tenant, event, path, key, checksum, id) JOIN run ON run.id = x.id ON CONFLICT DO NOTHING"""  # noqa: S608
_INSERT_STARTS: Final = f"""
    INSERT INTO start (tenant, id, content, checksum, run)
    SELECT x.tenant, x.id, x.content, x.checksum, run.key
    FROM {rows_of(_START)} AS x (tenant, id, content, checksum, run) JOIN run ON run.id = x.run"""  # noqa: S608
_SET_REQUESTS: Final = insert_into("request", _REQUEST, replacing(_REQUEST, "tenant, flow, id"))
_END_REQUESTS: Final = "UPDATE request SET stage = 'ended' WHERE run = ANY($1::text[]) AND stage = 'running'"
_SET_CLAIMS: Final = insert_into("claim", _CLAIM, replacing(_CLAIM, "tenant, flow, key"))
_SET_LOOKED: Final = """
    INSERT INTO looked (one, event, checksum) VALUES (1, $1, $2) ON CONFLICT (one)
    DO UPDATE SET event = excluded.event, checksum = excluded.checksum"""
_SET_SCHEDULES: Final = insert_into("schedule", _SCHEDULE, replacing(_SCHEDULE, "tenant, flow"))
_CLEAR_SCHEDULES: Final = f"""
    DELETE FROM schedule USING {rows_of("tenant text, flow text")} AS x (tenant, flow)
    WHERE schedule.tenant = x.tenant AND schedule.flow = x.flow"""  # noqa: S608
LENGTHS: Final = f"""
    SELECT run.id, history.at FROM run JOIN history ON history.run = run.key AND history.seq = {runs.LENGTH_SEQ}
    WHERE run.id = ANY($1::text[])"""  # noqa: S608


def is_all(statements: Sequence[Statement], results: Sequence[Sequence[Row]]) -> bool:
    """Whether every run of these statements began, or had a history of the right length."""
    counted = (INSERT_RUNS, SET_LENGTHS)
    return all(
        len(rows) == len(cast("Sequence[Value]", columns[0]))
        for (query, columns), rows in zip(statements, results, strict=True)
        if query in counted
    )


def creating(creations: Sequence[Creation], first_key: int, known: Container[str]) -> list[Statement]:
    """The statements that begin runs, with keys from `first_key` on; flows that are `known` to be there are not sent again."""
    flows = {each.row.digest: each.flow for each in reversed(creations) if each.row.digest not in known}
    rows = [(key, *runs.creation_values(creation)) for key, creation in enumerate(creations, first_key)]
    lengths = [
        (row[0], *runs.length_values(creation.row.id, len(creation.records), row[-1]))
        for creation, row in zip(creations, rows, strict=True)
    ]
    return [
        *many(_INSERT_FLOWS, [(digest, flow, checksum(flow, digest)) for digest, flow in flows.items()]),
        *many(INSERT_RUNS, rows),
        *many(_INSERT_LENGTHS, lengths),
    ]


def changing(appends: Sequence[Append]) -> list[Statement]:
    """The statements that change the lengths of histories, if they are right, and the rows of runs; appends to one run follow one another."""
    last: dict[str, Append] = {}
    first: dict[str, int] = {}
    for added in appends:
        first.setdefault(added.run, added.first)
        last[added.run] = added
    rows: list[Row] = []
    lengths: list[Row] = []
    for run, added in last.items():
        values = runs.changing_values(run, (str(added.status), added.ended_at, added.due_at))
        length = added.first + len(added.records)
        rows.append((*values, run))
        lengths.append((length, runs.length_sum(run, length, values[-1]), run, first[run]))
    return [*many(SET_LENGTHS, lengths), *many(_CHANGE_RUNS, rows)]


def refusal_of(creations: Sequence[Creation], appends: Sequence[Append], found: Sequence[Row]) -> StoreError | None:
    """Why these do not fit the runs that are there, of which `LENGTHS` found ids and lengths; None if they do."""
    lengths: dict[str, Value] = {str(run): length for run, length in found}
    for creation in creations:
        if creation.row.id in lengths:
            return runs.taken(creation.row.id)
        lengths[creation.row.id] = len(creation.records)
    for added in appends:
        length = lengths.get(added.run)
        if length != added.first:
            return runs.misplaced(added.run, added.first, length)
        lengths[added.run] = added.first + len(added.records)
    return None


def adding(creations: Sequence[Creation], appends: Sequence[Append]) -> list[Statement]:
    """The statements that add history events, sent events, subscriptions and names to runs that are there."""
    records: list[Row] = []
    bodies: dict[bytes, bytes] = {}
    uses: list[Row] = []
    for run, first, added in [(each.row.id, 0, each.records) for each in creations] + [
        (each.run, each.first, each.records) for each in appends
    ]:
        rows, large = runs.record_values(run, first, added)
        records += [(run, *row) for row in rows]
        bodies |= large
        uses += [(run, name) for name in large]
    # In the order of names, so that two stores in one database never wait for each other.
    return [
        *many(_INSERT_BODIES, sorted(bodies.items())),
        *many(_USE_BODIES, uses),
        *many(_INSERT_RECORDS, records),
        *sending([event for each in creations for event in each.events] + [event for each in appends for event in each.events]),
        *_waiting(creations, appends),
        *many(_INSERT_STARTS, [(*start_ids.values_of(each.row, each.name), each.row.id) for each in creations if each.name]),
    ]


def sending(events: Sequence[SentEvent]) -> list[Statement]:
    """The statement that keeps events."""
    return many(_INSERT_EVENTS, map(runs.event_values, events))


def _waiting(creations: Sequence[Creation], appends: Sequence[Append]) -> list[Statement]:
    """Of several appends to one run the last subscriptions count."""
    replaced = {each.run: each.waits for each in appends if each.waits is not None}
    now = {each.row.id: each.waits for each in creations if each.waits} | replaced
    cleared: list[Statement] = [(_CLEAR_WAITS, [list(replaced)])] if replaced else []
    return cleared + many(_INSERT_WAITS, [(*waits.values_of(row, run), run) for run, rows in now.items() for row in rows])


def requesting(
    creations: Sequence[Creation], appends: Sequence[Append], requests: Sequence[RequestRow], looked: Looked | None
) -> list[Statement]:
    """The statements that keep requests: those of runs that begin, the ends of those whose runs end, then the others."""
    begun = [each.request for each in creations if each.request is not None]
    ended = [each.row.id for each in creations if each.row.ended_at is not None]
    ended += [each.run for each in appends if each.ended_at is not None]
    statements = _setting(begun)
    if ended:
        statements.append((_END_REQUESTS, [ended]))
    statements += _setting(requests)
    if looked is not None:
        statements.append((_SET_LOOKED, request_rows.looked_values(looked)))
        statements += _scheduling(looked.schedules)
    return statements


def _setting(requests: Sequence[RequestRow]) -> list[Statement]:
    # One statement changes a row once, so the last word on each counts.
    last = {(row.tenant, row.flow, row.id): row for row in requests}
    claims = {claim[:3]: claim for row in requests if (claim := request_rows.claim_of(row)) is not None}
    return [*many(_SET_REQUESTS, map(request_rows.values_of, last.values())), *many(_SET_CLAIMS, claims.values())]


def _scheduling(schedules: Sequence[ScheduleRow]) -> list[Statement]:
    last = {(row.tenant, row.flow): row for row in schedules}.values()
    over = [(row.tenant, row.flow) for row in last if row.due_at is None]
    return [
        *many(_CLEAR_SCHEDULES, over),
        *many(_SET_SCHEDULES, [listeners.schedule_values(row) for row in last if row.due_at is not None]),
    ]
