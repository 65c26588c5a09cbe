"""One tenant of a service: its published flows, and the runs that start when a trigger fires."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from functools import partial
from typing import cast

import attrs
import orjson
import trio

from dagflow.actions.host_values import as_json
from dagflow.admission.requests import Stage
from dagflow.app.compiling import compile as compile_text
from dagflow.app.entry_checks import checked_count, checked_instant, checked_text
from dagflow.app.outcomes import Delivery, DueSchedule, Outcome, Version
from dagflow.app.rerunning import RerunPlan
from dagflow.app.service.crons import next_due, schedules_due
from dagflow.app.service.gates import ACTIVE, PAUSED, RETIRED, Gate
from dagflow.app.service.manifests import WEBHOOK, encoded, listeners_of, version_of
from dagflow.app.service.tenant_runs import TenantRuns
from dagflow.app.service.version_diff import VersionDiff, diff_of
from dagflow.drivers.local.batch import Decision, Note
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.errors import NotFound, NotServed, UsageError
from dagflow.execution.bindings import Origin
from dagflow.execution.input import as_input
from dagflow.ids import new_run_id
from dagflow.lang.compiler import Compilation
from dagflow.model.flow import Flow
from dagflow.model.typeguards import is_object
from dagflow.store.service_rows import PublishedRow, RequestRow
from dagflow.webhooks import WebhookRefused


@attrs.define(eq=False)
class Tenant(TenantRuns):
    """The flows, requests, events and runs of one tenant, and of no other; made by `Service.tenant`.

    Ids of runs, events, starts and requests, and names of flows, are looked up among those of the tenant: what another tenant has does
    not exist here.
    """

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
            UsageError: the catalog lacks actions of the flow, its tenant may not use one of its actions, events or secrets, or there is no such flow in the text.
            StoreError: the store failed.
        """
        flow, parts = self._compiled(source, name), self._parts
        _, loader, _ = parts.interpreter.parts
        prepared = loader.programs.of(flow)
        loader.check_actions(prepared.program, tenant=self.name)
        parts.policies.check_limits(self.name, prepared.program)
        async with parts.publishing:
            gate = await self._found(flow.name)
            if gate is not None and gate.version.digest == prepared.digest and gate.state != RETIRED:
                return self._version(gate)
            state = PAUSED if gate is not None and gate.state == PAUSED else ACTIVE
            row = PublishedRow(
                tenant=self.name,
                flow=flow.name,
                number=1 if gate is None else gate.version.number + 1,
                digest=prepared.digest,
                state=state,
                at=parts.clock.now(),
                author=_short(author, "`author`"),
                comment=_short(comment, "`comment`"),
                manifest=encoded(prepared.program, parts.catalog.interface),
                text=flow.source,
            )
            listeners, due_at = listeners_of(prepared.program, self.name), next_due(row, row.at)
            await trio.to_thread.run_sync(parts.store.publish, row, prepared.encoded, listeners, due_at)
            gate = parts.router.put(attrs.evolve(row, text=""), state, due_at)
            parts.router.gates.tick(gate)
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

    async def flows(self) -> list[Version]:
        """The newest version of each published flow, by name. Raises StoreError."""
        rows = await trio.to_thread.run_sync(self._parts.store.published, self.name)
        return [self._version_of(row) for row in rows]

    async def versions(self, flow: str) -> list[Version]:
        """All versions of a flow, the newest first, with their texts. Raises UsageError: it was never published; StoreError."""
        gate = await self._gate(flow)
        rows = await trio.to_thread.run_sync(self._parts.store.versions, *gate.place)
        return [version_of(row, gate.state, gate.problem) for row in rows]

    async def schedules(self) -> list[DueSchedule]:
        """The schedules of all published flows, by the names of the flows. Raises StoreError."""
        rows = await trio.to_thread.run_sync(self._parts.store.published, self.name)
        return [each for row in rows for each in schedules_due(row, self._parts.clock.now())]

    async def diff(self, flow: str, before: int, after: int | None = None) -> VersionDiff:
        """Compare two versions of a flow in text, steps and manifest.

        Args:
            flow: its name.
            before, after: the numbers of the versions; `after` is the newest one if not given.

        Raises:
            UsageError: there is no such flow or version.
            StoreError: the store failed.
        """
        versions = {version.number: version for version in await self.versions(flow)}
        numbers = (before, max(versions) if after is None else after)
        for number in numbers:
            if number not in versions:
                raise NotFound(f"the flow {flow!r} has the versions 1 to {max(versions)}; got {number!r}")
        old, new = (versions[number] for number in numbers)
        flows = [await self._load(version.digest) for version in (old, new)]
        return diff_of(old, new, *flows)

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

    async def webhook(self, name: str, headers: Mapping[str, str], body: bytes, *, is_own: bool = False) -> Delivery:
        """Take a webhook: store it as an event, as it came, and start the flows with `on webhook` of that name.

        A webhook with an id of its sender is accepted once.

        Args:
            name: of the webhook, as flows have it. The host has bound a scheme to `TENANT/NAME`, for this tenant, or to the name, for all.
            headers: of the request; their names in any case.
            body: of the request, as it came; JSON.
            is_own: accept only a scheme that is bound for this tenant, so that its secret says whose webhook this is.

        Raises:
            WebhookRefused: the name has no scheme, or the webhook is not signed as agreed, or too old.
            UsageError: it is too large, or no JSON.
            StoreError: the store failed; the sender may send it again.
        """
        schemes, own = self._parts.webhooks, f"{self.name}/{name}" if self.name else name
        scheme = schemes.get(own) or (None if is_own else schemes.get(name))
        if scheme is None:
            place = own if is_own else name
            raise WebhookRefused(
                f"no scheme is bound to the webhook {str(place)[:80]!r}; bind one with `webhooks=` of `Service.open`"
            )
        now = self._parts.clock.now()
        sender_id = scheme.verify({key.lower(): value for key, value in headers.items()}, body, now)
        value = _json_of(body)
        if is_object(value) and "challenge" in value and value.get("type") == "url_verification":
            return Delivery(event_id="", answer=str(value["challenge"]))
        digest = hashlib.sha256(sender_id.encode()).hexdigest()
        event_id = f"webhook:{name[:100]}:{digest}" if sender_id else None
        return await self._send(WEBHOOK + name, {"raw": body.decode()}, event_id)

    async def _send(self, event: str, payload: object, event_id: str | None) -> Delivery:
        sending = await self._parts.interpreter.deliver(event, payload, event_id, self.name)
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
            input: as JSON values, or as the host's own, as of `Interpreter.start`.
            id: a name for this request; a second one of this name asks for nothing, and returns what became of the first.
            at: the instant to ask at, nanoseconds since 1970 UTC; at once if not given.

        Raises:
            UsageError: there is no such flow, it is retired, or the input or the id does not fit.
            EvaluationError: a key of a policy has no value.
            NotServed: the service is draining; repeat the call with the same id.
            StoreError: the store failed.
        """
        return await self._start(flow, input, id, at)

    async def _start(
        self,
        flow: str,
        input: object,  # noqa: A002 - the word of the API
        id: str | None,  # noqa: A002 - likewise
        at: int | None = None,
        rerun: str = "",
    ) -> Outcome:
        gate = await self._gate(flow)
        request_id = "start:" + (new_run_id(self._parts.clock.now()) if id is None else checked_text(id, "the id of a start"))
        not_before = 0 if at is None else checked_instant(at, "`at`")
        async with self._parts.publishing:
            if gate.state == RETIRED:
                raise UsageError(f"the flow {flow!r} is retired and takes nothing; publish it again")
            known = gate.rows.get(request_id) or await trio.to_thread.run_sync(
                self._parts.store.request, self.name, flow, request_id
            )
            driver, loader, _ = self._parts.interpreter.parts
            if known is not None:
                # A recent decision may still be on its way to the store.
                return await self._outcome(Decision(known, driver.loaded_runs.get(known.run)))
            if driver.is_draining:
                raise NotServed("the service is draining and begins nothing; ask again when it is open")
            prepared, _ = gate.load(loader, self._parts.store, self._parts.clock.now())
            value = as_input(prepared.program, as_json(input))
            gates = self._parts.router.gates
            now = self._parts.clock.now()
            decision = gates.ask(gate, request_id, value, Origin(), at=now, not_before=not_before, rerun=rerun)
        return await self._outcome(decision)

    async def rerun(self, run_id: str, *, id: str | None = None, from_step: str | None = None) -> Outcome:  # noqa: A002
        """Ask for a run with the input of another one, as `start` does: the newest version takes it, and its policies apply.

        Args:
            run_id: of a run of this tenant, ended or not.
            id: as of `start`; without one every call asks for a run.
            from_step: as of `Interpreter.rerun`. Steps that have changed since the version of the other run run again.

        Raises:
            UsageError: there is no such run, it is a child run, it cannot begin with that step, or as `start`.
            WireError: the input does not fit the newest version.
            StoreError: the store failed.
        """
        earlier = await self._earlier(run_id)
        if from_step is not None:
            await self.plan_rerun(run_id, from_step)
        rerun = "" if from_step is None else orjson.dumps([earlier.run, from_step]).decode()
        value = earlier.program.input_codec.encode(earlier.input)
        return await self._start(earlier.program.flow.name, value, id, rerun=rerun)

    async def plan_rerun(self, run_id: str, from_step: str) -> RerunPlan:
        """Return which steps a rerun from that step keeps and which run again, and why, without asking for it. Raises as `rerun`."""
        earlier = await self._earlier(run_id)
        return await self._planned(earlier, (await self._gate(earlier.program.flow.name)).version.digest, from_step)

    async def requests(
        self, flow: str, *, stages: Collection[Stage] = (), limit: int = 100, before: tuple[int, int, str] | None = None
    ) -> list[RequestRow]:
        """Requests for runs of a flow, the newest first; only those in `stages`, if there are any.

        With `before`, the `at`, `event` and `id` of a request, they are older than that one. Raises UsageError, StoreError.
        """
        gate = await self._gate(flow)
        read = partial(
            self._parts.store.requests,
            *gate.place,
            stages=[str(stage) for stage in stages],
            limit=checked_count(limit, "`limit`"),
            before=before,
        )
        return await trio.to_thread.run_sync(read)

    async def withdraw(self, flow: str, request_id: str) -> Outcome:
        """Drop a request that has no run yet; ignore one that has. Raises UsageError: there is none of that id; StoreError."""
        gate = await self._gate(flow)
        row = gate.rows.get(request_id)
        if row is not None and Stage(row.stage).is_open:
            gates = self._parts.router.gates
            decision = gates.watch(row)
            gates.withdraw(gate, request_id)
            return await self._outcome(decision)
        known = row or await trio.to_thread.run_sync(self._parts.store.request, self.name, flow, request_id)
        if known is None:
            raise NotFound(f"flow {flow!r} has no request {request_id!r}; `requests()` lists them")
        return _shown(known)

    async def cancel(self, flow: str) -> int:
        """Cancel everything that a flow has under way: requests without a run are dropped, runs are cancelled.

        Returns:
            How many there were. It returns once all of them have ended.

        Raises:
            UsageError: there is no such flow.
            NotServed: the service is draining.
            StoreError: the store failed.
        """
        gate = await self._gate(flow)
        rows = list(gate.rows.values())
        # Requests without a run first, or the end of another would start their runs.
        for row in sorted(rows, key=lambda row: bool(row.run)):
            if row.run:
                await self._parts.interpreter.cancel(row.run)
            else:
                await self.withdraw(flow, row.id)
        return len(rows)

    # ---- inside

    async def _outcome(self, decision: Decision) -> Outcome:
        """What became of a request, once that is in the store."""
        driver, _, _ = self._parts.interpreter.parts
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
        gate = await self._gate(flow)
        async with self._parts.publishing:
            if gate.state == RETIRED and state != RETIRED:
                raise UsageError(f"the flow {flow!r} is retired; publish it again")
            await trio.to_thread.run_sync(self._parts.store.note_state, self.name, flow, state)
            gate.state = state
            self._parts.router.gates.set_paused(gate, is_paused=is_paused)
        return self._version(gate)

    def _compiled(self, source: str | Compilation | Flow, name: str | None) -> Flow:
        if isinstance(source, str):
            limits = self._parts.policies.compiler_limits(self.name)
            source = compile_text(source, catalog=self._parts.catalog, limits=limits)
        return source.unwrap(name) if isinstance(source, Compilation) else source

    async def _found(self, flow: str) -> Gate | None:
        gates = self._parts.router.gates
        gate = gates.gates.get((self.name, flow))
        if gate is None:
            # Only the first look reads the store, in a thread; the gate is made here, if no other task was first.
            version = await trio.to_thread.run_sync(self._parts.store.newest, self.name, flow)
            gate = None if version is None else gates.gates.get((self.name, flow)) or gates.put(version, version.state)
        return gate

    async def _gate(self, flow: str) -> Gate:
        gate = await self._found(checked_text(flow, "the name of a flow"))
        if gate is None:
            raise NotFound(f"no published flow {flow!r}; `flows()` lists them")
        return gate

    def _version(self, gate: Gate, row: PublishedRow | None = None) -> Version:
        return version_of(row or gate.version, gate.state, gate.problem)

    def _version_of(self, row: PublishedRow) -> Version:
        gate = self._parts.router.gates.gates.get((row.tenant, row.flow))
        return version_of(row, row.state, "" if gate is None else gate.problem)


def _shown(row: RequestRow) -> Outcome:
    return Outcome(flow=row.flow, id=row.id, stage=Stage(row.stage), run=row.run, reason=row.reason)


def _json_of(body: bytes) -> object:
    try:
        return cast("object", orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise UsageError(f"the body of a webhook must be JSON in UTF-8: {error}") from None


def _short(text: str, what: str) -> str:
    return checked_text(text, what) if text else ""
