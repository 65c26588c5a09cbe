"""One process drives a store: a lock and a pulse show that it is there, an epoch with a nonce decides whether it may write.

The lock is held by a connection of its own. It ends with the process, and so does the pulse, which also ends where the process
stands still. Neither is proof: a process that was stopped goes on believing that it drives. So each transaction that writes first reads
the row of the engine with its epoch and nonce, and keeps that row locked until the end. A new driver changes the row: the write of the
former one finds nothing, and is refused. The nonce tells two drivers apart that have the same epoch, as after the promotion of a standby that
was behind.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable
from typing import Final

import attrs
import psycopg

from dagflow.clock import stopwatch
from dagflow.errors import StoreError, StoreInUse
from dagflow.store.postgres.address import Address
from dagflow.store.postgres.connection import Connection, close_quietly, connect, execute, is_lost

#: Seconds between two beats of the driver, and how long after the last one it counts as gone.
BEAT_SECONDS: Final = 0.5
LEASE_SECONDS: Final = 3.0
#: How long a new driver waits for the end of the connections of one that is gone.
_END_SECONDS: Final = 2.0

_TRY_LOCK: Final = "SELECT pg_try_advisory_lock($1)"
_UNLOCK: Final = "SELECT pg_advisory_unlock_all()"
_HOLDER: Final = """
    SELECT nonce, owner, extract(epoch FROM clock_timestamp() - seen_at)::float8 FROM engine CROSS JOIN pulse"""
_END_FORMER: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = $1 AND pid != pg_backend_pid()"""
_READ: Final = "SELECT epoch, is_held FROM engine FOR UPDATE"
_TAKE: Final = "UPDATE engine SET epoch = $1, nonce = $2, owner = $3, is_held = 1"
_NAME: Final = "SELECT set_config('application_name', $1, false)"
_BEAT: Final = "UPDATE pulse SET seen_at = clock_timestamp() WHERE EXISTS (SELECT 1 FROM engine WHERE epoch = $1 AND nonce = $2) RETURNING 1"
_LEAVE: Final = "UPDATE engine SET is_held = 0 WHERE epoch = $1 AND nonce = $2"
#: No row: another process drives the store. The number of the transaction tells its outcome if the answer to COMMIT is lost.
CHECK: Final = "SELECT pg_current_xact_id()::text FROM engine WHERE epoch = $1 AND nonce = $2 FOR SHARE"
_OWNER: Final = "SELECT owner FROM engine"


@attrs.frozen
class Term:
    """The time in which one process drives a store.

    Attributes:
        epoch: greater with each.
        nonce: by chance.
        was_left: whether the driver before never closed the store.
    """

    epoch: int
    nonce: str
    was_left: bool

    @property
    def name(self) -> str:
        """The name of the application on the connections of this driver."""
        return name_of(self.nonce)


def name_of(nonce: str) -> str:
    """The name of the application of a driver."""
    return f"dagflow {nonce}"


@attrs.define(eq=False)
class Guard:
    """Holds the lock of a store, and beats, until it is released.

    Attributes:
        on_lost: called with the new driver when another process has taken the store over; from a thread.
    """

    address: Address
    term: Term
    on_lost: Callable[[str], None]
    _connection: Connection
    _stopped: threading.Event = attrs.field(factory=threading.Event)
    _thread: threading.Thread | None = None

    @classmethod
    def take(cls, address: Address, connection: Connection, on_lost: Callable[[str], None]) -> Guard:
        """Become the driver of the store, by a connection that is used for nothing else from now on.

        Raises:
            StoreInUse: another process drives it.
            psycopg.Error: the server failed.
        """
        _lock(address, connection)
        nonce = secrets.token_hex(8)
        with connection.transaction():
            # Waits for a transaction of the former driver that is under way.
            ((epoch, is_held),) = execute(connection, _READ)
            term = Term(int(str(epoch)) + 1, nonce, bool(is_held))
            execute(connection, _TAKE, (term.epoch, nonce, f"process {os.getpid()} on {socket.gethostname()}"))
        execute(connection, _NAME, (term.name,))
        # A beat may be lost with the server; the term may not.
        execute(connection, "SET synchronous_commit = off")
        guard = cls(address, term, on_lost, connection)
        guard._beat()
        guard._thread = threading.Thread(target=guard._keep_beating, name="dagflow-pulse", daemon=True)
        guard._thread.start()
        return guard

    def release(self) -> None:
        """Stop in order: the next driver need not wait, and knows that this one did not crash."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        try:
            if is_lost(self._connection):
                self._connection = connect(self.address, name=self.term.name)
            execute(self._connection, "SET synchronous_commit = on")
            execute(self._connection, _LEAVE, (self.term.epoch, self.term.nonce))
            # The server notices the end of a connection a little later, and would refuse the next driver until then.
            execute(self._connection, _UNLOCK)
        except (psycopg.Error, StoreError):
            pass  # the next driver looks for the runs that may have crashed this one
        close_quietly(self._connection)

    def _keep_beating(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            try:
                self._beat()
            except (psycopg.Error, StoreError):
                # The server may be back at the next beat; a driver that took over has changed the row of the engine.
                close_quietly(self._connection)

    def _beat(self) -> None:
        if is_lost(self._connection):
            self._connection = connect(self.address, name=self.term.name)
            execute(self._connection, "SET synchronous_commit = off")
            execute(self._connection, _TRY_LOCK, (self.address.lock,))
        if not execute(self._connection, _BEAT, (self.term.epoch, self.term.nonce)):
            self._stopped.set()
            self.on_lost(owner_of(self._connection))


def owner_of(connection: Connection) -> str:
    """The process that drives the store, for messages."""
    rows = execute(connection, _OWNER)
    return str(rows[0][0]) if rows else "another process"


def _lock(address: Address, connection: Connection) -> None:
    began = stopwatch()
    while not execute(connection, _TRY_LOCK, (address.lock,))[0][0]:
        nonce, owner, age = execute(connection, _HOLDER)[0]
        age = float(str(age))
        if age < LEASE_SECONDS:
            raise _in_use(address, owner, age)
        # It stands still, or its host is gone, and its connections are not. They may hold a transaction, and would end some time.
        execute(connection, _END_FORMER, (name_of(str(nonce)),))
        if stopwatch() - began > _END_SECONDS * 1e9:
            raise _in_use(address, owner, age)
        threading.Event().wait(0.02)


def _in_use(address: Address, owner: object, age: float) -> StoreInUse:
    return StoreInUse(
        f"{address.shown} is open in {owner or 'another process'}, seen {max(age, 0):.1f} s ago; "
        "stop that first, or wait for its end with `takeover`"
    )
