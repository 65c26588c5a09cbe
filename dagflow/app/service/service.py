"""The live service: publishes flows, and starts their runs when a trigger fires."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import attrs
import orjson
import trio

from dagflow.admission.requests import Stage
from dagflow.app.catalogs import ActionCatalog
from dagflow.app.compiling import compile as compile_text
from dagflow.app.entry_checks import check_in_trio, checked_count, checked_instant, checked_run, checked_text
from dagflow.app.interpreter import Interpreter
from dagflow.app.service.gates import ACTIVE, PAUSED, RETIRED, Gate, Gates
from dagflow.app.service.manifests import WEBHOOK, encoded, version_of
from dagflow.app.service.opening import catch_up
from dagflow.app.service.outcomes import Delivery, Outcome, Version
from dagflow.app.service.routing import Router
from dagflow.clock import Clock, SystemClock
from dagflow.drivers.local.batch import Decision, Note
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.errors import UsageError
from dagflow.execution.bindings import Origin
from dagflow.execution.input import as_input
from dagflow.ids import new_run_id
from dagflow.lang.compiler import Compilation
from dagflow.model.flow import Flow
from dagflow.model.typeguards import is_object
from dagflow.store.api import RunRow, Store
from dagflow.store.open import open_store
from dagflow.store.service_rows import PublishedRow, RequestRow
from dagflow.webhooks import Scheme, WebhookRefused


@attrs.define(eq=False)
class Service:
    """Published flows, and the runs that start by themselves; made by `Service.open`.

    Attributes:
        interpreter: drives the runs; for looking at them, and for everything about one of them.
    """

    interpreter: Interpreter
    _catalog: ActionCatalog
    _store: Store
    _clock: Clock
    _router: Router
    _webhooks: Mapping[str, Scheme] = attrs.field(factory=dict[str, "Scheme"])
    _publishing: trio.Lock = attrs.field(factory=trio.Lock)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: str | os.PathLike[str],
        *,
        catalog: ActionCatalog,
        clock: Clock | None = None,
        store: Store | None = None,
        webhooks: Mapping[str, Scheme] | None = None,
        **options: Any,
    ) -> AsyncGenerator[Service]:
        """Open a store, resume its runs, its requests and missed events, and serve until the block is left.

        Args:
            path, catalog, clock, store: as of `Interpreter.open`.
            webhooks: who signs each webhook that is accepted, by its name; see `dagflow.webhooks`.
            options: the others of `Interpreter.open`.

        Raises:
            StoreError: the store cannot be opened, or failed while it was open.
            UsageError: as `Interpreter.open`.
        """
        check_in_trio()
        clock = clock or SystemClock()
        opened = store if store is not None else await trio.to_thread.run_sync(open_store, path)
        try:
            async with Interpreter.open(path, catalog=catalog, clock=clock, store=opened, **options) as interpreter:
                driver, loader, starter = interpreter.parts
                router = Router(Gates(opened, clock, driver, loader, starter))
                driver.attach(router)
                service = cls(interpreter, catalog, opened, clock, router, webhooks or {})
                await catch_up(router, opened)
                try:
                    yield service
                finally:
                    router.is_closing = True
                    driver.look_up()
        finally:
            # If an option is refused, the interpreter has not taken the store over.
            opened.close()

    # ---- published flows

    async def publish(
        self, source: str | Compilation | Flow, *, name: str | None = None, author: str = "", comment: str = ""
    ) -> Version:
        """Publish a flow: from now on its triggers start runs, in place of the version before, if there is one.

        Runs stay on the version they began with, and so do requests that came before. A flow that was paused stays paused, and one that was retired is
        active again. Publishing the newest version again changes nothing.

        Args:
            source: a text, its compilation, or a compiled flow.
            name: of the flow, where the text has several.
            author, comment: kept with the version.

        Raises:
            FlowInvalid: the text has errors.
            UsageError: the catalog lacks actions of the flow, or there is no such flow in the text.
            StoreError: the store failed.
        """
        flow = self._compiled(source, name)
        _, loader, _ = self.interpreter.parts
        prepared = loader.programs.of(flow)
        loader.check_actions(prepared.program)
        async with self._publishing:
            gate = self._router.gates.gates.get(flow.name)
            if gate is not None and gate.version.digest == prepared.digest and gate.state != RETIRED:
                return self._version(gate)
            state = PAUSED if gate is not None and gate.state == PAUSED else ACTIVE
            row = PublishedRow(
                flow=flow.name,
                number=1 if gate is None else gate.version.number + 1,
                digest=prepared.digest,
                state=state,
                at=self._clock.now(),
                author=_short(author, "`author`"),
                comment=_short(comment, "`comment`"),
                manifest=encoded(prepared.program),
                text=flow.source,
            )
            await trio.to_thread.run_sync(self._store.publish, row, prepared.encoded)
            before = None if gate is None else gate.version
            if gate is None:
                gate = Gate(row, state)
            gate.unload()
            gate.version, gate.state = attrs.evolve(row, text=""), state
            self._router.put(gate, before, row.at)
            self._router.gates.tick(gate)
            return self._version(gate, row)

    async def pause(self, flow: str) -> Version:
        """Begin no more runs of a flow. Requests are stored, and begin when the flow is resumed. Raises UsageError, StoreError."""
        return await self._change(flow, PAUSED, is_paused=True)

    async def resume(self, flow: str) -> Version:
        """Go on with a flow that was paused. Raises UsageError, StoreError."""
        return await self._change(flow, ACTIVE, is_paused=False)

    async def retire(self, flow: str) -> Version:
        """Accept no more requests for a flow. Accepted ones still get their runs, and these continue. Raises UsageError, StoreError."""
        return await self._change(flow, RETIRED, is_paused=False)

    def flows(self) -> list[Version]:
        """The newest version of each published flow, by name."""
        gates = self._router.gates.gates
        return [self._version(gates[name]) for name in sorted(gates)]

    async def versions(self, flow: str) -> list[Version]:
        """All versions of a flow, the newest first, with their texts. Raises UsageError: it was never published; StoreError."""
        gate = self._gate(flow)
        rows = await trio.to_thread.run_sync(self._store.versions, gate.name)
        return [version_of(row, gate.state, gate.problem) for row in rows]

    # ---- events and webhooks

    async def send(self, event: str, payload: object, *, id: str | None = None) -> Delivery:  # noqa: A002 - the word of the API
        """Send an event to the flows that it starts and to the runs that wait for it; when this returns all that will survive a crash.

        Args:
            event, payload, id: as of `Interpreter.send`.

        Returns:
            The outcome.

        Raises:
            WireError, UsageError, StoreError: as `Interpreter.send`.
        """
        if str(event).startswith(WEBHOOK):
            raise UsageError(f"the name of an event must not begin with `{WEBHOOK}`, which is for webhooks; got {event[:80]!r}")
        return await self._send(event, payload, id)

    async def webhook(self, name: str, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Take a webhook: store it as an event, as it came, and start the flows with `on webhook` of that name.

        A webhook with an id of its sender is accepted once.

        Args:
            name: of the webhook, as flows have it; the host has bound a scheme to it.
            headers: of the request; their names in any case.
            body: of the request, as it came; JSON.

        Raises:
            WebhookRefused: the name has no scheme, or the webhook is not signed as agreed, too old, or no JSON.
            UsageError: it is too large.
            StoreError: the store failed; the sender may send it again.
        """
        scheme = self._webhooks.get(name)
        if scheme is None:
            raise WebhookRefused(
                f"no scheme is bound to the webhook {str(name)[:80]!r}; bind one with `webhooks=` of `Service.open`"
            )
        now = self._clock.now()
        sender_id = scheme.verify({key.lower(): value for key, value in headers.items()}, body, now)
        value = _json_of(body)
        if is_object(value) and "challenge" in value and value.get("type") == "url_verification":
            return Delivery(event_id="", answer=str(value["challenge"]))
        digest = hashlib.sha256(sender_id.encode()).hexdigest()
        event_id = f"webhook:{name[:100]}:{digest}" if sender_id else None
        return await self._send(WEBHOOK + name, {"raw": body.decode()}, event_id)

    async def _send(self, event: str, payload: object, event_id: str | None) -> Delivery:
        sending = await self.interpreter.deliver(event, payload, event_id)
        if sending is None:
            return Delivery(event_id=event_id or "", is_duplicate=True)
        outcomes = [await self._outcome(decision) for decision in sending.decisions]
        return Delivery(event_id=sending.event.id, n_waits=sending.n_reached, outcomes=tuple(outcomes))

    async def start(
        self,
        flow: str,
        input: object = None,  # noqa: A002 - the word of the API
        *,
        id: str | None = None,  # noqa: A002 - likewise
        at: int | None = None,
    ) -> Outcome:
        """Ask for a run of a published flow, as a trigger would: its policies decide when it begins, and whether.

        Args:
            flow: its name.
            input: as JSON values.
            id: a name for this request; a second one of this name asks for nothing, and returns what became of the first.
            at: the instant to ask at, nanoseconds since 1970 UTC; at once if not given.

        Raises:
            UsageError: there is no such flow, it is retired, or the input or the id does not fit.
            EvaluationError: a key of a policy has no value.
            StoreError: the store failed.
        """
        gate = self._gate(flow)
        request_id = "start:" + (new_run_id(self._clock.now()) if id is None else checked_text(id, "the id of a start"))
        not_before = 0 if at is None else checked_instant(at, "`at`")
        async with self._publishing:
            if gate.state == RETIRED:
                raise UsageError(f"the flow {flow!r} is retired and takes nothing; publish it again")
            known = gate.rows.get(request_id) or await trio.to_thread.run_sync(self._store.request, flow, request_id)
            driver, loader, _ = self.interpreter.parts
            if known is not None:
                # A recent decision may still be on its way to the store.
                return await self._outcome(Decision(known, driver.loaded_runs.get(known.run)))
            if driver.is_draining:
                raise UsageError("the service is draining and begins nothing; ask again when it is open")
            prepared, _ = gate.load(loader, self._store, self._clock.now())
            value = as_input(prepared.program, input)
            gates = self._router.gates
            decision = gates.ask(gate, request_id, value, Origin(), at=self._clock.now(), not_before=not_before)
        return await self._outcome(decision)

    async def requests(self, flow: str, *, stages: Collection[Stage] = (), limit: int = 100) -> list[RequestRow]:
        """Requests for runs of a flow, the newest first; only those in `stages`, if there are any. Raises UsageError, StoreError."""
        gate = self._gate(flow)
        read = partial(
            self._store.requests, gate.name, stages=[str(stage) for stage in stages], limit=checked_count(limit, "`limit`")
        )
        return await trio.to_thread.run_sync(read)

    async def withdraw(self, flow: str, request_id: str) -> Outcome:
        """Drop a request that has no run yet; ignore one that has. Raises UsageError: there is none of that id; StoreError."""
        gate = self._gate(flow)
        row = gate.rows.get(request_id)
        if row is not None and Stage(row.stage).is_open:
            gates = self._router.gates
            decision = gates.watch(row)
            gates.withdraw(gate, request_id)
            return await self._outcome(decision)
        known = row or await trio.to_thread.run_sync(self._store.request, flow, request_id)
        if known is None:
            raise UsageError(f"flow {flow!r} has no request {request_id!r}; `requests()` lists them")
        return _shown(known)

    async def cancel(self, flow: str) -> int:
        """Cancel everything that a flow has under way: requests without a run are dropped, runs are cancelled.

        Returns:
            How many there were. It returns once all of them have ended.

        Raises:
            UsageError: there is no such flow, or the service is draining.
            StoreError: the store failed.
        """
        gate = self._gate(flow)
        rows = list(gate.rows.values())
        # Requests without a run first, or the end of another would start their runs.
        for row in sorted(rows, key=lambda row: bool(row.run)):
            if row.run:
                await self.interpreter.cancel(row.run)
            else:
                await self.withdraw(flow, row.id)
        return len(rows)

    async def run_row(self, run_id: str) -> RunRow | None:
        """The row of a run; None if there is none. Raises UsageError: no run has such an id; StoreError."""
        return await trio.to_thread.run_sync(self._store.run, checked_run(run_id))

    async def flow_of(self, row: RunRow) -> Flow:
        """The flow that a run is pinned to. Raises StoreError."""
        _, loader, _ = self.interpreter.parts
        return (await trio.to_thread.run_sync(loader.programs.load, self._store, row.digest)).program.flow

    @property
    def is_draining(self) -> bool:
        """Whether nothing begins any more."""
        return self.interpreter.parts[0].is_draining

    # ---- inside

    async def _outcome(self, decision: Decision) -> Outcome:
        """What became of a request, once that is in the store."""
        driver, _, _ = self.interpreter.parts
        match decision.kept_by:
            case LoadedRun() as live:
                await live.wait_committed(1)
                if live.broken is not None and live.request is not None:
                    raise live.broken
            case Note() as note:
                await note.is_kept.wait()
            case _:
                pass
        if driver.error is not None:
            raise driver.error
        return _shown(decision.row)

    async def _change(self, flow: str, state: str, *, is_paused: bool) -> Version:
        gate = self._gate(flow)
        async with self._publishing:
            if gate.state == RETIRED and state != RETIRED:
                raise UsageError(f"the flow {flow!r} is retired; publish it again")
            await trio.to_thread.run_sync(self._store.note_state, flow, state)
            gate.state = state
            self._router.gates.set_paused(gate, is_paused=is_paused)
        return self._version(gate)

    def _compiled(self, source: str | Compilation | Flow, name: str | None) -> Flow:
        if isinstance(source, str):
            source = compile_text(source, catalog=self._catalog)
        return source.unwrap(name) if isinstance(source, Compilation) else source

    def _gate(self, flow: str) -> Gate:
        gate = self._router.gates.gates.get(flow)
        if gate is None:
            raise UsageError(f"no published flow {flow!r}; `flows()` lists them")
        return gate

    def _version(self, gate: Gate, row: PublishedRow | None = None) -> Version:
        return version_of(row or gate.version, gate.state, gate.problem)


def _shown(row: RequestRow) -> Outcome:
    return Outcome(flow=row.flow, id=row.id, stage=Stage(row.stage), run=row.run, reason=row.reason)


def _json_of(body: bytes) -> object:
    try:
        return cast("object", orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise WebhookRefused(f"the body of a webhook must be JSON in UTF-8: {error}") from None


def _short(text: str, what: str) -> str:
    return checked_text(text, what) if text else ""
