"""The state of one run as the engine sees it: lists indexed by node or scope number, and the counters derived from them."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

import attrs

from dagflow.engine.commands import Command
from dagflow.engine.transitions import TRANSITIONS, Change
from dagflow.errors import DagflowBug
from dagflow.model.plan import NO_NODE, Plan
from dagflow.model.status import NodeStatus, PruneReason, RunStatus

_SETTLED: Final = frozenset(status for status in NodeStatus if status.is_settled)
# Looked up once instead of for every event.
_PENDING: Final = NodeStatus.PENDING
_READY: Final = NodeStatus.READY
_RUNNING: Final = NodeStatus.RUNNING
_SUCCEEDED: Final = NodeStatus.SUCCEEDED


#: The first command for each node is made once for a plan and not for every run.
_FIRST_COMMANDS: Final[WeakKeyDictionary[Plan, dict[int, Command]]] = WeakKeyDictionary()


@attrs.frozen
class Failure:
    """A final failure. `node` is NONE if the run itself failed (its lifetime ended); `attempt` is 0 if there was none."""

    node: int
    attempt: int
    code: str
    message: str


@attrs.define
class Loop:
    """The progress of a loop that has listed its items.

    Attributes:
        total: how many items it has. n_begun: how many of them have begun, in this order.
        open: those commanded that have not ended.
        unsuccessful: the items that did not succeed, with their status.
        failure: what ends the loop, once something does.
    """

    total: int
    n_begun: int = 0
    open: dict[int, None] = attrs.field(factory=dict)
    unsuccessful: dict[int, RunStatus] = attrs.field(factory=dict)
    failure: Failure | None = None

    @property
    def succeeded(self) -> list[int]:
        """The items that ended well, in order."""
        return [n for n in range(self.n_begun) if n not in self.open and n not in self.unsuccessful]


@attrs.define(kw_only=True)
class State:
    """The whole state of a run. Two states of one plan are equal if all their fields are.

    Attributes:
        n_waits: how many things must still happen before the node is decided.
        n_unsettled, n_active: nodes that are not settled; those ready or running. waiting: the nodes waiting.
        outcomes: of gates and catches, NONE until known.
        attempts: the number of the last attempt. n_failed: how many of them failed (others were interrupted).
        now: the instant of the last event. lifetime_due: when the run's lifetime is over.
        first_started_at, ready_at, settled_at, due: instants; 0 until known. `due` is that of a waiting node; `ready_at` that
            of its first becoming ready. wanted_at: when it became ready the last time.
        is_cancelling: told to stop, not yet stopped. uses_default: failed for good, its default being evaluated.
        unseen: for a node that an early join made ready, the sources that had not settled by then; their values do
            not exist for its expressions, however late these are evaluated.
        join_succeeded, join_open: of the join's distinct sources, how many succeeded, and how many have not settled.
        scope_open: members not settled. scope_causes: the number of the failure that took the scope down, or NONE.
        failures: in the order they happened.
        n_arrived: events that came. taken: those of them some wait got.
        unknown: the nodes with an attempt that may or may not have had its effect.
        loops: by the number of a loop whose items are listed.
        n_retries: how many times the run failed and was retried. series: for a node that a retry reset, the number of the first attempt
            since then. renewed: for a node of the flow's `on error` or an undo node, the number of the last retry.
        skipped: for a node whose result a caller gave, who did, or "".
        kept: the nodes that the run has from an earlier one, see `keeping`.
        is_dirty: whether something that was to be undone could not be. is_reopened: whether the run had ended well, and is being undone.
        ending: set once it is known how the run will end, while attempts are still being cancelled.
        ended: from the recorded end on.
    """

    plan: Plan
    started_at: int = 0
    lifetime_due: int = 0
    now: int = 0
    status: list[NodeStatus]
    n_waits: list[int]
    n_unsettled: int
    n_active: int = 0
    waiting: dict[int, None] = attrs.field(factory=dict)
    reasons: list[PruneReason | None]
    outcomes: list[int]
    attempts: list[int]
    n_failed: list[int]
    first_started_at: list[int]
    ready_at: list[int]
    wanted_at: list[int]
    settled_at: list[int]
    due: list[int]
    is_cancelling: list[bool]
    uses_default: list[bool]
    unseen: dict[int, tuple[int, ...]] = attrs.field(factory=dict)
    join_succeeded: list[int]
    join_open: list[int]
    scope_open: list[int]
    scope_causes: list[int]
    failures: list[Failure] = attrs.field(factory=list)
    n_arrived: int = 0
    taken: set[int] = attrs.field(factory=set)
    #: Seldom any, and an empty set of its own is large for a run that sleeps.
    unknown: frozenset[int] = frozenset()
    loops: dict[int, Loop] = attrs.field(factory=dict)
    n_retries: int = 0
    series: dict[int, int] = attrs.field(factory=dict)
    renewed: dict[int, int] = attrs.field(factory=dict)
    skipped: dict[int, str] = attrs.field(factory=dict)
    kept: frozenset[int] = frozenset()
    is_dirty: bool = False
    is_reopened: bool = False
    ending: RunStatus | None = None
    is_end_commanded: bool = False
    ended: RunStatus | None = None

    # Scratch space for the event being handled; empty between events.
    undecided: list[int] = attrs.field(factory=list)
    won: list[int] = attrs.field(factory=list)
    made_ready: list[int] = attrs.field(factory=list)
    commands: list[Command] = attrs.field(factory=list)
    #: By node, as far as they were needed; the runs of a plan share them.
    first_commands: dict[int, Command] = attrs.field(factory=dict, eq=False, repr=False)

    @classmethod
    def initial(cls, plan: Plan) -> State:
        """Before the run started."""
        n = plan.n_nodes
        return cls(
            plan=plan,
            status=[NodeStatus.PENDING] * n,
            n_waits=list(plan.n_waits),
            n_unsettled=n,
            reasons=[None] * n,
            outcomes=[NO_NODE] * n,
            attempts=[0] * n,
            n_failed=[0] * n,
            first_started_at=[0] * n,
            ready_at=[0] * n,
            wanted_at=[0] * n,
            settled_at=[0] * n,
            due=[0] * n,
            is_cancelling=[False] * n,
            uses_default=[False] * n,
            join_succeeded=[0] * n,
            join_open=list(plan.join_open),
            scope_open=[len(scope.members) for scope in plan.scopes],
            scope_causes=[NO_NODE] * len(plan.scopes),
            first_commands=_FIRST_COMMANDS.setdefault(plan, {}),
        )

    def change(self, node: int, change: Change) -> None:
        """Move a node along the table and, if that settles it, count it out everywhere it was waited for."""
        before = self.status[node]
        row = TRANSITIONS.get(before)
        after = None if row is None else row.get(change)
        if after is None:
            raise DagflowBug(f"cannot {change} a node that is {before}: {self.story(node)}")
        self.status[node] = after
        if before is NodeStatus.WAITING:
            del self.waiting[node]
        elif before is not NodeStatus.PENDING:
            self.n_active -= 1
        if after in _SETTLED:
            self._settled(node, after is NodeStatus.SUCCEEDED)
        elif after is NodeStatus.WAITING:
            self.waiting[node] = None
        else:
            self.n_active += 1
            if after is NodeStatus.READY:
                self.wanted_at[node] = self.now

    def succeed_unwatched(self, node: int) -> list[int]:
        """`change` to succeeded for a running node whose end only its successors need; returns those it made ready.

        Nodes that need more than this check are left for `decide`.
        """
        now, plan, n_waits, status = self.now, self.plan, self.n_waits, self.status
        if status[node] is not _RUNNING:
            self.change(node, Change.SUCCEED)
            return []
        status[node] = _SUCCEEDED
        self.settled_at[node] = now
        self.n_active -= 1
        self.n_unsettled -= 1
        made_ready: list[int] = []
        for target in plan.successors[node]:
            n_left = n_waits[target] - 1
            n_waits[target] = n_left
            if n_left:
                continue
            needs, gate = plan.needs[target], plan.gates[target]
            is_open = gate == NO_NODE or self.outcomes[gate] == plan.gate_outcomes[target]
            if needs is None or not is_open or status[target] is not _PENDING:
                self.undecided.append(target)
                continue
            for source in needs:
                if status[source] is not _SUCCEEDED:
                    self.undecided.append(target)
                    break
            else:
                status[target] = _READY
                self.ready_at[target] = self.wanted_at[target] = now
                made_ready.append(target)
        self.n_active += len(made_ready)
        return made_ready

    def count_out(self, node: int) -> None:
        """A node that is settled already is counted out everywhere it was waited for."""
        self._settled(node, self.status[node] is _SUCCEEDED)

    def release_empty_scopes(self) -> None:
        """What waits for a scope without members need not wait for it."""
        for scope, n_open in zip(self.plan.scopes, self.scope_open, strict=True):
            for watcher in scope.watchers if not n_open else ():
                self.n_waits[watcher] -= 1

    def _settled(self, node: int, succeeded: bool) -> None:
        plan, n_waits = self.plan, self.n_waits
        self.n_unsettled -= 1
        self.settled_at[node] = self.now
        for target in plan.successors[node]:
            n_waits[target] -= 1
            if not n_waits[target]:
                self.undecided.append(target)
        for target in plan.joiners[node]:
            self._count_join(target, succeeded)
        for scope in plan.watched_by[node]:
            self.scope_open[scope] -= 1
            if not self.scope_open[scope]:
                for watcher in plan.scopes[scope].watchers:
                    self.release(watcher)

    def _count_join(self, target: int, succeeded: bool) -> None:
        """Release an early join once: when enough sources succeeded, or when enough can no longer succeed."""
        need = self.plan.join_counts[target]
        done, left = self.join_succeeded[target], self.join_open[target]
        was_known = done >= need or done + left < need
        self.join_succeeded[target] = done = done + succeeded
        self.join_open[target] = left = left - 1
        if not was_known and (done >= need or done + left < need):
            self.release(target)

    def release(self, node: int) -> None:
        """One of the things the node waits for has happened."""
        self.n_waits[node] -= 1
        if not self.n_waits[node]:
            self.undecided.append(node)

    def reopen(self, node: int, n_waits: int) -> None:
        """A pruned node becomes undecided again, until that many things have happened."""
        self.status[node] = TRANSITIONS[self.status[node]][Change.REOPEN]
        self.reasons[node] = None
        self.n_unsettled += 1
        self.n_waits[node] = n_waits
        if not n_waits:
            self.undecided.append(node)

    def standing(self) -> tuple[RunStatus, int | None]:
        """The status of the run, for its row in a store, and, if it sleeps, until when."""
        if self.ended is not None:
            return self.ended, None
        if self.n_active or not self.waiting:
            return RunStatus.RUNNING, None
        # The whole run may have to be over before any of its waits is.
        return RunStatus.SLEEPING, min(self.lifetime_due, *(self.due[node] for node in self.waiting))

    def story(self, node: int) -> str:
        """The node's state, for the message of a bug."""
        return (
            f"node {self.plan.ids[node]!r} ({self.plan.kinds[node]}) is {self.status[node]}, attempt {self.attempts[node]}, "
            f"failed {self.n_failed[node]} times, ready at {self.ready_at[node]}, due {self.due[node]}, "
            f"outcome {self.outcomes[node]}, waits for {self.n_waits[node]}"
        )
