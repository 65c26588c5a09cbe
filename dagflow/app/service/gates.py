"""One gate for each published flow: the requests that came, the machine that decides about them, and the runs they have.

Every decision happens in memory and is written behind it: a request without a run is a row, and one with a run is a row in the
transaction that creates the run. Decisions lost in a crash are repeated: from the rows, from the events behind the trigger offset,
and from slots of schedules. So nothing is lost, and the id of a request keeps it from being accepted twice.
"""

from __future__ import annotations

import heapq
import itertools
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

import attrs
import orjson

from dagflow.admission import events
from dagflow.admission.commands import Accept, Begin, Cancel, Claim, Command, Drop, Hold, Supersede
from dagflow.admission.machine import Admission
from dagflow.admission.requests import Stage
from dagflow.app.program_cache import Prepared
from dagflow.app.rerunning import kept_by_request
from dagflow.app.run_loader import Loader
from dagflow.app.run_starter import Starter
from dagflow.app.service.held_rows import after, held_of, request_of
from dagflow.app.service.manifests import cancelled_by, listens_to
from dagflow.clock import Clock
from dagflow.drivers.local.batch import Decision, Note
from dagflow.drivers.local.driver import LocalDriver
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.errors import DagflowError
from dagflow.execution.admission import judged, keys_json, keys_of
from dagflow.execution.bindings import Origin
from dagflow.execution.evaluate import as_record
from dagflow.ids import RunId
from dagflow.store.api import Store
from dagflow.store.service_rows import PublishedRow, RequestRow

_logger: Final = logging.getLogger("dagflow.service")
ACTIVE: Final = "active"
PAUSED: Final = "paused"
RETIRED: Final = "retired"
DAMAGED: Final = "damaged"
#: Characters of a reason in a row.
_MOST_REASON: Final = 1_000
#: A published flow: its tenant and its name.
Place: TypeAlias = tuple[str, str]


@attrs.define(eq=False)
class Gate:
    """A published flow.

    Attributes:
        version: the newest one. state: of the flow.
        listens_to, cancelled_by: the events that start its runs, and those that cancel them.
        rows: the requests that are open or have a run that has not ended, by id.
        problem: why none of its runs can begin here, or "".
        due: when time changes something next, as the agenda has it.
    """

    version: PublishedRow
    state: str
    rows: dict[str, RequestRow] = attrs.field(factory=dict)
    problem: str = ""
    due: int | None = None
    listens_to: frozenset[str] = attrs.field(init=False)
    cancelled_by: frozenset[str] = attrs.field(init=False)
    #: Of the machine of the last version; None where the store has them all.
    _claims: list[tuple[str, int | None]] | None = None
    _accepted: list[tuple[str, int]] | None = None
    _loaded: tuple[Prepared, Admission] | None = None

    def __attrs_post_init__(self) -> None:
        self.listens_to, self.cancelled_by = listens_to(self.version), cancelled_by(self.version)

    @property
    def tenant(self) -> str:
        """The tenant of the flow."""
        return self.version.tenant

    @property
    def name(self) -> str:
        """The name of the flow."""
        return self.version.flow

    @property
    def place(self) -> Place:
        """The tenant and the name of the flow."""
        return self.version.tenant, self.version.flow

    @property
    def is_loaded(self) -> bool:
        """Whether its machine is there."""
        return self._loaded is not None

    def put(self, version: PublishedRow, state: str) -> None:
        """Another version takes over: rebuild the machine from the state of the last one."""
        if self._loaded is not None:
            self._claims, self._accepted = list(self._loaded[1].claims.items()), self._loaded[1].accepted
            self._loaded = None
        self.version, self.state = version, state
        self.listens_to, self.cancelled_by = listens_to(version), cancelled_by(version)

    def load(self, loader: Loader, store: Store, now: int) -> tuple[Prepared, Admission]:
        """The program of the newest version, and the machine. Raises StoreError."""
        if self._loaded is not None:
            return self._loaded
        prepared = loader.programs.load(store, self.version.digest)
        try:
            loader.check_actions(prepared.program, tenant=self.tenant)
            self.problem = ""
        except DagflowError as error:
            # Its requests wait until the host has all actions of the flow.
            self.problem = str(error)
        policies = prepared.program.flow.policies
        overlaps = prepared.program.flow.overlaps
        machine = Admission(policies, overlaps, is_paused=self.state == PAUSED or bool(self.problem))
        ended = [] if policies.throttle is None else store.begun_since(*self.place, now - policies.throttle.period_ns)
        rows = [*(row for row in ended if row.id not in self.rows), *self.rows.values()]
        if self._claims is None:
            self._claims = store.claims(*self.place, now)
        if self._accepted is None and policies.rate is not None:
            found = store.accepted_since(*self.place, now - policies.rate.period_ns)
            self._accepted = [(keys_of(row.keys).rate, row.accepted_at) for row in found]
        machine.restore([held_of(row) for row in rows], self._claims, self._accepted or ())
        self._loaded = prepared, machine
        return self._loaded


@attrs.define(eq=False)
class Gates:
    """All gates: takes requests and the ends of runs, and does what the machines decide.

    Attributes:
        gates: needed so far, by tenant and name of the flow.
        cancellers: by tenant and event, the gates with requests that it may cancel.
        cancel: cancels a run, later; a run that has ended stays as it is.
        is_frozen: decisions have stopped; later events are handled when the service is opened again.
    """

    store: Store
    clock: Clock
    driver: LocalDriver
    loader: Loader
    starter: Starter
    cancel: Callable[[RunId], None]
    gates: dict[Place, Gate] = attrs.field(factory=dict)
    cancellers: dict[Place, dict[Gate, None]] = attrs.field(factory=dict[Place, dict[Gate, None]])
    is_frozen: bool = False
    _of_run: dict[RunId, tuple[Gate, str]] = attrs.field(factory=dict[RunId, tuple[Gate, str]])
    _decisions: dict[tuple[str, str, str], Decision] = attrs.field(factory=dict[tuple[str, str, str], Decision])
    _queue: deque[tuple[Gate, events.Event]] = attrs.field(factory=deque)
    _is_busy: bool = False
    #: A heap; an entry counts as long as its gate says the same.
    _agenda: list[tuple[int, int, Gate]] = attrs.field(factory=list)
    _counter: Callable[[], int] = attrs.field(factory=lambda: itertools.count().__next__)

    # ---- in

    def waiting(self) -> tuple[int, int | None]:
        """Return how many requests have no run yet, and when the first of them arrived; from any thread."""
        rows = (row for gate in list(self.gates.values()) for row in list(gate.rows.values()))
        arrived = [row.at for row in rows if Stage(row.stage).is_open]
        return len(arrived), min(arrived, default=None)

    def find(self, tenant: str, flow: str) -> Gate | None:
        """Return the gate of a published flow; None if the tenant has no such flow. Raises StoreError."""
        gate = self.gates.get((tenant, flow))
        if gate is None:
            version = self.store.newest(tenant, flow)
            gate = None if version is None else self.put(version, version.state)
        return gate

    def put(self, version: PublishedRow, state: str) -> Gate:
        """Make this version the newest of its flow."""
        place = version.tenant, version.flow
        gate = self.gates.get(place)
        if gate is None:
            gate = self.gates[place] = Gate(version, state)
        else:
            for event in gate.cancelled_by:
                self.cancellers[gate.tenant, event].pop(gate, None)
            gate.put(version, state)
        for event in gate.cancelled_by:
            self.cancellers.setdefault((gate.tenant, event), {})[gate] = None
        return gate

    def restore(self, rows: Iterable[RequestRow], ended: set[RunId]) -> None:
        """Load the store's requests; `ended`: runs whose end came during that."""
        concerned: dict[Gate, None] = {}
        for row in rows:
            gate = self.find(row.tenant, row.flow)
            if gate is None or row.run in ended:
                continue
            gate.rows[row.id] = row
            concerned[gate] = None
            if row.run:
                self._of_run[row.run] = gate, row.id
        for gate in concerned:
            self.tick(gate)

    def ask(
        self,
        gate: Gate,
        request_id: str,
        value: Mapping[str, object],
        origin: Origin,
        *,
        event: int = 0,
        at: int,
        not_before: int = 0,
        schedule: str = "",
        rerun: str = "",
    ) -> Decision:
        """Ask for a run with that input, in stored form; no request of this id came before. `schedule`, `rerun`: as of `Keys`.

        Raises:
            StoreError: the flow cannot be read.
            EvaluationError: a key has no value.
        """
        prepared, _ = gate.load(self.loader, self.store, self.clock.now())
        keys, priority = judged(prepared.program, value)
        row = RequestRow(
            tenant=gate.tenant,
            flow=gate.name,
            id=request_id,
            digest=prepared.digest,
            at=at,
            not_before=not_before,
            stage=Stage.WAITING,
            keys=keys_json(attrs.evolve(keys, schedule=schedule, rerun=rerun)),
            priority=priority,
            kind=origin.kind,
            name=origin.name,
            event=event,
            hops=origin.hops,
            input=orjson.dumps(prepared.program.input_codec.encode(value)),
        )
        gate.rows[row.id] = row
        decision = self.watch(row)
        self.feed(gate, events.Arrived(self.clock.now(), request_of(row)))
        return decision

    def refuse(self, row: RequestRow, reason: str) -> Decision:
        """Keep a request that never reaches the machine."""
        kept = reason[:_MOST_REASON].replace("\0", "\N{REPLACEMENT CHARACTER}")  # not every store keeps NUL
        note = Note([attrs.evolve(row, stage=Stage.DROPPED, reason=kept)])
        self.driver.observing.request_dropped(row.flow, reason)
        self.driver.note(note)
        place = {"tenant": row.tenant, "flow": row.flow}
        _logger.warning("the request %s of the flow %r begins no run: %s", row.id, row.flow, kept, extra=place)
        return Decision(note.rows[0], note)

    def ended(self, live: LoadedRun) -> None:
        """The end of a run is in the store."""
        gate, request_id = self._of_run.pop(live.run, (None, ""))
        if gate is not None and not self.is_frozen:
            gate.rows.pop(request_id, None)
            self.feed(gate, events.RunEnded(self.clock.now(), request_id))

    def refused(self, live: LoadedRun, reason: DagflowError) -> None:
        """A run that was to begin cannot, and the store has nothing of it."""
        gate, request_id = self._of_run.pop(live.run, (None, ""))
        if gate is not None and live.request is not None:
            self._refuse(attrs.evolve(gate.rows.pop(request_id, live.request), run=RunId("")), str(reason))
            self.feed(gate, events.RunEnded(self.clock.now(), request_id))

    def watch(self, row: RequestRow) -> Decision:
        """Return the next decision about a request."""
        decision = self._decisions[row.tenant, row.flow, row.id] = Decision(row)
        return decision

    def withdraw(self, gate: Gate, request_id: str) -> None:
        """A request that has no run is no longer wanted."""
        self.feed(gate, events.Withdrawn(self.clock.now(), request_id))

    def tick(self, gate: Gate) -> None:
        """Time has passed, or the gate has just been rebuilt."""
        self.feed(gate, events.Ticked(self.clock.now()))

    def set_paused(self, gate: Gate, *, is_paused: bool) -> None:
        """Begin no more runs of the flow, or go on."""
        now = self.clock.now()
        if gate.problem and not is_paused:
            return
        self.feed(gate, events.Paused(now) if is_paused else events.Resumed(now))

    # ---- time

    @property
    def next_due(self) -> int | None:
        """When time alone changes something next."""
        agenda = self._agenda
        while agenda and agenda[0][2].due != agenda[0][0]:
            heapq.heappop(agenda)
        return agenda[0][0] if agenda else None

    def fire(self, now: int) -> None:
        """It is that late."""
        while (due := self.next_due) is not None and due <= now:
            gate = heapq.heappop(self._agenda)[2]
            gate.due = None
            self.tick(gate)

    def _plan(self, gate: Gate, due: int | None) -> None:
        if due != gate.due:
            gate.due = due
            if due is not None:
                heapq.heappush(self._agenda, (due, self._counter(), gate))
                self.driver.look_again()

    # ---- out

    def feed(self, gate: Gate, event: events.Event) -> None:
        """Let the machine of a gate decide, after whatever it is deciding now.

        Once the interpreter drains nothing begins, so nothing is decided: rows and events tell the next service what to do.
        """
        self.is_frozen = self.is_frozen or self.driver.is_draining
        self._queue.append((gate, event))
        if self._is_busy:
            return
        self._is_busy = True
        try:
            while self._queue and not self.is_frozen:
                gate, event = self._queue.popleft()
                _, machine = gate.load(self.loader, self.store, self.clock.now())
                self._perform(gate, machine, machine.handle(event))
                self._plan(gate, machine.next_due)
        finally:
            self._is_busy = False

    def _perform(self, gate: Gate, machine: Admission, commands: list[Command]) -> None:
        changed: dict[str, RequestRow] = {}
        claims = {each.id: (each.key, each.until) for each in commands if isinstance(each, Claim)}
        begun = [each.id for each in commands if isinstance(each, Begin)]
        for command in commands:
            if isinstance(command, Accept):
                gate.rows[command.id] = attrs.evolve(gate.rows[command.id], accepted_at=machine.now)
        for command in commands:
            if isinstance(command, Hold | Drop | Supersede) and command.id not in begun:
                changed[command.id] = after(changed.get(command.id) or gate.rows[command.id], command)
        if changed:
            note = Note([attrs.evolve(row, claim=claims.get(row.id)) for row in changed.values()])
            self.driver.note(note)
            for row in note.rows:
                if Stage(row.stage).is_open:
                    gate.rows[row.id] = row
                else:
                    del gate.rows[row.id]
                    if row.stage == Stage.DROPPED:
                        self.driver.observing.request_dropped(row.flow, row.reason)
                self._decided(row, note)
        for request_id in begun:
            self._begin(gate, attrs.evolve(gate.rows[request_id], claim=claims.get(request_id)), machine.now)
        for command in commands:
            if isinstance(command, Cancel):
                # Behind the row of the request that replaces the run, so that no crash leaves neither.
                self.cancel(gate.rows[command.id].run)

    def _begin(self, gate: Gate, row: RequestRow, now: int) -> None:
        begun: list[RequestRow] = []

        def request_of(run: RunId) -> RequestRow:
            begun.append(attrs.evolve(row, stage=Stage.RUNNING, since=now, run=run, input=b""))
            gate.rows[row.id] = begun[0]
            self._of_run[run] = gate, row.id
            return begun[0]

        try:
            prepared = self.loader.programs.load(self.store, row.digest)
            value = prepared.program.input_codec.decode(orjson.loads(row.input))
            live = self.starter.begin(
                prepared,
                as_record(value),
                Origin(kind=row.kind, name=row.name, hops=row.hops),
                self.driver.delivery_offset,
                request_of=request_of,
                tenant=gate.tenant,
                keeping=kept_by_request(self.store, self.loader.programs, prepared.program, keys_of(row.keys).rerun),
            )
        except DagflowError as error:
            gate.rows.pop(row.id, None)
            self._refuse(row, str(error))
            self.feed(gate, events.RunEnded(self.clock.now(), row.id))
        else:
            self._decided(begun[0], live)

    def _refuse(self, row: RequestRow, reason: str) -> None:
        refused = self.refuse(attrs.evolve(row, claim=None), f"refused: {reason}")
        self._decided(refused.row, refused.kept_by)

    def _decided(self, row: RequestRow, kept_by: Note | LoadedRun | None) -> None:
        decision = self._decisions.pop((row.tenant, row.flow, row.id), None)
        if decision is not None:
            decision.row, decision.kept_by = row, kept_by
