"""Call the process that drives the runs of a store, from any other process: of the same machine and user, or anywhere over Postgres.

    from dagflow import Client

    client = Client("runs.db")
    client.send("order/paid", {"id": "A-1"}, id="payment-17")

A client keeps no thread and no connection: it connects for each call, so it may be made before a fork and used in any thread. It
blocks; `dagflow.asyncio.Client` does not.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeVar

import attrs
import orjson

from dagflow.actions.host_values import as_json
from dagflow.admission.requests import Stage
from dagflow.app.archive import Archive
from dagflow.app.control.address import reachable, socket_of
from dagflow.app.control.messages import REPEATABLE, Call, decode_answer, encode_call
from dagflow.app.entry_checks import checked_text
from dagflow.app.outcomes import Changes, Delivery, DueSchedule, FeedPlace, Outcome, Version
from dagflow.app.rerunning import RerunPlan
from dagflow.app.service.version_diff import VersionDiff
from dagflow.clock import stopwatch
from dagflow.errors import NotFound, NotServed, UsageError
from dagflow.execution.results import RunResult
from dagflow.ids import RunId, new_call_id
from dagflow.store.api import Record, RunRow
from dagflow.store.inbox import Unanswered, Untaken
from dagflow.store.open import ask_in, exchange, is_url
from dagflow.store.service_rows import RequestRow

_Value = TypeVar("_Value")
#: How long a call may take, where nothing else is said.
_SECONDS: Final = 30.0
_LEAST_SECONDS: Final = 0.001
#: The pause before a call is repeated.
_PAUSE_SECONDS: Final = 0.05


@attrs.frozen
class Client:
    """A client of the process that drives a store; for one tenant.

    Runs and histories are read from the store itself, so they can be read while no process drives it. All other calls raise
    `NotServed` then. Every call may raise `StoreError`.

    Attributes:
        store: the path of the store's file, or its `postgresql://` URL.
        tenant: whose flows and runs these are; "" for a service without tenants, and for an interpreter.
        seconds: how long a call waits for its answer; `wait` has a bound of its own.
        patience: for how many seconds a call is repeated while no process drives the store, such as while it is restarted. A call that a
            process took before it stopped is repeated only if it may happen twice. An event or a start happens once; a repeated event
            may be reported as a duplicate.
    """

    store: str | os.PathLike[str]
    tenant: str = attrs.field(default="", kw_only=True)
    seconds: float = attrs.field(default=_SECONDS, kw_only=True)
    patience: float = attrs.field(default=0.0, kw_only=True)

    # ---- flows

    def publish(self, text: str, *, name: str | None = None, author: str = "", comment: str = "") -> Version:
        """Publish a flow. See `Service.publish`.

        Raises:
            FlowInvalid: the text has errors; the message shows them.
            UsageError: as `Service.publish`, or the process drives runs without a service.
            NotServed: no process drives the store.
        """
        return self._call(Version, "publish", text=text, name=name, author=author, comment=comment)

    def flows(self) -> tuple[Version, ...]:
        """Return the newest version of each published flow, by name. Raises as `publish`."""
        return self._call(tuple[Version, ...], "flows")

    def versions(self, flow: str) -> tuple[Version, ...]:
        """Return all versions of a flow, the newest first. Raises as `publish`."""
        return self._call(tuple[Version, ...], "versions", flow=flow)

    def pause(self, flow: str) -> Version:
        """Begin no more runs of a flow. See `Service.pause`. Raises as `publish`."""
        return self._call(Version, "pause", flow=flow)

    def resume(self, flow: str) -> Version:
        """Go on with a paused flow. See `Service.resume`. Raises as `publish`."""
        return self._call(Version, "resume", flow=flow)

    def retire(self, flow: str) -> Version:
        """Accept no more requests for a flow. See `Service.retire`. Raises as `publish`."""
        return self._call(Version, "retire", flow=flow)

    def diff(self, flow: str, before: int, after: int | None = None) -> VersionDiff:
        """Compare two versions of a flow. See `Service.diff`. Raises as `publish`."""
        return self._call(VersionDiff, "diff", flow=flow, before=before, after=after)

    def schedules(self) -> tuple[DueSchedule, ...]:
        """Return the schedules of the published flows, and when they are due next. Raises as `publish`."""
        return self._call(tuple[DueSchedule, ...], "schedules")

    # ---- events and starts

    def send(self, event: str, payload: object = None, *, id: str | None = None) -> Delivery:  # noqa: A002 - the word of the API
        """Send an event to the flows that it starts and to the runs that wait for it; it is in the store when this returns.

        Args:
            event: its name.
            payload: as JSON values, or a model; None is `{}`.
            id: a name for this event. An event of this name is taken once, so a call that failed can be repeated.

        Raises:
            WireError: the payload does not fit.
            UsageError: as `Service.send`.
            NotServed: no process drives the store, or it stopped during the call.
        """
        return self._call(Delivery, "send", event=event, payload={} if payload is None else as_json(payload), id=id)

    def start(
        self,
        flow: str,
        input: object = None,  # noqa: A002 - the word of the API
        *,
        id: str | None = None,  # noqa: A002 - likewise
        at: int | None = None,
    ) -> Outcome:
        """Ask for a run of a published flow. See `Service.start`. Raises as `send`, and `EvaluationError`."""
        return self._call(Outcome, "start", flow=flow, input=as_json(input), id=id, at=at)

    def rerun(self, run: str, *, id: str | None = None, from_step: str | None = None) -> Outcome:  # noqa: A002 - likewise
        """Ask for a run with the input of another one. See `Tenant.rerun`, and `Interpreter.rerun`. Raises as `start`."""
        return self._call(Outcome, "rerun", run=run, id=id, from_step=from_step)

    def plan_rerun(self, run: str, from_step: str) -> RerunPlan:
        """Return the plan of a rerun from a step. See `Interpreter.plan_rerun`. Raises as `start`."""
        return self._call(RerunPlan, "plan_rerun", run=run, from_step=from_step)

    def withdraw(self, flow: str, request: str) -> Outcome:
        """Drop a request that has no run yet. See `Service.withdraw`. Raises as `send`."""
        return self._call(Outcome, "withdraw", flow=flow, request=request)

    def cancel(self, flow: str) -> int:
        """Cancel everything that a flow has under way, and return how many there were. See `Service.cancel`. Raises as `send`."""
        return self._call(int, "cancel", flow=flow)

    def requests(
        self, flow: str, *, stages: Collection[Stage] = (), limit: int = 100, before: tuple[int, int, str] | None = None
    ) -> tuple[RequestRow, ...]:
        """Return the requests of a flow, the newest first, without their inputs. See `Service.requests`. Raises as `publish`."""
        wanted = [str(stage) for stage in stages]
        return self._call(tuple[RequestRow, ...], "requests", flow=flow, stages=wanted, limit=limit, before=before)

    def webhook(self, name: str, headers: Mapping[str, str], body: bytes, *, is_own: bool = False) -> Delivery:
        """Take a webhook, which the process that drives the store verifies. See `Service.webhook`.

        Raises:
            WebhookRefused: as `Service.webhook`.
            NotServed: as `send`.
        """
        text = body.decode("latin-1")
        return self._call(Delivery, "webhook", name=name, headers=dict(headers), body=text, is_own=is_own)

    # ---- inside a transaction of the caller

    def send_in(self, connection: object, event: str, payload: object = None, *, id: str | None = None) -> str:  # noqa: A002
        """Ask for an event inside a transaction of the caller: it happens if that commits, and not at all if it rolls back.

        A process that drives the store need not be there. The event is sent once, as soon as one is, and after the commit. What that
        process refuses then, such as a payload that does not fit, is in its log alone.

        Args:
            connection: to the database of the store: a connection or a cursor of psycopg, a `Connection` or `Session` of SQLAlchemy, or
                the connection of Django.
            event, payload, id: as of `send`.

        Returns:
            The id of the event.

        Raises:
            UsageError: the store is in a file, or an argument is not fit.
            Exception: the statement failed; the connection's own exception.
        """
        checked_text(event, "the name of an event")
        return self._asked_in(connection, "send", id, event=event, payload={} if payload is None else as_json(payload))

    def start_in(
        self,
        connection: object,
        flow: str,
        input: object = None,  # noqa: A002 - the word of the API
        *,
        id: str | None = None,  # noqa: A002 - likewise
        at: int | None = None,
    ) -> str:
        """Ask for a run inside a transaction of the caller. See `send_in`, and `start` for the arguments. Returns the id of the request."""
        checked_text(flow, "the name of a flow")
        return self._asked_in(connection, "start", id, flow=flow, input=as_json(input), at=at)

    # ---- runs

    def cancel_run(self, run: str) -> RunResult:
        """Cancel a run and wait until it has ended. See `Interpreter.cancel`. Raises as `send`."""
        self._call(str, "cancel_run", run=run)
        return self.result(run)

    def delete_run(self, run: str) -> None:
        """Delete a run that has ended. See `Interpreter.delete`. Raises as `send`."""
        self._call(bool, "delete_run", run=run)

    def retry(self, run: str, *, steps: Collection[str] = (), by: str = "") -> RunResult:
        """Go on with a run that failed, and return how it stands then. See `Interpreter.retry`. Raises as `send`."""
        self._call(str, "retry", run=run, steps=list(steps), by=by)
        return self.result(run)

    def skip(self, run: str, step: str, result: object = None, *, by: str = "") -> RunResult:
        """Give a step its result, and return how the run stands then. See `Interpreter.skip`. Raises as `send`."""
        self._call(str, "skip", run=run, step=step, result=as_json(result), by=by)
        return self.result(run)

    def wait(self, run: str, *, seconds: float | None = None) -> RunResult:
        """Wait until a run has ended, and return its result.

        Args:
            run: its id.
            seconds: how long to wait at most; None for no bound.

        Raises:
            TimeoutError: the run has not ended by then.
            UsageError: there is no such run, or it cannot go on.
            NotServed: no process drives the store, or it stopped before the run ended.
        """
        self._row(run)
        try:
            self._called(str, "wait", {"run": run}, seconds)
        except Unanswered:
            raise TimeoutError(f"run {run} has not ended after {seconds:g} s") from None
        return self.result(run)

    def changes(self, after: FeedPlace | None = None, *, seconds: float = 30.0) -> Changes:
        """Follow the runs of the tenant: wait for the changes behind a place. See `Service.changes`. Raises as `ping`."""
        place = FeedPlace("", 0) if after is None else after
        arguments = {"feed": place.feed, "number": place.number, "seconds": seconds}
        return self._called(Changes, "changes", arguments, self.seconds + seconds)

    def runs(self, *, unfinished: bool = False, limit: int = 100, before: str | None = None) -> list[RunRow]:
        """Return the runs of the tenant, the newest first, older than `before`."""
        with Archive.open(self.store) as archive:
            older = None if before is None else RunId(before)
            return archive.runs(unfinished=unfinished, limit=limit, before=older, tenant=self.tenant)

    def result(self, run: str) -> RunResult:
        """Return how a run stands, or how it ended. Raises UsageError: the tenant has no such run."""
        return self._read(run, lambda archive, found: archive.result(found)[1])

    def history(self, run: str) -> list[Record]:
        """Return the events of a run's history, in order. Raises UsageError: the tenant has no such run."""
        return self._read(run, Archive.history)

    # ---- the process

    def ping(self) -> int:
        """Return the id of the process that drives the store. Raises NotServed: there is none."""
        return self._call(int, "ping")

    def prune(self, before: int) -> None:
        """Remove runs that ended before that instant, however long it takes. See `Interpreter.prune`. Raises as `ping`."""
        self._called(bool, "prune", {"before": before}, None)

    def resume_run(self, run: str) -> None:
        """Try a blocked run again. See `Interpreter.get_run`. Raises as `ping`, and UsageError: the run cannot go on."""
        self._call(bool, "resume_run", run=run)

    # ---- inside

    def _row(self, run: str) -> RunRow:
        with Archive.open(self.store) as archive:
            return self._found(archive, run)

    def _found(self, archive: Archive, run: str) -> RunRow:
        row = archive.row(RunId(run))
        if row is None or row.tenant != self.tenant:
            raise NotFound(f"no run {run}; `runs()` lists the runs")
        return row

    def _read(self, run: str, read: Callable[[Archive, RunId], _Value]) -> _Value:
        with Archive.open(self.store) as archive:
            return read(archive, self._found(archive, run).id)

    def _asked_in(self, connection: object, name: str, id_: str | None, /, **arguments: object) -> str:
        store = os.fspath(self.store)
        if not is_url(store):
            raise UsageError(
                f"`{name}_in` needs a store in the Postgres database of the connection; {store} is a file, so call `{name}` after the commit"
            )
        id_ = new_call_id() if id_ is None else checked_text(id_, "the id")
        call = Call(name, self.tenant, {**arguments, "id": id_})
        ask_in(connection, store, *_columns_of(call))
        return id_

    def _call(self, wanted: type[_Value], name: str, /, **arguments: object) -> _Value:
        return self._called(wanted, name, arguments, self.seconds)

    def _called(self, wanted: type[_Value], name: str, arguments: Mapping[str, object], seconds: float | None) -> _Value:
        call, began = _named(Call(name, self.tenant, arguments)), stopwatch()
        while True:
            past = (stopwatch() - began) / 1e9
            left = seconds if seconds is None or name != "wait" else seconds - past
            try:
                return decode_answer(wanted, self._exchanged(call, left))
            except Unanswered:
                raise
            except NotServed as error:
                # What no process took may be repeated even if it must not happen twice.
                if past >= self.patience or not (name in REPEATABLE or isinstance(error, Untaken)):
                    raise
            time.sleep(_PAUSE_SECONDS)

    def _exchanged(self, call: Call, seconds: float | None) -> bytes:
        store = os.fspath(self.store)
        if is_url(store):
            return exchange(store, new_call_id(), *_columns_of(call), seconds)
        return _exchanged(store, encode_call(call), seconds)


def _columns_of(call: Call) -> tuple[str, str, str]:
    """The tenant, the name and the arguments of a call in an inbox. Raises UsageError: as `encode_call`."""
    encode_call(call)
    return call.tenant, call.name, orjson.dumps(call.arguments).decode()


def _named(call: Call) -> Call:
    """An event, a start or a rerun gets an id, so that it happens once if the call is repeated, or the next process performs it again."""
    if call.name not in ("send", "start", "rerun") or call.arguments["id"] is not None:
        return call
    return attrs.evolve(call, arguments={**call.arguments, "id": new_call_id()})


def _exchanged(store: str, line: bytes, seconds: float | None) -> bytes:
    """Send a call and return the line of its answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        # With 0 a socket would not wait at all, not even for the connection.
        connection.settimeout(None if seconds is None else max(seconds, _LEAST_SECONDS))
        try:
            with reachable(socket_of(store)) as address:
                connection.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            raise Untaken(
                f"no process drives the runs of {store}; start one: `dagflow serve`, or a program with `dagflow.drive`"
            ) from None
        except OSError as error:
            raise Untaken(f"cannot reach the process that drives the runs of {store}: {error.strerror or error}") from None
        try:
            connection.sendall(line)
            answer = _received(connection)
        except TimeoutError:
            raise Unanswered(
                f"no answer after {seconds:g} s; the call may still happen, so repeat it with the same id"
            ) from None
        except OSError as error:
            raise NotServed(f"the process that drives the runs stopped during the call: {error.strerror or error}") from None
    if not answer.endswith(b"\n"):
        raise NotServed("the process that drives the runs stopped during the call; repeat it with the same id")
    return answer


def _received(connection: socket.socket) -> bytes:
    found = bytearray()
    while part := connection.recv(65_536):
        found += part
    return bytes(found)
