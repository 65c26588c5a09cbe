"""One transaction that writes, as the driver of the store or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import attrs
import psycopg

from dagflow.errors import StoreError
from dagflow.store.failpoints import Failpoint, hit
from dagflow.store.postgres.connection import Connection, execute, execute_all, is_lost
from dagflow.store.postgres.fence import CHECK, Term, owner_of
from dagflow.store.postgres.statements import Statement, in_postgres
from dagflow.store.rows.values import Row, Value

_Result = TypeVar("_Result")


class Fenced(StoreError):  # noqa: N818 - says what happened
    """Another process drives the store; nothing was written."""


class InDoubt(Exception):  # noqa: N818 - says what happened
    """The connection was lost in a COMMIT, and its answer with it.

    Args:
        number: of the transaction.
        result: of its work, if it was committed.
    """

    number: str
    result: Any

    def __init__(self, number: str, result: object) -> None:
        super().__init__(number)
        self.number = number
        self.result = result


@attrs.define(eq=False)
class Transaction:
    """Runs statements; it begins with the first of them. An `Execute` for the statements of `store.rows`."""

    connection: Connection
    _term: Term
    #: The number that the server has for it; "" before it begins.
    _number: str = ""

    def run(self, work: Callable[[Transaction], _Result]) -> _Result:
        """Do the work, and commit.

        Raises:
            Fenced: another process drives the store.
            InDoubt: the connection was lost in COMMIT.
            psycopg.Error: nothing was committed.
        """
        try:
            result = work(self)
        except BaseException:
            self.roll_back()
            raise
        if self._number:
            hit(Failpoint.COMMITTING)
            self._commit(result)
            hit(Failpoint.COMMITTED)
        return result

    def _commit(self, result: object) -> None:
        try:
            execute(self.connection, "COMMIT")
        except psycopg.Error as error:
            if not is_lost(self.connection):
                self.roll_back()
                raise
            raise InDoubt(self._number, result) from error

    def roll_back(self) -> None:
        """Undo everything so far; the next statement begins anew."""
        self._number = ""
        if is_lost(self.connection):
            return
        try:
            execute(self.connection, "ROLLBACK")
        except psycopg.Error:
            # The server rolls back whatever its connection left open.
            self.connection.close()

    def __call__(self, query: str, values: Sequence[Value] = (), /) -> list[Row]:
        """Run a statement of `store.rows`."""
        return self.all([(in_postgres(query), values)])[0]

    def all(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run statements in one round trip, and return the rows of each. Raises Fenced, psycopg.Error."""
        if self._number:
            return execute_all(self.connection, statements)
        begin: list[Statement] = [("BEGIN", ()), (CHECK, (self._term.epoch, self._term.nonce))]
        _, checked, *results = execute_all(self.connection, [*begin, *statements])
        if not checked:
            self.roll_back()
            raise Fenced(owner_of(self.connection))
        self._number = str(checked[0][0])
        return results
