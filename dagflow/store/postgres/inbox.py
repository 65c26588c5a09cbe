"""The calls of clients, as rows of two tables: the driver takes them from `inbox`, and leaves the answers in `outbox`.

A notification wakes the other side; who misses one looks again after a pause. The driver marks the calls it takes. After a crash the next
driver takes them again, and sees that they may have happened.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeVar, cast

import attrs
import psycopg

from dagflow.errors import StoreError
from dagflow.store.inbox import AskedCall
from dagflow.store.postgres.address import Address, channel_of
from dagflow.store.postgres.connection import Connection, close_quietly, connect, execute, execute_all, is_lost, reason_of
from dagflow.store.postgres.fence import Term

_Result = TypeVar("_Result")

#: Calls taken at once.
_MOST: Final = 256
#: How long an answer stays that no client fetches.
_ANSWER_SECONDS: Final = 300

_DRIVES: Final = "SELECT 1 FROM engine WHERE epoch = $1 AND nonce = $2"
_TAKE: Final = f"""
    WITH driver AS ({_DRIVES} FOR SHARE), found AS (
        SELECT id, number, tenant, name, arguments, taken_by, answer_by FROM inbox
        WHERE taken_by != $2 AND (answer_by IS NULL OR answer_by > clock_timestamp()) AND EXISTS (SELECT 1 FROM driver)
        ORDER BY number LIMIT {_MOST} FOR UPDATE SKIP LOCKED
    ), taken AS (UPDATE inbox SET taken_by = $2 FROM found WHERE inbox.id = found.id RETURNING inbox.id)
    SELECT id, tenant, name, arguments, taken_by != '', answer_by IS NOT NULL FROM found JOIN taken USING (id) ORDER BY number"""  # noqa: S608
_ANSWER: Final = f"""
    WITH driver AS ({_DRIVES} FOR SHARE), answer AS (SELECT * FROM unnest($3::text[], $4::bytea[]) AS x (id, body)),
    gone AS (
        DELETE FROM inbox USING answer WHERE inbox.id = answer.id AND EXISTS (SELECT 1 FROM driver) RETURNING inbox.id, answer_by, body
    ), kept AS (INSERT INTO outbox (id, answer) SELECT id, body FROM gone WHERE answer_by IS NOT NULL RETURNING id)
    SELECT pg_notify('dagflow_' || md5(id), '') FROM kept"""  # noqa: S608
_CLEAN_IN: Final = "DELETE FROM inbox WHERE answer_by < clock_timestamp()"
_CLEAN_OUT: Final = f"DELETE FROM outbox WHERE answered_at < clock_timestamp() - interval '{_ANSWER_SECONDS} seconds'"  # noqa: S608
_STILL: Final = "SELECT id FROM inbox WHERE id = ANY($1::text[])"


@attrs.define(eq=False)
class PostgresInbox:
    """See `store.inbox.Inbox`. It has a connection that listens and takes, and one that answers."""

    address: Address
    _term: Term
    _taking: Connection | None = None
    _answering: Connection | None = None
    _is_woken: bool = False

    def take(self) -> Sequence[AskedCall]:
        """See `Inbox.take`."""

        def work() -> list[AskedCall]:
            connection = self._listening()
            self._forget(connection)
            rows = execute(connection, _TAKE, (self._term.epoch, self._term.nonce))
            return [_asked(*row) for row in rows]

        return self._tried(work)

    def readable(self) -> int | None:
        """See `Inbox.readable`."""
        if self._is_woken or is_lost(self._taking) or self._taking is None:
            return None
        return self._taking.fileno()

    def answer(self, answers: Sequence[tuple[str, bytes]]) -> None:
        """See `Inbox.answer`."""
        ids, bodies = [id_ for id_, _ in answers], [body for _, body in answers]

        def work() -> None:
            if self._answering is None or is_lost(self._answering):
                self._answering = connect(self.address, name=self._term.name)
            execute(self._answering, _ANSWER, (self._term.epoch, self._term.nonce, ids, bodies))

        self._tried(work)

    def clean(self, open_calls: Collection[str]) -> Collection[str]:
        """See `Inbox.clean`."""

        def work() -> set[str]:
            statements = [(_CLEAN_IN, ()), (_CLEAN_OUT, ()), (_STILL, [list(open_calls)])]
            return {str(row[0]) for row in execute_all(self._listening(), statements)[-1]}

        return self._tried(work)

    def close(self) -> None:
        """See `Inbox.close`."""
        for connection in (self._taking, self._answering):
            if connection is not None:
                close_quietly(connection)

    def _listening(self) -> Connection:
        if self._taking is None or is_lost(self._taking):
            self._taking = connect(self.address, name=self._term.name)
            self._taking.add_notify_handler(self._wake)
            execute(self._taking, f"LISTEN {channel_of(self.address.schema)}")
        return self._taking

    def _wake(self, _notify: psycopg.Notify) -> None:
        self._is_woken = True

    def _forget(self, connection: Connection) -> None:
        """What was notified before a look is seen by it."""
        connection.pgconn.consume_input()
        while connection.pgconn.notifies() is not None:
            pass
        self._is_woken = False

    def _tried(self, work: Callable[[], _Result]) -> _Result:
        try:
            return work()
        except psycopg.Error as error:
            raise StoreError(f"cannot read the calls of clients in {self.address.shown}: {reason_of(error)}") from error


def _asked(*values: object) -> AskedCall:
    id_, tenant, name, arguments, is_repeated, is_awaited = cast("tuple[Any, ...]", values)
    return AskedCall(id=id_, tenant=tenant, name=name, arguments=arguments, is_repeated=is_repeated, is_awaited=is_awaited)
