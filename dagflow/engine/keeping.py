"""Run a flow again from one of its steps, and keep what an earlier run settled.

These nodes run again: the named one, every node that a retry would run, whose effect was undone, or that has changed, the ends of the
flow, and all nodes that depend on one of these.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs

from dagflow.engine.events import Kept
from dagflow.engine.retrying import recount, restarting
from dagflow.engine.scopes import catching_scope
from dagflow.engine.state import Failure, State
from dagflow.model.flow import NodeKind
from dagflow.model.plan import NO_NODE, Plan
from dagflow.model.status import NodeStatus, PruneReason

_ENDS: Final = frozenset({NodeKind.RETURN, NodeKind.STOP, NodeKind.YIELD})
_STOPPED: Final = frozenset({NodeStatus.FAILED, NodeStatus.CANCELLED})


class Why(enum.StrEnum):
    """Why a node runs again."""

    NAMED = "named"
    CHANGED = "changed"
    UNDONE = "undone"
    UNFINISHED = "unfinished"
    DEPENDS = "depends"


@attrs.frozen
class Again:
    """Why a node runs again; `source`: for DEPENDS, the node that makes it so."""

    why: Why
    source: int = NO_NODE


def run_again(plan: Plan, earlier: State, before: Sequence[int], step: int) -> dict[int, Again]:
    """The nodes of a new run that do not keep what they were in an earlier one.

    Args:
        plan: of the new run.
        earlier: the state of the earlier run, which has ended.
        before: by node, its number in the earlier run; NO_NODE if it is not the same any more.
        step: the node to begin with.
    """
    unfinished = set(restarting(earlier))
    undone = {earlier.plan.undoes[node] for node, attempts in enumerate(earlier.attempts) if attempts} - {NO_NODE}
    found = {step: Again(Why.NAMED)}
    for node, old in enumerate(before):
        if node == step:
            continue
        if old == NO_NODE:
            found[node] = Again(Why.CHANGED)
        elif old in undone:
            found[node] = Again(Why.UNDONE)
        elif old in unfinished or plan.kinds[node] in _ENDS:
            found[node] = Again(Why.UNFINISHED)
    # The named step first, so that it is the reason for as much as possible.
    todo = list(found)
    for node in todo:
        origin = found[node].source if found[node].why is Why.DEPENDS else node
        for target in _dependents(plan, earlier, before, node):
            if target not in found:
                found[target] = Again(Why.DEPENDS, origin)
                todo.append(target)
    return found


def _dependents(plan: Plan, earlier: State, before: Sequence[int], node: int) -> Iterator[int]:
    yield from plan.successors[node]
    yield from plan.joiners[node]
    for scope in plan.watched_by[node]:
        yield from plan.scopes[scope].watchers
    for source, members in plan.races.get(node, ()):
        if before[source] == NO_NODE or earlier.status[before[source]] is not NodeStatus.SUCCEEDED:
            yield from members
    scope = plan.scope_of[node]
    while plan.scopes[scope].parent != NO_NODE:
        # A block fails as a whole: without one of its nodes it may not fail.
        yield from (each for each in plan.scopes[scope].members if _is_stopped(earlier, before[each]))
        scope = plan.scopes[scope].parent


def _is_stopped(earlier: State, node: int) -> bool:
    return node != NO_NODE and (earlier.status[node] in _STOPPED or earlier.reasons[node] is PruneReason.SCOPE_FAILED)


def kept_nodes(earlier: State, before: Sequence[int], again: Iterable[int]) -> tuple[Kept, ...]:
    """What a new run keeps: every node that does not run `again`."""
    failures = {failure.node: (number, failure) for number, failure in enumerate(earlier.failures)}
    left = set(range(len(before))) - set(again)

    def rank(node: int) -> tuple[int, int]:
        return failures[before[node]][0] if before[node] in failures else -1, node

    found: list[Kept] = []
    for node in sorted(left, key=rank):
        old = before[node]
        failure = failures[old][1] if old in failures else None
        found.append(
            Kept(
                node=node,
                status=earlier.status[old],
                outcome=earlier.outcomes[old],
                reason=earlier.reasons[old],
                code="" if failure is None else failure.code,
                message="" if failure is None else failure.message,
                attempt=0 if failure is None else failure.attempt,
                is_default=earlier.uses_default[old],
            )
        )
    return tuple(found)


def keep(state: State, kept: Sequence[Kept]) -> None:
    """A run that has just begun has these nodes from an earlier one."""
    for each in kept:
        node = each.node
        state.status[node], state.reasons[node], state.outcomes[node] = each.status, each.reason, each.outcome
        state.uses_default[node] = each.is_default
        state.ready_at[node] = state.wanted_at[node] = state.settled_at[node] = state.now
        if each.status is NodeStatus.FAILED:
            state.failures.append(Failure(node, each.attempt, each.code, each.message))
            scope = catching_scope(state, state.plan.scope_of[node])
            if state.scope_causes[scope] == NO_NODE:
                state.scope_causes[scope] = len(state.failures) - 1
    state.kept = frozenset(each.node for each in kept)
    recount(state, frozenset(range(state.plan.n_nodes)) - state.kept)
