"""Laws of admission: what random requests, ends, pauses and restarts never break."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, TypeAlias, cast

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow.admission import events
from dagflow.admission.commands import Accept, Begin, Cancel, Claim, Command, Drop, Hold, Supersede
from dagflow.admission.machine import PRIORITY_NS, Admission
from dagflow.admission.requests import DropReason, Held, Keys, Request, Stage
from dagflow.model.expression import Expression
from dagflow.model.policies import Concurrency, Debounce, Once, Policies, Rate, Singleton, Throttle, WhileBusy

SECOND: Final = 10**9
#: Keys are computed outside; the machine never looks at the expression.
KEY: Final = cast("Expression", None)
FAR: Final = 10**6 * SECOND

seconds = st.integers(1, 20).map(lambda n: n * SECOND)


def debounces(quiet: int) -> st.SearchStrategy[Debounce]:
    most = st.integers(quiet, 12).map(lambda n: n * SECOND)
    return st.builds(Debounce, quiet_ns=st.just(quiet * SECOND), max_ns=most)


policies = st.builds(
    Policies,
    concurrency=st.none() | st.builds(Concurrency, limit=st.integers(1, 3)),
    rate=st.none() | st.builds(Rate, limit=st.integers(1, 3), period_ns=seconds),
    singleton=st.none() | st.builds(Singleton, busy=st.sampled_from(WhileBusy)),
    throttle=st.none() | st.builds(Throttle, limit=st.integers(1, 3), period_ns=seconds),
    debounce=st.none() | st.integers(1, 5).flatmap(debounces),
    once=st.none() | st.builds(Once, key=st.just(KEY), within_ns=st.none() | seconds),
)
key = st.sampled_from(["", "a", "b"])
#: Of schedules; most requests come from none.
schedule = st.sampled_from(["", "", "daily", "hourly"])
overlaps = st.dictionaries(st.sampled_from(["daily", "hourly"]), st.sampled_from(WhileBusy))
keys = st.builds(
    Keys,
    once=st.sampled_from(["1", "2", "3", "4"]),
    rate=key,
    debounce=key,
    singleton=key,
    throttle=key,
    concurrency=key,
    schedule=schedule,
)


@attrs.frozen
class Ask:
    keys: Keys
    delay: int
    priority: int


@attrs.frozen
class End:
    """The run that began so many places ago ends."""

    place: int


@attrs.frozen
class Withdraw:
    place: int


@attrs.frozen
class Wait:
    seconds: float


@attrs.frozen
class Pause:
    is_paused: bool


Move: TypeAlias = Ask | End | Withdraw | Wait | Pause

moves = st.lists(
    st.builds(Ask, keys, st.sampled_from([0, 0, 0, 3, 7]), st.integers(-2, 2))
    | st.builds(End, st.integers(0, 3))
    | st.builds(Withdraw, st.integers(0, 3))
    | st.builds(Wait, st.floats(0, 15))
    | st.builds(Pause, st.booleans()),
    max_size=60,
)


@attrs.define
class World:
    """A service in virtual time: it keeps the rows, and after each move may be a new process that has nothing but these."""

    policies: Policies
    restarts: bool
    overlaps: dict[str, WhileBusy] = attrs.field(factory=dict)
    now: int = SECOND
    is_paused: bool = False
    machine: Admission = attrs.field(init=False)
    rows: dict[str, Held] = attrs.field(factory=dict)
    claims: dict[str, int | None] = attrs.field(factory=dict)
    accepted: list[tuple[str, int]] = attrs.field(factory=list)
    cancelled: set[str] = attrs.field(factory=set)
    superseded_in: dict[str, Stage] = attrs.field(factory=dict)
    log: list[tuple[int, Command]] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.machine = Admission(self.policies, self.overlaps)

    def ids(self, *stages: Stage) -> list[str]:
        return [id_ for id_, row in self.rows.items() if row.stage in stages]

    def restart(self) -> None:
        self.machine = Admission(self.policies, self.overlaps, is_paused=self.is_paused)
        self.machine.restore(
            [row for row in self.rows.values() if row.stage.is_open or row.since], self.claims.items(), self.accepted
        )
        self.take(events.Ticked(self.now))

    def play(self, moves: Sequence[Move]) -> None:
        for number, move in enumerate(moves):
            if self.restarts:
                self.restart()
            self.make(move, number)

    def make(self, move: Move, number: int) -> None:
        match move:
            case Ask():
                at = self.now
                due = at + move.delay * SECOND if move.delay else 0
                request = Request(id=f"r{number}", at=at, not_before=due, keys=move.keys, priority=move.priority)
                self.rows[request.id] = Held(request=request, stage=Stage.WAITING)
                self.take(events.Arrived(at, request))
            case End():
                running = self.ids(Stage.RUNNING)
                if move.place < len(running):
                    id_ = running[move.place]
                    self.rows[id_] = attrs.evolve(self.rows[id_], stage=Stage.ENDED)
                    self.take(events.RunEnded(self.now, id_))
            case Withdraw():
                is_open = self.ids(Stage.DELAYED, Stage.DEBOUNCED, Stage.WAITING)
                if move.place < len(is_open):
                    self.take(events.Withdrawn(self.now, is_open[move.place]))
            case Wait():
                self.pass_time(self.now + int(move.seconds * SECOND))
            case Pause():
                self.is_paused = move.is_paused
                self.take(events.Paused(self.now) if move.is_paused else events.Resumed(self.now))

    def pass_time(self, until: int) -> None:
        while (due := self.machine.next_due) is not None and due <= until:
            self.now = max(self.now, due)
            self.take(events.Ticked(self.now))
            if self.restarts:
                self.restart()
        self.now = until

    def take(self, event: events.Event) -> None:
        for command in self.machine.handle(event):
            if isinstance(command, Cancel) and command.id in self.cancelled:
                assert self.restarts, "only a restart repeats it"
                continue
            self.log.append((self.now, command))
            self.write(command)
        self.check_replaced()

    def write(self, command: Command) -> None:
        row = self.rows[command.id]
        match command:
            case Hold(_, stage, since):
                self.rows[command.id] = attrs.evolve(row, stage=stage, since=since)
            case Begin():
                self.check_rank(row)
                self.rows[command.id] = attrs.evolve(row, stage=Stage.RUNNING, since=self.now)
            case Drop(_, reason):
                if reason in {DropReason.SINGLETON, DropReason.OVERLAP}:
                    line = self.line_of(row)
                    assert line is not None
                    assert line[:2] == (reason, WhileBusy.SKIP)
                    assert self.others_of(row, Stage.RUNNING, Stage.WAITING)
                self.rows[command.id] = attrs.evolve(row, stage=Stage.DROPPED, since=0)
            case Supersede():
                self.superseded_in[command.id] = row.stage
                self.rows[command.id] = attrs.evolve(row, stage=Stage.SUPERSEDED, since=0)
            case Claim(_, key, until):
                self.claims[key] = until
            case Accept():
                self.accepted.append((row.request.keys.rate, self.now))
            case Cancel():
                assert row.stage is Stage.RUNNING
                assert self.busy_of(row) is WhileBusy.REPLACE
                self.cancelled.add(command.id)
        self.check_concurrency()
        self.check_singleton()

    def line_of(self, row: Held) -> tuple[DropReason, WhileBusy, str] | None:
        """Of which requests one at a time runs: those of a schedule with `overlap`, else those of a `singleton` key."""
        keys, singleton = row.request.keys, self.policies.singleton
        if keys.schedule in self.overlaps:
            return DropReason.OVERLAP, self.overlaps[keys.schedule], keys.schedule
        return None if singleton is None else (DropReason.SINGLETON, singleton.busy, keys.singleton)

    def busy_of(self, row: Held) -> WhileBusy | None:
        line = self.line_of(row)
        return None if line is None else line[1]

    def others_of(self, row: Held, *stages: Stage) -> list[str]:
        """The other requests of its line in these stages."""
        line = self.line_of(row)
        return [
            id_
            for id_ in self.ids(*stages)
            if line is not None and id_ != row.request.id and self.line_of(self.rows[id_]) == line
        ]

    # ---- the laws

    def check_rank(self, row: Held) -> None:
        """No request of the same lane that waits longer, counting priority, is overtaken, unless a run of its key is in its way."""
        mine = row.request
        for other in self.ids(Stage.WAITING):
            if self.others_of(self.rows[other], Stage.RUNNING):
                continue
            their = self.rows[other].request
            if other != mine.id and (their.keys.throttle, their.keys.concurrency) == (
                mine.keys.throttle,
                mine.keys.concurrency,
            ):
                assert (rank(mine), mine.since, mine.id) <= (rank(their), their.since, their.id)

    def check_concurrency(self) -> None:
        if self.policies.concurrency is not None:
            for key in ("", "a", "b"):
                running = [id_ for id_ in self.ids(Stage.RUNNING) if self.rows[id_].request.keys.concurrency == key]
                assert len(running) <= self.policies.concurrency.limit

    def check_singleton(self) -> None:
        for id_ in self.ids(Stage.RUNNING):
            assert not self.others_of(self.rows[id_], Stage.RUNNING)

    def check_replaced(self) -> None:
        """Between two events no two requests of a key wait, and the run of a key for which one waits is being replaced."""
        for row in map(self.rows.__getitem__, self.ids(Stage.WAITING)):
            assert not self.others_of(row, Stage.WAITING)
            if self.busy_of(row) is WhileBusy.REPLACE:
                assert self.cancelled.issuperset(self.others_of(row, Stage.RUNNING))
            if self.busy_of(row) is WhileBusy.SKIP:
                assert not self.others_of(row, Stage.RUNNING)

    def check_rate(self) -> None:
        """No period has too many acceptances, and a request is dropped only where one more would be too many."""
        rate = self.policies.rate
        assert rate is not None or not self.accepted
        if rate is None:
            return
        for key in ("", "a", "b"):
            counted = [at for each, at in self.accepted if each == key]
            assert self.most(counted, rate.period_ns) <= rate.limit
            for at, each in self.log:
                if getattr(each, "reason", None) is DropReason.RATE and self.rows[each.id].request.keys.rate == key:
                    assert sum(at - rate.period_ns < other <= at for other in counted) == rate.limit

    def check_throttle(self) -> None:
        throttle = self.policies.throttle
        if throttle is None:
            return
        for key in ("", "a", "b"):
            begins = [
                at for at, each in self.log if isinstance(each, Begin) and self.rows[each.id].request.keys.throttle == key
            ]
            assert self.most(begins, throttle.period_ns) <= throttle.limit

    @staticmethod
    def most(instants: Sequence[int], period: int) -> int:
        return max((sum(at - period < other <= at for other in instants) for at in instants), default=0)

    def check_once(self) -> None:
        once = self.policies.once
        for key in {row.request.keys.once for row in self.rows.values()}:
            claims = [at for at, each in self.log if isinstance(each, Claim) and each.key == key]
            for earlier, later in itertools.pairwise(claims):
                assert once is not None
                assert once.within_ns is not None, "claimed twice for ever"
                assert later - earlier >= once.within_ns

    def check_debounce(self) -> None:
        debounce = self.policies.debounce
        for _, each in self.log:
            if isinstance(each, Supersede) and self.superseded_in[each.id] is Stage.WAITING:
                assert self.busy_of(self.rows[each.id]) in {WhileBusy.QUEUE, WhileBusy.REPLACE}
            elif isinstance(each, Supersede):
                assert debounce is not None
                assert self.rows[each.by].request.since >= self.rows[each.id].request.since
        if debounce is None:
            return
        since: dict[str, int] = {}
        for at, each in self.log:
            if isinstance(each, Hold) and each.stage is Stage.DEBOUNCED:
                since[each.id] = each.since
            elif (
                each.id in since
                and not isinstance(each, Supersede)
                and getattr(each, "reason", None) is not DropReason.CANCELLED
            ):
                # It has left the pause; what holds it from here on is another policy, or a paused flow.
                assert at - since.pop(each.id) <= debounce.max_ns


def rank(request: Request) -> float:
    return request.since - request.priority * PRIORITY_NS


@settings(max_examples=300, deadline=None)
@given(policies, overlaps, moves, st.booleans())
def test_no_policy_is_ever_broken(
    policies: Policies, overlaps: dict[str, WhileBusy], moves: list[Move], restarts: bool
) -> None:
    world = World(policies, restarts, overlaps)
    world.play(moves)
    world.check_rate()
    world.check_throttle()
    world.check_once()
    world.check_debounce()


@settings(max_examples=300, deadline=None)
@given(policies, overlaps, moves)
def test_restarts_change_nothing(policies: Policies, overlaps: dict[str, WhileBusy], moves: list[Move]) -> None:
    calm, restarted = (World(policies, restarts, overlaps) for restarts in (False, True))
    calm.play(moves)
    restarted.play(moves)
    assert restarted.log == calm.log
    assert restarted.rows == calm.rows


@settings(max_examples=200, deadline=None)
@given(policies, moves, st.data())
def test_settings_that_the_compiler_refuses_have_no_effect(policies: Policies, moves: list[Move], data: st.DataObject) -> None:
    """E322: with the setting and without it everything happens alike."""
    once, flow_wide = Once(key=KEY), data.draw(st.booleans())
    limits = {
        "rate": Rate(limit=1, period_ns=10 * SECOND),
        "singleton": Singleton(busy=data.draw(st.sampled_from(WhileBusy))),
        "throttle": Throttle(limit=1, period_ns=10 * SECOND),
        "concurrency": Concurrency(limit=1),
    }
    if data.draw(st.booleans()):
        word, policies = "concurrency", attrs.evolve(policies, singleton=limits["singleton"])
    else:
        word, policies = data.draw(st.sampled_from(list(limits))), attrs.evolve(policies, once=once)
        if word == "rate":
            policies = attrs.evolve(policies, debounce=None, singleton=None)

    def with_same_keys(keys: Keys) -> Keys:
        if word == "concurrency" and policies.once is not once:
            return attrs.evolve(keys, singleton="" if flow_wide else keys.concurrency)
        return attrs.evolve(keys, **{word: keys.once})

    moves = [attrs.evolve(move, keys=with_same_keys(move.keys)) if isinstance(move, Ask) else move for move in moves]
    found: list[list[tuple[int, Command]]] = []
    for limit in (limits[word], None):
        world = World(attrs.evolve(policies, **{word: limit}), restarts=False)
        world.play(moves)
        found.append([(at, command) for at, command in world.log if not isinstance(command, Accept)])
    assert found[0] == found[1]


@settings(max_examples=300, deadline=None)
@given(policies, overlaps, moves)
def test_every_request_has_one_outcome(policies: Policies, overlaps: dict[str, WhileBusy], moves: list[Move]) -> None:
    world = World(policies, False, overlaps)
    world.play(moves)
    world.make(Pause(is_paused=False), -1)
    for _ in range(len(moves) + 1):
        for id_ in world.ids(Stage.RUNNING):
            world.rows[id_] = attrs.evolve(world.rows[id_], stage=Stage.ENDED)
            world.take(events.RunEnded(world.now, id_))
        world.pass_time(world.now + 100 * SECOND)
    assert world.ids(Stage.DELAYED, Stage.DEBOUNCED, Stage.WAITING) == []
    outcomes = [each.id for _, each in world.log if isinstance(each, Begin | Drop | Supersede)]
    assert sorted(outcomes) == sorted(world.rows)
    assert world.machine.n_open == 0
