"""The client's side of the inbox: leaves a call, and waits for its answer."""

from __future__ import annotations

import math
from typing import Final

import psycopg

from dagflow.clock import stopwatch
from dagflow.errors import NotServed, StoreError, UsageError
from dagflow.store.inbox import Unanswered, Untaken
from dagflow.store.postgres.address import Address, address_of, channel_of
from dagflow.store.postgres.connection import Connection, close_quietly, connect, execute, execute_all, is_refusal, reason_of
from dagflow.store.postgres.schema import check_newest

#: How long a driver that is gone has for its successor to take over.
TAKEOVER_SECONDS: Final = 5.0
#: The pause between two looks, where no notification comes.
_LOOK_SECONDS: Final = 0.5
#: How long a call without a bound outlives its client, and how often the client renews it.
_LEASE_SECONDS: Final = 60.0
_RENEW_SECONDS: Final = 20.0

_ASK: Final = f"""
    INSERT INTO inbox (id, tenant, name, arguments, answer_by)
    SELECT $1::text, $2::text, $3::text, $4::text, clock_timestamp() + $5::float8 * interval '1 second' FROM engine CROSS JOIN pulse
    WHERE is_held = 1 AND seen_at > clock_timestamp() - interval '{TAKEOVER_SECONDS} seconds' RETURNING 1"""  # noqa: S608
_NOTIFY: Final = "SELECT pg_notify($1::text, '')"
_SINCE: Final = "SELECT is_held = 1, extract(epoch FROM clock_timestamp() - seen_at)::float8 FROM engine CROSS JOIN pulse"
_FETCH: Final = "DELETE FROM outbox WHERE id = $1 RETURNING answer"
_RENEW: Final = "UPDATE inbox SET answer_by = clock_timestamp() + $2::float8 * interval '1 second' WHERE id = $1"
_WITHDRAW: Final = "DELETE FROM inbox WHERE id = $1"


def exchange(url: str, call: str, tenant: str, name: str, arguments: str, seconds: float | None) -> bytes:
    """Leave a call, and return the line of its answer.

    Args:
        url: of the store.
        call: the id of the call.
        tenant, name, arguments: see `AskedCall`.
        seconds: how long to wait; None for no bound.

    Raises:
        Unanswered: see there.
        NotServed: no process drives the store, or it stopped and no other one took over.
        UsageError: the database cannot keep the call.
        StoreError: there is no store, or its server failed.
    """
    address = address_of(url)
    if "\0" in tenant:
        raise UsageError(f"the name of a tenant must have no NUL character on Postgres; got {tenant!r}")
    try:
        connection = connect(address, name="dagflow client")
        try:
            check_newest(connection, address)
            _ask(connection, address, (call, tenant, name, arguments), seconds)
            return _answer(connection, address, call, seconds)
        finally:
            close_quietly(connection)
    except psycopg.Error as error:
        if is_refusal(error):
            raise UsageError(f"{address.shown} cannot keep this call: {reason_of(error)}") from error
        raise StoreError(f"cannot call the process that drives {address.shown}: {reason_of(error)}") from error


def _ask(connection: Connection, address: Address, call: tuple[str, str, str, str], seconds: float | None) -> None:
    lease = _LEASE_SECONDS if seconds is None else seconds
    execute(connection, f"LISTEN {channel_of(call[0])}")
    began = stopwatch()
    while True:
        asked, _ = execute_all(connection, [(_ASK, (*call, lease)), (_NOTIFY, (channel_of(address.schema),))])
        if asked:
            return
        # One that stopped in order may be on its way to the next, which takes over within a second.
        (_, age), *_ = execute(connection, _SINCE)
        if float(str(age)) > 1 or stopwatch() - began > 1e9:
            raise Untaken(
                f"no process drives the runs of {address.shown}; start one: `dagflow serve`, or a program with `dagflow.drive`"
            )
        _heard(connection, 0.1)


def _answer(connection: Connection, address: Address, call: str, seconds: float | None) -> bytes:
    end = math.inf if seconds is None else stopwatch() + seconds * 1e9
    renewed = stopwatch()
    while True:
        left = (end - stopwatch()) / 1e9
        is_heard = _heard(connection, max(0.0, min(_LOOK_SECONDS, left)))
        if rows := execute(connection, _FETCH, (call,)):
            return bytes(rows[0][0])  # type: ignore[arg-type]  # a bytea
        if left <= 0:
            execute(connection, _WITHDRAW, (call,))
            raise Unanswered(f"no answer after {seconds:g} s; the call may still happen, so repeat it with the same id")
        if is_heard:
            continue
        (is_held, age), *_ = execute(connection, _SINCE)
        if float(str(age)) > (TAKEOVER_SECONDS if is_held else 2):
            execute(connection, _WITHDRAW, (call,))
            raise NotServed(
                f"the process that drives the runs of {address.shown} stopped during the call; repeat it with the same id"
            )
        if seconds is None and stopwatch() - renewed > _RENEW_SECONDS * 1e9:
            execute(connection, _RENEW, (call, _LEASE_SECONDS))
            renewed = stopwatch()


def _heard(connection: Connection, seconds: float) -> bool:
    return any(True for _ in connection.notifies(timeout=seconds, stop_after=1))
