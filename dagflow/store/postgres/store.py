"""Histories in a schema of a Postgres database.

One connection writes, under a lock, in READ COMMITTED transactions; a second one reads, and a third says that this process drives the
store (`fence`). A connection that is lost is made again. What was not committed is written again; where the answer to a
COMMIT is lost, the server is asked for the outcome. After any other error in a write this store answers nothing more, so that callers do
not rely on a state that may be wrong. Close it, open it again, read.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, TypeVar

import attrs
import psycopg

from dagflow.errors import StoreError, WriteRefused
from dagflow.store.api import Append, Creation, SentEvent
from dagflow.store.postgres import writing
from dagflow.store.postgres.address import Address, address_of
from dagflow.store.postgres.connection import Connection, close_quietly, connect, execute, is_refusal, reason_of, timeline_of
from dagflow.store.postgres.fence import Guard
from dagflow.store.postgres.inbox import PostgresInbox
from dagflow.store.postgres.schema import check_newest, migrate
from dagflow.store.postgres.session import Lost, Session
from dagflow.store.postgres.statements import Statement, in_postgres
from dagflow.store.postgres.transaction import Fenced, Transaction
from dagflow.store.rows.row_store import RowStore
from dagflow.store.rows.runs import LENGTH_SEQ
from dagflow.store.rows.values import Execute, Row, Value
from dagflow.store.service_rows import Looked, RequestRow

_Result = TypeVar("_Result")
_LAST_KEY: Final = "SELECT coalesce(max(key), 0) FROM run"


@attrs.define(eq=False)
class PostgresStore(RowStore):
    """See `store.api.Store`. May be called from any thread; made by `PostgresStore.open`."""

    _SELECT_HISTORIES: ClassVar[str] = f"""
        SELECT run.id, run.checksum, history.seq, history.at, history.kind, history.node, history.attempt, history.payload, history.checksum
        FROM run JOIN history AS last ON last.run = run.key AND last.seq = {LENGTH_SEQ} JOIN history ON history.run = run.key
        WHERE run.id IN (SELECT value FROM jsonb_array_elements_text(?::jsonb)) AND last.at <= ? ORDER BY run.key, history.seq"""  # noqa: S608

    address: Address
    _reader: Session
    #: Both None where it is open for reading only.
    _writer: Session | None = None
    _guard: Guard | None = None
    _process: int = attrs.field(factory=os.getpid, init=False)
    #: Why nothing is answered any more, or "".
    _refusal: str = attrs.field(default="", init=False)
    #: Of the last run that was begun; only one process begins any.
    _last_key: int = attrs.field(default=0, init=False)
    #: Digests of flows that are there.
    _flows: set[str] = attrs.field(factory=set[str], init=False)
    _write_lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _read_lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @classmethod
    def open(cls, url: str) -> PostgresStore:
        """Open the schema that the URL names, made if there is none, bring it to the newest version, and become its driver.

        Raises:
            StoreInUse: another process drives it.
            StoreError: the server cannot be reached or is not fit, or the schema is not ours or of a newer dagflow.
        """
        address = address_of(url)
        try:
            connection = connect(address, name="dagflow opening")
            try:
                migrate(connection, address)
                return cls._driving(address, connection, timeline_of(connection))
            except BaseException:
                close_quietly(connection)
                raise
        except psycopg.Error as error:
            raise StoreError(f"cannot open {address.shown}: {reason_of(error)}") from error

    @classmethod
    def _driving(cls, address: Address, connection: Connection, timeline: str) -> PostgresStore:
        opened: list[PostgresStore] = []

        def on_lost(owner: str) -> None:
            for store in opened:
                store.refuse_for(owner)

        guard = Guard.take(address, connection, on_lost)
        name = guard.term.name
        try:
            reader = Session(lambda: connect(address, name=name, is_reader=True), address.shown)
            writer = Session(lambda: connect(address, name=name), address.shown, timeline)
            store = cls(address, reader, writer, guard)
            opened.append(store)
            store._last_key = int(str(store._read(_LAST_KEY)[0][0]))
        except BaseException:
            guard.release()
            raise
        return store

    @classmethod
    def open_reading(cls, url: str, *, is_still: bool = False) -> PostgresStore:
        """Open the schema for reading only; another process may be writing to it. With `is_still` all is read as of one instant.

        Raises:
            StoreError: there is no such schema, or it is none of ours, of another dagflow, or cannot be reached.
        """
        address = address_of(url)
        try:
            connection = connect(address, name="dagflow reading", is_reader=True, is_still=is_still)
            try:
                check_newest(connection, address)
            except BaseException:
                connection.close()
                raise
        except psycopg.Error as error:
            raise StoreError(f"cannot open {address.shown}: {reason_of(error)}") from error
        # A view of one instant ends with its connection.
        again = None if is_still else lambda: connect(address, name="dagflow reading", is_reader=True)
        return cls(address, Session(again, address.shown, "", connection))

    def write(
        self,
        appends: Sequence[Append] = (),
        creations: Sequence[Creation] = (),
        requests: Sequence[RequestRow] = (),
        looked: Looked | None = None,
    ) -> None:
        """See `Store.write`."""
        if not (appends or creations or requests or looked):
            return

        if writing.refusal_of((), appends, [(each.run, each.first) for each in reversed(appends)]):
            # Appends to one run that do not follow one another; the length of its history says which of them is to blame.
            self._commit(lambda transaction: self._refuse_rows(transaction, creations, appends))
            return

        def work(transaction: Transaction) -> None:
            first_key = self._last_key + 1
            self._last_key += len(creations)
            statements = [*writing.creating(creations, first_key, self._flows), *writing.changing(appends)]
            statements += writing.adding(creations, appends)
            statements += writing.requesting(creations, appends, requests, looked)
            try:
                # All of it in one round trip.
                is_all = writing.is_all(statements, transaction.all(statements))
            except psycopg.IntegrityError:
                transaction.roll_back()
                self._refuse_rows(transaction, creations, appends)
                raise
            if not is_all:
                self._refuse_rows(transaction, creations, appends)

        self._commit(work)
        self._flows.update(creation.row.digest for creation in creations)

    def send(self, events: Sequence[SentEvent]) -> None:
        """See `Store.send`."""
        self._perform(writing.sending(events))

    def _write_requests(self, requested: Sequence[RequestRow], looked: Looked | None) -> None:
        self._perform(writing.requesting((), (), requested, looked))

    def prune(self, before: int) -> bool:
        """See `Store.prune`."""
        self._flows.clear()  # some may go
        return super().prune(before)

    def open_inbox(self) -> PostgresInbox:
        """See `store.inbox.HasInbox`."""
        self._check_usable()
        if self._guard is None:
            raise StoreError(f"{self._place} is open for reading only")
        return PostgresInbox(self.address, self._guard.term)

    def close(self) -> None:
        """See `Store.close`."""
        with self._write_lock, self._read_lock:
            if self._process == os.getpid():  # a fork's copy is not ours to close
                self._reader.close()
                if self._writer is not None:
                    self._writer.close()
                if self._guard is not None:
                    self._guard.release()
                    self._guard = None
            self._refusal = self._refusal or "the store is closed; open it again"

    # ---- transactions

    def _refuse_rows(self, transaction: Transaction, creations: Sequence[Creation], appends: Sequence[Append]) -> None:
        """Raises StoreError or WriteRefused: a run is there already or not at all, or its history has another length."""
        transaction.roll_back()
        ids = [*(each.row.id for each in creations), *(each.run for each in appends)]
        refusal = writing.refusal_of(creations, appends, transaction.all([(writing.LENGTHS, [ids])])[0])
        if refusal is not None:
            raise refusal

    def _perform(self, statements: Sequence[Statement]) -> None:
        if statements:
            self._commit(lambda transaction: transaction.all(statements))

    def _transact(self, work: Callable[[Execute], _Result]) -> _Result:
        return self._commit(work)

    def _commit(self, work: Callable[[Transaction], _Result]) -> _Result:
        """Do the work in one transaction; again if its connection is lost before it is committed."""
        with self._write_lock:
            self._check_usable()
            if self._writer is None or self._guard is None:
                raise StoreError(f"{self._place} is open for reading only")
            term = self._guard.term
            try:
                return self._writer.use(lambda connection: Transaction(connection, term).run(work))
            except Fenced as error:
                self.refuse_for(str(error))
                raise StoreError(self._refusal) from None
            except (psycopg.Error, UnicodeError, OverflowError) as error:
                if is_refusal(error):
                    raise WriteRefused(f"{self._place} cannot keep this value: {' '.join(str(error).split())}") from error
                self._refuse(f"a write to {self._place} failed ({reason_of(error)}) and its outcome is unknown; open it again")
                raise StoreError(self._refusal) from error
            except Lost as error:
                self._refuse(str(error))
                raise StoreError(self._refusal) from error

    @property
    def _place(self) -> str:
        return self.address.shown

    @property
    def _was_left(self) -> bool:
        return self._guard is not None and self._guard.term.was_left

    def _refuse(self, reason: str) -> None:
        self._refusal = self._refusal or reason

    def refuse_for(self, owner: str) -> None:
        """Answer nothing more, since that process drives the store now."""
        self._refuse(
            f"{self._place} was taken over by {owner}, so this process must not write to it; open it again to wait for it"
        )

    def _read(self, query: str, *values: Value) -> list[Row]:
        if any(isinstance(value, str) and "\0" in value for value in values):
            return []  # no row has such a text, and the server refuses it even in a question
        with self._read_lock:
            self._check_usable()
            try:
                return self._reader.use(lambda connection: execute(connection, in_postgres(query), values))
            except (psycopg.Error, Lost) as error:
                reason = str(error) if isinstance(error, Lost) else reason_of(error)
                raise StoreError(f"cannot read {self._place}: {reason}") from error

    def _check_usable(self) -> None:
        if self._refusal:
            raise StoreError(self._refusal)
        if self._process != os.getpid():
            raise StoreError(f"{self._place} was opened before a fork; open it in the process that uses it")
