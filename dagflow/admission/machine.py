"""Admission: which requests of a flow get a run, and when.

Theory. A request passes the policies in one fixed order: `not_before`, then `once`, `rate`, `debounce`, `singleton`, `throttle`, and
`concurrency` with `priority`. `once` looks at a request when it arrives and when it leaves `debounce`, and the one that leaves claims the key: so
requests that are merged count as one. `rate` counts requests when they arrive, those that get no run later included.
`singleton` lets one request of its key pass, and the next one when the run of that has ended; `overlap` of a schedule does so for the
requests of its slots. `throttle` and `concurrency` hold
requests in one queue, and a run begins when both allow it at that instant, so no period ever has more begins than
`throttle` says, whatever the queue did before.

The machine sees neither clocks nor stores. It folds the same requests to the same state whether they come as events or, after a
restart, as rows (`restore`).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias, assert_never

import attrs

from dagflow.admission import events
from dagflow.admission.commands import Accept, Begin, Cancel, Claim, Command, Drop, Hold, Supersede
from dagflow.admission.events import Event
from dagflow.admission.requests import DropReason, Held, Keys, Request, Stage
from dagflow.admission.singles import Line, Singles
from dagflow.admission.window import Window
from dagflow.model.policies import Policies, WhileBusy

#: A point of `priority` is worth this much waiting, so that nothing waits for ever.
PRIORITY_NS: Final = 60_000_000_000
#: Requests without a run that one flow may have.
MAX_BACKLOG: Final = 100_000

#: The `concurrency` key and the `throttle` key: requests of one lane wait for the same things.
_Lane: TypeAlias = tuple[str, str]
#: A timestamp, and its cause: a delayed request by its id, a pause by its key, or a lane for which `throttle` has room again.
_Alarm: TypeAlias = tuple[int, str, _Lane]
_DELAY: Final = "delay"
_PAUSE: Final = "pause"
_ROOM: Final = "room"


@attrs.define(eq=False)
class _Pending:
    """A debounced request. `first_at`: when the first of the requests that it superseded arrived."""

    request: Request
    first_at: int
    due: int


@attrs.define(eq=False)
class Admission:
    """The admission machine of one flow.

    Attributes:
        policies: those of the version that takes requests now. overlaps: `overlap` of its schedules, by their keys.
        max_backlog: more requests without a run are dropped.
    """

    policies: Policies
    overlaps: Mapping[str, WhileBusy] = attrs.field(factory=dict[str, WhileBusy])
    max_backlog: int = MAX_BACKLOG
    is_paused: bool = False
    _now: int = 0
    _delayed: dict[str, Request] = attrs.field(factory=dict[str, Request])
    _pending: dict[str, _Pending] = attrs.field(factory=dict[str, _Pending])
    #: Those that wait for another run of their `singleton` key are in no lane.
    _waiting: dict[str, Request] = attrs.field(factory=dict[str, Request])
    _lanes: dict[_Lane, list[tuple[float, int, int, str]]] = attrs.field(factory=dict[_Lane, list[tuple[float, int, int, str]]])
    _running: dict[str, Keys] = attrs.field(factory=dict[str, Keys])
    _n_running: dict[str, int] = attrs.field(factory=dict[str, int])
    #: What `rate` accepted, and the begins that count for `throttle`.
    _accepted: Window | None = attrs.field(init=False)
    _begun: Window | None = attrs.field(init=False)
    _singles: Singles = attrs.field(factory=Singles)
    #: Requests whose runs are to be cancelled: a restart may have come after the row of the one that replaces them.
    _replaced: list[str] = attrs.field(factory=list[str])
    #: By `once` key, until when it is claimed; None for ever.
    _claims: dict[str, int | None] = attrs.field(factory=dict[str, "int | None"])
    #: A heap; an alarm that is out of date does no harm.
    _alarms: list[_Alarm] = attrs.field(factory=list[_Alarm])
    #: The lanes of each `concurrency` key.
    _lanes_of: dict[str, set[_Lane]] = attrs.field(factory=dict[str, set[_Lane]])
    #: Lanes in which a run may begin now.
    _touched: set[_Lane] = attrs.field(factory=set[_Lane])

    def __attrs_post_init__(self) -> None:
        self._accepted, self._begun = Window.of(self.policies.rate), Window.of(self.policies.throttle)

    # ---- in and out

    def handle(self, event: Event) -> list[Command]:
        """Take an event and return the resulting commands, in order."""
        self._now = now = max(self._now, event.at)
        found: list[Command] = []
        match event:
            case events.Arrived(_, request):
                self._arrive(request, found)
            case events.RunEnded(_, request_id):
                self._end(request_id)
            case events.Withdrawn(_, request_id):
                self._withdraw(request_id, found)
            case events.Ticked():
                pass
            case events.Paused():
                self.is_paused = True
            case events.Resumed():
                self.is_paused = False
                self._touched.update(self._lanes)
            case _:
                assert_never(event)
        found += [Cancel(each) for each in self._replaced if each in self._running]
        self._replaced.clear()
        self._release(now, found)
        self._begin_all(now, found)
        return found

    def restore(
        self, rows: Iterable[Held], claims: Iterable[tuple[str, int | None]] = (), accepted: Iterable[tuple[str, int]] = ()
    ) -> None:
        """Fold the store's rows of the flow.

        Args:
            rows: every request that is open or running, and those whose runs began within the last period of `throttle`.
            claims: the claimed `once` keys, each with the instant at which the claim ends.
            accepted: the `rate` keys of the requests that were accepted within the last period of `rate`, in order, and when they were.
        """
        self._claims.update(claims)
        if self._accepted is not None:
            for key, at in accepted:
                self._accepted.add(key, at)
        for row in sorted(rows, key=Held.order):
            request = row.request
            match row.stage:
                case Stage.DELAYED:
                    self._delay(request)
                case Stage.DEBOUNCED:
                    self._pend(request, row.since)
                case Stage.WAITING:
                    self._wait(request)
                case Stage.RUNNING:
                    self._count(request, row.since)
                case Stage.ENDED:
                    self._note_begin(request.keys.throttle, row.since)
                case Stage.DROPPED | Stage.SUPERSEDED:
                    pass
                case _:
                    assert_never(row.stage)
        self._replaced += self._singles.outdated()

    @property
    def next_due(self) -> int | None:
        """The instant at which a `Ticked` may change something; None if only other events can."""
        return self._alarms[0][0] if self._alarms else None

    @property
    def now(self) -> int:
        """The greatest instant so far."""
        return self._now

    @property
    def claims(self) -> dict[str, int | None]:
        """The claimed `once` keys, each with the instant at which the claim ends, None for never."""
        return dict(self._claims)

    @property
    def accepted(self) -> list[tuple[str, int]] | None:
        """The `rate` key and the instant of each acceptance that still counts, in order; None without a `rate`."""
        return None if self._accepted is None else self._accepted.recent(self._now)

    @property
    def n_open(self) -> int:
        """How many requests may still get a run."""
        return len(self._delayed) + len(self._pending) + len(self._waiting)

    @property
    def n_running(self) -> int:
        """How many runs have begun and not ended."""
        return len(self._running)

    # ---- events

    def _arrive(self, request: Request, found: list[Command]) -> None:
        if self.n_open >= self.max_backlog:
            found.append(Drop(request.id, DropReason.BACKLOG))
        elif request.not_before > self._now:
            self._delay(request)
            found.append(Hold(request.id, Stage.DELAYED))
        else:
            self._enter(request, found)

    def _delay(self, request: Request) -> None:
        self._delayed[request.id] = request
        heapq.heappush(self._alarms, (request.not_before, _DELAY, (request.id, "")))

    def _enter(self, request: Request, found: list[Command]) -> None:
        """The request is due: it meets `once`, `rate` and `debounce`."""
        if self._is_claimed(request):
            found.append(Drop(request.id, DropReason.ONCE))
            return
        if self._accepted is not None:
            key = request.keys.rate
            if self._accepted.room_at(key, self._now) > self._now:
                found.append(Drop(request.id, DropReason.RATE))
                return
            self._accepted.add(key, self._now)
            found.append(Accept(request.id))
        if self.policies.debounce is None:
            self._pass_on(request, found)
            return
        key = request.keys.debounce
        earlier = self._pending.get(key)
        if earlier is not None:
            found.append(Supersede(earlier.request.id, request.id))
        first_at = self._now if earlier is None else earlier.first_at
        self._pend(request, first_at)
        found.append(Hold(request.id, Stage.DEBOUNCED, first_at))

    def _pend(self, request: Request, first_at: int) -> None:
        debounce = self.policies.debounce
        # Without `debounce` it was an earlier version that let the request wait.
        due = request.since if debounce is None else min(request.since + debounce.quiet_ns, first_at + debounce.max_ns)
        key = request.keys.debounce
        self._pending[key] = _Pending(request, first_at, due)
        heapq.heappush(self._alarms, (due, _PAUSE, (key, "")))

    def _pass_on(self, request: Request, found: list[Command]) -> None:
        """The request has left `debounce`: it claims its `once` key and waits for a run."""
        if self._is_claimed(request):
            found.append(Drop(request.id, DropReason.ONCE))
            return
        line = self._line_of(request.keys)
        if line is not None and not self._is_let_by(request, line, found):
            return
        if self.policies.once is not None:
            within, key = self.policies.once.within_ns, request.keys.once
            until = self._claims[key] = None if within is None else self._now + within
            found.append(Claim(request.id, key, until))
        self._wait(request)
        found.append(Hold(request.id, Stage.WAITING))

    def _line_of(self, keys: Keys) -> Line | None:
        """Where requests of these keys wait for one another; None if they do not."""
        overlap, singleton = self.overlaps.get(keys.schedule), self.policies.singleton
        if overlap is not None:
            return Line(keys.schedule, overlap, DropReason.OVERLAP)
        return None if singleton is None else Line(keys.singleton, singleton.busy, DropReason.SINGLETON)

    def _is_let_by(self, request: Request, line: Line, found: list[Command]) -> bool:
        """`singleton` lets the request by, and removes whatever is in its way; False if it drops the request."""
        if line.busy is WhileBusy.SKIP and not self._singles.is_free(line):
            found.append(Drop(request.id, line.reason))
            return False
        for other in self._singles.displace(line):
            del self._waiting[other.id]
            found.append(Supersede(other.id, request.id))
        if line.busy is WhileBusy.REPLACE:
            found += map(Cancel, self._singles.to_cancel(line))
        return True

    def _end(self, request_id: str) -> None:
        keys = self._running.pop(request_id, None)
        if keys is None:
            return
        left = self._n_running[keys.concurrency] - 1
        if left:
            self._n_running[keys.concurrency] = left
        else:
            del self._n_running[keys.concurrency]
        self._touched |= self._lanes_of.get(keys.concurrency, set())
        if (line := self._line_of(keys)) is not None:
            self._let_by(self._singles.end(line, request_id))

    def _withdraw(self, request_id: str, found: list[Command]) -> None:
        pending = next((each for each in self._pending.values() if each.request.id == request_id), None)
        if self._delayed.pop(request_id, None) is None:
            if pending is not None:
                del self._pending[pending.request.keys.debounce]
            elif (waiting := self._waiting.pop(request_id, None)) is not None:
                if (line := self._line_of(waiting.keys)) is not None:
                    self._let_by(self._singles.remove(line, request_id))
            else:
                return
        found.append(Drop(request_id, DropReason.CANCELLED))

    # ---- time

    def _release(self, now: int, found: list[Command]) -> None:
        """Let go everything that is due."""
        while self._alarms and self._alarms[0][0] <= now:
            _, kind, key = heapq.heappop(self._alarms)
            if kind == _ROOM:
                self._touched.add(key)
            elif kind == _DELAY:
                request = self._delayed.pop(key[0], None)
                if request is not None:
                    self._enter(request, found)
            else:
                pending = self._pending.get(key[0])
                if pending is not None and pending.due <= now:
                    del self._pending[key[0]]
                    self._pass_on(pending.request, found)

    # ---- the queue

    def _wait(self, request: Request) -> None:
        self._waiting[request.id] = request
        line = self._line_of(request.keys)
        self._let_by(request if line is None else self._singles.add(line, request))

    def _let_by(self, request: Request | None) -> None:
        """No other run of its `singleton` key is in the way."""
        if request is not None:
            self._enqueue(request)

    def _enqueue(self, request: Request) -> None:
        lane = request.keys.concurrency, request.keys.throttle
        rank = request.since - request.priority * PRIORITY_NS
        heapq.heappush(self._lanes.setdefault(lane, []), (rank, request.since, request.number, request.id))
        self._lanes_of.setdefault(lane[0], set()).add(lane)
        self._touched.add(lane)

    def _begin_all(self, now: int, found: list[Command]) -> None:
        """Begin the runs that every policy allows now, the best rank first."""
        if self.is_paused:
            return
        lanes, self._touched = self._touched, set()
        heads = [(head, lane) for lane in lanes if (head := self._head(lane)) is not None]
        heapq.heapify(heads)
        while heads:
            (*_, request_id), lane = heapq.heappop(heads)
            if not self._has_room(lane, now):
                continue
            heapq.heappop(self._lanes[lane])
            self._count(self._waiting.pop(request_id), now)
            if found and isinstance(last := found[-1], Hold) and last.id == request_id:
                found.pop()  # it begins at once, so it needs no row
            found.append(Begin(request_id))
            head = self._head(lane)
            if head is not None:
                heapq.heappush(heads, (head, lane))

    def _head(self, lane: _Lane) -> tuple[float, int, int, str] | None:
        """The first request of a lane; withdrawn requests are skipped, and an empty lane is removed."""
        queue = self._lanes.get(lane)
        if queue is None:
            return None
        while queue and queue[0][-1] not in self._waiting:
            heapq.heappop(queue)
        if queue:
            return queue[0]
        del self._lanes[lane]
        of_key = self._lanes_of[lane[0]]
        of_key.discard(lane)
        if not of_key:
            del self._lanes_of[lane[0]]
        return None

    def _has_room(self, lane: _Lane, now: int) -> bool:
        concurrency = self.policies.concurrency
        if concurrency is not None and self._n_running.get(lane[0], 0) >= concurrency.limit:
            return False
        room_at = now if self._begun is None else self._begun.room_at(lane[1], now)
        if room_at > now:
            heapq.heappush(self._alarms, (room_at, _ROOM, lane))
        return room_at <= now

    def _count(self, request: Request, began_at: int) -> None:
        keys = request.keys
        self._running[request.id] = keys
        self._n_running[keys.concurrency] = self._n_running.get(keys.concurrency, 0) + 1
        self._note_begin(keys.throttle, began_at)
        if (line := self._line_of(keys)) is not None:
            self._singles.begin(line, request.id)

    def _note_begin(self, key: str, at: int) -> None:
        if self._begun is not None:
            self._begun.add(key, at)

    def _is_claimed(self, request: Request) -> bool:
        if self.policies.once is None:
            return False
        key = request.keys.once
        until = self._claims.get(key, 0)
        if until is None or until > self._now:
            return True
        self._claims.pop(key, None)
        return False
