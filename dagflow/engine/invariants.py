"""Invariants of every state between events: a second opinion that recounts everything. For tests and `verify`."""

from __future__ import annotations

from collections.abc import Iterator

from dagflow.engine.joins import is_satisfied
from dagflow.engine.state import State
from dagflow.errors import DagflowBug
from dagflow.model.flow import JoinKind
from dagflow.model.plan import NO_NODE
from dagflow.model.status import NodeStatus, PruneReason, RunStatus

_ALIVE = frozenset({NodeStatus.READY, NodeStatus.RUNNING, NodeStatus.WAITING})


def check(state: State) -> None:
    """Raise DagflowBug naming every invariant that a state breaks."""
    problems = [*_counts(state), *_reasons(state), *_order(state), *_races(state), *_loops(state), *_ending(state)]
    if problems:
        raise DagflowBug("; ".join(problems))


def _counts(state: State) -> Iterator[str]:
    plan = state.plan
    settled = [status.is_settled for status in state.status]
    if state.n_unsettled != settled.count(False):
        yield f"{state.n_unsettled} nodes are said to be unsettled, {settled.count(False)} are"
    if state.n_active != sum(status in (NodeStatus.READY, NodeStatus.RUNNING) for status in state.status):
        yield f"{state.n_active} nodes are said to be ready or running"
    if sorted(state.waiting) != [node for node, status in enumerate(state.status) if status is NodeStatus.WAITING]:
        yield f"{list(state.waiting)} are said to be waiting"
    for scope, plan_ in enumerate(plan.scopes):
        n_open = sum(not settled[n] for n in plan_.members)
        if plan_.catch != NO_NODE and state.scope_open[scope] != n_open:
            yield f"scope {plan_.id!r} is said to have {state.scope_open[scope]} open members, it has {n_open}"
    if state.undecided or state.won or state.made_ready or state.commands:
        yield "something was left over from the last event"


def _reasons(state: State) -> Iterator[str]:
    for node, status in enumerate(state.status):
        if (status is NodeStatus.PRUNED) != (state.reasons[node] is not None):
            yield f"a node is pruned exactly if there is a reason: {state.story(node)}"
        if status is NodeStatus.PRUNED and state.attempts[node] >= state.series.get(node, 1):
            yield f"what was started is not pruned: {state.story(node)}"
        if state.is_cancelling[node] and status in (NodeStatus.PENDING, NodeStatus.READY, NodeStatus.WAITING):
            yield f"only what runs is asked to stop: {state.story(node)}"


def _order(state: State) -> Iterator[str]:
    """No node started before its predecessors settled, under a closed gate, or with an unsatisfied join."""
    plan = state.plan
    sources: list[list[int]] = [[] for _ in plan.ids]
    for source, targets in enumerate(plan.successors):
        for target in targets:
            sources[target].append(source)
    for node, status in enumerate(state.status):
        was_decided = status not in (NodeStatus.PENDING, NodeStatus.PRUNED) or state.reasons[node] in (
            PruneReason.GATE,
            PruneReason.JOIN,
        )
        # The gate before the undo nodes opens after everything else has settled.
        awaited = [
            s for s in sources[node] if not (state.is_reopened and plan.undoes[s] != NO_NODE and plan.undoes[node] == NO_NODE)
        ]
        if was_decided and not all(state.status[source].is_settled for source in awaited):
            yield f"decided too early: {state.story(node)}"
        if status not in (NodeStatus.PENDING, NodeStatus.PRUNED):
            yield from _permission(state, node)
        elif status is NodeStatus.PENDING and state.started_at and _is_decidable(state, node, sources[node]):
            yield f"never decided: {state.story(node)}"


def _permission(state: State, node: int) -> Iterator[str]:
    gate = state.plan.gates[node]
    if gate != NO_NODE and state.outcomes[gate] != state.plan.gate_outcomes[node]:
        yield f"runs though its gate is shut: {state.story(node)}"
    if not is_satisfied(state, node):
        yield f"runs though its join is not satisfied: {state.story(node)}"


def _is_decidable(state: State, node: int, sources: list[int]) -> bool:
    plan = state.plan
    if not all(state.status[source].is_settled for source in sources):
        return False
    if plan.joins[node] in (JoinKind.ANY, JoinKind.N_OF):
        named = set(plan.join_sources[node])
        n_open = sum(not state.status[source].is_settled for source in named)
        done = sum(state.status[source] is NodeStatus.SUCCEEDED for source in named)
        if done < plan.join_counts[node] <= done + n_open:
            return False
    scope = plan.catches[node]
    return scope == NO_NODE or all(state.status[n].is_settled for n in plan.scopes[scope].members)


def _races(state: State) -> Iterator[str]:
    for decider, branches in state.plan.races.items():
        if state.status[decider] is not NodeStatus.SUCCEEDED:
            continue
        if sum(state.status[source] is NodeStatus.SUCCEEDED for source, _ in branches) < state.plan.join_counts[decider]:
            yield f"a race was won by too few: {state.story(decider)}"
        for source, members in branches:
            is_lost = state.status[source] is not NodeStatus.SUCCEEDED
            for node in members if is_lost else ():
                if not state.status[node].is_settled and not state.is_cancelling[node]:
                    yield f"goes on though its race is lost: {state.story(node)}"


def _loops(state: State) -> Iterator[str]:
    for node, loop in state.loops.items():
        is_running = state.status[node] is NodeStatus.RUNNING
        if is_running != bool(loop.open):
            yield f"a loop runs exactly while items are open, {list(loop.open)} are: {state.story(node)}"
        if len(loop.open) > state.plan.widths[node] or loop.n_begun > loop.total:
            yield f"{len(loop.open)} items are open and {loop.n_begun} begun, of {loop.total}: {state.story(node)}"
        if state.status[node] is NodeStatus.SUCCEEDED and loop.n_begun < loop.total:
            yield f"succeeded with {loop.n_begun} of {loop.total} items: {state.story(node)}"


def _ending(state: State) -> Iterator[str]:
    if state.ended is not None and state.n_unsettled:
        yield f"the run ended {state.ended} though {state.n_unsettled} nodes were never decided"
    if state.ended is RunStatus.SUCCEEDED and NodeStatus.PENDING in state.status:
        yield "the run succeeded though something was never decided"
    is_alive = any(status in _ALIVE for status in state.status)
    if state.started_at and state.ended is None and not state.is_end_commanded and not is_alive:
        yield "nothing is ready, running or waiting, and the run has not ended"
