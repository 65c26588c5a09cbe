"""A connection that is made again when it is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import chain, repeat
from typing import Final, TypeVar, cast

import attrs
import psycopg

from dagflow.clock import stopwatch
from dagflow.errors import StoreError
from dagflow.store.postgres.connection import Connection, close_quietly, execute, is_lost, timeline_of
from dagflow.store.postgres.transaction import InDoubt

_Result = TypeVar("_Result")

#: How long a lost connection is tried again: a server restarts in a second or two.
RECONNECT_SECONDS: Final = 10.0
_PAUSES: Final = (0.0, 0.02, 0.1, 0.25)
_OUTCOME: Final = "SELECT pg_xact_status($1::text::xid8)"


class Lost(StoreError):  # noqa: N818 - says what happened
    """The connection is lost, and cannot be made again."""


@attrs.define(eq=False)
class Session:
    """Uses one connection at a time. Not for several threads at once.

    Attributes:
        connect: makes a connection; None if a lost one cannot be replaced.
        shown: the store, for messages.
        timeline: of the server that it stays with; "" for any.
    """

    _connect: Callable[[], Connection] | None
    _shown: str
    _timeline: str = ""
    _connection: Connection | None = None
    _closed: threading.Event = attrs.field(factory=threading.Event)

    def use(self, work: Callable[[Connection], _Result]) -> _Result:
        """Do the work with the connection; again with another one if that is lost, unless it was committed.

        Raises:
            Lost: there was no connection for `RECONNECT_SECONDS`, or the server that is there now is another.
            psycopg.Error: the work failed for another reason.
        """
        began = stopwatch()
        doubt: InDoubt | None = None
        for pause in chain(_PAUSES, repeat(_PAUSES[-1])):
            connection, cause = self._tried()
            if connection is not None:
                try:
                    if doubt is None:
                        return work(connection)
                    outcome = self._outcome_of(connection, doubt)
                    if outcome == "committed":
                        return cast("_Result", doubt.result)
                    doubt = None if outcome == "aborted" else doubt
                except InDoubt as error:
                    doubt, cause = error, error.__cause__
                except psycopg.Error as error:
                    if not is_lost(connection):
                        raise
                    cause = error
            if cause is not None:
                self._drop()
            if self._connect is None or self._closed.is_set() or stopwatch() - began > RECONNECT_SECONDS * 1e9:
                raise self._lost(cause, is_in_doubt=doubt is not None) from cause
            self._closed.wait(pause)
        raise AssertionError

    def close(self) -> None:
        """Close the connection, which has no users any more."""
        self._closed.set()
        self._drop()

    def _tried(self) -> tuple[Connection | None, BaseException | None]:
        """The connection, or why there is none now. Raises Lost: there will be none."""
        if is_lost(self._connection):
            self._drop()
        if self._connection is None and self._connect is not None:
            try:
                self._connection = self._connect()
                timeline = timeline_of(self._connection) if self._timeline else ""
            except (psycopg.Error, StoreError) as error:  # no server answers, or one that is not fit, or not yet
                self._drop()
                return None, error
            if timeline != self._timeline:
                self._drop()
                raise Lost(
                    f"{self._shown} is another server now, a standby that was promoted, which may lack the last commits; open it again"
                )
        return self._connection, None

    def _drop(self) -> None:
        if self._connection is not None:
            close_quietly(self._connection)
            self._connection = None

    def _outcome_of(self, connection: Connection, doubt: InDoubt) -> str:
        outcome = execute(connection, _OUTCOME, (doubt.number,))[0][0]
        if outcome is None:
            raise self._lost(doubt.__cause__, is_in_doubt=True)
        return str(outcome)

    def _lost(self, cause: BaseException | None, *, is_in_doubt: bool) -> Lost:
        what = "in a commit, whose outcome is unknown" if is_in_doubt else "and could not be made again"
        return Lost(f"the connection to {self._shown} was lost {what} ({' '.join(str(cause).split())}); open it again")
